"""How laws compare: numbers and states, with messages that say where and by how much.

Axes: B rows, T positions.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import states
from anygram.protocols import Ids, LanguageModel, State


def hold(truth: bool, message: str) -> None:
    """Raise AssertionError with this message unless it is true."""
    if not truth:  # by hand: `assert` falls silent under python -O
        raise AssertionError(message)


def agree(found: NDArray[Any], wanted: NDArray[Any], tolerance: float, what: str) -> None:
    """Raise AssertionError with the worst place unless the numbers agree; NaN agrees with nothing."""
    hold(found.shape == wanted.shape, f"{what}: shape {found.shape}, not {wanted.shape}")
    if found.size == 0:
        return
    with np.errstate(invalid="ignore"):
        gap = np.abs(np.asarray(found, dtype=np.float64) - wanted)
    worst = np.unravel_index(np.nan_to_num(gap, nan=math.inf).argmax(), gap.shape)
    place = tuple(map(int, worst))
    numbers = f"{found[worst]} at {place}, not {wanted[worst]}"
    hold(bool(gap[worst] <= tolerance), f"{what}: {numbers} (off by {gap[worst]:.3g}, allowed {tolerance:g})")


def alike(model: LanguageModel, one: State, other: State, probe_BT: Ids, tolerance: float, what: str) -> None:
    """Raise AssertionError unless both states predict, and score the probe, alike."""
    agree(model.predict(one), model.predict(other), tolerance, what)
    agree(model.score(one, probe_BT)[0], model.score(other, probe_BT)[0], tolerance, what)


def arrays(state: State) -> list[Any]:
    """Return the leaves that are arrays: parts that answer for themselves are judged by what they predict."""
    return [leaf for leaf in states.leaves(state) if hasattr(leaf, "dtype")]


def differ(model: LanguageModel, one: State, other: State, probe_BT: Ids) -> bool:
    """Return whether anything tells the states apart: their arrays, or what they say of the probe."""
    return (
        not states.equal(arrays(one), arrays(other))
        or not np.array_equal(model.predict(one), model.predict(other))
        or not np.array_equal(model.score(one, probe_BT)[0], model.score(other, probe_BT)[0])
    )
