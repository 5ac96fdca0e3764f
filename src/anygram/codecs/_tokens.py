"""Words between spaces, counted and looked up in bytes, without a Python object for each.

A word is what lies between the bytes of `SPACES["whitespace"]`; in UTF-8 no other character holds
them. Eight bytes are looked at together. Words are found again by open addressing (Knuth 1998,
section 6.4): a slot holds a word's hash and its number plus one, 0 where it is free, so that no hash
and no word is taken for a free slot; equal hashes are settled by comparing bytes.

Axes: N bytes, D texts, W words, A bytes of all words, S slots (a power of two), T symbols, P words that
wait to be looked up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import address, kernel, load_8, load_64, part, prefetch, trailing_zeros
from anygram.protocols import Texts

Bytes = NDArray[np.uint8]
Indices = NDArray[np.int64]
Slots = NDArray[np.uint64]

NONE = -1
"""The number of a symbol that there is not."""
_WORDS_AT_FIRST = 1 << 12
_AT_ONCE = 128
"""Words looked up together, so that they wait for memory together."""
_NOWHERE = np.empty(0, dtype=np.int64)
_SPACES_8 = np.uint64(0x2020202020202020)
_ABOVE_SPACE_8, _TOP_BITS = np.uint64(0x2121212121212121), np.uint64(0x8080808080808080)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth 1998, section 6.4)
_ZERO, _ONE, _BYTE, _HALF, _LOW_BYTE = (
    np.uint64(0),
    np.uint64(1),
    np.uint64(8),
    np.uint64(32),
    np.uint64(0xFF),
)


class WordCounts:
    """Distinct words in the order in which they came, and how often each did."""

    def __init__(self) -> None:
        self._words = self._bytes = 0
        self._bytes_A = np.empty(8 * _WORDS_AT_FIRST, dtype=np.uint8)
        self._ends_W = np.empty(_WORDS_AT_FIRST, dtype=np.int64)
        self._counts_W = np.empty(_WORDS_AT_FIRST, dtype=np.int64)
        self._slots_S2 = _free_slots(_WORDS_AT_FIRST)
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
                *(self._slots_S2, self._bytes_A, self._ends_W, self._counts_W, self._words, self._bytes),
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
        self._slots_S2 = index(self.words, 0, len(self._ends_W))


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


def index(words: Texts, first: int, room: int | None = None) -> Slots:
    """Return slots that find the words from number `first` on; of equal words the last is found."""
    slots_S2 = _free_slots(room or len(words.ends_D))
    _index(words.bytes_N, words.ends_D, first, slots_S2)
    return slots_S2


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
    texts: Texts, words: Texts, slots_S2: Slots, newline: int, boundary: int = NONE
) -> tuple[NDArray[np.int32], Indices]:
    """Return ids_T and how many each text has; an id is the word's number, 0 where it is unknown.

    `newline` is a newline's number, NONE where it is spacing; `boundary` closes each text, unless NONE.
    """
    ids_T = np.empty(len(texts.bytes_N) + len(texts), dtype=np.int32)  # pages that stay unused cost nothing
    lengths_D = np.empty(len(texts), dtype=np.int64)
    symbols = _encode(
        *(texts.bytes_N, texts.ends_D, words.bytes_N, words.ends_D, slots_S2, newline, boundary),
        *(ids_T, _NOWHERE, lengths_D),
    )
    return ids_T[:symbols], lengths_D


def encode_one(
    raw: bytes, words: Texts, slots_S2: Slots, newline: int
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return ids_T of one text as `encode` does, without boundary, and the bytes of each, units_T.

    They take in the spacing before each word, and the last one's also the spacing after it.
    """
    ids_T, units_T = np.empty(len(raw), dtype=np.int32), np.empty(len(raw), dtype=np.int64)
    end_D = np.array([len(raw)], dtype=np.int64)
    end_D.flags.writeable = False
    symbols = _encode(
        *(np.frombuffer(raw, dtype=np.uint8), end_D, words.bytes_N, words.ends_D, slots_S2, newline, NONE),
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


def _free_slots(words: int) -> Slots:
    """Return slots for so many words, at most half of which will be taken."""
    return np.zeros((1 << max(1, (2 * words - 1).bit_length()), 2), dtype=np.uint64)


@part
def _is_space(byte: Any) -> Any:
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09 or byte == 0


@part
def _eight(start: Any, last: Any) -> Any:
    """Return eight bytes as a number, the first one lowest; from `last` on there are spaces."""
    if start + 8 <= last:
        return load_64(start)
    eight = _SPACES_8
    for place in range(last - 1, start - 1, -1):
        eight = (eight << _BYTE) | load_8(place)
    return eight


@part
def _first(eight: Any, length: Any) -> Any:
    """Return the first so many of eight bytes (fewer than all), the others 0."""
    return eight & ((_ONE << np.uint64(8 * length)) - _ONE)


@part
def _mixed(hashed: Any, number: Any) -> Any:
    hashed = (hashed ^ number) * _MULTIPLIER
    return hashed ^ (hashed >> _HALF)


@part
def _word(start: Any, end: Any, last: Any) -> Any:
    """Return where the word that begins at `start` stops, `end` at the latest, and its hash.

    Bytes from `last` on are not read.
    """
    place, hashed = start, _ZERO
    while True:
        eight = _eight(place, last)
        # the top bits of bytes up to the space, and of some above the lowest of them (a borrow)
        flags = (eight - _ABOVE_SPACE_8) & ~eight & _TOP_BITS
        length = 8
        while flags != 0:
            length = trailing_zeros(flags) >> 3
            if _is_space((eight >> np.uint64(8 * length)) & _LOW_BYTE):
                break
            length, flags = 8, flags & (flags - _ONE)
        length = min(length, end - place)
        if length < 8:
            break
        place, hashed = place + 8, _mixed(hashed, eight)
    hashed = _mixed(_mixed(hashed, _first(eight, length)), np.uint64(place + length - start))
    return place + length, hashed


@part
def _alike(one: Any, last: Any, other: Any, other_last: Any, length: Any) -> Any:
    """Return whether so many bytes from two places on are equal."""
    while length >= 8:
        if load_64(one) != load_64(other):
            return False
        one, other, length = one + 8, other + 8, length - 8
    return _first(_eight(one, last) ^ _eight(other, other_last), length) == 0


@part
def _slot(
    slots: Any,
    mask: Any,
    hashed: Any,
    start: Any,
    stop: Any,
    last: Any,
    words: Any,
    words_last: Any,
    ends: Any,
) -> tuple[Any, Any]:
    """Return where the slot of a word lies, and its number; the slot is free where that is negative."""
    slot = hashed & mask
    while True:
        place = slots + 16 * np.int64(slot)
        word = np.int64(load_64(place + 8)) - 1
        if word < 0:
            return np.int64(slot), word
        if load_64(place) == hashed:
            begin = np.int64(load_64(ends + 8 * (word - 1))) if word else 0
            length = np.int64(load_64(ends + 8 * word)) - begin
            if length == stop - start and _alike(start, last, words + begin, words_last, length):
                return np.int64(slot), word
        slot = (slot + _ONE) & mask


@kernel
def _count(
    bytes_N: Any,
    ends_D: Any,
    times_D: Any,
    document: Any,
    position: Any,
    slots_S2: Any,
    bytes_A: Any,
    ends_W: Any,
    counts_W: Any,
    words: Any,
    used: Any,
) -> tuple[Any, Any, Any, Any, Any]:
    """Count from a position in a text on, until all is counted or there is no room for a new word.

    Return text and position reached, how many words and bytes are used, and whether a newline was met.
    """
    text, spelled, slots, ends = address(bytes_N), address(bytes_A), address(slots_S2), address(ends_W)
    last, spelled_last, mask = text + len(bytes_N), spelled + len(bytes_A), np.uint64(len(slots_S2) - 1)
    newline = False
    while document < len(ends_D):
        end = ends_D[document]
        while position < end:
            if _is_space(bytes_N[position]):
                newline |= bytes_N[position] == 0x0A
                position += 1
                continue
            start = text + position
            stop, hashed = _word(start, text + end, last)
            slot, word = _slot(slots, mask, hashed, start, stop, last, spelled, spelled_last, ends)
            if word < 0:
                if words == len(ends_W) or used + stop - start > len(bytes_A):
                    return document, position, words, used, newline
                for byte in range(stop - start):
                    bytes_A[used + byte] = bytes_N[position + byte]
                word, used = words, used + stop - start
                ends_W[word], counts_W[word] = used, 0
                words += 1
                slots_S2[slot, 0], slots_S2[slot, 1] = hashed, np.uint64(words)
            counts_W[word] += times_D[document]
            position = stop - text
        document += 1
    return document, position, words, used, newline


@kernel
def _index(bytes_A: Any, ends_W: Any, first: Any, slots_S2: Any) -> None:
    text, slots, ends = address(bytes_A), address(slots_S2), address(ends_W)
    last, mask = text + len(bytes_A), np.uint64(len(slots_S2) - 1)
    for word in range(first, len(ends_W)):
        start = text + (ends_W[word - 1] if word else 0)
        stop, hashed = _word(start, text + ends_W[word], last)
        if stop < text + ends_W[word]:
            continue  # it holds a space, so no text holds it
        slot, _ = _slot(slots, mask, hashed, start, stop, last, text, last, ends)
        slots_S2[slot, 0], slots_S2[slot, 1] = hashed, np.uint64(word + 1)


@kernel
def _encode(
    bytes_N: Any,
    ends_D: Any,
    bytes_A: Any,
    ends_W: Any,
    slots_S2: Any,
    newline: Any,
    boundary: Any,
    ids_T: Any,
    units_T: Any,
    lengths_D: Any,
) -> Any:
    """Fill ids_T, units_T (if it has room) and lengths_D; return T."""
    text, spelled, slots, ends = address(bytes_N), address(bytes_A), address(slots_S2), address(ends_W)
    last, spelled_last, mask = text + len(bytes_N), spelled + len(bytes_A), np.uint64(len(slots_S2) - 1)
    # words met but not looked up yet: where they begin and end, where their symbols go, their hashes
    waiting_3P = np.empty((3, _AT_ONCE), dtype=np.int64)
    hashes_P = np.empty(_AT_ONCE, dtype=np.uint64)
    symbols = position = waiting = 0
    for document in range(len(ends_D)):
        before, counted, end = symbols, position, ends_D[document]
        while position < end:
            byte = bytes_N[position]
            if byte == 0x0A and newline != NONE:
                position += 1
                ids_T[symbols] = newline
            elif _is_space(byte):
                position += 1
                continue
            else:
                start = text + position
                stop, hashed = _word(start, text + end, last)
                prefetch(slots + 16 * np.int64(hashed & mask))
                waiting_3P[0, waiting], waiting_3P[1, waiting], waiting_3P[2, waiting] = start, stop, symbols
                hashes_P[waiting] = hashed
                position, waiting = stop - text, waiting + 1
                if waiting == _AT_ONCE:
                    _look_up(
                        waiting_3P, hashes_P, waiting, last, spelled, spelled_last, ends, slots, mask, ids_T
                    )
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
    _look_up(waiting_3P, hashes_P, waiting, last, spelled, spelled_last, ends, slots, mask, ids_T)
    return symbols


@kernel
def _look_up(
    waiting_3P: Any,
    hashes_P: Any,
    waiting: Any,
    last: Any,
    spelled: Any,
    spelled_last: Any,
    ends: Any,
    slots: Any,
    mask: Any,
    ids_T: Any,
) -> None:
    """Write the numbers of waiting words, 0 for unknown ones; each step asks for what the next one needs."""
    for one in range(waiting):
        word = np.int64(load_64(slots + 16 * np.int64(hashes_P[one] & mask) + 8)) - 1
        prefetch(ends + 8 * (word - 1))
    for one in range(waiting):
        word = np.int64(load_64(slots + 16 * np.int64(hashes_P[one] & mask) + 8)) - 1
        prefetch(spelled + (np.int64(load_64(ends + 8 * (word - 1))) if word > 0 else 0))
    for one in range(waiting):
        start, stop, hashed = waiting_3P[0, one], waiting_3P[1, one], hashes_P[one]
        _, word = _slot(slots, mask, hashed, start, stop, last, spelled, spelled_last, ends)
        ids_T[waiting_3P[2, one]] = max(word, 0)


SPELLED, SPELLED_LAST, ENDS, SLOTS, MASK, NEWLINE, BOUNDARY = range(7)
"""What a directory of words holds: where their bytes begin and end, where their ends and the slots lie,
how many slots less one, and the numbers of newline (or NONE) and boundary."""


def directory(words: Texts, slots_S2: Slots, newline: int, boundary: int) -> Indices:
    """Return what kernels need to look words up; good as long as the arrays live."""
    spelled, ends = words.bytes_N.ctypes.data, words.ends_D.ctypes.data
    places = (spelled, spelled + len(words.bytes_N), ends, slots_S2.ctypes.data)
    return np.array([*places, len(slots_S2) - 1, newline, boundary], dtype=np.int64)


@kernel
def encode_between(words: Any, raw: Any) -> Any:
    """Return ids_T of one text between two boundaries, given a directory of words: in the least time."""
    place, mask = address(raw), np.uint64(words[MASK])
    end = place + len(raw)
    spelled, spelled_last, ends, slots = words[SPELLED], words[SPELLED_LAST], words[ENDS], words[SLOTS]
    ids_T = np.empty(len(raw) + 2, dtype=np.int32)
    waiting_3P = np.empty((3, len(raw) // 2 + 1), dtype=np.int64)
    hashes_P = np.empty(len(raw) // 2 + 1, dtype=np.uint64)
    ids_T[0] = words[BOUNDARY]
    symbols, waiting = 1, 0
    while place < end:
        byte = load_8(place)
        if byte == 0x0A and words[NEWLINE] != NONE:
            ids_T[symbols], symbols = words[NEWLINE], symbols + 1
        elif not _is_space(byte):
            stop, hashed = _word(place, end, end)
            prefetch(slots + 16 * np.int64(hashed & mask))
            waiting_3P[0, waiting], waiting_3P[1, waiting], waiting_3P[2, waiting] = place, stop, symbols
            hashes_P[waiting] = hashed
            place, symbols, waiting = stop, symbols + 1, waiting + 1
            continue
        place += 1
    _look_up(waiting_3P, hashes_P, waiting, end, spelled, spelled_last, ends, slots, mask, ids_T)
    ids_T[symbols] = words[BOUNDARY]
    return ids_T[: symbols + 1]


@kernel
def _heads(bytes_A: Any, positions_W: Any, ends_W: Any, heads_W: Any) -> None:
    """Fill heads_W with eight bytes of each word, 0 past its end."""
    text = address(bytes_A)
    for word in range(len(positions_W)):
        length = ends_W[word] - positions_W[word]
        eight = _eight(text + min(positions_W[word], len(bytes_A)), text + len(bytes_A))
        heads_W[word] = eight if length >= 8 else _first(eight, max(length, 0))
