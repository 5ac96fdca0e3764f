"""The words of an ARPA file by their bytes: a hash table that kernels search.

Bytes are taken eight at once. Words are compared in full, so that no two are ever taken for each other.

Axes: N bytes of a text, U words by their place in the 1-grams, P their bytes end to end, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address, kernel, load_64
from anygram.exchange.arpa.spelling import BEGIN, END, UNKNOWN, UNKNOWN_TOO
from anygram.protocols import Ids

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Slots = NDArray[np.uint64]

WORD = 8
"""Bytes read at once: as many must lie past the end of whatever is read here."""
MISSING = -1
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_HALF = np.uint64(32)
_LOW_HALF = np.uint64((1 << 32) - 1)
_EMPTY = np.uint64(0)


@dataclass(frozen=True)
class Vocabulary:
    """Words by place, and the model's id of each: `<unk>` 0, `</s>` the boundary, `<s>` one more.

    `<s>` must be there.
    """

    bytes_P: Bytes
    starts_U: Places
    """Where each word starts among the bytes, and where the last one ends."""
    slots_S2: Slots
    """A word's first eight bytes, and its size in bytes over its place + 1 (0: empty), by its hash."""
    ids_U: Ids

    @classmethod
    def of(cls, text_N: Bytes, starts_U: Places, ends_U: Places) -> Vocabulary | int:
        """Return the words that lie there in a text, or the place of the first that came before."""
        packed_U = np.zeros(len(starts_U) + 1, dtype=np.int64)
        np.cumsum(ends_U - starts_U, out=packed_U[1:])
        bytes_P = np.zeros(packed_U[-1] + WORD, dtype=np.uint8)
        slots_S2 = np.zeros((1 << (1 + 3 * len(starts_U) // 2).bit_length(), 2), dtype=np.uint64)
        repeated = int(_fill(text_N, starts_U, packed_U, bytes_P, slots_S2))
        if repeated != MISSING:
            return repeated
        return cls(bytes_P, packed_U, slots_S2, np.zeros(len(starts_U), dtype=np.int32))._numbered()

    def _numbered(self) -> Vocabulary:
        places = {word: self.place(word) for word in (BEGIN, END, UNKNOWN, UNKNOWN_TOO)}
        ordinary = np.ones(len(self.ids_U), dtype=bool)
        ordinary[[place for place in places.values() if place is not None]] = False
        ids_U = np.where(ordinary, np.cumsum(ordinary), 0).astype(np.int32)
        boundary = 1 + int(np.sum(ordinary))
        for word, symbol in ((END, boundary), (BEGIN, boundary + 1)):
            place = places[word]
            if place is not None:
                ids_U[place] = symbol
        return replace(self, ids_U=ids_U)

    def place(self, word: bytes) -> int | None:
        """Return the place of a word, None where it is unknown."""
        word_N = np.frombuffer(bytearray(word) + bytes(WORD), dtype=np.uint8)
        place = int(find(word_N, 0, len(word), self.bytes_P, self.starts_U, self.slots_S2))
        return None if place == MISSING else place

    def word(self, place: int) -> bytes:
        """Return the word at a place."""
        word: bytes = self.bytes_P[self.starts_U[place] : self.starts_U[place + 1]].tobytes()
        return word

    def texts(self) -> list[str]:
        """Return the ordinary words by id, from id 1 on."""
        raw, ends = self.bytes_P.tobytes(), self.starts_U.tolist()
        ordinary = (self.ids_U > 0) & (self.ids_U < self.boundary)
        return [raw[ends[place] : ends[place + 1]].decode() for place in np.flatnonzero(ordinary).tolist()]

    def symbol(self, word: bytes) -> int:
        """Return the model's id of a known word, wherever in an n-gram it may stand."""
        place = self.place(word)
        assert place is not None
        return min(int(self.ids_U[place]), self.boundary)

    @property
    def boundary(self) -> int:
        """The id of `</s>`, and of `<s>` in front of others."""
        return int(np.max(self.ids_U, initial=0)) - 1

    @property
    def arrays(self) -> tuple[Bytes, Places, Slots, Ids]:
        """What kernels search."""
        return self.bytes_P, self.starts_U, self.slots_S2, self.ids_U


@kernel
def find(text_N: Bytes, start: int, end: int, bytes_P: Bytes, starts_U: Places, slots_S2: Slots) -> int:
    """Return the place of the word that these bytes spell, or MISSING."""
    head, size = _chunk(text_N, start, end), end - start
    mask = len(slots_S2) - 1
    slot = np.int64(_hash(text_N, start, end, head)) & mask
    while True:
        entry = slots_S2[slot, 1]
        if entry == _EMPTY:
            return MISSING
        if slots_S2[slot, 0] == head and np.int64(entry >> _HALF) == size:
            place = int(entry & _LOW_HALF) - 1
            first, offset = starts_U[place], WORD
            while offset < size and _chunk(text_N, start + offset, end) == _chunk(
                bytes_P, first + offset, first + size
            ):
                offset += WORD
            if offset >= size:
                return place
        slot = (slot + 1) & mask


@kernel
def _hash(text_N: Bytes, start: int, end: int, head: np.uint64) -> np.uint64:
    """Return the hash of these bytes, of which `head` are the first eight."""
    hashed = (head ^ np.uint64(end - start)) * _MULTIPLIER
    for position in range(start + WORD, end, WORD):
        hashed = ((hashed ^ (hashed >> _HALF)) ^ _chunk(text_N, position, end)) * _MULTIPLIER
    return hashed ^ (hashed >> _HALF)


@kernel
def _chunk(text_N: Bytes, position: int, end: int) -> np.uint64:
    """Return up to eight bytes from a position as a number, nothing from `end` on."""
    chunk: np.uint64 = load_64(address(text_N) + position)
    if end - position < WORD:
        chunk &= (np.uint64(1) << np.uint64(8 * (end - position))) - np.uint64(1)
    return chunk


@kernel
def _fill(text_N: Bytes, text_starts_U: Places, starts_U: Places, bytes_P: Bytes, slots_S2: Slots) -> int:
    """Copy the words and enter them; return the place of the first repeated one, or MISSING."""
    mask = len(slots_S2) - 1
    for place in range(len(text_starts_U)):
        start, end = starts_U[place], starts_U[place + 1]
        shift = text_starts_U[place] - start
        for byte in range(start, end):
            bytes_P[byte] = text_N[byte + shift]
        if find(bytes_P, start, end, bytes_P, starts_U, slots_S2) != MISSING:
            return place
        head = _chunk(bytes_P, start, end)
        slot = np.int64(_hash(bytes_P, start, end, head)) & mask
        while slots_S2[slot, 1] != _EMPTY:
            slot = (slot + 1) & mask
        slots_S2[slot, 0] = head
        slots_S2[slot, 1] = np.uint64(end - start) << _HALF | np.uint64(place + 1)
    return MISSING
