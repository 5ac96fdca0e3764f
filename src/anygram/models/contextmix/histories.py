"""Bit histories: what was seen in a context, in one byte, the newest part of it the best.

A state stands for how many zeros and ones were seen, and while they are few for which came last. The
counts are bounded together, more so the more even they are, and a bit that contradicts a long run cuts
the other count down, since what was seen lately counts for more (nonstationary states: Mahoney, "Data
Compression Explained", section 4.1.3).
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from anygram.models.contextmix.fixed import FINE

_MOST = (48, 30, 12, 8, 6, 5)
"""The most there may be of one bit, by how many there are of the other."""
_REMEMBERED = 9
"""So many bits in all still say which was the last."""


class _State(NamedTuple):
    zeros: int
    ones: int
    last: int | None


def _allowed(zeros: int, ones: int) -> bool:
    fewer, more = sorted((zeros, ones))
    return fewer < len(_MOST) and more <= _MOST[fewer]


def _reduced(count: int) -> int:
    """Return what stays of a count when the other bit is seen."""
    return next((kept for limit, kept in ((1, count), (3, 2), (6, 3), (12, 4)) if count <= limit), 5)


def _states() -> list[_State]:
    """Return the states, the empty one first."""
    pairs = [pair for pair in product(range(max(_MOST) + 1), repeat=2) if _allowed(*pair)]
    found = []
    for zeros, ones in sorted(pairs, key=lambda pair: (sum(pair), pair)):
        both = zeros and ones and zeros + ones <= _REMEMBERED
        found += [_State(zeros, ones, last) for last in ((0, 1) if both else (None,))]
    return found


def _after(state: _State, bit: int) -> _State:
    """Return the state after one bit more."""
    counts = [_reduced(state.zeros), _reduced(state.ones)]
    counts[bit] = (state.zeros, state.ones)[bit] + 1
    while not _allowed(*counts):
        counts[bit if counts[1 - bit] == 0 or _allowed(*_with(counts, bit)) else 1 - bit] -= 1
    both = counts[0] and counts[1] and sum(counts) <= _REMEMBERED
    return _State(counts[0], counts[1], bit if both else None)


def _with(counts: list[int], bit: int) -> list[int]:
    """Return the counts, that of the bit one less."""
    return [count - (place == bit) for place, count in enumerate(counts)]


STATES = _states()
assert len(STATES) <= 256
_NUMBERS = {state: number for number, state in enumerate(STATES)}

NEXT: NDArray[np.int32] = np.array(
    [[_NUMBERS[_after(state, bit)] for bit in (0, 1)] for state in STATES], dtype=np.int32
)
"""NEXT[state, bit] is the state after it."""

BEGINNING: NDArray[np.int64] = np.array(
    [((5 * state.ones + 2) << FINE) // (5 * (state.zeros + state.ones) + 4) for state in STATES],
    dtype=np.int64,
)
"""The probability of a one in each state before anything is learnt of it, in 2^22nds."""
