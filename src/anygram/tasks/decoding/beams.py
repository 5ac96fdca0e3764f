"""Beam search over states, of many sources at once.

At each length the likeliest continuations of a source's hypotheses are ranked. Those among the first `beam`
that end leave the beam; the first `beam` that go on are kept. A source is done when `beam` hypotheses have
ended, or when none that goes on can become better than the best that ended: log P only falls and lp(Y) is
largest at the limit. At the limit nothing but the boundary may follow. So a beam of 1 is greedy, and one as
wide as all sequences searches all of them.

Axes: B rows (hypotheses that go on), K continuations of a row, N of all rows, V vocabulary, T positions,
S sources.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anygram import states
from anygram.protocols import FloatArray, Ids, LanguageModel
from anygram.tasks.decoding.alignments import weights
from anygram.tasks.decoding.hypotheses import Hypothesis
from anygram.tasks.decoding.search import Search, length_penalty

_ROUNDS = 32
"""To sort V symbols costs about so many searches for the largest one."""


def search(
    model: LanguageModel, sources: Sequence[Ids], how: Search, limits_S: Sequence[int]
) -> list[list[Hypothesis]]:
    """Return the best targets of each source, best first; each of at most so many symbols."""
    beams = _Beams(model, sources, how, limits_S)
    while beams.going:
        beams.step()
    return beams.found()


class _Beams:
    """The hypotheses of all sources, a source's side by side, likeliest first; and those that ended."""

    def __init__(
        self, model: LanguageModel, sources: Sequence[Ids], how: Search, limits_S: Sequence[int]
    ) -> None:
        self._model, self._sources, self._how = model, sources, how
        self._limits_S = np.array(limits_S, dtype=np.int64)
        self._origin = self._state = model.start(len(sources), sources)
        self._source_B = np.arange(len(sources))
        self._log_p_B: FloatArray = np.zeros(len(sources))
        self._ids_BT = np.zeros((len(sources), 0), dtype=np.int32)
        self._ended = [_Ended(how.best) for _ in sources]

    @property
    def going(self) -> bool:
        """Whether any hypothesis goes on."""
        return len(self._source_B) > 0

    def found(self) -> list[list[Hypothesis]]:
        """Return the best hypotheses of each source."""
        return [ended.best() for ended in self._ended]

    def step(self) -> None:
        """Go on by a symbol."""
        at_limit_B = self._limits_S[self._source_B] == self._ids_BT.shape[1]
        log_p_BV = self._model.predict(self._state)
        limited_B = at_limit_B
        if at_limit_B.any():
            limited_B = at_limit_B & (log_p_BV.argmax(axis=1) != log_p_BV.shape[1] - 1)
            log_p_BV = log_p_BV.copy()
            log_p_BV[at_limit_B, :-1] = -np.inf
        row_N, symbol_N, log_p_N = self._ranked(log_p_BV)
        source_N = self._source_B[row_N]
        ends_N = symbol_N == self._model.vocabulary_size - 1
        self._end(row_N, log_p_N, ends_N & (_places(source_N) < self._how.beam), limited_B)
        on_N = np.flatnonzero(~ends_N)
        on_N = on_N[_places(source_N[on_N]) < self._how.beam]
        on_N = on_N[~self._done(source_N[on_N], log_p_N[on_N])[source_N[on_N]]]
        self._go_on(row_N[on_N], symbol_N[on_N], log_p_N[on_N])

    def _ranked(self, log_p_BV: FloatArray) -> tuple[NDArray[np.int64], NDArray[np.int64], FloatArray]:
        """Return row, symbol and log P of what may matter, by source and then likeliest first."""
        # of a row one more than the beam: one of them may end
        ids_BK = likeliest(log_p_BV, self._how.beam + 1)
        more_BK = np.take_along_axis(log_p_BV, ids_BK, axis=1).astype(np.float64)
        log_p_N = (self._log_p_B[:, None] + more_BK).ravel()
        row_N = np.repeat(np.arange(len(ids_BK)), ids_BK.shape[1])
        order_N = np.lexsort((-log_p_N, self._source_B[row_N]))
        order_N = order_N[np.isfinite(log_p_N[order_N])]
        return row_N[order_N], ids_BK.ravel()[order_N], log_p_N[order_N]

    def _end(
        self,
        row_N: NDArray[np.int64],
        log_p_N: FloatArray,
        ends_N: NDArray[np.bool_],
        limited_B: NDArray[np.bool_],
    ) -> None:
        rows = row_N[ends_N].tolist()
        if not rows:
            return
        sources, symbols = self._source_B[rows].tolist(), self._ids_BT.shape[1] + 1
        looked: list[FloatArray] | list[None] = [None] * len(rows)
        if self._how.needs_weights:
            looked = weights(self._model, self._sources, sources, list(self._ids_BT[rows]), self._origin)
            lengths = [len(self._sources[source]) for source in sources]
            looked = [weights_TS[:, :length] for weights_TS, length in zip(looked, lengths, strict=True)]
        for row, source, log_p, weights_TS in zip(
            rows, sources, log_p_N[ends_N].tolist(), looked, strict=True
        ):
            score = self._how.score(log_p, symbols, weights_TS)
            self._ended[source].add(Hypothesis(self._ids_BT[row], log_p, score, bool(limited_B[row])))

    def _done(self, source_N: NDArray[np.int64], log_p_N: FloatArray) -> NDArray[np.bool_]:
        """Return done_S, by what goes on: sources in order, the likeliest of each first."""
        done_S = np.array([ended.count >= self._how.beam for ended in self._ended])
        sources, firsts = np.unique(source_N, return_index=True)
        for source, log_p in zip(sources.tolist(), log_p_N[firsts].tolist(), strict=True):
            most = int(self._limits_S[source]) + 1
            reach = log_p / length_penalty(most, self._how.length_penalty)
            done_S[source] |= self._ended[source].worst >= reach
        return done_S

    def _go_on(self, row_N: NDArray[np.int64], symbol_N: NDArray[np.int64], log_p_N: FloatArray) -> None:
        read_B1 = symbol_N.astype(np.int32)[:, None]
        self._source_B, self._log_p_B = self._source_B[row_N], log_p_N
        self._ids_BT = np.concatenate([self._ids_BT[row_N], read_B1], axis=1)
        if not len(row_N):
            return
        if not np.array_equal(row_N, np.arange(states.count_rows(self._state))):
            self._state = states.select(self._state, row_N)
        self._state = self._model.advance(self._state, read_B1)


