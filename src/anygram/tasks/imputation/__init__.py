"""What is missing in tables and series is filled, and cells of tables are judged, by a model of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from anygram.codecs.series import SeriesCodec
from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.protocols import Codec, LanguageModel
from anygram.tasks.imputation import filling, measuring, series
from anygram.tasks.imputation.filling import Filled
from anygram.tasks.imputation.grid import Grid
from anygram.tasks.imputation.measuring import Measured
from anygram.tasks.imputation.series import FilledValue, MeasuredSeries


@dataclass(frozen=True)
class Asked:
    """Which columns to fill, by default all, and how.

    `samples` draws that many tables instead of the best values. `hide` makes that share of the known cells
    empty first, of series in stretches of `hide_length` values, to measure how well they are filled.
    """

    columns: Sequence[str] | None = None
    samples: int | None = None
    hide: float | None = None
    hide_length: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples is not None and self.hide is not None:
            raise UsageError("--hide measures the best values, --samples draws others; leave out one of them")
        if self.hide_length is not None and self.hide is None:
            raise UsageError("--hide-length is how much --hide hides at once; give --hide SHARE too")


@dataclass(frozen=True)
class Imputed:
    """Tables that are filled, one unless several were drawn, the cells of the first, and figures.

    Columns that had no value in training are `left` as they are. Of a run of series they are sets of series,
    and `values` stands for cells, `series_figures` for figures.
    """

    tables: list[list[Document]]
    cells: list[Filled] = field(default_factory=list)
    figures: list[Measured] = field(default_factory=list)
    values: list[FilledValue] = field(default_factory=list)
    series_figures: list[MeasuredSeries] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def impute(model: LanguageModel, codec: Codec, documents: Sequence[Document], asked: Asked) -> Imputed:
    """Return the rows with the missing cells of the columns asked for filled, or series with their values.

    UsageError where the codec is of neither tables nor series, DataError for no data.
    """
    if isinstance(codec, SeriesCodec):
        return _of_series(model, codec, documents, asked)
    if asked.hide_length is not None:
        raise UsageError("--hide-length is of series, and this run is of tables; leave it out")
    return _of_table(model, codec, documents, asked)


def _of_series(
    model: LanguageModel, codec: SeriesCodec, documents: Sequence[Document], asked: Asked
) -> Imputed:
    if asked.columns is not None:
        raise UsageError("--columns are of tables, and this run is of series; leave it out")
    if asked.hide is None:
        filled = series.fill(model, codec, documents, asked.samples, asked.seed)
        return Imputed(filled.drawn, values=filled.values)
    length = 1 if asked.hide_length is None else asked.hide_length
    hidden = series.hide(documents, asked.hide, length, asked.seed)
    filled = series.fill(model, codec, hidden.documents, None, asked.seed)
    figures = series.measure(hidden, filled)
    return Imputed(filled.drawn, values=filled.values, series_figures=figures)


def _of_table(model: LanguageModel, codec: Codec, documents: Sequence[Document], asked: Asked) -> Imputed:
    grid = Grid(codec, documents, asked.columns)
    left = grid.unknown() if asked.columns is None else []
    if asked.samples is not None:
        drawn = filling.draw(model, grid, asked.samples, asked.seed)
        return Imputed([one.documents for one in drawn], drawn[0].cells, left=left)
    if asked.hide is None:
        filled = filling.fill(model, grid, asked.seed)
        return Imputed([filled.documents], filled.cells, left=left)
    hidden = measuring.hide(grid, asked.hide, asked.seed)
    grid = Grid(codec, hidden.documents, asked.columns)
    filled = filling.fill(model, grid, asked.seed)
    figures = measuring.measure(grid, hidden.truth, filled.cells)
    return Imputed([filled.documents], filled.cells, figures, left=left)
