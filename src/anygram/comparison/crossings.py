"""Where learning curves cross: who is better with less data, who with more, and from about where.

Every draw of one curve is held against a draw of the other; where half of them or more cross within REACH
times the data, the median of those places is told, with the interval that holds 90 of 100. A draw that does
not cross counts as one that crosses beyond. What was measured has the last word: who is said to be better
with fewer data was so on the fewest, and a crossing inside the data is one only where the other was better on
all of them. Axes: S draws, G sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

from anygram.comparison.curves import CONFIDENCE, REACH, Curve, fit, points_of
from anygram.protocols import FloatArray
from anygram.reporting import amounts

_SIZES = 121


@dataclass(frozen=True)
class Crossing:
    """`below` is better with fewer bytes of training, `above` with more; None is out of sight."""

    below: str
    above: str
    bytes: int
    low: int | None
    high: int | None
    within: bool
    """Whether it lies inside the data that were learnt from, not beyond them."""

    def to_json(self) -> dict[str, Any]:
        """Return the crossing as results.json holds it."""
        return {
            "below": self.below,
            "above": self.above,
            "bytes": self.bytes,
            "low": self.low,
            "high": self.high,
            "within": self.within,
        }

    @property
    def text(self) -> str:
        """The crossing in words."""
        low = "less" if self.low is None else amounts.size(self.low)
        high = "out of sight" if self.high is None else amounts.size(self.high)
        place = "inside what was measured" if self.within else "beyond the data, so only probable"
        return (
            f"{self.below} is better below about {amounts.size(self.bytes)}, {self.above} above "
            f"(90 %: {low} to {high}; {place})"
        )


def between(entries: Sequence[Mapping[str, Any]]) -> list[Crossing]:
    """Return the crossings of learning curves as results.json holds them under "curves"."""
    fitted = {entry["who"]: fit(points_of(entry["points"])) for entry in entries}
    trusted = {entry["who"]: not entry["check"] or entry["check"]["held"] for entry in entries}
    return crossings({who: curve for who, curve in fitted.items() if curve}, trusted=trusted)


def crossings(curves: Mapping[str, Curve], *, trusted: Mapping[str, bool] | None = None) -> list[Crossing]:
    """Return where curves cross, the nearest first.

    `trusted` says of whom the check of the last point held (without a word, it did): beyond the data nothing
    is said of the others. Pairs that do not cross, or not within REACH times the data, are not listed.
    """
    trusted = trusted or {}
    found = []
    for below, above in permutations(curves, 2):
        crossing = _crossing(below, curves[below], above, curves[above])
        if crossing and (crossing.within or (trusted.get(below, True) and trusted.get(above, True))):
            found.append(crossing)
    return sorted(found, key=lambda one: (one.bytes, one.below, one.above))


def _crossing(below: str, one: Curve, above: str, other: Curve) -> Crossing | None:
    """Return where `other` goes on to be better than `one`, which was better before."""
    first, last = max(one.least.bytes, other.least.bytes), min(one.most.bytes, other.most.bytes)
    if first >= last or one.least.bits_per_byte >= other.least.bits_per_byte:
        return None
    bytes_G = np.geomspace(first, last * REACH, _SIZES)
    ahead_SG = one.at(bytes_G) - other.at(bytes_G)
    places_S = _first_crossing(ahead_SG, bytes_G)
    edge = (1 - CONFIDENCE) / 2
    low, middle, high = np.quantile(places_S, [edge, 0.5, 1 - edge], method="inverted_cdf")
    within = bool(middle <= last)
    overtaken = one.most.bits_per_byte > other.most.bits_per_byte
    if not math.isfinite(middle) or middle <= first or within != overtaken:
        return None
    return Crossing(
        below,
        above,
        bytes=round(middle),
        low=round(low) if low > first else None,
        high=round(high) if math.isfinite(high) else None,
        within=within,
    )


def _first_crossing(ahead_SG: FloatArray, bytes_G: FloatArray) -> FloatArray:
    """Return bytes_S from which `ahead` is more than 0: infinity for a draw where it never is."""
    crossed_SG = ahead_SG > 0
    place_S = crossed_SG.argmax(axis=1)
    places_S: FloatArray = np.where(crossed_SG.any(axis=1), bytes_G[place_S], math.inf)
    return places_S
