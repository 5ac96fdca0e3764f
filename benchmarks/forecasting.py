"""Forecasts beside the seasonal naive one: transformer temperatures (ETTh2) and airline passengers.

    ANYGRAM_DATA=/path/to/data ./dev bench forecasting            about fifteen minutes

ETTh2 by the rules of its papers (Zhou et al. 2021): seven columns, 12, 4 and 4 months of 30 days to learn
from, to choose by and to measure; errors in standard deviations of the first part; 96 hours from every hour
of the test part on. Published: DLinear's MSE of 0.289 (Zeng et al. 2023, table 2). Airline passengers: 12
months from each of the last 25 months that have as many behind them, learnt from the 108 before. Settings
are those of a few candidates that are best on a validation part: by MSE, and for the airline, over three
stretches of two years that follow what was learnt, by the interval whose share of values is nearest to 80 %.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from peers import report
from peers.options import names_of, real_data
from peers.report import Table

from anygram import api
from anygram.api import Run
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.tasks import forecast_results, forecasting
from anygram.tasks.forecast_metrics import Accuracy
from anygram.tasks.forecasting import Setting, seasonal_naive, values_of

ETTH2, AIRLINE = "ett/ETTh2.csv", "jbrownlee/airline-passengers.csv"
HOURS, MONTH, DAY = 96, 30 * 24, 24
TRAIN, VALID, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH
PUBLISHED = 0.289
VALID_STRIDE = 97
"""Hours between windows of the validation part: each begins at another hour of the day."""

Candidate = tuple[str, Mapping[str, Any]]
NETWORKS: Sequence[Candidate] = (
    ("gru", {"method": "quantile", "bins": 64, "difference": 24, "units": 64, "dropout": 0.3}),
    ("gru", {"method": "uniform", "bins": 128, "limit": 5, "difference": 24, "units": 64, "dropout": 0.3}),
    ("gru", {"method": "quantile", "bins": 48, "units": 64, "dropout": 0.3}),
)
COUNTED: Sequence[Candidate] = tuple(
    (model, {"method": "quantile", "bins": bins, "difference": 12, "order": order})
    for model, order in (("frequency", 1), ("frequency", 2), ("ngram", 2))
    for bins in (6, 8, 10, 12, 16)
)
YEAR, FOLDS, LEARNT, WINDOWS = 12, (60, 72, 84), 108, 25
INTERVAL = "0.1-0.9"


@dataclass(frozen=True)
class Errors:
    """Means over all windows, in standard deviations of the training part."""

    windows: int
    mse: float
    mae: float
    coverage: float | None


def main() -> int:
    """Train, choose, measure and print; return 1 where a bar is missed."""
    options = _options()
    data = real_data(ETTH2, AIRLINE)
    measured = []
    with tempfile.TemporaryDirectory() as name:
        for what in options.data:
            path, measure = SUBJECTS[what]
            measured.append(measure(_series(data / path), Path(name), options))
    report.publish(
        "forecasting",
        [table for table, _, _ in measured],
        options.json,
        stored=[row for _, rows, _ in measured for row in rows],
        packages=["torch", "numpy"],
    )
    return 0 if all(held for _, _, held in measured) else 1


Measured = tuple[Table, list[dict[str, Any]], bool]
"""A table, its figures, and whether the bars were held."""


def _etth2(documents: Sequence[Document], folder: Path, options: argparse.Namespace) -> Measured:
    """Return the table of ETTh2, and whether the forecast is better than the seasonal naive one."""
    source = _written(documents, TRAIN, folder / "etth2.csv")
    tried = []
    for number, (model, settings) in enumerate(NETWORKS):
        run = _trained(source, model, settings, options.budget)
        found = _errors(run, documents, TRAIN, VALID, VALID_STRIDE, options.samples)
        tried.append((found.mse, number, run))
        _say(f"ETTh2, validation: {model} {_words(settings)}: MSE {found.mse:.4f}")
    valid_mse, best, run = min(tried, key=lambda one: one[:2])
    ours = _errors(run, documents, VALID, TEST, options.stride, options.samples)
    naive = _naive_errors(documents, VALID, TEST, options.stride)
    model, settings = NETWORKS[best]
    named = f"{model}, {_words(settings)}"
    rows = [
        ["seasonal naive, 24 hours", f"{naive.mse:.4f}", f"{naive.mae:.4f}", "–"],
        [named, f"{ours.mse:.4f}", f"{ours.mae:.4f}", f"{ours.coverage:.1%}"],
        ["DLinear, published", f"{PUBLISHED:.3f}", "–", "–"],
    ]
    title = (
        f"ETTh2, 96 hours ahead: {ours.windows:,} windows of the test part, {options.stride} hours apart, "
        f"{options.samples} samples each; trained {options.budget}; validation MSE {valid_mse:.4f}"
    )
    stored = [
        {"data": "ETTh2", "model": named, **asdict(ours)},
        {"data": "ETTh2", "model": "naive", **asdict(naive)},
    ]
    table = Table(("forecast", "MSE", "MAE", "in the 80 % interval"), rows, title)
    return table, stored, ours.mse < naive.mse


def _errors(
    run: Run, documents: Sequence[Document], low: int, high: int, stride: int, samples: int
) -> Errors:
    """Return the errors of forecasts from every `stride`-th hour of a part on, of the samples' mean."""
    places = [(_cut(document, high), range(low, high - HOURS + 1, stride)) for document in documents]
    sizes = {document.name: float(np.nanstd(values_of(document)[:TRAIN])) for document in documents}
    values = {document.name: values_of(document) for document in documents}
    squares, absolutes, inside = [], [], []
    for one in forecasting.forecasts(run.model, run.codec, places, Setting(HOURS, samples)):
        actual_H = values[one.document.name][one.known : one.known + HOURS]
        apart_H = (one.mean_H - actual_H) / sizes[one.document.name]
        low_H, high_H = one.quantiles_QH((0.1, 0.9))
        squares.append((apart_H**2).mean())
        absolutes.append(np.abs(apart_H).mean())
        inside.append(((low_H <= actual_H) & (actual_H <= high_H)).mean())
    return Errors(len(squares), float(np.mean(squares)), float(np.mean(absolutes)), float(np.mean(inside)))


