"""A heat map of where in its source each symbol of a target was looked for: a row a target symbol.

Axes: T target symbols (rows), S source symbols (columns).
"""

from __future__ import annotations

from collections.abc import Sequence

from anygram.reporting.drawing import FONT_SIZE, MARGIN, chart, shortened, text_width, words
from anygram.reporting.markup import Markup, coordinate, element, escape

CELL = 22.0
LONGEST = 14
"""Characters of a symbol that are shown."""

_GROUND = 0.04
"""A weight below this is as good as none and left white."""


def alignment(
    name: str,
    title: str,
    target: Sequence[str],
    source: Sequence[str],
    weights_TS: Sequence[Sequence[float]],
) -> Markup:
    """Return the heat map of at least one symbol on both sides, at its own size: its page scrolls it.

    The stronger the colour of a cell the larger its weight, from 0 to 1; a tooltip says what it is.
    """
    rows, columns = ([_label(symbol) for symbol in side] for side in (target, source))
    left = 2 * MARGIN + max(map(text_width, rows))
    top = 2 * MARGIN + max(map(text_width, columns))
    right, bottom = left + CELL * len(columns), top + CELL * len(rows)
    parts = [_column(label, left + CELL * (place + 0.5), top) for place, label in enumerate(columns)]
    for place, label in enumerate(rows):
        parts.append(words(label, left - MARGIN, top + CELL * (place + 0.5) + FONT_SIZE * 0.35, "end"))
    for row, weights_S in enumerate(weights_TS):
        for column, weight in enumerate(weights_S):
            if weight >= _GROUND:
                corner = left + CELL * column, top + CELL * row
                parts.append(_cell(corner, weight, f"{target[row]!r} at {source[column]!r}: {weight:.2f}"))
    frame: dict[str, str | float] = {"x": left, "y": top, "width": right - left, "height": bottom - top}
    parts.append(element("rect", {**frame, "class": "frame"}))
    said = _said(rows, columns, weights_TS)
    width = right + MARGIN
    drawing = chart(name, title, said, width, bottom + MARGIN, *parts)
    held = element("div", {"style": f"width:{coordinate(width)}px"}, drawing)
    # a box that scrolls must be reached by the keyboard
    return element("div", {"class": "box", "tabindex": "0", "role": "region", "aria-label": title}, held)


def _label(symbol: str) -> str:
    """Return a symbol with its spaces to be seen."""
    return shortened(symbol.replace(" ", "·") or "∅", LONGEST)


def _column(label: str, x: float, top: float) -> Markup:
    """Return the label of a column, which is read from below."""
    middle, foot = coordinate(x + FONT_SIZE * 0.35), coordinate(top - MARGIN)
    place = {"transform": f"translate({middle} {foot}) rotate(-90)"}
    return element("text", place, escape(label))


def _cell(corner: tuple[float, float], weight: float, said: str) -> Markup:
    attributes: dict[str, str | float] = {
        "x": corner[0] + 0.5,
        "y": corner[1] + 0.5,
        "width": CELL - 1,
        "height": CELL - 1,
        "class": "looked",
        "fill-opacity": f"{min(weight, 1.0):.2f}",
    }
    return element("rect", attributes, element("title", {}, escape(said)))


def _said(rows: Sequence[str], columns: Sequence[str], weights_TS: Sequence[Sequence[float]]) -> str:
    most = [max(range(len(weights_S)), key=weights_S.__getitem__) for weights_S in weights_TS]
    looked = "; ".join(f"{row} at {columns[place]}" for row, place in zip(rows, most, strict=True))
    return f"Where each symbol was looked for most: {looked}."
