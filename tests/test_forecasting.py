"""Forecasts: scores by their closed forms, draws, histories, windows, and all of it by the command line.

Axes: B rows, H steps, S samples, N values, V vocabulary.
"""

from __future__ import annotations

import csv
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import states
from anygram.codecs import series as codecs
from anygram.codecs.series import Config, SeriesCodec
from anygram.data import series
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.models import frequency
from anygram.protocols import LanguageModel
from anygram.tasks import forecast_metrics, forecasting
from anygram.tasks.forecast_metrics import Scores, crps, naive_error, pinball, smape
from anygram.tasks.forecasting import Setting, ahead, forecasts, seasonal_naive, windows
from examples import forecast_series
from tests.asking import Said, ask
from tests.made_series import DAILY, WAVE, document_of, networks

small = st.floats(-100, 100, allow_subnormal=False)


def _learnt(codec: SeriesCodec, *documents: Document, order: int = 2) -> LanguageModel:
    model = frequency.create(frequency.Config(order=order, k=1e-6), codec.vocabulary_size, 0)
    for document in documents:
        ids_N = np.append(codec.encode(document.text, document.side).ids, np.int32(codec.boundary))
        model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model


# Scores


@given(samples=st.lists(small, min_size=1, max_size=12), actual=small)
def test_crps_is_its_definition(samples: list[float], actual: float) -> None:
    drawn = np.array(samples)
    expected = np.abs(drawn - actual).mean() - np.abs(drawn[:, None] - drawn).mean() / 2
    assert crps(np.array([actual]), drawn[:, None])[0] == pytest.approx(expected, abs=1e-9)


def test_crps_of_a_normal_distribution_is_gneitings() -> None:
    """CRPS(N(0, 1), y) = y (2 Φ(y) − 1) + 2 φ(y) − 1/√π (Gneiting & Raftery 2007, section 4.2)."""
    drawn = np.random.default_rng(0).normal(size=(20_000, 1))
    y = 0.7
    density = math.exp(-y * y / 2) / math.sqrt(2 * math.pi)
    expected = y * math.erf(y / math.sqrt(2)) + 2 * density - 1 / math.sqrt(math.pi)
    assert crps(np.array([y]), drawn)[0] == pytest.approx(expected, abs=0.01)


def test_crps_is_that_of_scoringrules() -> None:
    peer = pytest.importorskip("scoringrules", reason="scoringrules is not installed")
    generator = np.random.default_rng(0)
    actual_H, samples_SH = generator.normal(size=5), generator.normal(size=(30, 5))
    expected_H = peer.crps_ensemble(actual_H, samples_SH.T, estimator="nrg")  # over all S² pairs, as ours
    np.testing.assert_allclose(crps(actual_H, samples_SH), expected_H)


def test_a_quantile_loses_least_where_it_is_the_quantile() -> None:
    actual = np.random.default_rng(0).normal(size=4000)
    tried = np.linspace(-2, 2, 41)
    losses = [float(pinball(actual, np.full(4000, point), 0.9).mean()) for point in tried]
    assert abs(tried[int(np.argmin(losses))] - np.quantile(actual, 0.9)) <= 0.1


def test_scores_are_their_closed_forms() -> None:
    scores = Scores((0.1, 0.5, 0.9))
    history_N = np.array([1.0, 2.0, np.nan, 4.0, 2.0, 6.0])  # two steps apart: 2 and 2 where both are known
    actual_H, samples_SH = np.array([10.0, np.nan, 10.0]), np.array([[8.0, 1.0, 14.0]])
    scores.add(actual_H, samples_SH, history_N, 2)
    scores.add(np.array([1.0]), np.array([[1.0]]), np.array([5.0, 5.0, 5.0]), 1)
    result = scores.result()
    assert (result.windows, result.values, result.without_mase) == (2, 3, 1)
    assert naive_error(history_N, 2) == pytest.approx(2.0)
    assert result.mase == pytest.approx(3.0 / 2.0)
    assert result.mae == result.crps == pytest.approx(2.0)
    assert result.mse == pytest.approx((4 + 16) / 3)
    assert result.smape == pytest.approx((200 * 2 / 18 + 200 * 4 / 24) / 3)
    assert result.coverage == {"0.1-0.9": pytest.approx(1 / 3)}
    assert result.wql == pytest.approx(2 * (0.5 * 2 + 0.5 * 4) / 21)  # mean of q and 1 − q over the three
    assert smape(np.zeros(1), np.zeros(1)) == 0


