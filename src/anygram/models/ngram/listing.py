"""All n-grams of a length, in the trie's order, with their symbols.

A node holds its last symbol alone; the others are those of the contexts above it. Children of contexts
that follow each other follow each other too, so that all levels are walked side by side.

Axes: G k-grams of a block, K symbols of a k-gram.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel, load_32, load_float, part
from anygram.models.ngram.tables import (
    ADDRESS,
    CENTRES,
    FIRST,
    LOG_GAMMA,
    LOG_P,
    SIZE,
    STRIDE,
    Logs,
    NGrams,
    Tables,
)
from anygram.models.ngram.trie import unscramble
from anygram.protocols import Ids

_AT_ONCE = 1 << 14


def ngrams(tables: Tables, length: int) -> Iterator[NGrams]:
    """Yield all n-grams of that length in the trie's order, some thousands at a time."""
    scrambling, count = tables.scrambling, tables.counts[length - 1]
    back, shift = np.uint32(scrambling.back), scrambling.shift
    for begin in range(0, count, _AT_ONCE):
        size = min(_AT_ONCE, count - begin)
        symbols_GK, log_p_G = np.empty((size, length), dtype=np.int32), np.empty(size, dtype=np.float32)
        log_gamma_G = np.empty(size if length < tables.order else 0, dtype=np.float32)
        _list(tables.directory, back, shift, begin, symbols_GK, log_p_G, log_gamma_G)
        yield NGrams(symbols_GK, log_p_G, log_gamma_G if length < tables.order else None)


@kernel
def _list(
    directory: NDArray[np.int64],
    back: np.uint32,
    shift: int,
    begin: int,
    symbols_GK: Ids,
    log_p_G: Logs,
    log_gamma_G: Logs,
) -> None:
    """Fill in the n-grams from node `begin` on; no log γ where there is no room for any."""
    rows, length = symbols_GK.shape
    level = directory[length - 1]
    # of each n-gram's first 1 .. K symbols: the node, where its children end, and the last one
    nodes_K, ends_K = np.empty(length, dtype=np.int64), np.zeros(length, dtype=np.int64)
    symbols_K = np.empty(length, dtype=np.int64)
    nodes_K[length - 1] = begin
    for above in range(length - 2, -1, -1):
        nodes_K[above] = _context_of(directory[above], nodes_K[above + 1])
    for row in range(rows):
        node = begin + row
        nodes_K[length - 1] = node
        _follow(directory, back, shift, nodes_K, ends_K, symbols_K)
        for place in range(length - 1):
            symbols_GK[row, place] = symbols_K[place]
        symbols_GK[row, length - 1] = _symbol(level, length - 1, node, back, shift)
        log_p_G[row] = _log_p(level, node)
        if len(log_gamma_G):
            log_gamma_G[row] = load_float(level[ADDRESS] + level[STRIDE] * node + level[LOG_GAMMA])


@part
def _follow(directory: Any, back: Any, shift: Any, nodes_K: Any, ends_K: Any, symbols_K: Any) -> None:
    """Go on to the contexts above the last node; those that end before it are left behind."""
    above = len(nodes_K) - 2
    while above >= 0 and nodes_K[above + 1] >= ends_K[above]:
        node = nodes_K[above]
        while nodes_K[above + 1] >= _first(directory[above], node + 1):  # it may have no children
            node += 1
        nodes_K[above], ends_K[above] = node, _first(directory[above], node + 1)
        symbols_K[above] = _symbol(directory[above], above, node, back, shift)
        above -= 1


@part
def _context_of(level: Any, child: Any) -> Any:
    """Return the node of a level that has this child: the last one whose children do not begin later."""
    low, high = np.int64(0), np.int64(level[SIZE])
    while high - low > 1:
        middle = (low + high) >> 1
        if _first(level, middle) <= child:
            low = middle
        else:
            high = middle
    return low


@part
def _first(level: Any, node: Any) -> Any:
    return np.int64(load_32(level[ADDRESS] + level[STRIDE] * node + level[FIRST]))


@part
def _symbol(level: Any, above: Any, node: Any, back: Any, shift: Any) -> Any:
    """Return the last symbol of a node that has so many nodes above it."""
    if above == 0:
        return np.int64(node)
    return unscramble(np.uint32(load_32(level[ADDRESS] + level[STRIDE] * node)), back, shift)


@part
def _log_p(level: Any, node: Any) -> Any:
    place = level[ADDRESS] + level[STRIDE] * node
    if level[LOG_P] > 0:
        return load_float(place + level[LOG_P])
    return load_float(level[CENTRES] + 4 * np.int64(load_32(place) & np.uint64(255)))
