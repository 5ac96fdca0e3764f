"""Ranking by a task: sums and their intervals, windows of series, and the comparison from end to end."""

from __future__ import annotations

import io
import json
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import cli, runs
from anygram.comparison import floors, metrics
from anygram.comparison.answer import Evidence, answer
from anygram.comparison.metrics import Metric, intervals, texts, windows
from anygram.comparison.metrics.held import Held, Sums
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.splitting import Splits
from anygram.errors import AnygramError, DataError, UsageError
from tests.asking import strict_json

MASE = metrics.of("mase")
YEARS = 12


def ups_and_downs(years: int = YEARS) -> list[str]:
    """Return months of a seasonal series, a little noisy."""
    noise_N = np.random.default_rng(0).normal(0, 2, 12 * years)
    months_N = np.arange(12 * years)
    return [f"{value:.1f}" for value in 50 + 30 * np.sin(months_N * np.pi / 6) + noise_N]


def monthly(values: list[str], first: int = 0) -> Document:
    return series.document(values, {"id": "load", "start": "2001-01", "step": "MS", "first": first}, "load")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("series") / "load.csv"
    series.write(path, [monthly(ups_and_downs())])
    return path


# Sums, intervals, pairs


def ratio(more_is_better: bool = False) -> Metric:
    return Metric("ratio", more_is_better, "", lambda _: True, MASE.sums, windows.mean, MASE.plain)


@st.composite
def errors(draw: st.DrawFn) -> np.ndarray[Any, Any]:
    figures = draw(st.lists(st.floats(0.1, 9), min_size=5, max_size=12))
    return np.stack([np.array(figures), np.ones(len(figures))], axis=1)


@given(errors(), st.booleans())
def test_the_interval_holds_the_figure(sums_DK: np.ndarray[Any, Any], in_time: bool) -> None:
    sums = Sums(sums_DK, in_time)
    found = intervals.bounds(MASE, sums)
    assert found is not None and found[0] - 1e-9 <= intervals.value(MASE, sums) <= found[1] + 1e-9
    assert intervals.value(MASE, sums) == pytest.approx(sums_DK[:, 0].mean())


@given(errors(), st.booleans())
def test_equals_are_not_told_apart_and_who_is_worse_by_a_constant_is(
    sums_DK: np.ndarray[Any, Any], more_is_better: bool
) -> None:
    metric = ratio(more_is_better)
    other_DK = sums_DK + np.array([1.0, 0.0])  # the same difference everywhere: no draw changes it
    found = intervals.differences(metric, {"a": Sums(sums_DK), "b": Sums(sums_DK), "c": Sums(other_DK)})
    told = {(pair.one, pair.other): pair for pair in found}
    assert not told["a", "b"].distinguishable and told["a", "b"].difference == 0
    worse = ("c", "a") if more_is_better else ("a", "c")
    assert told[worse].distinguishable and told[worse].difference == pytest.approx(1.0)


def test_neighbours_that_are_alike_widen_an_interval() -> None:
    sums_DK = np.stack([np.repeat([1.0, 5.0, 2.0, 9.0], 8), np.ones(32)], axis=1)
    widths = []
    for in_time in (False, True):
        low, high = intervals.bounds(MASE, Sums(sums_DK, in_time)) or (0.0, 0.0)
        widths.append(high - low)
    assert widths[1] > 2 * widths[0]


def test_one_window_has_no_interval_and_tells_nobody_apart() -> None:
    sums = Sums(np.ones((1, 2)), in_time=True)
    assert intervals.bounds(MASE, sums) is None
    assert intervals.differences(MASE, {"a": sums, "b": sums}) == []


# Windows


def cut(values: list[str], *ends: int) -> Splits:
    """Return parts of one series that follow each other."""
    begins = (0, *ends)
    parts = [
        [monthly(values[begin:end], begin)] if begin < end else []
        for begin, end in zip(begins, (*ends, len(values)), strict=True)
    ]
    return Splits(*parts)


def test_windows_are_of_the_test_part_alone_each_behind_all_that_was_before() -> None:
    values = ups_and_downs()
    ((whole, ends),) = windows.places(cut(values, 100, 110), horizon=6)
    assert whole.text.split("\n")[:-1] == values and (whole.side or {})["first"] == 0
    assert ends == list(range(110, 139))  # room for 29 of them, one apart
    ((_, far),) = windows.places(cut(values, 20, 20), horizon=2)
    assert far == list(range(20, 143, 2))  # a horizon apart, where there is room for many


def test_a_series_that_is_held_out_as_a_whole_is_read_for_its_first_half() -> None:
    values = ups_and_downs()
    splits = Splits([monthly(values)], [], [series.document(values, {"id": "other", "first": 0}, "other")])
    ((whole, ends),) = windows.places(splits, horizon=12)
    assert whole.name == "other" and ends[0] >= 72 and ends[-1] == 132


