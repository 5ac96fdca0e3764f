"""The model as tables, one a level, laid out so that a look-up touches few cache lines; what is stored.

log P(w | h) is that of the longest k-gram (suffix of h, w) there is, plus log γ of every longer context
there is: the sum that ARPA files are read by. Because no stored n-gram reaches over a boundary, neither
does any context found here.

Level k is an array of 32-bit words, a row for each k-gram in the trie's order:

    k < order   scrambled last symbol, log P, log γ, first child    (and a last row that ends the children)
    k = order   scrambled last symbol, log P

In the compact form log P is one of 256 values of its level, whose number stands in the low bits of the
scrambled symbol; the row is shorter by that word. Level 1 always has log P: it is small; the lower ones
may have it (`compact` says when).

What a scrambled symbol leaves free above that holds how many children there are plus one, 0 where that is
too much (`hints` writes it): then the next row says where they end, often in another cache line.

Axes: G k-grams of a level, W words of a row, K symbols of a k-gram, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.models.ngram.trie import CountedTrie, Level, Scrambling, Words
from anygram.protocols import Tensors

Logs = NDArray[np.float32]

COLUMNS = 12
ADDRESS, STRIDE, LOG_P, LOG_GAMMA, FIRST, CENTRES, HINTS, SIZE, MASK, LOW, FORTH, CLOSED = range(COLUMNS)
"""Columns of the directory: where a level lies, bytes of a row, offsets within a row (LOG_P 0: compact),
where the 256 values of log P and the hints lie (0: there are none), rows, which bits of a row's first word
are the scrambled symbol and how many the number of a value, and (the same in each) the scrambling's
multiplier and whether tables are closed."""

_WORD = 4


@dataclass(frozen=True)
class NGrams:
    """Some k-grams of one k: symbols_GK, log_p_G, and log_gamma_G (None at the highest order), in nats."""

    symbols_GK: NDArray[np.int32]
    log_p_G: Logs
    log_gamma_G: Logs | None


@dataclass(frozen=True)
class Tables:
    """The levels as words_GW, from 1 to the order; `centres` of those from 2 on if compact, some empty.

    `hints` of the levels from 2 on make look-ups faster (`hints`). Tables are `closed` where each n-gram's
    suffix is one of them too: no longer n-gram need be looked for where a shorter one is not found.
    """

    levels: tuple[Words, ...]
    centres: tuple[Logs, ...] = ()
    hints: tuple[NDArray[np.int16], ...] = ()
    closed: bool = False

    def __reduce__(self) -> tuple[type[Tables], tuple[Any, ...]]:
        """Copy and pickle without the directory: its addresses hold in this process, of these arrays."""
        return Tables, (self.levels, self.centres, self.hints, self.closed)

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return len(self.levels)

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return len(self.levels[0]) - 1

    @cached_property
    def counts(self) -> list[int]:
        """How many k-grams there are for k = 1 .. order."""
        ended = [*(len(words_GW) - 1 for words_GW in self.levels[:-1]), len(self.levels[-1])]
        return [self.vocabulary_size, *ended[1:]]

    @cached_property
    def scrambling(self) -> Scrambling:
        """How symbols are scrambled."""
        return Scrambling.of(self.vocabulary_size)

    @cached_property
    def directory(self) -> NDArray[np.int64]:
        """What kernels need to find their way, a row a level; good as long as these tables live."""
        rows = []
        for length, words_GW in enumerate(self.levels, 1):
            compact = self.is_compact(length)
            centres = self.centres[length - 2].ctypes.data if compact else 0
            offsets = (0, _WORD, 2 * _WORD) if compact else (_WORD, 2 * _WORD, 3 * _WORD)
            hints = self.hints[length - 2].ctypes.data if self.hints and length > 1 else 0
            address, stride = words_GW.ctypes.data, words_GW.shape[1] * _WORD
            size, forth = self.counts[length - 1], self.scrambling.forth
            bits = self.mask(length), 8 if compact else 0
            rows.append((address, stride, *offsets, centres, hints, size, *bits, forth, self.closed))
        return np.array(rows, dtype=np.int64)

    def is_compact(self, length: int) -> bool:
        """Return whether log P of that level is one of few values."""
        return length > 1 and bool(self.centres) and len(self.centres[length - 2]) > 0

    def mask(self, length: int) -> int:
        """Return which bits of the first word of a level's rows are the scrambled symbol; none of level 1."""
        return 0 if length == 1 else 0xFFFFFFFF << self.scrambling.shift & 0xFFFFFFFF

    def log_p(self, length: int, nodes: slice = slice(None)) -> Logs:
        """Return log P of the n-grams of that length."""
        words_GW = self._rows(length, nodes)
        if self.is_compact(length):
            log_p_G: Logs = self.centres[length - 2][words_GW[:, 0] & np.uint32(255)]
            return log_p_G
        return words_GW[:, 1].view(np.float32)

    def log_gamma(self, length: int, nodes: slice = slice(None)) -> Logs:
        """Return log γ of the n-grams of a length below the order."""
        return self._rows(length, nodes)[:, 1 if self.is_compact(length) else 2].view(np.float32)

    def first(self, length: int) -> Words:
        """Return where the children of each n-gram of a length below the order begin, and their number."""
        return self.levels[length - 1][:, -1]

    def symbols(self, length: int, nodes: slice = slice(None)) -> NDArray[np.int32]:
        """Return the last symbols of the n-grams of that length."""
        if length == 1:
            return np.arange(self.vocabulary_size, dtype=np.int32)[nodes]
        return self.scrambling.symbols(self._rows(length, nodes)[:, 0])

    def _scrambled(self, length: int) -> Words:
        return self._rows(length, slice(None))[:, 0] & np.uint32(self.mask(length))

    def _rows(self, length: int, nodes: slice) -> Words:
        return self.levels[length - 1][: self.counts[length - 1]][nodes]

    def counted(self, seen: Sequence[Words]) -> CountedTrie:
        """Return the n-grams as they were counted, given how often each was seen, for k = 1 .. order."""
        levels = [
            Level(self._scrambled(length), np.ascontiguousarray(self.first(length - 1)), seen[length - 1])
            for length in range(2, self.order + 1)
        ]
        return CountedTrie(seen[0], levels)

    def to_tensors(self) -> Tensors:
        """Return what `from_tensors` needs."""
        tensors: Tensors = {f"level_{length}": words for length, words in enumerate(self.levels, 1)}
        tensors |= {f"centres_{k}": logs for k, logs in enumerate(self.centres, 2) if len(logs)}
        tensors |= {f"hints_{k}": hints for k, hints in enumerate(self.hints, 2)}
        return tensors | ({"closed": np.ones(1, dtype=np.uint8)} if self.closed else {})


def from_tensors(tensors: Tensors) -> Tables:
    """Return the tables that `to_tensors` gave."""
    order = sum(name.startswith("level_") for name in tensors)
    levels = tuple(tensors[f"level_{length}"] for length in range(1, order + 1))
    nothing = np.empty(0, dtype=np.float32)
    centres = tuple(tensors.get(f"centres_{length}", nothing) for length in range(2, order + 1))
    hints = tuple(tensors[f"hints_{k}"] for k in range(2, order + 1) if f"hints_{k}" in tensors)
    return Tables(levels, centres if any(map(len, centres)) else (), hints, "closed" in tensors)
