"""Parts of series, runs that learnt from the first one, and errors by which forecasts are compared.

Axes: H steps, S samples, N values.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from anygram import api
from anygram.api import Run
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.tasks.forecast_metrics import Accuracy, Scores, crps
from anygram.tasks.forecasting import Forecast, seasonal_naive, values_of

INTERVAL = "0.1-0.9"


@dataclass
class Errors:
    """Adds up errors of windows: those of the mean in standard deviations of the training part, and `Scores`.

    `sizes` are these deviations by a series' name.
    """

    sizes: Mapping[str, float]
    season: int
    _scores: Scores = field(default_factory=Scores)
    _squares: list[float] = field(default_factory=list)
    _absolutes: list[float] = field(default_factory=list)
    _crps: list[float] = field(default_factory=list)

    def add(self, one: Forecast) -> None:
        """Add a window."""
        values_N = values_of(one.document)
        actual_H = values_N[one.known : one.known + one.samples_SH.shape[1]]
        size = self.sizes[one.document.name]
        apart_H = (one.mean_H - actual_H) / size
        self._squares.append(float((apart_H**2).mean()))
        self._absolutes.append(float(np.abs(apart_H).mean()))
        self._crps.append(float(crps(actual_H, one.samples_SH).mean()) / size)
        self._scores.add(actual_H, one.samples_SH, values_N[: one.known], self.season)

    def figures(self) -> dict[str, Any]:
        """Return the means over all windows."""
        found = self._scores.result()
        sized = {"mse": self._squares, "mae": self._absolutes, "crps": self._crps}
        return {
            "windows": found.windows,
            **{name: float(np.mean(each)) for name, each in sized.items()},
            "mase": found.mase,
            "smape": found.smape,
            "coverage": found.coverage[INTERVAL],
        }


def errors_of(forecasts: Iterator[Forecast], sizes: Mapping[str, float], season: int) -> dict[str, Any]:
    """Return the figures of these forecasts."""
    errors = Errors(sizes, season)
    for one in forecasts:
        errors.add(one)
    return errors.figures()


def naive(places: Sequence[tuple[Document, Sequence[int]]], season: int, horizon: int) -> Iterator[Forecast]:
    """Yield the last season before each place, repeated, as forecasts of one sample."""
    for document, ends in places:
        values_N = values_of(document)
        for known in ends:
            repeated_H = seasonal_naive(values_N[known - season : known], season, horizon)
            yield Forecast(document, known, repeated_H[None])


def trained(source: Path, model: str, settings: Mapping[str, Any], budget: str) -> Run:
    """Return a run that learnt from a file of series."""
    return api.train(source, model, codec="series", settings=settings, budget=budget, valid="none")


def series_of(path: Path) -> list[Document]:
    """Return the series of a file."""
    return list(read([str(path)], ReadingOptions(kind="series"), Report()))


def cut(document: Document, values: int) -> Document:
    """Return the first values of a series."""
    lines = document.text.split("\n")[:values]
    return series.document(lines, document.side or {}, document.name)


def written(documents: Sequence[Document], values: int, path: Path) -> Path:
    """Write the first values of all series as a file, and return it."""
    series.write(path, [cut(document, values) for document in documents])
    return path


def cells(figures: Mapping[str, Any] | Accuracy, held: bool = True) -> list[str]:
    """Return MASE, sMAPE, CRPS and coverage as they are shown; a forecast of one sample holds nothing."""
    one = figures if isinstance(figures, Mapping) else figures.to_json()
    covered = one["coverage"] if isinstance(one["coverage"], float) else one["coverage"][INTERVAL]
    sizes = [f"{one['mase']:.3f}", f"{one['smape']:.2f}", f"{one['crps']:.4g}"]
    return [*sizes, f"{covered:.1%}" if held else "–"]


def words(settings: Mapping[str, Any]) -> str:
    """Return settings as they are typed."""
    return " ".join(f"{key}={value}" for key, value in settings.items())


def say(line: str) -> None:
    """Tell how far it is."""
    print(line, file=sys.stderr, flush=True)
