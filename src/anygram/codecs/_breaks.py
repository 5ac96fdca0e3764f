"""Where words begin and end: exactly as KenLM splits, or at Unicode word breaks.

KenLM (`kDelimiterSet` in `lm/builder/corpus_count.cc`) splits on NUL, tab, newline, carriage return and
space, and on nothing else. The Unicode breaks are those of UAX #29 (rules WB3d to WB13b) in this
simplification, which Python's `re` can match:

- letters, digits, underscores and the marks after them are one word;
- an apostrophe or full stop between two of them, and a comma between two digits, belong to the word;
- in scripts written without spaces every letter is a word, with its marks;
- any other character is a word; spacing is none.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Literal

Split = Literal["whitespace", "unicode"]

SPACES: dict[Split, str] = {
    "whitespace": "\0\t\n\r ",
    "unicode": "".join(chr(code) for code in range(0x3001) if chr(code).isspace()),
}

# Thai, Lao, Myanmar, Khmer, the Tai scripts, Hiragana and ideographs: UAX #29 breaks after each letter
_UNSPACED = (
    "\u0e01-\u0e30\u0e32\u0e33\u0e40-\u0e46\u0e81-\u0eb0\u0eb2\u0eb3\u0ebd-\u0edf\u1000-\u109f\u1780-\u17d3"
    "\u1950-\u19df\u1a20-\u1aad\u3005-\u3007\u3041-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\U00020000-\U0003ffff"
)
# marks lie below U+20000 but for the variation selectors
_MARKED = (*range(0x20000), *range(0xE0100, 0xE01F0))


def word_pattern(split: Split) -> str:
    """Return the pattern of one word; everything it does not match is in `SPACES[split]`."""
    if split == "whitespace":
        return f"[^{re.escape(SPACES[split])}]+"
    letter, marks = rf"[^\W{_UNSPACED}]", _mark_ranges()
    run = rf"{letter}+(?:[{marks}]+{letter}*)*"
    return rf"{run}(?:(?:['’.]|(?<=\d),(?=\d)){run})*|[{_UNSPACED}][{marks}]*|\S"


@cache
def _mark_ranges() -> str:
    """Return all combining marks (general category M) as ranges of a character class."""
    ranges: list[list[int]] = []
    for code in _MARKED:
        if unicodedata.category(chr(code))[0] != "M":
            continue
        if ranges and ranges[-1][1] == code - 1:
            ranges[-1][1] = code
        else:
            ranges.append([code, code])
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in ranges)
