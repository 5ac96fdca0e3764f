"""Tables as documents: each row of a CSV, TSV, JSON lines or Parquet file.

A row of CSV or TSV is its text as it stands in the file, its line break is the separator. Rows of JSON
lines and of Parquet become rows of CSV: null is the empty cell, numbers stay as they are written (of Parquet:
the fewest digits that give them back), true and false, moments as ISO 8601, what is nested as JSON. A
document's side says the table's `columns` and its `delimiter`. CSV and TSV name the columns first.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO

from anygram import cells, storage
from anygram.data import records
from anygram.data.documents import Document, whole
from anygram.data.rows import REMEDY, Lines, Row, Split, parse_json, rows_of, split_csv, split_tabs
from anygram.data.sources import Place, opened
from anygram.errors import BadRecord, DataError, UnknownName, UsageError
from anygram.protocols import Side

READABLE = True
FIELDS = False
parted = whole
_ROWS_AT_ONCE = 256
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")  # as JSON has them (RFC 8259)


def read(
    place: Place, field: str | None = None, beside: Sequence[str] = (), label: str | None = None
) -> Iterator[Document | BadRecord]:
    """Yield the rows of a file; DataError where its columns have no names of their own each.

    The column of the `label` leaves the rows: what is given of a row is not told again in it.
    """
    with opened(place, seekable=place.ending == ".parquet") as stream:
        for row in _READERS[place.ending](stream, place.name):
            yield row if label is None or isinstance(row, BadRecord) else _labelled(row, label, place.name)


def document(
    values: Sequence[str], columns: Sequence[str], name: str = "", delimiter: str = cells.COMMA
) -> Document:
    """Return values as a row of CSV, or of TSV by its delimiter."""
    side = {"columns": list(columns), "delimiter": delimiter}
    return Document(cells.row_of(values, delimiter), separator=1, name=name, side=side)


def values(document: Document) -> list[str]:
    """Return what a row's cells mean."""
    delimiter = cells.layout(document.side)[1]
    return [cells.meaning(cell, delimiter) for cell in cells.split(document.text, delimiter)]


def place_of(document: Document, byte: int) -> str:
    """Return the column of the cell where a byte stands.

    >>> place_of(document(["7", "9"], ["age", "size"]), 2)
    'size'
    """
    columns, delimiter = cells.layout(document.side)
    written = cells.split(document.text, delimiter)
    ends = accumulate(len(cell.encode("utf-8", "surrogateescape")) + 1 for cell in written)
    return next((name for name, end in zip(columns, ends, strict=True) if byte < end), columns[-1])


def write(path: Path, documents: Sequence[Document]) -> list[Path]:
    """Write rows as one file with the names of its columns: .csv, .tsv or .jsonl.

    UsageError for another ending, DataError where the rows are not of one table.
    """
    if path.suffix not in _WRITERS:
        raise UsageError(f"{path}: tables are written as {', '.join(_WRITERS)}; let the name end so")
    names = {tuple(cells.layout(document.side)[0]) for document in documents}
    if len(names) != 1:
        raise DataError(f"{path}: {len(names)} tables with columns of their own; write rows of one table")
    with storage.replacing(path) as temporary, temporary.open("wb") as file:
        for line in _WRITERS[path.suffix](names.pop(), documents):
            file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    return [path]


def _labelled(row: Document, label: str, table: str) -> Document | BadRecord:
    """Return a row without the cell of this column, given what that means; BadRecord where it is empty."""
    columns, delimiter = cells.layout(row.side)
    if label not in columns:
        raise UnknownName(f"column of {table}", label, columns)
    if len(columns) == 1:
        raise DataError(f"{table}: no column but the label '{label}'; add some that it can be told from")
    written, column = cells.split(row.text, delimiter), columns.index(label)
    own, left = written[column], [*written[:column], *written[column + 1 :]]
    try:
        given = records.label_of(cells.meaning(own, delimiter), label, row.name)
    except BadRecord as error:
        return error
    # of one empty cell alone the row is quoted, for an empty line is no row
    text = cells.row_of(left, delimiter) if left == [""] else delimiter.join(left)
    side = {"columns": [name for name in columns if name != label], "delimiter": delimiter}
    return replace(row, text=text, side=side, given=given)


def _read_lines(stream: BinaryIO, name: str, split: Split, delimiter: str) -> Iterator[Document | BadRecord]:
    rows = rows_of(Lines(stream), split, name, binary=False)
    header = next(rows, None)
    if header is not None and header.error:
        raise DataError(f"{str(header.error).partition(';')[0]}, in the header itself; mend the file")
    columns = _named(name, header.cells if header else [])
    side = {"columns": columns, "delimiter": delimiter}
    for row in rows:
        yield row.error or _row(row, name, side)


def _row(row: Row, name: str, side: Side) -> Document | BadRecord:
    wanted = len(side["columns"])
    if len(row.cells) != wanted:
        return BadRecord(
            f"{name} line {row.line}: {len(row.cells)} cells where the table has {wanted} columns; {REMEDY}"
        )
    text = row.written.removesuffix("\n")
    text = text.removesuffix("\r") if text != row.written else text
    separator = len(row.written) - len(text)
    return Document(text, separator, f"{name}:{row.line}", side)