@given(seed=st.integers(0, 999), season=st.integers(1, 4))
def test_scores_are_those_of_peers(seed: int, season: int) -> None:
    """Of several windows: pinball and absolute errors by scikit-learn, their sums as papers write them."""
    peer = pytest.importorskip("sklearn.metrics", reason="scikit-learn is not installed")
    generator = np.random.default_rng(seed)
    quantiles = (0.05, 0.25, 0.5, 0.75, 0.95)
    scores, actuals, drawn, mase = Scores(quantiles), [], [], []
    for _ in range(3):
        history_N, actual_H = generator.normal(size=9), generator.normal(size=4)
        samples_SH = generator.normal(size=(7, 4))
        scores.add(actual_H, samples_SH, history_N, season)
        actuals.append(actual_H)
        drawn.append(samples_SH)
        naive = peer.mean_absolute_error(history_N[season:], history_N[:-season])
        mase.append(peer.mean_absolute_error(actual_H, np.median(samples_SH, axis=0)) / naive)
    actual_N, samples_SN = np.concatenate(actuals), np.concatenate(drawn, axis=1)
    found, median_N = scores.result(), np.median(samples_SN, axis=0)
    bounds_QN = np.quantile(samples_SN, quantiles, axis=0)
    losses = [
        peer.mean_pinball_loss(actual_N, bound_N, alpha=q) / np.abs(actual_N).mean()
        for q, bound_N in zip(quantiles, bounds_QN, strict=True)
    ]
    inside = [
        float(np.mean([low <= value <= high for low, value, high in zip(lows, actual_N, highs, strict=True)]))
        for lows, highs in ((bounds_QN[0], bounds_QN[4]), (bounds_QN[1], bounds_QN[3]))
    ]
    assert found.mae == pytest.approx(peer.mean_absolute_error(actual_N, median_N))
    assert found.mse == pytest.approx(peer.mean_squared_error(actual_N, samples_SN.mean(axis=0)))
    assert found.mase == pytest.approx(np.mean(mase))
    assert found.wql == pytest.approx(2 * np.mean(losses))
    halves = [abs(a - f) / ((abs(a) + abs(f)) / 2) for a, f in zip(actual_N, median_N, strict=True)]
    assert found.smape == pytest.approx(100 * np.mean(halves))
    assert list(found.coverage) == ["0.05-0.95", "0.25-0.75"]
    assert list(found.coverage.values()) == pytest.approx(inside)


@given(values=st.lists(small, min_size=1, max_size=20), season=st.integers(1, 5), horizon=st.integers(1, 12))
def test_the_naive_forecast_repeats_the_last_season(values: list[float], season: int, horizon: int) -> None:
    found_H = seasonal_naive(np.array(values), season, horizon)
    for step in range(horizon):
        place = len(values) - season + step % season
        assert found_H[step] == (values[place] if place >= 0 else values[-1])


def test_a_missing_value_has_that_of_the_season_before_stand_for_it() -> None:
    values_N = np.array([1.0, 2.0, 3.0, np.nan])
    assert seasonal_naive(values_N, 2, 4).tolist() == [3.0, 2.0, 3.0, 2.0]


# Draws

