"""How many steps apart the differences of a series are taken: whichever makes its forecasts cost the least.

What a value costs that is forecast h steps ahead is found in the training part, as minus log of a density
of quantile bins; the mean over the horizons up to a season decides. With differences of d steps it is, for
h up to d, what is added to a known value, its bin predicted by counts among all before it, given the
conditions of its time and, if it pays, roughly the last symbol that is known. Further ahead a forecast adds
up differences that are drawn one by one, and its density is that of sums of differences in any order.

One step alone would not do: of ETTh2's hours the change since the last one costs far less than that since
the day before, and forecasts of a day are half as bad again.

Axes: N values.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _bins
from anygram.codecs._bins import FloatN

FEWEST_BINS, MOST_BINS = 8, 1024
_FEWEST_VALUES = 16
_HORIZON = 12
"""So many steps are looked ahead where no season is known."""
_HORIZONS_TRIED = 8
_PARTS = 8
_MOST_VALUES = 1 << 15
_AS_GOOD = 0.05
"""Nats a value that chance decides: by so much a day's noise favours a week now and then."""
_SAME = 1e-9
_BACKED_OFF = 4.0
"""A condition's own counts weigh as much as those of all once it was met so often."""
FINEST = 1e-4
"""Differences have a scale of at least so much of the values' own."""


@dataclass(frozen=True)
class Known:
    """The values of a series, and of each a number that tells its conditions from others."""

    values_N: FloatN
    conditions_N: NDArray[np.int64]


def count_of(values: int) -> int:
    """Return how many quantile bins suit so many values: their square root, from 8 to 1,024."""
    return min(max(math.isqrt(values), FEWEST_BINS), MOST_BINS)


