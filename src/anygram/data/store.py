"""Documents on disk: written once, then read again in any order without being held in memory.

Three files in a folder: `texts` (the bytes of all documents end to end), `names`, and `index`, one
row a document: where its text ends, where its name ends, and its separator bytes; the first row is
zero. D documents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from anygram.data.documents import Document
from anygram.storage import explaining_writes

_TEXT_END, _NAME_END, _SEPARATOR = range(3)
_HASHED_AT_ONCE = 1 << 20


class DocumentStore(Sequence[Document]):
    """The documents that `spool` wrote into a folder, memory-mapped."""

    def __init__(self, folder: Path) -> None:
        self._texts = map_file(folder / "texts", np.uint8)
        self._names = map_file(folder / "names", np.uint8)
        self._index = map_file(folder / "index", np.int64).reshape(-1, 3)

    @classmethod
    def spool(
        cls, documents: Iterable[Document], folder: Path, progress: Callable[[int], None] | None = None
    ) -> DocumentStore:
        """Write the documents into a folder and open them; AnygramError if the disk is full.

        `progress` is called with the units of each document. The folder is made; it is the caller's
        to delete, also after a failure.
        """
        with explaining_writes(folder):
            folder.mkdir(parents=True, exist_ok=True)
            cls._write(documents, folder, progress)
        return cls(folder)

    @staticmethod
    def _write(documents: Iterable[Document], folder: Path, progress: Callable[[int], None] | None) -> None:
        with (
            (folder / "texts").open("wb") as texts,
            (folder / "names").open("wb") as names,
            (folder / "index").open("wb") as index,
        ):
            row = np.zeros(3, dtype=np.int64)
            index.write(row.tobytes())
            for document in documents:
                text = document.to_bytes()
                row[_TEXT_END] += texts.write(text)
                row[_NAME_END] += names.write(document.name.encode("utf-8", "surrogateescape"))
                row[_SEPARATOR] = document.separator
                index.write(row.tobytes())
                if progress:
                    progress(len(text) + document.separator)

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
        name_start, name_end = self._index[document : document + 2, _NAME_END]
        return Document(
            raw[start:end].tobytes().decode("utf-8", "surrogateescape"),
            int(self._index[document + 1, _SEPARATOR]) if end == len(raw) else 0,
            self._names[name_start:name_end].tobytes().decode("utf-8", "surrogateescape"),
        )

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
        """SHA-256 in hexadecimal of the documents' texts and separators; names do not count."""
        digest = hashlib.sha256()
        digest.update(np.ascontiguousarray(self._index[:, [_TEXT_END, _SEPARATOR]]).tobytes())
        for start in range(0, len(self._texts), _HASHED_AT_ONCE):
            digest.update(self._texts[start : start + _HASHED_AT_ONCE].tobytes())
        return digest.hexdigest()


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
        cuts = {new: self.cuts[old] for new, old in enumerate(positions) if old in self.cuts}
        return Selection(self.store, self.index_D[index], cuts)

    def span(self, position: int) -> tuple[int, int]:
        """Return where the bytes of this document begin and end in its text."""
        whole = (0, len(self.store.raw(int(self.index_D[position]))))
        return self.cuts.get(position, whole)

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


def map_file(path: Path, kind: type[Any]) -> NDArray[Any]:
    """Return a file's numbers, read from disk as they are used; an empty file cannot be mapped."""
    if not path.stat().st_size:
        return np.empty(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r").view(np.ndarray)  # a plain array slices faster
