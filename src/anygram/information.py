"""Information as numbers: nats inside, bits per unit in reports.

Shannon, "A Mathematical Theory of Communication" (1948): a symbol of probability p carries −log p.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import FloatArray

NATS_PER_BIT = math.log(2.0)

DRAWN_AT_ONCE = 1 << 20
"""The bootstrap draws so many documents at a time."""


def bits(nats: float) -> float:
    """Return the same amount of information in bits.

    >>> bits(math.log(8))
    3.0
    """
    return nats / NATS_PER_BIT


def bits_per_unit(nats: float, units: float) -> float:
    """Return bits per unit of the original data; NaN where there are no units.

    >>> bits_per_unit(16 * math.log(2), 8)
    2.0
    """
    return bits(nats) / units if units else math.nan


def perplexity(nats: float, symbols: int) -> float:
    """Return exp(nats / symbols): the size of a uniform choice that surprises as much.

    Infinite where it overflows, NaN for no symbols. Comparable at equal tokenisation only.
    """
    if not symbols:
        return math.nan
    try:
        return math.exp(nats / symbols)
    except OverflowError:
        return math.inf


def log_softmax(logits: FloatArray) -> FloatArray:
    """Return log-probabilities in nats over the last axis, computed without overflow."""
    shifted = logits - logits.max(axis=-1, keepdims=True)
    log_p: FloatArray = shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    return log_p


def paired_bootstrap(
    nats_D: FloatArray,
    units_D: FloatArray | NDArray[np.int64],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> FloatArray:
    """Return bits per unit of `resamples` resamplings of the documents (Efron & Tibshirani 1993).

    Axes: R resamples, D documents (or blocks). The same seed draws the same documents, so that two
    models' figures on one test set are paired resample by resample. NaN where what is drawn has no units.
    """
    figures = []
    for weights_RD in draw(len(nats_D), resamples=resamples, seed=seed):
        units_R = weights_RD @ units_D
        figures.append(weights_RD @ nats_D / NATS_PER_BIT / np.where(units_R > 0, units_R, math.nan))
    return np.concatenate(figures)


def draw(documents: int, *, resamples: int = 1000, seed: int = 0) -> Iterator[FloatArray]:
    """Yield weights_RD, some resamples at a time: how often each of D documents is drawn in D draws."""
    generator = np.random.default_rng(seed)
    at_once = max(DRAWN_AT_ONCE // documents, 1)
    for first in range(0, resamples, at_once):
        rows = min(at_once, resamples - first)
        drawn_RD = generator.integers(0, documents, (rows, documents))
        places_RD = drawn_RD + documents * np.arange(rows)[:, None]
        times = np.bincount(places_RD.ravel(), minlength=rows * documents)
        yield times.reshape(rows, documents).astype(np.float64)


def interval(figures: FloatArray, confidence: float = 0.95) -> tuple[float, float]:
    """Return the central percentile interval of bootstrap figures, low before high."""
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
