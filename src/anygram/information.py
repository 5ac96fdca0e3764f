"""Information as numbers: nats inside, bits per unit in reports.

Shannon, "A Mathematical Theory of Communication" (1948): a symbol of probability p carries −log p.
"""

from __future__ import annotations

import math

import numpy as np

from anygram.protocols import FloatArray

NATS_PER_BIT = math.log(2.0)


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
    nats_D: FloatArray, units_D: FloatArray, *, resamples: int = 1000, seed: int = 0
) -> FloatArray:
    """Return bits per unit of `resamples` resamplings of the documents (Efron & Tibshirani 1993).

    Axes: D documents (or blocks). The same seed draws the same documents, so that two models'
    figures on one test set are paired resample by resample.
    """
    generator = np.random.default_rng(seed)
    count = len(nats_D)
    figures = np.empty(resamples)
    for sample in range(resamples):
        weights_D = np.bincount(generator.integers(0, count, count), minlength=count)
        figures[sample] = bits_per_unit(float(weights_D @ nats_D), float(weights_D @ units_D))
    return figures


def interval(figures: FloatArray, confidence: float = 0.95) -> tuple[float, float]:
    """Return the central percentile interval of bootstrap figures, low before high."""
    low, high = np.quantile(figures, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
