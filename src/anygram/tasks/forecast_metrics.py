"""How good forecasts were: errors of their middle, and of the whole distribution that samples stand for.

Errors of a middle: MAE, MASE (Hyndman & Koehler 2006) and sMAPE (Makridakis 1993, as in M4) of the median,
MSE of the mean. Of a distribution: the continuous ranked probability score (Gneiting & Raftery 2007, eq. 21),
the weighted quantile loss (as in Ansari et al. 2024, appendix D), and how often intervals held the value.

Axes: H steps, S samples, Q quantiles, N values.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError, UsageError

FloatN = NDArray[np.float64]

QUANTILES = (0.1, 0.5, 0.9)


def check_quantiles(quantiles: Sequence[float]) -> tuple[float, ...]:
    """Return the quantiles in rising order; UsageError for none, repeated ones or ones outside 0 to 1."""
    if not quantiles or not all(0 < q < 1 for q in quantiles) or len(set(quantiles)) < len(quantiles):
        raise UsageError(
            f"quantiles must lie between 0 and 1, each once, got {', '.join(map(str, quantiles))}"
        )
    return tuple(sorted(quantiles))


def crps(actual_H: FloatN, samples_SH: FloatN) -> FloatN:
    """Return E|X − y| − E|X − X'| / 2 of each step, X and X' drawn from the samples.

    >>> crps(np.array([3.0]), np.array([[1.0], [1.0]]))
    array([2.])
    """
    samples = len(samples_SH)
    sorted_SH = np.sort(samples_SH, axis=0)
    # the sum over all pairs of |X − X'| is twice that of (2i − S + 1) X_i, X sorted, i from 0
    weights_S = 2 * np.arange(samples) - samples + 1
    apart_H = 2 * (weights_S[:, None] * sorted_SH).sum(axis=0) / samples**2
    found: FloatN = np.abs(samples_SH - actual_H).mean(axis=0) - apart_H / 2
    return found


def pinball(actual_H: FloatN, quantile_H: FloatN, q: float) -> FloatN:
    """Return the quantile loss of each step: q per unit too low, 1 − q per unit too high.

    >>> pinball(np.array([3.0, 1.0]), np.array([1.0, 3.0]), 0.9)
    array([1.8, 0.2])
    """
    below_H = actual_H - quantile_H
    found: FloatN = np.maximum(q * below_H, (q - 1) * below_H)
    return found


def smape(actual_H: FloatN, point_H: FloatN) -> FloatN:
    """Return 200 |y − f| / (|y| + |f|) of each step, 0 where both are 0."""
    size_H = np.abs(actual_H) + np.abs(point_H)
    found: FloatN = 200 * np.abs(actual_H - point_H) / np.where(size_H > 0, size_H, 1.0)
    return found


def naive_error(history_N: FloatN, season: int) -> float:
    """Return the mean |y_t − y_{t−season}| of a history, by which MASE divides; NaN where none is known."""
    apart_N = np.abs(history_N[season:] - history_N[:-season])
    apart_N = apart_N[~np.isnan(apart_N)]
    return float(apart_N.mean()) if len(apart_N) else math.nan


@dataclass(frozen=True)
class Accuracy:
    """Means over all values of all windows; `coverage` by the interval's quantiles, as 0.1-0.9.

    `without_mase` windows have a history that repeats itself, or is shorter than a season, so that MASE has
    nothing to divide by: they are left out of it. A figure is None where no window has one.
    """

    windows: int
    values: int
    mase: float | None
    smape: float
    mae: float
    mse: float
    crps: float
    wql: float | None
    coverage: dict[str, float]
    without_mase: int

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        return asdict(self)


@dataclass
class Scores:
    """Adds up the scores of windows, one after another."""

    quantiles: Sequence[float] = QUANTILES
    _windows: int = 0
    _values: int = 0
    _sums: dict[str, float] = field(default_factory=dict)
    _mase: list[float] = field(default_factory=list)

    def add(self, actual_H: FloatN, samples_SH: FloatN, history_N: FloatN, season: int) -> None:
        """Add a window of a series with so many values a season; missing values do not count."""
        known_H = ~np.isnan(actual_H)
        self._windows += 1
        if not known_H.any():
            return
        actual_H, samples_SH = actual_H[known_H], samples_SH[:, known_H]
        self._values += len(actual_H)
        median_H = np.median(samples_SH, axis=0)
        absolute_H = np.abs(actual_H - median_H)
        self._count("mae", absolute_H)
        self._count("smape", smape(actual_H, median_H))
        self._count("mse", (actual_H - samples_SH.mean(axis=0)) ** 2)
        self._count("crps", crps(actual_H, samples_SH))
        self._count("size", np.abs(actual_H))
        quantiles_QH = np.quantile(samples_SH, list(self.quantiles), axis=0)
        for q, quantile_H in zip(self.quantiles, quantiles_QH, strict=True):
            self._count("pinball", pinball(actual_H, quantile_H, q))
        for low, high in self._intervals():
            inside_H = (quantiles_QH[low] <= actual_H) & (actual_H <= quantiles_QH[high])
            self._count(f"inside {low}", inside_H.astype(np.float64))
        error = naive_error(history_N, season)
        if error > 0:
            self._mase.append(float(absolute_H.mean()) / error)

    def result(self) -> Accuracy:
        """Return the means; DataError where no value is known."""
        if not self._values:
            raise DataError("no value of the windows is known: nothing can be measured; give other data")
        size, count = self._sums["size"], self._values
        wql = None if not size else 2 * self._sums["pinball"] / size / len(self.quantiles)
        covered = {
            f"{self.quantiles[low]:g}-{self.quantiles[high]:g}": self._sums[f"inside {low}"] / count
            for low, high in self._intervals()
        }
        means = {name: self._sums[name] / count for name in ("smape", "mae", "mse", "crps")}
        mase = float(np.mean(self._mase)) if self._mase else None
        without = self._windows - len(self._mase)
        return Accuracy(
            windows=self._windows,
            values=count,
            mase=mase,
            **means,
            wql=wql,
            coverage=covered,
            without_mase=without,
        )

    def _count(self, name: str, figures_H: FloatN) -> None:
        self._sums[name] = self._sums.get(name, 0.0) + float(figures_H.sum())

    def _intervals(self) -> list[tuple[int, int]]:
        """Return the places of quantiles that leave out equally much on both sides."""
        last = len(self.quantiles) - 1
        return [
            (low, last - low)
            for low in range(len(self.quantiles) // 2)
            if math.isclose(self.quantiles[low] + self.quantiles[last - low], 1.0)
        ]