def test_no_more_windows_than_most_are_forecast() -> None:
    values = ups_and_downs(40)
    kept = windows.places(cut(values, 48, 48), horizon=1)
    assert sum(len(ends) for _, ends in kept) == windows.MOST


def test_a_test_part_without_room_is_refused() -> None:
    with pytest.raises(
        DataError, match=r"room for 60 values ahead \(the longest has 34 values\): ask for a sh"
    ):
        windows.places(cut(ups_and_downs(), 100, 110), horizon=60)


def test_repeating_the_last_season_is_perfect_of_a_series_that_repeats_itself() -> None:
    values = [str(month % 12) for month in range(143)] + ["99"]
    name, sums = metrics.of("crps").plain(cut(values, 100, 110), 12)
    figures_W = sums.sums_DK[:, 0] / sums.sums_DK[:, 1]
    assert name == "the seasonal naive forecast" and (figures_W[:-1] == 0).all() and figures_W[-1] > 0


# Labels and texts


def labelled(count: int, seed: int, letters_each: int = 3) -> list[Document]:
    """Return texts of two labels that a model tells apart often, the more the longer they are."""
    generator = np.random.default_rng(seed)
    letters = {"vowels": "aeiou ab", "others": "bcdfg ab"}
    drawn = [str(generator.choice(["vowels", "vowels", "others"])) for _ in range(count)]
    texts = ["".join(generator.choice(list(letters[label]), letters_each)) for label in drawn]
    return [Document(text, given=label) for text, label in zip(texts, drawn, strict=True)]


def trained(folder: Path, documents: list[Document], fields: dict[str, str], **more: Any) -> Path:
    source = folder / "train.jsonl"
    rows = [{fields["text"]: one.text, fields["given"]: one.given} for one in documents]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    settings = {"order": 5}
    anygram.train(source, "ngram", codec="bytes", out=folder / "run", valid="none", settings=settings, **more)
    return folder / "run"


def held(run: Path, train: list[Document], test: list[Document]) -> Held:
    return Held(runs.read(run), run, Splits(train, [], test), seed=0)


def test_labels_are_measured_as_classification_measures_them(tmp_path: Path) -> None:
    known, test = labelled(60, 0), [*labelled(40, 1), Document("zzz", given="unheard of")]
    options: dict[str, Any] = {"text_field": "text", "label_field": "label"}
    run = trained(tmp_path, known, {"text": "text", "given": "label"}, **options)
    found = held(run, known, test)
    truth = anygram.load(run).labels_of(test)
    for name, wanted in (("accuracy", truth.accuracy), ("f1", truth.f1_macro)):
        metric = metrics.of(name)
        assert intervals.value(metric, metric.sums(found)) == pytest.approx(wanted) and 0.5 < wanted < 1
    plain = {name: metrics.of(name).plain(found.splits, None) for name in ("accuracy", "f1")}
    assert {name for name, _ in plain.values()} == {"the commonest label"}
    vowels = sum(one.given == "vowels" for one in test)
    share = vowels / len(test)
    assert intervals.value(metrics.of("accuracy"), plain["accuracy"][1]) == pytest.approx(share)
    own = 2 * share / (1 + share)  # precision is the share, recall 1; the other label's F1 is 0
    assert intervals.value(metrics.of("f1"), plain["f1"][1]) == pytest.approx(own / 2)


def test_labels_that_training_lacks_are_not_fitted_to_and_never_right(tmp_path: Path) -> None:
    known = labelled(60, 0)
    run = trained(tmp_path, known, {"text": "text", "given": "label"}, text_field="text", label_field="label")
    found = held(run, known, [*labelled(40, 1), Document("aei", given="vowels\nunheard of")])
    valid = [*labelled(30, 2), Document("zzz", given="unheard of")]
    found = replace(found, splits=replace(found.splits, valid=valid))
    sums = metrics.of("accuracy").sums(found)
    assert sums.how == "fitted to 30 documents" and sums.sums_DK[-1].tolist() == [0.0, 1.0]


def test_one_label_alone_tells_nothing_apart() -> None:
    with pytest.raises(UsageError, match="one label alone"):
        metrics.of("f1").plain(Splits([Document("a", given="x")], [], [Document("b", given="x")]), None)


