"""Forecasts of several runs together, and intervals that known windows calibrate.

Axes: S samples, H steps, W windows, N values.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram.codecs import series as codecs
from anygram.codecs.series import Config
from anygram.data import series
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.models import frequency
from anygram.tasks import forecast_calibration, forecast_request
from anygram.tasks.forecast_calibration import Calibration, learnt, windows_before
from anygram.tasks.forecast_request import Request
from anygram.tasks.forecasting import Forecast, Member, Setting, ahead, forecasts, pooled
from tests.asking import ask

DAILY = {"id": "a", "start": "2024-01-01", "step": 86_400, "first": 0}
Array = Any


def _document(values: Any) -> Document:
    return series.document([f"{value:.10g}" for value in values], DAILY, "made")


def _made(actual_WH: Array, samples_WSH: Array) -> list[Forecast]:
    """Return forecasts of a window each."""
    return [
        Forecast(_document([0.0, *actual_H]), 1, samples_SH)
        for actual_H, samples_SH in zip(actual_WH, samples_WSH, strict=True)
    ]


def _held(forecast: Forecast, level: float) -> Array:
    actual_H = np.array([float(line) for line in forecast.document.text.split()])[1:]
    low_H, high_H = forecast.quantiles_QH([(1 - level) / 2, (1 + level) / 2])
    return (low_H <= actual_H) & (actual_H <= high_H)


# What is learnt


@pytest.mark.parametrize("too_wide", [0.5, 1.0, 2.0])
def test_a_spread_comes_to_what_it_is(too_wide: float) -> None:
    """Of values from N(µ, σ²), samples from N(µ, (cσ)²) are moved by 1 / c; of a right forecast c is 1."""
    generator = np.random.default_rng(0)
    where_WH = generator.normal(size=(800, 4)) * 10
    sizes_H = np.array([1.0, 2.0, 3.0, 4.0])
    actual_WH = where_WH + sizes_H * generator.normal(size=(800, 4))
    drawn_WSH = generator.normal(size=(800, 200, 4)) * sizes_H * too_wide + where_WH[:, None]
    made = _made(actual_WH, drawn_WSH)
    calibration = learnt(made[:400])
    np.testing.assert_allclose(calibration.factors, 1 / too_wide, rtol=0.12)
    assert calibration.windows == 400 and calibration.values == 1600
    for level in (0.5, 0.8, 0.95):
        held = np.mean([_held(calibration.moved(one), level) for one in made[400:]])
        assert held == pytest.approx(level, abs=0.03)


def test_steps_have_factors_of_their_own() -> None:
    generator = np.random.default_rng(1)
    samples_WSH = generator.normal(size=(500, 100, 3)) * np.array([2.0, 1.0, 1.0])
    calibration = learnt(_made(generator.normal(size=(500, 3)), samples_WSH))
    np.testing.assert_allclose(calibration.factors, [0.5, 1.0], rtol=0.12)


def test_few_windows_keep_the_promise_on_average() -> None:
    """Split conformal: the place k of n exchangeable windows holds the next one by k / (n + 1)."""
    generator = np.random.default_rng(2)
    held = []
    for _ in range(1500):
        actual_WH = generator.gamma(0.7, size=(10, 1))
        *known, new = _made(actual_WH, generator.normal(size=(10, 30, 1)) ** 2)
        held.append(_held(learnt(known).moved(new), 0.8)[0])
    assert np.mean(held) == pytest.approx(0.8, abs=0.035)  # 3.4 standard errors


@given(
    samples=st.lists(st.floats(-100, 100), min_size=1, max_size=9),
    factors=st.tuples(st.floats(0.1, 10), st.floats(0.1, 10)),
)
def test_the_median_and_the_order_of_samples_stay(samples: list[float], factors: tuple[float, ...]) -> None:
    samples_SH = np.array([samples, samples, samples]).T
    one = Forecast(_document([1.0, 2.0, 3.0, 4.0]), 1, samples_SH)
    moved_SH = Calibration(factors, 1, 1).moved(one).samples_SH
    np.testing.assert_allclose(np.median(moved_SH, axis=0), np.median(samples_SH, axis=0), atol=1e-9)
    order = np.argsort(samples, kind="stable")
    assert (np.diff(moved_SH[order], axis=0) >= -1e-9).all()
    np.testing.assert_allclose(np.ptp(moved_SH[:, 2]), factors[1] * np.ptp(samples), atol=1e-9)


def test_missing_values_teach_nothing() -> None:
    generator = np.random.default_rng(3)
    made = _made(generator.normal(size=(30, 1)), generator.normal(size=(30, 50, 1)))
    gap = Forecast(series.document(["0", ""], DAILY, "gap"), 1, np.ones((50, 1)))
    assert learnt([*made, gap]).factors == learnt(made).factors
    assert learnt([*made, gap]).values == 30


def test_what_no_factor_mends_is_refused() -> None:
    ones = np.ones((9, 5, 1))
    with pytest.raises(DataError, match="mostly one number"):
        learnt(_made(np.full((9, 1), 2.0), ones))
    with pytest.raises(DataError, match="mostly one number"):
        learnt(_made(np.ones((9, 1)), ones))
    with pytest.raises(DataError, match="takes 4 known values, and there are 3"):
        learnt(_made(np.ones((3, 1)), np.random.default_rng(0).normal(size=(3, 5, 1))))
    with pytest.raises(DataError, match="no series to calibrate by"):
        learnt([])


# Which windows


@given(
    end=st.integers(2, 300), horizon=st.integers(1, 20), count=st.integers(1, 9), stride=st.integers(1, 20)
)
def test_windows_end_where_the_first_forecast_begins(end: int, horizon: int, count: int, stride: int) -> None:
    document = _document(range(end + 5))
    if end - horizon - (count - 1) * stride < 1:
        with pytest.raises(DataError, match="calibrate by fewer"):
            list(windows_before([(document, [end, end + 3])], horizon, count, stride))
        return
    ((_, ends),) = windows_before([(document, [end, end + 3])], horizon, count, stride)
    assert len(ends) == count and ends[-1] + horizon == end
    assert set(np.diff(ends)) <= {stride}


def _member(text: str, seed: int = 0, config: Config | None = None) -> Member:
    codec = codecs.fit([text], config or Config("quantile", bins=8))
    model = frequency.create(frequency.Config(order=1, k=1e-6), codec.vocabulary_size, seed)
    ids_N = np.append(codec.encode(text, DAILY).ids, np.int32(codec.boundary))
    model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model, codec


def _noise(count: int, size: float = 1.0) -> list[float]:
    return [10 + size * float(number) for number in np.random.default_rng(4).normal(size=count)]


def test_what_is_tested_teaches_nothing() -> None:
    """Other values in the tested windows leave what is learnt, and the forecast of the first, alone."""
    member = _member("".join(f"{value:g}\n" for value in _noise(100, 3)))
    values = _noise(100)
    request = Request(Setting(3, 40), backtest=4, calibrate=9)
    changed = [*values[:88], *(value + 5 for value in values[88:])]
    one, other = (forecast_request.answer([member], [_document(made)], request) for made in (values, changed))
    assert one.calibration == other.calibration and one.calibration is not None
    assert one.calibration.windows == 9
    np.testing.assert_array_equal(one.forecasts[0].samples_SH, other.forecasts[0].samples_SH)
    earlier = [*(value + 5 for value in values[:88]), *values[88:]]
    assert forecast_request.answer([member], [_document(earlier)], request).calibration != one.calibration


def test_calibration_moves_what_is_drawn_anyway() -> None:
    member, document = _member("".join(f"{value:g}\n" for value in _noise(100, 3))), _document(_noise(100))
    plain, moved = (
        forecast_request.answer([member], [document], Request(Setting(3, 40), calibrate=windows))
        for windows in (None, 9)
    )
    assert moved.calibration is not None and plain.calibration is None
    for one, other in zip(plain.forecasts, moved.forecasts, strict=True):
        np.testing.assert_array_equal(moved.calibration.moved(one).samples_SH, other.samples_SH)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ({"calibrate": 0}, "calibrate must be at least 1, got 0"),
        ({"stride": 2}, "add backtest or calibrate"),
        ({"calibrate": 3, "season": 7}, "season is for known values"),
    ],
)
def test_a_request_that_makes_no_sense_is_refused(words: dict[str, int], reason: str) -> None:
    with pytest.raises(UsageError, match=reason):
        Request(Setting(2), **words)  # type: ignore[arg-type]


# Several runs


def test_runs_draw_equal_shares_of_the_pool() -> None:
    """What one is sure of and another of something else are as likely as there are runs that say so."""
    members = [_member(f"{value}\n" * 40, config=Config("exact")) for value in (3, 5, 9)]
    documents = [_document([3] * 10)]
    (made,) = pooled(members, ahead(documents), Setting(6, 100))
    counts = [int((made.samples_SH[:, 0] == value).sum()) for value in (3, 5, 9)]
    assert counts == [34, 33, 33]
    assert (made.samples_SH == made.samples_SH[:, :1]).all()  # a sample is one run's all the way


def test_a_pool_of_one_is_its_forecast_and_members_draw_by_themselves() -> None:
    member, documents = _member("1\n2\n4\n8\n" * 10), [_document([1, 2, 4, 8] * 5)]
    model, codec = member
    (alone,) = forecasts(model, codec, ahead(documents), Setting(5, 20))
    (one,) = pooled([member], ahead(documents), Setting(5, 20))
    (two,) = pooled([member, member], ahead(documents), Setting(5, 40))
    np.testing.assert_array_equal(one.samples_SH, alone.samples_SH)
    np.testing.assert_array_equal(two.samples_SH[:20], alone.samples_SH)
    assert (two.samples_SH[20:] != alone.samples_SH).any()
    with pytest.raises(UsageError, match="at least 1 for each of 2 runs, got 1"):
        list(pooled([member, member], ahead(documents), Setting(5, 1)))


# Through the command line and from Python


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("walk") / "walk.csv"
    values_N = np.random.default_rng(5).normal(size=(2, 240)).cumsum(axis=1) + 100
    series.write(
        path,
        [
            series.document([f"{value:.3f}" for value in row], {**DAILY, "id": name})
            for name, row in zip("ab", values_N, strict=True)
        ],
    )
    return path


@pytest.fixture(scope="module")
def runs(walk: Path) -> list[Path]:
    """Return runs that were trained on the first days alone."""
    found = []
    learnt_from = walk.parent / "first.csv"
    lines = walk.read_text().splitlines()
    first = [line for line in lines[1:] if line.split(",")[1] < "2024-04-01"]
    learnt_from.write_text("\n".join([lines[0], *first]) + "\n")
    for number, bins in enumerate((6, 12)):
        out = walk.parent / f"run{number}"
        settings = {"method": "quantile", "bins": bins, "difference": 1, "order": 1}
        anygram.train(learnt_from, "frequency", codec="series", settings=settings, out=out, valid="none")
        found.append(out)
    return found


def test_runs_forecast_together_and_calibrated_by_the_command_line(
    walk: Path, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "tested.jsonl"
    words = ["forecast", runs[0], walk, "--with", runs[1], "--horizon", 4, "--out", out, "--backtest", 6]
    words += ["--calibrate", 12, "--samples", 50]
    said = ask(capsys, *words, "--json").fields
    assert said["calibration"]["level"] == 0.8 and len(said["calibration"]["factors"]) == 3
    assert said["calibration"]["windows"] == 24 and said["calibration"]["values"] == 96
    plain = ask(capsys, *words[:-4], "--samples", 50, "--json").fields
    assert said["uncalibrated"] == plain["accuracy"]
    assert said["accuracy"]["mae"] == pytest.approx(plain["accuracy"]["mae"])  # the median stays
    assert said["accuracy"]["crps"] != plain["accuracy"]["crps"]
    shown = ask(capsys, *words).out
    assert "calibrated by 24 windows: spread × " in shown and "uncalibrated" in shown
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    tested = anygram.forecast(runs, walk, horizon=4, backtest=6, calibrate=12, samples=50)
    assert rows == list(tested.rows())


def test_what_cannot_be_put_together_or_calibrated_is_refused(
    walk: Path, runs: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out.csv"
    words = ["forecast", runs[0], walk, "--horizon", 4, "--out", out]
    assert "need 241: calibrate by fewer" in ask(capsys, *words, "--calibrate", 60).refusal
    assert "for each of 2 runs, got 1" in ask(capsys, *words, "--with", runs[1], "--samples", 1).refusal
    (tmp_path / "a.txt").write_text("some text")
    anygram.train(tmp_path / "a.txt", "uniform", codec="bytes", out=tmp_path / "text")
    assert "train with --codec series" in ask(capsys, *words, "--with", tmp_path / "text").refusal
    assert not out.exists()
    with pytest.raises(UsageError, match="at least one run"):
        anygram.forecast([], walk, horizon=4)


def test_a_forecaster_is_calibrated_by_what_came_after_it_was_fitted() -> None:
    generator = np.random.default_rng(6)
    days = [str(np.datetime64("2024-01-01") + day) for day in range(120)]
    values = generator.normal(size=120).tolist()
    frame = {"unique_id": ["a"] * 120, "ds": days, "y": values}
    first = {name: cells[:60] for name, cells in frame.items()}
    forecaster = anygram.Forecaster("frequency", {"method": "quantile", "bins": 8, "order": 1}).fit(first)
    plain, moved = (forecaster.predict(2, frame=frame, calibrate=windows) for windows in (None, 20))
    assert plain["ds"] == moved["ds"] and plain["q0.5"] == pytest.approx(moved["q0.5"])
    assert plain["q0.9"] != moved["q0.9"]
    tested = forecaster.cross_validation(frame, 2, 10, calibrate=15)
    assert tested.calibration is not None and tested.calibration.windows == 15
    with pytest.raises(UsageError, match="give a frame that goes on from it"):
        forecaster.predict(2, calibrate=3)


def test_groups_double() -> None:
    assert forecast_calibration.groups(16).tolist() == [0, 1, 1, *[2] * 4, *[3] * 8, 4]
