"""Which mark is whose, below a chart that has no room for names beside its lines."""

from __future__ import annotations

from collections.abc import Mapping

from anygram.reporting import styles
from anygram.reporting.drawing import FONT_SIZE, LINE_HEIGHT, MARGIN, WIDTH, shortened, text_width, words
from anygram.reporting.markup import Markup, element

SAMPLE_WIDTH = 28.0
GAP = 16.0


def legend(series: Mapping[int, str], top: float, *, lines: bool = False) -> tuple[Markup, float]:
    """Return the legend below `top`, and its height; `lines` shows a piece of each line under its mark."""
    parts = []
    x, y = MARGIN, top + LINE_HEIGHT
    for number, name in series.items():
        label = shortened(name)
        width = SAMPLE_WIDTH + text_width(label) + GAP
        if x > MARGIN and x + width > WIDTH:
            x, y = MARGIN, y + LINE_HEIGHT + 3
        middle = y - 0.35 * FONT_SIZE
        if lines:
            parts.append(_sample(number, x, middle))
        parts.append(styles.mark(number, x + SAMPLE_WIDTH / 2 - 3, middle))
        parts.append(words(label, x + SAMPLE_WIDTH, y, style="label"))
        x += width
    return element("g", {}, *parts), y - top + MARGIN


def _sample(number: int, x: float, y: float) -> Markup:
    attributes: dict[str, str | float] = {
        "x1": x,
        "y1": y,
        "x2": x + SAMPLE_WIDTH - 6,
        "y2": y,
        "class": f"line {styles.colour(number)}",
        "stroke-dasharray": styles.dash(number),
    }
    return element("line", attributes)
