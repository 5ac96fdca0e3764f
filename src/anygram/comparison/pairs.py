"""Which contestants can be told apart: bits per byte of every two, paired by document.

The bootstrap draws the same documents (or blocks) for everyone (`information.draw`), so that a hard
document that is drawn often is hard for both. With 8 contestants there are 28 pairs, of which one or
another differs by chance alone more often than not; and the best is looked up after the fact. So the
intervals hold for all pairs together: difference ± t · deviation, with one t for all, the quantile over
resamples of the largest studentised move (Westfall & Young 1993; Romano & Wolf 2005). How pairs depend on
each other is in the resamples, so that nothing is given away where they move together, as by Bonferroni's
bound. Whatever pairs are then picked by looking at the figures, in 95 of 100 test parts the truly best
one is the winner or not distinguishable from it (multiple comparisons with the best: Hsu 1996, chapter
4).

What the intervals cover is the choice of the test part. What another training seed would give, they do not.

Axes: D documents or blocks, K contestants, P pairs, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import information
from anygram.protocols import FloatArray

CONFIDENCE = 0.95
LONG_SYMBOL_BYTES = 64
"""A symbol over the edge of two blocks belongs to the first of them; few are longer than this."""

HIGHEST_CORRELATION = 0.9

ROUNDING = 1e-12
"""A share of the figures below which a deviation is that of their last digits."""


@dataclass(frozen=True)
class Scored:
    """What the documents, or the 64 blocks of few documents, cost a static lossless contestant."""

    who: str
    nats_D: FloatArray
    units_D: NDArray[np.int64]

    @property
    def bits_per_byte(self) -> float:
        return information.bits_per_unit(float(self.nats_D.sum()), int(self.units_D.sum()))


@dataclass(frozen=True)
class Difference:
    """How many bits per byte `other` needs more than `one`, and where that lies for all pairs together."""

    one: str
    other: str
    difference: float
    ci_low: float
    ci_high: float

    @property
    def distinguishable(self) -> bool:
        return not self.ci_low <= 0.0 <= self.ci_high

    def to_json(self) -> dict[str, Any]:
        """Return the pair as results.json holds it."""
        return {
            "one": self.one,
            "other": self.other,
            "difference": self.difference,
            "ci_low": self.ci_low,
            "ci_high": self.ci_high,
            "distinguishable": self.distinguishable,
        }


def differences(
    scored: Sequence[Scored], *, contiguous: bool, confidence: float = CONFIDENCE
) -> list[Difference]:
    """Return the difference of every two, the better one first; none of fewer than two contestants.

    `contiguous` says that the D are blocks of one text in their order rather than documents: then each
    interval is widened by what neighbouring blocks have in common.
    """
    ordered = sorted(scored, key=lambda one: (one.bits_per_byte, one.who))
    if len(ordered) < 2:
        return []
    _require_the_same_bytes(ordered, contiguous)
    one_P, other_P = np.triu_indices(len(ordered), 1)
    half_P = _half_widths(ordered, one_P, other_P, confidence)
    found = []
    for one, other, half in zip(one_P, other_P, half_P.tolist(), strict=True):
        better, worse = ordered[one], ordered[other]
        if contiguous:
            half *= widening(_influence(worse) - _influence(better))
        middle = worse.bits_per_byte - better.bits_per_byte
        found.append(Difference(better.who, worse.who, middle, middle - half, middle + half))
    return found


def bounds(scored: Scored, *, contiguous: bool) -> tuple[float, float]:
    """Return the 95 % interval of one contestant's bits per byte, low before high.

    It is wider than that of a difference, for it has all that makes documents hard for everyone. Blocks
    (`contiguous`) widen it as they do a difference.
    """
    figures_R = information.paired_bootstrap(scored.nats_D, scored.units_D)
    # of a few bytes some resamples draw empty blocks alone: they have no figure
    low, high = information.interval(figures_R[np.isfinite(figures_R)], CONFIDENCE)
    middle = scored.bits_per_byte
    factor = widening(_influence(scored)) if contiguous else 1.0
    return middle - factor * (middle - low), middle + factor * (high - middle)


def _half_widths(
    scored: Sequence[Scored], one_P: NDArray[np.intp], other_P: NDArray[np.intp], confidence: float
) -> FloatArray:
    """Return half the width of each pair's interval; 0 where no document moves the difference."""
    bits_DK = np.stack([each.nats_D / information.NATS_PER_BIT for each in scored], axis=1)
    units_DK = np.stack([each.units_D for each in scored], axis=1).astype(np.float64)
    influence_DK = np.stack([_influence(each) for each in scored], axis=1)
    influence_DP = influence_DK[:, other_P] - influence_DK[:, one_P]
    difference_K = bits_DK.sum(axis=0) / units_DK.sum(axis=0)
    difference_P = difference_K[other_P] - difference_K[one_P]
    deviation_P = np.sqrt((influence_DP**2).sum(axis=0))
    moves_P = deviation_P > ROUNDING * difference_K.max()
    largest = [np.zeros(1)]
    for weights_RD in information.draw(len(bits_DK)):
        with np.errstate(invalid="ignore", divide="ignore"):  # where what is drawn is empty, or one document
            bits_RK = (weights_RD @ bits_DK) / (weights_RD @ units_DK)
            moved_RP = bits_RK[:, other_P] - bits_RK[:, one_P] - difference_P
            squared_RP = weights_RD @ influence_DP**2 - (weights_RD @ influence_DP) ** 2 / len(bits_DK)
            studentised_RP = np.abs(moved_RP) / np.sqrt(np.maximum(squared_RP, 0.0))
        largest.append(studentised_RP[:, moves_P].max(axis=1, initial=0.0))
    largest_R = np.concatenate(largest)[1:]
    half_P: FloatArray = np.quantile(largest_R[np.isfinite(largest_R)], confidence) * deviation_P
    return np.where(moves_P, half_P, 0.0)