def test_texts_are_measured_as_translations_are(tmp_path: Path) -> None:
    pairs = [Document(f"das ist {n} und das.", given=f"this is {n} and that.") for n in range(12)]
    options: dict[str, Any] = {"text_field": "en", "target_field": "de"}
    run = trained(tmp_path, pairs, {"text": "de", "given": "en"}, **options)
    test = tmp_path / "test.jsonl"
    test.write_text("".join(json.dumps({"de": one.text, "en": one.given}) + "\n" for one in pairs[:5]))
    made = anygram.load(run).translate(test, text_field="en", target_field="de")
    list(made)
    wanted = {(one.metric, one.method): one.value for one in made.figures}
    found = held(run, pairs, pairs[:5])
    for name in ("bleu", "chrf"):
        metric = metrics.of(name)
        sums = metric.sums(found)
        assert intervals.value(metric, sums) == pytest.approx(wanted[name, "model"])
        assert "beam 5, nrefs:1|" in sums.how
        called, plain = metric.plain(found.splits, None)
        assert called == "the copied source"
        assert intervals.value(metric, plain) == pytest.approx(wanted[name, "copied source"])
    rouge = metrics.of("rouge")
    called, plain = rouge.plain(Splits(pairs, [], [Document("a b c", given="a b c. And more.")]), None)
    assert called == "the first sentence" and intervals.value(rouge, plain) == pytest.approx(100)


def test_of_a_large_test_part_some_texts_evenly_apart_are_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "MOST", 3)
    test = [Document("yes" if n in (0, 4, 8) else "no", given="yes") for n in range(9)]
    _, plain = metrics.of("rouge").plain(Splits(test, [], test), None)
    assert len(plain.sums_DK) == 3 and intervals.value(metrics.of("rouge"), plain) == pytest.approx(100)


# From end to end


