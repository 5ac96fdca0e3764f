"""What stands before the next symbol, as a row of numbers, and the contexts that are hashed from it.

A row's numbers are its whole state: the last symbols, the word, the line and the field they stand in.
They are kept up to date symbol by symbol (`follow`); a context is a hash of some of them (`hash_context`).
Words, lines, fields and kinds of symbols are those of bytes of text; other vocabularies have contexts
of symbols alone.

Axes: N numbers of a row, C contexts.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import borrowing, part
from anygram.models.contextmix.fixed import Whole, folded, hashed

Numbers = NDArray[np.int64]

HASHING = 1
"""Counts the ways in which contexts were hashed: tables of another way are of no use."""


class Context(IntEnum):
    """What a context knows; orders 0 to 9 are that many symbols before."""

    WORD = 10
    """The letters of this word and the symbol before."""
    WORDS_2 = 11
    """This word and the one before."""
    WORDS_3 = 12
    """This word and the two before."""
    WORDS_SKIP = 13
    """This word and the one before the last."""
    SKIP = 14
    """The second and the fourth symbol before: what varies between them does not matter."""
    PAIR = 15
    """The second and the third symbol before."""
    COARSE = 16
    """The symbol before, and the upper halves of the three before it."""
    ABOVE = 17
    """The column, the symbol above in the line before, and the symbol before."""
    COLUMN = 18
    """The column alone."""
    CORNER = 19
    """The symbols above and above to the right, and the symbol before."""
    SHAPE = 20
    """Kinds of the symbols before (runs of letters as two), and the symbol before."""
    FOLLOWED = 21
    """What followed the last symbol the last two times."""
    FOLLOWED_2 = 22
    """What followed the last two symbols the last two times, and the symbol before."""
    FIELD = 23
    """The place of this field in its line, and its letters so far."""
    FIELD_SO_FAR = 24
    """The place of this field, and all of it so far."""
    FIELD_BEFORE = 25
    """All of this field so far, its place, and the field before."""
    FIELD_ABOVE = 26
    """All of this field so far, its place, and the same field in the line before."""
    TEMPLATE = 27
    """The line so far, any number the same as another, and the symbol before."""
    LINE_START = 28
    """This word, and how the line begins."""
    LINE_WORD = 29
    """This word, and the first of the line."""
    SENTENCE = 30
    """This word, and the last sign of punctuation or capital letter."""
    CASELESS = 31
    """Five symbols before, capitals as small letters and any white space as one blank."""
    RECORD = 32
    """The place in a record of fixed length, and the symbol before."""
    RECORD_ABOVE = 33
    """The same place in the record before, the symbol before, and the place."""
    LETTERS = 34
    """The last six letters, whatever stands between them."""


SYMBOLS = 0
"""The last 32 symbols, the newest first."""
REMEMBERED = 32
WORD, WORD_1, WORD_2, WORD_LENGTH = 32, 33, 34, 35
COLUMN, ABOVE, CORNER, LINE_START, LINE_WORD, TEMPLATE = 36, 37, 38, 39, 40, 41
FIELD, FIELD_HASH, FIELD_LAST, FIELD_UP = 42, 43, 44, 45
SHAPE, SIGN, LETTERS, FOLLOWED, FOLLOWED_2 = 46, 47, 48, 49, 50
CASELESS = 51
"""The last 5 caseless symbols."""
PLACE, PERIOD = 56, 57
BYTES = 58
"""1 where the symbols are bytes."""
MATCHES = 59
"""Where each of the matches goes on in the history."""
MATCHED = 61
"""How long each match is, 0 where there is none."""
_FIELDS = 64
FIELDS_NOW, FIELDS_ABOVE = 64, 64 + _FIELDS
LINE_NOW = FIELDS_ABOVE + _FIELDS
COLUMNS = 512
LINE_ABOVE = LINE_NOW + COLUMNS
RING, RING_SIZE = LINE_ABOVE + COLUMNS, 256
"""The last symbols by their place in a record of up to 256."""
NUMBERS = RING + RING_SIZE


def beginning(vocabulary_size: Whole, period: Whole) -> Numbers:
    """Return a row's numbers after the boundary; `period` is the length of a fixed record, or 0."""
    numbers_N = np.zeros(NUMBERS, dtype=np.int64)
    numbers_N[SYMBOLS:REMEMBERED] = vocabulary_size - 1
    numbers_N[PERIOD] = period
    numbers_N[BYTES] = vocabulary_size == 257
    return numbers_N


