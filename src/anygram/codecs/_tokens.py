"""Words between spaces, counted in bytes, without a Python object for each.

Axes: N bytes, D texts, W words, A bytes of all words, S slots (`_slots`).
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.codecs._slots import eight_at, fill, find, first_of, free_slots, index, is_space, read_word
from anygram.compiled import address, kernel
from anygram.protocols import Texts

Bytes = NDArray[np.uint8]
Indices = NDArray[np.int64]

_WORDS_AT_FIRST = 1 << 12


class WordCounts:
    """Distinct words in the order in which they came, and how often each did."""

    def __init__(self) -> None:
        self._words = self._bytes = 0
        self._bytes_A = np.empty(8 * _WORDS_AT_FIRST, dtype=np.uint8)
        self._ends_W = np.empty(_WORDS_AT_FIRST, dtype=np.int64)
        self._counts_W = np.empty(_WORDS_AT_FIRST, dtype=np.int64)
        self._slots_S4 = free_slots(_WORDS_AT_FIRST)
        self.newline = False
        """Whether a newline stood in what was counted."""

    @property
    def words(self) -> Texts:
        """The words end to end."""
        return Texts(self._bytes_A[: self._bytes], self._ends_W[: self._words])

    @property
    def counts_W(self) -> Indices:
        """How often each word came."""
        return self._counts_W[: self._words]

    def add(self, texts: Texts, times_D: Indices | None = None) -> None:
        """Count the words of the texts, those of text d `times_D[d]` times (once by default)."""
        times_D = np.ones(len(texts.ends_D), dtype=np.int64) if times_D is None else times_D
        document = position = 0
        while document < len(texts.ends_D):
            document, position, self._words, self._bytes, newline = _count(
                *(texts.bytes_N, texts.ends_D, times_D, document, position),
                *(self._slots_S4, self._bytes_A, self._ends_W, self._counts_W, self._words, self._bytes),
            )
            self.newline |= newline
            if document < len(texts.ends_D):
                self._grow()

    def merge(self, other: WordCounts) -> None:
        """Take in another's counts."""
        self.add(other.words, other.counts_W)
        self.newline |= other.newline

    def _grow(self) -> None:
        if self._words < len(self._ends_W):
            self._bytes_A = _doubled(self._bytes_A)
            return
        self._ends_W, self._counts_W = _doubled(self._ends_W), _doubled(self._counts_W)
        self._slots_S4 = index(self.words, 0, len(self._ends_W))


def count(blocks: Iterable[Texts]) -> WordCounts:
    """Return what all blocks hold, counted side by side; which core counts which does not matter."""
    parts = [WordCounts() for _ in range(threads.cores())]
    free = list(parts)

    def add(block: Texts) -> None:
        part = free.pop()
        part.add(block)
        free.append(part)

    for _ in threads.side_by_side(add, blocks):
        pass
    for other in parts[1:]:
        parts[0].merge(other)
    return parts[0]


def in_order(words: Texts, counts_W: Indices) -> Indices:
    """Return the words' numbers, the most frequent first, then alphabetically (by code point)."""
    starts_W = words.starts_D
    heads_WK = [_head(words, starts_W + 8 * k) for k in range(2)]
    order_W = np.lexsort((*heads_WK[::-1], -counts_W))
    keys_WK = [key[order_W] for key in (counts_W, *heads_WK)]
    tied_W = np.logical_and.reduce([key[1:] == key[:-1] for key in keys_WK])
    # only words that are alike to their 16th byte are left to Python
    edges = np.flatnonzero(np.diff(tied_W, prepend=False, append=False))
    for begin, end in zip(edges[::2], edges[1::2] + 1, strict=True):
        order_W[begin:end] = sorted(order_W[begin:end], key=words.raw)
    return order_W


def _head(words: Texts, positions_W: Indices) -> NDArray[np.uint64]:
    """Return the eight bytes of each word from a position on as numbers that compare as they do."""
    heads_W = np.empty(len(positions_W), dtype=np.uint64)
    _heads(words.bytes_N, positions_W, words.ends_D, heads_W)
    return heads_W.byteswap() if sys.byteorder == "little" else heads_W


def _doubled(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of twice the size that begins with this one."""
    return np.concatenate([array, np.empty_like(array)])


@kernel
def _count(
    bytes_N: Any,
    ends_D: Any,
    times_D: Any,
    document: Any,
    position: Any,
    slots_S4: Any,
    bytes_A: Any,
    ends_W: Any,
    counts_W: Any,
    known: Any,
    used: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Count from a position in a text on, until all is counted or there is no room for a new word.

    Return text and position reached, how many words and bytes are used, and whether a newline was met.
    """
    text, spelled = address(bytes_N), address(bytes_A)
    last, mask = text + len(bytes_N), np.uint64(len(slots_S4) - 1)
    words = address(slots_S4), mask, spelled, spelled + len(bytes_A), address(ends_W)
    newline = False
    while document < len(ends_D):
        end = ends_D[document]
        while position < end:
            if is_space(bytes_N[position]):
                newline |= bytes_N[position] == 0x0A
                position += 1
                continue
            word = read_word(text + position, text + end, last)
            place, number = find(words, word, last)
            length = word[1] - word[0]
            if number < 0:
                if known == len(ends_W) or used + length > len(bytes_A):
                    return document, position, known, used, newline
                for byte in range(length):
                    bytes_A[used + byte] = bytes_N[position + byte]
                number, used = known, used + length
                ends_W[number], counts_W[number] = used, 0
                known += 1
                fill(slots_S4, place, word, number)
            counts_W[number] += times_D[document]
            position += length
        document += 1
    return document, position, known, used, newline


@kernel
def _heads(bytes_A: Any, positions_W: Any, ends_W: Any, heads_W: Any) -> None:
    """Fill heads_W with eight bytes of each word, 0 past its end."""
    text = address(bytes_A)
    for word in range(len(positions_W)):
        length = ends_W[word] - positions_W[word]
        eight = eight_at(text + min(positions_W[word], len(bytes_A)), text + len(bytes_A))
        heads_W[word] = first_of(eight, min(length, 8)) if length > 0 else np.uint64(0)
