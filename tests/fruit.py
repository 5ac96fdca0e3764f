"""A small table of fruit whose columns depend on each other, in memory as a codec is fitted on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from anygram.data import tables
from anygram.data.documents import Document

COLUMNS = ["fruit", "colour", "weight"]
COLOURS = {"apple": "red", "lemon": "yellow", "plum": "blue"}
WEIGHTS = {"apple": 150, "lemon": 80, "plum": 30}


def values(rows: int = 120) -> list[list[str]]:
    """Return rows of cells; the weight is drawn."""
    generator = np.random.default_rng(1)
    fruits = [("apple", "lemon", "plum")[int(one)] for one in generator.integers(0, 3, rows)]
    return [
        [fruit, COLOURS[fruit], str(round(float(generator.normal(WEIGHTS[fruit], 5))))] for fruit in fruits
    ]


def documents(rows: Sequence[Sequence[str]]) -> list[Document]:
    """Return rows of cells as documents."""
    return [tables.document(row, COLUMNS) for row in rows]
