"""Words between spaces, counted and looked up in bytes, without a Python object for each.

Axes: N bytes, D texts, W words, A bytes of all words, S slots (`_slots`), T symbols, P words that wait to
be looked up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.codecs._slots import (
    Slots,
    eight_at,
    fill,
    find,
    first_of,
    free_slots,
    index,
    is_space,
    read_word,
    slot_of,
)
from anygram.compiled import address, kernel, load_8, part, prefetch
from anygram.protocols import Texts

Bytes = NDArray[np.uint8]
Indices = NDArray[np.int64]

NONE = -1
"""The number of a symbol that there is not."""
_WORDS_AT_FIRST = 1 << 12
_AT_ONCE = 128
"""Words looked up together, so that they wait for memory together."""
_NOWHERE = np.empty(0, dtype=np.int64)


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


def encode(
    texts: Texts, words: Texts, slots_S4: Slots, newline: int, boundary: int = NONE
) -> tuple[NDArray[np.int32], Indices]:
    """Return ids_T and how many each text has; an id is the word's number, 0 where it is unknown.

    `newline` is a newline's number, NONE where it is spacing; `boundary` closes each text, unless NONE.
    """
    ids_T = np.empty(len(texts.bytes_N) + len(texts), dtype=np.int32)  # pages that stay unused cost nothing
    lengths_D = np.empty(len(texts), dtype=np.int64)
    symbols = _encode(
        *(texts.bytes_N, texts.ends_D, words.bytes_N, words.ends_D, slots_S4, newline, boundary),
        *(ids_T, _NOWHERE, lengths_D),
    )
    return ids_T[:symbols], lengths_D


def encode_one(
    raw: bytes, words: Texts, slots_S4: Slots, newline: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return ids_T of one text as `encode` does, without boundary, and the bytes of each, units_T.

    They take in the spacing before each word, and the last one's also the spacing after it.
    """
    ids_T, units_T = np.empty(len(raw), dtype=np.int32), np.empty(len(raw), dtype=np.int64)
    end_D = np.array([len(raw)], dtype=np.int64)
    end_D.flags.writeable = False
    symbols = _encode(
        *(np.frombuffer(raw, dtype=np.uint8), end_D, words.bytes_N, words.ends_D, slots_S4, newline, NONE),
        *(ids_T, units_T, np.empty(1, dtype=np.int64)),
    )
    return ids_T[:symbols].copy(), units_T[:symbols].copy()


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
def _encode(
    bytes_N: Any,
    ends_D: Any,
    bytes_A: Any,
    ends_W: Any,
    slots_S4: Any,
    newline: Any,
    boundary: Any,
    ids_T: Any,
    units_T: Any,
    lengths_D: Any,
) -> Any:
    """Fill ids_T, units_T (if it has room) and lengths_D; return T."""
    text, spelled = address(bytes_N), address(bytes_A)
    last, mask = text + len(bytes_N), np.uint64(len(slots_S4) - 1)
    words = address(slots_S4), mask, spelled, spelled + len(bytes_A), address(ends_W)
    waiting_7P = np.empty((7, _AT_ONCE), dtype=np.uint64)
    symbols = position = waiting = 0
    for document in range(len(ends_D)):
        before, counted, end = symbols, position, ends_D[document]
        while position < end:
            byte = bytes_N[position]
            if byte == 0x0A and newline != NONE:
                position += 1
                ids_T[symbols] = newline
            elif is_space(byte):
                position += 1
                continue
            else:
                word = read_word(text + position, text + end, last)
                prefetch(slot_of(words, word[5]))
                _wait(word, symbols, waiting, waiting_7P)
                position, waiting = word[1] - text, waiting + 1
                if waiting == _AT_ONCE:
                    _look_up(words, waiting_7P, waiting, last, ids_T)
                    waiting = 0
            if len(units_T):
                units_T[symbols], counted = position - counted, position
            symbols += 1
        if len(units_T) and symbols > before:
            units_T[symbols - 1] += end - counted
        if boundary != NONE:
            ids_T[symbols] = boundary
            symbols += 1
        lengths_D[document] = symbols - before
    _look_up(words, waiting_7P, waiting, last, ids_T)
    return symbols