def _read_csv(stream: BinaryIO, name: str) -> Iterator[Document | BadRecord]:
    return _read_lines(stream, name, split_csv, cells.COMMA)


def _read_tsv(stream: BinaryIO, name: str) -> Iterator[Document | BadRecord]:
    return _read_lines(stream, name, split_tabs, cells.TAB)


def _read_jsonl(stream: BinaryIO, name: str) -> Iterator[Document | BadRecord]:
    """Yield a row for each line; its columns are the fields of the first, of which others may lack some."""
    lines = Lines(stream)
    columns: list[str] = []
    for line in lines:
        if not line.strip():
            continue
        place = f"{name} line {lines.number}"
        try:
            lines.check(name, binary=False)
            record = parse_json(line, place, real=_Written)
            columns = columns or _named(name, list(record))
            if strange := [key for key in record if key not in columns]:
                raise BadRecord(f"{place}: a field '{strange[0]}' that the first line has not; {REMEDY}")
            row = document([_as_text(record.get(key), place) for key in columns], columns, place)
        except BadRecord as error:
            yield error
        else:
            yield row
    _named(name, columns)


def _read_parquet(stream: BinaryIO, name: str) -> Iterator[Document | BadRecord]:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(stream)
        columns = _named(name, table.schema_arrow.names)
        number = 0
        for batch in table.iter_batches(_ROWS_AT_ONCE):
            for record in zip(
                *(batch.column(place).to_pylist() for place in range(len(columns))), strict=True
            ):
                number += 1
                place = f"{name} row {number}"
                try:
                    yield document([_as_text(value, place) for value in record], columns, place)
                except BadRecord as error:
                    yield error
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{name}: not a whole Parquet file ({reason}); fetch or write it again") from error


class _Written(float):
    """A number that is shown as it was written."""

    def __new__(cls, written: str) -> _Written:
        number = super().__new__(cls, written)
        number.written = written
        return number

    written: str

    def __str__(self) -> str:
        return self.written


def _as_text(value: Any, place: str) -> str:
    """Return a value of JSON or Parquet as the text of a cell; BadRecord for what is no text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if hasattr(value, "isoformat"):
        moment: str = value.isoformat()
        return moment
    if isinstance(value, bytes):
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise BadRecord(f"{place}: not UTF-8 at byte {error.start} of a value; {REMEDY}") from error
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise BadRecord(
            f"{place}: a value has a lone surrogate at character {error.start}; {REMEDY}"
        ) from error
    return text


def _named(name: str, columns: Iterable[str]) -> list[str]:
    """Return the names of the columns; DataError where there are none, or two cannot be told apart."""
    columns = list(columns)
    if not columns:
        raise DataError(f"{name}: empty; a table begins with the names of its columns")
    if "" in columns:
        number = columns.index("") + 1
        raise DataError(f"{name}: column {number} has no name; write one into the first line")
    if twice := [column for column in columns if columns.count(column) > 1]:
        raise DataError(f"{name}: two columns are called '{twice[0]}'; give each a name of its own")
    return columns


def _as_csv(columns: Sequence[str], documents: Sequence[Document]) -> Iterator[str]:
    return _as_lines(columns, documents, cells.COMMA)


def _as_tsv(columns: Sequence[str], documents: Sequence[Document]) -> Iterator[str]:
    return _as_lines(columns, documents, cells.TAB)


def _as_lines(columns: Sequence[str], documents: Sequence[Document], delimiter: str) -> Iterator[str]:
    """Yield the header and the rows, which stay as they are where they have this delimiter."""
    yield cells.row_of(columns, delimiter)
    for document in documents:
        same = cells.layout(document.side)[1] == delimiter and document.text
        yield document.text if same else cells.row_of(values(document), delimiter)


def _as_jsonl(columns: Sequence[str], documents: Sequence[Document]) -> Iterator[str]:
    """Yield an object a row: empty cells are null, numbers as JSON spells them are numbers."""
    for document in documents:
        fields = (
            f"{json.dumps(name, ensure_ascii=False)}: {_as_json(value)}"
            for name, value in zip(columns, values(document), strict=True)
        )
        yield f"{{{', '.join(fields)}}}"


def _as_json(value: str) -> str:
    if not value:
        return "null"
    if value in ("true", "false") or _NUMBER.fullmatch(value):
        return value
    return json.dumps(value.encode("utf-8", "surrogateescape").decode("utf-8", "replace"), ensure_ascii=False)


_Reader = Callable[[BinaryIO, str], Iterator[Document | BadRecord]]
_READERS: dict[str, _Reader] = {
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".jsonl": _read_jsonl,
    ".parquet": _read_parquet,
}
ENDINGS = tuple(_READERS)
_WRITERS: dict[str, Callable[[Sequence[str], Sequence[Document]], Iterator[str]]] = {
    ".csv": _as_csv,
    ".tsv": _as_tsv,
    ".jsonl": _as_jsonl,
}
