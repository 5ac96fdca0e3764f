from __future__ import annotations

from collections.abc import Iterator

from anygram.data.documents import Document

EXAMPLES = ("docstrings", "stdlib")


def read_example(name: str) -> Iterator[Document]:
    """Return the documents of built-in example data; UnknownName where there is none."""
    raise NotImplementedError