@borrowing
def hash_context(context: Whole, numbers_N: Numbers) -> Whole:
    """Return the hash of what a context knows."""
    n = numbers_N
    h = np.int64(context) << 40  # far from the numbers that are folded into it
    if context < 10:
        for place in range(context):
            h = folded(h, n[place])
    elif context == Context.WORD:
        h = folded(folded(h, n[WORD]), n[0])
    elif context == Context.WORDS_2:
        h = folded(folded(h, n[WORD]), n[WORD_1])
    elif context == Context.WORDS_3:
        h = folded(folded(folded(h, n[WORD]), n[WORD_1]), n[WORD_2])
    elif context == Context.WORDS_SKIP:
        h = folded(folded(h, n[WORD]), n[WORD_2])
    elif context == Context.SKIP:
        h = folded(folded(h, n[1]), n[3])
    elif context == Context.PAIR:
        h = folded(folded(h, n[1]), n[2])
    elif context == Context.COARSE:
        h = folded(folded(h, n[0]), (n[1] >> 4 << 20) + (n[2] >> 4 << 10) + (n[3] >> 4))
    elif context == Context.ABOVE:
        h = folded(folded(h, n[0]), (n[COLUMN] << 20) + n[ABOVE])
    elif context == Context.COLUMN:
        h = folded(h, n[COLUMN])
    elif context == Context.CORNER:
        h = folded(folded(h, n[0]), (n[ABOVE] << 20) + n[CORNER])
    elif context == Context.SHAPE:
        h = folded(folded(h, n[0]), n[SHAPE])
    elif context == Context.FOLLOWED:
        h = folded(folded(h, n[0]), n[FOLLOWED])
    elif context == Context.FOLLOWED_2:
        h = folded(folded(h, n[0]), n[FOLLOWED_2])
    else:
        h = _hash_line(context, n)
    return hashed(h)


@borrowing
def _hash_line(context: Whole, n: Numbers) -> Whole:
    """Return the hash of a context that knows of lines, fields or records."""
    h = np.int64(context) << 40  # far from the numbers that are folded into it
    if context == Context.FIELD:
        h = folded(folded(h, n[FIELD]), n[WORD])
    elif context == Context.FIELD_SO_FAR:
        h = folded(folded(h, n[FIELD]), n[FIELD_HASH])
    elif context == Context.FIELD_BEFORE:
        h = folded(folded(folded(h, n[FIELD]), n[FIELD_HASH]), n[FIELD_LAST])
    elif context == Context.FIELD_ABOVE:
        h = folded(folded(folded(h, n[FIELD]), n[FIELD_HASH]), n[FIELD_UP])
    elif context == Context.TEMPLATE:
        h = folded(folded(h, n[TEMPLATE]), n[0])
    elif context == Context.LINE_START:
        h = folded(folded(h, n[WORD]), n[LINE_START])
    elif context == Context.LINE_WORD:
        h = folded(folded(h, n[WORD]), n[LINE_WORD])
    elif context == Context.SENTENCE:
        h = folded(folded(h, n[WORD]), n[SIGN])
    elif context == Context.CASELESS:
        for place in range(5):
            h = folded(h, n[CASELESS + place])
    elif context == Context.RECORD:
        h = folded(folded(h, n[PLACE]), n[0])
    elif context == Context.RECORD_ABOVE:
        h = folded(folded(folded(h, n[PLACE]), n[RING + n[PLACE]]), n[0])
    elif context == Context.LETTERS:
        h = folded(folded(h, n[LETTERS]), n[0])
    return h


@borrowing
def follow(n: Numbers, symbol: Whole) -> None:
    """Bring a row's numbers past a symbol that is not the boundary."""
    for place in range(REMEMBERED - 1, 0, -1):
        n[place] = n[place - 1]
    n[0] = symbol
    if n[PERIOD] > 0:
        n[RING + n[PLACE]] = symbol
        n[PLACE] = n[PLACE] + 1 if n[PLACE] + 1 < n[PERIOD] else 0
    if n[BYTES] > 0:
        _follow_words(n, symbol)
        _follow_kinds(n, symbol)
        _follow_line(n, symbol)


