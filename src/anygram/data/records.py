"""Records as documents: one field of every JSON line, CSV or TSV row, or Parquet row.

The field is the one asked for; else `text`; else the only column of text. CSV is quoted as Python's
csv module reads it (RFC 4180); TSV is not quoted at all (IANA text/tab-separated-values), so a
quotation mark in it is text. A table without a header names its column by number, from 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, BinaryIO

from anygram.data.documents import Document
from anygram.data.rows import REMEDY, Lines, Row, Split, parse_json, rows_of, split_csv, split_tabs
from anygram.errors import BadRecord, DataError, UnknownName

_ROWS_AT_ONCE = 256


def read_jsonl(
    stream: BinaryIO, name: str, field: str | None, binary: bool
) -> Iterator[Document | BadRecord]:
    """Yield the field of every line; lines of white space are passed over."""
    lines = Lines(stream)
    for line in lines:
        if not line.strip():
            continue
        try:
            lines.check(name, binary)
            record = parse_json(line, f"{name} line {lines.number}")
            field = field or _choose(name, list(record), [k for k, v in record.items() if isinstance(v, str)])
            text = _text(record.get(field), field, f"{name} line {lines.number}", binary)
        except BadRecord as error:
            yield error
        else:
            yield Document(text, name=f"{name}:{lines.number}")


def read_csv(stream: BinaryIO, name: str, field: str | None, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the field of every row; a quoted field may hold line breaks."""
    return _read_table(stream, name, field, binary, split_csv)


def read_tsv(stream: BinaryIO, name: str, field: str | None, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the field of every line."""
    return _read_table(stream, name, field, binary, split_tabs)


def read_parquet(
    stream: BinaryIO, name: str, field: str | None, binary: bool
) -> Iterator[Document | BadRecord]:
    """Yield the field of every row, some rows in memory at a time; the stream must be seekable."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(stream)
        kinds = {column.name: column.type for column in table.schema_arrow}
        field = _parquet_field(name, field, kinds)
        number = 0
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=[field]):
            for value in batch.column(0).cast(pyarrow.large_binary()).to_pylist():
                number += 1
                yield _parquet_document(value, field, f"{name} row {number}", binary)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{name}: not a whole Parquet file ({reason}); fetch or write it again") from error


def _read_table(
    stream: BinaryIO, name: str, field: str | None, binary: bool, split: Split
) -> Iterator[Document | BadRecord]:
    rows = rows_of(Lines(stream), split, name, binary)
    header = next(rows, None)
    if header is None:
        return
    if header.error:
        what = str(header.error).partition(";")[0]
        raise DataError(f"{what}, in the header itself; mend or convert the file")
    column = _column(name, field, header.cells)
    if field is not None and field not in header.cells:
        rows = chain([header], rows)
    for row in rows:
        yield row.error or _table_document(row, header.cells, column, name, binary)


def _column(name: str, field: str | None, header: Sequence[str]) -> int:
    """Return where the field stands; a number that heads no column counts columns from 1."""
    if field is None:
        return header.index(_choose(name, header, header))
    if field in header:
        return header.index(field)
    if field.isdecimal() and 1 <= int(field) <= len(header):
        return int(field) - 1
    raise UnknownName(f"column of {name}", field, header)


def _table_document(
    row: Row, header: Sequence[str], column: int, name: str, binary: bool
) -> Document | BadRecord:
    place = f"{name} line {row.line}"
    if len(row.cells) != len(header):
        return BadRecord(
            f"{place}: {len(row.cells)} columns where the first line has {len(header)}; {REMEDY}"
        )
    try:
        text = _text(row.cells[column], header[column], place, binary)
    except BadRecord as error:
        return error
    return Document(text, name=f"{name}:{row.line}")


def _parquet_field(name: str, field: str | None, kinds: dict[str, Any]) -> str:
    from pyarrow import types

    def is_text(kind: Any) -> bool:
        if types.is_dictionary(kind):
            kind = kind.value_type
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

    text_columns = [column for column, kind in kinds.items() if is_text(kind)]
    if field is None:
        return _choose(name, list(kinds), text_columns)
    if field not in kinds:
        raise UnknownName(f"column of {name}", field, kinds)
    if field not in text_columns and not types.is_binary(kinds[field]):
        raise DataError(
            f"{name}: column '{field}' holds {kinds[field]}, not text; "
            f"text columns: {', '.join(text_columns) or 'none'}"
        )
    return field


def _parquet_document(value: bytes | None, field: str, place: str, binary: bool) -> Document | BadRecord:
    try:
        text = None if value is None else value.decode("utf-8", "surrogateescape" if binary else "strict")
        return Document(_text(text, field, place, binary), name=place)
    except UnicodeDecodeError as error:
        return BadRecord(f"{place}: field '{field}' is not UTF-8 at its byte {error.start}; {REMEDY}")
    except BadRecord as error:
        return error


def _choose(name: str, columns: Sequence[str], text_columns: Sequence[str]) -> str:
    """Return the column called text, else the only one that holds text."""
    if "text" in columns:
        return "text"
    if len(text_columns) == 1:
        return text_columns[0]
    raise DataError(
        f"{name}: which field is the text? fields: {', '.join(columns) or 'none'}; name one with --text-field"
    )


def _text(value: Any, field: str, place: str, binary: bool) -> str:
    """Return the value as the text that it must be; BadRecord where it is none."""
    if value is None:
        raise BadRecord(f"{place}: no field '{field}', or it is null; {REMEDY}")
    if not isinstance(value, str):
        raise BadRecord(f"{place}: field '{field}' holds {type(value).__name__}, not text; {REMEDY}")
    try:
        value.encode("utf-8", "surrogateescape" if binary else "strict")
    except UnicodeEncodeError as error:
        raise BadRecord(
            f"{place}: field '{field}' has a lone surrogate at character {error.start}; {REMEDY}"
        ) from error
    return value
