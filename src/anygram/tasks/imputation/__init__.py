"""Cells of tables: missing ones filled, known ones judged, by a model of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.protocols import Codec, LanguageModel
from anygram.tasks.imputation import filling, measuring
from anygram.tasks.imputation.filling import Filled
from anygram.tasks.imputation.grid import Grid
from anygram.tasks.imputation.measuring import Measured


@dataclass(frozen=True)
class Asked:
    """Which columns to fill, by default all, and how.

    `samples` draws that many tables instead of the best values. `hide` makes that share of the known cells
    empty first, to measure how well they are filled.
    """

    columns: Sequence[str] | None = None
    samples: int | None = None
    hide: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples is not None and self.hide is not None:
            raise UsageError("--hide measures the best values, --samples draws others; leave out one of them")


@dataclass(frozen=True)
class Imputed:
    """Tables whose cells are filled, one unless several were drawn, the cells of the first, and figures."""

    tables: list[list[Document]]
    cells: list[Filled]
    figures: list[Measured] = field(default_factory=list)


def impute(model: LanguageModel, codec: Codec, documents: Sequence[Document], asked: Asked) -> Imputed:
    """Return the rows with the missing cells of the columns asked for filled.

    UsageError where the codec is not of tables, DataError for no rows.
    """
    grid = Grid(codec, documents, asked.columns)
    if asked.samples is not None:
        drawn = filling.draw(model, grid, asked.samples, asked.seed)
        return Imputed([one.documents for one in drawn], drawn[0].cells)
    if asked.hide is None:
        filled = filling.fill(model, grid, asked.seed)
        return Imputed([filled.documents], filled.cells)
    hidden = measuring.hide(grid, asked.hide, asked.seed)
    grid = Grid(codec, hidden.documents, asked.columns)
    filled = filling.fill(model, grid, asked.seed)
    return Imputed([filled.documents], filled.cells, measuring.measure(grid, hidden.truth, filled.cells))
