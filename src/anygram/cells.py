"""A row of a table as its cells: as they are written, quotation marks and all, and what they mean.

CSV is quoted as in RFC 4180, with a comma; TSV, with a tab, is not quoted at all. A row's cells as they are
written, joined by the delimiter, are the row again, however it is quoted.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from anygram.errors import DataError
from anygram.protocols import Side

COMMA, TAB = ",", "\t"
_CELL = re.compile(r'"[^"]*(?:""[^"]*)*"|[^",\r\n][^,\r\n]*|')
_NEEDS_QUOTES = re.compile(r'[",\r\n]')
_BREAKS_TSV = re.compile(r"[\t\r\n]")


def layout(side: Side | None) -> tuple[list[str], str]:
    """Return the names of a table's columns and its delimiter; DataError where the side has none."""
    columns, delimiter = (None, None) if side is None else (side.get("columns"), side.get("delimiter"))
    named = isinstance(columns, list) and len(columns) > 0 and all(isinstance(name, str) for name in columns)
    if not named or delimiter not in (COMMA, TAB):
        raise DataError("no row of a table: its columns are unknown; name files of tables")
    assert isinstance(columns, list) and isinstance(delimiter, str)
    return columns, delimiter


def split(row: str, delimiter: str) -> list[str]:
    """Return the cells of a row as they are written; DataError where it is not one whole row.

    >>> split('1,"a ""b"", c",', ",")
    ['1', '"a ""b"", c"', '']
    """
    if delimiter == TAB:
        if "\n" in row or "\r" in row:
            raise DataError("a line break inside a row of TSV, which has no quotation marks; read it again")
        return row.split(TAB)
    if '"' not in row and "\n" not in row and "\r" not in row:
        return row.split(COMMA)
    cells, place = [], 0
    while (found := _CELL.match(row, place)) is not None:
        cells.append(found.group())
        place = found.end() + 1
        if place > len(row):
            return cells
        if row[place - 1] != COMMA:
            break
    raise DataError(f"not a row of CSV: '{row[place - 1 : place]}' at character {place - 1}; mend its quotes")


def is_quoted(written: str, delimiter: str) -> bool:
    """Return whether a cell has quotation marks around it."""
    return delimiter == COMMA and len(written) > 1 and written[0] == written[-1] == '"'


def meaning(written: str, delimiter: str) -> str:
    """Return what a cell means as it is written.

    >>> meaning('"so ""it"" is"', ","), meaning('"so"', TAB)
    ('so "it" is', '"so"')
    """
    return written[1:-1].replace('""', '"') if is_quoted(written, delimiter) else written


def writing(value: str, delimiter: str) -> str:
    """Return how a value is written, with quotation marks where it needs them; DataError where it cannot be.

    >>> writing("to be, or not", COMMA), writing("to be", COMMA)
    ('"to be, or not"', 'to be')
    """
    if delimiter == TAB:
        if _BREAKS_TSV.search(value):
            raise DataError(f"TSV cannot hold {value!r}, which has a tab or a line break; write .csv")
        return value
    return '"' + value.replace('"', '""') + '"' if _NEEDS_QUOTES.search(value) else value


def row_of(values: Sequence[str], delimiter: str) -> str:
    """Return a row of values; that of one empty value is quoted, for an empty line is no row."""
    if list(values) == [""] and delimiter == COMMA:
        return '""'
    return delimiter.join(writing(value, delimiter) for value in values)
