"""When the values of a series stand: a start, and a step of seconds or of whole months.

A step is a number of seconds, or by pandas' names MS, QS, YS (a month, a quarter, a year, on one day of
the month) or ME, QE, YE (on its last day). Times are without a zone; those with one become UTC.

Axes: N values.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import Side

Times = NDArray[np.datetime64]
Step = int | float | str

SECONDS_A_DAY = 86_400
_MONTHS = {"ME": 1, "QE": 3, "YE": 12, "MS": 1, "QS": 3, "YS": 12}
_UNIT = "M8[us]"
_MICROSECONDS = 1_000_000
_YEAR_AND_MONTH = re.compile(r"\d{4}-\d{2}")
_SEASONS = {3600: 24, 1800: 48, 900: 96, 60: 60, SECONDS_A_DAY: 7, "MS": 12, "ME": 12, "QS": 4, "QE": 4}


def parsed(text: str) -> datetime | None:
    """Return the time that an ISO 8601 text names; None where it names none.

    >>> parsed("1949-03"), parsed("soon")
    (datetime.datetime(1949, 3, 1, 0, 0), None)
    """
    try:
        time = datetime.fromisoformat(f"{text}-01" if _YEAR_AND_MONTH.fullmatch(text) else text)
    except ValueError:
        return None
    return time if time.tzinfo is None else time.astimezone(UTC).replace(tzinfo=None)


def as_times(times: Sequence[datetime]) -> Times:
    """Return times as an array."""
    return np.array(times, dtype=_UNIT)


def step_of(times_N: Times) -> Step | None:
    """Return the step between times that rise evenly, None where they do not; at least two are needed."""
    apart = np.diff(times_N).astype(np.int64)
    if (apart == apart[0]).all() and apart[0] > 0:
        seconds = int(apart[0]) / _MICROSECONDS
        if not (
            seconds >= 28 * SECONDS_A_DAY and _months(times_N)
        ):  # two Februaries alone look like 365 days
            return int(seconds) if seconds.is_integer() else seconds
    return _months(times_N)


def moments(side: Side, count: int, after: int = 0) -> Times | None:
    """Return the times of `count` values of a series, the first `after` ones left out; None without times.

    >>> moments({"start": "2024-01-31", "step": "ME"}, 2, 1).astype("M8[D]").tolist()
    [datetime.date(2024, 2, 29), datetime.date(2024, 3, 31)]
    """
    start = side.get("start")
    step: Any = side.get("step")
    begin = None if not isinstance(start, str) else parsed(start)
    if begin is None or not is_step(step):
        return None
    numbers_N = np.arange(count) + int(side.get("first", 0)) + after
    first = np.datetime64(begin, "us")
    if isinstance(step, str):
        return _on_days(first, numbers_N * _MONTHS[step], last=step.endswith("E"))
    apart_N = np.rint(numbers_N * float(step) * _MICROSECONDS).astype(np.int64)
    times_N: Times = first + apart_N.astype("m8[us]")
    return times_N


def written(side: Side, times_N: Times) -> list[str]:
    """Return times as the side's start is written: as dates where that is one and steps are whole days."""
    step = side["step"]
    days = isinstance(step, str) or step % SECONDS_A_DAY == 0
    if days and len(str(side["start"])) <= len("2024-01-31"):
        return [str(day) for day in times_N.astype("M8[D]")]
    return [str(time).replace("T", " ").removesuffix(".000000") for time in times_N]


def is_step(step: Any) -> bool:
    """Return whether this is a step."""
    if isinstance(step, str):
        return step in _MONTHS
    return isinstance(step, int | float) and not isinstance(step, bool) and step > 0


def season_of(side: Side) -> int:
    """Return how many steps a day, a week or a year has, whichever is usual for the step; 1 where none is."""
    return _SEASONS.get(side.get("step", 0), 1)


def seasons_of(side: Side) -> list[int]:
    """Return how many steps the seasons have that may matter: what is usual, and a day and a week.

    >>> seasons_of({"step": 3600}), seasons_of({"step": "MS"}), seasons_of({"step": 0.5})
    ([24, 168], [12], [172800, 1209600])
    """
    step: Any = side.get("step")
    found = {season_of(side)}
    if is_step(step) and not isinstance(step, str):
        stretches = [stretch / step for stretch in (SECONDS_A_DAY, 7 * SECONDS_A_DAY)]
        found |= {int(steps) for steps in stretches if steps.is_integer()}
    return sorted(found - {1})


def hours(times_N: Times) -> NDArray[np.int64]:
    """Return the hour of the day, from 0."""
    since_midnight_N: NDArray[Any] = times_N - times_N.astype("M8[D]")
    return since_midnight_N.astype("m8[h]").astype(np.int64)


def weekdays(times_N: Times) -> NDArray[np.int64]:
    """Return the day of the week, Monday 0."""
    found: NDArray[np.int64] = (times_N.astype("M8[D]").astype(np.int64) + 3) % 7  # 1970 began on a Thursday
    return found


def months(times_N: Times) -> NDArray[np.int64]:
    """Return the month, January 0."""
    found: NDArray[np.int64] = times_N.astype("M8[M]").astype(np.int64) % 12
    return found


def _months(times_N: Times) -> str | None:
    """Return the calendar's step between these times; None where it is none of those with a name."""
    apart = np.diff(times_N.astype("M8[M]")).astype(np.int64)
    for name, count in _MONTHS.items():
        if (apart == count).all():
            expected_N = _on_days(times_N[0], np.arange(len(times_N)) * count, last=name.endswith("E"))
            if (expected_N == times_N).all():
                return name
    return None


def _on_days(first: np.datetime64, ahead_N: NDArray[np.int64], *, last: bool) -> Times:
    """Return times so many months ahead: on the first one's day, or on the last day of the month."""
    month = first.astype("M8[M]")
    within = first - month.astype(_UNIT)
    months_N = month + ahead_N.astype("m8[M]")
    ends_N = (months_N + np.timedelta64(1, "M")).astype("M8[D]") - np.timedelta64(1, "D")
    if last:
        return np.asarray(ends_N.astype(_UNIT) + (first - first.astype("M8[D]")))
    # the 31st of a month that has fewer days is its last one
    day = first.astype("M8[D]") - month.astype("M8[D]")
    days_N = np.minimum(months_N.astype("M8[D]") + day, ends_N)
    return np.asarray(days_N.astype(_UNIT) + (within - day))
