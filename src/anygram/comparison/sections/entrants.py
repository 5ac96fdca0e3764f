"""Who took part: the rows by how they may be ranked, and one mark for each throughout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anygram.comparison import yardstick as yardsticks
from anygram.comparison.yardstick import Yardstick
from anygram.reporting import amounts

Row = Mapping[str, Any]
FAR = 1.5
"""Who has so many times the second best one's figure is left out of charts: others would be one spot."""


@dataclass(frozen=True)
class Entrants:
    """The rows of a comparison; in `ranked` stand those alone that have what is ranked by.

    `unmeasured` are static ones without the figure of a task that others are ranked by.
    """

    ranked: Sequence[Row]
    unmeasured: Sequence[Row]
    lossy: Sequence[Row]
    adaptive: Sequence[Row]
    failed: Sequence[Row]
    numbers: Mapping[str, int]
    details: Mapping[str, Mapping[str, Any]]
    yardstick: Yardstick
    """What those who are ranked are ranked by."""
    far: Mapping[str, float]
    """The figures of those who are too far behind to be drawn with the others."""

    def number(self, who: str) -> int:
        """Return what decides a contestant's colour and mark."""
        return self.numbers.get(who, len(self.numbers))

    @property
    def drawn(self) -> Mapping[str, Row]:
        """The ranked rows that charts show, by name."""
        return {row["who"]: row for row in self.ranked if row["who"] not in self.far}

    def left_out(self) -> str:
        """Return a sentence that says who is too far behind for a chart; nothing where nobody is."""
        named = ", ".join(f"{who} ({amounts.bits(bits)})" for who, bits in self.far.items())
        return f" Too far behind to be drawn: {named}." if named else ""

    def measured(self, key: str) -> Iterator[tuple[str, Any]]:
        """Yield each contestant with what its details hold under a key, where they hold something."""
        for who in self.numbers:
            found = self.details.get(who, {}).get(key)
            if found:
                yield who, found


def of(results: Mapping[str, Any]) -> Entrants:
    """Return the entrants of a comparison's results."""
    rows = results["results"]
    sound = [row for row in rows if not row["error"]]
    static = [row for row in sound if not row["adaptive"]]
    contestants = results["question"]["contestants"]
    everyone = dict.fromkeys([*contestants, *(row["who"] for row in rows if not row["floor"])])
    yardstick = yardsticks.of(results["question"].get("metric") or "")
    ranked = [row for row in static if row.get(yardstick.field) is not None]
    rest = [row for row in static if row.get(yardstick.field) is None]
    return Entrants(
        ranked=ranked,
        unmeasured=[row for row in rest if row["bits_per_byte"] is not None],
        lossy=[row for row in rest if row["bits_per_byte"] is None],
        adaptive=[row for row in sound if row["adaptive"]],
        failed=[row for row in rows if row["error"]],
        numbers={who: number for number, who in enumerate(everyone)},
        details=results.get("details") or {},
        yardstick=yardstick,
        far=_far(ranked, yardstick),
    )


def adaptive_label(row: Row) -> str:
    """Return the name of a row that learns while it reads, with the way it does so."""
    if row["floor"]:
        return f"{row['who']} (compressor)"
    return f"{row['who']} ({row['way'] or 'learning'})"


def _far(ranked: Sequence[Row], yardstick: Yardstick) -> dict[str, float]:
    """Return whose figure is more than FAR times the second best one's: two at least are always drawn.

    Figures of which more is better end somewhere, and all are drawn.
    """
    figures = {row["who"]: row[yardstick.field] for row in ranked}
    if len(figures) < 2 or yardstick.more_is_better:
        return {}
    bound = FAR * sorted(figures.values())[1]
    return {who: value for who, value in figures.items() if value > bound > 0}
