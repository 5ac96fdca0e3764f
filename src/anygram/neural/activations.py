"""The logistic function, tanh and their slopes, as parts of kernels on float32.

They are arithmetic alone, so that a loop over them becomes vector instructions: calls of the C library's
exp would not, and cost five times as much. What is not a number stays so.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from anygram.compiled import float_of, part

_ONE, _TWO, _HALF = np.float32(1), np.float32(2), np.float32(0.5)
# e^±87 is near the ends of float32, and σ(±87) is 1 or 0 in it
_LARGEST = np.float32(87)
_BINARY_DIGITS = np.float32(1 / math.log(2))
# log 2 in two numbers, the first with few digits: its product with a small whole number is exact
_LOG_2_HIGH = np.float32(0.693359375)
_LOG_2_LOW = np.float32(math.log(2) - 0.693359375)
# 1/k!: on |r| ≤ ½ log 2 the next term is below 1e-8
_T2, _T3, _T4, _T5, _T6, _T7 = (np.float32(1 / math.factorial(k)) for k in range(2, 8))


@part
def logistic(x: Any) -> Any:
    """Return 1 / (1 + e^−x): e^y = 2ⁿ e^r with whole n and |r| ≤ ½ log 2, e^r by its Taylor series."""
    y = _LARGEST if -x > _LARGEST else -x
    y = -_LARGEST if y < -_LARGEST else y
    n = np.floor(y * _BINARY_DIGITS + _HALF)
    r = y - n * _LOG_2_HIGH - n * _LOG_2_LOW
    series = _T2 + r * (_T3 + r * (_T4 + r * (_T5 + r * (_T6 + r * _T7))))
    power = float_of(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))
    return _ONE / (_ONE + power * (_ONE + r + r * r * series))


@part
def tanh(x: Any) -> Any:
    """Return tanh x = 2 σ(2x) − 1, within 1e-7."""
    return _TWO * logistic(_TWO * x) - _ONE


@part
def logistic_slope(y: Any) -> Any:
    """Return dσ/dx where σ(x) = y."""
    return y * (_ONE - y)


@part
def tanh_slope(y: Any) -> Any:
    """Return d tanh/dx where tanh x = y."""
    return _ONE - y * y
