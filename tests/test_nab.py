"""NAB's rules as they are told in the paper, and the detector's parts beside slow twins. Axes: T rows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nab import detector, rules
from nab.detector import Read, View
from nab.rules import PROFILES, Floats, Series

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
    wanted_T = detector.levels(View(values_T), 50)
    moved_T = detector.levels(View(values_T * scale + shift), 50)
    assert (np.abs(wanted_T.astype(int) - moved_T.astype(int)) <= 1).all()
    assert (wanted_T == moved_T).mean() > 0.95
    assert len(np.unique(detector.levels(View(np.ones(9)), 5))) == 1


def read_of(values_T: Floats, day: int) -> Read:
    return Read("a", Series(len(values_T), []), values_T, day)


@pytest.mark.parametrize("has_habits", [True, False])
def test_a_series_with_a_days_habits_is_read_as_what_is_unlike_them(has_habits: bool) -> None:
    generator = np.random.default_rng(0)
    hour_T = np.arange(1000) % 24
    values_T = generator.normal(size=1000) + (10.0 * np.sin(hour_T) if has_habits else 0.0)
    found = detector.views(read_of(values_T, 24))
    assert [view.first for view in found] == ([24, 0, 0, 0, 24] if has_habits else [0, 0, 0, 0])
    if has_habits:
        mean = np.mean([values_T[500 - 24 * ago] for ago in range(1, 8)])
        assert found[0].values_T[500] == pytest.approx(values_T[500] - mean)
        assert found[4].values_T[500] == pytest.approx(np.mean(values_T[489:501] - values_T[465:477]))
    else:
        np.testing.assert_array_equal(found[0].values_T, values_T)


def test_views_do_not_look_ahead() -> None:
    values_T = 10 * np.sin(np.arange(900) * math.pi / 12) + np.random.default_rng(0).normal(size=900)
    changed_T = np.concatenate([values_T[:600], values_T[600:] * 3 + 7])
    pairs = zip(detector.views(read_of(values_T, 24)), detector.views(read_of(changed_T, 24)), strict=True)
    for one, other in pairs:
        np.testing.assert_array_equal(one.values_T[:600], other.values_T[:600])
        assert (one.values_T[600:] != other.values_T[600:]).any()
