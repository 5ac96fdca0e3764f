"""What contestants are ranked by, as sentences, tables and charts name it: bits per byte or a task's."""

from __future__ import annotations

from dataclasses import dataclass

from anygram.comparison import metrics
from anygram.reporting import amounts
from anygram.reporting.scatter import Direction


@dataclass(frozen=True)
class Yardstick:
    """Its title, the fields of a row that hold figure and interval, which way is better, its sentences."""

    title: str = "bits per byte"
    field: str = "bits_per_byte"
    low: str = "ci_low"
    high: str = "ci_high"
    more_is_better: bool = False
    best: str = "the fewest bits"
    wins: str = "predicts best"
    better: str = "predicts better"

    @property
    def better_way(self) -> Direction:
        """Which way is better, in a word."""
        return "more" if self.more_is_better else "less"

    def told(self, figure: float) -> str:
        """Return a figure with its unit, behind "at".

        >>> Yardstick().told(2.0), of("mase").told(0.65), of("f1").told(0.9)
        ('2.000 bits per byte', 'a MASE of 0.650', 'an F1 of 0.900')
        """
        shown = amounts.bits(figure)
        return (
            f"{self._article} {self.title} of {shown}" if self.field == "metric" else f"{shown} {self.title}"
        )

    @property
    def _article(self) -> str:
        return "an" if self.title[0] in "aF" else "a"

    def apart(self, difference: float) -> str:
        """Return a difference with its unit.

        >>> Yardstick().apart(0.01), of("mase").apart(0.01)
        ('0.010 bits per byte', '0.010 in MASE')
        """
        return f"{amounts.bits(difference)} {'in ' if self.field == 'metric' else ''}{self.title}"

    def worse(self, share: float) -> str:
        """Return how much worse a figure is, behind "for".

        >>> Yardstick().worse(0.04), of("mase").worse(0.04)
        ('4 % more bits', 'a MASE 4 % worse')
        """
        if self.field == "metric":
            return f"{self._article} {self.title} {amounts.share(share)} worse"
        return f"{amounts.share(share)} more bits"


def of(metric: str) -> Yardstick:
    """Return the yardstick of a metric's name; that of bits per byte where it is empty."""
    if not metric:
        return Yardstick()
    title = metrics.of(metric).title
    return Yardstick(
        title=title,
        field="metric",
        low="metric_low",
        high="metric_high",
        more_is_better=metrics.of(metric).more_is_better,
        best=f"the best {title}",
        wins="does best",
        better="does better",
    )
