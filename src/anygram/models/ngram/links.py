"""Each n-gram's suffix (all but its first symbol), and the counts that Kneser-Ney smoothing wants of it.

The children of a context are among the children of that context's suffix, in the same order, so one
walk along both finds the suffixes of a level once those of the level above are known.

Axes: V vocabulary, G k-grams of a level, P its contexts, H (k − 1)-grams.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, prefetch_element
from anygram.models.ngram.hints import Hints, measure
from anygram.models.ngram.space import Memory, Space
from anygram.models.ngram.trie import (
    FEWEST_HINTED,
    PER_HINT,
    CountedTrie,
    Level,
    Scrambling,
    Words,
    guess,
)

Floats = NDArray[np.floating]

_AHEAD = 64
"""How many look-ups before its use a cache line is asked for, so that it has come."""
_BLOCK = 256


def suffixes(trie: CountedTrie, space: Space) -> Iterator[Words]:
    """Yield for the levels from 2 on, each k-gram's suffix among the (k − 1)-grams, as suffixes_G."""
    if trie.order == 1:
        return
    first = trie.levels[0]
    found = space.empty(len(first), np.uint32)
    scrambling = Scrambling.of(trie.vocabulary_size)
    for begin, end in space.blocks(len(first), 8):
        found[begin:end] = scrambling.symbols(first.scrambled_G[begin:end])
        space.forget(found, first.scrambled_G)
    yield found
    for lower, level in itertools.pairwise(trie.levels):
        found = _link(level, lower, found, space)
        yield found


def _link(level: Level, lower: Level, suffixes_P: Words, space: Space) -> Words:
    """Return the suffixes of a level, given those of its contexts, which are nodes of the level `lower`."""
    suffixes_G = space.empty(len(level), np.uint32)
    contexts = len(lower.first_P1) - 1
    for low, high in space.windows(contexts, 4 + 4 * len(lower) / max(1, contexts)):
        first_W1 = space.load(lower.first_P1[low : high + 1])
        scrambled_W = space.load(lower.scrambled_G[first_W1[0] : first_W1[-1]])
        window = low, first_W1, scrambled_W, measure(first_W1, scrambled_W, 0xFFFFFFFF, Memory())

        def link(block: tuple[int, int], window: Any = window) -> None:
            _walk(level.first_P1, level.scrambled_G, suffixes_P, window, *block, suffixes_G)

        for _ in threads.side_by_side(link, space.blocks(len(suffixes_P), 16)):
            space.forget(level.first_P1, level.scrambled_G, suffixes_P, suffixes_G)
    return suffixes_G


@kernel
def _walk(
    first_P1: Words,
    scrambled_G: Words,
    suffixes_P: Words,
    window: tuple[int, Words, Words, Hints],
    begin: int,
    end: int,
    suffixes_G: Words,
) -> None:
    """Find the suffixes below contexts `begin` to `end` whose own suffix is in a window from `low` on.

    The window holds `low`, where its contexts' children begin, these, and their hints.

    A block of children at a time: first all suffixes' children are asked for, then the hints to where among
    them each one stands, then what stands there; so they are waited for together.
    """
    low, first_W1, scrambled_W, hints_W = window
    skipped = np.int64(first_W1[0])
    above_L, first_L = np.empty(_BLOCK, dtype=np.uint32), np.empty(_BLOCK, dtype=np.int64)
    last_L, near_L = np.empty(_BLOCK, dtype=np.int64), np.empty(_BLOCK, dtype=np.int64)
    context, contexts = begin, len(first_W1) - 1
    for node in range(first_P1[begin], first_P1[end], _BLOCK):
        size: Any = min(_BLOCK, np.int64(first_P1[end]) - node)
        for place in range(size):
            while first_P1[context + 1] <= node + place:
                context += 1
            above: Any = min(np.int64(suffixes_P[context]) - low, contexts)
            above_L[place] = above  # what is below 0 becomes far above
            prefetch_element(first_W1, above_L[place])
        for place in range(size):
            if above_L[place] >= contexts:
                first_L[place], last_L[place] = 0, 0
                continue
            first, last = first_W1[above_L[place]] - skipped, first_W1[above_L[place] + 1] - skipped
            wanted = scrambled_G[node + place]
            first_L[place], last_L[place] = first, last
            near_L[place] = guess(first, last - first, wanted)
            if last - first >= FEWEST_HINTED:
                prefetch_element(hints_W, guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted))
            else:
                prefetch_element(scrambled_W, near_L[place])
        for place in range(size):
            first, last, wanted = first_L[place], last_L[place], scrambled_G[node + place]
            if last - first >= FEWEST_HINTED:
                off = hints_W[guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted)]
                near_L[place] = min(max(near_L[place] + off, first), last - 1)
                prefetch_element(scrambled_W, near_L[place])
        for place in range(size):
            if first_L[place] < last_L[place]:
                near, wanted = near_L[place], scrambled_G[node + place]
                while scrambled_W[near] > wanted:
                    near -= 1
                while scrambled_W[near] < wanted:
                    near += 1
                suffixes_G[node + place] = near + skipped


def continuations(trie: CountedTrie, length: int, suffixes_G: Words, space: Space) -> Words:
    """Return counts_H of the n-grams of this length, given the suffixes of those one longer.

    How many different symbols were seen to their left (Kneser & Ney 1995; Chen & Goodman 1999, section
    3). To the left of a boundary stands nothing, so n-grams that begin with it keep how often they were
    seen (as in Heafield et al. 2013); the boundary alone counts as what ends a document.
    """
    counts_H = space.empty(trie.counts[length - 1], np.uint32)
    seen_G = trie.levels[length - 1].seen_G
    for low, high in space.windows(len(counts_H), 4):
        counts_W = np.zeros(high - low, dtype=np.uint32)
        for begin, end in space.blocks(len(suffixes_G), 8):
            _count_extensions(suffixes_G[begin:end], seen_G[begin:end], low, counts_W)
            space.forget(suffixes_G, seen_G)
        counts_H[low:high] = counts_W
        space.forget(counts_H)
    if length > 1:
        begin = trie.first_with_boundary[length - 1]
        counts_H[begin:] = trie.levels[length - 2].seen_G[begin:]
    return counts_H


@kernel
def _count_extensions(suffixes_G: Words, seen_G: Words, low: int, counts_W: Words) -> None:
    for node in range(len(suffixes_G)):
        place = np.int64(suffixes_G[node]) - low
        if seen_G[node] > 0 and 0 <= place < len(counts_W):
            counts_W[place] += np.uint32(1)


def gather(values_H: Floats, suffixes_G: Words, space: Space) -> Floats:
    """Return the value of each k-gram's suffix."""
    values_G = space.empty(len(suffixes_G), values_H.dtype.type)
    for low, high in space.windows(len(values_H), values_H.itemsize):
        values_W = space.load(values_H[low:high])

        def take(block: tuple[int, int], values_W: Floats = values_W, low: int = low) -> None:
            _take(values_W, low, suffixes_G, *block, values_G)

        for _ in threads.side_by_side(take, space.blocks(len(suffixes_G), 8)):
            space.forget(suffixes_G, values_G)
    return values_G


@kernel
def _take(values_W: Floats, low: int, suffixes_G: Words, begin: int, end: int, values_G: Floats) -> None:
    for node in range(begin, end):
        if node + _AHEAD < end:
            prefetch_element(values_W, np.int64(suffixes_G[node + _AHEAD]) - low)
        place = np.int64(suffixes_G[node]) - low
        if 0 <= place < len(values_W):
            values_G[node] = values_W[place]
