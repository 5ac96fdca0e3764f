"""Records as documents: one field of every JSON line, CSV or TSV row, or Parquet row; or two.

The field is the one asked for; else `text`; else the only column of text. A second one may be given of it:
the record's label, of any type, or the text that it translates or sums up. A list of texts is one, such as
sentences are; but a list in the field of a target are several that would do: the first is the document, the
others are `references` in its side. CSV is quoted as Python's
csv module reads it (RFC 4180); TSV is not quoted at all (IANA text/tab-separated-values), so a
quotation mark in it is text. A table without a header names its column by number, from 1.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, BinaryIO, Literal

from anygram.data.documents import Document
from anygram.data.rows import REMEDY, Lines, Row, Split, parse_json, rows_of, split_csv, split_tabs
from anygram.errors import BadRecord, DataError, UnknownName

_ROWS_AT_ONCE = 256


@dataclass(frozen=True)
class Fields:
    """The field that holds the text, and the one that holds what is given of it; None is to be chosen.

    A label is never chosen, and the text that is read before a label may have any name; of a text and its
    source the text is named.
    """

    text: str | None = None
    given: str | None = None
    given_is: Literal["label", "source"] | None = None

    def chosen(self, name: str, columns: Collection[str], text_columns: Collection[str]) -> Fields:
        """Return the fields by name; DataError where they are not clear, or one and the same."""
        if self.given is not None and self.given == self.text:
            raise DataError(f"{name}: '{self.text}' cannot be both sides of a document; name two fields")
        text, given = self.text, self.given
        text = text or _choose(name, columns, text_columns, given)
        if self.given_is == "source" and given is None:
            given = _choose(name, columns, text_columns, text)
        return Fields(text, given, self.given_is)

    def document(self, value: Any, given: Any, name: str, place: str, binary: bool) -> Document:
        """Return a record's document; BadRecord where the text is none, or what must be given is not."""
        others: Sequence[Any] = ()
        if self.given_is == "source" and isinstance(value, list) and value:
            value, *others = value
        text = _text(value, self.text or "", place, binary)
        if self.given_is is None:
            return Document(text, name=name)
        if self.given_is == "label":
            return Document(text, name=name, given=label_of(given, self.given or "", place))
        source = _text(given, self.given or "", place, binary)
        for field, side in ((self.given, source), (self.text, text)):
            if not side.strip():
                raise BadRecord(f"{place}: field '{field}' is empty, and nothing pairs with it; {REMEDY}")
        more = [_text(one, self.text or "", place, binary) for one in others]
        return Document(text, name=name, given=source, side={"references": more} if more else None)


