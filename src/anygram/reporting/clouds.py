"""A cloud of many points on a plane, those of one group with one mark, and a legend of the groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from anygram.reporting import styles
from anygram.reporting.drawing import LINE_HEIGHT, MARGIN, WIDTH, Box, chart, left_margin, x_axis, y_axis
from anygram.reporting.legends import legend
from anygram.reporting.markup import Markup, element, escape
from anygram.reporting.scales import Axis, lay_out

HEIGHT = 380.0
_RADIUS = 3.0


@dataclass(frozen=True)
class Dot:
    """A point, what it is called where it is pointed at, and the number of its group."""

    label: str
    group: int
    x: float
    y: float


def cloud(
    name: str, title: str, finding: str, dots: Sequence[Dot], groups: Mapping[int, str], x: Axis, y: Axis
) -> Markup:
    """Return the picture of at least one point, and a legend of its groups."""
    top, bottom = 2.2 * LINE_HEIGHT, HEIGHT - 3 * LINE_HEIGHT
    y_scale = lay_out(y, [dot.y for dot in dots], bottom, top)
    left = left_margin(y, y_scale)
    x_scale = lay_out(x, [dot.x for dot in dots], left, WIDTH - 2.5 * MARGIN)
    frame = Box(left, top, WIDTH - 2.5 * MARGIN, bottom)
    content = [x_axis(x, x_scale, frame), y_axis(y, y_scale, frame)]
    for dot in dots:
        mark = styles.mark(dot.group, x_scale.place(dot.x), y_scale.place(dot.y), radius=_RADIUS)
        content.append(element("g", {"opacity": 0.6}, element("title", {}, escape(dot.label)), mark))
    keys, keys_height = legend(groups, HEIGHT)
    said = f"{finding} {_said(dots, groups)}"
    return chart(name, title, said, WIDTH, HEIGHT + keys_height, *content, keys)


def _said(dots: Sequence[Dot], groups: Mapping[int, str]) -> str:
    """Return how many points each group has, and where its middle is."""
    said = []
    for number, group in groups.items():
        of_group = [dot for dot in dots if dot.group == number]
        if of_group:
            x, y = (sum(getattr(dot, axis) for dot in of_group) / len(of_group) for axis in ("x", "y"))
            said.append(f"{group}: {len(of_group)} points about {x:.3g}, {y:.3g}")
    return f"{'; '.join(said)}."
