"""Texts scored together: they lie end to end in rows of like length, which are read without padding.

Past a boundary every model is at its start again, so that a text in a lane costs what it costs alone.
Axes: B rows, T positions, V vocabulary, N symbols of a lane.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from anygram import states
from anygram.protocols import Condition, FloatArray, Ids, LanguageModel, Ranked, State, Streaming

ROWS = 64
CHUNK = 512
_READ_AT_ONCE = 1 << 16


def score_together(
    model: LanguageModel, texts: Sequence[Ids], *, ranks: bool = False, conditions: Condition | None = None
) -> list[tuple[FloatArray, NDArray[np.int64] | None]]:
    """Return nats and ranks of each text, which starts afresh and ends with its boundary."""
    scored = score_each(model, texts, ranks, conditions)
    found = {place: (nats_T, rank_T) for place, nats_T, rank_T in scored}
    return [found[place] for place in range(len(texts))]


def score_each(
    model: LanguageModel, texts: Sequence[Ids], ranks: bool, conditions: Condition | None = None
) -> Iterator[tuple[int, FloatArray, NDArray[np.int64] | None]]:
    """Yield each text's place, nats and ranks as soon as it has been read; `conditions` has one of each."""
    if isinstance(model, Streaming) and not ranks and conditions is None:
        for first in range(0, len(texts), ROWS):
            group = texts[first : first + ROWS]
            nats_N = -model.score_stream(np.concatenate(group))
            ends = np.cumsum([len(ids_T) for ids_T in group])[:-1]
            yield from ((first + row, nats_T, None) for row, nats_T in enumerate(np.split(nats_N, ends)))
        return
    if not texts:
        return
    if conditions is not None:
        yield from _score_each_given(model, texts, conditions, ranks)
        return
    lanes = [_Lane(places, texts, ranks) for places in _deal([len(ids_T) for ids_T in texts])]
    state = model.start(len(lanes))
    while lanes := [lane for lane in lanes if not lane.finished]:  # the longest come first
        if len(lanes) < states.count_rows(state):
            state = states.select(state, range(len(lanes)))
        ids_BT, lengths_B = padded([lane.next_ids() for lane in lanes])
        log_p_BT, rank_BT, state = _score(model, state, ids_BT, lengths_B, ranks)
        for row, lane in enumerate(lanes):
            yield from lane.take(-log_p_BT[row], None if rank_BT is None else rank_BT[row])


def _score_each_given(
    model: LanguageModel, texts: Sequence[Ids], conditions: Condition, ranks: bool
) -> Iterator[tuple[int, FloatArray, NDArray[np.int64] | None]]:
    """Score texts that start from conditions of their own: a row each, beside others of about its length."""
    by_length = sorted(range(len(texts)), key=lambda place: (len(texts[place]), len(conditions[place])))
    for places in grouped(by_length, texts):
        state = model.start(len(places), [conditions[place] for place in places])
        ids_BT, lengths_B = padded([texts[place] for place in places])
        pieces: list[tuple[FloatArray, NDArray[np.int64] | None]] = []
        for first in range(0, ids_BT.shape[1], CHUNK):
            left_B = np.clip(lengths_B - first, 0, CHUNK)
            log_p_BT, rank_BT, state = _score(model, state, ids_BT[:, first : first + CHUNK], left_B, ranks)
            pieces.append((-log_p_BT, rank_BT))
        nats_BT = np.concatenate([nats_BT for nats_BT, _ in pieces], axis=1)
        found = [rank_BT for _, rank_BT in pieces if rank_BT is not None]
        ranks_BT = np.concatenate(found, axis=1) if found else None
        for row, place in enumerate(places):
            length = len(texts[place])
            yield place, nats_BT[row, :length], None if ranks_BT is None else ranks_BT[row, :length]


def grouped(places: Sequence[int], texts: Sequence[Ids]) -> Iterator[list[int]]:
    """Yield places, the longest text last, so many at a time as are read at once."""
    group: list[int] = []
    for place in places:
        if group and (len(group) == ROWS or (len(group) + 1) * len(texts[place]) > _READ_AT_ONCE):
            yield group
            group = []
        group.append(place)
    if group:
        yield group


