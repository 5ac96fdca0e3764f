"""Each n-gram's suffix (all but its first symbol), and the counts that Kneser-Ney smoothing wants of it.

The children of a context are among the children of that context's suffix, in the same order, so one
walk along both finds the suffixes of a level once those of the level above are known.

Axes: V vocabulary, G k-grams of a level, P its contexts, H (k − 1)-grams.
"""

from __future__ import annotations

from collections.abc import Iterator

import numba
import numpy as np

from anygram import threads
from anygram.models.ngram.machine import prefetch_element
from anygram.models.ngram.trie import CountedTrie, Level, Scrambling, Words, find

_AHEAD, _NEAR = 48, 24
"""How many contexts before its use a cache line is asked for, so that it has come; of a line found by it."""


def suffixes(trie: CountedTrie) -> Iterator[Words]:
    """Yield for the levels from 2 on, each k-gram's suffix among the (k − 1)-grams, as suffixes_G."""
    if trie.order == 1:
        return
    scrambling = Scrambling.of(trie.vocabulary_size)
    found = scrambling.symbols(trie.levels[0].scrambled_G).view(np.uint32)
    yield found
    for lower, level in zip(trie.levels[:-1], trie.levels[1:], strict=True):
        found = _link(level, lower, found)
        yield found


def _link(level: Level, lower: Level, suffixes_P: Words) -> Words:
    """Return the suffixes of a level, given those of its contexts, which are nodes of the level `lower`."""
    suffixes_G = np.empty(len(level), dtype=np.uint32)

    def link(span: tuple[int, int]) -> None:
        _walk(
            level.first_P1,
            level.scrambled_G,
            lower.first_P1,
            lower.scrambled_G,
            suffixes_P,
            *span,
            suffixes_G,
        )

    list(threads.in_order(link, threads.spans(len(suffixes_P), 4 * threads.available())))
    return suffixes_G


@numba.njit(cache=True, nogil=True)
def _walk(
    first_P1: Words,
    scrambled_G: Words,
    lower_first_H1: Words,
    lower_scrambled_H: Words,
    suffixes_P: Words,
    begin: int,
    end: int,
    suffixes_G: Words,
) -> None:
    """Find the suffixes of the children of contexts `begin` to `end`."""
    for context in range(begin, end):
        if context + _AHEAD < end:
            prefetch_element(lower_first_H1, suffixes_P[context + _AHEAD])
        if context + _NEAR < end:
            coming = suffixes_P[context + _NEAR]
            low, high = np.uint64(lower_first_H1[coming]), np.uint64(lower_first_H1[coming + 1])
            child = first_P1[context + _NEAR]
            if child < len(scrambled_G):
                prefetch_element(
                    lower_scrambled_H,
                    low + (np.uint64(scrambled_G[child]) * (high - low) >> np.uint64(32)),
                )
        suffix = suffixes_P[context]
        low, last = np.int64(lower_first_H1[suffix]), np.int64(lower_first_H1[suffix + 1])
        for child in range(first_P1[context], first_P1[context + 1]):
            low = find(lower_scrambled_H, low, last, scrambled_G[child])
            suffixes_G[child] = low
            low += 1


def continuations(trie: CountedTrie, length: int, suffixes_G: Words) -> Words:
    """Return counts_H of the n-grams of this length, given the suffixes of those one longer.

    How many different symbols were seen to their left (Kneser & Ney 1995; Chen & Goodman 1999, section
    3). To the left of a boundary stands nothing, so n-grams that begin with it keep how often they were
    seen (as in Heafield et al. 2013); the boundary alone counts as what ends a document.
    """
    counts_H = np.zeros(trie.counts[length - 1], dtype=np.uint32)
    _count_extensions(suffixes_G, trie.levels[length - 1].seen_G, counts_H)
    if length > 1:
        begin = first_with_boundary(trie, length)
        counts_H[begin:] = trie.levels[length - 2].seen_G[begin:]
    return counts_H


@numba.njit(cache=True, nogil=True)
def _count_extensions(suffixes_G: Words, seen_G: Words, counts_H: Words) -> None:
    for node in range(len(suffixes_G)):
        if seen_G[node] > 0:
            counts_H[suffixes_G[node]] += np.uint32(1)


def first_with_boundary(trie: CountedTrie, length: int) -> int:
    """Return the first n-gram of this length ≥ 1 that begins with the boundary: all from there on do."""
    node = trie.vocabulary_size - 1
    for level in trie.levels[: length - 1]:
        node = int(level.first_P1[node])
    return node
