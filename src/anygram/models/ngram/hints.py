"""How far the first guess is off, where a context has many children: small numbers that stay in the caches.

Scrambled symbols lie evenly, so a child's place is guessed by interpolation (`trie.guess`), and the guess
is off by about half the root of how many there are: with thousands of children, by several cache lines of
rows, each a wait for memory. For 8 children at a time of a context with 16 and more, a hint says what
the guess is off by in the middle of their range. The hints of a context whose children begin at row r
begin at r / 8: no table says where they are.

Rows are told how many children they have (`tables`).

Axes: G k-grams of a level, J = G / 8 hints.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel
from anygram.models.ngram.space import Space
from anygram.models.ngram.tables import Tables
from anygram.models.ngram.trie import FEWEST_HINTED, PER_HINT, Words, guess

Hints = NDArray[np.int16]

_LARGEST = 32767


def hinted(tables: Tables, space: Space) -> Tables:
    """Return the same tables with hints on every level from 2 on; the rows above know their children."""
    hints = []
    for length in range(2, tables.order + 1):
        first_P1, scrambled_G = tables.first(length - 1), tables.levels[length - 1][:, 0]
        hints.append(measure(first_P1, scrambled_G[: tables.counts[length - 1]], tables.mask(length), space))
        _tell_sizes(tables, length - 1, space)
    return replace(tables, hints=tuple(hints))


def measure(first_P1: Words, scrambled_G: Words, mask: int, space: Space) -> Hints:
    """Return hints_J of a level; those bits of a scrambled symbol count that `mask` has."""
    hints_J = space.empty((len(scrambled_G) >> PER_HINT) + 1, np.int16)
    hints_J[:] = 0  # where no hint is needed

    def run(block: tuple[int, int]) -> None:
        _measure(first_P1, scrambled_G, np.uint32(mask), *block, hints_J)

    for _ in threads.side_by_side(run, space.blocks(len(first_P1) - 1, 64)):
        space.forget(first_P1, scrambled_G, hints_J)
    return hints_J


def _tell_sizes(tables: Tables, length: int, space: Space) -> None:
    """Write into the rows of a level how many children each has."""
    words_GW, low = tables.levels[length - 1], np.uint32(8 if tables.is_compact(length) else 0)

    def run(block: tuple[int, int]) -> None:
        _write_sizes(words_GW, np.uint32(tables.mask(length)), low, *block)

    for _ in threads.side_by_side(
        run, space.blocks(len(words_GW) - 1, words_GW.itemsize * words_GW.shape[1])
    ):
        space.forget(words_GW)


@kernel
def _write_sizes(words_GW: Words, mask: np.uint32, low: np.uint32, begin: int, end: int) -> None:
    most = np.int64(~mask >> low)
    for row in range(begin, end):
        size = np.int64(words_GW[row + 1, -1]) - np.int64(words_GW[row, -1])
        if size < most:
            words_GW[row, 0] |= np.uint32(size + 1) << low


@kernel
def _measure(first_P1: Any, scrambled_G: Any, mask: np.uint32, begin: int, end: int, hints_J: Hints) -> None:
    """Fill the hints of the children of contexts `begin` to `end`; rows count from the first context's on."""
    skipped = np.int64(first_P1[0])
    for context in range(begin, end):
        first, last = np.int64(first_P1[context]) - skipped, np.int64(first_P1[context + 1]) - skipped
        size = last - first
        if size < FEWEST_HINTED:
            continue
        parts, child = size >> PER_HINT, first
        for part in range(parts):
            middle = np.uint32((2 * np.int64(part) + 1 << 31) // parts)
            while child < last and scrambled_G[child] & mask < middle:
                child += 1
            off = child - guess(first, size, middle)
            hints_J[(first >> PER_HINT) + part] = min(max(off, -_LARGEST), _LARGEST)
