"""How well missing cells are filled: known ones are hidden, filled, and compared with what they held.

Beside the model stands what needs none: the mean of a column's numbers in the training part, its most
frequent category, of dates and texts the most frequent of those not hidden; and the last value known in the
rows before. Errors of numbers are divided by the standard deviation of their column in the rows given.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC

import numpy as np

from anygram import timeline
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.settings import check_seed
from anygram.tasks.imputation.filling import Filled
from anygram.tasks.imputation.grid import Grid, Place

METHODS = ("model", "mean or mode", "last value")
ALL = "all"
_FIGURES = ("accuracy", "mae", "rmse", "days")


@dataclass(frozen=True)
class Measured:
    """How a method did on so many hidden cells of a column, or of all of a type.

    `accuracy` is of categories, dates and texts, by exact match; `mae` and `rmse`, in standard deviations,
    are of numbers; `days` is the mean error of dates in days.
    """

    column: str
    type: str
    method: str
    cells: int
    accuracy: float | None
    mae: float | None
    rmse: float | None
    days: float | None = None


@dataclass(frozen=True)
class Hidden:
    """Rows with known cells hidden, and what these held."""

    documents: list[Document]
    truth: dict[Place, str]


def hide(grid: Grid, share: float, seed: int = 0) -> Hidden:
    """Return the rows with this share of the known cells of the columns asked for made empty.

    UsageError for a share that is none, DataError where no cell would be hidden.
    """
    if not 0 < share < 1:
        raise UsageError(f"--hide must be above 0 and below 1, got {share:g}; for example --hide 0.1")
    check_seed(seed)
    known = [place for place in grid.places(missing=False) if _is_comparable(grid, place)]
    drawn = np.random.default_rng(seed).random(len(known)) < share
    truth = {place: grid.meaning(place) for place, taken in zip(known, drawn, strict=True) if taken}
    if not truth:
        raise DataError(f"of {len(known)} known cells none was hidden; give more rows or a larger share")
    return Hidden(grid.with_values(dict.fromkeys(truth, "")), truth)


def measure(grid: Grid, truth: Mapping[Place, str], filled: Iterable[Filled]) -> list[Measured]:
    """Return how the model and the baselines did, by column and over all; `grid` has the cells hidden."""
    by_cell = {(cell.row - 1, cell.column): cell.value for cell in filled}
    guesses = {
        METHODS[0]: {place: by_cell[place.row, grid.name(place)] for place in truth},
        METHODS[1]: _usual_values(grid, truth),
        METHODS[2]: _last_values(grid, truth),
    }
    measured: list[Measured] = []
    for column in grid.columns:
        places = [place for place in truth if place.column == column]
        if places:
            measured += _of_column(grid, places, truth, guesses)
    return [*measured, *_over_all(measured)]


def _is_comparable(grid: Grid, place: Place) -> bool:
    """Return whether a cell of a column of numbers holds one, or of dates one."""
    if grid.is_date(place):
        return _moment(grid.meaning(place)) is not None
    return grid.numbers(place) is None or _number(grid.meaning(place)) is not None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _moment(text: str) -> float | None:
    """Return a date as days."""
    time = timeline.parsed(text)
    return None if time is None else time.replace(tzinfo=UTC).timestamp() / timeline.SECONDS_A_DAY


def _usual_values(grid: Grid, places: Iterable[Place]) -> dict[Place, str]:
    """Return for each cell the mean of its column's numbers in training, or its most frequent value."""
    usual: dict[int, str] = {}
    for place in places:
        if place.column not in usual:
            usual[place.column] = _usual(grid, place)
    return {place: usual[place.column] for place in places}


def _usual(grid: Grid, place: Place) -> str:
    if grid.is_whole(place):
        known = (Place(row, place.column) for row in range(len(grid.written)))
        counts = Counter(grid.meaning(one) for one in known if not grid.is_missing(one))
        return min(counts, key=lambda value: (-counts[value], value), default="")
    numbers = grid.numbers(place)
    if numbers is None:
        return grid.value(place, 0)
    counts_K = [one.count for one in numbers.bins]
    return str(np.average([one.mean for one in numbers.bins], weights=counts_K))


def _last_values(grid: Grid, places: Iterable[Place]) -> dict[Place, str]:
    """Return the last value known in the rows before each cell; what is usual where there is none."""
    found: dict[Place, str] = {}
    for place in places:
        above = (Place(row, place.column) for row in range(place.row - 1, -1, -1))
        known = (one for one in above if not grid.is_missing(one) and _is_comparable(grid, one))
        last = next(known, None)
        found[place] = _usual(grid, place) if last is None else grid.meaning(last)
    return found


def _deviation(grid: Grid, places: Sequence[Place], truth: Mapping[Place, str]) -> float:
    """Return the standard deviation of a column's numbers, the hidden ones too; 0 for categories."""
    if grid.numbers(places[0]) is None:
        return 0.0
    known = (Place(row, places[0].column) for row in range(len(grid.written)))
    texts = [truth[one] if one in truth else grid.meaning(one) for one in known]
    return float(np.std([number for text in texts if (number := _number(text)) is not None]))


def _of_column(
    grid: Grid,
    places: Sequence[Place],
    truth: Mapping[Place, str],
    guesses: Mapping[str, Mapping[Place, str]],
) -> Iterator[Measured]:
    """Yield how each method did on the hidden cells of a column."""
    name, kind = grid.name(places[0]), grid.codec.columns[places[0].column].type.name
    scale = _deviation(grid, places, truth)
    for method, guess in guesses.items():
        if grid.numbers(places[0]) is None:
            hits = float(np.mean([guess[place] == truth[place] for place in places]))
            days = _days(places, truth, guess) if grid.is_date(places[0]) else None
            yield Measured(name, kind, method, len(places), hits, None, None, days)
            continue
        errors = np.array([float(guess[place]) - float(truth[place]) for place in places])
        errors /= scale or math.nan
        mae, rmse = float(np.abs(errors).mean()), float(np.sqrt((errors**2).mean()))
        yield Measured(name, kind, method, len(places), None, _finite(mae), _finite(rmse))


def _days(places: Sequence[Place], truth: Mapping[Place, str], guess: Mapping[Place, str]) -> float | None:
    """Return the mean error of dates in days; None where there was none to guess."""
    pairs = [(_moment(guess[place]), _moment(truth[place])) for place in places]
    return mean_of([None if one is None or other is None else abs(one - other) for one, other in pairs])


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None


def _over_all(measured: Sequence[Measured]) -> list[Measured]:
    """Return the means over columns of each type, each column alike."""
    found = []
    for kind in ("category", "number", "date", "text"):
        for method in METHODS:
            rows = [one for one in measured if one.type == kind and one.method == method]
            if rows:
                means = [mean_of([getattr(one, name) for one in rows]) for name in _FIGURES]
                found.append(Measured(ALL, kind, method, sum(one.cells for one in rows), *means))
    return found


def mean_of(figures: Sequence[float | None]) -> float | None:
    """Return the mean of the figures that are known, None where none is."""
    known = [figure for figure in figures if figure is not None]
    return float(np.mean(known)) if known else None
