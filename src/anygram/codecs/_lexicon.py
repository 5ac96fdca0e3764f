"""Known words by their bytes: from texts to ids, without a Python object for each word.

Axes: N bytes, D texts, W words, S slots (`_slots`), T symbols, P words that wait to be looked up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _slots
from anygram.codecs._slots import find, is_space, read_word, slot_of
from anygram.compiled import address, kernel, load_8, part, prefetch
from anygram.protocols import Ids, Lengths, Texts

NONE = -1
"""The number of a symbol that there is not."""
SLOTS, MASK, SPELLED, SPELLED_LAST, ENDS, NEWLINE, BOUNDARY = range(7)
"""What the directory holds: where the slots lie, how many less one, where the words' bytes begin and end and
where their ends lie, and the numbers of newline (or NONE) and boundary."""
_AT_ONCE = 128
"""Words looked up together, so that they wait for memory together."""
_NO_UNITS = np.empty(0, dtype=np.int64)


@dataclass(frozen=True)
class Lexicon:
    """Words and their numbers: those from `first` on are known, all others have number 0.

    `newline` is a newline's number, NONE where it is spacing.
    """

    words: Texts
    first: int
    newline: int
    boundary: int

    @cached_property
    def directory(self) -> NDArray[np.int64]:
        """What kernels need to look words up; good as long as this lexicon lives."""
        spelled, slots_S4 = self.words.bytes_N.ctypes.data, self._slots_S4
        places = spelled, spelled + len(self.words.bytes_N), self.words.ends_D.ctypes.data
        slots = slots_S4.ctypes.data, len(slots_S4) - 1
        return np.array([*slots, *places, self.newline, self.boundary], dtype=np.int64)

    @cached_property
    def _slots_S4(self) -> _slots.Slots:
        return _slots.index(self.words, self.first)

    def encode(self, texts: Texts) -> tuple[Ids, Lengths]:
        """Return ids_T, each text's closed by the boundary, and how many each has."""
        ids_T = np.empty(len(texts.bytes_N) + len(texts), dtype=np.int32)  # unused pages cost nothing
        lengths_D = np.empty(len(texts), dtype=np.int64)
        symbols = encode_into(self.directory, texts.bytes_N, texts.ends_D, True, ids_T, _NO_UNITS, lengths_D)
        return ids_T[:symbols], lengths_D

    def encode_one(self, raw: bytes) -> tuple[Ids, NDArray[np.int64]]:
        """Return ids_T of one text, without boundary, and the bytes of each, units_T.

        They take in the spacing before each word, and the last one's also the spacing after it.
        """
        ids_T, units_T = np.empty(len(raw), dtype=np.int32), np.empty(len(raw), dtype=np.int64)
        text, lengths_D = Texts.of([raw]), np.empty(1, dtype=np.int64)
        symbols = encode_into(self.directory, text.bytes_N, text.ends_D, False, ids_T, units_T, lengths_D)
        return ids_T[:symbols].copy(), units_T[:symbols].copy()


@part
def _words(directory: Any) -> Any:
    """Return the list of words that `_slots` looks into."""
    mask = np.uint64(directory[MASK])
    return directory[SLOTS], mask, directory[SPELLED], directory[SPELLED_LAST], directory[ENDS]


@kernel
def encode_into(
    directory: Any, bytes_N: Any, ends_D: Any, closed: Any, ids_T: Any, units_T: Any, lengths_D: Any
) -> Any:
    """Fill ids_T, units_T (if it has room) and lengths_D; return T. A boundary ends each text if `closed`."""
    text = address(bytes_N)
    last, newline, words = text + len(bytes_N), directory[NEWLINE], _words(directory)
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
        if closed:
            ids_T[symbols] = directory[BOUNDARY]
            symbols += 1
        lengths_D[document] = symbols - before
    _look_up(words, waiting_7P, waiting, last, ids_T)
    return symbols


@kernel
def encode_between(directory: Any, raw: Any) -> Any:
    """Return ids_T of one text between two boundaries, given a directory of words: in the least time."""
    place, words = address(raw), _words(directory)
    end = place + len(raw)
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