CONFIGS = [
    Config("exact"),
    Config("quantile", bins=20),
    Config("uniform", bins=80, limit=3, difference=7, calendar="weekday"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_what_always_repeats_is_forecast(config: Config) -> None:
    values = [10 + number % 7 for number in range(140)]
    document = document_of(values)
    codec = codecs.fit([document.text], config)
    (made,) = forecasts(_learnt(codec, document), codec, ahead([document]), Setting(10, 8))
    expected = np.array([10 + number % 7 for number in range(140, 150)])
    assert np.abs(made.samples_SH - expected).max() < 0.5
    assert made.times()[0] == "2024-05-20"


def test_samples_have_the_models_probabilities() -> None:
    codec = codecs.fit(["0\n1\n2\n"], Config("exact"))
    documents = [document_of([0] * 5 + [1] * 3 + [2] * 2)]
    model = _learnt(codec, *documents, order=1)
    (made,) = forecasts(model, codec, ahead(documents), Setting(4, 4000))
    log_p_V = model.predict(model.start(1))[0]
    p_K = np.exp(log_p_V[:3]) / np.exp(log_p_V[:3]).sum()
    counts = np.array([(made.samples_SH == number).mean() for number in range(3)])
    np.testing.assert_allclose(counts, p_K, atol=0.02)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_each_forecast_is_what_it_would_be_alone(config: Config, monkeypatch: pytest.MonkeyPatch) -> None:
    """However states go on from each other, and rows are grouped, samples come of P(next | history)."""
    documents = [document_of(WAVE, id="a"), document_of([2 * value for value in WAVE[:90]], id="b")]
    codec = codecs.fit([document.text for document in documents], config)
    for model in networks(codec):
        together = list(forecasts(model, codec, windows(documents, 5, 4, 3), Setting(5, 6)))
        for rows in (7, 13):
            monkeypatch.setattr(forecasting, "ROWS", rows)
            again = list(forecasts(model, codec, windows(documents, 5, 4, 3), Setting(5, 6)))
            for one, other in zip(together, again, strict=True):
                assert one.known == other.known
                np.testing.assert_allclose(one.samples_SH, other.samples_SH)
        monkeypatch.undo()
        fewer = list(forecasts(model, codec, windows(documents, 5, 4, 3), Setting(5, 2)))
        for one, other in zip(together, fewer, strict=True):
            np.testing.assert_allclose(one.samples_SH[:2], other.samples_SH)


def test_a_state_goes_on_only_where_the_history_does() -> None:
    codec = codecs.fit(["1\n2\n"], Config("exact"))
    model = networks(codec)[0]
    reading = forecasting._Reading(model)
    histories = [
        np.array(ids, dtype=np.int32) for ids in ([0], [0, 1], [1, 1, 0], [1, 1, 0], [1, 1, 0, 1], [1])
    ]
    found = states.concatenate([reading.after(histories[:3]), reading.after(histories[3:])])
    for row, ids_T in enumerate(histories):
        expected = model.predict(model.advance(model.start(1), ids_T[None]))
        np.testing.assert_allclose(model.predict(states.select(found, [row])), expected, atol=1e-6)


def test_nothing_after_the_known_values_matters() -> None:
    codec = codecs.fit(["".join(f"{value}\n" for value in WAVE)], Config(bins=64, difference=3))
    changed = [*WAVE[:100], *(1000 + value for value in WAVE[100:])]
    model = networks(codec)[0]
    one, other = (
        list(forecasts(model, codec, [(document_of(values), [60, 100])], Setting(4, 5)))
        for values in (WAVE, changed)
    )
    for made, again in zip(one, other, strict=True):
        np.testing.assert_array_equal(made.samples_SH, again.samples_SH)


def test_a_context_forgets_what_lies_before_it() -> None:
    codec = codecs.fit(["".join(f"{value}\n" for value in WAVE)], Config(bins=64, calendar="weekday"))
    model = networks(codec)[0]
    (whole,) = forecasts(model, codec, [(document_of(WAVE), [120])], Setting(4, 5, context=30))
    cut = document_of(WAVE[90:], first=90)
    (alone,) = forecasts(model, codec, [(cut, [30])], Setting(4, 5))
    np.testing.assert_array_equal(whole.samples_SH, alone.samples_SH)
    assert whole.known == 120 and whole.times() == alone.times()


def test_a_series_that_grows_with_a_season_is_forecast_well_with_nothing_set(tmp_path: Path) -> None:
    from anygram import api

    months = np.arange(132)
    season = 20 * np.sin(2 * np.pi * months / 12) + 10 * (months % 12 == 6)
    values = 100 + 1.5 * months + season + np.random.default_rng(0).normal(size=132)
    document = series.document([f"{value:.1f}" for value in values], {**DAILY, "step": "MS"}, "grows")
    learnt = series.document(document.text.split("\n")[:108], document.side or {})
    series.write(tmp_path / "learnt.csv", [learnt])
    series.write(tmp_path / "all.csv", [document])
    run = api.train(tmp_path / "learnt.csv", "frequency", codec="series")
    accuracy = run.forecast(tmp_path / "all.csv", horizon=12, backtest=13, stride=1).accuracy
    assert accuracy is not None and accuracy.mase is not None and accuracy.mase < 0.5
    assert accuracy.coverage["0.1-0.9"] > 0.5


def test_windows_end_with_the_series() -> None:
    ((_, known),) = windows([document_of(WAVE)], 10, 3, 5)
    assert known == [100, 105, 110]
    with pytest.raises(DataError, match="has 120 values; 12 windows of 10, 10 apart, need 121"):
        list(windows([document_of(WAVE)], 10, 12, 10))


# Through the command line


@pytest.fixture(scope="module")
def wave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wave") / "wave.csv"
    series.write(
        path,
        [
            document_of(WAVE),
            document_of([3 * value + number % 2 for number, value in enumerate(WAVE)], id="b"),
        ],
    )
    return path


@pytest.fixture(scope="module")
def run(wave: Path) -> Path:
    from anygram import api

    out = wave.parent / "run"
    api.train(
        wave, "ngram", codec="series", settings={"method": "quantile", "bins": 30}, out=out, budget="5s"
    )
    return out


def test_a_forecast_is_written(
    wave: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ahead.csv"
    said = ask(capsys, "forecast", run, wave, "--horizon", 3, "--out", out, "--samples", 20, "--json").fields
    assert (said["rows"], said["forecasts"]) == (6, 2)
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert list(rows[0]) == ["unique_id", "ds", "mean", "q0.1", "q0.5", "q0.9"]
    expected = [(name, day) for name in "ab" for day in _days(3)]
    assert [(row["unique_id"], row["ds"]) for row in rows] == expected
    for row in rows:
        assert float(row["q0.1"]) <= float(row["q0.5"]) <= float(row["q0.9"])


def test_without_a_file_a_forecast_is_shown(
    wave: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ("forecast", run, wave, "--samples", 5, "--horizon")
    header, *lines = ask(capsys, *words, 3).out.splitlines()
    assert header.split() == ["unique_id", "ds", "mean", "q0.1", "q0.5", "q0.9"]
    assert [line.split()[:2] for line in lines] == [[name, day] for name in "ab" for day in _days(3)]
    assert ask(capsys, *words, 30).out.splitlines()[-1] == "… 12 more; --out FILE writes all"
    said = ask(capsys, *words, 3, "--json").fields
    assert [value["ds"] for value in said["values"]] == _days(3) * 2 and said["files"] == []


def _days(count: int) -> list[str]:
    return [str(np.datetime64("2024-01-01") + 120 + step) for step in range(count)]


def test_a_backtest_measures_and_draws(
    wave: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, page = tmp_path / "tested.jsonl", tmp_path / "tested.html"
    words = ["forecast", run, wave, "--horizon", 7, "--out", out, "--backtest", 3, "--season", 14]
    said = ask(capsys, *words, "--plot", page, "--json").fields
    assert said["forecasts"] == 6
    assert said["accuracy"]["windows"] == said["seasonal_naive"]["windows"] == 6
    assert said["seasonal_naive"]["mae"] < 1  # the wave repeats itself
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows[0]["cutoff"] < rows[0]["ds"] and rows[0]["y"] == WAVE[99]
    html = page.read_text()
    assert html.count("<svg") == 2 and "seasonal naive" in html
    assert "http" not in re.sub(r"xmlns=\S+", "", html)
    drawn = ask(capsys, *words, "--plot", tmp_path / "fan.svg")
    assert "seasonal naive" in drawn.out
    assert (tmp_path / "fan-1.svg").read_text().startswith("<svg") and (tmp_path / "fan-2.svg").exists()


def _asked(capsys: pytest.CaptureFixture[str], run: Path, wave: Path, out: Path, *more: object) -> Said:
    return ask(capsys, "forecast", run, wave, "--out", out, *more)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--horizon", 0), "horizon must be at least 1"),
        (("--horizon", 2, "--samples", 0), "samples must be at least 1"),
        (("--horizon", 2, "--quantiles", "0.1,1.5"), "quantiles must lie between 0 and 1"),
        (("--horizon", 2, "--quantiles", "half"), "--quantiles wants numbers"),
        (("--horizon", 2, "--stride", 3), "stride is for known values"),
        (("--horizon", 2, "--backtest", 0), "backtest must be at least 1"),
        (("--horizon", 2, "--context", 0), "context must be at least 1"),
        (("--horizon", 60, "--backtest", 3), "has 120 values; 3 windows of 60, 60 apart, need 181"),
        (("--horizon", 2, "--plot", "fan.png"), "written as .html or .svg"),
        (("--horizon", 2, "--text-field", "z"), "no column of"),
    ],
)
def test_what_cannot_be_forecast_is_refused(
    wave: Path, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: Any, reason: str
) -> None:
    assert reason in _asked(capsys, run, wave, tmp_path / "out.csv", *words).refusal
    assert not (tmp_path / "out.csv").exists()


def test_a_constant_series_is_forecast_and_has_no_mase(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "flat.csv"
    path.write_text("y\n" + "5\n" * 40)
    out = tmp_path / "out.csv"
    said = _asked(capsys, run, path, out, "--horizon", 3, "--backtest", 2, "--json").fields
    assert said["accuracy"]["mase"] is None and said["accuracy"]["without_mase"] == 2
    assert said["seasonal_naive"]["mae"] == 0


def test_a_run_of_text_forecasts_nothing(
    wave: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from anygram import api

    (tmp_path / "a.txt").write_text("some text")
    api.train(tmp_path / "a.txt", "uniform", codec="bytes", out=tmp_path / "text")
    said = _asked(capsys, tmp_path / "text", wave, tmp_path / "out.csv", "--horizon", 2)
    assert "train with --codec series" in said.refusal


def test_quantiles_are_checked() -> None:
    assert forecast_metrics.check_quantiles([0.9, 0.1]) == (0.1, 0.9)
    with pytest.raises(UsageError):
        forecast_metrics.check_quantiles([])


# From Python


def _frame() -> dict[str, list[Any]]:
    times = [f"2024-01-{day:02}" for day in range(1, 29)]
    return {"unique_id": ["a"] * 28, "ds": times, "y": [float(day % 7) for day in range(1, 29)]}


class Pandas:
    """What is used of a pandas frame."""

    def __init__(self, columns: dict[str, list[Any]]) -> None:
        self._columns = columns
        self.columns = list(columns)

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]


@pytest.mark.parametrize("kind", [dict, pyarrow.table, Pandas])
def test_a_frame_is_fitted_and_followed(kind: Any) -> None:
    forecaster = anygram.Forecaster("ngram", {"method": "exact"}, budget="5s").fit(kind(_frame()))
    made = forecaster.predict(3, num_samples=10)
    assert isinstance(made, type(kind(_frame())))
    names = made.column_names if kind is pyarrow.table else list(getattr(made, "columns", made))
    columns = made.to_pydict() if kind is pyarrow.table else {name: made[name] for name in names}
    assert columns["ds"] == ["2024-01-29", "2024-01-30", "2024-01-31"]
    assert list(columns) == ["unique_id", "ds", "mean", "q0.1", "q0.5", "q0.9"]
    other = forecaster.predict(1, frame={"ds": ["2025-01-01", "2025-01-02"], "load": [5, 6]})
    assert [str(name) for name in other["unique_id"]] == ["load"]  # a wide frame will do


def test_a_forecaster_says_what_is_wrong() -> None:
    with pytest.raises(UsageError, match="call fit first"):
        anygram.Forecaster().predict(3)
    with pytest.raises(UsageError, match="a table of columns"):
        anygram.Forecaster().fit([1, 2, 3])
    with pytest.raises(DataError, match="which is no finite number"):
        anygram.Forecaster().fit({"y": [1.0, float("inf")]})


def test_the_example_forecasts_better_than_the_last_week(capsys: pytest.CaptureFixture[str]) -> None:
    tested = forecast_series.main()
    assert tested.accuracy is not None and tested.naive is not None
    assert tested.accuracy.crps < tested.naive.crps
    assert 0.7 <= tested.accuracy.coverage["0.1-0.9"] <= 0.95
    assert "2025-09-08: " in capsys.readouterr().out
