"""Rows of a table with some cells given, the others drawn: any columns as the condition of the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from anygram import cells
from anygram.codecs._columns import Categories
from anygram.codecs.table import TableCodec
from anygram.data import tables
from anygram.data.documents import Document
from anygram.data.frames import is_number
from anygram.errors import UnknownName, UsageError
from anygram.protocols import Codec, LanguageModel
from anygram.settings import check_seed
from anygram.tasks.imputation.choices import Choices
from anygram.tasks.imputation.grid import Grid, Place
from anygram.tasks.imputation.joints import Gaps, joints


def rows_given(
    model: LanguageModel, codec: Codec, given: Mapping[str, str], n: int = 1, seed: int = 0
) -> list[Document]:
    """Return `n` rows that hold the `given` values by column, the others drawn from what is likely with them.

    Each row is drawn by hypotheses of its own, which are one as soon as nothing given comes any more. A value
    may be empty: missing. UsageError where the codec is not of tables, or a column cannot hold a value.
    """
    if not isinstance(codec, TableCodec) or codec.usual is None:
        raise UsageError("cells are given of tables; train a run with --codec table on files of tables")
    if n < 1:
        raise UsageError(f"the number of samples must be at least 1, got {n}")
    check_seed(seed)
    grid = _held(codec, given)
    wanted = [place for place, column in enumerate(codec.columns) if column.name not in given]
    if not wanted:
        raise UsageError("every column is given, and nothing is left to draw; leave out one")
    choices = Choices(codec, codec.usual["delimiter"], free=True)
    rows = [Gaps(grid.heads[0], wanted, grid.tails[0], number, one=True) for number in range(n)]
    made = []
    for number, joint in enumerate(joints(model, choices, rows, seed)):
        way_M = joint.draw(float(np.random.default_rng([seed, number, 1]).random()))
        drawn = [found[way] for found, way in zip(joint.found, way_M.tolist(), strict=True)]
        made.append(_row(grid, wanted, drawn))
    return made


def _held(codec: TableCodec, given: Mapping[str, str]) -> Grid:
    """Return one row with the cells that are given, the others empty."""
    names = [column.name for column in codec.columns]
    for name, value in given.items():
        if name not in names:
            raise UnknownName("column", name, names)
        _check(codec, names.index(name), value)
    assert codec.usual is not None
    columns = codec.usual["columns"]
    empty = tables.document([""] * len(columns), columns, "", codec.usual["delimiter"])
    values = {Place(0, names.index(name)): value for name, value in given.items()}
    return Grid(codec, Grid(codec, [empty], None).with_values(values), None)


def _check(codec: TableCodec, place: int, value: str) -> None:
    """Raise UsageError for a value of another type than its column's, which training never saw there."""
    column = codec.columns[place]
    if value in column.missing or column.strange:
        return
    kind = column.type
    if isinstance(kind, Categories):
        meant = [_meaning(codec, known) for known in kind.values]
        if meant and value not in meant:
            raise UnknownName(f"value of column {column.name}", value, meant)
    elif kind.name == "number" and not (is_number(value) and math.isfinite(float(value))):
        raise UsageError(f"column '{column.name}' holds numbers, got '{value}'; give one, or nothing")
    elif kind.name == "date" and kind.encode(value) is None:
        known = _meaning(codec, kind.decode([0], ()))
        raise UsageError(f"column '{column.name}' holds dates, got '{value}'; write it like {known}")


def _meaning(codec: TableCodec, written: str) -> str:
    return cells.meaning(written, codec.usual["delimiter"] if codec.usual else cells.COMMA)


def _row(grid: Grid, wanted: Sequence[int], drawn: Sequence[str]) -> Document:
    """Return the row with these cells, as they are written, in the columns that were wanted."""
    return grid.with_written({Place(0, place): cell for place, cell in zip(wanted, drawn, strict=True)})[0]
