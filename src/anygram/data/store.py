from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from anygram.data.documents import Document


class DocumentStore(Sequence[Document]):
    """Documents on disk, memory-mapped. `DocumentStore(folder)` opens what `spool` wrote there."""

    def __init__(self, folder: Path) -> None:
        raise NotImplementedError

    @classmethod
    def spool(
        cls, documents: Iterable[Document], folder: Path, progress: Callable[[int], None] | None = None
    ) -> DocumentStore:
        """Write the documents into the folder; `progress` is called with the units of each document."""
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | Sequence[Document]:
        raise NotImplementedError

    @property
    def units(self) -> int:
        raise NotImplementedError

    @property
    def units_D(self) -> NDArray[np.int64]:
        raise NotImplementedError

    @property
    def fingerprint(self) -> str:
        """sha256 hex over texts and separators."""
        raise NotImplementedError
