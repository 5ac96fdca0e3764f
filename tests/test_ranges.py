"""The range coder and its frequencies against exact arithmetic."""

from __future__ import annotations

import math
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from anygram.information import log_softmax
from anygram.laws import arithmetic
from anygram.protocols import FloatArray, Ids
from anygram.tasks.compression.frequencies import MOST, SCALE_BITS, frequencies
from anygram.tasks.compression.ranges import Decoder, Encoder

STEPS = 1 << 24


def exact_frequency(log_p: float) -> int:
    """Return 1 + 2^30 · exp of the logarithm rounded to 2^-24, in decimals."""
    with localcontext() as context:
        context.prec = 50
        rounded = Decimal(math.floor(-log_p * STEPS + 0.5)) / STEPS
        return 1 + int((-rounded).exp() * 2**SCALE_BITS)


@given(st.floats(min_value=-40.0, max_value=0.0))
def test_frequencies_are_probabilities(log_p: float) -> None:
    found = int(frequencies(np.array([log_p]))[0])
    # a bit is rounded to 2^-24 too, and three factors of 31 bits are cut
    assert abs(found - exact_frequency(log_p)) <= 2 + found * 2.0**-24


@pytest.mark.parametrize(
    ("log_p", "frequency"),
    [(0.0, 2**30 + 1), (1e-9, 2**30 + 1), (-math.inf, 1), (math.nan, 1), (-1e300, 1), (-21.0, 1)],
)
def test_frequencies_of_extremes(log_p: float, frequency: int) -> None:
    assert frequencies(np.array([log_p])).tolist() == [frequency]


def test_single_precision_is_taken_as_it_is() -> None:
    log_p_V = np.log(np.random.default_rng(0).random(100)).astype(np.float32)
    assert (frequencies(log_p_V) == frequencies(log_p_V.astype(np.float64))).all()


def test_a_last_bit_hardly_ever_shows() -> None:
    log_p_V = np.log(np.random.default_rng(0).random(10_000))
    assert (frequencies(log_p_V) == frequencies(np.nextafter(log_p_V, -np.inf))).all()


@st.composite
def coded(draw: st.DrawFn) -> tuple[FloatArray, Ids]:
    """Return log_p_NV, from flat to all but certain, and ids_N that follow it or do not."""
    vocabulary_size, symbols = draw(st.integers(1, 40)), draw(st.integers(0, 200))
    generator = np.random.default_rng(draw(st.integers(0, 2**32)))
    sharpness = draw(st.sampled_from([0.0, 1.0, 10.0, 100.0]))
    log_p_NV = log_softmax(generator.normal(size=(symbols, vocabulary_size)) * sharpness)
    ids_N = generator.integers(0, vocabulary_size, symbols)
    if draw(st.booleans()):
        ids_N = log_p_NV.argmax(axis=1) if symbols else ids_N
    return log_p_NV, ids_N.astype(np.int32)


def encode(log_p_NV: FloatArray, ids_N: Ids, rows: int = 3) -> bytes:
    encoder = Encoder()
    for place in range(0, len(ids_N), rows):
        encoder.push(log_p_NV[place : place + rows], ids_N[place : place + rows])
    return encoder.finish()


def decode(code: bytes, log_p_NV: FloatArray, rows: int = 3) -> list[int]:
    decoder = Decoder(code)
    places = range(0, len(log_p_NV), rows)
    return [int(symbol) for place in places for symbol in decoder.pull(log_p_NV[place : place + rows])]


@given(coded())
def test_symbols_come_back(case: tuple[FloatArray, Ids]) -> None:
    log_p_NV, ids_N = case
    assert decode(encode(log_p_NV, ids_N), log_p_NV) == ids_N.tolist()


@given(coded())
def test_the_code_is_as_short_as_in_exact_fractions(case: tuple[FloatArray, Ids]) -> None:
    log_p_NV, ids_N = case
    exact = arithmetic.Encoder()
    for log_p_V, symbol in zip(log_p_NV, ids_N, strict=True):
        exact.push(int(symbol), frequencies(log_p_V).tolist())
    length = exact.finish().length
    assert 8 * len(encode(log_p_NV, ids_N)) <= length + 7 + length * 1e-4


@given(coded())
def test_the_code_lies_where_its_plain_twin_says(case: tuple[FloatArray, Ids]) -> None:
    log_p_NV, ids_N = case
    low, width, scale = plain_interval([frequencies(log_p_V).tolist() for log_p_V in log_p_NV], ids_N)
    code = encode(log_p_NV, ids_N)
    point = int.from_bytes(code, "big") << scale - 8 * len(code)
    assert low <= point < low + width
    assert not code.endswith(b"\0")


def plain_interval(frequencies_NV: list[list[int]], ids_N: Ids) -> tuple[int, int, int]:
    """Return low, width and the bits of their scale: the same intervals in whole numbers without end."""
    low, width, scale = 0, 1 << 56, 56
    for frequencies_V, symbol in zip(frequencies_NV, ids_N, strict=True):
        share = width // sum(frequencies_V)
        low += share * sum(frequencies_V[:symbol])
        width = share * frequencies_V[symbol]
        while width < 1 << 48:
            low, width, scale = low << 8, width << 8, scale + 8
    return low, width, scale


def test_carries_run_far_back() -> None:
    # always the last of two symbols, the first of which is rare: the code is all ones for long
    log_p_NV = np.tile(np.log([2.0**-20, 1 - 2.0**-20]), (4000, 1))
    for ends in ([1], [0], [1, 0], [0, 1]):
        ids_N = np.array([1] * (4000 - len(ends)) + ends, dtype=np.int32)
        assert decode(encode(log_p_NV, ids_N, rows=1), log_p_NV, rows=1) == ids_N.tolist()


def test_certainty_costs_nothing_and_surprise_no_more_than_it_must() -> None:
    certain_NV = np.tile(np.array([0.0, -60.0]), (1000, 1))
    ids_N = np.zeros(1000, dtype=np.int32)
    assert len(encode(certain_NV, ids_N)) == 0
    assert len(encode(certain_NV, ids_N + 1)) <= 1000 * (SCALE_BITS + 1) / 8


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_large_vocabulary_gives_little_away(kind: type[np.floating[Any]]) -> None:
    vocabulary_size = 200_000
    log_p_NV = np.full((20, vocabulary_size), -math.log(vocabulary_size), dtype=kind)
    ids_N: NDArray[np.int32] = np.arange(0, vocabulary_size, vocabulary_size // 20, dtype=np.int32)
    assert frequencies(log_p_NV[0]).sum() < MOST
    code = encode(log_p_NV, ids_N)
    assert 8 * len(code) <= 20 * math.log2(vocabulary_size) * 1.001 + 8
    assert decode(code, log_p_NV) == ids_N.tolist()


@given(st.binary(max_size=40), coded())
def test_any_code_decodes_to_symbols(code: bytes, case: tuple[FloatArray, Ids]) -> None:
    log_p_NV, _ = case
    assert all(0 <= symbol < log_p_NV.shape[1] for symbol in decode(code, log_p_NV))
