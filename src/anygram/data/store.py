"""Documents on disk: written once, then read again in any order without being held in memory.

Nine files in a folder:

texts    the bytes of all documents end to end
index    one row a document: where its text ends, and its separator bytes; the first row is zero
names    the names of all sources end to end
sources  one row a source: where its name ends, and the number of its first document, which is part of
         that one's name and counts on from there, or UNNUMBERED; the first row is zero
firsts   the first document of each source
sides    the distinct sides of all documents, as JSON
side     the number of each document's side, or NO_SIDE; documents after the last row have none
givens   what is given of the documents, end to end, where something is given of every one
given    where that of each document ends; the first row is zero

A document whose name is not numbered is a source of its own. D documents, N bytes.
"""

from __future__ import annotations

import hashlib
import json
import struct
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from anygram.data.documents import Document, Documents, Lines, side_after
from anygram.pieces import joined
from anygram.protocols import Side, Texts
from anygram.storage import explaining_writes

Parted = Callable[[NDArray[Any], Side | None, int], tuple[int, int]]
"""Returns the nearest places at or before, and at or after, a byte where a document may be parted."""

UNNUMBERED = -1
NO_SIDE = -1
_TEXT_END, _SEPARATOR = range(2)
_ROW = struct.Struct("=2q")
_BYTES_AT_ONCE = 1 << 23


