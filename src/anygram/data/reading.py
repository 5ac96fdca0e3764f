from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from anygram.data.documents import Document

DocumentsAre = Literal["lines", "paragraphs", "files"]


@dataclass(frozen=True)
class ReadingOptions:
    """How sources become documents.

    `documents` None: whole files for .txt and .md, lines for .log and stdin, one a row for records.
    `binary`: bytes that are not UTF-8 are carried as surrogate escapes, for codecs that can.
    """

    documents: DocumentsAre | None = None
    text_field: str | None = None
    on_bad_record: Literal["fail", "skip"] = "fail"
    binary: bool = False


@dataclass
class Report:
    """What reading met: filled while the documents are read."""

    documents: int = 0
    units: int = 0
    skipped: int = 0
    reasons: list[str] = field(default_factory=list)


def read(sources: Sequence[str], options: ReadingOptions, report: Report) -> Iterator[Document]:
    """Return the documents of all sources, one at a time; sources are checked at once."""
    raise NotImplementedError
