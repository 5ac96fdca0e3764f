"""Missing values of series filled by a model of series, and how well: known ones hidden and compared.

Beside the model stand the mean of a series' known values, the last one known, and the line between those
around a stretch. Errors are divided by the standard deviation of the series' values.

Axes: N values of a series, L of a stretch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from anygram.codecs.series import SeriesCodec, numbers
from anygram.data import series
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import LanguageModel
from anygram.settings import check_seed
from anygram.tasks.imputation.bridges import Bridge, bridges
from anygram.tasks.imputation.measuring import mean_of
from anygram.tasks.imputation.stretches import (
    Stretch,
    arounds,
    decimals_of,
    interpolated,
    stretches,
    with_values,
    written,
)

FloatN = NDArray[np.float64]

LOW, HIGH = 0.1, 0.9
METHODS = ("model", "mean", "last value", "linear")
ALL = "all"
_FIGURES = ("mae", "rmse", "coverage")


@dataclass(frozen=True)
class FilledValue:
    """A value that was missing: its series, when it stands, the value now, and the interval of 80 %."""

    series: str
    time: str
    value: str
    low: float
    high: float


@dataclass(frozen=True)
class MeasuredSeries:
    """How a method did on so many hidden values of a series, or in the mean of all series.

    `mae` and `rmse` are in standard deviations; `coverage` is the share of values within the interval.
    """

    series: str
    method: str
    values: int
    mae: float | None
    rmse: float | None
    coverage: float | None


@dataclass(frozen=True)
class FilledSeries:
    """Series whose missing values are filled, once or in several draws, and these values of the first."""

    drawn: list[list[Document]]
    values: list[FilledValue]


@dataclass(frozen=True)
class HiddenSeries:
    """Series some of whose known values are hidden, and what these were, by series and place."""

    documents: list[Document]
    truth: dict[tuple[int, int], float]


def fill(
    model: LanguageModel,
    codec: SeriesCodec,
    documents: Sequence[Document],
    samples: int | None = None,
    seed: int = 0,
) -> FilledSeries:
    """Return the series with every missing value filled by the posterior's mean, or by draws.

    DataError where there is no series, or one of no known value.
    """
    if samples is not None and samples < 1:
        raise UsageError(f"samples must be at least 1, got {samples}; for example --samples 5")
    if not codec.values:
        raise UsageError("the run knows no whole number to fill in; train with --set method=quantile")
    check_seed(seed)
    if not documents:
        raise DataError("there is no series; name a file that holds some")
    gaps = stretches(documents)
    found = bridges(model, codec, arounds(codec, documents, gaps), seed)
    means = [bridge.mean_L() for bridge in found]
    ways = [means] if samples is None else _draws(found, samples, seed)
    drawn = [with_values(documents, _lines(codec, documents, gaps, way)) for way in ways]
    return FilledSeries(drawn, _values(codec, documents, gaps, found, ways[0]))


def _draws(found: Sequence[Bridge], samples: int, seed: int) -> list[list[FloatN]]:
    """Return for each sample a way through each stretch, drawn by its probability."""
    generators = [np.random.default_rng([seed, 1, sample]) for sample in range(samples)]
    return [
        [one.values_SL[int(generator.choice(len(one.p_S), p=one.p_S / one.p_S.sum()))] for one in found]
        for generator in generators
    ]


def _lines(
    codec: SeriesCodec, documents: Sequence[Document], gaps: Sequence[Stretch], values: Sequence[FloatN]
) -> dict[tuple[int, int], str]:
    """Return the lines to put in, with as many decimals as are usual in the series."""
    decimals = [decimals_of(document.text) for document in documents]
    return {
        (gap.series, gap.first + step): written(codec, value, decimals[gap.series])
        for gap, values_L in zip(gaps, values, strict=True)
        for step, value in enumerate(values_L.tolist())
    }


def _values(
    codec: SeriesCodec,
    documents: Sequence[Document],
    gaps: Sequence[Stretch],
    found: Sequence[Bridge],
    values: Sequence[FloatN],
) -> list[FilledValue]:
    lines = iter(_lines(codec, documents, gaps, values).values())
    values_found = []
    for gap, bridge in zip(gaps, found, strict=True):
        document = documents[gap.series]
        times = series.times(document.side or {}, gap.length, gap.first)
        bounds = zip(bridge.quantile_L(LOW).tolist(), bridge.quantile_L(HIGH).tolist(), strict=True)
        for time, (low, high) in zip(times, bounds, strict=True):
            values_found.append(FilledValue(_name(document), time, next(lines), low, high))
    return values_found


def _name(document: Document) -> str:
    return str((document.side or {}).get("id") or document.name)


def hide(documents: Sequence[Document], share: float, length: int = 1, seed: int = 0) -> HiddenSeries:
    """Return the series with about this share of their known values missing, in stretches of this length.

    A stretch begins anywhere; the first value stays. UsageError for numbers that are none, DataError where
    no value would be hidden.
    """
    if not 0 < share < 1:
        raise UsageError(f"--hide must be above 0 and below 1, got {share:g}; for example --hide 0.1")
    if length < 1:
        raise UsageError(f"--hide-length must be at least 1, got {length}; for example --hide-length 24")
    check_seed(seed)
    truth: dict[tuple[int, int], float] = {}
    for number, document in enumerate(documents):
        values_N = numbers(document.text)
        generator = np.random.default_rng([seed, number])
        blocks = np.arange(1 + int(generator.integers(0, length)), len(values_N) - length, length)
        for first in blocks[generator.random(len(blocks)) < share].tolist():
            for place in range(first, first + length):
                if not math.isnan(values_N[place]):
                    truth[number, place] = float(values_N[place])
    if not truth:
        raise DataError("no value was hidden; give longer series, a larger share or a shorter --hide-length")
    return HiddenSeries(with_values(documents, dict.fromkeys(truth, "")), truth)


def measure(hidden: HiddenSeries, filled: FilledSeries) -> list[MeasuredSeries]:
    """Return how the model and the plain ways did, by series and in the mean of all."""
    measured: list[MeasuredSeries] = []
    guesses = [numbers(document.text) for document in filled.drawn[0]]
    each = iter(filled.values)
    for number, document in enumerate(hidden.documents):
        missing = np.flatnonzero(np.isnan(numbers(document.text)))
        own = zip(missing.tolist(), islice(each, len(missing)), strict=True)
        interval_of = {place: (one.low, one.high) for place, one in own}
        truth = {place: value for (series_, place), value in hidden.truth.items() if series_ == number}
        if truth:
            inside = [interval_of[p][0] <= value <= interval_of[p][1] for p, value in truth.items()]
            ways = {METHODS[0]: guesses[number], **_plain(numbers(document.text))}
            measured += _of_series(
                _name(document), truth, ways, numbers(document.text), float(np.mean(inside))
            )
    return [*measured, *_over_all(measured)]


def _plain(values_N: FloatN) -> dict[str, FloatN]:
    """Return the series filled in ways that need no model."""
    known_N = ~np.isnan(values_N)
    last_N = np.maximum.accumulate(np.where(known_N, np.arange(len(values_N)), 0))
    mean = float(np.mean(values_N[known_N]))
    last_values_N = values_N[last_N]
    return {
        METHODS[1]: np.full(len(values_N), mean),
        METHODS[2]: np.where(np.isnan(last_values_N), mean, last_values_N),
        METHODS[3]: interpolated(values_N),
    }


def _of_series(
    name: str,
    truth: Mapping[int, float],
    ways: Mapping[str, FloatN],
    known_N: FloatN,
    coverage: float,
) -> list[MeasuredSeries]:
    places, values = list(truth), np.array(list(truth.values()))
    scale = float(np.std([*known_N[~np.isnan(known_N)], *values]))
    found = []
    for method, guess_N in ways.items():
        errors = (guess_N[places] - values) / (scale or math.nan)
        mae, rmse = float(np.abs(errors).mean()), float(np.sqrt((errors**2).mean()))
        inside = coverage if method == METHODS[0] else None
        figures = (None, None) if math.isnan(rmse) else (mae, rmse)
        found.append(MeasuredSeries(name, method, len(places), figures[0], figures[1], inside))
    return found


def _over_all(measured: Sequence[MeasuredSeries]) -> list[MeasuredSeries]:
    """Return the means over series, each alike."""
    found = []
    for method in METHODS:
        rows = [one for one in measured if one.method == method]
        mae, rmse, coverage = (mean_of([getattr(one, name) for one in rows]) for name in _FIGURES)
        found.append(MeasuredSeries(ALL, method, sum(one.values for one in rows), mae, rmse, coverage))
    return found
