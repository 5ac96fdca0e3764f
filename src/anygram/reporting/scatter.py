"""A scatter plot with a name at every point, and the front of those that none beats in both directions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

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
    text_width,
    words,
    x_axis,
    y_axis,
)
from anygram.reporting.markup import Markup, element
from anygram.reporting.scales import Axis, Scale, lay_out

HEIGHT = 340.0
_DIRECTIONS = (0, 180, -45, 45, -135, 135, -90, 90, -20, 20, -160, 160, -70, 70, -110, 110)
"""In which a name may lie from its point, in degrees, the best first."""
Direction = Literal["less", "more"]
_SIGNS: dict[Direction, int] = {"less": 1, "more": -1}


@dataclass(frozen=True)
class Point:
    """One point; `number` decides its mark, low and high are the ends of an interval of y."""

    label: str
    number: int
    x: float
    y: float
    low: float | None = None
    high: float | None = None


def scatter(
    name: str,
    title: str,
    finding: str,
    points: Sequence[Point],
    x: Axis,
    y: Axis,
    better_x: Direction,
    better_y: Direction = "less",
) -> Markup:
    """Return the plot of at least one point, with the front of what is better in x and in y."""
    ends = [end for point in points for end in (point.y, point.low, point.high) if end is not None]
    top, bottom = 2.2 * LINE_HEIGHT, HEIGHT - 3 * LINE_HEIGHT
    y_scale = lay_out(y, ends, bottom, top)
    left = left_margin(y, y_scale)
    x_scale = lay_out(x, [point.x for point in points], left, WIDTH - 2.5 * MARGIN)
    frame = Box(left, top, WIDTH - 2.5 * MARGIN, bottom)
    best = front(points, better_x, better_y)
    places = [(x_scale.place(point.x), y_scale.place(point.y)) for point in points]
    content = [x_axis(x, x_scale, frame), y_axis(y, y_scale, frame)]
    steps = _front_steps([places[number] for number in best], frame, better_x, better_y)
    content.append(element("path", {"d": path(steps), "class": "front"}))
    content += [_whisker(point, place, y_scale) for point, place in zip(points, places, strict=True)]
    content += [styles.mark(point.number, *place) for point, place in zip(points, places, strict=True)]
    content += _labels(points, places, y_scale, Box(left, top, WIDTH, bottom), steps)
    return chart(name, title, f"{finding} {_said(points, x, y, best)}", WIDTH, HEIGHT, *content)


def front(points: Sequence[Point], better_x: Direction, better_y: Direction = "less") -> list[int]:
    """Return the numbers of the points that no other beats in both directions, best x first.

    A point is beaten by one that is at least as good in both and better in one.
    """
    across, along = _SIGNS[better_x], _SIGNS[better_y]
    costs = [(across * point.x, along * point.y) for point in points]
    kept: list[int] = []
    for number in sorted(range(len(points)), key=costs.__getitem__):
        last = costs[kept[-1]] if kept else None
        if last is None or costs[number][1] < last[1] or costs[number] == last:
            kept.append(number)
    return kept


def _front_steps(
    places: Sequence[Place], frame: Box, better_x: Direction, better_y: Direction
) -> list[Place]:
    """Return the steps beyond which, on the better side, no point lies, out to the frame's worse edges."""
    steps = [places[0]]
    for place in places[1:]:
        steps += [(place[0], steps[-1][1]), place]
    beside = frame.right if better_x == "less" else frame.left
    end = frame.top if better_y == "less" else frame.bottom
    return [(places[0][0], end), *steps, (beside, steps[-1][1])]


def _whisker(point: Point, place: Place, scale: Scale) -> Markup:
    if point.low is None or point.high is None:
        return element("g", {})
    x = place[0]
    return element(
        "g",
        {"class": styles.colour(point.number)},
        line((x, scale.place(point.low)), (x, scale.place(point.high)), "whisker"),
    )


def _labels(
    points: Sequence[Point], places: Sequence[Place], y_scale: Scale, frame: Box, steps: Sequence[Place]
) -> list[Markup]:
    """Return the names beside their points, none over another, over a point or over its interval.

    They keep off the line of these steps too, where there is room for that.
    """
    crossed = [_around(one, other) for one, other in pairwise(steps)]
    taken = [Box(x - 6, y - 6, x + 6, y + 6) for x, y in places]
    for point, (x, _) in zip(points, places, strict=True):
        if point.low is not None and point.high is not None:
            taken.append(Box(x - 2, y_scale.place(point.high), x + 2, y_scale.place(point.low)))
    parts = []
    for point, place in zip(points, places, strict=True):
        text = shortened(point.label)
        found = _free(text, place, frame, [*taken, *crossed]) or _free(text, place, frame, taken)
        if found is None:
            continue
        box, far = found
        taken.append(Box(box.left - 3, box.top, box.right + 3, box.bottom))
        if far:
            parts.append(line(place, _nearest(box, place), "leader"))
        parts.append(_named(text, box, place))
    return parts


def _named(text: str, box: Box, place: Place) -> Markup:
    """Return the name in its box, at the side of its point: words may be smaller than their box."""
    y = box.bottom - 0.28 * FONT_SIZE
    if box.left >= place[0]:
        return words(text, box.left, y, style="label")
    if box.right <= place[0]:
        return words(text, box.right, y, "end", "label")
    return words(text, (box.left + box.right) / 2, y, "middle", "label")


def _around(one: Place, other: Place) -> Box:
    """Return a thin box about a level or an upright line."""
    (left, right), (top, bottom) = sorted((one[0], other[0])), sorted((one[1], other[1]))
    return Box(left - 1, top - 1, right + 1, bottom + 1)


def _free(text: str, place: Place, frame: Box, taken: Sequence[Box]) -> tuple[Box, bool] | None:
    """Return the nearest box for a label about a place that is free, and whether a line shall lead there."""
    for box, far in _candidates(text_width(text), place):
        if frame.holds(box) and not any(box.overlaps(other) for other in taken):
            return box, far
    return None


def _candidates(width: float, place: Place) -> Iterator[tuple[Box, bool]]:
    """Yield boxes for a label about a place, the nearest first, and whether a line shall lead there."""
    x, y = place
    half = FONT_SIZE * 0.6
    for reach in range(8, 260, 7):
        for degrees in _DIRECTIONS:
            across, down = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
            middle_x = x + across * (reach + width / 2)
            middle_y = y + down * (reach + half)
            box = Box(middle_x - width / 2, middle_y - half, middle_x + width / 2, middle_y + half)
            yield box, reach > 16


def _nearest(box: Box, place: Place) -> Place:
    return min(max(place[0], box.left), box.right), min(max(place[1], box.top), box.bottom)


def _said(points: Sequence[Point], x: Axis, y: Axis, best: Sequence[int]) -> str:
    every = "; ".join(f"{point.label}: {x.form(point.x)}, {y.form(point.y)}" for point in points)
    beaten_by_none = ", ".join(points[number].label for number in best)
    return f"{x.title} and {y.title}: {every}. On the front: {beaten_by_none}."
