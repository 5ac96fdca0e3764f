"""Probabilities and their logits in whole numbers, so that every machine computes the same.

A probability is a fraction of 2^16, its logit ln(p / (1 − p)) a number of 256ths between −12 and 12
(Mahoney, "Data Compression Explained", section 4.3.2, calls the two maps squash and stretch).
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import part

Whole: TypeAlias = Any
"""A whole number: Python's, or one of 64 bits in a kernel."""

ONE = 1 << 16
LOGIT_ONE = 256
LOGIT_END = 12 * LOGIT_ONE
"""Logits lie in [−LOGIT_END, LOGIT_END)."""

FINE = 22
"""Probabilities that are learnt slowly are kept as fractions of 2^22, beside a count in ten bits."""

_STRETCH_SHIFT = 4


@cache
def _squashed() -> NDArray[np.int32]:
    """Return the probability of each logit; decimal arithmetic rounds alike everywhere."""
    with localcontext() as context:
        context.prec = 30
        upper = [
            int((ONE / (1 + (Decimal(-logit) / LOGIT_ONE).exp())).to_integral_value())
            for logit in range(LOGIT_END + 1)
        ]
    lower = [ONE - probability for probability in upper[:0:-1]]
    return np.clip(np.array(lower + upper[:-1], dtype=np.int32), 1, ONE - 1)


SQUASHED = _squashed()
"""SQUASHED[logit + LOGIT_END] is the probability."""

STRETCHED = (
    np.searchsorted(SQUASHED, (np.arange(ONE >> _STRETCH_SHIFT) << _STRETCH_SHIFT) + 8) - LOGIT_END
).astype(np.int32)
"""STRETCHED[probability >> 4] is the logit."""

RATES = np.array([2 * ONE // (2 * n + 3) for n in range(1024)], dtype=np.int32)
"""How far a probability seen n times before moves towards what is seen now, as a fraction of 2^16.

1 / (n + 1.5) is the mean of what was seen and of a start that counts half (Krichevsky & Trofimov 1981).
"""


@part
def squash(logit: Whole) -> Whole:
    """Return the probability of a logit, which may lie anywhere."""
    return np.int64(SQUASHED[bounded(logit) + LOGIT_END])


@part
def bounded(logit: Whole) -> Whole:
    """Return the nearest logit that there is."""
    return min(max(logit, -LOGIT_END), LOGIT_END - 1)


@part
def stretch(probability: Whole) -> Whole:
    """Return the logit of a probability from 0 to 2^16 − 1."""
    return np.int64(STRETCHED[probability >> _STRETCH_SHIFT])


@part
def hashed(number: Whole) -> Whole:
    """Return a number mixed well out of another; the multiplier is that of xorshift64* (Vigna 2016)."""
    number ^= (number >> 29) & 0x7FFFFFFFF
    number *= 0x2545F4914F6CDD1D
    return number ^ ((number >> 32) & 0xFFFFFFFF)


@part
def folded(seed: Whole, number: Whole) -> Whole:
    """Return a hash of a hash and one number more."""
    seed = (seed + number + 1) * 0x632BE59BD9B4E019
    return seed ^ ((seed >> 31) & 0x1FFFFFFFF)
