"""Ways to fill the gaps of several rows, read from left to right side by side.

A hypothesis reads what its row holds; in a gap it becomes one for each symbol that may come next. Each is
weighed by the probability of all that it has read. Of more than so many of a row some are kept, as
`resampling` says; up to that the posterior is exact.

Axes: H hypotheses, of several rows at once; V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anygram import lanes, states
from anygram.protocols import FloatArray, LanguageModel, State
from anygram.tasks.imputation.choices import Cell, Choices
from anygram.tasks.imputation.resampling import resampled

Pieces = list[list[int]]
"""The symbols of each cell's head, or tail, in the codec's order of columns."""
_WAITS = -1


@dataclass(frozen=True)
class Gaps:
    """A row, and the columns whose cells are taken as missing, in their order.

    `tails` are read too where they are given. `draw` numbers the row, so that what is drawn is its own. With
    `one` a single way is drawn, as soon as nothing that is known comes any more.
    """

    heads: Pieces
    columns: list[int]
    tails: Pieces | None = None
    draw: int = 0
    one: bool = False

    @cached_property
    def last_known(self) -> tuple[bool, int]:
        """Whether the last known symbols are those of a tail, and of which column; (False, −1) for none."""
        known = [
            (tail, column)
            for tail, pieces in ((False, self.heads), (True, self.tails or []))
            for column, piece in enumerate(pieces)
            if piece and column not in self.columns
        ]
        return max(known, default=(False, -1))


class Hypotheses:
    """Ways to fill the gaps so far: `row_H`, the logs of weights and probabilities, and the cells filled."""

    def __init__(
        self, model: LanguageModel, choices: Choices, rows: Sequence[Gaps], most: int, seed: int
    ) -> None:
        self._model, self._choices, self._rows, self._most = model, choices, rows, most
        self._generators = [np.random.default_rng([seed, row.draw]) for row in rows]
        self.row_H: NDArray[np.int64] = np.arange(len(rows))
        self.log_weight_H: FloatArray = np.zeros(len(rows))
        self.log_p_H: FloatArray = np.zeros(len(rows))
        self.cells: list[dict[int, Cell]] = [{} for _ in rows]
        self._state: State = model.start(len(rows))
        self._at = False, 0

    def run(self) -> None:
        """Read all heads, and then the tails where these are given."""
        self._walk([row.heads for row in self._rows], tail=False)
        tails = [row.tails for row in self._rows if row.tails is not None]
        if tails:
            assert len(tails) == len(self._rows), "rows with tails are not read beside rows without"
            self._walk(tails, tail=True)

    def _walk(self, known: Sequence[Pieces], *, tail: bool) -> None:
        before = 0
        for column in sorted({column for row in self._rows for column in row.columns}):
            # rows without a gap here wait until the next known cells are read together
            self._read(known, before, column)
            self._fill(column, tail=tail)
            before = column
        self._read(known, before, len(self._rows[0].heads))

    def _read(self, known: Sequence[Pieces], first: int, last: int) -> None:
        """Read the known cells from column `first` to below `last`, and weigh each hypothesis."""
        pieces = [
            [
                symbol
                for column in range(first, last)
                if column not in self._rows[row].columns
                for symbol in known[row][column]
            ]
            for row in self.row_H.tolist()
        ]
        going = [place for place, piece in enumerate(pieces) if piece]
        if not going:
            return
        ids_HT, lengths_H = lanes.padded([np.array(pieces[place], dtype=np.int32) for place in going])

        def scored(state: State) -> State:
            log_p_HT, after = self._model.score(state, ids_HT, lengths_H)
            log_p_H = log_p_HT.sum(axis=1, dtype=np.float64)
            self.log_weight_H[going] += log_p_H
            self.log_p_H[going] += log_p_H
            return after

        self._go_on(going, scored)

    def _fill(self, column: int, *, tail: bool) -> None:
        """Fill the gaps of a column, symbol by symbol, until all are whole."""
        for place, row in enumerate(self.row_H.tolist()):
            if column in self._rows[row].columns and not tail:
                self.cells[place] = {**self.cells[place], column: Cell()}
        after = self._choices.tail if tail else self._choices.head
        while True:
            options = {
                place: found
                for place, cells in enumerate(self.cells)
                if column in cells and len(found := after(column, cells[column]))
            }
            if not options:
                return
            self._branch(column, options, tail=tail)

    def _branch(self, column: int, options: dict[int, Sequence[int]], *, tail: bool) -> None:
        """Let each of these hypotheses become one for each symbol that may come next."""
        going = list(options)
        self._at = tail, column
        log_p_HV = self._model.predict(states.select(self._state, going))
        waiting = sorted(set(range(len(self.cells))) - options.keys())
        counts = [len(options[place]) for place in going]
        symbol_H = np.concatenate([np.array(options[place], dtype=np.int32) for place in going])
        ahead_H = log_p_HV[np.repeat(np.arange(len(going)), counts), symbol_H].astype(np.float64)
        parent_H = np.append(waiting, np.repeat(going, counts)).astype(np.int64)
        symbol_H = np.append(np.full(len(waiting), _WAITS, dtype=np.int32), symbol_H)
        ahead_H = np.append(np.zeros(len(waiting)), ahead_H)
        kept_H, log_weight_H = self._kept(self.row_H[parent_H], self.log_weight_H[parent_H] + ahead_H)
        parent_H, symbol_H = parent_H[kept_H], symbol_H[kept_H]
        self.row_H, self.log_weight_H = self.row_H[parent_H], log_weight_H
        self.log_p_H = self.log_p_H[parent_H] + ahead_H[kept_H]
        self._state = states.select(self._state, parent_H)
        before = self.cells
        self.cells = [
            before[parent]
            if symbol == _WAITS
            else {
                **before[parent],
                column: self._choices.pushed(column, before[parent][column], symbol, tail=tail),
            }
            for parent, symbol in zip(parent_H.tolist(), symbol_H.tolist(), strict=True)
        ]
        read = np.flatnonzero(symbol_H != _WAITS)
        self._go_on(read.tolist(), lambda state: self._model.advance(state, symbol_H[read][:, None]))

    def _kept(
        self, row_H: NDArray[np.int64], log_weight_H: FloatArray
    ) -> tuple[NDArray[np.int64], FloatArray]:
        """Return the hypotheses that stay, row by row, and the logs of their weights."""
        order_H = np.argsort(row_H, kind="stable")
        kept: list[NDArray[np.int64]] = []
        weights: list[FloatArray] = []
        for own_H in np.split(order_H, np.flatnonzero(np.diff(row_H[order_H])) + 1):
            row = int(row_H[own_H[0]])
            most = 1 if self._rows[row].one and self._at > self._rows[row].last_known else self._most
            share = self._generators[row].random() if len(own_H) > most else 0.0
            places, log_weight = resampled(log_weight_H[own_H], most, share)
            kept.append(own_H[places])
            weights.append(log_weight)
        return np.concatenate(kept), np.concatenate(weights)

    def _go_on(self, going: Sequence[int], step: Callable[[State], State]) -> None:
        """Let some hypotheses go on by a step while the others wait."""
        count = len(self.cells)
        if len(going) == count:
            self._state = step(self._state)
            return
        waiting = sorted(set(range(count)) - set(going))
        after = step(states.select(self._state, list(going)))
        both = states.concatenate([states.select(self._state, waiting), after])
        self._state = states.select(both, np.argsort([*waiting, *going]))
