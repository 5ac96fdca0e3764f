"""A reliability diagram: how often a model was right, over how sure it was (DeGroot & Fienberg 1983)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from anygram.reporting import amounts, styles
from anygram.reporting.drawing import LINE_HEIGHT, Box, chart, left_margin, line, path, x_axis, y_axis
from anygram.reporting.markup import Markup, element
from anygram.reporting.scales import Axis, lay_out

SIDE = 168.0
LARGEST = 7.0
SMALLEST = 1.5


@dataclass(frozen=True)
class Bin:
    """Symbols of about one confidence: the mean of it, the share that came true, and how many they were."""

    confidence: float
    accuracy: float
    symbols: int


def reliability(name: str, title: str, finding: str, bins: Sequence[Bin], number: int) -> Markup:
    """Return the diagram of at least one bin; the area of a dot is the share of its symbols."""
    sure = Axis("how sure", logarithmic=False, covers=(0.0, 1.0))
    right = Axis("how often right", logarithmic=False, covers=(0.0, 1.0))
    top = 2.2 * LINE_HEIGHT
    y_scale = lay_out(right, [], top + SIDE, top)
    left = left_margin(right, y_scale)
    x_scale = lay_out(sure, [], left, left + SIDE)
    frame = Box(left, top, left + SIDE, top + SIDE)
    places = [(x_scale.place(one.confidence), y_scale.place(one.accuracy)) for one in bins]
    most = max(one.symbols for one in bins) or 1
    dots = []
    for one, (x, y) in zip(bins, places, strict=True):
        radius = max(SMALLEST, LARGEST * math.sqrt(one.symbols / most))
        dots.append(element("circle", {"cx": x, "cy": y, "r": radius, "class": "dot"}))
    curve = element("path", {"d": path(places), "class": "line"})
    return chart(
        name,
        title,
        f"{finding} {_said(bins)}",
        left + SIDE + LINE_HEIGHT,
        frame.bottom + 2.8 * LINE_HEIGHT,
        x_axis(sure, x_scale, frame),
        y_axis(right, y_scale, frame),
        line((frame.left, frame.bottom), (frame.right, frame.top), "zero"),
        element("g", {"class": styles.colour(number)}, curve, *dots),
    )


def _said(bins: Sequence[Bin]) -> str:
    said = "; ".join(
        f"{amounts.share(one.confidence)} sure, {amounts.share(one.accuracy)} right" for one in bins
    )
    return f"The nearer to the diagonal, the better. {said}."
