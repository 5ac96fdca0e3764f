"""Operations on states, written once: select rows, concatenate, count rows and bytes.

A state is a tree of dataclasses, tuples, lists and dicts whose leaves are arrays (NumPy or torch)
with the row as their first axis, or None. A part of it that is an `OwnState` answers for itself
(caches of unequal length do).
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, Self, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import State

Rows = Sequence[int] | NDArray[np.int64]


class OwnState(Protocol):
    """A state, or part of one, that selects and concatenates in its own way."""

    def select_rows(self, rows: NDArray[np.int64]) -> Self: ...

    def concatenate_rows(self, others: Sequence[Self]) -> Self: ...

    def count_rows(self) -> int: ...

    @property
    def nbytes(self) -> int: ...


@runtime_checkable
class StoredState(OwnState, Protocol):
    """A part of a state that can be written down as one array, and made again from it."""

    @property
    def array(self) -> Any: ...

    def with_array(self, array: Any) -> Self: ...


def select(state: State, rows: Rows) -> State:
    """Return the state of these rows, in this order; a row may be taken more than once.

    >>> select((np.array([10, 20, 30]), None), [2, 0])
    (array([30, 10]), None)
    """
    index = np.asarray(rows, dtype=np.int64)
    return _rebuild([state], lambda arrays: arrays[0][index], lambda owns: owns[0].select_rows(index))


def concatenate(states: Sequence[State]) -> State:
    """Return one state that holds the rows of all, in order.

    >>> concatenate([{"h": np.array([1])}, {"h": np.array([2, 3])}])
    {'h': array([1, 2, 3])}
    """
    return _rebuild(list(states), _join, lambda owns: owns[0].concatenate_rows(owns[1:]))


def count_rows(state: State) -> int:
    """Return how many rows the state holds."""
    leaf = next(leaves(state), None)
    assert leaf is not None, "a state needs at least one leaf, whose first axis is the row"
    return len(leaf) if _is_array(leaf) else cast(OwnState, leaf).count_rows()


def nbytes(state: State) -> int:
    """Return the bytes that the state takes."""
    return sum(int(leaf.nbytes) for leaf in leaves(state))


def leaves(state: State) -> Iterator[Any]:
    """Yield the arrays of the state, and the parts that answer for themselves, in a fixed order."""
    parts = _children(state)
    if parts is not None:
        for part in parts:
            yield from leaves(part)
    elif state is not None:
        yield state


def to_arrays(state: State) -> list[Any] | None:
    """Return the arrays that the state is made of, in the order of `leaves`; None where a part has none.

    >>> to_arrays((np.array([1]), None))
    [array([1])]
    """
    found = list(leaves(state))
    if not all(_is_array(leaf) or isinstance(leaf, StoredState) for leaf in found):
        return None
    return [leaf if _is_array(leaf) else leaf.array for leaf in found]


def with_arrays(state: State, arrays: Sequence[Any]) -> State:
    """Return a state built as this one is, of the arrays that `to_arrays` returned of another.

    >>> with_arrays({"h": np.array([1])}, [np.array([2, 3])])
    {'h': array([2, 3])}
    """
    rest = iter(arrays)
    return _rebuild([state], lambda _: next(rest), lambda owns: owns[0].with_array(next(rest)))


def equal(one: State, other: State) -> bool:
    """Return whether all leaves hold the same numbers.

    Parts that answer for themselves cannot be compared: they are equal only where they are one object.

    >>> equal((np.array([1]), None), (np.array([1]), None))
    True
    """
    pairs = itertools.zip_longest(leaves(one), leaves(other))
    return all(a is b or (_is_array(a) and _is_array(b) and _same(a, b)) for a, b in pairs)


def _is_array(leaf: Any) -> bool:
    return hasattr(leaf, "ndim") and hasattr(leaf, "dtype")


def _children(state: State) -> list[Any] | None:
    """Return the parts of a container, None for a leaf."""
    if hasattr(state, "select_rows"):
        return None
    if dataclasses.is_dataclass(state):
        return [getattr(state, field.name) for field in dataclasses.fields(state)]
    if isinstance(state, dict):
        return list(state.values())
    if isinstance(state, tuple | list):
        return list(state)
    return None


def _rebuild(
    states: list[State],
    on_arrays: Callable[[list[Any]], Any],
    on_owns: Callable[[list[Any]], Any],
) -> State:
    """Return a tree of the same shape as the given ones, its leaves made from theirs."""
    first = states[0]
    if first is None:
        return None
    if _is_array(first):
        return on_arrays(states)
    branches = [_children(state) for state in states]
    if branches[0] is None:
        return on_owns(states)
    parts = [
        _rebuild(list(siblings), on_arrays, on_owns)
        for siblings in zip(*cast(list[list[Any]], branches), strict=True)
    ]
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        return dataclasses.replace(cast(Any, first), **dict(zip(names, parts, strict=True)))
    if isinstance(first, dict):
        return dict(zip(first, parts, strict=True))
    return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)


def _join(arrays: list[Any]) -> Any:
    if isinstance(arrays[0], np.ndarray):
        return np.concatenate(arrays)
    import torch  # a torch leaf is here, so torch is imported already

    return torch.cat(arrays)


def _same(one: Any, other: Any) -> bool:
    return one.shape == other.shape and bool((one == other).all())
