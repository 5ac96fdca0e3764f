"""How the Numenta Anomaly Benchmark scores detections (Lavin & Ahmad 2015, section III).

Each labelled anomaly has a window. Of the detections in a window the earliest counts alone, the more the
earlier it is, by σ(y) = 2 / (1 + e^{5y}) − 1 at y, −1 at the window's left edge and 0 at its right one; a
window without any costs a false negative. A detection outside costs a false positive, less close after a
window: by σ at its distance in windows' widths; all of it before the first. The first 15 % of the rows, of
5,000 at most, count for nothing. The sum S is told as 100 (S − S_null) / (S_perfect − S_null): 0 is who
detects nothing, 100 who detects each anomaly at once. Edges are counted as NAB's own program, version 1.1,
counts them.

A detector's threshold is the one that gives it the best sum over all files: so NAB has it for everyone.

Axes: T rows of a series, F files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
OUTSIDE = -1
_PROBATION, _LONGEST = 0.15, 5000
_FAR = 3.0
"""So many widths after a window a false positive costs all."""


@dataclass(frozen=True)
class Profile:
    """What is gained or lost by a true positive, a false positive and a false negative."""

    hit: float
    misfire: float
    miss: float


PROFILES = {
    "standard": Profile(1.0, 0.11, 1.0),
    "low FP": Profile(1.0, 0.22, 1.0),
    "low FN": Profile(1.0, 0.11, 2.0),
}


@dataclass(frozen=True)
class Series:
    """The windows of a series, as the first and the last row of each, and how many rows it has."""

    rows: int
    windows: Sequence[tuple[int, int]]

    @property
    def probation(self) -> int:
        """The rows at the beginning that count for nothing."""
        return int(min(np.floor(_PROBATION * self.rows), _PROBATION * _LONGEST))


def sigma(position: Floats) -> Floats:
    """Return what a detection is worth at a position, from 1 to −1.

    >>> sigma(np.array([-1.0, -0.5, 0.0, 4.0])).round(5)
    array([ 0.98661,  0.84828,  0.     , -1.     ])
    """
    worth: Floats = np.where(position >= _FAR, -1.0, 2 / (1 + np.exp(5 * np.minimum(position, _FAR))) - 1)
    return worth


def worth(series: Series) -> tuple[Floats, NDArray[np.int64]]:
    """Return what a detection at each row is worth as worth_T, and which window it is in as window_T."""
    row_T = np.arange(series.rows)
    position_T = np.full(series.rows, _FAR)
    window_T = np.full(series.rows, OUTSIDE)
    for number, (first, last) in enumerate(series.windows):
        width = last - first + 1
        position_T[last + 1 :] = (row_T[last + 1 :] - last) / (width - 1)
        position_T[first : last + 1] = -(last - row_T[first : last + 1] + 1) / width
        window_T[first : last + 1] = number
    worth_T = sigma(position_T)
    worth_T[window_T != OUTSIDE] /= sigma(np.array([-1.0]))[0]
    return worth_T, window_T


@dataclass(frozen=True)
class Outcome:
    """The normalised score of a detector, the threshold it has it at, and the sums of each file."""

    score: float
    threshold: float
    sum_F: Floats


def at_threshold(
    series_F: Sequence[Series], scores_F: Sequence[Floats], profile: Profile, threshold: float
) -> Outcome:
    """Return the outcome where rows that score at least `threshold` are detections."""
    sums = []
    for series, score_T in zip(series_F, scores_F, strict=True):
        worth_T, window_T = worth(series)
        detected_T = (score_T >= threshold) & (np.arange(series.rows) >= series.probation)
        total = profile.misfire * float(worth_T[detected_T & (window_T == OUTSIDE)].sum())
        for number, (_, last) in enumerate(series.windows):
            if last >= series.probation:
                found_T = worth_T[detected_T & (window_T == number)]
                total += profile.hit * float(found_T.max()) if len(found_T) else -profile.miss
        sums.append(total)
    windows = sum(last >= series.probation for series in series_F for _, last in series.windows)
    null, perfect = -profile.miss * windows, profile.hit * windows
    score = 100 * (sum(sums) - null) / (perfect - null)
    return Outcome(score, threshold, np.array(sums))


def best(series_F: Sequence[Series], scores_F: Sequence[Floats], profile: Profile) -> Outcome:
    """Return the outcome at the threshold that gives the best one over all files."""
    rows = []
    for file, (series, score_T) in enumerate(zip(series_F, scores_F, strict=True)):
        worth_T, window_T = worth(series)
        for row in range(series.probation, series.rows):
            rows.append((float(score_T[row]), file, int(window_T[row]), float(worth_T[row])))
    rows.sort(key=lambda row: -row[0])
    threshold, highest, total = np.inf, 0.0, 0.0
    gained: dict[tuple[int, int], float] = {}
    for place, (score, file, window, value) in enumerate(rows):
        if window == OUTSIDE:
            total += profile.misfire * value
        else:
            before = gained.get((file, window), -profile.miss)
            gained[file, window] = max(before, profile.hit * value)
            total += gained[file, window] - before
        last = place + 1 == len(rows) or rows[place + 1][0] != score
        if last and total > highest:
            threshold, highest = score, total
    return at_threshold(series_F, scores_F, profile, threshold)
