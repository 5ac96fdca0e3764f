"""How many steps apart the differences of a series are taken where nothing is set."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from hypothesis import given

from anygram.codecs import series as codecs
from anygram.codecs.series import Config
from tests.made_series import HOURLY, LINES, fitted


def _chosen(values: Any, side: Any = None, **settings: Any) -> int:
    """Return the difference that is found for a series."""
    text = "".join(f"{value:.6g}\n" for value in values)
    codec = fitted(text, {**HOURLY, "start": "2000-01-01", **(side or {})}, Config(**settings))
    difference: int = codec.to_json()["difference"]
    return difference


def _months_of_growth(years: int = 9) -> np.ndarray[Any, Any]:
    """Return months that grow and have a season, as passengers do."""
    months = np.arange(12 * years)
    season = np.sin(2 * np.pi * np.arange(12) / 12) + np.cos(6 * np.pi * np.arange(12) / 12)
    noise = np.random.default_rng(0).normal(size=len(months))
    return np.asarray(100 + months + 20 * season[months % 12] + 2 * noise)


def test_a_difference_is_found_that_suits_the_series() -> None:
    generator = np.random.default_rng(0)
    noise = generator.normal(size=600) + 10
    assert _chosen(_months_of_growth(), {"step": "MS"}) == 12
    assert _chosen(np.cumsum(noise - 10), {"step": "MS"}) == 1
    assert _chosen(noise, {"step": "MS"}) == 0
    assert _chosen(np.arange(140) % 7, {"step": None}) == 0  # one value tells the next
    day = 3 * np.sin(2 * np.pi * np.arange(600) / 24) + 0.1 * noise
    assert _chosen(day) == 24
    week = generator.normal(size=168)[np.arange(1200) % 168]
    assert _chosen(week + 0.05 * generator.normal(size=1200)) == 168


def test_of_seasons_that_are_as_good_the_shortest_is_found() -> None:
    for seed in range(6):
        noise = np.random.default_rng(seed).normal(size=900)
        assert _chosen(50 + 9 * np.sin(np.pi * np.arange(900) / 12) + noise) == 24


def test_what_is_known_ahead_needs_no_difference() -> None:
    generator = np.random.default_rng(0)
    weekday = 10 + np.array([0, 1, 3, 4, 2, 5, 2])[np.arange(700) % 7] + generator.normal(size=700)
    assert _chosen(weekday, {"step": 86_400}) == 7
    assert _chosen(weekday, {"step": 86_400}, calendar="weekday") == 0


@given(lines=LINES)
def test_any_series_has_a_difference_found_and_is_read_back(lines: list[str]) -> None:
    text = "".join(f"{line}\n" for line in ["5", *lines] * 3)
    codec = fitted(text, HOURLY, Config(method="uniform", limit=0.1))
    again = codecs.from_json(json.loads(json.dumps(codec.to_json())))
    assert again.to_json() == codec.to_json() and codec.to_json()["difference"] in (0, 1)


def test_a_difference_of_0_can_be_asked_for_and_whole_numbers_have_none() -> None:
    assert _chosen(_months_of_growth(), {"step": "MS"}, difference=0) == 0
    assert _chosen(np.arange(200), {"step": "MS"}, method="exact") == 0
