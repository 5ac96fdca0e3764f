"""What the laws are tried on: the subject that stands before them, and texts to try it with.

Axes: B rows, T positions.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import Adaptive, Condition, Ids, LanguageModel, Lengths, Reader, State

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


@dataclass(frozen=True)
class Subject:
    """A model before the laws.

    `anew` makes an untrained one of the same config, from another seed where it has one: what is
    restored must come from the stored tensors. Log-probabilities may differ by `tolerance` nats
    (1e-6 for sums of counts, 1e-5 for networks); an `exact` model's not at all where rows are only
    regrouped. `reader` begins a session that learns over the model; None is the model's own.
    """

    model: LanguageModel
    anew: Callable[[], LanguageModel]
    tolerance: float = 1e-5
    exact: bool = False
    reader: Callable[[], Reader] | None = None

    def read_anew(self) -> Reader:
        """Return a new session that learns while it reads."""
        if self.reader is not None:
            return self.reader()
        assert isinstance(self.model, Adaptive)
        return self.model.reader()

    @property
    def regrouped(self) -> float:
        """The tolerance where the same rows are read in other company."""
        return 0.0 if self.exact else self.tolerance


@dataclass(frozen=True)
class Case:
    """Ragged right-padded rows and what is done to them.

    `cut` is a position from 0 to T; `other_BT` is a second text of the same shape, used as another
    future, as other padding and as a rival continuation; `order_B` is a permutation of the rows.
    The boundary may stand anywhere. A model that takes conditions gets a `condition`, others None.
    """

    ids_BT: Ids
    lengths: Lengths
    cut: int
    other_BT: Ids
    order_B: NDArray[np.int64]
    condition: Condition | None

    @property
    def rows(self) -> int:
        """B."""
        return len(self.ids_BT)

    @property
    def inside(self) -> NDArray[np.bool_]:
        """Which positions are text rather than padding, B × T."""
        inside_BT: NDArray[np.bool_] = np.arange(self.ids_BT.shape[1]) < self.lengths[:, None]
        return inside_BT

    def start(self, model: LanguageModel) -> State:
        """Return the model's state before these rows, under their condition."""
        return model.start(self.rows, self.condition)

    def condition_of(self, rows: NDArray[np.int64]) -> Condition | None:
        """Return these rows' condition."""
        return None if self.condition is None else [self.condition[row] for row in rows]


def cases(vocabulary_size: int, condition_vocabulary_size: int | None = None) -> SearchStrategy[Case]:
    """Return a Hypothesis strategy of cases; a condition vocabulary gives every row a condition.

    Needs Hypothesis, which this package does not install.
    """
    from hypothesis import strategies as st

    def ids(size: int, length: int) -> SearchStrategy[Ids]:
        symbols = st.lists(st.integers(0, size - 1), min_size=length, max_size=length)
        return symbols.map(lambda drawn: np.array(drawn, dtype=np.int32))

    @st.composite
    def draw_case(draw: st.DrawFn) -> Case:
        rows, positions = draw(st.integers(1, 4)), draw(st.integers(0, 7))
        text = ids(vocabulary_size, rows * positions)
        lengths = draw(st.lists(st.integers(0, positions), min_size=rows, max_size=rows))
        condition = None
        if condition_vocabulary_size is not None:
            sources = st.integers(0, 3).flatmap(lambda length: ids(condition_vocabulary_size, length))
            condition = [draw(sources) for _ in range(rows)]
        return Case(
            ids_BT=draw(text).reshape(rows, positions),
            lengths=np.array(lengths, dtype=np.int64),
            cut=draw(st.integers(0, positions)),
            other_BT=draw(text).reshape(rows, positions),
            order_B=np.array(draw(st.permutations(range(rows))), dtype=np.int64),
            condition=condition,
        )

    return draw_case()