@part
def _small(byte: Whole) -> Whole:
    """Return a capital letter as a small one, and white space as a blank."""
    if 65 <= byte <= 90:
        return byte + 32
    return np.int64(32) if byte == 10 or byte == 13 or byte == 9 else byte


@borrowing
def _follow_words(n: Numbers, byte: Whole) -> None:
    small = _small(byte)
    letter = 97 <= small <= 122 or byte >= 128
    if not (small == 32 and n[CASELESS] == 32):
        for place in range(4, 0, -1):
            n[CASELESS + place] = n[CASELESS + place - 1]
        n[CASELESS] = small
    if letter or 48 <= byte <= 57:
        n[WORD] = folded(n[WORD], small)
        n[WORD_LENGTH] += 1
    elif n[WORD] != 0:
        if n[LINE_WORD] == 0:
            n[LINE_WORD] = n[WORD]
        n[WORD_2] = n[WORD_1]
        n[WORD_1] = n[WORD]
        n[WORD] = 0
        n[WORD_LENGTH] = 0
    if letter:
        n[LETTERS] = ((n[LETTERS] << 5) | (small & 31)) & 0x3FFFFFFF


@borrowing
def _follow_kinds(n: Numbers, byte: Whole) -> None:
    kind: Whole = np.int64(0)
    if 97 <= byte <= 122:
        kind = 1
    elif 65 <= byte <= 90:
        kind = 6
    elif 48 <= byte <= 57:
        kind = 2
    elif byte == 10:
        kind = 7
    elif byte == 32 or byte == 9 or byte == 13:
        kind = 3
    elif byte >= 128:
        kind = 4
    elif byte == 44 or byte == 46 or byte == 59 or byte == 58 or byte == 33 or byte == 63:
        kind = 5
    if not (kind == 1 and n[SHAPE] & 0xFF == 0x11):
        n[SHAPE] = ((n[SHAPE] << 4) | kind) & 0xFFFFFFFF
    if kind >= 5:
        n[SIGN] = byte


@borrowing
def _follow_line(n: Numbers, byte: Whole) -> None:
    digit, before = 48 <= byte <= 57, n[1]
    separator = byte == 44 or byte == 9 or byte == 59 or byte == 32
    if byte == 10:
        n[LINE_NOW + n[COLUMN]] = 10
        for place in range(n[COLUMN] + 1):
            n[LINE_ABOVE + place] = n[LINE_NOW + place]
        n[FIELDS_NOW + min(n[FIELD], _FIELDS - 1)] = n[FIELD_HASH]
        for place in range(_FIELDS):
            n[FIELDS_ABOVE + place] = n[FIELDS_NOW + place]
            n[FIELDS_NOW + place] = 0
        for place in range(COLUMN, FIELD_UP + 1):
            n[place] = 0
    else:
        if n[COLUMN] < COLUMNS - 2:
            n[LINE_NOW + n[COLUMN]] = byte
            n[COLUMN] += 1
        if n[COLUMN] < 4:
            n[LINE_START] = folded(n[LINE_START], byte)
        if not digit:
            n[TEMPLATE] = folded(n[TEMPLATE], byte)
        elif not 48 <= before <= 57:
            n[TEMPLATE] = folded(n[TEMPLATE], 0)
        if separator:
            n[FIELDS_NOW + min(n[FIELD], _FIELDS - 1)] = n[FIELD_HASH]
            n[FIELD_LAST] = n[FIELD_HASH]
            n[FIELD] += 1
            n[FIELD_HASH] = 0
        else:
            n[FIELD_HASH] = folded(n[FIELD_HASH], byte)
    n[FIELD_UP] = n[FIELDS_ABOVE + min(n[FIELD], _FIELDS - 1)]
    n[ABOVE] = n[LINE_ABOVE + n[COLUMN]]
    n[CORNER] = n[LINE_ABOVE + n[COLUMN] + 1]
