r"""The head of an ARPA file: `\data\`, then how many n-grams there are of each length."""

from __future__ import annotations

import re

from anygram.errors import DataError
from anygram.exchange.arpa.lines import SPACES, shown
from anygram.exchange.arpa.source import Source

_COUNT = re.compile(rb"ngram[ \t]+(\d+)[ \t]*=[ \t]*(\d+)")
_BEGIN = b"\\data\\"
_REMEDY = "name a text file that KenLM, SRILM or anygram export wrote"
_OTHERS = {
    b"mmap lm http://kheafield.com/code": "a binary file of KenLM's; import the ARPA file it was built from",
    b"iARPA": "an intermediate file of IRSTLM's; make it one with: compile-lm --text yes",
    b"blmt": "a binary file of IRSTLM's; make it one with: compile-lm --text yes",
}
_BYTES_BEFORE = 1 << 20
"""SRILM allows text before the head; this much is looked through."""


def read_counts(source: Source, most: int) -> tuple[list[int], bytes | None, int]:
    """Return the counts, the next line that begins with a backslash (None at the file's end), its number.

    `most` is what a file of this size can hold. DataError where this is no ARPA file.
    """
    number = _find_begin(source)
    counts: list[int] = []
    while True:
        line = source.line()
        if line is None:
            break
        number += 1
        line = line.strip(SPACES)
        if line.startswith(b"\\"):
            break
        if line:
            counts.append(_count(source, number, line, expected=len(counts) + 1))
            if counts[-1] > most:
                raise DataError(
                    f"{source.name} line {number}: {shown(line)} promises more than a file of this size can "
                    "hold; get the whole file, or correct the count"
                )
    if not counts:
        raise DataError(
            f"{source.name} line {number}: no 'ngram 1=…' after \\data\\, so the order is 0; make it again"
        )
    return counts, line, number


def _find_begin(source: Source) -> int:
    """Return the number of the line that begins the file's head."""
    number = passed = 0
    while passed <= _BYTES_BEFORE:
        line = source.line()
        number += 1
        if line is None:
            break
        if line.strip(SPACES) == _BEGIN:
            return number
        for magic, what in _OTHERS.items():
            if number == 1 and line.startswith(magic):
                raise DataError(f"{source.name} line 1: not an ARPA file but {what}")
        passed += len(line) + 1
    raise DataError(f"{source.name} line 1: not an ARPA file (it has no line \\data\\); {_REMEDY}")


def _count(source: Source, number: int, text: bytes, expected: int) -> int:
    found = _COUNT.fullmatch(text)
    if not found or int(found[1]) != expected:
        raise DataError(
            f"{source.name} line {number}: expected 'ngram {expected}=' and a number, or \\1-grams:, got "
            f"{shown(text)}; list the lengths from 1 on, one a line"
        )
    return int(found[2])
