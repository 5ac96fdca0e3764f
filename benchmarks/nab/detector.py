"""A detector for NAB's series made of a language model that goes on learning, and what it scores.

A series is read in four or five ways: its values, their changes, and their means of the last 12 and 48 rows.
If the values at the same time of the last seven days leave less than half of the variance of the first rows,
the values are read as what is left by these. If those of the day before leave less than all of it, the mean
of the last 12 differences to them is read too. A number becomes one of some levels, which are steps of the
standard deviation of the rows that NAB gives to learn from (the first 15 %, of 5,000 at most), and a series a
text of a byte a number. Trigrams learn those rows; then `anygram anomalies --per symbol --adapt` reads the
series, each symbol scored before it is learnt. NAB is told the sum over the ways of how far the surprisal
lies above those before, in standard deviations (as the anomaly likelihood of Ahmad, Lavin, Purdy & Agha
2017), and of many alarms in a row only the rise: a row counts for nothing unless it is higher than all of the
last ones.

Constants and thresholds were chosen on NAB's 51 other series: the best in the standard profile of about two
thousand settings. On the seven they were tried once, after two older detectors: one that read the values
alone, and one that knew nothing of days.

Axes: T rows of a series.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers.report import Table

from anygram import api
from anygram.timeline import SECONDS_A_DAY
from nab.published import PUBLISHED
from nab.rules import PROFILES, Floats, Series, at_threshold, best

WINDOWS = "nab/combined_windows.json"
FOLDER = "realKnownCause"
OURS = "**anygram**, trigrams that go on learning"
STEP = 2.0
"""Standard deviations of a level."""
MOST = 60
"""So many levels there are above and below the middle one."""
ORDER = 3
BEFORE, APART = 4000, 200
"""Rows by whose surprisals one is judged, and those in which only a rise counts."""
DAYS, HABITS, FEWEST = 7, 0.5, 30
"""A value is compared to those of so many days; a day has habits where at most so much of the variance of
at least so many rows is left by that."""
WIDTHS = (12, 48)
"""Rows of the running means that are read beside the values and their changes."""
THRESHOLDS = {"standard": 19.216, "low FP": 22.462, "low FN": 19.216}
"""Those with the best scores on the 51 other series: 64.8, 48.0 and 72.8."""
_LEAST_VARIANCE = 1e-4
_NEVER = -9.0
_FIRST = ord(" ")


@dataclass(frozen=True)
class Read:
    """A series as NAB has it: its name, windows, and values, and how many of them a day has."""

    name: str
    series: Series
    values_T: Floats
    day: int


def measure(data: Path, folder: Path) -> list[dict[str, Any]]:
    """Return our scores in each profile: with the threshold of other series, and with the best one here."""
    read = [_read(data, name) for name in sorted(_windows(data)) if name.startswith(FOLDER)]
    series = [one.series for one in read]
    scores = [score(one, folder) for one in read]
    found = []
    for profile, costs in PROFILES.items():
        stated = at_threshold(series, scores, costs, THRESHOLDS[profile])
        chosen = best(series, scores, costs)
        sums = dict(zip((one.name for one in read), stated.sum_F.tolist(), strict=True))
        found.append({"profile": profile, "stated": stated.score, "chosen": chosen.score, "sums": sums})
    return found


def table(found: Sequence[dict[str, Any]]) -> Table:
    """Return our scores beside those that NAB publishes, the best first."""
    stated, chosen = ([float(one[way]) for one in found] for way in ("stated", "chosen"))
    rows: list[tuple[str, list[float], list[float], float | None]] = [(OURS, stated, chosen, None)]
    rows += [(one.detector, list(one.stated), list(one.chosen), one.corpus) for one in PUBLISHED]
    rows.sort(key=lambda row: -row[1][0])
    header = ["detector"]
    header += [f"{profile}, {way}" for way in ("threshold of all series", "of these") for profile in PROFILES]
    cells = [
        [name, *(f"{score:.1f}" for score in [*first, *second]), "–" if corpus is None else f"{corpus:.1f}"]
        for name, first, second, corpus in rows
    ]
    title = "NAB's seven series with known causes, by its rules (0: detects nothing, 100: all at once)"
    return Table([*header, "all 58 series, standard"], cells, title)


def score(read: Read, folder: Path) -> Floats:
    """Return what NAB is told of each row."""
    unusual = [likelihood(surprisals(view, read.series.probation, folder)) for view in views(read)]
    return rises(np.sum(unusual, axis=0))


@dataclass(frozen=True)
class View:
    """One way to read a series; before row `first` there is nothing to read."""

    values_T: Floats
    first: int = 0


def views(read: Read) -> list[View]:
    """Return the values, their changes and running means; of what has a day's habits what is unlike these."""
    values_T, day = read.values_T, read.day
    unlike_days_T = values_T - _days_before(values_T, day, DAYS)
    unlike_day_T = values_T - _days_before(values_T, day, 1)
    has_habits = _left(read, unlike_days_T) < HABITS
    found = [
        View(np.nan_to_num(unlike_days_T), day) if has_habits else View(values_T),
        View(np.diff(values_T, prepend=values_T[0])),
        *(View(_means(values_T, width, ending=0)) for width in WIDTHS),
    ]
    if _left(read, unlike_day_T) < 1.0:
        found.append(View(_means(np.nan_to_num(unlike_day_T), WIDTHS[0], ending=0), day))
    return found


