"""How well a run forecasts the series that are held out: windows one behind another, each from all before it.

A series whose end is held out is forecast from its beginning, which is the training part; of one that is held
out as a whole the first half is only read. Windows are at most a horizon apart, nearer where the test part is
short, and at most MOST of them are forecast, evenly apart over all series.

Axes: W windows, K sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import numpy as np

from anygram import timeline
from anygram.comparison.metrics.held import Held, Sums
from anygram.data.documents import Document
from anygram.data.splitting import Splits
from anygram.errors import DataError
from anygram.protocols import FloatArray
from anygram.tasks import forecasting
from anygram.tasks.forecast_metrics import Accuracy, Scores
from anygram.tasks.forecasting import Forecast, Setting

KIND = "series"
PLAIN = "the seasonal naive forecast"
SAMPLES = 100
WANTED, MOST = 30, 100
"""Windows of a series where the horizon leaves room for so many, and of all series together."""

Place = tuple[Document, Sequence[int]]


def mase(held: Held) -> Sums:
    """Return each window's MASE, where its history has something to divide by."""
    return _sums(_drawn(held), _mase, _how(held))


def crps(held: Held) -> Sums:
    """Return each window's sum of CRPS over its values, in their own unit, and how many are known."""
    return _sums(_drawn(held), _crps, _how(held))


def plain_mase(splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    """Return the name and the MASE of repeating the last season."""
    return PLAIN, _sums(_repeated(splits, horizon), _mase)


def plain_crps(splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    """Return the name and the CRPS of repeating the last season, which is its absolute error."""
    return PLAIN, _sums(_repeated(splits, horizon), _crps)


def mean(sums_K: FloatArray) -> float:
    """Return what is summed up by how many there are; NaN where there are none."""
    total, count = sums_K.tolist()
    return total / count if count else float("nan")


def horizon_of(splits: Splits, horizon: int | None) -> int:
    """Return how many values are forecast: as many as are asked for, or a season of the first series."""
    return horizon or timeline.season_of(splits.test[0].side or {})


def places(splits: Splits, horizon: int | None) -> list[Place]:
    """Return the series with how many values are known before each window; DataError where none has room."""
    steps = horizon_of(splits, horizon)
    before = _by_series([*splits.train, *splits.valid])
    found: list[tuple[Document, int]] = []
    for held_out in splits.test:
        whole, known = _with_beginning(held_out, before)
        length = whole.text.count("\n")
        first = known or length // 2
        room = length - steps - first
        if room >= 0 and first:
            stride = min(steps, max(1, room // (WANTED - 1)))
            found += [(whole, place) for place in range(length - steps, first - 1, -stride)][::-1]
    if not found:
        lengths = [one.text.count("\n") for one in splits.test]
        raise DataError(
            f"the test part has no series with room for {steps} values ahead (the longest has {max(lengths)} "
            "values): ask for a shorter --horizon or a larger --test"
        )
    kept = np.unique(np.linspace(0, len(found) - 1, min(MOST, len(found))).round().astype(int))
    chosen = [found[number] for number in kept.tolist()]
    return [
        (windows[0][0], [known for _, known in windows])
        for _, each in groupby(chosen, key=lambda window: id(window[0]))
        if (windows := list(each))
    ]


def _mase(one: Accuracy) -> tuple[float, float]:
    return one.mase or 0.0, float(one.mase is not None)


def _crps(one: Accuracy) -> tuple[float, float]:
    return one.crps * one.values, float(one.values)


def _drawn(held: Held) -> Iterator[Forecast]:
    """Yield the run's forecast of each window."""
    setting = Setting(horizon_of(held.splits, held.horizon), SAMPLES, held.seed)
    asked = places(held.splits, held.horizon)
    yield from forecasting.forecasts(held.run.model, held.run.codec, asked, setting)


def _how(held: Held) -> str:
    return f"{SAMPLES} samples, {horizon_of(held.splits, held.horizon)} values ahead"


def _repeated(splits: Splits, horizon: int | None) -> Iterator[Forecast]:
    """Yield the last season of each window's history as its forecast."""
    steps = horizon_of(splits, horizon)
    for document, ends in places(splits, horizon):
        values_N, season = forecasting.values_of(document), timeline.season_of(document.side or {})
        for known in ends:
            values_H = forecasting.seasonal_naive(values_N[:known], season, steps)
            yield Forecast(document, known, values_H[None])


def _sums(
    forecasts: Iterable[Forecast], told: Callable[[Accuracy], tuple[float, float]], how: str = ""
) -> Sums:
    rows = [told(measured) for one in forecasts if (measured := _measured(one)) is not None]
    if not any(count for _, count in rows):
        raise DataError(
            "no window can be measured: its values are missing, or its history repeats itself exactly"
        )
    return Sums(np.array(rows), in_time=True, how=how)


def _measured(one: Forecast) -> Accuracy | None:
    """Return a window's figures; None where none of its values is known."""
    values_N, horizon = forecasting.values_of(one.document), one.samples_SH.shape[1]
    actual_H = values_N[one.known : one.known + horizon]
    if np.isnan(actual_H).all():
        return None
    scores = Scores()
    season = timeline.season_of(one.document.side or {})
    scores.add(actual_H, one.samples_SH, values_N[: one.known], season)
    return scores.result()


def _by_series(documents: Iterable[Document]) -> dict[str, list[Document]]:
    found: dict[str, list[Document]] = {}
    for one in documents:
        found.setdefault(_identity(one), []).append(one)
    return found


def _identity(one: Document) -> str:
    return str((one.side or {}).get("id", one.name))


def _first(one: Document) -> int:
    return int((one.side or {}).get("first", 0))


def _with_beginning(held_out: Document, before: dict[str, list[Document]]) -> tuple[Document, int]:
    """Return the series from where it begins without a gap, and how many of its values are not held out."""
    whole, known = held_out, 0
    for one in sorted(before.get(_identity(held_out), []), key=_first, reverse=True):
        length = one.text.count("\n")
        if _first(one) + length == _first(whole):
            whole = replace(one, text=one.text + whole.text)
            known += length
    return whole, known
