from __future__ import annotations

from dataclasses import dataclass

from anygram.data.documents import Documents
from anygram.data.store import DocumentStore


@dataclass(frozen=True)
class Splits:
    """Three parts of a corpus; `valid` and `test` are empty where not asked for."""

    train: Documents
    valid: Documents
    test: Documents


def split(store: DocumentStore, *, valid: float | None, test: float | None, seed: int) -> Splits:
    """Return the corpus in parts; `test` is taken first, `valid` from what remains."""
    raise NotImplementedError


def count_duplicates(train: Documents, test: Documents) -> int:
    """Return how many documents of `test` have a text that also stands in `train`; empty ones do not count."""
    raise NotImplementedError