class DocumentStore(Sequence[Document]):
    """The documents that `spool` wrote into a folder, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._texts = map_file(folder / "texts", np.uint8)
        self._index = map_file(folder / "index", np.int64).reshape(-1, 2)
        self._names = map_file(folder / "names", np.uint8)
        self._sources = map_file(folder / "sources", np.int64).reshape(-1, 2)
        self._firsts = map_file(folder / "firsts", np.int64)
        self._sides: list[Side] = json.loads((folder / "sides").read_text())
        self._side = map_file(folder / "side", np.int32)
        self._givens = map_file(folder / "givens", np.uint8)
        self._given = map_file(folder / "given", np.int64)

    @classmethod
    def spool(
        cls,
        documents: Iterable[Document | Lines],
        folder: Path,
        progress: Callable[[int], None] | None = None,
    ) -> DocumentStore:
        """Write the documents into a folder and open them; AnygramError if the disk is full.

        `progress` is called with the units of each item. The folder is made; it is the caller's
        to delete, also after a failure.
        """
        with explaining_writes(folder):
            folder.mkdir(parents=True, exist_ok=True)
            with _Writer(folder) as writer:
                for item in documents:
                    units = writer.lines(item) if isinstance(item, Lines) else writer.document(item)
                    if progress:
                        progress(units)
                writer.write_sides()
                (folder / "fingerprint").write_text(writer.fingerprint())
        return cls(folder)

    def __len__(self) -> int:
        return len(self._index) - 1

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Selection: ...
    def __getitem__(self, index: int | slice) -> Document | Selection:
        if isinstance(index, slice):
            return Selection(self, np.arange(len(self))[index])
        return self.piece(range(len(self))[index])

    def piece(self, document: int, start: int = 0, end: int | None = None) -> Document:
        """Return bytes `start` to `end` of a document's text; only its last piece has the separator."""
        raw = self.raw(document)
        end = len(raw) if end is None else end
        return Document(
            raw[start:end].tobytes().decode("utf-8", "surrogateescape"),
            int(self._index[document + 1, _SEPARATOR]) if end == len(raw) else 0,
            self._name(document),
            side_after(self.side(document), raw[:start]),
            self.given(document),
        )

    def side(self, document: int) -> Side | None:
        """Return what goes beside a document's text."""
        number = int(self._side[document]) if document < len(self._side) else NO_SIDE
        return None if number == NO_SIDE else self._sides[number]

    def given(self, document: int) -> str | None:
        """Return what is given of a document: its label, or the text that it goes with."""
        if not self.has_givens:
            return None
        start, end = self._given[document : document + 2]
        return self._givens[start:end].tobytes().decode("utf-8", "surrogateescape")

    @property
    def has_givens(self) -> bool:
        """Whether something is given of every document."""
        return len(self._given) > 1

    @property
    def has_sides(self) -> bool:
        """Whether anything goes beside any text."""
        return len(self._sides) > 0

    def _name(self, document: int) -> str:
        source = int(np.searchsorted(self._firsts, document, side="right")) - 1
        start, end = self._sources[source : source + 2, 0]
        name = self._names[start:end].tobytes().decode("utf-8", "surrogateescape")
        number = int(self._sources[source + 1, 1])
        return name if number == UNNUMBERED else f"{name}:{number + document - int(self._firsts[source])}"

    def raw(self, document: int) -> NDArray[np.uint8]:
        """Return the bytes of a document's text, without its separator."""
        start, end = self._index[document : document + 2, _TEXT_END]
        return self._texts[start:end]

    @property
    def units_D(self) -> NDArray[np.int64]:
        """The units of every document."""
        units_D: NDArray[np.int64] = np.diff(self._index[:, _TEXT_END]) + self._index[1:, _SEPARATOR]
        return units_D

    @property
    def units(self) -> int:
        """The units of all documents."""
        return int(self._index[-1, _TEXT_END] + self._index[1:, _SEPARATOR].sum())

    @property
    def holds_text(self) -> bool:
        """Whether there is more than empty documents and what separated them."""
        return len(self._texts) > 0

    @property
    def fingerprint(self) -> str:
        """A digest in hexadecimal of the documents' texts, separators and sides; names do not count."""
        return (self._folder / "fingerprint").read_text()

    def spans(self, index_D: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the texts of these documents begin and end among all bytes."""
        return self._index[index_D, _TEXT_END], self._index[index_D + 1, _TEXT_END]

    def between(self, starts_D: NDArray[np.int64], ends_D: NDArray[np.int64]) -> Texts:
        """Return the bytes from each start to its end; what is read of the disk is let go with them."""
        bytes_N = map_file(self._folder / "texts", np.uint8)
        if (starts_D[1:] == ends_D[:-1]).all():
            return Texts(bytes_N[starts_D[0] : ends_D[-1]], ends_D - starts_D[0])
        return Texts(joined(bytes_N, starts_D, ends_D), np.cumsum(ends_D - starts_D))


class _Writer(ExitStack):
    """Writes the files of a store."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        files = ("texts", "index", "names", "sources", "firsts", "sides", "side")
        self._texts, self._index, self._names, self._sources, self._firsts, self._sides, self._side = (
            self.enter_context((folder / name).open("wb")) for name in files
        )
        self._givens, self._given = (
            self.enter_context((folder / name).open("wb")) for name in ("givens", "given")
        )
        self._given_digest = hashlib.sha256()
        self._given_end = self._given_documents = 0
        self._number_of_side: dict[str, int] = {}
        self._side_of = array("i")
        self._documents = self._text_end = self._name_end = 0
        self._next = "", 0  # name and number of a document that would go on with the last source
        self._texts_digest, self._index_digest = hashlib.sha256(), hashlib.sha256()
        self._write(b"", _ROW.pack(0, 0))
        self._sources.write(_ROW.pack(0, 0))

    def fingerprint(self) -> str:
        """Return SHA-256 of those of index and texts, in hexadecimal, of what was written so far."""
        written = self._index_digest.digest() + self._texts_digest.digest()
        if self._number_of_side:
            written += "".join(self._number_of_side).encode() + self._side_of.tobytes()
        if self._given_documents:
            written += self._given_digest.digest()
        return hashlib.sha256(written).hexdigest()

    def _write(self, texts: Any, rows: Any) -> None:
        for file, digest, piece in (
            (self._texts, self._texts_digest, texts),
            (self._index, self._index_digest, rows),
        ):
            file.write(piece)
            digest.update(piece)

    def document(self, document: Document) -> int:
        """Write one document and return its units."""
        text = document.to_bytes()
        self._text_end += len(text)
        self._write(text, _ROW.pack(self._text_end, document.separator))
        self._source(document.name, UNNUMBERED)
        if document.side is not None:
            self._remember_side(document.side)
        if document.given is not None:
            self._write_given(document.given)
        self._documents += 1
        return len(text) + document.separator

    def _write_given(self, given: str) -> None:
        """Write what is given of the document that is being written."""
        assert self._given_documents == self._documents, "given of every document, or of none"
        if not self._given_documents:
            self._given.write(struct.pack("=q", 0))
        raw = given.encode("utf-8", "surrogateescape")
        self._given_documents += 1
        self._given_end += len(raw)
        for file, piece in ((self._givens, raw), (self._given, struct.pack("=q", self._given_end))):
            file.write(piece)
            self._given_digest.update(piece)

    def _remember_side(self, side: Side) -> None:
        """Note the side of the document that is being written."""
        number = self._number_of_side.setdefault(json.dumps(side, sort_keys=True), len(self._number_of_side))
        self._side_of.extend([NO_SIDE] * (self._documents - len(self._side_of)))
        self._side_of.append(number)

    def write_sides(self) -> None:
        """Write the sides of all documents, which are in memory until then."""
        self._sides.write(f"[{','.join(self._number_of_side)}]".encode())
        self._side.write(self._side_of.tobytes())

    def lines(self, lines: Lines) -> int:
        """Write many documents and return their units."""
        index_D2 = np.stack([lines.texts.ends_D + self._text_end, lines.separators_D], axis=1)
        self._write(lines.texts.bytes_N.data, index_D2.data)
        self._text_end += len(lines.texts.bytes_N)
        if self._next != (lines.name, lines.first):
            self._source(lines.name, lines.first)
        self._next = lines.name, lines.first + len(lines)
        self._documents += len(lines)
        return lines.units

    def _source(self, name: str, first: int) -> None:
        self._name_end += self._names.write(name.encode("utf-8", "surrogateescape"))
        self._sources.write(_ROW.pack(self._name_end, first))
        self._firsts.write(struct.pack("=q", self._documents))
        self._next = "", 0


class Selection(Sequence[Document]):
    """Some documents of a store in some order, read when asked for.

    `cuts` says of a position which bytes of its text are meant, where it is not the whole.
    """

    def __init__(
        self,
        store: DocumentStore,
        index_D: NDArray[np.int64],
        cuts: Mapping[int, tuple[int, int]] | None = None,
    ) -> None:
        self.store = store
        self.index_D = index_D
        self.cuts = dict(cuts or {})

    def __len__(self) -> int:
        return len(self.index_D)

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Selection: ...
    def __getitem__(self, index: int | slice) -> Document | Selection:
        positions = range(len(self))[index]
        if isinstance(positions, int):
            return self.store.piece(int(self.index_D[positions]), *self.cuts.get(positions, (0, None)))
        cuts = {positions.index(old): cut for old, cut in self.cuts.items() if old in positions}
        return Selection(self.store, self.index_D[index], cuts)

    def span(self, position: int) -> tuple[int, int]:
        """Return where the bytes of this document begin and end in its text."""
        whole = (0, len(self.store.raw(int(self.index_D[position]))))
        return self.cuts.get(position, whole)

    def parted(self, position: int, offset: int, parted: Parted) -> tuple[int, int]:
        """Return the nearest places at or before, and at or after, a byte where this document may be cut."""
        document = int(self.index_D[position])
        return parted(self.store.raw(document), self.store.side(document), offset)

    def side(self, position: int) -> Side | None:
        """Return what goes beside this document."""
        document = int(self.index_D[position])
        side = self.store.side(document)
        if position not in self.cuts:
            return side
        return side_after(side, self.store.raw(document)[: self.cuts[position][0]])

    def given(self, position: int) -> str | None:
        """Return what is given of this document."""
        return self.store.given(int(self.index_D[position]))

    def blocks(self) -> Iterator[Texts]:
        """Yield the texts in order, some megabytes of them at a time, and at least one."""
        starts_D, ends_D = self.store.spans(self.index_D)
        for position, (start, end) in self.cuts.items():
            starts_D[position], ends_D[position] = starts_D[position] + start, starts_D[position] + end
        bytes_D = np.cumsum(ends_D - starts_D)
        first = 0
        while first < len(self):
            room = int(bytes_D[first] - (ends_D[first] - starts_D[first])) + _BYTES_AT_ONCE
            last = max(first + 1, int(np.searchsorted(bytes_D, room, side="right")))
            yield self.store.between(starts_D[first:last], ends_D[first:last])
            first = last

    @property
    def units_D(self) -> NDArray[np.int64]:
        """The units of every document."""
        units_D = self.store.units_D[self.index_D]
        for position, (start, end) in self.cuts.items():
            whole = len(self.store.raw(int(self.index_D[position])))
            units_D[position] = (units_D[position] if end == whole else end) - start
        return units_D

    @property
    def units(self) -> int:
        """The units of all documents."""
        return int(self.units_D.sum())


class _StoredTexts(Iterable[str]):
    """The texts of a selection, one by one or in blocks."""

    def __init__(self, documents: Selection) -> None:
        self._documents = documents

    def __iter__(self) -> Iterator[str]:
        return (document.text for document in self._documents)

    def blocks(self) -> Iterator[Texts]:
        return self._documents.blocks()

    def sides(self) -> Iterator[Side | None]:
        return (self._documents.side(position) for position in range(len(self._documents)))


def texts_of(documents: Documents) -> Iterable[str]:
    """Return the documents' texts, `InBlocks` and `WithSides` where they can be had so."""
    found = selected(documents)
    return (document.text for document in documents) if found is None else _StoredTexts(found)


@dataclass(frozen=True)
class _Givens(Iterable[str]):
    """What is given of the documents of a selection, one by one."""

    documents: Selection

    def __iter__(self) -> Iterator[str]:
        return (self.documents.given(position) or "" for position in range(len(self.documents)))


def givens_of(documents: Documents) -> Iterable[str]:
    """Return what is given of each document, of all or of none; may be gone through again and again."""
    found = selected(documents)
    return [document.given or "" for document in documents] if found is None else _Givens(found)


def selected(documents: Iterable[Document]) -> Selection | None:
    """Return the documents as a selection of a store; None where they are in none."""
    if isinstance(documents, DocumentStore):
        return documents[:]
    return documents if isinstance(documents, Selection) else None


def stored(documents: Documents) -> Selection:
    """Return the documents as a selection of a store, which the parts of an own split are."""
    found = selected(documents)
    assert found is not None, "the documents lie in a store"
    return found


def units_of(documents: Documents) -> int:
    """Return the units of all documents."""
    found = selected(documents)
    return sum(document.units for document in documents) if found is None else found.units


def digest_of(documents: Selection) -> str:
    """Return a digest in hexadecimal of these documents' bytes and separators, in their order."""
    digest = hashlib.blake2b(digest_size=8)
    for texts in documents.blocks() if len(documents) else ():
        digest.update(texts.bytes_N.data)
        digest.update(np.ascontiguousarray(texts.ends_D).data)
    digest.update(documents.units_D.tobytes())
    if documents.store.has_sides:
        digest.update(json.dumps([*_StoredTexts(documents).sides()], sort_keys=True).encode())
    if documents.store.has_givens:
        digest.update(json.dumps([*_Givens(documents)]).encode())
    return digest.hexdigest()


def map_file(path: Path, kind: type[Any]) -> NDArray[Any]:
    """Return a file's numbers, read from disk as they are used; an empty file cannot be mapped."""
    if not path.stat().st_size:
        return np.empty(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r").view(np.ndarray)  # a plain array slices faster
