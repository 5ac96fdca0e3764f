"""The vectors of a collection of documents, with their names and labels: to be kept, searched and judged.

Axes: N documents, D the width of their vectors.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from anygram import storage
from anygram.data import writing
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import Codec, FloatArray, LanguageModel
from anygram.tasks.embedding.neighbours import Hit, Neighbours, neighbours_share_label, search
from anygram.tasks.embedding.vectors import Pooling, embed

ENDINGS = (".npy", ".parquet", ".jsonl")
_BEGINNING = 80
"""Characters of a document that are kept."""


@dataclass(frozen=True)
class Embedded:
    """Documents as vectors_ND, what they are called, how they begin, and their labels where they have any."""

    vectors_ND: FloatArray
    names: list[str]
    begins: list[str]
    labels: list[str] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def search(self, query_D: FloatArray, top: int = 10) -> list[Hit]:
        """Return the documents nearest to a vector, the nearest first."""
        return search(self.vectors_ND, query_D, top)

    def neighbours(self, k: int = 10) -> Neighbours:
        """Return whether documents near each other have the same label; UsageError where there are none."""
        if self.labels is None:
            raise UsageError("neighbours are judged by labels; name the field that holds them: --label-field")
        return neighbours_share_label(self.vectors_ND, self.labels, k)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Yield each document's name, its label where there are any, and its vector."""
        for place, name in enumerate(self.names):
            label = {} if self.labels is None else {"label": self.labels[place]}
            yield {"document": name, **label, "vector": self.vectors_ND[place].tolist()}

    def write(self, path: Path) -> None:
        """Write a row a document (.parquet, .jsonl), or vectors_ND alone, in the documents' order (.npy)."""
        check(path)
        if path.suffix != ".npy":
            writing.write(path, self.rows())
            return
        with storage.replacing(path) as temporary, temporary.open("wb") as file:
            np.save(file, self.vectors_ND, allow_pickle=False)


def check(path: Path) -> None:
    """Raise UsageError where vectors cannot be written so, before they are worked for."""
    if path.suffix not in ENDINGS:
        raise UsageError(f"cannot write vectors to {path.name}; let it end in {', '.join(ENDINGS)}")
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file")
    storage.require_writable(path)


def collect(
    model: LanguageModel,
    codec: Codec,
    documents: Iterable[Document],
    pooling: Pooling = "mean",
    *,
    normalise: bool = True,
) -> Embedded:
    """Return the documents as `embed` makes vectors of them, with what is given of them as their labels."""
    names: list[str] = []
    begins: list[str] = []
    given: list[str | None] = []

    def noted() -> Iterator[Document]:
        for document in documents:
            names.append(document.name)
            begins.append(document.text[:_BEGINNING])
            given.append(document.given)
            yield document

    vectors_ND = embed(model, codec, noted(), pooling, normalise=normalise)
    labels = [label for label in given if label is not None]
    if labels and len(labels) < len(names):
        raise DataError(f"{names[given.index(None)]} has no label, others have; label all or none")
    return Embedded(vectors_ND, names, begins, labels or None)
