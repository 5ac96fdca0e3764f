"""Forecasts: what may follow the values of a series, as samples drawn value by value.

All samples of many series go on side by side, one row each; only values are drawn, neither an end nor a gap,
and of a bin any value in it, as the density that it stands for has it.
A series' history is read once: where a later forecast's history goes on from an earlier one's, so does the
state. What is known of the time to come, by a calendar or covariates, is read, not drawn.

Axes: B rows, H steps of the horizon, S samples, Q quantiles, N values, K symbols of values, P places,
C conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from anygram import lanes, states
from anygram.codecs.series import History, SeriesCodec, numbers, references
from anygram.data import series
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import Codec, FloatArray, Ids, LanguageModel, Side, State
from anygram.settings import check_seed

FloatN = NDArray[np.float64]
Member = tuple[LanguageModel, Codec]
"""What forecasts: a run's model and its codec."""

ROWS = 2048
"""So many samples are drawn side by side, fewer where their states take more than this:"""
MOST_BYTES = 1 << 29


@dataclass(frozen=True)
class Setting:
    """What to forecast: `horizon` values ahead, as so many samples, from the last `context` values alone."""

    horizon: int
    samples: int = 100
    seed: int = 0
    context: int | None = None

    def __post_init__(self) -> None:
        for name, value in (("horizon", self.horizon), ("samples", self.samples)):
            if value < 1:
                raise UsageError(f"{name} must be at least 1, got {value}")
        if self.context is not None and self.context < 1:
            raise UsageError(f"context must be at least 1, got {self.context}; leave it out for all values")
        check_seed(self.seed)


@dataclass(frozen=True)
class Forecast:
    """Samples of what follows the first `known` values of a series."""

    document: Document
    known: int
    samples_SH: FloatN

    @property
    def name(self) -> str:
        """What the series is called."""
        return str((self.document.side or {}).get("id", self.document.name))

    @property
    def mean_H(self) -> FloatN:
        """The mean of the samples."""
        mean_H: FloatN = self.samples_SH.mean(axis=0)
        return mean_H

    def quantiles_QH(self, quantiles: Sequence[float]) -> FloatN:
        """Return quantiles of the samples."""
        found: FloatN = np.quantile(self.samples_SH, list(quantiles), axis=0)
        return found

    def times(self) -> list[str]:
        """Return when the values will stand, or their numbers where the series has no times."""
        return series.times(self.document.side or {}, self.samples_SH.shape[1], self.known)


def require_series(codec: Codec) -> SeriesCodec:
    """Return the codec; UsageError where it is not one of series."""
    if not isinstance(codec, SeriesCodec):
        raise UsageError(
            "forecasts are of series, and this run's codec is of other data; train with --codec series"
        )
    if not codec.values:
        raise UsageError("the run knows no whole number to forecast; train with --set method=quantile")
    return codec


def ahead(documents: Iterable[Document]) -> Iterator[tuple[Document, list[int]]]:
    """Yield each series with how many values are known: all."""
    for document in documents:
        yield document, [document.text.count("\n")]


def windows(
    documents: Iterable[Document], horizon: int, count: int, stride: int
) -> Iterator[tuple[Document, list[int]]]:
    """Yield each series with how many values are known before each of its last `count` windows.

    The windows are `stride` apart, and the last ends with the series. DataError where one is too short.
    """
    for document in documents:
        length = document.text.count("\n")
        first = length - horizon - (count - 1) * stride
        if first < 1:
            raise DataError(
                f"{document.name} has {length} values; {count} windows of {horizon}, {stride} apart, need "
                f"{length - first + 1}: ask for fewer windows or a shorter horizon"
            )
        yield document, list(range(first, length - horizon + 1, stride))


