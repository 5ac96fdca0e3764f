"""What every chart is made of: its frame with a text alternative, words of a known width, axes.

Lengths are in a drawing's own units, about a pixel each where it is not scaled by its page.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from anygram.reporting.markup import Markup, coordinate, element, escape
from anygram.reporting.scales import Axis, Scale, thinned

WIDTH = 440.0
FONT_SIZE = 15.0
"""Of a phone, whose pages show a drawing at three quarters of its size: on wider pages words are smaller."""
LINE_HEIGHT = 18.0
MARGIN = 8.0
EDGE = 15.0
"""At least so much room is right of every frame."""

LONGEST_LABEL = 30
"""Characters; what is longer loses its middle, for names differ at their ends."""

Place = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A rectangle: what is taken, or what may be drawn in."""

    left: float
    top: float
    right: float
    bottom: float

    def overlaps(self, other: Box) -> bool:
        """Return whether they share a point inside both."""
        return (
            self.left < other.right
            and other.left < self.right
            and self.top < other.bottom
            and other.top < self.bottom
        )

    def holds(self, other: Box) -> bool:
        """Return whether the other lies wholly in this one."""
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )


def chart(name: str, title: str, said: str, width: float, height: float, *content: Markup) -> Markup:
    """Return a whole drawing that scales with its page.

    `name` is unlike any other of the page, for ids are made of it; `said` is what a reader who cannot see it
    needs to know.
    """
    title_id, said_id = f"{name}-title", f"{name}-said"
    return element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "role": "img",
            "aria-labelledby": f"{title_id} {said_id}",
            "viewBox": f"0 0 {coordinate(width)} {coordinate(height)}",
            "class": "chart",
        },
        element("title", {"id": title_id}, escape(title)),
        element("desc", {"id": said_id}, escape(said)),
        *content,
    )


def words(text: str, x: float, y: float, anchor: str = "start", style: str = "") -> Markup:
    """Return one line of text whose baseline is at y; `anchor` is start, middle or end."""
    attributes: dict[str, str | float] = {"x": x, "y": y}
    if anchor != "start":
        attributes["text-anchor"] = anchor
    if style:
        attributes["class"] = style
    return element("text", attributes, escape(text))


def line(start: Place, end: Place, style: str) -> Markup:
    """Return a straight line; the style sheet says how it looks."""
    return element("line", {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1], "class": style})


def path(places: Sequence[Place], *, closed: bool = False) -> str:
    """Return the path through these places as SVG has it."""
    steps = "L".join(f"{coordinate(x)} {coordinate(y)}" for x, y in places)
    return f"M{steps}{'Z' if closed else ''}"


def text_width(text: str) -> float:
    """Return about how wide a line of text is: wide characters take one em, others less."""
    ems = sum(_ems(character) for character in text)
    return ems * FONT_SIZE


def shortened(label: str, longest: int = LONGEST_LABEL) -> str:
    """Return the label, its middle left out where it is long.

    >>> shortened("transformer-bytes-hidden=512", 20)
    'transforme…idden=512'
    """
    if len(label) <= longest:
        return label
    head = longest // 2
    return f"{label[:head]}…{label[len(label) - (longest - head - 1) :]}"


def x_axis(axis: Axis, scale: Scale, frame: Box) -> Markup:
    """Return the horizontal axis below the frame, with its title."""
    labels = [axis.form(tick) for tick in scale.ticks]
    widths = [text_width(label) for label in labels]
    places = [scale.place(tick) for tick in scale.ticks]
    # the last label would hang over the edge of the drawing
    middles = [min(x, frame.right + EDGE - width / 2) for x, width in zip(places, widths, strict=True)]
    parts = [line((x, frame.top), (x, frame.bottom), "grid") for x in places]
    for number in thinned(middles, widths, 8):
        parts.append(words(labels[number], middles[number], frame.bottom + LINE_HEIGHT, "middle", "tick"))
    title = _titled(axis, scale)
    start = max(MARGIN, (frame.left + frame.right - text_width(title)) / 2)
    return element("g", {}, *parts, words(title, start, frame.bottom + 2.2 * LINE_HEIGHT))


def y_axis(axis: Axis, scale: Scale, frame: Box) -> Markup:
    """Return the vertical axis left of the frame; its title lies above, where it can be read."""
    places = [scale.place(tick) for tick in scale.ticks]
    parts = [line((frame.left, y), (frame.right, y), "grid") for y in places]
    for number in thinned(places, [FONT_SIZE] * len(places), 1):
        label = axis.form(scale.ticks[number])
        parts.append(words(label, frame.left - 6, places[number] + FONT_SIZE * 0.35, "end", "tick"))
    title = words(_titled(axis, scale), MARGIN, frame.top - 1.3 * LINE_HEIGHT)
    return element("g", {}, *parts, title)


def left_margin(axis: Axis, scale: Scale) -> float:
    """Return how much room the labels of a vertical axis take."""
    return MARGIN + 6 + max(text_width(axis.form(tick)) for tick in scale.ticks)


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Return places as near to the wanted ones as can be, in the same order, at least a gap apart.

    They stay between low and high where there is room for all.

    >>> spread([10, 11, 40], 5, 0, 100)
    [8.0, 13.0, 40.0]
    """
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    groups: list[tuple[float, list[int]]] = []  # of the first place, and who stands there a gap apart
    for number in order:
        groups.append((_first_place(wanted, [number], gap, low, high), [number]))
        while len(groups) > 1 and groups[-1][0] < groups[-2][0] + gap * len(groups[-2][1]):
            members = groups[-2][1] + groups[-1][1]
            groups[-2:] = [(_first_place(wanted, members, gap, low, high), members)]
    placed = [0.0] * len(wanted)
    for first, members in groups:
        for position, number in enumerate(members):
            placed[number] = first + position * gap
    return placed


def _first_place(
    wanted: Sequence[float], members: Sequence[int], gap: float, low: float, high: float
) -> float:
    """Return where a row of members begins so that each is, on average, where it wants to be."""
    mean = math.fsum(wanted[number] - position * gap for position, number in enumerate(members)) / len(
        members
    )
    return max(low, min(mean, high - gap * (len(members) - 1)))


def _titled(axis: Axis, scale: Scale) -> str:
    return f"{axis.title}, logarithmic" if scale.logarithmic else axis.title


def _ems(character: str) -> float:
    if unicodedata.combining(character):
        return 0.0
    if unicodedata.east_asian_width(character) in "WF":
        return 1.0
    if character in "iljtf.,:;|!'() ":
        return 0.34
    return 0.61 if character.islower() or character.isdigit() else 0.7
