"""Rows of dots with their intervals, one under another: what is longer to the left is less."""

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
    chart,
    line,
    shortened,
    text_width,
    words,
    x_axis,
)
from anygram.reporting.legends import legend
from anygram.reporting.markup import Markup, element
from anygram.reporting.scales import Axis, Scale, lay_out

ROW_HEIGHT = 22.0
WIDEST_LABEL = 0.4 * WIDTH


@dataclass(frozen=True)
class Dot:
    """A value, the number that decides its mark, and the ends of its interval where it has one."""

    series: str
    number: int
    value: float
    low: float | None = None
    high: float | None = None
    hollow: bool = False


@dataclass(frozen=True)
class Row:
    """A line of the chart: one dot, or one for each series."""

    label: str
    dots: Sequence[Dot]


def whiskers(
    name: str, title: str, finding: str, rows: Sequence[Row], axis: Axis, zero: float | None = None
) -> Markup:
    """Return at least one row with a dot; a line stands at `zero`.

    Series that are not named by their rows get a legend.
    """
    ends = [
        end for row in rows for dot in row.dots for end in (dot.value, dot.low, dot.high) if end is not None
    ]
    widest = max(text_width(shortened(row.label)) for row in rows)
    left = min(widest, WIDEST_LABEL) + 2 * MARGIN
    scale = lay_out(axis, ends if zero is None else [*ends, zero], left, WIDTH - 2.5 * MARGIN)
    frame = Box(left, MARGIN, WIDTH - 2.5 * MARGIN, MARGIN + ROW_HEIGHT * len(rows))
    content = [x_axis(axis, scale, frame)]
    if zero is not None:
        content.append(line((scale.place(zero), frame.top), (scale.place(zero), frame.bottom), "zero"))
    for position, row in enumerate(rows):
        content.append(_row(row, scale, frame, frame.top + (position + 0.5) * ROW_HEIGHT))
    height = frame.bottom + 2.8 * LINE_HEIGHT
    series = {dot.number: dot.series for row in rows for dot in row.dots}
    if any(dot.series != row.label for row in rows for dot in row.dots):
        keys, keys_height = legend(series, height)
        content.append(keys)
        height += keys_height
    return chart(name, title, f"{finding} {_said(rows, axis)}", WIDTH, height, *content)


def _row(row: Row, scale: Scale, frame: Box, y: float) -> Markup:
    parts = [words(shortened(row.label), frame.left - MARGIN, y + 0.35 * FONT_SIZE, "end", "label")]
    for dot in row.dots:
        if dot.low is not None and dot.high is not None:
            low, high = scale.place(dot.low), scale.place(dot.high)
            ends = [line((x, y - 4), (x, y + 4), "whisker") for x in (low, high)]
            whisker = line((low, y), (high, y), "whisker")
            parts.append(element("g", {"class": styles.colour(dot.number)}, whisker, *ends))
        parts.append(styles.mark(dot.number, scale.place(dot.value), y, hollow=dot.hollow))
    return element("g", {}, *parts)


def _said(rows: Sequence[Row], axis: Axis) -> str:
    said = []
    for row in rows:
        dots = ", ".join(
            axis.form(dot.value) if dot.series == row.label else f"{dot.series} {axis.form(dot.value)}"
            for dot in row.dots
        )
        said.append(f"{row.label}: {dots}")
    return f"{axis.title}. {'; '.join(said)}."
