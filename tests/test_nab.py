"""NAB's rules as they are told in the paper, and the detector's parts beside slow twins. Axes: T rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nab import detector, rules
from nab.rules import PROFILES, Series

SERIES = Series(1000, [(400, 499), (700, 719)])


def detections(*rows: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    score_T = np.zeros(SERIES.rows)
    score_T[list(rows)] = 1.0
    return score_T


def summed(profile: str, *rows: int) -> float:
    return float(rules.at_threshold([SERIES], [detections(*rows)], PROFILES[profile], 0.5).sum_F[0])


@pytest.mark.parametrize("profile", PROFILES)
def test_who_detects_nothing_has_0_and_who_detects_all_at_once_about_100(profile: str) -> None:
    nothing = rules.at_threshold([SERIES], [detections()], PROFILES[profile], 0.5)
    assert nothing.score == 0.0
    # +1: the left edge of a window lies a row beyond its width, where σ is a little more than at −1
    at_once = rules.at_threshold([SERIES], [detections(400, 700)], PROFILES[profile], 0.5)
    assert at_once.score == pytest.approx(100.0, abs=1e-9)


def test_costs_are_those_of_the_paper() -> None:
    sigma_at_left = 2 / (1 + math.exp(-5)) - 1
    half = (2 / (1 + math.exp(-2.5)) - 1) / sigma_at_left
    assert summed("standard", 450, 700) == pytest.approx(half + 1)
    # in a window the earliest counts alone; a missed one costs its weight
    assert summed("standard", 450, 460, 499) == pytest.approx(half - 1)
    assert summed("low FN", 450) == pytest.approx(half - 2)
    # before the first window all is lost, a width after it σ(1) of it, and 15 % of the rows are free
    assert summed("standard", 149) == pytest.approx(-2.0)
    assert summed("standard", 150) == pytest.approx(-2.0 - 0.11)
    assert summed("low FP", 150) == pytest.approx(-2.0 - 0.22)
    assert summed("standard", 499 + 99) == pytest.approx(-2.0 - 0.11 * sigma_at_left)
    assert summed("standard", 999) == pytest.approx(-2.0 - 0.11)
    assert Series(20_000, []).probation == 750


@given(st.integers(0, 2**32 - 1), st.sampled_from(list(PROFILES)))
def test_the_best_threshold_is_no_worse_than_any_other(seed: int, profile: str) -> None:
    generator = np.random.default_rng(seed)
    series = [Series(60, [(20, 29), (40, 44)]), Series(40, [(30, 35)])]
    scores = [generator.integers(0, 6, one.rows).astype(np.float64) for one in series]
    found = rules.best(series, scores, PROFILES[profile])
    others = [rules.at_threshold(series, scores, PROFILES[profile], threshold) for threshold in range(8)]
    assert found.score == pytest.approx(max(one.score for one in others))


def test_the_likelihood_looks_back_and_only_rises_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detector, "BEFORE", 5)
    monkeypatch.setattr(detector, "APART", 3)
    surprisal_T = np.random.default_rng(0).standard_gamma(2.0, 30)
    found_T, told_T = detector.likelihood(surprisal_T), detector.rises(surprisal_T)
    for t in range(1, 30):
        before = surprisal_T[max(0, t - 5) : t]
        spread = math.sqrt(max(float(before.var()), 1e-4))
        assert found_T[t] == pytest.approx((surprisal_T[t] - before.mean()) / spread)
        rises = surprisal_T[t] > surprisal_T[max(0, t - 3) : t].max()
        assert told_T[t] == (surprisal_T[t] if rises else -9.0)
    changed_T = np.concatenate([surprisal_T[:20], surprisal_T[20:] + 7.0])
    np.testing.assert_array_equal(detector.likelihood(changed_T)[:20], found_T[:20])


@given(st.floats(-1e6, 1e6), st.floats(0.1, 1e3))
def test_levels_do_not_depend_on_units(shift: float, scale: float) -> None:
    values_T = np.random.default_rng(1).normal(size=200).cumsum()
    wanted_T = detector.levels(values_T, 50)
    moved_T = detector.levels(values_T * scale + shift, 50)
    assert (np.abs(wanted_T.astype(int) - moved_T.astype(int)) <= 1).all()
    assert (wanted_T == moved_T).mean() > 0.95
    assert len(np.unique(detector.levels(np.ones(9), 5))) == 1