@pytest.mark.usefixtures("no_floors")
def test_labelled_documents_are_compared_by_labels_and_every_rule_is_held(tmp_path: Path) -> None:
    source = tmp_path / "labelled.jsonl"
    rows = [{"text": one.text, "label": one.given} for one in labelled(60, 0, letters_each=30)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    options: dict[str, Any] = {"text_field": "text", "label_field": "label", "metric": "accuracy"}
    found = anygram.compare(source, tmp_path / "out", models="frequency:bytes", test=0.3, **options)
    (row,) = found.rows
    assert row.metric is not None and row.metric > 0.9 and row.bits_per_byte is not None
    assert [rule for rule in found.fields["rules"] if rule["held"] is False] == []
    assert "an accuracy of" in found.fields["answer"]["text"]
    assert "beats the commonest label" in found.fields["answer"]["text"]
    assert "--label-field label" in found.fields["question"]["command"]
    trained = (tmp_path / "out" / "frequency-bytes" / "model.safetensors").stat().st_mtime_ns
    other = anygram.compare(out=tmp_path / "out", resume=True, metric="f1")
    assert other.rows[0].metric_name == "f1" and other.rows[0].bits_per_byte == row.bits_per_byte
    assert (tmp_path / "out" / "frequency-bytes" / "model.safetensors").stat().st_mtime_ns == trained
    assert [rule for rule in other.fields["rules"] if rule["held"] is False] == []


@pytest.fixture
def no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compressors out, each of which is a process."""
    monkeypatch.setattr(floors, "available", list)


@pytest.fixture(scope="module")
def compared(source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any], str]:
    folder = tmp_path_factory.mktemp("compared")
    printed, said = io.StringIO(), io.StringIO()
    words = [
        "compare", source, "--codec", "series", "--models", "uniform,frequency,uniform:bytes",
        "--test", "0.25", "--set", "frequency.order=2", "--metric", "mase", "--horizon", "6",
        "--budget", "20steps", "--out", folder / "out",
    ]  # fmt: skip
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(said):
        patch.setattr(floors, "available", list)
        assert cli.run([str(word) for word in words]) == 0, said.getvalue()
    return folder / "out", strict_json((folder / "out" / "results.json").read_text()), printed.getvalue()


def test_the_metric_is_what_the_command_of_the_task_measures(
    compared: tuple[Path, dict[str, Any], str], source: Path
) -> None:
    """The windows are those that --backtest takes, and so are the samples."""
    folder, found, _ = compared
    row = next(row for row in found["results"] if row["who"] == "frequency-series")
    run = anygram.load(folder / row["run"])
    test = found["data"]["test_bytes"]
    held_out = ups_and_downs()
    while sum(len(value) + 1 for value in held_out) > test:
        held_out.pop(0)
    count = len(held_out) - 6 + 1
    asked = run.forecast(source, horizon=6, samples=windows.SAMPLES, backtest=count, stride=1)
    assert asked.accuracy is not None and row["metric"] == pytest.approx(asked.accuracy.mase)
    assert asked.naive is not None and found["plain"]["metric"] == pytest.approx(asked.naive.mase)
    assert row["metric_low"] < row["metric"] < row["metric_high"]


def test_those_who_can_do_the_task_are_ranked_by_it(compared: tuple[Path, dict[str, Any], str]) -> None:
    _, found, printed = compared
    able = [row for row in found["results"] if row["metric"] is not None]
    assert [row["metric"] for row in able] == sorted(row["metric"] for row in able)
    assert found["results"][: len(able)] == able and {row["codec"] for row in able} == {"series"}
    unable = [row for row in found["results"] if row["metric_error"]]
    assert [row["who"] for row in unable] == ["uniform-bytes"]
    assert "uniform-bytes has no mase: forecasts are of series" in printed
    assert found["answer"]["winner"] == able[0]["who"] and "a MASE of" in found["answer"]["text"]
    assert {pair["one"] for pair in found["pairs"]} <= {row["who"] for row in able}
    assert [rule for rule in found["rules"] if rule["held"] is False] == []


def test_the_reports_tell_of_the_metric(compared: tuple[Path, dict[str, Any], str]) -> None:
    folder, found, printed = compared
    report = (folder / "report.md").read_text()
    assert "| model | codec | MASE | 95 % interval | bits |" in report and " per value |" in report
    assert "MASE  ± 95 %" in printed
    assert "--metric mase --horizon 6" in found["question"]["command"]
    assert "MASE (less is better)" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": "mas"}, "no metric named 'mas'; did you mean 'mase'"),
        ({"metric": "mase"}, "--metric mase is of series: compare codecs of series, as with --codec series"),
        (
            {"metric": "f1"},
            "--metric f1 is of labelled documents: name the field of their labels with --label",
        ),
        (
            {"metric": "bleu"},
            "--metric bleu is of pairs of texts: name the field of the targets with --target",
        ),
        ({"metric": "bleu", "horizon": 2}, "--horizon is for --metric mase or crps"),
        ({"horizon": 3}, "--horizon is for --metric mase or crps; name one of these, or leave it out"),
        ({"metric": "mase", "horizon": 0, "codec": "series"}, "--horizon must be at least 1, got 0"),
        (
            {"metric": "mase", "codec": "series", "again": True},
            "--again goes by bits per byte and not by --metric",
        ),
    ],
)
def test_what_does_not_fit_is_refused_before_any_work(
    tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(AnygramError) as caught:
        anygram.compare(tmp_path / "never read", tmp_path / "out", models="uniform", **options)
    assert message in str(caught.value) and not (tmp_path / "out").exists()


def test_a_horizon_longer_than_the_test_part_is_refused_before_training(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no series with room for 90 values ahead"):
        anygram.compare(
            source, tmp_path / "out", models="uniform", codec="series", metric="mase", horizon=90, test=0.25
        )
    assert not (tmp_path / "out").exists()


# The answer


def rated(who: str, metric: float | None, **more: Any) -> dict[str, Any]:
    row = {"who": who, "metric_name": "mase", "metric": metric, "bits_per_byte": None, "unit": "value"}
    return {**row, **more}


def test_the_answer_says_who_does_best_what_needs_no_model_and_what_bits_say() -> None:
    rows = [
        rated("gru-series", 0.8, metric_low=0.7, metric_high=0.9, bits_per_unit=3.0, train_seconds=60.0),
        rated("ngram-series", 0.82, bits_per_unit=2.5, score_bytes_per_second=9e6),
        rated("ngram-bytes", None, metric_error="forecasts are of series", bits_per_byte=1.0),
    ]
    evidence = Evidence(measured="30 windows", plain=("the seasonal naive forecast", 1.1))
    assert answer(rows, "quality", evidence).text == (
        "Choose gru-series: it does best, at a MASE of 0.800 (95 % interval 0.700 to 0.900) on 30 windows "
        "held out. It trained for 60 s. Intervals cover the choice of the test part, for all pairs together, "
        "not that of the training seed. It beats the seasonal naive forecast (1.100). Outside the ranking, "
        "for want of that figure: ngram-bytes (forecasts are of series). By bits per value ngram-series "
        "would come first (2.500; gru-series 3.000)."
    )
    fast = answer(rows, "speed", Evidence(plain=("the seasonal naive forecast", 0.5)))
    assert fast.winner == "ngram-series"
    assert (
        "within 5 % of the best MASE, at a MASE of 0.820; that gives up 2.5 % against gru-series" in fast.text
    )
    assert "It does not beat the seasonal naive forecast (0.500), which needs no model." in fast.text


def test_nobody_who_can_do_the_task_is_nobody_to_choose() -> None:
    said = answer([rated("ngram-bytes", None, metric_error="forecasts are of series")], "quality").text
    assert said.startswith(
        "There is nobody to rank. Outside the ranking, for want of that figure: ngram-bytes"
    )
