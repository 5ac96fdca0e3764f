"""What the missing cells of a row may hold together, given its other cells: Bayes' rule, by a model of rows.

P(values | other cells) ∝ P(row with the values). The row's heads, the categories, bins of numbers and dates
of its cells, are read from left to right by as many hypotheses as there are ways to fill what was missing so
far. Digits and bytes, which come behind all heads, are summed out by stopping there; where a text is missing
they are read too. Up to `BEAM` hypotheses of a row, `TAILED` where tails are read, the posterior is exact, as
where one category or number of at most so many candidates is missing; of more a fair sample of them is kept.

Axes: H hypotheses; M missing cells of a row, K candidates of a column.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import information
from anygram.codecs._columns import SPELLED
from anygram.codecs.table import TableCodec
from anygram.protocols import FloatArray, LanguageModel
from anygram.tasks.imputation.choices import Cell, Choices
from anygram.tasks.imputation.hypotheses import Gaps as Gaps
from anygram.tasks.imputation.hypotheses import Hypotheses
from anygram.tasks.imputation.hypotheses import Pieces as Pieces

BEAM, TAILED = 256, 64
"""The most hypotheses of a row, where heads are read alone and where tails are read as well."""
_AT_ONCE = 1 << 11


@dataclass(frozen=True)
class Joint:
    """Ways to fill a row's gaps, each a number for every gap, and how probable each is.

    A way's number is that of a candidate, where a head has one symbol, else the place of the cell among those
    `found`, as written. `exact_H` is the probability of each way alone, in which the sum of all is estimated.
    """

    ways_HM: NDArray[np.int64]
    p_H: FloatArray
    exact_H: FloatArray
    found: list[list[str]]

    def marginal(self, gap: int, candidates: int) -> FloatArray:
        """Return p_K of one gap's candidates."""
        p_K = np.zeros(candidates)
        np.add.at(p_K, self.ways_HM[:, gap], self.p_H)
        return p_K

    def shares(self, gap: int) -> FloatArray:
        """Return p_K of the cells found in one gap by their own probabilities, which tell rare ones apart."""
        p_K = np.zeros(len(self.found[gap]))
        np.add.at(p_K, self.ways_HM[:, gap], self.exact_H)
        return np.minimum(p_K, 1.0)

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


def joints(model: LanguageModel, choices: Choices, rows: Sequence[Gaps], seed: int = 0) -> list[Joint]:
    """Return what may fill the gaps of each row, in their order; each has one at least."""
    found: dict[int, Joint] = {}
    for tails in (False, True):
        places = [place for place, row in enumerate(rows) if (row.tails is not None) == tails]
        for group in _groups(choices, rows, places, TAILED if tails else BEAM):
            hypotheses = Hypotheses(
                model, choices, [rows[place] for place in group], TAILED if tails else BEAM, seed
            )
            hypotheses.run()
            found |= dict(zip(group, _joints_of(hypotheses, choices, rows, group), strict=True))
    return [found[place] for place in range(len(rows))]


def _groups(choices: Choices, rows: Sequence[Gaps], places: Sequence[int], most: int) -> Iterator[list[int]]:
    """Yield the places of rows that are read side by side."""
    group: list[int] = []
    size = 0
    for place in places:
        ways = 1
        for column in rows[place].columns:
            single = len(choices.codec.candidates(column))
            ways = min(most, ways * (len(choices.firsts(column)) if single else most))
        if group and size + ways > _AT_ONCE:
            yield group
            group, size = [], 0
        group.append(place)
        size += ways
    if group:
        yield group


def _joints_of(
    hypotheses: Hypotheses, choices: Choices, rows: Sequence[Gaps], group: Sequence[int]
) -> Iterator[Joint]:
    """Yield what came of each row of a group."""
    for number, place in enumerate(group):
        own_H = np.flatnonzero(hypotheses.row_H == number)
        log_weight_H = hypotheses.log_weight_H[own_H]
        p_H = np.exp(information.log_softmax(log_weight_H))
        exact_H = np.exp(hypotheses.log_p_H[own_H] - np.logaddexp.reduce(log_weight_H))
        ways: list[list[int]] = []
        found: list[list[str]] = []
        for column in rows[place].columns:
            cells = [hypotheses.cells[hypothesis][column] for hypothesis in own_H.tolist()]
            numbers, values = _numbered(choices, column, cells)
            ways.append(numbers)
            found.append(values)
        yield Joint(np.array(ways, dtype=np.int64).T, p_H, exact_H, found)


def _numbered(choices: Choices, column: int, cells: Sequence[Cell]) -> tuple[list[int], list[str]]:
    """Return each cell's number, and what these are numbers of where they are none of candidates."""
    known = choices.firsts(column)
    if choices.codec.candidates(column) and not choices.free:
        first = choices.codec.firsts[column]
        return [known.index(first + cell.head[0]) for cell in cells], []
    values = [choices.written(column, cell) for cell in cells]
    distinct = list(dict.fromkeys(values))
    place_of = {value: place for place, value in enumerate(distinct)}
    return [place_of[value] for value in values], distinct
