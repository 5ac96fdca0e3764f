"""Labels of what is no record with a text: of files by their folders, and beside documents by their names.

Of records one field of every JSON line, CSV or TSV row, or Parquet row holds the label, whatever its type. It
goes with the documents by name, so that any kind of data that comes in records can have them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePath
from typing import Any, BinaryIO

from anygram.data import records
from anygram.data.documents import Document
from anygram.data.sources import STDIN, Place, locate, opened
from anygram.errors import BadRecord, DataError, UnknownName, UsageError

NORMAL = ("0", "false", "no", "normal", "-")
"""The words that call a record normal, in capitals or not, where none is named."""
FOLDER = "folder"
"""The label that files without fields have."""
ENDINGS = (".jsonl", ".csv", ".tsv", ".parquet")

Named = Iterator[tuple[str, str]]
"""The name of each document, and its label."""


def is_normal(label: str, normal: str | None) -> bool:
    """Return whether a label is the normal one, or where none is named one of `NORMAL`.

    >>> is_normal("False", None), is_normal("E5", None), is_normal("E5", "E5")
    (True, False, True)
    """
    return label == normal if normal is not None else label.strip().lower() in NORMAL


def of_file(place: Place, field: str | None) -> str | None:
    """Return the name of the folder that a file lies in, as its label; None where no label is asked for.

    UsageError where another one is asked for than `FOLDER`, for a file of one document has no fields.
    """
    if field is None:
        return None
    if field != FOLDER or place.ending == STDIN:
        raise UsageError(
            f"{place.name} has no fields, nor '{field}'; pass --label-field {FOLDER}, then its folder is "
            f"its label, or name files of {', '.join(ENDINGS)}"
        )
    path = place.name if "://" in place.name else os.path.abspath(place.name)  # noqa: PTH100 (no link is followed)
    return PurePath(path).parent.name


def labelled(
    documents: Iterable[Document], sources: Sequence[str], field: str
) -> Iterator[tuple[Document, str]]:
    """Return the documents of these sources with their labels; those that were stepped over have none.

    Sources are checked at once: UsageError for standard input, DataError where there are no fields.
    """
    places = [place for source in sources for place in _places(source)]
    return _paired(documents, (item for place in places for item in _read(place, field)), field)


def _places(source: str) -> list[Place]:
    if source == STDIN:
        raise UsageError("labels are read from files, not from standard input; write it to a file first")
    places = locate(source)
    for place in places:
        if place.ending not in ENDINGS:
            raise DataError(f"{place.name} has no fields for labels; name files of {', '.join(ENDINGS)}")
    return places


def _paired(documents: Iterable[Document], labels: Named, field: str) -> Iterator[tuple[Document, str]]:
    for document in documents:
        label = next((label for name, label in labels if name == document.name), None)
        if label is None:
            raise DataError(
                f"{document.name}: no label in field '{field}' goes with it; leave out --label-field"
            )
        yield document, label


def _read(place: Place, field: str) -> Named:
    parse = {".jsonl": _jsonl, ".parquet": _parquet}.get(place.ending, _table)
    with opened(place, seekable=place.ending == ".parquet") as stream:
        yield from parse(stream, place, field)


def _jsonl(stream: BinaryIO, place: Place, field: str) -> Named:
    for number, line in enumerate(stream, 1):
        try:
            record = json.loads(line.decode("utf-8-sig", "surrogateescape"))
        except ValueError:
            continue  # an empty line, or a bad one that was refused or stepped over
        if isinstance(record, dict):
            yield f"{place.name}:{number}", _word(record, field, place, number)


def _word(record: dict[str, Any], field: str, place: Place, number: int) -> str:
    """Return the label as it is written in JSON, but for the quotation marks."""
    if record.get(field) is None:
        raise DataError(f"{place.name} line {number}: no field '{field}', or it is null; give it a label")
    value = record[field]
    return value if isinstance(value, str) else json.dumps(value)


def _table(stream: BinaryIO, place: Place, field: str) -> Named:
    read = records.read_tsv if place.ending == ".tsv" else records.read_csv
    for item in read(stream, place.name, records.Fields(field), True):
        if not isinstance(item, BadRecord):  # which was refused or stepped over
            yield item.name, item.text


def _parquet(stream: BinaryIO, place: Place, field: str) -> Named:
    import pyarrow
    from pyarrow import parquet

    table = parquet.ParquetFile(stream)
    if field not in table.schema_arrow.names:
        raise UnknownName(f"column of {place.name}", field, table.schema_arrow.names)
    number = 0
    for batch in table.iter_batches(columns=[field]):
        for label in batch.column(0).cast(pyarrow.string()).to_pylist():
            number += 1
            yield f"{place.name} row {number}", "" if label is None else label
