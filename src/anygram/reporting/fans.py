"""A fan: what was measured, and after it the middle of a forecast within its intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anygram.reporting import lines
from anygram.reporting.lines import Crossing, Line, Span
from anygram.reporting.markup import Markup, element
from anygram.reporting.scales import Axis
from anygram.reporting.style_sheet import style_sheet


@dataclass(frozen=True)
class Fan:
    """The last values of a series with their times, and from value `ahead` on a forecast.

    `values` are those measured, None where one is missing, as many as are known; `bounds` are the forecast's
    values at each of the `quantiles`, which rise; `middle` is its median.
    """

    times: Sequence[str]
    values: Sequence[float | None]
    ahead: int
    quantiles: Sequence[float]
    bounds: Sequence[Sequence[float]]
    middle: Sequence[float]

    @property
    def finding(self) -> str:
        """What the chart shows, in a sentence."""
        last = self.times[-1]
        said = f"The forecast's median is {self.middle[-1]:,.4g} at {last}"
        if len(self.quantiles) < 2:
            return f"{said}."
        low, high = self.bounds[0][-1], self.bounds[-1][-1]
        share = self.quantiles[-1] - self.quantiles[0]
        return f"{said}; {share:.0%} of the samples lie from {low:,.4g} to {high:,.4g}."

    def drawing(self, name: str, title: str) -> Markup:
        """Return the chart; `name` is unlike any other of its page."""
        measured = [(float(place), value) for place, value in enumerate(self.values) if value is not None]
        series = [Line("measured", 0, measured)] if measured else []
        series += [self._band(low) for low in range(len(self.quantiles) // 2)]
        forecast = [(float(self.ahead + step), value) for step, value in enumerate(self.middle)]
        series.append(Line("median", 1, forecast))
        place = Axis("time", logarithmic=False, form=self._time)
        value = Axis("value", logarithmic=False)
        begins = [Crossing(float(self.ahead), "forecast")]
        return lines.lines(name, title, self.finding, series, place, value, begins)

    def picture(self, title: str) -> str:
        """Return the chart as a file of its own."""
        drawing = self.drawing("fan", title)
        head, _, rest = drawing.partition(">")
        return f"{head}>{element('style', {}, Markup(style_sheet()))}{rest}\n"

    def _band(self, low: int) -> Line:
        """Return the interval between a quantile and the one that is as far from the other end."""
        high = len(self.quantiles) - 1 - low
        spans = [
            Span(float(self.ahead + step), below, above)
            for step, (below, above) in enumerate(zip(self.bounds[low], self.bounds[high], strict=True))
        ]
        upper = [(span.x, span.high) for span in spans]
        label = f"{self.quantiles[low]:g} to {self.quantiles[high]:g}"
        return Line(label, 2 + low, upper, band=spans)

    def _time(self, place: float) -> str:
        """Return the time at a place of the axis; beyond both ends there is none."""
        number = round(place)
        return self.times[number] if 0 <= number < len(self.times) and number == place else ""
