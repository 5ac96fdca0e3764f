"""Lists of files: a .csv, .tsv, .jsonl or .parquet with a column of paths, and others of labels.

Paths are relative to the list. Each file is read as what its kind is; what cannot be read is a bad record of
the list.
"""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import BinaryIO

from anygram.data import records
from anygram.data.documents import Document
from anygram.data.kinds import Kind
from anygram.data.records import Fields
from anygram.data.sources import Place, locate, opened
from anygram.errors import AnygramError, BadRecord, DataError

PATH = "path"
"""The column of paths, where none is named."""

_READERS: dict[str, Callable[[BinaryIO, str, Fields, bool], Iterator[Document | BadRecord]]] = {
    ".csv": records.read_csv,
    ".tsv": records.read_tsv,
    ".jsonl": records.read_jsonl,
    ".parquet": records.read_parquet,
}


def lists(places: Sequence[Place], kind: Kind) -> bool:
    """Return whether these list files of a kind, whose own end otherwise; DataError where only some do."""
    listing = [place for place in places if place.ending in _READERS and place.ending not in kind.ENDINGS]
    if listing and len(listing) < len(places):
        raise DataError(f"{listing[0].name} lists files, others are some themselves; name them one by one")
    return bool(listing)


def read(place: Place, kind: Kind, paths: str | None, label: str | None) -> Iterator[Document | BadRecord]:
    """Yield the documents of the files that a list names in the column `paths`, given its column `label`."""
    fields = Fields(paths or PATH, label, None if label is None else "label")
    with opened(place, seekable=place.ending == ".parquet") as stream:
        for entry in _READERS[place.ending](stream, place.name, fields, False):
            if isinstance(entry, BadRecord):
                yield entry
                continue
            try:
                for item in _file(entry.text, place, kind):
                    yield item if isinstance(item, BadRecord) else replace(item, given=entry.given)
            except AnygramError as error:
                yield BadRecord(f"{entry.name}: {error}")


def _file(path: str, listed_in: Place, kind: Kind) -> Iterator[Document | BadRecord]:
    """Return the documents of a file that is listed; AnygramError where it cannot be read as this kind."""
    found = locate(posixpath.join(posixpath.dirname(listed_in.name), path), kind.ENDINGS) if path else []
    if len(found) != 1:
        raise BadRecord(f"'{path}' is {len(found)} files; write the path of one")
    if found[0].ending not in kind.ENDINGS:
        raise BadRecord(f"'{path}' is no such file; name files of {', '.join(kind.ENDINGS)}")
    return kind.read(found[0])