def widening(influence_D: FloatArray) -> float:
    """Return by what factor intervals grow because neighbours are alike; 1 where they are not.

    Of a first-order autoregression with correlation r the mean has (1 + r) / (1 − r) times the variance
    of as many independent numbers (Bartlett 1946). Measured between neighbours of 64 blocks: 0.1 to 0.46 in
    source code, up to 0.8 in plays, so 1.1 to 3 times the width. Negative correlation, mostly chance,
    narrows nothing.
    """
    centred_D = influence_D - influence_D.mean()
    variance = float(centred_D @ centred_D)
    if not variance:
        return 1.0
    correlation = float(centred_D[1:] @ centred_D[:-1]) / variance
    correlation = min(max(correlation, 0.0), HIGHEST_CORRELATION)
    return math.sqrt((1 + correlation) / (1 - correlation))


def _influence(scored: Scored) -> FloatArray:
    """Return by how much each document moves the bits per byte: its bits above what its bytes would cost."""
    bits_D = scored.nats_D / information.NATS_PER_BIT
    influence_D: FloatArray = (bits_D - scored.bits_per_byte * scored.units_D) / scored.units_D.sum()
    return influence_D


def _require_the_same_bytes(scored: Sequence[Scored], contiguous: bool) -> None:
    """Let nobody be compared on other bytes; blocks may differ by the symbols that lie over their edges."""
    first = scored[0]
    total = int(first.units_D.sum())
    slack = max(LONG_SYMBOL_BYTES, total // len(first.units_D)) if contiguous else 0
    for one in scored[1:]:
        alike = one.units_D.shape == first.units_D.shape and int(one.units_D.sum()) == total
        assert alike, f"{first.who} and {one.who} were scored on other bytes"
        apart = np.abs(np.cumsum(one.units_D) - np.cumsum(first.units_D)).max()
        assert apart <= slack, f"{first.who} and {one.who} were scored on other documents"
