"""Lines over a linear or logarithmic axis, with bands of confidence, marks, and their names at their ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anygram.reporting import styles
from anygram.reporting.drawing import (
    FONT_SIZE,
    LINE_HEIGHT,
    MARGIN,
    WIDTH,
    Box,
    Place,
    chart,
    left_margin,
    line,
    path,
    shortened,
    spread,
    text_width,
    words,
    x_axis,
    y_axis,
)
from anygram.reporting.legends import legend
from anygram.reporting.markup import Markup, element
from anygram.reporting.scales import Axis, Scale, lay_out

PLOT_HEIGHT = 230.0
WIDEST_END = 0.3 * WIDTH
"""How wide names at the ends of lines may be; where one is wider, all stand in a legend below."""
MOST_MARKS = 20
"""A line of more points shows a mark at its last one alone."""


@dataclass(frozen=True)
class Span:
    """The interval of a band at one x."""

    x: float
    low: float
    high: float


@dataclass(frozen=True)
class Line:
    """A series: what was measured, and where something was fitted to it, its curve and band.

    Without a curve the points are joined. `whiskers` are the intervals of points.
    """

    label: str
    number: int
    points: Sequence[Place]
    curve: Sequence[Place] = ()
    band: Sequence[Span] = ()
    whiskers: Sequence[Span] = ()


@dataclass(frozen=True)
class Crossing:
    """A line across the chart at one x, with a name at its top."""

    x: float
    label: str


@dataclass(frozen=True)
class _Plot:
    frame: Box
    x: Scale
    y: Scale

    def places(self, points: Sequence[Place]) -> list[Place]:
        return [(self.x.place(x), self.y.place(y)) for x, y in points]


def lines(
    name: str,
    title: str,
    finding: str,
    series: Sequence[Line],
    x: Axis,
    y: Axis,
    crossings: Sequence[Crossing] = (),
) -> Markup:
    """Return the chart of at least one line with a point."""
    widest = max(text_width(shortened(one.label)) for one in series)
    beside = widest <= WIDEST_END and len(series) * LINE_HEIGHT <= PLOT_HEIGHT
    plot = _plot(series, x, y, widest + 4 * MARGIN if beside else 2.5 * MARGIN)
    content = [x_axis(x, plot.x, plot.frame), y_axis(y, plot.y, plot.frame)]
    content += _crossings(crossings, plot)
    content += [_band(one, plot) for one in series if one.band]
    content += [_line(one, plot) for one in series]
    height = plot.frame.bottom + 2.8 * LINE_HEIGHT
    if beside:
        content += _ends(series, plot)
    else:
        keys, keys_height = legend({one.number: one.label for one in series}, height, lines=True)
        content.append(keys)
        height += keys_height
    return chart(name, title, f"{finding} {_said(series, x, y)}", WIDTH, height, *content)


def _plot(series: Sequence[Line], x: Axis, y: Axis, right: float) -> _Plot:
    top = 2.2 * LINE_HEIGHT
    bottom = top + PLOT_HEIGHT
    across = [place[0] for one in series for place in (*one.points, *one.curve)]
    up = [place[1] for one in series for place in (*one.points, *one.curve)]
    spans = [span for one in series for span in (*one.band, *one.whiskers)]
    up += [end for span in spans for end in (span.low, span.high)]
    y_scale = lay_out(y, up, bottom, top)
    left = left_margin(y, y_scale)
    x_scale = lay_out(x, [*across, *(span.x for span in spans)], left, WIDTH - right)
    return _Plot(Box(left, top, WIDTH - right, bottom), x_scale, y_scale)


def _line(one: Line, plot: _Plot) -> Markup:
    attributes: dict[str, str | float] = {
        "d": path(plot.places(one.curve or one.points)),
        "class": "line",
        "stroke-dasharray": styles.dash(one.number),
    }
    bars = []
    for span in one.whiskers:
        across = plot.x.place(span.x)
        bars.append(line((across, plot.y.place(span.low)), (across, plot.y.place(span.high)), "whisker"))
    marked = one.points if len(one.points) <= MOST_MARKS else one.points[-1:]
    marks = [styles.mark(one.number, *place) for place in plot.places(marked)]
    return element("g", {"class": styles.colour(one.number)}, element("path", attributes), *bars, *marks)


def _band(one: Line, plot: _Plot) -> Markup:
    above = plot.places([(span.x, span.high) for span in one.band])
    below = plot.places([(span.x, span.low) for span in reversed(one.band)])
    outline = path([*above, *below], closed=True)
    return element("path", {"d": outline, "class": f"band {styles.colour(one.number)}"})


def _ends(series: Sequence[Line], plot: _Plot) -> list[Markup]:
    """Return each line's name beside its last place, moved up or down where two would meet."""
    lasts = [plot.places((one.curve or one.points)[-1:])[0] for one in series]
    heights = spread([y for _, y in lasts], LINE_HEIGHT, plot.frame.top, plot.frame.bottom)
    start = plot.frame.right + 2 * MARGIN
    parts = []
    for one, (x, y), height in zip(series, lasts, heights, strict=True):
        parts.append(line((x + 5, y), (start - 3, height), "leader"))
        label = words(shortened(one.label), start, height + 0.35 * FONT_SIZE, style="label")
        parts.append(element("g", {"class": styles.colour(one.number)}, label))
    return parts


def _crossings(crossings: Sequence[Crossing], plot: _Plot) -> list[Markup]:
    """Return the crossings; one whose name would lie over another's has none."""
    parts = []
    free = plot.frame.left
    for one in sorted(crossings, key=lambda crossing: crossing.x):
        if not plot.x.ticks[0] <= one.x <= plot.x.ticks[-1]:
            continue
        x = plot.x.place(one.x)
        parts.append(line((x, plot.frame.top), (x, plot.frame.bottom), "crossing"))
        half = text_width(one.label) / 2
        if x - half >= free:
            parts.append(words(one.label, x, plot.frame.top - 3, "middle", "tick"))
            free = x + half + MARGIN
    return parts


def _said(series: Sequence[Line], x: Axis, y: Axis) -> str:
    said = []
    for one in series:
        (first_x, first_y), (last_x, last_y) = one.points[0], one.points[-1]
        said.append(
            f"{one.label}: {y.form(first_y)} at {x.form(first_x)}, {y.form(last_y)} at {x.form(last_x)}"
        )
    return f"{y.title} over {x.title}. {'; '.join(said)}."