class _Ended:
    """The best hypotheses of a source that ended, and how many did."""

    def __init__(self, most: int) -> None:
        self._most, self.count = most, 0
        self._heap: list[tuple[float, int, Hypothesis]] = []

    @property
    def worst(self) -> float:
        """The score that a new one must have to matter; −∞ while there is room."""
        return self._heap[0][0] if len(self._heap) == self._most else -np.inf

    def add(self, one: Hypothesis) -> None:
        push = heapq.heappush if len(self._heap) < self._most else heapq.heappushpop
        push(self._heap, (one.score, -self.count, one))  # of equal ones the first
        self.count += 1

    def best(self) -> list[Hypothesis]:
        return [one for *_, one in sorted(self._heap, reverse=True)]


def likeliest(log_p_BV: FloatArray, most: int) -> NDArray[np.int64]:
    """Return the likeliest symbols of each row as ids_BK, likeliest first, of equal ones the lower id first.

    >>> likeliest(np.array([[0.2, 0.5, 0.2, 0.1]]), 2)
    array([[1, 0]])
    """
    most = min(most, log_p_BV.shape[1])
    if most * _ROUNDS > log_p_BV.shape[1]:
        return np.argsort(-log_p_BV, axis=1, kind="stable")[:, :most]
    left_BV, rows_B = log_p_BV.copy(), np.arange(len(log_p_BV))
    ids_BK = np.empty((len(log_p_BV), most), dtype=np.int64)
    for place in range(most):
        ids_BK[:, place] = left_BV.argmax(axis=1)
        left_BV[rows_B, ids_BK[:, place]] = -np.inf
    return ids_BK


def _places(source_N: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return how many of its own source stand before each; a source's stand side by side.

    >>> _places(np.array([0, 0, 2, 2, 2]))
    array([0, 1, 0, 1, 2])
    """
    return np.arange(len(source_N)) - np.searchsorted(source_N, source_N)
