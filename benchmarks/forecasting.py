"""Forecasts beside the seasonal naive one: transformer temperatures (ETTh2) and airline passengers.

    ANYGRAM_DATA=/path/to/data ./dev bench forecasting            about ten minutes

ETTh2 by the rules of its papers (Zhou et al. 2021): seven columns, 12, 4 and 4 months of 30 days to learn
from, to choose by and to measure; errors in standard deviations of the first part; 96 hours ahead, from every
--stride-th hour of the test part on (1 in the papers). Published: DLinear's MSE of 0.289 (Zeng et al. 2023,
table 2). The samples of several networks are put together, of those that are best together by the MSE on the
validation part.

Airline passengers: 12 months from each of the last 25 months that have as many behind them, learnt from the
108 before. Of the candidates that one is taken whose 80 % interval holds a share of values nearest to that,
over three stretches of two years that follow what was learnt.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
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
from anygram.tasks.forecasting import Forecast, Setting, seasonal_naive, values_of

ETTH2, AIRLINE = "ett/ETTh2.csv", "jbrownlee/airline-passengers.csv"
HOURS, MONTH, DAY = 96, 30 * 24, 24
TRAIN, VALID, TEST = 12 * MONTH, 16 * MONTH, 20 * MONTH
PUBLISHED = 0.289
VALID_STRIDE = 97
"""Hours between windows of the validation part: each begins at another hour of the day."""

Candidate = tuple[str, Mapping[str, Any]]
_SIZES = {"method": "quantile", "bins": 64, "units": 64}
MEMBERS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "day": ("300steps", {**_SIZES, "difference": 24, "dropout": 0.3}),
    "week": ("300steps", {**_SIZES, "difference": 168, "dropout": 0.3}),
    "level": ("800steps", {**_SIZES, "dropout": 0.4}),
}
"""Budgets and settings of GRUs: the change since a day or a week before, or the values themselves."""
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
    runs, held_out = {}, {}
    for name, (budget, settings) in MEMBERS.items():
        runs[name] = _trained(source, "gru", settings, budget)
        held_out[name] = list(_forecasts(runs[name], documents, TRAIN, VALID, VALID_STRIDE, options.samples))
    tried = []
    for size in range(1, len(MEMBERS) + 1):
        for names in combinations(MEMBERS, size):
            found = _errors(documents, *(held_out[name] for name in names))
            tried.append((found.mse, names))
            _say(f"ETTh2, validation: {' and '.join(names)}: MSE {found.mse:.4f}")
    valid_mse, best = min(tried)
    naive_valid = _naive_errors(documents, TRAIN, VALID, VALID_STRIDE)
    where = VALID, TEST, options.stride
    ours = _errors(documents, *(_forecasts(runs[name], documents, *where, options.samples) for name in best))
    naive = _naive_errors(documents, *where)
    named = f"samples of GRUs: {', '.join(best)}"
    rows = [
        ["seasonal naive, 24 hours", f"{naive_valid.mse:.4f}", f"{naive.mse:.4f}", f"{naive.mae:.4f}", "–"],
        [named, f"{valid_mse:.4f}", f"{ours.mse:.4f}", f"{ours.mae:.4f}", f"{ours.coverage:.1%}"],
        ["DLinear, published", "–", f"{PUBLISHED:.3f}", "–", "–"],
    ]
    title = (
        f"ETTh2, 96 hours ahead: {ours.windows:,} windows of the test part, {options.stride} hours apart, "
        f"{options.samples} samples of each GRU"
    )
    table = Table(("forecast", "validation MSE", "MSE", "MAE", "in the 80 % interval"), rows, title)
    stored = [
        {"data": "ETTh2", "model": named, "valid_mse": valid_mse, **asdict(ours)},
        {"data": "ETTh2", "model": "naive", "valid_mse": naive_valid.mse, **asdict(naive)},
    ]
    return table, stored, ours.mse < naive.mse


def _forecasts(
    run: Run, documents: Sequence[Document], low: int, high: int, stride: int, samples: int
) -> Iterator[Forecast]:
    """Yield forecasts from every `stride`-th hour of a part on, as long as they end in it."""
    places = [(_cut(document, high), range(low, high - HOURS + 1, stride)) for document in documents]
    return forecasting.forecasts(run.model, run.codec, places, Setting(HOURS, samples))


def _errors(documents: Sequence[Document], *members: Iterable[Forecast]) -> Errors:
    """Return the errors of the mean of all members' samples, and how often their interval holds the value."""
    values = {document.name: values_of(document) for document in documents}
    squares, absolutes, inside = [], [], []
    for ones in zip(*members, strict=True):
        name, known = ones[0].document.name, ones[0].known
        actual_H = values[name][known : known + HOURS]
        samples_SH = np.concatenate([one.samples_SH for one in ones])
        apart_H = (samples_SH.mean(axis=0) - actual_H) / float(np.nanstd(values[name][:TRAIN]))
        low_H, high_H = np.quantile(samples_SH, (0.1, 0.9), axis=0)
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
    parser.add_argument("--budget", default="1m", help="of each of the airline's trainings (default: 1m)")
    parser.add_argument("--stride", type=int, default=7, help="hours between windows of ETTh2's test part")
    parser.add_argument("--samples", type=int, default=30, help="of each of ETTh2's windows (default: 30)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
