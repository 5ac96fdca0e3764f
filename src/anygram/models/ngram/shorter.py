"""What each n-gram falls back on: the longest of its suffixes that is stored.

As a rule that is all but its first symbol; a model that was pruned, or made elsewhere, may lack it. The
suffixes of h w are among the children of h's suffixes, so they are found level by level, from the
longest of h's on (the failure links of Aho & Corasick 1975).

Axes: G k-grams of a level.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, load_8, load_32, part, prefetch
from anygram.models.ngram.lookup import Directory, children, find, mask_of
from anygram.models.ngram.space import Space
from anygram.models.ngram.tables import ADDRESS, FIRST, STRIDE, Tables
from anygram.models.ngram.trie import Words, guess, unscramble

_AHEAD, _NEAR = 48, 24
"""How many contexts before its use a cache line is asked for, so that it has come; of a line found by it."""


@dataclass(frozen=True)
class Shorter:
    """The longest stored suffix of each k-gram of a level, as its node and its length."""

    nodes_G: Words
    lengths_G: NDArray[np.uint8]


class Links:
    """The longest stored suffixes of all n-grams from level 2 on; 5 bytes each."""

    def __init__(self, tables: Tables, space: Space) -> None:
        self._tables, self._space = tables, space
        self._levels: list[Shorter] = []
        self.directory = np.zeros((tables.order, 2), dtype=np.int64)
        for length in range(2, tables.order + 1):
            shorter = self._link(length)
            self._levels.append(shorter)
            self.directory[length - 1] = shorter.nodes_G.ctypes.data, shorter.lengths_G.ctypes.data

    @property
    def closed(self) -> bool:
        """Whether all but the first symbol of every n-gram is stored too."""
        return all((one.lengths_G == length).all() for length, one in enumerate(self._levels, 1))

    def of(self, length: int) -> Shorter:
        """Return those of a level from 2 on."""
        return self._levels[length - 2]

    def _link(self, length: int) -> Shorter:
        tables, count = self._tables, self._tables.counts[length - 1]
        found = Shorter(self._space.empty(count, np.uint32), self._space.empty(count, np.uint8))
        back, shift = np.uint32(tables.scrambling.back), tables.scrambling.shift

        def link(span: tuple[int, int]) -> None:
            arrays = found.nodes_G, found.lengths_G
            _link(tables.directory, self.directory, length, *span, back, shift, *arrays)

        spans = threads.spans(tables.counts[length - 2], 4 * threads.cores())
        list(threads.side_by_side(link, spans))
        return found


@part
def fall_back(links: Directory, length: int, node: int) -> tuple[Any, Any]:
    """Return length and node of the longest stored suffix of an n-gram; length 0 for a single symbol."""
    if length == 1:
        return np.int64(0), np.int64(0)
    entry = links[length - 1]
    return np.int64(load_8(entry[1] + node)), np.int64(load_32(entry[0] + 4 * node))


@kernel
def _link(
    directory: Directory,
    links: Directory,
    length: int,
    begin: int,
    end: int,
    back: np.uint32,
    shift: int,
    nodes_G: Words,
    lengths_G: NDArray[np.uint8],
) -> None:
    """Find what the children of contexts `begin` to `end` of level `length` − 1 fall back on."""
    upper, level, mask = directory[length - 2], directory[length - 1], mask_of(directory[length - 1])
    for context in range(begin, end):
        if length > 2:
            _prefetch(directory, links, length, context, end)
        first, last = children(upper, context)
        start_length, start = fall_back(links, length - 1, context)
        lower_first: Any = np.int64(0)
        lower_last: Any = np.int64(0)
        if start_length > 0:
            lower_first, lower_last = children(directory[start_length - 1], start)
        for child in range(first, last):
            word = np.uint32(load_32(level[ADDRESS] + level[STRIDE] * child)) & mask
            found: Any = np.int64(-1)
            found_length = start_length
            if start_length > 0:
                # among all its children, not from the last one found on: guesses need them all
                found = find(directory[start_length], lower_first, lower_last, word)
                if found < 0:
                    found_length, found = _find_shorter(directory, links, start_length, start, word)
            if found_length == 0:
                found = unscramble(word, back, shift)
            nodes_G[child], lengths_G[child] = found, found_length + 1


@kernel
def _find_shorter(
    directory: Directory, links: Directory, length: int, node: int, word: np.uint32
) -> tuple[Any, Any]:
    """Return the longest context shorter than this one that has such a child, as length, and the child."""
    length, node = fall_back(links, length, node)
    while length > 0:
        first, last = children(directory[length - 1], node)
        level = directory[length]
        found = find(level, first, last, word)
        if found >= 0:
            return length, found
        length, node = fall_back(links, length, node)
    return np.int64(0), np.int64(-1)


@part
def _prefetch(directory: Directory, links: Directory, length: int, context: int, end: int) -> None:
    if context + _AHEAD < end:
        coming_length, coming = fall_back(links, length - 1, context + _AHEAD)
        upper = directory[coming_length - 1]
        prefetch(upper[ADDRESS] + upper[STRIDE] * coming + upper[FIRST])
    if context + _NEAR < end:
        first, last = children(directory[length - 2], context + _NEAR)
        if last > first:
            coming_length, coming = fall_back(links, length - 1, context + _NEAR)
            word = np.uint32(load_32(directory[length - 1, ADDRESS] + directory[length - 1, STRIDE] * first))
            first, last = children(directory[coming_length - 1], coming)
            lower = directory[coming_length]
            prefetch(lower[ADDRESS] + lower[STRIDE] * guess(first, last - first, word))
