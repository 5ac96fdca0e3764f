"""Logarithms that are the same to the last bit on every machine.

Libraries round them each in a way of its own, and choose among several by processor. Here only additions,
products and quotients of doubles are used, which IEEE 754 defines to the last bit, in a fixed order.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anygram.compiled import kernel, part
from anygram.protocols import FloatArray

_TERMS = 11
_ODD = tuple(2.0 / (2 * term + 1) for term in range(1, _TERMS))
_ROOT_HALF = 0.7071067811865476
_LN_2_HIGH = 23258159 / 2.0**25
"""ln 2 to 25 bits: times an exponent it is exact."""
_LN_2_LOW = 2.7897668087737545e-08
"""ln 2 less that."""


def log(numbers: FloatArray) -> FloatArray:
    """Return the natural logarithms of positive numbers, within two units of the last place.

    >>> log(np.array([1.0, 8.0])) / log(np.array([2.0]))
    array([0., 3.])
    """
    flat = np.ascontiguousarray(numbers, dtype=np.float64).reshape(-1)
    logs = np.empty_like(flat)
    _fill(flat, logs)
    return logs.reshape(np.shape(numbers))


@kernel
def _fill(numbers: Any, logs: Any) -> None:
    for place in range(len(numbers)):
        logs[place] = logarithm(numbers[place])


@part
def logarithm(number: Any) -> Any:
    """Return ln(m 2^e) = e ln 2 + 2 artanh(s), s = (m − 1) / (m + 1), by the series in s (|s| < 0.172)."""
    mantissa, exponent = math.frexp(number)
    if mantissa < _ROOT_HALF:
        mantissa *= 2.0
        exponent -= 1
    s = (mantissa - 1.0) / (mantissa + 1.0)
    square, tail = s * s, 0.0
    for term in range(len(_ODD) - 1, -1, -1):
        tail = (tail + _ODD[term]) * square
    return exponent * _LN_2_HIGH + (2.0 * s + (s * tail + exponent * _LN_2_LOW))
