"""Fragments of texts: all their n-grams up to a length, by number, as features of a linear layer.

An n-gram's number is a hash, so that no vocabulary of them must be kept; two that share a number share a
weight (Weinberger et al. 2009, "Feature hashing for large scale multitask learning"; so do the word n-grams
of Joulin et al. 2016, section 2.1).

Axes: B rows, T positions, M fragments of all rows, end to end.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import Ids, Lengths

# odd, and its bits without a pattern: the golden ratio's (Knuth 1998, volume 3, section 6.4)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
# of splitmix64 (Steele, Lea & Flood 2014): each bit of a sum changes all bits of what is made of it
_FIRST_MIX, _SECOND_MIX = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def fragments(
    ids_BT: Ids, lengths: Lengths, boundary: int, longest: int, numbers: int, placed: bool = False
) -> tuple[NDArray[np.int64], Lengths]:
    """Return the different n-grams of each row, n = 1 … `longest`, as numbers_M, and how many each row has.

    A row is read between two boundaries, so that a fragment may say that it begins or ends a text. Where
    `placed` an n-gram elsewhere is another one: for pictures, where a place means something. Numbers are
    below `numbers`; every row has at least the boundary's.
    """
    rows, positions = ids_BT.shape
    closed_BT = np.full((rows, positions + 2), boundary, dtype=np.uint64)
    inside_BT = np.arange(positions) < lengths[:, None]
    closed_BT[:, 1:-1][inside_BT] = ids_BT[inside_BT]
    # what is not read of a row hashes to something too, and is left out by its number −1
    ends_B1 = lengths[:, None] + 2
    found = []
    hash_BT = np.zeros_like(closed_BT)
    if placed:
        hash_BT += _mixed(np.arange(1, positions + 3, dtype=np.uint64))
    for length in range(1, longest + 1):
        last = positions + 3 - length
        if last < 1:
            break
        hash_BT = hash_BT[:, :last] * _MULTIPLIER + closed_BT[:, length - 1 :] + np.uint64(1)
        numbers_BT = (_mixed(hash_BT) % np.uint64(numbers)).astype(np.int64)
        found.append(np.where(np.arange(last) + length <= ends_B1, numbers_BT, -1))
    return _distinct(np.concatenate(found, axis=1))


def _mixed(hash_: NDArray[np.uint64]) -> NDArray[np.uint64]:
    hash_ = (hash_ ^ (hash_ >> np.uint64(30))) * _FIRST_MIX
    hash_ = (hash_ ^ (hash_ >> np.uint64(27))) * _SECOND_MIX
    return hash_ ^ (hash_ >> np.uint64(31))


def _distinct(numbers_BM: NDArray[np.int64]) -> tuple[NDArray[np.int64], Lengths]:
    """Return each row's numbers but −1 once each, in order, end to end, and how many there are."""
    numbers_BM = np.sort(numbers_BM, axis=1)
    new_BM = np.ones(numbers_BM.shape, dtype=bool)
    new_BM[:, 1:] = numbers_BM[:, 1:] != numbers_BM[:, :-1]
    new_BM &= numbers_BM >= 0
    return numbers_BM[new_BM], new_BM.sum(axis=1)
