"""States: select and concatenate over every container and kind of leaf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anygram import states


@dataclass(frozen=True)
class Leaves:
    """One of each: arrays of both kinds, nothing, and nested containers."""

    hidden_BD: torch.Tensor
    layers: tuple[dict[str, NDArray[np.float64]], ...]
    nothing: None = None


class Pair(NamedTuple):
    h: NDArray[np.int64]
    c: NDArray[np.int64]


@dataclass(frozen=True)
class Ragged:
    """A part that answers for itself: one text a row; written down as the texts' lengths."""

    texts: tuple[str, ...]

    def select_rows(self, rows: NDArray[np.int64]) -> Ragged:
        return Ragged(tuple(self.texts[row] for row in rows))

    def concatenate_rows(self, others: Sequence[Ragged]) -> Ragged:
        return Ragged(tuple(text for part in (self, *others) for text in part.texts))

    def count_rows(self) -> int:
        return len(self.texts)

    @property
    def nbytes(self) -> int:
        return sum(map(len, self.texts))

    @property
    def array(self) -> NDArray[np.int64]:
        return np.array([len(text) for text in self.texts])

    def with_array(self, array: NDArray[np.int64]) -> Ragged:
        return Ragged(tuple("x" * length for length in array))


def tree(rows: Sequence[int]) -> Any:
    """Return a state whose leaves all say which row they are of."""
    row_B = np.array(rows, dtype=np.int64)
    layers = ({"a": np.stack([row_B, -row_B], axis=1) / 2}, {"b": row_B / 4})
    return [
        Leaves(torch.from_numpy(row_B)[:, None] * torch.ones(1, 3), layers),
        Pair(row_B, row_B + 1),
        Ragged(tuple("x" * row for row in rows)),
    ]


def same(one: Any, other: Any) -> bool:
    """Return whether two trees are equal, texts included."""
    return states.equal(one[:2], other[:2]) and bool(one[2] == other[2])


ROWS = st.lists(st.integers(0, 9), min_size=1, max_size=6)


@given(rows=ROWS, data=st.data())
def test_select_takes_rows_in_any_order_and_more_than_once(rows: list[int], data: st.DataObject) -> None:
    picked = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    chosen = states.select(tree(rows), picked)
    assert same(chosen, tree([rows[row] for row in picked]))
    assert states.count_rows(chosen) == len(picked)


@given(parts=st.lists(ROWS, min_size=1, max_size=4))
def test_concatenate_holds_the_rows_of_all_in_order(parts: list[list[int]]) -> None:
    together = states.concatenate([tree(rows) for rows in parts])
    assert same(together, tree([row for rows in parts for row in rows]))


def test_containers_keep_their_kinds() -> None:
    chosen = states.select(tree([1, 2]), [0])
    leaves, pair, ragged = chosen
    assert (type(chosen), type(leaves), type(pair), type(ragged)) == (list, Leaves, Pair, Ragged)
    assert type(leaves.layers) is tuple and list(leaves.layers[0]) == ["a"] and leaves.nothing is None


def test_select_copies() -> None:
    state = np.array([1, 2])
    states.select(state, [0, 1])[0] = 5
    assert state.tolist() == [1, 2]


def test_bytes_are_the_sum_of_the_leaves() -> None:
    # 2 rows: 3 float32, 2 and 1 float64, 2 int64, and texts of 1 and 2 letters
    assert states.nbytes(tree([1, 2])) == 2 * (12 + 16 + 8 + 16) + 3


def test_rows_are_counted_by_the_first_leaf_whatever_its_kind() -> None:
    assert states.count_rows((None, torch.zeros(3, 1))) == 3
    assert states.count_rows(Ragged(("a", "b"))) == 2


def test_states_of_other_shapes_do_not_concatenate() -> None:
    with pytest.raises(ValueError):
        states.concatenate([(np.zeros(1),), (np.zeros(1), np.zeros(1))])


def test_equal_looks_at_every_leaf() -> None:
    assert states.equal((np.zeros(2), None), (np.zeros(2), None))
    assert not states.equal(np.zeros(2), np.zeros(3))
    assert not states.equal((np.zeros(2), np.zeros(1)), (np.zeros(2),))
    assert not states.equal((np.zeros(2), torch.zeros(1)), (np.zeros(2), torch.ones(1)))
    part = Ragged(("a",))
    assert states.equal(part, part) and not states.equal(part, Ragged(("a",)))


@given(ROWS)
def test_a_state_is_made_again_from_its_arrays(rows: list[int]) -> None:
    state = tree(rows)
    arrays = states.to_arrays(state)
    assert arrays is not None and same(states.with_arrays(tree([0] * len(rows)), arrays), state)


def test_a_state_that_cannot_be_written_down_has_no_arrays() -> None:
    class Opaque:
        def select_rows(self, rows: NDArray[np.int64]) -> Opaque:
            return self

    assert states.to_arrays((np.zeros(1), Opaque())) is None
