"""How one series is told from another: by colour, and without it by the shape of its marks and its dashes.

The colours are dark enough to read on white, and lighter ones stand for them on black. As those of Okabe &
Ito (2008) they differ in lightness too, for readers who see fewer hues.
"""

from __future__ import annotations

import math

from anygram.reporting.markup import Markup, coordinate, element

LIGHT = ("#0067a5", "#c2410c", "#00795a", "#a0307f", "#806000", "#4a3aa7", "#0e7490", "#7a2e1d")
DARK = ("#6cb6ff", "#ff9a5c", "#3fd0a4", "#ee93cf", "#e3c04a", "#b3a4ff", "#5fd3e8", "#d9a08a")
# lengths of strokes and gaps; the first is whole
DASHES = ("", "7 3", "2 3", "10 3 2 3", "4 2")
SHAPES = ("circle", "square", "triangle", "diamond", "fallen", "plus", "cross", "star", "bar")
MARK_RADIUS = 4.5


def colour(number: int) -> str:
    """Return the class that colours series `number`."""
    return f"c{number % len(LIGHT)}"


def dash(number: int) -> str:
    """Return the dashes of series `number` as SVG's stroke-dasharray has them; "none" where it is whole."""
    return DASHES[number % len(DASHES)] or "none"


def rules() -> str:
    """Return the style sheet's variables of the colours, light and dark, and the classes that use them.

    Paper is light whatever the screen.
    """
    classes = "".join(f".c{number}{{color:var(--c{number})}}" for number in range(len(LIGHT)))
    dark = f"@media screen and (prefers-color-scheme:dark){{:root{{{_variables(DARK)}}}}}"
    return f":root{{{_variables(LIGHT)}}}{dark}{classes}"


def mark(number: int, x: float, y: float, *, hollow: bool = False, radius: float = MARK_RADIUS) -> Markup:
    """Return the mark of series `number` at a place; hollow where it shall stand apart from filled ones."""
    shape = SHAPES[number % len(SHAPES)]
    strokes = shape in ("plus", "cross", "bar")
    attributes: dict[str, str | float] = {
        "class": colour(number),
        "fill": "none" if hollow or strokes else "currentColor",
        "stroke": "currentColor",
        "stroke-width": 3 if strokes and not hollow else 1.2,
    }
    if shape == "circle":
        return element("circle", {"cx": x, "cy": y, "r": radius - 0.5, **attributes})
    return element("path", {"d": _outline(shape, x, y, radius), **attributes})


def _variables(colours: tuple[str, ...]) -> str:
    return "".join(f"--c{number}:{value};" for number, value in enumerate(colours))


def _outline(shape: str, x: float, y: float, radius: float) -> str:
    """Return the path of a shape about a place."""
    if shape in ("plus", "cross", "bar"):
        turns = {"plus": (0, 90), "cross": (45, 135), "bar": (90,)}[shape]
        ends = [(_around(x, y, radius, turn), _around(x, y, radius, turn + 180)) for turn in turns]
        return "".join(f"M{one}L{other}" for one, other in ends)
    corners, first = {
        "square": (4, 45),
        "triangle": (3, -90),
        "diamond": (4, 0),
        "fallen": (3, 90),
        "star": (10, -90),
    }[shape]
    reach = radius * 1.15
    places = []
    for corner in range(corners):
        inner = shape == "star" and corner % 2 == 1
        places.append(_around(x, y, reach * (0.45 if inner else 1.0), first + corner * 360 / corners))
    return f"M{'L'.join(places)}Z"


def _around(x: float, y: float, radius: float, degrees: float) -> str:
    angle = math.radians(degrees)
    return f"{coordinate(x + radius * math.cos(angle))} {coordinate(y + radius * math.sin(angle))}"
