"""The words of an ARPA file by their bytes, and the model's id of each.

Axes: N bytes of a text, U words by their place in the 1-grams, V symbols by id, S slots.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import pieces
from anygram.codecs import _slots
from anygram.compiled import address, kernel
from anygram.exchange.arpa.spelling import BEGIN, END, UNKNOWN, UNKNOWN_TOO
from anygram.protocols import Ids, Texts

Bytes = NDArray[np.uint8]
Places = NDArray[np.int64]

MISSING = -1


@dataclass(frozen=True)
class Vocabulary:
    """Words by id: `<unk>` 0, `</s>` the boundary, `<s>` one more, whether or not the file has them."""

    words: Texts
    slots_S4: _slots.Slots
    """Those that the file has (`codecs._slots`)."""
    ids_U: Ids
    """The id of each of the file's words."""

    @classmethod
    def of(cls, text_N: Bytes, starts_U: Places, ends_U: Places) -> Vocabulary | int:
        """Return the words that lie there in a text, or the place of the first that came before."""
        places = [first_place(word, text_N, starts_U, ends_U) for word in (UNKNOWN, UNKNOWN_TOO, END, BEGIN)]
        ordinary_U = np.ones(len(starts_U), dtype=bool)
        ordinary_U[[place for place in places if place != MISSING]] = False
        boundary = 1 + int(ordinary_U.sum())
        ids_U = np.where(ordinary_U, np.cumsum(ordinary_U), 0).astype(np.int32)
        for place, symbol in zip(places[2:], (boundary, boundary + 1), strict=True):
            if place != MISSING:
                ids_U[place] = symbol
        starts_W, ends_W = starts_U[ordinary_U], ends_U[ordinary_U]
        ordinary = Texts(pieces.joined(text_N, starts_W, ends_W), np.cumsum(ends_W - starts_W))
        words = Texts.of([UNKNOWN]).followed_by(ordinary).followed_by(Texts.of([END, BEGIN]))
        slots_S4 = _slots.free_slots(len(words))
        arrays = words.bytes_N, words.ends_D, slots_S4
        repeated = int(_enter(text_N, starts_U, ends_U, ids_U, *arrays))
        return cls(words, slots_S4, ids_U) if repeated == MISSING else repeated

    def id_of(self, word: bytes) -> int | None:
        """Return the id of a word, None where it is unknown."""
        word_N = np.frombuffer(word, dtype=np.uint8)
        symbol = int(_find(self.directory, word_N)) if word else MISSING
        return None if symbol == MISSING else symbol

    def symbol(self, word: bytes) -> int:
        """Return the model's symbol of a known word, wherever in an n-gram it may stand."""
        symbol = self.id_of(word)
        assert symbol is not None
        return min(symbol, self.boundary)

    @property
    def boundary(self) -> int:
        """The id of `</s>`, and in a model of `<s>` too."""
        return len(self.words) - 2

    @property
    def ordinary(self) -> Texts:
        """The words from id 1 on."""
        ends_D = self.words.ends_D
        return Texts(self.words.bytes_N[ends_D[0] : ends_D[-3]], ends_D[1:-2] - ends_D[0])

    @cached_property
    def directory(self) -> Places:
        """What kernels need to look words up (`words_of`); good as long as the vocabulary lives."""
        spelled, ends = self.words.bytes_N.ctypes.data, self.words.ends_D.ctypes.data
        spelled_last = spelled + len(self.words.bytes_N)
        slots, mask = self.slots_S4.ctypes.data, len(self.slots_S4) - 1
        return np.array([slots, mask, spelled, spelled_last, ends], dtype=np.int64)


def first_place(word: bytes, text_N: Bytes, starts_U: Places, ends_U: Places) -> int:
    """Return the place of the first of the words that is this one, or MISSING."""
    places = np.flatnonzero(ends_U - starts_U == len(word))
    spelled = text_N[starts_U[places][:, None] + np.arange(len(word))]
    found = places[(spelled == np.frombuffer(word, dtype=np.uint8)).all(axis=1)]
    return int(found[0]) if len(found) else MISSING


@kernel
def words_of(directory: Places) -> Any:
    """Return the tuple that `codecs._slots` searches."""
    return directory[0], np.uint64(directory[1]), directory[2], directory[3], directory[4]


@kernel
def _find(directory: Places, word_N: Any) -> Any:
    """Return the id of the word that these bytes, one at least, spell, or MISSING."""
    start, last = address(word_N), address(word_N) + len(word_N)
    word = _slots.read_word(start, last, last)
    return _slots.find(words_of(directory), word, last)[1] if word[1] == last else MISSING


@kernel
def _enter(
    text_N: Bytes, starts_U: Places, ends_U: Places, ids_U: Ids, bytes_A: Any, ends_D: Any, slots_S4: Any
) -> int:
    """Enter the words by id; return the place of the first repeated one, or MISSING."""
    spelled = address(bytes_A), address(bytes_A) + len(bytes_A), address(ends_D)
    words = address(slots_S4), np.uint64(len(slots_S4) - 1), *spelled
    last = address(text_N) + len(text_N)
    for place in range(len(starts_U)):
        start, end = address(text_N) + starts_U[place], address(text_N) + ends_U[place]
        word = _slots.read_word(start, end, last)
        slot, number = _slots.find(words, word, last)
        if number >= 0:
            return place
        _slots.fill(slots_S4, slot, word, ids_U[place])
    return MISSING
