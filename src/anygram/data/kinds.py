"""Of what kind data are: text, or what one of the files here beside it reads.

Such a file says by `ENDINGS` which files it reads, by `FIELDS` whether one field of a file may be asked for,
by `read(place, field, beside, label)` how a file becomes documents, by `write(path, documents)` how documents
become files, by `parted(raw, side, offset)` where a document may be parted in two, by
`place_of(document, byte)` how a person calls the place where a byte stands, and by `READABLE` whether people
can read such documents as text.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from numpy.typing import NDArray

from anygram.data import text
from anygram.data.documents import Document
from anygram.data.sources import Place
from anygram.data.store import Parted
from anygram.errors import BadRecord, UnknownName
from anygram.protocols import Side

TEXT = "text"
KINDS = ("mixtures", "pictures", "series", "sounds", "tables")
"""The kinds beside text."""


class Kind(Protocol):
    """What a file for a kind of data offers."""

    ENDINGS: tuple[str, ...]
    READABLE: bool
    FIELDS: bool

    def read(
        self, place: Place, field: str | None = None, beside: Sequence[str] = (), label: str | None = None
    ) -> Iterator[Document | BadRecord]:
        """Yield the documents of a place, of one of its fields alone; DataError where it cannot be read.

        The fields `beside` are read into the sides of kinds whose codecs ask for some. The field `label` is
        what is given of each; of files without fields the name of the folder that they lie in.
        """
        ...

    def write(self, path: Path, documents: Sequence[Document]) -> list[Path]:
        """Write documents as files of the format that the path's ending names; return these."""
        ...

    def parted(self, raw: NDArray[Any], side: Side | None, offset: int) -> tuple[int, int]: ...

    def place_of(self, document: Document, byte: int) -> str:
        """Return which value, cell, pixel or moment a byte belongs to; of the end, the last one."""
        ...


def load(kind: str) -> Kind:
    """Return the file for a kind that is not text; UnknownName where there is none."""
    if kind not in KINDS:
        raise UnknownName("kind of data", kind, KINDS)
    found: Any = importlib.import_module(f"anygram.data.{kind}")
    loaded: Kind = found
    return loaded


def is_readable(kind: str) -> bool:
    """Return whether people can read such data as text."""
    return kind == TEXT or load(kind).READABLE


def place_of(kind: str, document: Document, byte: int) -> str:
    """Return how a person calls the place where a byte of a document stands; of a text nothing."""
    return "" if kind == TEXT or not document.text else load(kind).place_of(document, byte)


def parted_of(kind: str) -> Parted:
    """Return where data of a kind may be parted."""
    return text.parted if kind == TEXT else load(kind).parted
