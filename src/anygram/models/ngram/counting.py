"""Which n-grams stand in the text and how often: a prefix trie grown level by level.

Level k holds the distinct k-grams. A k-gram is keyed by its first k − 1 symbols, a node of level
k − 1, and its last symbol; its suffix (all but its first symbol) is a node of level k − 1 too. No
n-gram reaches over a boundary: that symbol stands first (before a document), last (after it), or
not at all.

The counts are those that Kneser-Ney smoothing wants (Kneser & Ney 1995; Chen & Goodman 1999, section
3): the highest order counts how often an n-gram was seen; lower orders count how many different
symbols were seen to its left. To the left of the boundary stands nothing, so n-grams that begin with
it keep how often they were seen at every order (as in Heafield et al. 2013).

Axes: N symbols of a stream, S = N + 1 with a boundary before it, X n-grams by position, G distinct
k-grams of a level.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import tries
from anygram.protocols import Ids
from anygram.tries import Indices, Level


@dataclass(frozen=True)
class CountedLevel:
    """The k-grams of one k: the trie level, each one's suffix in the level above, each one's count.

    A k-gram that only serves as context counts 0.
    """

    level: Level
    suffixes: Indices
    counts: Indices


@dataclass(frozen=True)
class _Seen:
    """The same, with how often each was seen in place of the count, and whether the boundary begins it."""

    level: Level
    suffixes: Indices
    seen: Indices
    begins: NDArray[np.bool_]


def count(ids_N: Ids, learnt_N: NDArray[np.bool_], order: int, vocabulary_size: int) -> list[CountedLevel]:
    """Return levels 1 to `order` of documents that lie end to end, each closed by its boundary.

    An n-gram counts where its last symbol is to be learnt. Level 1 holds all V symbols.
    """
    levels = list(_seen(ids_N, learnt_N, order, vocabulary_size))
    counted = [CountedLevel(levels[-1].level, levels[-1].suffixes, levels[-1].seen)]
    for lower, upper in zip(levels[-2::-1], levels[:0:-1], strict=True):
        extended = upper.suffixes[upper.seen > 0]
        extensions = np.bincount(extended, minlength=len(lower.level))
        counts = np.where(lower.begins, lower.seen, extensions)
        counted.append(CountedLevel(lower.level, lower.suffixes, counts))
    return counted[::-1]


def _seen(ids_N: Ids, learnt_N: NDArray[np.bool_], order: int, vocabulary_size: int) -> Iterator[_Seen]:
    """Yield what was seen, level by level."""
    boundary = vocabulary_size - 1
    stream_S = np.concatenate([[boundary], ids_N])
    learnt_S = np.concatenate([[False], learnt_N])
    next_learnt_S = _next(learnt_S)
    level, nodes_S = Level(np.arange(vocabulary_size), vocabulary_size), stream_S.astype(np.int64)
    seen = np.bincount(stream_S[learnt_S], minlength=vocabulary_size)
    # the 1-gram of the boundary counts as what ends a document, so it does not begin one
    yield _Seen(level, np.zeros(vocabulary_size, dtype=np.int64), seen, np.zeros(vocabulary_size, dtype=bool))
    begins, starts_X = np.arange(vocabulary_size) == boundary, np.arange(len(stream_S))
    for length in range(2, order + 1):
        starts_X = starts_X[starts_X + length <= len(stream_S)]
        ends_X = starts_X + length - 1
        # the last context symbol may be a boundary only where it is also the first
        whole_X = (stream_S[ends_X - 1] != boundary) | (length == 2)
        useful_X = next_learnt_S[ends_X] < starts_X + order
        starts_X, ends_X = starts_X[whole_X & useful_X], ends_X[whole_X & useful_X]
        level, nodes_X = tries.grow(nodes_S[starts_X], stream_S[ends_X], vocabulary_size)
        suffixes = np.empty(len(level), dtype=np.int64)
        suffixes[nodes_X] = nodes_S[starts_X + 1]
        begins = begins[level.parents()]
        seen = np.bincount(nodes_X[learnt_S[ends_X]], minlength=len(level))
        yield _Seen(level, suffixes, seen, begins)
        nodes_S = np.full(len(stream_S), tries.MISSING, dtype=np.int64)
        nodes_S[starts_X] = nodes_X


def _next(learnt_S: NDArray[np.bool_]) -> Indices:
    """Return for each position the first one from there on that is to be learnt (S and more: none)."""
    far = 2 * len(learnt_S)
    positions_S = np.where(learnt_S, np.arange(len(learnt_S)), far)
    return np.minimum.accumulate(positions_S[::-1])[::-1]