def _naive_errors(documents: Sequence[Document], low: int, high: int, stride: int) -> Errors:
    """Return those of repeating the last day."""
    squares, absolutes = [], []
    for document in documents:
        values_N = values_of(document)
        size = float(np.nanstd(values_N[:TRAIN]))
        for known in range(low, high - HOURS + 1, stride):
            repeated_H = seasonal_naive(values_N[known - DAY : known], DAY, HOURS)
            apart_H = (repeated_H - values_N[known : known + HOURS]) / size
            squares.append((apart_H**2).mean())
            absolutes.append(np.abs(apart_H).mean())
    return Errors(len(squares), float(np.mean(squares)), float(np.mean(absolutes)), None)


def _airline(documents: Sequence[Document], folder: Path, options: argparse.Namespace) -> Measured:
    """Return the table of the airline, and whether error and coverage are as wanted."""
    (document,) = documents
    shares = []
    for number, candidate in enumerate(COUNTED):
        folds = [_fold(document, candidate, first, folder, options.budget) for first in FOLDS]
        covered = float(np.mean([fold.coverage[INTERVAL] for fold in folds]))
        crps = float(np.mean([fold.crps for fold in folds]))
        shares.append((abs(covered - 0.8), crps, number))
        _say(f"airline, validation: {candidate[0]} {_words(candidate[1])}: CRPS {crps:.2f}, {covered:.1%}")
    model, settings = COUNTED[min(shares)[2]]
    run = _trained(_written([document], LEARNT, folder / "airline.csv"), model, settings, options.budget)
    found = _backtest(run, document, WINDOWS)
    assert found.accuracy is not None and found.naive is not None, "values are known"
    ours, naive = found.accuracy, found.naive
    covered = ours.coverage[INTERVAL]
    rows = [
        ["seasonal naive, 12 months", f"{naive.mase:.3f}", f"{naive.smape:.2f}", f"{naive.crps:.1f}", "–"],
        [
            f"{model}, {_words(settings)}",
            f"{ours.mase:.3f}",
            f"{ours.smape:.2f}",
            f"{ours.crps:.1f}",
            f"{covered:.1%}",
        ],
    ]
    title = f"Airline passengers, 12 months ahead: the last {ours.windows} windows, one month apart"
    table = Table(("forecast", "MASE", "sMAPE", "CRPS", "in the 80 % interval"), rows, title)
    stored = [{"data": "airline", **found.to_json()}]
    held = ours.mase is not None and naive.mase is not None and ours.mase < naive.mase
    return table, stored, held and 0.75 <= covered <= 0.85


def _fold(document: Document, candidate: Candidate, first: int, folder: Path, budget: str) -> Accuracy:
    """Return how a candidate that learnt from the first months forecasts the two years after them."""
    run = _trained(_written([document], first, folder / f"airline-{first}.csv"), *candidate, budget)
    found = _backtest(run, _cut(document, first + 2 * YEAR), YEAR + 1).accuracy
    assert found is not None, "values are known"
    return found


def _backtest(run: Run, document: Document, windows: int) -> forecast_results.Forecasts:
    places = forecasting.windows([document], YEAR, windows, 1)
    drawn = forecasting.forecasts(run.model, run.codec, places, Setting(YEAR, 400))
    return forecast_results.measured(drawn, (0.1, 0.5, 0.9), YEAR)


def _trained(source: Path, model: str, settings: Mapping[str, Any], budget: str) -> Run:
    return api.train(source, model, codec="series", settings=settings, budget=budget, valid="none")


def _series(path: Path) -> list[Document]:
    return list(read([str(path)], ReadingOptions(kind="series"), Report()))


def _cut(document: Document, values: int) -> Document:
    """Return the first values of a series."""
    lines = document.text.split("\n")[:values]
    return series.document(lines, document.side or {}, document.name)


def _written(documents: Sequence[Document], values: int, path: Path) -> Path:
    series.write(path, [_cut(document, values) for document in documents])
    return path


def _words(settings: Mapping[str, Any]) -> str:
    return " ".join(f"{key}={value}" for key, value in settings.items())


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


SUBJECTS = {"airline": (AIRLINE, _airline), "etth2": (ETTH2, _etth2)}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=names_of("data", SUBJECTS), default=list(SUBJECTS))
    parser.add_argument("--budget", default="1m", help="of each network's training (default: 1m)")
    parser.add_argument("--stride", type=int, default=1, help="hours between windows of ETTh2's test part")
    parser.add_argument("--samples", type=int, default=30, help="of each of ETTh2's windows (default: 30)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
