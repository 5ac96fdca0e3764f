"""One document: its text, the bytes that stood between it and the next, and what goes beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.protocols import Side, Texts


@dataclass(frozen=True)
class Document:
    """A text, the number of separator bytes removed after it, where it came from, and what goes beside it.

    `given` is what is known before it is read: its label, or the text that it translates or sums up; several
    labels stand in a line each.

    Bytes that are not UTF-8 stand in `text` as surrogate escapes (PEP 383): of what is no text, all bytes
    of its values stand there so, and what they do not say, such as a picture's size, in `side`.
    """

    text: str
    separator: int = 0
    name: str = ""
    side: Side | None = None
    given: str | None = None

    def to_bytes(self) -> bytes:
        """Return the text's original bytes; DataError for a lone surrogate that is not an escape."""
        try:
            return self.text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError as error:
            raise DataError(
                f"{self.name or 'document'}: a lone surrogate at character {error.start} "
                "is no text; remove it"
            ) from error

    @property
    def units(self) -> int:
        """The original bytes: those of the text and those of the separator.

        >>> Document("né", separator=2).units
        5
        """
        return len(self.to_bytes()) + self.separator


def whole(raw: NDArray[Any], side: Side | None, offset: int) -> tuple[int, int]:
    """Return the ends of a document that may not be parted, as those at or before and at or after a byte."""
    return (0 if offset < len(raw) else offset), (len(raw) if offset else 0)


def side_after(side: Side | None, before: NDArray[Any]) -> Side | None:
    """Return the side of what follows these bytes of a document: where `first` numbers its lines, it goes on.

    >>> side_after({"first": 2}, np.frombuffer(b"1.5\\n2.5\\n", dtype=np.uint8))
    {'first': 4}
    """
    if side is None or "first" not in side or not len(before):
        return side
    return {**side, "first": side["first"] + int((before == ord("\n")).sum())}


@dataclass(frozen=True)
class Lines:
    """Many documents of one source: their texts, and the number of separator bytes after each.

    They are called `name:first` and so on, one number a document.
    """

    texts: Texts
    separators_D: NDArray[np.int64]
    name: str
    first: int

    def __len__(self) -> int:
        return len(self.separators_D)

    @property
    def units(self) -> int:
        """The original bytes of all."""
        return len(self.texts.bytes_N) + int(self.separators_D.sum())


Documents = Sequence[Document]
"""Any number of documents that can be counted, indexed and read again; need not be in memory."""
