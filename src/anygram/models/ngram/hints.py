"""How far the first guess is off, where a context has many children: small numbers that stay in the caches.

Scrambled symbols lie evenly, so a child's place is guessed by interpolation (`trie.find`), and the guess
is off by about half the root of how many there are: with thousands of children, by several cache lines of
rows, each a wait for memory. For 8 children at a time of a context with 16 and more, a hint says what
the guess is off by in the middle of their range. The hints of a context whose children begin at row r
begin at r / 8: no table says where they are.

Axes: G k-grams of a level, J = G / 8 hints.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, load_32
from anygram.models.ngram.lookup import FEWEST_HINTED, PER_HINT, Directory, children, mask_of
from anygram.models.ngram.space import Space
from anygram.models.ngram.tables import ADDRESS, STRIDE, Tables
from anygram.models.ngram.trie import guess

_LARGEST = 32767


def hinted(tables: Tables, space: Space) -> Tables:
    """Return the same tables with hints on every level from 2 on."""
    plain = replace(tables, hints=())
    hints = []
    for length in range(2, tables.order + 1):
        hints_J = space.empty((tables.counts[length - 1] >> PER_HINT) + 1, np.int16)

        def run(block: tuple[int, int], length: int = length, hints_J: NDArray[np.int16] = hints_J) -> None:
            _measure(plain.directory, length, *block, hints_J)

        for _ in threads.side_by_side(run, space.blocks(tables.counts[length - 2], 64)):
            space.forget(hints_J, *tables.levels[length - 2 : length])
        hints.append(hints_J)
    return replace(tables, hints=tuple(hints))


@kernel
def _measure(directory: Directory, length: int, begin: int, end: int, hints_J: NDArray[np.int16]) -> None:
    """Fill the hints of the children of contexts `begin` to `end`."""
    upper, level = directory[length - 2], directory[length - 1]
    address, stride, mask = level[ADDRESS], level[STRIDE], mask_of(level)
    for context in range(begin, end):
        first, last = children(upper, context)
        size = last - first
        if size < FEWEST_HINTED:
            continue
        parts, child = size >> PER_HINT, first
        for part in range(parts):
            middle = np.uint32((2 * np.int64(part) + 1 << 31) // parts)
            while child < last and load_32(address + stride * child) & mask < middle:
                child += 1
            off = child - guess(first, size, middle)
            hints_J[(first >> PER_HINT) + part] = min(max(off, -_LARGEST), _LARGEST)
