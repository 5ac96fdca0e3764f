"""Pieces of an array laid end to end. Axes: N elements, D pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel
from anygram.protocols import Texts


def joined(array_N: NDArray[Any], starts_D: NDArray[np.int64], ends_D: NDArray[np.int64]) -> NDArray[Any]:
    """Return the pieces of an array from each start to its end, one after the other.

    >>> joined(np.array([5, 6, 7, 8]), np.array([2, 0]), np.array([4, 1]))
    array([7, 8, 5])
    """
    joined_N = np.empty(int((ends_D - starts_D).sum()), dtype=array_N.dtype)
    _join(array_N, starts_D, ends_D, joined_N)
    return joined_N


def chosen(texts: Texts, numbers: NDArray[np.int64]) -> Texts:
    """Return those texts, in this order."""
    starts_D, ends_D = texts.starts_D[numbers], texts.ends_D[numbers]
    return Texts(joined(texts.bytes_N, starts_D, ends_D), np.cumsum(ends_D - starts_D))


@kernel
def _join(array_N: Any, starts_D: Any, ends_D: Any, joined_N: Any) -> None:
    filled = 0
    for piece in range(len(starts_D)):
        for place in range(starts_D[piece], ends_D[piece]):
            joined_N[filled] = array_N[place]
            filled += 1
