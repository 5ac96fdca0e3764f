"""Data in memory that codecs are fitted to, with what stands beside each datum."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from anygram.data.documents import Document
from anygram.protocols import Side


class Given(list[str]):
    """The texts of documents, and their sides."""

    def __init__(self, documents: Sequence[Document]) -> None:
        super().__init__(document.text for document in documents)
        self._sides = [document.side for document in documents]

    def sides(self) -> Iterator[Side | None]:
        return iter(self._sides)
