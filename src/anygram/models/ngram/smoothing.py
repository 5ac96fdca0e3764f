"""Interpolated modified Kneser-Ney: counts to probabilities (Chen & Goodman 1999, section 3.1).

With c the counts of `counting`, h a context and h' the same without its first symbol:

    P(w | h) = (c(h w) − D(c(h w))) / c(h ·) + γ(h) P(w | h')                          (eq. 24)
    D(c) = 0, D1, D2, D3+ for c = 0, 1, 2, 3 and more                                  (eq. 25)
    γ(h) = (D1 N1(h ·) + D2 N2(h ·) + D3+ N3+(h ·)) / c(h ·)
    Y = n1 / (n1 + 2 n2),  Dj = j − (j + 1) Y n(j+1) / nj                              (eq. 26)

Nj(h ·) is the number of symbols that followed h with count j, nj the number of n-grams of one order
with count j. Below order 1 stands the uniform distribution.

Axes: G k-grams of a level, P nodes of the level above (their contexts).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anygram.errors import DataError
from anygram.models.ngram.counting import CountedLevel
from anygram.protocols import FloatArray
from anygram.tries import Indices

FALLBACK = (0.5, 1.0, 1.5)
"""D1, D2, D3+ where counts of counts give none: as KenLM's `--discount_fallback`."""


@dataclass(frozen=True)
class Estimate:
    """One order's probabilities: P of each k-gram, γ of each of its contexts (those of level k − 1)."""

    p: FloatArray
    gamma: FloatArray
    discounts: tuple[float, float, float]
    fell_back: bool


def estimate(levels: Sequence[CountedLevel], discount_fallback: bool) -> list[Estimate]:
    """Return the estimate of every order; DataError where an order has no discounts and may not fall back."""
    vocabulary_size = len(levels[0].level)
    lower = np.full(vocabulary_size, 1.0 / vocabulary_size)
    estimates = []
    for order, counted in enumerate(levels, 1):
        discounts = modified_discounts(counted.counts)
        if discounts is None and counted.counts.any() and not discount_fallback:
            raise DataError(
                f"counts of counts give no discounts at order {order}; pass discount_fallback=true, "
                "lower the order, or train on more text"
            )
        used = discounts or FALLBACK
        contexts = len(levels[order - 2].level) if order > 1 else 1
        lower_G = lower[counted.suffixes] if order > 1 else lower
        p, gamma = _interpolate(counted, np.array([0.0, *used]), lower_G, contexts)
        estimates.append(Estimate(p, gamma, used, fell_back=discounts is None))
        lower = p
    return estimates


def modified_discounts(counts_G: Indices) -> tuple[float, float, float] | None:
    """Return D1, D2, D3+ (eq. 26), or None where one of them is undefined or not in 0 < Dj <= j."""
    n = np.bincount(np.minimum(counts_G, 5), minlength=6).astype(np.float64)
    if not n[1:4].all():
        return None
    y = n[1] / (n[1] + 2 * n[2])
    first, second, third = (float(j - (j + 1) * y * n[j + 1] / n[j]) for j in (1, 2, 3))
    # none may be 0: γ of a context whose successors all had that count would be 0, and log γ infinite
    return (first, second, third) if min(first, second, third) > 0 else None


def _interpolate(
    counted: CountedLevel, discounts: FloatArray, lower_G: FloatArray, contexts: int
) -> tuple[FloatArray, FloatArray]:
    """Return P of each k-gram (eq. 24) and γ of each context; a context never learnt gets γ = 1."""
    parents_G, counts_G = counted.level.parents(), counted.counts
    discount_G = discounts[np.minimum(counts_G, 3)]
    total_P = np.bincount(parents_G, weights=counts_G, minlength=contexts)
    reserve_P = np.bincount(parents_G, weights=discount_G, minlength=contexts)
    learnt_P = total_P > 0
    divisor_P = np.where(learnt_P, total_P, 1.0)
    gamma_P = np.where(learnt_P, reserve_P / divisor_P, 1.0)
    p_G = (counts_G - discount_G) / divisor_P[parents_G] + gamma_P[parents_G] * lower_G
    return p_G, gamma_P