@part
def _wait(word: Any, symbol: Any, place: Any, waiting_7P: Any) -> None:
    """Put a word down to be looked up later, and which symbol of the text it is."""
    waiting_7P[0, place], waiting_7P[1, place] = np.uint64(word[0]), np.uint64(word[1])
    waiting_7P[2, place], waiting_7P[3, place], waiting_7P[4, place] = word[2], word[3], word[4]
    waiting_7P[5, place], waiting_7P[6, place] = word[5], np.uint64(symbol)


@kernel
def _look_up(words: Any, waiting_7P: Any, waiting: Any, last: Any, ids_T: Any) -> None:
    """Write the numbers of waiting words, 0 for unknown ones."""
    for one in range(waiting):
        start, stop = np.int64(waiting_7P[0, one]), np.int64(waiting_7P[1, one])
        keys = waiting_7P[2, one], waiting_7P[3, one], waiting_7P[4, one], waiting_7P[5, one]
        _, number = find(words, (start, stop, *keys), last)
        ids_T[waiting_7P[6, one]] = max(number, 0)


SPELLED, SPELLED_LAST, ENDS, SLOTS, MASK, NEWLINE, BOUNDARY = range(7)
"""What a directory of words holds: where their bytes begin and end, where their ends and the slots lie,
how many slots less one, and the numbers of newline (or NONE) and boundary."""


def directory(words: Texts, slots_S4: Slots, newline: int, boundary: int) -> Indices:
    """Return what kernels need to look words up; good as long as the arrays live."""
    spelled, ends = words.bytes_N.ctypes.data, words.ends_D.ctypes.data
    places = (spelled, spelled + len(words.bytes_N), ends, slots_S4.ctypes.data)
    return np.array([*places, len(slots_S4) - 1, newline, boundary], dtype=np.int64)


@kernel
def encode_between(directory: Any, raw: Any) -> Any:
    """Return ids_T of one text between two boundaries, given a directory of words: in the least time."""
    place = address(raw)
    end, mask = place + len(raw), np.uint64(directory[MASK])
    words = directory[SLOTS], mask, directory[SPELLED], directory[SPELLED_LAST], directory[ENDS]
    most = len(raw) // 2 + 1
    ids_T, waiting_7P = np.empty(len(raw) + 2, dtype=np.int32), np.empty((7, most), dtype=np.uint64)
    ids_T[0] = directory[BOUNDARY]
    symbols, waiting = 1, 0
    while place < end:
        byte = load_8(place)
        if byte == 0x0A and directory[NEWLINE] != NONE:
            ids_T[symbols], symbols = directory[NEWLINE], symbols + 1
        elif not is_space(byte):
            word = read_word(place, end, end)
            prefetch(slot_of(words, word[5]))
            _wait(word, symbols, waiting, waiting_7P)
            place, symbols, waiting = word[1], symbols + 1, waiting + 1
            continue
        place += 1
    _look_up(words, waiting_7P, waiting, end, ids_T)
    ids_T[symbols] = directory[BOUNDARY]
    return ids_T[: symbols + 1]


@kernel
def _heads(bytes_A: Any, positions_W: Any, ends_W: Any, heads_W: Any) -> None:
    """Fill heads_W with eight bytes of each word, 0 past its end."""
    text = address(bytes_A)
    for word in range(len(positions_W)):
        length = ends_W[word] - positions_W[word]
        eight = eight_at(text + min(positions_W[word], len(bytes_A)), text + len(bytes_A))
        heads_W[word] = first_of(eight, min(length, 8)) if length > 0 else np.uint64(0)
