"""Kinds of characters, and words, of texts as arrays.

A letter is any of Unicode's letters and marks, a digit any of its numbers; symbols count as punctuation.
What is none of them (control characters, bytes that are no character) is another.

Axes: C characters of texts joined by newlines, W words.
"""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._text import codes_of, utf8_lengths
from anygram.data.documents import Documents
from anygram.data.store import units_of

KINDS = ("letters", "digits", "punctuation", "space", "other")
LETTERS, DIGITS, PUNCTUATION, SPACE, OTHER = range(len(KINDS))
_BY_CATEGORY = {"L": LETTERS, "M": LETTERS, "N": DIGITS, "P": PUNCTUATION, "S": PUNCTUATION, "Z": SPACE}
_CODES = 0x110000
# Thai and Lao, Myanmar, Khmer, kana, ideographs: their words are not set apart by spaces
_UNSPACED = (
    (0x0E00, 0x0F00), (0x1000, 0x10A0), (0x1780, 0x1800), (0x3005, 0x3008), (0x3040, 0x3100),
    (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x40000),
)  # fmt: skip

RARE_BELOW = 10
_COUNTED_BYTES = 1 << 23
_CHARACTERS_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class Characters:
    """Texts joined by newlines, which count no bytes."""

    texts: Sequence[str]

    @cached_property
    def joined(self) -> str:
        return "\n".join(self.texts)

    @cached_property
    def codes_C(self) -> NDArray[np.uint32]:
        return codes_of(self.joined)

    @cached_property
    def bytes_C(self) -> NDArray[np.int64]:
        """The bytes of each character; a byte that is none stands for itself."""
        bytes_C = utf8_lengths(self.codes_C)
        bytes_C[np.cumsum([len(text) + 1 for text in self.texts])[:-1] - 1] = 0
        return bytes_C

    @cached_property
    def kind_C(self) -> NDArray[np.uint8]:
        """The place of each one's kind in KINDS."""
        return _kind_of_code()[self.codes_C]

    @cached_property
    def spans_W2(self) -> NDArray[np.int64]:
        """Where each word begins and ends: a run of letters of a script that sets words apart."""
        spaced_C = (self.kind_C == LETTERS) & ~_is_unspaced()[self.codes_C]
        edges = np.flatnonzero(np.diff(spaced_C, prepend=False, append=False))
        return edges.reshape(-1, 2)

    def words(self) -> Iterator[str]:
        """Yield the words in order."""
        return (self.joined[first:last] for first, last in self.spans_W2.tolist())


@dataclass(frozen=True)
class WordCounts:
    """How often words came, and `frequent`: the fewest of them that make up half of the running text."""

    counts: Counter[str]
    frequent: frozenset[str]

    def is_rare(self, word: str) -> bool:
        """Return whether a word came fewer than ten times, or never, and is not among the frequent."""
        return word not in self.frequent and self.counts[word] < RARE_BELOW


def count_words(documents: Documents) -> WordCounts:
    """Return the counts of the documents' words; of long corpora, of 8 MB spread evenly over them."""
    counts: Counter[str] = Counter()
    for texts in _batches(documents):
        counts.update(Characters(texts).words())
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    sums_W = np.cumsum([count for _, count in by_count])
    enough = int(np.searchsorted(sums_W, sums_W[-1] / 2)) + 1 if by_count else 0
    return WordCounts(counts, frozenset(word for word, _ in by_count[:enough]))


def _batches(documents: Documents) -> Iterator[list[str]]:
    """Yield the texts of documents spread evenly over all, or the beginning of one, many at a time."""
    batch: list[str] = []
    size = 0
    for document in documents[:: max(1, math.ceil(units_of(documents) / _COUNTED_BYTES))]:
        batch.append(document.text[:_COUNTED_BYTES])
        size += len(batch[-1])
        if size >= _CHARACTERS_AT_ONCE:
            yield batch
            batch, size = [], 0
    yield batch


@cache
def _kind_of_code() -> NDArray[np.uint8]:
    """Return the kind of every code point, by its general category (Unicode Standard, table 4-4)."""
    categories = (unicodedata.category(chr(code))[0] for code in range(_CODES))
    kinds = np.fromiter((_BY_CATEGORY.get(each, OTHER) for each in categories), np.uint8, _CODES)
    kinds[ord("\t") : ord("\r") + 1] = SPACE
    return kinds


@cache
def _is_unspaced() -> NDArray[np.bool_]:
    unspaced = np.zeros(_CODES, dtype=bool)
    for first, last in _UNSPACED:
        unspaced[first:last] = True
    return unspaced


def character_start(raw: bytes, place: int) -> int:
    """Return where the character that holds this byte begins; the byte itself if none does, or an end.

    >>> character_start("né".encode(), 2), character_start(b"n", 5)
    (1, 1)
    """
    place = min(max(place, 0), len(raw))
    starts = (start for start in range(place, max(-1, place - 4), -1) if not _goes_on(raw[start : start + 1]))
    return next(starts, place)


def _goes_on(byte: bytes) -> bool:
    """Return whether a byte is a later one of a character of UTF-8; there may be none."""
    return bool(byte) and byte[0] & 0xC0 == 0x80
