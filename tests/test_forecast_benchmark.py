"""The forecasting benchmark: which windows it takes, how it reckons, and how peers' intervals become samples.

Axes: H steps, S samples, N values.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
from forecasts import etth2, parts, statistical

from anygram.data import series
from anygram.data.documents import Document
from anygram.tasks.forecasting import Forecast

HOURLY = {"id": "a", "start": "2024-01-01T00:00:00", "step": 3600, "first": 0}


def _document(values: Sequence[float]) -> Document:
    return series.document([f"{value:g}" for value in values], HOURLY, "made")


def test_windows_of_a_part_see_none_of_the_next() -> None:
    document = _document(range(etth2.TEST + 10))
    for low, high, stride in ((etth2.TRAIN, etth2.VALID, 97), (etth2.VALID, etth2.TEST, 1)):
        ((cut, ends),) = etth2._places([document], low, high, stride)
        assert ends[0] == low and cut.text.count("\n") == high
        assert 0 <= high - (ends[-1] + etth2.HOURS) < stride


def test_errors_are_in_deviations_and_of_the_mean() -> None:
    document = _document([0, 3, 0, 6, 10, 20])
    one = Forecast(
        document, 4, np.array([[8.0, 20.0], [10.0, 26.0]])
    )  # the means are 1 too low and 3 too high
    found = parts.errors_of(iter([one]), {"made": 2.0}, 2)
    assert found["mse"] == pytest.approx((1 + 9) / 2 / 4)
    assert found["mae"] == pytest.approx((1 + 3) / 2 / 2)
    assert found["mase"] == pytest.approx(2 / 1.5)  # the history's values two steps apart differ by 0 and 3
    assert found["crps"] == pytest.approx(((1 - 0.5) + (3 - 1.5)) / 2 / 2)
    assert (found["windows"], found["coverage"]) == (1, 0.0)


def test_what_repeats_is_forecast_by_the_naive_one() -> None:
    document = _document([number % 24 for number in range(24 * 9)])
    ((place, ends),) = etth2._places([document], 48, 24 * 9, 5)
    found = parts.errors_of(parts.naive([(place, ends)], 24, 96), {"made": 1.0}, 24)
    assert found["windows"] == len(ends) and found["mse"] == found["crps"] == 0


class Normal:
    """A peer that says N(level, (step + 1)²) by its intervals, as pandas series or arrays would hold them."""

    def forecast(self, y: Any, h: int, level: Sequence[float]) -> dict[str, Any]:
        steps_H = 1.0 + np.arange(h)
        said = {"mean": np.full(h, y[-1])}
        for one in level:
            apart_H = steps_H * NormalDist().inv_cdf(0.5 + one / 200)
            said |= {f"lo-{one}": y[-1] - apart_H, f"hi-{one}": y[-1] + apart_H}
        return said


def test_a_peers_intervals_become_quantiles() -> None:
    samples_SH = statistical._quantiles(Normal(), np.array([1.0, 5.0]), 3)
    assert (np.diff(samples_SH, axis=0) > 0).all()
    np.testing.assert_allclose(samples_SH.mean(axis=0), 5.0)
    expected_H = 5 + np.array([1.0, 2.0, 3.0]) * NormalDist().inv_cdf(0.9)
    np.testing.assert_allclose(np.quantile(samples_SH, 0.9, axis=0), expected_H, rtol=0.01)


def test_without_the_package_there_are_no_peers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(statistical, "PACKAGE", "no_such_package")
    assert statistical.peers() == ()
    assert "skipped; pip install no_such_package" in capsys.readouterr().err