def forecasts(
    model: LanguageModel,
    codec: Codec,
    places: Iterable[tuple[Document, Sequence[int]]],
    setting: Setting,
    stream: int = 0,
) -> Iterator[Forecast]:
    """Yield a forecast of each series from each number of known values, in their order.

    A sample depends on the seed and the stream, its number and its place among the forecasts, and on nothing
    else.
    """
    known = require_series(codec)
    each = _each(known, places, setting)
    reading = _Reading(model)
    at_once = max(1, ROWS // setting.samples)
    place = 0
    while chunk := list(islice(each, at_once)):
        state = reading.after([history.ids_T for _, _, history in chunk])
        ahead = [known.ahead(side, setting.horizon, len(history.values_N)) for _, side, history in chunk]
        uniforms_PS2H = np.stack([_uniforms(setting, stream, place + number) for number in range(len(chunk))])
        ids_PSH = _drawn(model, known, state, ahead, uniforms_PS2H[:, :, 0])
        for number, (document, side, history) in enumerate(chunk):
            values_SH = known.continued(history, ids_PSH[number], uniforms_PS2H[number, :, 1])
            yield Forecast(document, _known(document, side, history), values_SH)
        place += len(chunk)


def pooled(
    members: Sequence[Member],
    places: Iterable[tuple[Document, Sequence[int]]],
    setting: Setting,
    stream: int = 0,
) -> Iterator[Forecast]:
    """Yield forecasts as `forecasts` does, the samples of each drawn by all members in equal shares.

    That is the linear pool of what they say of the whole horizon (Stone 1961). Where the samples do not come
    out even the first members draw one more. UsageError where there are fewer samples than members.
    """
    if setting.samples < len(members):
        raise UsageError(
            f"samples must be at least 1 for each of {len(members)} runs, got {setting.samples}; ask for more"
        )
    known = list(places)
    drawn = []
    for number, (model, codec) in enumerate(members):
        share = (setting.samples + len(members) - 1 - number) // len(members)
        drawn.append(forecasts(model, codec, known, replace(setting, samples=share), stream + number))
    for ones in zip(*drawn, strict=True):
        yield together(ones)


def together(forecasts: Sequence[Forecast]) -> Forecast:
    """Return one forecast that has the samples of several of the same values."""
    first = forecasts[0]
    return replace(first, samples_SH=np.concatenate([one.samples_SH for one in forecasts]))


def seasonal_naive(values_N: FloatN, season: int, horizon: int) -> FloatN:
    """Return the last known value of the same season for each step, as values_H.

    Where none is known the last of all stands for it.

    >>> seasonal_naive(np.array([1.0, 2.0, 3.0]), 2, 3)
    array([2., 3., 2.])
    """
    last_known = values_N[~np.isnan(values_N)]
    ahead_N = np.append(values_N, np.full(season, np.nan))
    cycle = references(ahead_N, season)[len(values_N) :]
    cycle = np.where(np.isnan(cycle), last_known[-1] if len(last_known) else 0.0, cycle)
    return cycle[np.arange(horizon) % season]


def values_of(document: Document) -> FloatN:
    """Return a series' values, NaN where one is missing."""
    return numbers(document.text)


def _each(
    codec: SeriesCodec, places: Iterable[tuple[Document, Sequence[int]]], setting: Setting
) -> Iterator[tuple[Document, Side, History]]:
    """Yield each place's series, the side of what is read of it, and its history."""
    for document, ends in places:
        side = document.side or {}
        if setting.context is None:
            for history in codec.histories(document.text, side, ends):
                yield document, side, history
            continue
        lines = document.text.split("\n")
        for end in ends:
            first = max(0, end - setting.context)
            text = "".join(f"{line}\n" for line in lines[first:end])
            later = {**side, "first": int(side.get("first", 0)) + first}
            (history,) = codec.histories(text, later, [end - first])
            yield document, later, history


def _known(document: Document, side: Side, history: History) -> int:
    """Return how many values of the series lie before the forecast."""
    skipped = int(side.get("first", 0)) - int((document.side or {}).get("first", 0))
    return skipped + len(history.values_N)


def _uniforms(setting: Setting, stream: int, place: int) -> FloatN:
    """Return what symbols are drawn by, and values within them, as uniforms_S2H.

    More samples leave the first ones as they are.
    """
    generator = np.random.default_rng([setting.seed, place, stream])
    return generator.random((setting.samples, 2, setting.horizon))


class _Reading:
    """Reads histories one after another, and goes on where one goes on from the one before."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._ids: Ids = np.empty(0, dtype=np.int32)
        self._state: State = None

    def after(self, histories: Sequence[Ids]) -> State:
        """Return the state after each history, a row each."""
        before = [self._ids, *histories[:-1]]
        fresh = [
            place
            for place, (ids_T, last_T) in enumerate(zip(histories, before, strict=True))
            if not len(last_T) or not np.array_equal(ids_T[: len(last_T)], last_T)
        ]
        begun = lanes.states_after(self._model, [histories[place] for place in fresh]) if fresh else None
        rows: list[State] = []
        for place, (ids_T, last_T) in enumerate(zip(histories, before, strict=True)):
            if place in fresh:
                self._state = states.select(begun, [fresh.index(place)])
            elif len(ids_T) > len(last_T):
                self._state = self._model.advance(self._state, ids_T[None, len(last_T) :])
            rows.append(self._state)
        self._ids = histories[-1]
        return states.concatenate(rows)


def _drawn(
    model: LanguageModel, codec: SeriesCodec, state_P: State, ahead: Sequence[Ids], uniforms_PSH: FloatN
) -> Ids:
    """Return symbols of values that follow each of P states, S rows for each, as ids_PSH."""
    places, samples, horizon = uniforms_PSH.shape
    place_B = np.repeat(np.arange(places), samples)
    uniforms_BH = uniforms_PSH.reshape(-1, horizon)
    a_row = states.nbytes(state_P) // places + 1
    at_once = max(1, min(ROWS, MOST_BYTES // a_row))
    parts = []
    for first in range(0, len(place_B), at_once):
        rows = place_B[first : first + at_once]
        ahead_BHC = np.stack([ahead[place] for place in rows])
        state = states.select(state_P, rows)
        parts.append(_walk(model, codec.values, state, ahead_BHC, uniforms_BH[first : first + at_once]))
    return np.concatenate(parts).reshape(places, samples, horizon)


def _walk(model: LanguageModel, values: int, state: State, ahead_BHC: Ids, uniforms_BH: FloatN) -> Ids:
    """Return the symbols that each row draws, step by step."""
    rows, horizon = uniforms_BH.shape
    ids_BH = np.empty((rows, horizon), dtype=np.int32)
    for step in range(horizon):
        if step:
            state = model.advance(state, ids_BH[:, step - 1 : step])
        if ahead_BHC.shape[2]:
            state = model.advance(state, ahead_BHC[:, step])
        ids_BH[:, step] = chosen(model.predict(state)[:, :values], uniforms_BH[:, step])
    return ids_BH


def chosen(log_p_BK: FloatArray, uniforms_B: FloatN) -> Ids:
    """Return the symbol of each row at which the cumulative distribution passes its number from 0 to 1."""
    p_BK = np.exp(log_p_BK - log_p_BK.max(axis=1, keepdims=True))
    cumulative_BK = np.cumsum(p_BK, axis=1, dtype=np.float64)
    passed_BK = cumulative_BK <= (uniforms_B * cumulative_BK[:, -1])[:, None]
    return np.asarray(np.minimum(passed_BK.sum(axis=1), log_p_BK.shape[1] - 1), dtype=np.int32)
