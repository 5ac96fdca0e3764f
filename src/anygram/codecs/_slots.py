"""Words found by their bytes: read from a text eight bytes at a time, looked up in one cache line.

A word is what lies between the bytes of `SPACES["whitespace"]`; in UTF-8 no other character holds them.
Words are found by open addressing (Knuth 1998, section 6.4). A slot holds a word's first sixteen bytes, a
hash of the longer ones, and its number plus one, 0 where it is free, so that no word is taken for a free
slot. Up to sixteen bytes that says which word it is, since no word holds a zero byte; of longer ones the
bytes are compared.

In kernels a word is a tuple (start, stop, head, second, tail, hashed) of where it lies in memory, its first
and second eight bytes, the hash of the rest (0: there is none) and that of all; a list of words is a tuple
(slots, mask, spelled, spelled_last, ends) of addresses, where mask is the number of slots less one.

Axes: A bytes of all words, W words, S slots (a power of two).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address, kernel, load_8, load_64, part, trailing_zeros
from anygram.protocols import Texts

Slots = NDArray[np.uint64]

SLOT = 32
"""Bytes of a slot."""
_HEAD, _SECOND, _TAIL, _NUMBER = 0, 8, 16, 24
_ABOVE_SPACE_8, _TOP_BITS = np.uint64(0x2121212121212121), np.uint64(0x8080808080808080)
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio (Knuth 1998, section 6.4)
_ALL = np.uint64(0xFFFFFFFFFFFFFFFF)
_ZERO, _ONE, _BYTE, _HALF, _LOW_BYTE = (
    np.uint64(0),
    np.uint64(1),
    np.uint64(8),
    np.uint64(32),
    np.uint64(0xFF),
)


def index(words: Texts, first: int, room: int | None = None) -> Slots:
    """Return slots_S4 that find the words from number `first` on; of equal words the last is found."""
    slots_S4 = free_slots(room or len(words))
    _index(words.bytes_N, words.ends_D, first, slots_S4)
    return slots_S4


def free_slots(words: int) -> Slots:
    """Return slots for so many words, at most half of which will be taken."""
    return np.zeros((1 << max(1, (2 * words - 1).bit_length()), SLOT // 8), dtype=np.uint64)


@part
def is_space(byte: Any) -> Any:
    """Return whether a byte separates words."""
    return byte == 0x20 or byte == 0x0A or byte == 0x0D or byte == 0x09 or byte == 0


@part
def eight_at(start: Any, last: Any) -> Any:
    """Return eight bytes as a number, the first one lowest; from `last` on they are 0, which is a space."""
    if start + 8 <= last:
        return load_64(start)
    eight = _ZERO
    for place in range(last - 1, start - 1, -1):
        eight = (eight << _BYTE) | load_8(place)
    return eight


@part
def first_of(eight: Any, length: Any) -> Any:
    """Return the first so many of eight bytes, one at least, the others 0."""
    return eight & (_ALL >> np.uint64(64 - 8 * length))


@part
def _letters(eight: Any) -> Any:
    """Return how many of eight bytes come before the first space."""
    # the top bits of bytes up to the space, and of some above the lowest of them (a borrow)
    flags = (eight - _ABOVE_SPACE_8) & ~eight & _TOP_BITS
    length = 8
    while flags != 0:
        length = trailing_zeros(flags) >> 3
        if is_space((eight >> np.uint64(8 * length)) & _LOW_BYTE):
            break
        length, flags = 8, flags & (flags - _ONE)
    return length


@part
def _mixed(hashed: Any, number: Any) -> Any:
    hashed = (hashed ^ number) * _MULTIPLIER
    return hashed ^ (hashed >> _HALF)


@part
def read_word(start: Any, end: Any, last: Any) -> Any:
    """Return the word that begins at `start` and stops at `end` at the latest.

    Bytes from `last` on are not read.
    """
    head, second, tail = eight_at(start, last), _ZERO, _ZERO
    stop = min(start + _letters(head), end)
    head = first_of(head, stop - start)
    hashed = _mixed(_ZERO, head)
    if stop == start + 8 and stop < end:
        second = eight_at(stop, last)
        length = min(_letters(second), end - stop)
        second = first_of(second, length) if length > 0 else _ZERO
        stop += length
        while length == 8 and stop < end:
            eight = eight_at(stop, last)
            length = min(_letters(eight), end - stop)
            if length > 0:
                tail, stop = _mixed(tail, first_of(eight, length)), stop + length
        if stop - start > 16:
            tail = _mixed(tail, np.uint64(stop - start)) | _ONE
    if stop - start > 8:
        hashed = _mixed(_mixed(hashed, second), tail)
    return start, stop, head, second, tail, hashed


@part
def slot_of(words: Any, hashed: Any) -> Any:
    """Return the address of the slot where the search for a word begins."""
    return words[0] + SLOT * np.int64(hashed & words[1])


@part
def find(words: Any, word: Any, last: Any) -> tuple[Any, Any]:
    """Return the address of a word's slot, and its number; where that is negative the slot is free.

    Bytes of the text from `last` on are not read.
    """
    slots, mask, spelled, spelled_last, ends = words
    start, stop, head, second, tail, hashed = word
    slot = hashed & mask
    while True:
        place = slots + SLOT * np.int64(slot)
        number = np.int64(load_64(place + _NUMBER)) - 1
        if number < 0:
            return place, number
        if load_64(place + _HEAD) == head and load_64(place + _SECOND) == second:
            if load_64(place + _TAIL) == tail:
                if tail == 0:
                    return place, number
                begin = np.int64(load_64(ends + 8 * (number - 1))) if number else 0
                length = np.int64(load_64(ends + 8 * number)) - begin
                if length == stop - start and _alike(start, last, spelled + begin, spelled_last, length):
                    return place, number
        slot = (slot + _ONE) & mask


@part
def _alike(one: Any, last: Any, other: Any, other_last: Any, length: Any) -> Any:
    """Return whether so many bytes from two places on are equal."""
    while length >= 8:
        if load_64(one) != load_64(other):
            return False
        one, other, length = one + 8, other + 8, length - 8
    return length == 0 or first_of(eight_at(one, last) ^ eight_at(other, other_last), length) == 0


@part
def fill(slots_S4: Any, place: Any, word: Any, number: Any) -> None:
    """Enter a word and its number into the slot at an address."""
    slot = (place - address(slots_S4)) // SLOT
    slots_S4[slot, 0], slots_S4[slot, 1], slots_S4[slot, 2] = word[2], word[3], word[4]
    slots_S4[slot, 3] = np.uint64(number + 1)


@kernel
def _index(bytes_A: Any, ends_W: Any, first: Any, slots_S4: Any) -> None:
    text, slots, ends = address(bytes_A), address(slots_S4), address(ends_W)
    last = text + len(bytes_A)
    words = slots, np.uint64(len(slots_S4) - 1), text, last, ends
    for number in range(first, len(ends_W)):
        start, end = text + (ends_W[number - 1] if number else 0), text + ends_W[number]
        if start == end:
            continue
        word = read_word(start, end, last)
        if word[1] < end:
            continue  # it holds a space, so no text holds it
        place, _ = find(words, word, last)
        fill(slots_S4, place, word, number)
