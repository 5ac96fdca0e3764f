"""The words of an ARPA file by their bytes: a hash table that kernels search.

Bytes are taken eight at once. Words are compared in full, so that no two are ever taken for each other.

Axes: N bytes of a text, U words by their place in the 1-grams, P their bytes end to end, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from anygram.exchange.arpa.machine import load_64
from anygram.exchange.arpa.spelling import BEGIN, END, UNKNOWN, UNKNOWN_TOO
from anygram.protocols import Ids

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]
Heads = NDArray[np.uint64]

WORD = 8
"""Bytes read at once: as many must lie past the end of whatever is read here."""
MISSING = -1
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(32)


@dataclass(frozen=True)
class Vocabulary:
    """Words by place, and the model's id of each: `<unk>` 0, `</s>` the boundary, `<s>` one more.

    `<s>` must be there.
    """

    bytes_P: Bytes
    starts_U: Places
    """Where each word starts among the bytes, and where the last one ends."""
    heads_U: Heads
    """The first eight bytes of each word."""
    slots_S: Ids
    """Places, or MISSING; searched from the hash's lowest bits on."""
    ids_U: Ids

    @classmethod
    def of(cls, text_N: Bytes, starts_U: Places, ends_U: Places) -> Vocabulary | int:
        """Return the words that lie there in a text, or the place of the first that came before."""
        lengths_U = ends_U - starts_U
        packed_U = np.cumsum([0, *lengths_U], dtype=np.int64)
        bytes_P = np.zeros(packed_U[-1] + WORD, dtype=np.uint8)
        slots_S = np.full(1 << (2 * len(starts_U)).bit_length(), MISSING, dtype=np.int32)
        heads_U = np.empty(len(starts_U), dtype=np.uint64)
        repeated = int(_fill(text_N, starts_U, packed_U, bytes_P, heads_U, slots_S))
        if repeated != MISSING:
            return repeated
        unnumbered = cls(bytes_P, packed_U, heads_U, slots_S, np.empty(0, dtype=np.int32))
        return unnumbered._numbered()

    def _numbered(self) -> Vocabulary:
        special = np.zeros(len(self.heads_U), dtype=bool)
        for word in (BEGIN, END, UNKNOWN, UNKNOWN_TOO):
            place = self.place(word)
            if place is not None:
                special[place] = True
        ids_U = np.where(special, 0, np.cumsum(~special)).astype(np.int32)
        boundary = 1 + int(np.sum(~special))
        for word, symbol in ((END, boundary), (BEGIN, boundary + 1)):
            place = self.place(word)
            if place is not None:
                ids_U[place] = symbol
        return Vocabulary(self.bytes_P, self.starts_U, self.heads_U, self.slots_S, ids_U)

    def place(self, word: bytes) -> int | None:
        """Return the place of a word, None where it is unknown."""
        word_N = np.frombuffer(bytearray(word) + bytes(WORD), dtype=np.uint8)
        place = int(find(word_N, 0, len(word), self.bytes_P, self.starts_U, self.heads_U, self.slots_S))
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
    def arrays(self) -> tuple[Bytes, Places, Heads, Ids, Ids]:
        """What kernels search."""
        return self.bytes_P, self.starts_U, self.heads_U, self.slots_S, self.ids_U


@numba.njit(cache=True, nogil=True)
def find(
    text_N: Bytes,
    start: int,
    end: int,
    bytes_P: Bytes,
    starts_U: Places,
    heads_U: Heads,
    slots_S: Ids,
) -> int:
    """Return the place of the word that these bytes spell, or MISSING."""
    head = _chunk(text_N, start, end)
    mask = len(slots_S) - 1
    slot = np.int64(_hash(text_N, start, end, head)) & mask
    while True:
        place = int(slots_S[slot])
        if place < 0:
            return MISSING
        if heads_U[place] == head and starts_U[place + 1] - starts_U[place] == end - start:
            offset = WORD
            first = starts_U[place]
            while offset < end - start and _chunk(text_N, start + offset, end) == _chunk(
                bytes_P, first + offset, first + end - start
            ):
                offset += WORD
            if offset >= end - start:
                return place
        slot = (slot + 1) & mask


@numba.njit(cache=True, nogil=True)
def _hash(text_N: Bytes, start: int, end: int, head: np.uint64) -> np.uint64:
    """Return the hash of these bytes, of which `head` are the first eight."""
    hashed = (head ^ np.uint64(end - start)) * _MULTIPLIER
    for position in range(start + WORD, end, WORD):
        hashed = ((hashed ^ (hashed >> _SHIFT)) ^ _chunk(text_N, position, end)) * _MULTIPLIER
    return hashed ^ (hashed >> _SHIFT)


@numba.njit(cache=True, nogil=True)
def _chunk(text_N: Bytes, position: int, end: int) -> np.uint64:
    """Return up to eight bytes from a position as a number, nothing from `end` on."""
    chunk = load_64(text_N, position)
    if end - position < WORD:
        chunk &= (np.uint64(1) << np.uint64(8 * (end - position))) - np.uint64(1)
    return chunk


@numba.njit(cache=True, nogil=True)
def _fill(
    text_N: Bytes,
    text_starts_U: Places,
    starts_U: Places,
    bytes_P: Bytes,
    heads_U: Heads,
    slots_S: Ids,
) -> int:
    """Copy the words and enter them; return the place of the first repeated one, or MISSING."""
    mask = len(slots_S) - 1
    for place in range(len(heads_U)):
        shift = text_starts_U[place] - starts_U[place]
        for byte in range(starts_U[place], starts_U[place + 1]):
            bytes_P[byte] = text_N[byte + shift]
        start, end = starts_U[place], starts_U[place + 1]
        if find(bytes_P, start, end, bytes_P, starts_U, heads_U, slots_S) != MISSING:
            return place
        heads_U[place] = _chunk(bytes_P, start, end)
        slot = np.int64(_hash(bytes_P, start, end, heads_U[place])) & mask
        while slots_S[slot] != MISSING:
            slot = (slot + 1) & mask
        slots_S[slot] = place
    return MISSING
