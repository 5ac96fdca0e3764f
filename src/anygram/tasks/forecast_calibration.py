"""Intervals that hold as much as they say, learnt from windows whose values are known.

A run's samples may lie too far apart or too close together. How far a value lay from the median of its
samples, in half widths of the interval of 80 % on that side, is the factor by which that interval would just
have held it; of the n factors that known windows give, the one at place ⌈(n + 1) · 80 %⌉ in rising order is
taken (split conformal prediction: Papadopoulos et al. 2002; Lei et al. 2018, algorithm 2, with that width as
the estimate of the spread, section 5.2). All samples are moved away from their median or towards it by that
factor, so that quantiles, scores and intervals remain those of one distribution; the median stays.

An interval of 80 % then holds the value at least as often as that where the known windows and the one to come
could be exchanged for each other. Windows of one series are never quite so: of a series that drifts, or of
windows that are few or overlap, nothing is promised. Of other intervals, and of a single series among many,
it never was. Steps have a factor each for 1, 2 to 3, 4 to 7, 8 to 15 …: what is further ahead is less sure.

Axes: H steps, S samples, N factors of known values, G groups of steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.data.documents import Document
from anygram.errors import DataError
from anygram.tasks.forecasting import FloatN, Forecast, values_of

LEVEL = Fraction(4, 5)
FEWEST = math.ceil(LEVEL / (1 - LEVEL))
"""So many values at least: of fewer the place among them would be beyond the last."""


@dataclass(frozen=True)
class Calibration:
    """The factors of steps 1, 2 to 3, 4 to 7 …, and how many windows and known values they come from."""

    factors: tuple[float, ...]
    windows: int
    values: int

    def moved(self, forecast: Forecast) -> Forecast:
        """Return the forecast with each sample as much further from the median as the factors say."""
        samples_SH = forecast.samples_SH
        median_H = np.median(samples_SH, axis=0)
        factors_H = np.array(self.factors)[groups(samples_SH.shape[1])]
        return replace(forecast, samples_SH=median_H + factors_H * (samples_SH - median_H))

    def to_json(self) -> dict[str, Any]:
        """Return what it was learnt from, and the factors."""
        return {"level": float(LEVEL), **asdict(self)}


def windows_before(
    places: Iterable[tuple[Document, Sequence[int]]], horizon: int, count: int, stride: int
) -> Iterator[tuple[Document, list[int]]]:
    """Yield each series with how many values are known before each of `count` windows to calibrate by.

    The windows are `stride` apart, and the last ends where the first of the series' own forecasts begins, so
    that nothing that is forecast or tested is looked at. DataError where a series is too short for them.
    """
    for document, ends in places:
        end = min(ends)
        last = end - horizon
        first = last - (count - 1) * stride
        if first < 1:
            raise DataError(
                f"{document.name} has {end} values before what is forecast; {count} windows of {horizon} to "
                f"calibrate by, {stride} apart, need {end - first + 1}: calibrate by fewer"
            )
        yield document, list(range(first, last + 1, stride))


def learnt(forecasts: Iterable[Forecast]) -> Calibration:
    """Return the calibration that forecasts of known values teach.

    DataError where a group of steps has fewer than `FEWEST` known values, or no factor would do, as where
    most samples are the same number.
    """
    rows = [_factors(one) for one in forecasts]
    if not rows:
        raise DataError("there is no series to calibrate by; name a source that holds one")
    factors_WH = np.array(rows)
    known_WH = ~np.isnan(factors_WH)
    group_H = groups(factors_WH.shape[1])
    chosen = []
    for group in range(int(group_H[-1]) + 1):
        steps_H = group_H == group
        factors_N = np.sort(factors_WH[:, steps_H][known_WH[:, steps_H]])
        chosen.append(_place_of(factors_N, int(np.flatnonzero(steps_H)[0]) + 1))
    return Calibration(tuple(chosen), len(rows), int(known_WH.sum()))


def groups(horizon: int) -> NDArray[np.int64]:
    """Return the group that each step belongs to.

    >>> groups(8)
    array([0, 1, 1, 2, 2, 2, 2, 3])
    """
    return np.array([step.bit_length() - 1 for step in range(1, horizon + 1)])


def _place_of(factors_N: FloatN, step: int) -> float:
    """Return the factor at its place among those of a group that begins at a step."""
    if len(factors_N) < FEWEST:
        raise DataError(
            f"to calibrate step {step} takes {FEWEST} known values, and there are {len(factors_N)}; "
            "calibrate by more windows"
        )
    place = math.ceil((len(factors_N) + 1) * LEVEL)
    factor = float(factors_N[place - 1])
    if not 0 < factor < math.inf:
        raise DataError(
            f"values or samples of step {step} and later are mostly one number, which no factor widens or "
            "narrows; forecast without calibrate"
        )
    return factor


def _factors(forecast: Forecast) -> FloatN:
    """Return by what factor each step's interval would just hold the value; NaN where that is missing.

    Where the interval has no width on the value's side that is infinite, and 0 for the median itself.
    """
    samples_SH = forecast.samples_SH
    actual_H = values_of(forecast.document)[forecast.known : forecast.known + samples_SH.shape[1]]
    bounds = float(1 - LEVEL) / 2, 0.5, float(1 + LEVEL) / 2
    low_H, median_H, high_H = np.quantile(samples_SH, bounds, axis=0)
    width_H = np.where(actual_H >= median_H, high_H - median_H, median_H - low_H)
    apart_H = np.abs(actual_H - median_H)
    with np.errstate(divide="ignore", invalid="ignore"):
        found_H = np.where(apart_H > 0, apart_H / width_H, apart_H)
    return np.asarray(found_H, dtype=np.float64)
