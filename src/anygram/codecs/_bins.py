"""The real line in bins, and scales on a grid: what numbers become before they are symbols.

A bin stands for a density: constant between its edges. The two outermost bins have one edge each; d beyond
it they stand for w / (w + d)², which adds up to 1 as well, w being half of what the others cover. So every
number has a density, however far out it lies, and figures of different bins can be compared.

Axes: N numbers, K bins, E = K − 1 edges.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError, RunError
from anygram.protocols import Ids

FloatN = NDArray[np.float64]

SCALES = 97
_A_DECADE = 4
_ONE = SCALES // 2
_NARROWEST = 1e-5
"""Bins are wider than this times the numbers in them, so that a number written in 12 digits keeps its bin."""
_LARGEST = 1e100


@dataclass(frozen=True)
class Bins:
    """Bins by the edges between them, and the number that is read back for each."""

    edges: tuple[float, ...]
    centres: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.centres)

    def of(self, number: float) -> int:
        """Return the bin of a number."""
        return bisect_right(self.edges, number)

    def all_of(self, numbers_N: FloatN) -> Ids:
        """Return the bins of numbers."""
        return np.searchsorted(self.edges_E, numbers_N, side="right").astype(np.int32)

    def log_widths(self, numbers_N: FloatN, bins_N: Ids) -> FloatN:
        """Return minus the log of the density that each number has within its bin."""
        low, high = self.edges[0], self.edges[-1]
        reach = (high - low) / 2
        beyond_N = np.maximum(np.maximum(low - numbers_N, numbers_N - high), 0.0)
        outside_N = (bins_N == 0) | (bins_N == len(self) - 1)
        inner_N = np.log(np.diff(self.edges_E))[np.clip(bins_N - 1, 0, len(self) - 3)]
        found: FloatN = np.where(outside_N, 2 * np.log(reach + beyond_N) - np.log(reach), inner_N)
        return found

    def apart(self, bins: Ids, within: FloatN) -> FloatN:
        """Return how far from the middles numbers lie that are this share of the way through their bins.

        Those of the two outermost bins, which have no end, lie at what is read back for these.
        """
        low = np.clip(bins - 1, 0, len(self) - 3)
        drawn = self.edges_E[low] + within * np.diff(self.edges_E)[low]
        ends = (bins == 0) | (bins == len(self) - 1)
        return np.asarray(np.where(ends, 0.0, drawn - self.centres_K[bins]), dtype=np.float64)

    @cached_property
    def edges_E(self) -> FloatN:
        return np.array(self.edges)

    @cached_property
    def centres_K(self) -> FloatN:
        return np.array(self.centres)

    def to_json(self) -> dict[str, list[float]]:
        return {"edges": list(self.edges), "centres": list(self.centres)}


def uniform(count: int, limit: float) -> Bins:
    """Return bins of equal width from −limit to limit, and the two beyond."""
    edges_E = np.linspace(-limit, limit, count - 1)
    return _with_tails(edges_E, (edges_E[1:] + edges_E[:-1]) / 2)


def quantile(numbers_N: FloatN, count: int) -> Bins:
    """Return bins that hold about equally many of these numbers, each read back as the median of its own.

    Edges lie halfway between two numbers. Where many are equal the bins are fewer. DataError where there are
    no numbers.
    """
    if not len(numbers_N):
        raise DataError("quantile bins are found in values, and there is none; give more data")
    distinct_N = np.unique(numbers_N)
    after_E = np.searchsorted(distinct_N, np.quantile(numbers_N, np.linspace(0, 1, count - 1)[1:-1]), "right")
    after_E = np.unique(after_E[after_E < len(distinct_N)])
    low, high = distinct_N[[0, -1]]
    margin = max((high - low) / count, 1e-3 * max(1.0, abs(low), abs(high)))
    between_E = (distinct_N[after_E - 1] + distinct_N[after_E]) / 2
    edges_E = np.concatenate([[low - margin], between_E, [high + margin]])
    kept = [float(edges_E[0])]
    for edge in edges_E[1:].tolist():
        if edge - kept[-1] > _NARROWEST * max(1.0, abs(edge), abs(kept[-1])):
            kept.append(edge)
    edges_E = np.array(kept)
    return _with_tails(edges_E, _medians(np.sort(numbers_N), edges_E))


def _medians(sorted_N: FloatN, edges_E: FloatN) -> FloatN:
    """Return the median of the numbers between two edges each, well inside of these; the middle of none."""
    places = np.searchsorted(sorted_N, edges_E)
    centres = []
    for bin_ in range(len(edges_E) - 1):
        inside_N = sorted_N[places[bin_] : places[bin_ + 1]]
        low, high = edges_E[bin_], edges_E[bin_ + 1]
        middle = float(np.median(inside_N)) if len(inside_N) else (low + high) / 2
        centres.append(float(np.clip(middle, low + 0.01 * (high - low), high - 0.01 * (high - low))))
    return np.array(centres)


def from_json(fields: Any) -> Bins:
    """Return the bins that `to_json` described; RunError where they are damaged."""
    try:
        edges, centres = (tuple(map(float, fields[name])) for name in ("edges", "centres"))
    except (TypeError, KeyError, ValueError) as error:
        raise RunError("codec.json has no usable 'bins'; restore it or train again") from error
    return Bins(edges, centres)


def _with_tails(edges_E: FloatN, centres_K: FloatN) -> Bins:
    low, high = float(edges_E[0]), float(edges_E[-1])
    beyond = 1e-3 * (high - low)  # what lies outside is read back as the nearest there is
    return Bins(tuple(edges_E.tolist()), (low - beyond, *centres_K.tolist(), high + beyond))


def scale_of(size: float) -> int:
    """Return the place on the grid of scales, a quarter of a decade apart, that is nearest to a size."""
    if not size > 0:
        return _ONE
    return int(np.clip(np.rint(np.log10(size) * _A_DECADE) + _ONE, 0, SCALES - 1))


def scale_at(place: int) -> float:
    """Return the scale at a place on the grid."""
    return float(10.0 ** ((place - _ONE) / _A_DECADE))


def numbers(text: str) -> FloatN:
    """Return the values of a series' text, NaN where one is missing; DataError where it is none."""
    lines = text.split("\n")
    if lines.pop():
        raise DataError("the last value has no line end: this is no series; read its file again")
    try:
        if "_" in text:  # Python would read 1_000
            raise ValueError("an underscore")
        found = np.array([float(line) if line else np.nan for line in lines])
    except ValueError as error:
        raise DataError("a line of the series is no number; read its file again") from error
    empty_N = np.array([not line for line in lines], dtype=bool)
    if not (np.isfinite(found) | empty_N).all() or (np.abs(found[~empty_N]) > _LARGEST).any():
        raise DataError(f"a value of the series is not finite or beyond {_LARGEST:g}; mend or scale it")
    return found