def _deal(lengths: Sequence[int]) -> list[list[int]]:
    """Return which texts lie end to end in each row, the longest row first; none is longer than need be.

    The longest text goes to the shortest row again and again (Graham 1969). Where there are twice as many
    rows as the longest text would fill, no row gets longer than it: texts above half its length have rows
    of their own, and half its length is the most that the shortest row can hold.
    """
    rows = min(ROWS, len(lengths), -(-2 * sum(lengths) // max(lengths)))
    shortest: list[tuple[int, int]] = [(0, row) for row in range(rows)]
    dealt: list[list[int]] = [[] for _ in range(rows)]
    for place in sorted(range(len(lengths)), key=lambda place: -lengths[place]):
        length, row = shortest[0]
        heapq.heapreplace(shortest, (length + lengths[place], row))
        dealt[row].append(place)
    return [dealt[row] for _, row in sorted(shortest, key=lambda item: -item[0])]


class _Lane:
    """Texts that lie end to end in one row, and what has been found out about them so far."""

    def __init__(self, places: Sequence[int], texts: Sequence[Ids], ranks: bool) -> None:
        self._places = places
        self._ids_N = np.concatenate([texts[place] for place in places])
        self._ends = np.cumsum([len(texts[place]) for place in places])
        self._nats_N = np.empty(len(self._ids_N), dtype=np.float64)
        self._rank_N = np.empty(len(self._ids_N), dtype=np.int64) if ranks else None
        self._read = self._given = 0

    @property
    def finished(self) -> bool:
        return self._read == len(self._ids_N)

    def next_ids(self) -> Ids:
        return self._ids_N[self._read : self._read + CHUNK]

    def take(
        self, nats_T: FloatArray, rank_T: NDArray[np.int64] | None
    ) -> Iterator[tuple[int, FloatArray, NDArray[np.int64] | None]]:
        """Take what the next ids cost; yield the texts that end there."""
        these = slice(self._read, self._read + len(self.next_ids()))
        self._read = these.stop
        self._nats_N[these] = nats_T[: these.stop - these.start]
        if self._rank_N is not None and rank_T is not None:
            self._rank_N[these] = rank_T[: these.stop - these.start]
        while self._given < len(self._ends) and self._ends[self._given] <= self._read:
            end, place = int(self._ends[self._given]), self._places[self._given]
            whole = slice(int(self._ends[self._given - 1]) if self._given else 0, end)
            self._given += 1
            yield place, self._nats_N[whole], None if self._rank_N is None else self._rank_N[whole]


def _score(
    model: LanguageModel, state: State, ids_BT: Ids, lengths_B: NDArray[np.int64], ranks: bool
) -> tuple[FloatArray, NDArray[np.int64] | None, State]:
    if not ranks:
        log_p_BT, state = model.score(state, ids_BT, lengths_B)
        return log_p_BT, None, state
    if isinstance(model, Ranked):
        return model.rank(state, ids_BT, lengths_B)
    return rank_by_predicting(model, state, ids_BT, lengths_B)


def rank_by_predicting(
    model: LanguageModel, state: State, ids_BT: Ids, lengths_B: NDArray[np.int64]
) -> tuple[FloatArray, NDArray[np.int64], State]:
    """Return what `Ranked.rank` does, for any model, by one prediction a position."""
    log_p_BT = np.zeros(ids_BT.shape)
    rank_BT = np.zeros(ids_BT.shape, dtype=np.int64)
    for position in range(ids_BT.shape[1]):
        inside_B = position < lengths_B
        log_p_BV = model.predict(state)
        ids_B1 = ids_BT[:, position : position + 1].astype(np.int64)
        own_B1 = np.take_along_axis(log_p_BV, ids_B1, axis=1)
        ahead_BV = (log_p_BV > own_B1) | ((log_p_BV == own_B1) & (np.arange(log_p_BV.shape[1]) < ids_B1))
        rank_BT[:, position] = ahead_BV.sum(axis=1)
        log_p_BT[:, position] = np.where(inside_B, own_B1[:, 0], 0.0)
        state = model.advance(state, ids_BT[:, position : position + 1], inside_B.astype(np.int64))
    return log_p_BT, rank_BT, state


def states_after(model: LanguageModel, texts: Sequence[Ids]) -> State:
    """Return the state after each text, a row each; texts start afresh and may be empty."""
    rows: list[State] = []
    first = 0
    while first < len(texts):
        longest = max(1, max(len(ids_T) for ids_T in texts[first:]))
        last = first + max(1, _READ_AT_ONCE // longest)
        group = texts[first:last]
        rows.append(model.advance(model.start(len(group)), *padded(group)))
        first = last
    return states.concatenate(rows)


def padded(rows: Sequence[Ids]) -> tuple[Ids, NDArray[np.int64]]:
    """Return ragged rows as ids_BT with zeros on their right, and how long each is."""
    lengths_B = np.array([len(ids_T) for ids_T in rows], dtype=np.int64)
    ids_BT = np.zeros((len(rows), int(lengths_B.max())), dtype=np.int32)
    for row, ids_T in enumerate(rows):
        ids_BT[row, : len(ids_T)] = ids_T
    return ids_BT, lengths_B
