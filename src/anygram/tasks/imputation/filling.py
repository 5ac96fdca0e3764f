"""Missing cells filled: the likeliest category or text, the mean of numbers, the median of dates, or draws.

Axes: K candidates of a column, or values found for a cell; H ways to fill a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.protocols import FloatArray, LanguageModel
from anygram.settings import check_seed
from anygram.tasks.imputation.grid import Grid, Place
from anygram.tasks.imputation.joints import Joint, joints


@dataclass(frozen=True)
class Filled:
    """A cell that was missing: its row from 1 on, its column, its value now, and how probable that is.

    The probability of a number is that of the bin it lies in; of a date or a text it is estimated.
    """

    row: int
    column: str
    value: str
    probability: float


@dataclass(frozen=True)
class Filling:
    """Rows with their missing cells filled, and these cells."""

    documents: list[Document]
    cells: list[Filled]


def fill(model: LanguageModel, grid: Grid, seed: int = 0) -> Filling:
    """Return the rows with every missing cell of the columns asked for filled.

    A category is the likeliest, a number the posterior's mean, which errs least in squares, with as many
    decimals as are usual in its column; a date is the median, which errs least in days, a text the likeliest
    of those that were found.
    """
    values = {
        place: _best(grid, place, joint, gap)
        for places, joint in _of_rows(model, grid, seed)
        for gap, place in enumerate(places)
    }
    return _filled(grid, values)


def draw(model: LanguageModel, grid: Grid, samples: int, seed: int = 0) -> list[Filling]:
    """Return the rows as often as asked for, each time with other draws in their missing cells.

    Those of a row are drawn together. So it shows how sure the values are (multiple imputation, Rubin 1987).
    """
    if samples < 1:
        raise UsageError(f"samples must be at least 1, got {samples}; for example --samples 5")
    check_seed(seed)
    generators = [np.random.default_rng([seed, sample]) for sample in range(samples)]
    values: list[dict[Place, tuple[str, float]]] = [{} for _ in generators]
    for places, joint in _of_rows(model, grid, seed):
        p = [_shares(grid, place, joint, gap) for gap, place in enumerate(places)]
        for generator, drawn in zip(generators, values, strict=True):
            way_M = joint.draw(float(generator.random())).tolist()
            for gap, (place, way) in enumerate(zip(places, way_M, strict=True)):
                value = _drawn(grid, place, joint.found[gap], way, float(generator.random()))
                drawn[place] = value, float(p[gap][way])
    return [_filled(grid, drawn) for drawn in values]


def _of_rows(model: LanguageModel, grid: Grid, seed: int) -> list[tuple[list[Place], Joint]]:
    """Return the missing cells of each row that has some, and what they may hold together."""
    of_row: dict[int, list[Place]] = {}
    for place in grid.places(missing=True):
        of_row.setdefault(place.row, []).append(place)
    every = list(of_row.values())
    rows = [grid.gaps(one) for one in every]
    return list(zip(every, joints(model, grid.choices(), rows, seed), strict=True))


def _shares(grid: Grid, place: Place, joint: Joint, gap: int) -> FloatArray:
    """Return p_K of what a cell may hold."""
    if grid.is_whole(place):
        return joint.shares(gap)
    return joint.marginal(gap, len(grid.codec.candidates(place.column)))


def _best(grid: Grid, place: Place, joint: Joint, gap: int) -> tuple[str, float]:
    """Return the value to fill in, and its probability."""
    p_K, numbers = _shares(grid, place, joint, gap), grid.numbers(place)
    if numbers is not None:
        value = numbers.rounded(sum(float(p) * one.mean for p, one in zip(p_K, numbers.bins, strict=True)))
        return value, float(p_K[numbers.place_of(value) or 0])
    best = _middle(joint, gap) if grid.is_date(place) else int(p_K.argmax())
    if grid.is_whole(place):
        return grid.meaning(place, joint.found[gap][best]), float(p_K[best])
    return grid.value(place, best), float(p_K[best])


def _middle(joint: Joint, gap: int) -> int:
    """Return the weighted median of the dates found; as they are written they sort by time."""
    dates = joint.found[gap]
    order_K = np.array(sorted(range(len(dates)), key=lambda place: dates[place]))
    cumulative_K = np.cumsum(joint.marginal(gap, len(dates))[order_K])
    return int(order_K[int(np.searchsorted(cumulative_K, cumulative_K[-1] / 2))])


def _drawn(grid: Grid, place: Place, found: list[str], way: int, share: float) -> str:
    """Return the value drawn: a number from anywhere in the bin drawn."""
    if grid.is_whole(place):
        return grid.meaning(place, found[way])
    numbers = grid.numbers(place)
    return grid.value(place, way) if numbers is None else numbers.within(way, share)


def _filled(grid: Grid, values: Mapping[Place, tuple[str, float]]) -> Filling:
    """Return the rows with these values, each with its probability."""
    cells = [
        Filled(place.row + 1, grid.name(place), value, probability)
        for place, (value, probability) in values.items()
    ]
    return Filling(grid.with_values({place: value for place, (value, _) in values.items()}), cells)
