"""Counts of two texts into the counts of both, level by level, in one walk along each.

The nodes of a level are sorted by what they stand for, so the merged level is the merge of two sorted
lists under each context. Every array is read and written from its beginning to its end: it may lie in a
file. Counting in shards and merging gives exactly what counting the whole does.

Axes: V vocabulary, P contexts of the merged level, G its nodes; one_P and other_P say which node of
either trie a merged one comes from, NONE where it has none.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from anygram.compiled import kernel
from anygram.errors import DataError
from anygram.models.ngram.space import Space
from anygram.models.ngram.trie import CountedTrie, Level, Words

NONE = np.uint32(0xFFFFFFFF)
_BYTES_OF_A_NODE = 36


def merge(one: CountedTrie, other: CountedTrie, space: Space) -> CountedTrie:
    """Return the counts of both texts; DataError where an n-gram was seen 2^32 times or more.

    Both have the same order and vocabulary.
    """
    assert (one.order, one.vocabulary_size) == (other.order, other.vocabulary_size), "tries of one kind"
    seen_V = one.seen_V.astype(np.uint64) + other.seen_V
    if seen_V.max(initial=0) > NONE:  # no n-gram was seen more often than its last symbol
        raise DataError("a symbol was seen 2^32 times or more, which cannot be counted; give less text")
    one_P = other_P = np.arange(one.vocabulary_size, dtype=np.uint32)
    levels: list[Level] = []
    for mine, theirs in zip(one.levels, other.levels, strict=True):
        level, one_P, other_P = _merge_levels(mine, theirs, one_P, other_P, space)
        levels.append(level)
    return CountedTrie(seen_V.astype(np.uint32), levels)


def merge_all(tries: Sequence[CountedTrie], space: Space) -> CountedTrie:
    """Return the counts of all texts (at least one), merged two by two so that each is read log2 times."""
    waiting = list(tries)
    while len(waiting) > 1:
        waiting = [*waiting[2:], merge(waiting[0], waiting[1], space)]
    return waiting[0]


def _merge_levels(
    one: Level, other: Level, one_P: Words, other_P: Words, space: Space
) -> tuple[Level, Words, Words]:
    most = min(len(one) + len(other), int(NONE))
    scrambled, seen, one_G, other_G = (space.empty(most, np.uint32) for _ in range(4))
    first_P1 = space.empty(len(one_P) + 1, np.uint32)
    read = one.first_P1, one.scrambled_G, one.seen_G, other.first_P1, other.scrambled_G, other.seen_G
    size = 0
    for begin, end in space.blocks(len(one_P), _BYTES_OF_A_NODE):
        origins = one_P[begin:end], other_P[begin:end]
        size = _merge_children(*read, *origins, first_P1[begin:], scrambled, seen, one_G, other_G, size)
        space.forget(*read, one_P, other_P, first_P1, scrambled, seen, one_G, other_G)
    first_P1[-1] = size
    return Level(scrambled[:size], first_P1, seen[:size]), one_G[:size], other_G[:size]


@kernel
def _merge_children(
    one_first: Words,
    one_scrambled: Words,
    one_seen: Words,
    other_first: Words,
    other_scrambled: Words,
    other_seen: Words,
    one_P: Words,
    other_P: Words,
    first_P1: Words,
    scrambled_G: Words,
    seen_G: Words,
    one_G: Words,
    other_G: Words,
    size: int,
) -> int:
    """Append the children of these contexts to a merged level of `size` nodes; return its new size."""
    for context in range(len(one_P)):
        first_P1[context] = size
        mine: Any = 0
        theirs: Any = 0
        one_end: Any = 0
        other_end: Any = 0
        if one_P[context] != NONE:
            mine, one_end = np.int64(one_first[one_P[context]]), np.int64(one_first[one_P[context] + 1])
        if other_P[context] != NONE:
            theirs, other_end = (
                np.int64(other_first[other_P[context]]),
                np.int64(other_first[other_P[context] + 1]),
            )
        while mine < one_end or theirs < other_end:
            has_mine = mine < one_end and (
                theirs == other_end or one_scrambled[mine] <= other_scrambled[theirs]
            )
            has_theirs = theirs < other_end and (
                mine == one_end or other_scrambled[theirs] <= one_scrambled[mine]
            )
            one_G[size], other_G[size], seen_G[size] = NONE, NONE, 0
            if has_theirs:
                scrambled_G[size], other_G[size] = other_scrambled[theirs], theirs
                seen_G[size] += other_seen[theirs]
                theirs += 1
            if has_mine:
                scrambled_G[size], one_G[size] = one_scrambled[mine], mine
                seen_G[size] += one_seen[mine]
                mine += 1
            size += 1
    return size