def references(numbers_N: FloatN, apart: int) -> FloatN:
    """Return for each value the last known one that stands 1, 2 … times `apart` before it, NaN for none.

    >>> references(np.array([1.0, 2.0, np.nan, 4.0, 5.0]), 2)
    array([nan, nan,  1.,  2.,  1.])
    """
    rows = -(-len(numbers_N) // apart)
    table_RA = np.full((rows + 1, apart), np.nan)
    table_RA[1:].ravel()[: len(numbers_N)] = numbers_N
    known_RA = np.where(np.isnan(table_RA), 0, np.arange(rows + 1)[:, None])
    last_RA = np.maximum.accumulate(known_RA, axis=0)
    found: FloatN = np.take_along_axis(table_RA, last_RA, axis=0)[:-1].ravel()[: len(numbers_N)]
    return found


def running_means(numbers_N: FloatN, ends: Sequence[int]) -> FloatN:
    """Return the mean size of the known ones among the first `end` numbers, for each of `ends`; 0 of none."""
    known_N = ~np.isnan(numbers_N)
    sums_N = np.append(0.0, np.cumsum(np.where(known_N, np.abs(numbers_N), 0.0)))
    counts_N = np.append(0, np.cumsum(known_N))
    found: FloatN = sums_N[list(ends)] / np.maximum(counts_N[list(ends)], 1)
    return found
