"""Lines and rows as records are read: JSON lines, and the rows of CSV and TSV.

CSV is quoted as Python's csv module reads it (RFC 4180), so that a row may take several lines; TSV is not
quoted at all (IANA text/tab-separated-values).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from anygram.data.text import not_utf8
from anygram.errors import BadRecord

REMEDY = "fix it"
_LONGEST_FIELD = 2**31 - 1

Split = Callable[[Iterator[str]], Iterator[list[str]]]


class Lines:
    """Lines as text. Bytes that are not UTF-8 become surrogate escapes; the first one's place is kept."""

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = iter(stream)
        self._offset = 0
        self._bad_byte: int | None = None
        self.number = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._stream)
        self.number += 1
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            if self._bad_byte is None:
                self._bad_byte = self._offset + error.start
            text = line.decode("utf-8", "surrogateescape")
        self._offset += len(line)
        return text.removeprefix("\ufeff") if self.number == 1 else text

    def check(self, name: str, binary: bool) -> None:
        """Raise BadRecord if a line since the last check was not UTF-8 and that is not wanted."""
        bad_byte, self._bad_byte = self._bad_byte, None
        if bad_byte is not None and not binary:
            raise not_utf8(name, bad_byte)


def parse_json(line: str, place: str, real: Callable[[str], Any] | None = None) -> dict[str, Any]:
    """Return the object of a JSON line, numbers with a point read by `real`; BadRecord where it has none."""
    try:
        record = json.loads(line, parse_float=real)
    except (ValueError, RecursionError) as error:
        reason = (
            f"{error.msg} at character {error.pos + 1}" if isinstance(error, json.JSONDecodeError) else error
        )
        raise BadRecord(f"{place}: not JSON ({reason}); {REMEDY}") from error
    if not isinstance(record, dict):
        raise BadRecord(f"{place}: not a JSON object with fields; {REMEDY}")
    return record


@dataclass(frozen=True)
class Row:
    """A row of a table, the line it begins on, how it is written, and what was wrong with reading it."""

    line: int
    cells: list[str]
    written: str = ""
    error: BadRecord | None = None


def rows_of(lines: Lines, split: Split, name: str, binary: bool) -> Iterator[Row]:
    """Yield the rows of a table, the first one too; empty lines are passed over."""
    taken: list[str] = []
    rows = split(_kept(lines, taken))
    while True:
        line = lines.number + 1
        taken.clear()
        try:
            cells = next(rows, None)
            lines.check(name, binary)
        except csv.Error as error:
            yield Row(line, [], error=BadRecord(f"{name} line {line}: not CSV ({error}); {REMEDY}"))
        except BadRecord as error:
            yield Row(line, [], error=error)
        else:
            if cells is None:
                return
            written = "".join(taken)
            if any(cells) or len(cells) > 1 or written.strip("\r\n"):  # an empty line is no row
                yield Row(line, cells, written)


def _kept(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    """Yield the lines, and keep each."""
    for line in lines:
        taken.append(line)
        yield line


def split_csv(lines: Iterator[str]) -> Iterator[list[str]]:
    """Return the cells of each row of CSV."""
    csv.field_size_limit(_LONGEST_FIELD)  # of the whole process: csv knows no other
    return csv.reader(lines, strict=True)


def split_tabs(lines: Iterator[str]) -> Iterator[list[str]]:
    """Return the cells of each row of TSV."""
    return (line.removesuffix("\n").removesuffix("\r").split("\t") for line in lines)