def cheapest(series: Sequence[Known], seasons: Iterable[int]) -> int:
    """Return 0, 1 or one of the seasons, whichever makes forecasts of the shortest season the cheapest.

    Of seasons that are as good it is the shortest: it asks for the least history. A season of which fewer
    than three are known is left out.
    """
    if not any(len(one.values_N) for one in series):
        return 0
    series = _some(series)
    lengths = [len(one.values_N) for one in series]
    usable = [
        season
        for season in sorted(set(seasons))
        if season > 1 and 3 * sum(max(0, length - season) for length in lengths) >= 2 * sum(lengths)
    ]
    farthest = usable[0] if usable else min(_HORIZON, max([3, *lengths]) // 3)
    horizons = np.unique(np.linspace(1, farthest, _HORIZONS_TRIED).round().astype(np.int64)).tolist()
    tried = [(apart, ahead) for apart in (0, 1, *usable) for ahead in horizons]
    measured_N = _measured(series, tried)
    if measured_N.sum() < _FEWEST_VALUES:
        return 0
    conditions_N = np.concatenate([one.conditions_N for one in series])[measured_N]
    costs: dict[int, float] = dict.fromkeys((0, 1, *usable), 0.0)
    for apart, ahead in tried:
        costs[apart] += _cost(series, apart, ahead, measured_N, conditions_N)
    best = min(costs, key=lambda apart: costs[apart])
    as_good = costs[best] + _AS_GOOD * len(horizons)
    return next((season for season in usable if season < best and costs[season] <= as_good), best)


def _some(series: Sequence[Known]) -> list[Known]:
    """Return some of the series, spread evenly, and the last part of each: as many values as we look at."""
    values = sum(len(one.values_N) for one in series)
    some = series[:: max(1, values // _MOST_VALUES)]
    most = max(1, _MOST_VALUES // max(1, len(some)))
    return [Known(one.values_N[-most:], one.conditions_N[-most:]) for one in some]


def _lag(apart: int, ahead: int) -> int:
    """Return how many steps back the value stands that one so many steps ahead is added to; 0 for none."""
    return apart * -(-ahead // apart) if apart else 0


def _measured(series: Sequence[Known], tried: Sequence[tuple[int, int]]) -> NDArray[np.bool_]:
    """Return which values have, of all that is tried, what they are added to and the symbol known then."""
    reach = max(apart + ahead for apart, ahead in tried)
    found_N = np.concatenate([np.arange(len(one.values_N)) >= reach for one in series])
    for lag in {_lag(*one) for one in tried}:
        found_N &= ~np.isnan(_scaled(series, lag)[0])
    return found_N


def _cost(
    series: Sequence[Known],
    apart: int,
    ahead: int,
    measured_N: NDArray[np.bool_],
    conditions_N: NDArray[np.int64],
) -> float:
    """Return the mean nats of the measured values, each forecast so many steps ahead."""
    numbers_N, log_scales_N = _scaled(series, _lag(apart, ahead))
    steps_N, log_scales_of_steps_N = _scaled(series, apart)
    if apart and ahead > apart:
        sums_N = _sums(steps_N * np.exp(log_scales_of_steps_N - log_scales_N), -(-ahead // apart))
        bins = _bins.quantile(sums_N, count_of(len(sums_N)))
        ids_N = bins.all_of(numbers_N[measured_N])
        counts_K = np.bincount(bins.all_of(sums_N), minlength=len(bins)) + 0.5
        nats = float(-np.log(counts_K / counts_K.sum())[ids_N].mean())
    else:
        known_N = numbers_N[~np.isnan(numbers_N)]
        bins = _bins.quantile(known_N, count_of(len(known_N)))
        ids_N = bins.all_of(numbers_N[measured_N])
        last_N = _roughly(np.roll(steps_N, ahead)[measured_N])
        nats = _nats(ids_N.astype(np.int64), (conditions_N, last_N), len(bins))
    widths_N = bins.log_widths(numbers_N[measured_N], ids_N) + log_scales_N[measured_N]
    return nats + float(np.maximum(widths_N, _log_grids(series)[measured_N]).mean())


def _sums(steps_N: FloatN, count: int) -> FloatN:
    """Return sums of so many known steps each, drawn without regard to which follow which."""
    generator = np.random.default_rng(0)
    known_N = steps_N[~np.isnan(steps_N)]
    return np.asarray(np.sum([generator.permutation(known_N) for _ in range(count)], axis=0))


def _log_grids(series: Sequence[Known]) -> FloatN:
    """Return for each value the log of the least distance between two different ones of its series.

    No bin counts as narrower, or numbers that are met again and again would cost nothing.
    """
    found = []
    for one in series:
        distinct_N = np.unique(one.values_N[~np.isnan(one.values_N)])
        gaps_N = np.diff(distinct_N)
        gaps_N = gaps_N[gaps_N > _SAME * np.abs(distinct_N).max(initial=0.0)]
        found.append(np.full(len(one.values_N), math.log(gaps_N.min()) if len(gaps_N) else 0.0))
    return np.concatenate(found)


def _roughly(numbers_N: FloatN) -> NDArray[np.int64]:
    """Return in which eighth of all known numbers each lies, and 8 for one that is not known."""
    known_N = ~np.isnan(numbers_N)
    if not known_N.any():
        return np.full(len(numbers_N), _PARTS)
    edges = np.quantile(numbers_N[known_N], np.arange(1, _PARTS) / _PARTS)
    found_N = np.searchsorted(edges, np.nan_to_num(numbers_N), side="right")
    return np.where(known_N, found_N, _PARTS)


def _scaled(series: Sequence[Known], lag: int) -> tuple[FloatN, FloatN]:
    """Return values, or what was added to those `lag` before, in scales of their series; and log scales."""
    numbers, scales = [], []
    for one in series:
        values_N = one.values_N
        apart_N = values_N - _bins.references(values_N, lag) if lag else values_N
        size = max(_size(apart_N), FINEST * _size(values_N))
        scale = _bins.scale_at(_bins.scale_of(size))
        numbers.append(apart_N / scale)
        scales.append(np.full(len(values_N), math.log(scale)))
    return np.concatenate(numbers), np.concatenate(scales)


def _size(numbers_N: FloatN) -> float:
    """Return the mean size of the known numbers, 0 of none."""
    return float(_bins.running_means(numbers_N, [len(numbers_N)])[0])


def _nats(ids_N: NDArray[np.int64], given: Sequence[NDArray[np.int64]], bins: int) -> float:
    """Return the mean −log P of each bin by the counts before it, given nothing, or more and more.

    What is given backs off to what is given before it; that one counts that is the cheapest.
    """
    p_N = (_earlier(ids_N) + 0.5) / (np.arange(len(ids_N)) + 0.5 * bins)
    nats = [-np.log(p_N).mean()]
    for given_N in given:
        together_N = _earlier(given_N * bins + ids_N)
        p_N = (together_N + _BACKED_OFF * p_N) / (_earlier(given_N) + _BACKED_OFF)
        nats.append(-np.log(p_N).mean())
    return float(min(nats))


def _earlier(keys_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how often each key stands before itself.

    >>> _earlier(np.array([7, 3, 7, 7]))
    array([0, 0, 1, 2])
    """
    order_N = np.argsort(keys_N, kind="stable")
    sorted_N = keys_N[order_N]
    earlier_N = np.empty_like(order_N)
    earlier_N[order_N] = np.arange(len(keys_N)) - np.searchsorted(sorted_N, sorted_N)
    return earlier_N
