"""Whole frequencies from log-probabilities, the same on every machine.

A frequency is 1 + ⌊2^30 · P⌋, all but for rounding: every symbol has a share of the code, and all of them
together give away V / 2^30 of it. The exponential is made of whole numbers alone. What stands before it is
one product by a power of two, exact in floating point, and one rounding; so equal log-probabilities give
equal frequencies whatever the processor and its mathematical library.

Axes: V vocabulary.
"""

from __future__ import annotations

from math import isqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel, part
from anygram.protocols import FloatArray

SCALE_BITS = 30
"""Probability 1 is the frequency 2^30."""

MOST = 1 << 32
"""Frequencies of a normalised distribution over any vocabulary add up to less."""

_STEPS = 24
"""Logarithms are rounded to 2^-24 of a nat, then of a bit."""
_EVERY_DIGIT = 8
_DIGITS = _STEPS // _EVERY_DIGIT
_TABLE_BITS = 31
_EXACT_BITS = 128
_BITS_PER_NAT = 6196328019
"""log2(e) · 2^32, rounded."""
_FARTHEST = float(32 << _STEPS)
"""32 nats, where 2^30 · P is 0 whatever it is exactly."""


def _powers() -> NDArray[np.int64]:
    """Return 2^31 · 2^−(d / 256^j) for each digit d, row j − 1, by square roots of whole numbers."""
    roots = [1 << (_EXACT_BITS - 1)]  # 2^−1; then 2^−1/2, 2^−1/4, ...
    for _ in range(_STEPS):
        roots.append(isqrt(roots[-1] << _EXACT_BITS))
    table = np.empty((_DIGITS, 1 << _EVERY_DIGIT), dtype=np.int64)
    for row in range(_DIGITS):
        for digit in range(1 << _EVERY_DIGIT):
            power = 1 << _EXACT_BITS
            for bit in range(_EVERY_DIGIT):
                if digit >> bit & 1:
                    power = power * roots[_EVERY_DIGIT * (row + 1) - bit] >> _EXACT_BITS
            table[row, digit] = power >> (_EXACT_BITS - _TABLE_BITS)
    return table


_POWERS = _powers()
_FIRST, _SECOND, _THIRD = _POWERS


def frequencies(log_p_V: FloatArray) -> NDArray[np.int64]:
    """Return a whole frequency, at least 1, for each log-probability in nats.

    >>> frequencies(np.log([0.5, 0.25, 0.25])) / 2**30
    array([0.5 , 0.25, 0.25])
    """
    frequencies_V = np.empty(len(log_p_V), dtype=np.int64)
    _fill(np.ascontiguousarray(log_p_V), frequencies_V)
    return frequencies_V


@kernel
def _fill(log_p_V: Any, frequencies_V: Any) -> None:
    for symbol in range(len(log_p_V)):
        frequencies_V[symbol] = frequency(log_p_V[symbol])


@part
def frequency(log_p: Any) -> Any:
    """Return the frequency of a log-probability in nats; 1 of what is no number."""
    steps = -np.float64(log_p) * 16777216.0
    if not steps < _FARTHEST:
        return np.int64(1)
    nats = np.int64(max(steps, 0.0) + 0.5)
    bits = nats * _BITS_PER_NAT >> 32
    power = (_FIRST[bits >> 16 & 255] * _SECOND[bits >> 8 & 255] >> 31) * _THIRD[bits & 255] >> 32
    return (power >> (bits >> 24)) + 1
