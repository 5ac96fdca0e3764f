"""Tables for terminals and Markdown: aligned columns, numbers to the right."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table for a terminal; a column whose cells all look like numbers stands right.

    >>> print(aligned(["model", "bits"], [["lstm", "2.25"], ["uniform", "8.00"]]))
    model    bits
    lstm     2.25
    uniform  8.00
    """
    widths = [max(_width(row[column]) for row in [header, *rows]) for column in range(len(header))]
    right = [is_numeric(row[column] for row in rows) for column in range(len(header))]
    lines = [
        "  ".join(
            _pad(cell, width, to_right) for cell, width, to_right in zip(row, widths, right, strict=True)
        )
        for row in [header, *rows]
    ]
    return "\n".join(line.rstrip() for line in lines)


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the same table in Markdown.

    >>> print(markdown(["model", "bits"], [["lstm", "2.25"]]))
    | model | bits |
    |---|---:|
    | lstm | 2.25 |
    """
    right = [is_numeric(row[column] for row in rows) for column in range(len(header))]
    rule = "|" + "|".join("---:" if to_right else "---" for to_right in right) + "|"
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in [header, *rows]]
    return "\n".join([lines[0], rule, *lines[1:]])


def is_numeric(cells: Iterable[str]) -> bool:
    """Return whether every cell begins as a number or is one of the words that stand for a missing one.

    >>> is_numeric(["2.15", "–", "1.9 to 2.1"]), is_numeric(["lstm", "2.15"])
    (True, False)
    """
    found = [cell for cell in cells if cell not in ("", "–", "lossy", "failed")]
    return bool(found) and all(cell.lstrip("±<>-").replace(",", "")[:1].isdigit() for cell in found)


def _width(text: str) -> int:
    """Return the columns a terminal needs: East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _pad(text: str, width: int, to_right: bool) -> str:
    filling = " " * (width - _width(text))
    return filling + text if to_right else text + filling
