"""A prefix trie as sorted levels, searched for many symbols at once.

A node of one level is its index in that level; the level holds, sorted, one key per node:
parent · width + symbol, for symbols 0 .. width − 1. The children of a node therefore lie side by
side, by symbol. A parent of −1 stands for a node that does not exist; it has no children.

Axes: X any number of queries.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]

MISSING = -1


@dataclass(frozen=True)
class Level:
    """The nodes of one depth: sorted keys parent · width + symbol."""

    keys: Indices
    width: int

    def __len__(self) -> int:
        return len(self.keys)

    def find(self, parents_X: Indices, symbols_X: NDArray[np.integer]) -> Indices:
        """Return the node of each (parent, symbol), MISSING where there is none.

        >>> level = Level(np.array([1, 12]), width=10)
        >>> level.find(np.array([1, 0, -1]), np.array([2, 2, 1]))
        array([ 1, -1, -1])
        """
        if not len(self.keys):
            return np.full(np.shape(parents_X), MISSING, dtype=np.int64)
        # a missing parent makes the key negative, which no key is
        wanted_X = parents_X * self.width + symbols_X
        index_X = np.minimum(np.searchsorted(self.keys, wanted_X), len(self.keys) - 1)
        return np.where(self.keys[index_X] == wanted_X, index_X, MISSING)

    def children(self, parents_X: Indices) -> tuple[Indices, Indices]:
        """Return the range of nodes, first and one past the last, below each parent."""
        first_X = np.searchsorted(self.keys, parents_X * self.width)
        last_X = np.searchsorted(self.keys, (parents_X + 1) * self.width)
        return first_X, last_X

    def parents(self) -> Indices:
        """Return the parent of each node."""
        return self.keys // self.width

    def symbols(self, nodes_X: Indices) -> Indices:
        """Return the last symbol of these nodes."""
        symbols_X: Indices = self.keys[nodes_X] % self.width
        return symbols_X


def grow(parents_X: Indices, symbols_X: NDArray[np.integer], width: int) -> tuple[Level, Indices]:
    """Return the level of all distinct (parent, symbol), and the node of each of them.

    >>> level, nodes = grow(np.array([1, 0, 1]), np.array([2, 5, 2]), width=10)
    >>> level.keys, nodes
    (array([ 5, 12]), array([1, 0, 1]))
    """
    keys_X = parents_X * width + symbols_X
    possible = int(keys_X.max(initial=0)) + 1
    keys, nodes_X = _by_table(keys_X, possible) if possible <= 4 * len(keys_X) else _by_sorting(keys_X)
    return Level(keys, width), nodes_X


def _by_table(keys_X: Indices, possible: int) -> tuple[Indices, Indices]:
    """Return the distinct keys, sorted, and the place of each key among them: fast where few are possible."""
    present = np.zeros(possible, dtype=bool)
    present[keys_X] = True
    places = np.cumsum(present) - 1
    return np.flatnonzero(present), places[keys_X]


def _by_sorting(keys_X: Indices) -> tuple[Indices, Indices]:
    """Return the same for any keys."""
    order_X = np.argsort(keys_X)
    sorted_X = keys_X[order_X]
    first_X = np.ones(len(keys_X), dtype=bool)
    first_X[1:] = sorted_X[1:] != sorted_X[:-1]
    places_X = np.empty(len(keys_X), dtype=np.int64)
    places_X[order_X] = np.cumsum(first_X) - 1
    return sorted_X[first_X], places_X


def spread(first_X: Indices, last_X: Indices) -> tuple[Indices, Indices]:
    """Return all nodes of these ranges end to end, with the query that each belongs to first.

    >>> spread(np.array([3, 0]), np.array([5, 1]))
    (array([0, 0, 1]), array([3, 4, 0]))
    """
    sizes_X = last_X - first_X
    owners = np.repeat(np.arange(len(first_X)), sizes_X)
    nodes = np.arange(int(sizes_X.sum())) + np.repeat(first_X - (np.cumsum(sizes_X) - sizes_X), sizes_X)
    return owners, nodes
