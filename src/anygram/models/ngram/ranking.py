"""How many symbols are likelier than a given one, without predicting them all: O(order · log V).

The symbols that may follow a context are those seen after it (children of its node), and among the
rest those seen after the context without its first symbol, and so on down to the whole vocabulary.
What was seen after the longer context was also seen after the shorter one, where it had another
probability. So the rank is a sum over context lengths: children that are likelier, less those of them
that the shorter context already counted. Each term is one binary search in children sorted by
probability.

Axes: X positions, G k-grams of a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import tries
from anygram.models.ngram.tables import Tables
from anygram.protocols import FloatArray
from anygram.tries import Indices, Level


@dataclass(frozen=True)
class Sorted:
    """The k-grams of a level, those of one context sorted by falling log P, then by symbol."""

    log_p: NDArray[np.float32]
    symbols: NDArray[np.int32]


class Ranking:
    """Places of symbols in the sorted predictions of these tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._own = [_sort(level, log_p) for level, log_p in zip(tables.levels, tables.log_p, strict=True)]
        self._shorter: list[Sorted] = []
        suffixes = np.zeros(len(tables.levels[0]), dtype=np.int64)
        for length in range(2, tables.order + 1):
            level, lower = tables.levels[length - 1], tables.levels[length - 2]
            symbols = level.symbols(np.arange(len(level)))
            suffixes = lower.find(suffixes[level.parents()], symbols)
            self._shorter.append(_sort(level, tables.log_p[length - 2][suffixes]))

    def rank(self, contexts: Sequence[Indices], symbols_X: Indices, log_p_X: FloatArray) -> Indices:
        """Return how many symbols come before these, whose log P is given.

        `contexts` holds for k = 1, 2, … the node of the k symbols before each.
        """
        shifts = [self._tables.shift(length, nodes_X) for length, nodes_X in enumerate(contexts, 1)]
        vocabulary_X = np.full(len(symbols_X), len(self._own[0].symbols))
        rank_X = _ahead(self._own[0], np.zeros_like(vocabulary_X), vocabulary_X, shifts, symbols_X, log_p_X)
        for length, nodes_X in enumerate(contexts, 1):
            at = np.flatnonzero(nodes_X != tries.MISSING)
            first, last = self._tables.levels[length].children(nodes_X[at])
            above = [shift_X[at] for shift_X in shifts[length - 1 :]]
            own, shorter = self._own[length], self._shorter[length - 1]
            rank_X[at] += _ahead(own, first, last, above[1:], symbols_X[at], log_p_X[at])
            rank_X[at] -= _ahead(shorter, first, last, above, symbols_X[at], log_p_X[at])
        return rank_X


def _sort(level: Level, log_p_G: NDArray[np.float32]) -> Sorted:
    """Return the level sorted within each context by these log P."""
    # −log P >= 0, and the bits of non-negative floats sort as they do
    falling_G = np.abs(log_p_G).view(np.int32).astype(np.int64)
    order_G = np.argsort((level.parents() << 31) | falling_G, kind="stable")
    return Sorted(log_p_G[order_G], level.symbols(order_G).astype(np.int32))


def _ahead(
    children: Sorted,
    first_X: Indices,
    last_X: Indices,
    shifts: Sequence[FloatArray],
    symbols_X: Indices,
    log_p_X: FloatArray,
) -> Indices:
    """Return how many of children first .. last come before the symbol, their log P plus the shifts."""
    low_X, high_X = first_X.copy(), last_X.copy()
    for _ in range(int((last_X - first_X).max(initial=0)).bit_length()):
        middle_X = (low_X + high_X) // 2
        open_X = low_X < high_X
        probe_X = np.where(open_X, middle_X, 0)
        other_X = children.log_p[probe_X].astype(np.float64)
        for shift_X in shifts:  # one by one, as scoring adds them: equal sums must stay equal
            other_X += shift_X
        before_X = (other_X > log_p_X) | ((other_X == log_p_X) & (children.symbols[probe_X] < symbols_X))
        low_X = np.where(open_X & before_X, middle_X + 1, low_X)
        high_X = np.where(open_X & ~before_X, middle_X, high_X)
    return low_X - first_X