def read_jsonl(stream: BinaryIO, name: str, fields: Fields, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the fields of every line; lines of white space are passed over."""
    lines = Lines(stream)
    chosen: Fields | None = None
    for line in lines:
        if not line.strip():
            continue
        place = f"{name} line {lines.number}"
        try:
            lines.check(name, binary)
            record = parse_json(line, place)
            chosen = chosen or fields.chosen(name, record, [k for k, v in record.items() if _is_text(v)])
            value, given = record.get(chosen.text or ""), record.get(chosen.given or "")
            yield chosen.document(value, given, f"{name}:{lines.number}", place, binary)
        except BadRecord as error:
            yield error


def read_csv(stream: BinaryIO, name: str, fields: Fields, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the fields of every row; a quoted field may hold line breaks."""
    return _read_table(stream, name, fields, binary, split_csv)


def read_tsv(stream: BinaryIO, name: str, fields: Fields, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the fields of every line."""
    return _read_table(stream, name, fields, binary, split_tabs)


def read_parquet(stream: BinaryIO, name: str, fields: Fields, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the fields of every row, some rows in memory at a time; the stream must be seekable."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.ParquetFile(stream)
        kinds = {column.name: column.type for column in table.schema_arrow}
        chosen = _parquet_fields(name, fields, kinds)
        number = 0
        columns = [field for field in (chosen.text, chosen.given) if field is not None]
        for batch in table.iter_batches(_ROWS_AT_ONCE, columns=columns):
            texts = batch.column(chosen.text).cast(pyarrow.large_binary()).to_pylist()
            givens = _parquet_givens(batch.column(chosen.given)) if chosen.given else [None] * len(texts)
            for value, given in zip(texts, givens, strict=True):
                number += 1
                yield _parquet_document(value, given, chosen, f"{name} row {number}", binary)
    except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{name}: not a whole Parquet file ({reason}); fetch or write it again") from error


def _read_table(
    stream: BinaryIO, name: str, fields: Fields, binary: bool, split: Split
) -> Iterator[Document | BadRecord]:
    rows = rows_of(Lines(stream), split, name, binary)
    header = next(rows, None)
    if header is None:
        return
    if header.error:
        what = str(header.error).partition(";")[0]
        raise DataError(f"{what}, in the header itself; mend or convert the file")
    fields = fields.chosen(name, header.cells, header.cells)
    columns = [_column(name, field, header.cells) for field in (fields.text, fields.given) if field]
    if not any(field in header.cells for field in (fields.text, fields.given)):
        rows = chain([header], rows)
    for row in rows:
        yield row.error or _table_document(row, header.cells, fields, columns, name, binary)


def _column(name: str, field: str, header: Sequence[str]) -> int:
    """Return where the field stands; a number that heads no column counts columns from 1."""
    if field in header:
        return header.index(field)
    if field.isdecimal() and 1 <= int(field) <= len(header):
        return int(field) - 1
    raise UnknownName(f"column of {name}", field, header)


def _table_document(
    row: Row, header: Sequence[str], fields: Fields, columns: Sequence[int], name: str, binary: bool
) -> Document | BadRecord:
    place = f"{name} line {row.line}"
    if len(row.cells) != len(header):
        return BadRecord(
            f"{place}: {len(row.cells)} columns where the first line has {len(header)}; {REMEDY}"
        )
    value, *given = (row.cells[column] for column in columns)
    names = [header[column] for column in columns]
    called = Fields(names[0], names[-1], fields.given_is)
    try:
        return called.document(value, given[0] if given else None, f"{name}:{row.line}", place, binary)
    except BadRecord as error:
        return error


def _parquet_fields(name: str, fields: Fields, kinds: dict[str, Any]) -> Fields:
    from pyarrow import types

    def is_text(kind: Any) -> bool:
        if types.is_dictionary(kind):
            kind = kind.value_type
        return bool(types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind))

    text_columns = [column for column, kind in kinds.items() if is_text(kind)]
    for field in (fields.text, fields.given):
        if field is not None and field not in kinds:
            raise UnknownName(f"column of {name}", field, kinds)
    chosen = fields.chosen(name, kinds, text_columns)
    texts = (chosen.text, chosen.given) if chosen.given_is == "source" else (chosen.text,)
    for field in texts:
        assert field is not None, "chosen"
        if field not in text_columns and not types.is_binary(kinds[field]):
            raise DataError(
                f"{name}: column '{field}' holds {kinds[field]}, not text; "
                f"text columns: {', '.join(text_columns) or 'none'}"
            )
    return chosen


def _parquet_givens(column: Any) -> list[Any]:
    """Return a column's values as JSON has them: dates, times and bytes as they are written."""
    import pyarrow
    from pyarrow import types

    kind = column.type
    plain = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_list(kind)
    values: list[Any] = (column if plain else column.cast(pyarrow.string())).to_pylist()
    return values


def _parquet_document(
    value: bytes | None, given: Any, fields: Fields, place: str, binary: bool
) -> Document | BadRecord:
    try:
        text = None if value is None else value.decode("utf-8", "surrogateescape" if binary else "strict")
        return fields.document(text, given, place, place, binary)
    except UnicodeDecodeError as error:
        return BadRecord(f"{place}: field '{fields.text}' is not UTF-8 at its byte {error.start}; {REMEDY}")
    except BadRecord as error:
        return error


def _choose(name: str, columns: Collection[str], text_columns: Collection[str], taken: str | None) -> str:
    """Return the column called text, else the only one that holds text, beside the one that is taken."""
    left = [column for column in text_columns if column != taken]
    if "text" in columns and taken != "text":
        return "text"
    if len(left) == 1:
        return left[0]
    raise DataError(
        f"{name}: which field is the text? fields: {', '.join(columns) or 'none'}; name one with --text-field"
    )


def _is_text(value: Any) -> bool:
    """Return whether a value is a text, or several in a list."""
    if isinstance(value, list):
        return bool(value) and all(isinstance(one, str) for one in value)
    return isinstance(value, str)


def label_of(value: Any, field: str, place: str = "") -> str:
    """Return the label as it is written in JSON but for quotation marks; of several, each in a line.

    BadRecord, of a record at this place, where there is none, or one of several lines.
    """
    place = f"{place}: " if place else ""
    values = value if isinstance(value, list) else [value]
    words = [one if isinstance(one, str) else json.dumps(one) for one in values]
    if None in values or "" in words:
        raise BadRecord(f"{place}no label in field '{field}'; {REMEDY}")
    if any("\n" in word for word in words):
        raise BadRecord(f"{place}the label in field '{field}' has several lines; {REMEDY}")
    return "\n".join(words)


def _text(value: Any, field: str, place: str, binary: bool) -> str:
    """Return the value as the text that it must be, those of a list with spaces between; else BadRecord."""
    if isinstance(value, list) and _is_text(value):
        value = " ".join(value)
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
