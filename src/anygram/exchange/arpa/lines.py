"""One line of an ARPA file in plain Python: understood, or refused with a reason and a remedy.

What the compiled kernels do not read comes here; it decides.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from anygram.errors import DataError
from anygram.exchange.arpa.spelling import BEGIN, END

SPACES = b" \t\r\n\0"
_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_SPACING = re.compile(rb"[ \t\r\n\0]+")
_SHOWN = 40


@dataclass(frozen=True)
class Entry:
    """The words of one n-gram, log10 p, log10 γ."""

    words: tuple[bytes, ...]
    log10_p: float
    log10_gamma: float

    @property
    def crosses(self) -> bool:
        """Whether it reaches over a boundary: no sentence holds it, so no model is ever asked for it."""
        return len(self.words) > 1 and (END in self.words[:-1] or BEGIN in self.words[1:])


def parse(line: bytes, length: int, *, highest: bool, known: Callable[[bytes], bool] | None = None) -> Entry:
    """Return what a line of that section says; DataError, without saying where, for one that is wrong.

    `known` tells whether a word is in the 1-grams; without it all are.
    """
    fields = fields_of(line)
    log10_p = _number(fields[0], "log-probability")
    if log10_p > 0:
        raise DataError(
            f"the log-probability {shown(fields[0])} is above 0, so it is none; "
            "make the file again (IRSTLM is known to write such ones)"
        )
    if not length <= len(fields) - 1 <= length + 1:
        raise DataError(_wrong_words(length, len(fields) - 1))
    words = tuple(fields[1 : length + 1])
    for word in words:
        if known is not None and not known(word):
            raise DataError(_unknown(word, words, length))
    log10_gamma = _number(fields[-1], "backoff") if len(fields) == length + 2 else 0.0
    if highest and log10_gamma:
        raise DataError(
            f"{length}-grams, the longest that \\data\\ counts, have no backoff, got {shown(fields[-1])}; "
            "remove it, or correct the counts"
        )
    return Entry(words, log10_p, log10_gamma)


def fields_of(line: bytes) -> list[bytes]:
    """Return what stands between the spacing of a line."""
    return _SPACING.split(line.strip(SPACES))


def shown(field: bytes) -> str:
    """Return a field as a person reads it, on one line and not too long."""
    text = field.decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return f"'{text if len(text) <= _SHOWN else text[:_SHOWN] + '…'}'"


def _number(field: bytes, what: str) -> float:
    if not _NUMBER.fullmatch(field):
        raise DataError(f"the {what} {shown(field)} is not a number; make the file again")
    number = float(field)
    if not math.isfinite(number):
        raise DataError(f"the {what} {shown(field)} is out of range; write -99 for the logarithm of nothing")
    return number


def _wrong_words(length: int, fields: int) -> str:
    wanted = "1 word" if length == 1 else f"{length} words"
    return (
        f"expected {wanted} and perhaps a backoff after the log-probability, got {fields} "
        f"field{'' if fields == 1 else 's'}; put the n-gram into the section of its length"
    )


def _unknown(word: bytes, words: tuple[bytes, ...], length: int) -> str:
    if word == words[-1] and _NUMBER.fullmatch(word):
        return _wrong_words(length, length)
    return f"the word {shown(word)} is not in the 1-grams, which list all words; add it there"
