"""Information: closed forms, the edges, and intervals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from anygram import information
from anygram.information import (
    bits,
    bits_per_unit,
    interval,
    log_softmax,
    paired_bootstrap,
    perplexity,
)


def test_a_uniform_choice_among_v_costs_log2_v_bits() -> None:
    for size in (1, 2, 10, 256):
        assert bits(math.log(size)) == pytest.approx(math.log2(size))


def test_bits_per_unit_divides_by_units() -> None:
    assert bits_per_unit(24 * math.log(2), 3) == pytest.approx(8.0)
    assert math.isnan(bits_per_unit(1.0, 0))


def test_perplexity_of_a_uniform_choice_is_its_size() -> None:
    assert perplexity(50 * math.log(7), 50) == pytest.approx(7)
    assert math.isnan(perplexity(0.0, 0))
    assert perplexity(1e6, 1) == math.inf


def test_log_softmax_is_the_logarithm_of_shares() -> None:
    found = log_softmax(np.log(np.array([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]])))
    assert np.exp(found) == pytest.approx(np.array([[1, 2, 5], [8 / 3, 8 / 3, 8 / 3]]) / 8)


@given(logits_BV=arrays(np.float64, (2, 4), elements=st.floats(-1e300, 1e300)), shift=st.floats(-1e3, 1e3))
def test_log_softmax_never_overflows(
    logits_BV: np.ndarray[tuple[int, int], np.dtype[np.float64]], shift: float
) -> None:
    log_p_BV = log_softmax(logits_BV)
    assert not np.isnan(log_p_BV).any()
    assert np.exp(log_p_BV).sum(axis=1) == pytest.approx(np.ones(2))
    small_BV = logits_BV / 1e300
    assert log_softmax(small_BV + shift) == pytest.approx(log_softmax(small_BV), abs=1e-9)


def test_bootstrap_of_equal_documents_has_no_width() -> None:
    figures = paired_bootstrap(np.full(40, 3 * math.log(2)), np.full(40, 2.0), resamples=20)
    assert interval(figures) == pytest.approx((1.5, 1.5))


def test_bootstrap_is_paired_and_repeatable() -> None:
    generator = np.random.default_rng(1)
    nats_D, units_D = generator.gamma(2.0, size=50), generator.integers(1, 9, 50).astype(float)
    one = paired_bootstrap(nats_D, units_D, resamples=30, seed=4)
    assert np.array_equal(one, paired_bootstrap(nats_D, units_D, resamples=30, seed=4))
    assert not np.array_equal(one, paired_bootstrap(nats_D, units_D, resamples=30, seed=5))
    # the same documents are drawn for both models: twice the nats is twice the figure, resample by resample
    assert paired_bootstrap(2 * nats_D, units_D, resamples=30, seed=4) == pytest.approx(2 * one)


def test_bootstrap_draws_the_same_however_many_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slow clear twin: one resample after another."""
    generator = np.random.default_rng(1)
    nats_D, units_D = generator.gamma(2.0, size=33), generator.integers(0, 9, 33).astype(float)
    drawn = np.random.default_rng(5)
    twin = []
    for _ in range(40):
        places_D = drawn.integers(0, 33, 33)
        twin.append(nats_D[places_D].sum() / math.log(2) / units_D[places_D].sum())
    for at_once in (1, 100, 1 << 20):
        monkeypatch.setattr(information, "DRAWN_AT_ONCE", at_once)
        assert paired_bootstrap(nats_D, units_D, resamples=40, seed=5) == pytest.approx(np.array(twin))
    assert np.isnan(paired_bootstrap(nats_D, np.zeros(33), resamples=2)).all()


def test_bootstrap_interval_is_as_wide_as_the_normal_theory_says() -> None:
    nats_D = np.random.default_rng(0).normal(10.0, 1.0, 400) * math.log(2)
    low, high = interval(paired_bootstrap(nats_D, np.ones(400), resamples=2000))
    deviation = nats_D.std() / math.log(2) / math.sqrt(400)
    assert low < nats_D.mean() / math.log(2) < high
    assert high - low == pytest.approx(2 * 1.96 * deviation, rel=0.1)


def test_interval_is_the_central_part() -> None:
    assert interval(np.arange(101.0), confidence=0.9) == pytest.approx((5.0, 95.0))
