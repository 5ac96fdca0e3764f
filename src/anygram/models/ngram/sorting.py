"""Sorting rows by 64-bit keys, for kernels: insertion for a few, radix for many; both stable.

Axes: X rows.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel

Keys = NDArray[np.uint64]
Rows = NDArray[np.uint32]

_FEW, _MANY = 48, 2048
"""Where insertion and radix take equally long, about, and digits of 8 bits and of 11."""


@kernel
def sort(keys_X: Keys, rows_X: Rows, spare_keys_X: Keys, spare_rows_X: Rows, begin: int, end: int) -> None:
    """Sort keys from `begin` to `end` in place, and rows with them; the spare arrays are as long."""
    if end - begin < _FEW:
        _by_insertion(keys_X, rows_X, begin, end)
    else:
        _by_radix(keys_X, rows_X, spare_keys_X, spare_rows_X, begin, end)


@kernel
def _by_insertion(keys_X: Keys, rows_X: Rows, begin: int, end: int) -> None:
    for place in range(begin + 1, end):
        key, row = keys_X[place], rows_X[place]
        free = place
        while free > begin and keys_X[free - 1] > key:
            keys_X[free], rows_X[free] = keys_X[free - 1], rows_X[free - 1]
            free -= 1
        keys_X[free], rows_X[free] = key, row


@kernel
def _by_radix(
    keys_X: Keys, rows_X: Rows, spare_keys_X: Keys, spare_rows_X: Rows, begin: int, end: int
) -> None:
    """Least significant digit first; digits that all keys share are passed over."""
    differing = np.uint64(0)
    for place in range(begin + 1, end):
        differing |= keys_X[place] ^ keys_X[begin]
    bits = np.uint64(8 if end - begin < _MANY else 11)
    ones = (np.uint64(1) << bits) - np.uint64(1)
    places = np.empty(np.int64(ones) + 1, dtype=np.int64)
    swapped, shift = False, np.uint64(0)
    while shift < 64 and differing >> shift != 0:
        if (differing >> shift) & ones != 0:
            if swapped:
                _pass(spare_keys_X, spare_rows_X, keys_X, rows_X, begin, end, shift, ones, places)
            else:
                _pass(keys_X, rows_X, spare_keys_X, spare_rows_X, begin, end, shift, ones, places)
            swapped = not swapped
        shift += bits
    if swapped:
        keys_X[begin:end] = spare_keys_X[begin:end]
        rows_X[begin:end] = spare_rows_X[begin:end]


@kernel
def _pass(
    keys_X: Keys,
    rows_X: Rows,
    to_keys_X: Keys,
    to_rows_X: Rows,
    begin: int,
    end: int,
    shift: np.uint64,
    ones: np.uint64,
    places: NDArray[np.int64],
) -> None:
    """Distribute by one digit."""
    places[:] = 0
    for place in range(begin, end):
        places[(keys_X[place] >> shift) & ones] += 1
    next_place = begin
    for value in range(len(places)):
        count = places[value]
        places[value] = next_place
        next_place += count
    for place in range(begin, end):
        value = (keys_X[place] >> shift) & ones
        to = np.uint64(places[value])
        to_keys_X[to], to_rows_X[to] = keys_X[place], rows_X[place]
        places[value] += 1
