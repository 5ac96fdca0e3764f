"""What the missing cells of a row may hold together, given its other cells: Bayes' rule, by a model of rows.

P(values | other cells) ∝ P(row with the values). The row's heads, the categories, bins of numbers and dates
of its cells, are read from left to right by as many hypotheses as there are ways to fill what was missing so
far, each weighed by the probability of all that it has read. Digits and bytes, which come behind all heads,
are summed out by stopping there. Of more than `BEAM` hypotheses of a row the likeliest so far are kept; up to
that, as where one cell of at most so many candidates is missing, the posterior is exact.

Axes: H hypotheses, of several rows at once; M missing cells of a row, K candidates of a column, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import information, lanes, states
from anygram.codecs._columns import SPELLED
from anygram.codecs.table import TableCodec
from anygram.protocols import FloatArray, Ids, LanguageModel, State

BEAM = 256
"""The most hypotheses of a row."""
_AT_ONCE = 1 << 11

Heads = list[list[int]]
"""A row as the symbols of each cell's head, in the codec's order of columns."""


@dataclass(frozen=True)
class Gaps:
    """A row, and the columns whose cells are taken as missing, in their order."""

    heads: Heads
    columns: list[int]


@dataclass(frozen=True)
class Joint:
    """Ways to fill a row's gaps, each a candidate's number for every gap, and how probable each is."""

    ways_HM: NDArray[np.int64]
    p_H: FloatArray

    def marginal(self, gap: int, candidates: int) -> FloatArray:
        """Return p_K of one gap's candidates."""
        p_K = np.zeros(candidates)
        np.add.at(p_K, self.ways_HM[:, gap], self.p_H)
        return p_K

    def draw(self, share: float) -> NDArray[np.int64]:
        """Return the way at this share, from 0 to below 1, of the probability."""
        cumulative_H = np.cumsum(self.p_H)
        drawn: NDArray[np.int64] = self.ways_HM[
            int(np.searchsorted(cumulative_H, share * cumulative_H[-1], side="right"))
        ]
        return drawn


def candidates(codec: TableCodec, column: int, strange: bool) -> list[int]:
    """Return the symbols that may fill a cell; with `strange` the last is any value that was not foreseen."""
    known = [*codec.candidates(column)]
    return [*known, codec.firsts[column] + SPELLED] if strange else known


def joints(
    model: LanguageModel, codec: TableCodec, rows: Sequence[Gaps], *, strange: bool = False
) -> Iterator[Joint]:
    """Yield what may fill the gaps of each row, in their order; each has one at least."""
    group: list[Gaps] = []
    size = 0
    for row in rows:
        ways = 1
        for column in row.columns:
            ways = min(BEAM, ways * len(candidates(codec, column, strange)))
        if group and size + ways > _AT_ONCE:
            yield from _Hypotheses(model, codec, group, strange).run()
            group, size = [], 0
        group.append(row)
        size += ways
    if group:
        yield from _Hypotheses(model, codec, group, strange).run()


class _Hypotheses:
    """Ways to fill the gaps of several rows so far, their states and weights."""

    def __init__(self, model: LanguageModel, codec: TableCodec, rows: Sequence[Gaps], strange: bool) -> None:
        self._model, self._rows = model, rows
        gaps = sorted({column for row in rows for column in row.columns})
        self._gaps = {column: np.array(candidates(codec, column, strange), dtype=np.int64) for column in gaps}
        self._row_H = np.arange(len(rows))
        self._log_p_H = np.zeros(len(rows))
        self._ways: list[NDArray[np.int64]] = []
        self._state: State = model.start(len(rows))

    def run(self) -> Iterator[Joint]:
        """Read the rows' heads and yield the joint posterior of each row."""
        columns = len(self._rows[0].heads)
        before = 0
        for column in self._gaps:
            self._read(range(before, column), None)
            self._read(range(column, column + 1), self._branch(column))
            before = column + 1
        self._read(range(before, columns), None)
        ways_HM = np.stack(self._ways, axis=1)
        for row, gaps in enumerate(self._rows):
            own_H = self._row_H == row
            own_M = [place for place, column in enumerate(self._gaps) if column in gaps.columns]
            p_H = np.exp(information.log_softmax(self._log_p_H[own_H]))
            yield Joint(ways_HM[own_H][:, own_M], p_H)

    def _branch(self, column: int) -> Ids:
        """Let hypotheses of rows with a gap here become one a candidate; return what each reads, or −1."""
        symbols_K = self._gaps[column]
        open_R = np.array([column in row.columns for row in self._rows])
        log_p_HV = self._model.predict(self._state)
        count_H = np.where(open_R[self._row_H], len(symbols_K), 1)
        parent_H = np.repeat(np.arange(len(count_H)), count_H)
        starts_H = np.repeat(np.cumsum(count_H) - count_H, count_H)
        choice_H = np.arange(len(parent_H)) - starts_H
        is_open_H = open_R[self._row_H][parent_H]
        ahead_H = self._log_p_H[parent_H] + np.where(is_open_H, log_p_HV[parent_H, symbols_K[choice_H]], 0.0)
        kept_H = self._best(self._row_H[parent_H], ahead_H)
        parent_H, choice_H, is_open_H = parent_H[kept_H], choice_H[kept_H], is_open_H[kept_H]
        self._state = states.select(self._state, parent_H.tolist())
        self._row_H, self._log_p_H = self._row_H[parent_H], self._log_p_H[parent_H]
        self._ways = [*(way_H[parent_H] for way_H in self._ways), choice_H]
        return np.where(is_open_H, symbols_K[choice_H], -1).astype(np.int32)

    def _best(self, row_H: NDArray[np.int64], ahead_H: FloatArray) -> NDArray[np.int64]:
        """Return the likeliest hypotheses of each row, in their order."""
        order_H = np.lexsort((-ahead_H, row_H))
        firsts_H = np.searchsorted(row_H[order_H], row_H[order_H], side="left")
        rank_H = np.arange(len(order_H)) - firsts_H
        kept_H: NDArray[np.int64] = np.sort(order_H[rank_H < BEAM])
        return kept_H

    def _read(self, columns: range, chosen_H: Ids | None) -> None:
        """Go on by the heads of these columns, or what was chosen for them, and weigh each hypothesis."""
        read = []
        for place, row in enumerate(self._row_H.tolist()):
            if chosen_H is not None and chosen_H[place] >= 0:
                read.append(chosen_H[place : place + 1])
            else:
                heads = self._rows[row].heads[columns.start : columns.stop]
                read.append(np.array([symbol for head in heads for symbol in head], dtype=np.int32))
        if len(columns):
            log_p_HT, self._state = self._model.score(self._state, *lanes.padded(read))
            self._log_p_H = self._log_p_H + log_p_HT.sum(axis=1)
