"""Airline passengers: 12 months from each of the last 25 months that have as many behind them.

Everything is learnt from the 108 months before. Three stretches of two years, each forecast by what learnt
from the months before it, choose the candidate and calibrate it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from peers.report import Table

from anygram.api import Run
from anygram.data.documents import Document
from anygram.tasks import forecast_calibration, forecast_results, forecasting
from anygram.tasks.forecast_calibration import Calibration
from anygram.tasks.forecast_metrics import QUANTILES, Accuracy
from anygram.tasks.forecasting import Forecast, Setting
from forecasts import parts, statistical
from forecasts.parts import INTERVAL

FILE = "jbrownlee/airline-passengers.csv"
Candidate = tuple[str, Mapping[str, Any]]
COUNTED: Sequence[Candidate] = tuple(
    (model, {"method": "quantile", "bins": bins, "difference": 12, "order": order})
    for model, order in (("frequency", 1), ("frequency", 2), ("ngram", 2))
    for bins in (6, 8, 10, 12, 16)
)
YEAR, FOLDS, LEARNT, WINDOWS = 12, (60, 72, 84), 108, 25


def measure(document: Document, folder: Path, budget: str) -> tuple[Table, list[dict[str, Any]], bool]:
    """Return the table, its figures, and whether error and coverage of ours as drawn are as wanted.

    That candidate is taken whose interval holds a share of values nearest to 80 % over the three stretches.
    """
    tried = []
    for number, candidate in enumerate(COUNTED):
        folds = [_fold(document, candidate, first, folder, budget) for first in FOLDS]
        tried.append((*_said_of(candidate, folds), number, folds))
    _, _, number, folds = min(tried, key=lambda one: one[:3])
    model, settings = COUNTED[number]
    run = parts.trained(parts.written([document], LEARNT, folder / "airline.csv"), model, settings, budget)
    calibration = forecast_calibration.learnt(one for fold in folds for one in fold)
    found = forecast_results.measured(_drawn(run, document, WINDOWS), QUANTILES, YEAR, calibration)
    assert found.accuracy is not None and found.naive is not None and found.as_drawn is not None
    named = f"{model}, {parts.words(settings)}"
    accuracies = {
        "seasonal naive, 12 months": found.naive,
        named: found.as_drawn,
        f"{named}, calibrated": found.accuracy,
        **_peers(document),
    }
    rows = [[name, *parts.cells(each, name in list(accuracies)[1:])] for name, each in accuracies.items()]
    title = f"Airline passengers, 12 months ahead: the last {WINDOWS} windows, one month apart"
    table = Table(("forecast", "MASE", "sMAPE", "CRPS", "in the 80 % interval"), rows, title)
    stored = [{"data": "airline", "model": name, **each.to_json()} for name, each in accuracies.items()]
    ours, naive = found.as_drawn, found.naive
    held = ours.mase is not None and naive.mase is not None and ours.mase < naive.mase
    return table, stored, held and 0.75 <= ours.coverage[INTERVAL] <= 0.85


def _said_of(candidate: Candidate, folds: Sequence[Sequence[Forecast]]) -> tuple[float, float]:
    """Return how far from 80 % the interval held and the CRPS, and say both, and what calibration does.

    Each stretch is calibrated by the two others.
    """
    said = []
    for calibrated in (False, True):
        each = []
        for place, fold in enumerate(folds):
            others = [one for other, ones in enumerate(folds) if other != place for one in ones]
            each.append(_accuracy(fold, forecast_calibration.learnt(others) if calibrated else None))
        covered = float(np.mean([one.coverage[INTERVAL] for one in each]))
        said.append((covered, float(np.mean([one.crps for one in each]))))
    (covered, crps), (later, later_crps) = said
    parts.say(
        f"airline, validation: {candidate[0]} {parts.words(candidate[1])}: CRPS {crps:.2f}, {covered:.1%}; "
        f"calibrated by the other stretches: CRPS {later_crps:.2f}, {later:.1%}"
    )
    return abs(covered - 0.8), crps


def _peers(document: Document) -> dict[str, Accuracy]:
    """Return how good the peers are, fitted anew at each window to all before it."""
    places = list(forecasting.windows([document], YEAR, WINDOWS, 1))
    return {
        f"{peer}, fitted at each window": _accuracy(statistical.drawn(peer, places, YEAR, YEAR))
        for peer in statistical.peers()
    }


def _fold(document: Document, candidate: Candidate, first: int, folder: Path, budget: str) -> list[Forecast]:
    """Return how a candidate that learnt from the first months forecasts the two years after them."""
    source = parts.written([document], first, folder / f"airline-{first}.csv")
    run = parts.trained(source, *candidate, budget)
    return list(_drawn(run, parts.cut(document, first + 2 * YEAR), YEAR + 1))


def _drawn(run: Run, document: Document, windows: int) -> Iterator[Forecast]:
    places = forecasting.windows([document], YEAR, windows, 1)
    return forecasting.forecasts(run.model, run.codec, places, Setting(YEAR, 400))


def _accuracy(forecasts: Iterable[Forecast], calibration: Calibration | None = None) -> Accuracy:
    found = forecast_results.measured(forecasts, QUANTILES, YEAR, calibration).accuracy
    assert found is not None, "values are known"
    return found