def levels(view: View, probation: int) -> NDArray[np.uint8]:
    """Return each value's level as a byte, by the median and the spread of the first rows."""
    values_T, first_T = view.values_T, view.values_T[view.first : probation]
    spread = float(first_T.std()) or 1.0
    level_T = np.round((values_T - np.median(first_T)) / spread / STEP)
    return (np.clip(level_T, -MOST, MOST) + MOST + _FIRST).astype(np.uint8)


def surprisals(view: View, probation: int, folder: Path) -> Floats:
    """Return the surprisal of each value, in bits, before it was learnt."""
    text, learnt = folder / "series.txt", folder / "probation.txt"
    raw = levels(view, probation).tobytes()
    text.write_bytes(raw)
    learnt.write_bytes(raw[:probation])
    settings = {"order": ORDER}
    run = api.train(
        learnt, "ngram", codec="bytes", documents="files", settings=settings, budget="1epochs", valid="none"
    )
    found = run.anomalies(text, documents="files", adapt=True, per="symbol", expected=0)
    return np.array([one.score for one in found])[:-1]  # all but the boundary


def _windows(data: Path) -> dict[str, list[list[str]]]:
    windows: dict[str, list[list[str]]] = json.loads((data / "combined_windows.json").read_text())
    return windows


def _read(data: Path, name: str) -> Read:
    with (data / name).open() as file:
        rows = list(csv.DictReader(file))
    place = {row["timestamp"]: number for number, row in enumerate(rows)}
    seconds = len("2014-01-01 00:00:00")
    edges = [(place[first[:seconds]], place[last[:seconds]]) for first, last in _windows(data)[name]]
    values_T = np.array([float(row["value"]) for row in rows])
    step = np.median(np.diff([datetime.fromisoformat(row["timestamp"]).timestamp() for row in rows]))
    return Read(name, Series(len(rows), edges), values_T, round(SECONDS_A_DAY / step))


def _days_before(values_T: Floats, day: int, days: int) -> Floats:
    """Return the mean of the values so many days before at the same time; NaN in the first day."""
    sums_T, counts_T = np.zeros(len(values_T)), np.zeros(len(values_T))
    for ago in range(day, min(days * day + 1, len(values_T)), day):
        sums_T[ago:] += values_T[:-ago]
        counts_T[ago:] += 1
    means_T: Floats = np.where(counts_T > 0, sums_T / np.maximum(counts_T, 1), np.nan)
    return means_T


def _left(read: Read, unlike_T: Floats) -> float:
    """Return the share of the first rows' variance that is left; infinite where a day is too long to say."""
    known = slice(read.day, read.series.probation)
    if read.series.probation - read.day < FEWEST:
        return np.inf
    return float(unlike_T[known].var() / max(float(read.values_T[known].var()), _LEAST_VARIANCE))


def likelihood(surprisal_T: Floats) -> Floats:
    """Return how many standard deviations each surprisal lies above the mean of those before."""
    before_T = _means(surprisal_T, BEFORE, ending=1)
    variance_T = _means(surprisal_T**2, BEFORE, ending=1) - before_T**2
    likelihood_T: Floats = (surprisal_T - before_T) / np.sqrt(np.maximum(variance_T, _LEAST_VARIANCE))
    return likelihood_T


def _means(values_T: Floats, width: int, ending: int) -> Floats:
    """Return the mean of the last `width` values that are at least `ending` rows old; 0 of none."""
    sums_T = np.concatenate([[0.0], np.cumsum(values_T)])
    last_T = np.arange(len(values_T)) + 1 - ending
    first_T = np.maximum(last_T - width, 0)
    means_T: Floats = (sums_T[last_T] - sums_T[first_T]) / np.maximum(last_T - first_T, 1)
    return means_T


def rises(score_T: Floats) -> Floats:
    """Return the scores, but nothing for one that is not higher than all of the last ones."""
    padded_T = np.concatenate([np.full(APART, -np.inf), score_T])
    highest_T = np.lib.stride_tricks.sliding_window_view(padded_T[:-1], APART).max(axis=1)
    return np.where(score_T > highest_T, score_T, _NEVER)
