"""Logarithms of our own: right to two units of the last place, of any shape."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anygram import logarithms
from tests import another_machine

DIGEST = """
import hashlib, numpy as np
from anygram import logarithms
numbers = np.arange(1, 100_000) * 1.37
digest = hashlib.blake2b(logarithms.log(numbers).tobytes()).hexdigest()
"""


@given(st.floats(min_value=5e-324, max_value=1e300))
def test_the_logarithm_is_right(number: float) -> None:
    found, expected = float(logarithms.log(np.array(number))), math.log(number)
    assert abs(found - expected) <= 2 * max(math.ulp(expected), math.ulp(1.0) * abs(number - 1.0) / 4)


def test_near_one_and_at_powers_of_two() -> None:
    near = 1.0 + np.arange(-1000, 1000) * 2.0**-52
    np.testing.assert_allclose(logarithms.log(near), [math.log(x) for x in near], rtol=5e-16, atol=0)
    powers = 2.0 ** np.arange(-1000, 1000)
    np.testing.assert_allclose(logarithms.log(powers), np.arange(-1000, 1000) * math.log(2), rtol=5e-16)


def test_shapes_stay() -> None:
    assert logarithms.log(np.ones((2, 3), order="F")).shape == (2, 3)
    assert logarithms.log(np.empty((0, 4))).shape == (0, 4)


def test_another_machine_gives_the_same_bits(tmp_path: Path) -> None:
    """NumPy's own differ there in one of some hundred numbers."""
    here: dict[str, str] = {}
    exec(DIGEST, here)
    assert another_machine.run(DIGEST + "print(digest)", folder=tmp_path).strip() == here["digest"]
