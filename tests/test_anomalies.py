"""Anomalies: the promise of the threshold, figures against peers, where the surprise lies, and refusals.

Axes: T symbols, N scores, D records.
"""

from __future__ import annotations

import csv
import json
import math
import random
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pyarrow import parquet

import anygram
from anygram.api import Run
from anygram.errors import AnygramError, DataError, UsageError
from anygram.tasks.anomalies import Finding, Rule, explaining, metrics, scores, thresholds
from tests.asking import ask

WORDS = ["open", "read", "read", "write", "close"]
FAULTS = [
    "open read shutdown close",
    "write open close read open",
    "open read read write write",
    "panic",
]


def normal_lines(count: int, seed: int) -> list[str]:
    """Sessions that open, read and write a file of any name some times, and close it."""
    generator = random.Random(seed)
    middles = [generator.choices(["read", "write"], k=generator.randint(1, 4)) for _ in range(count)]
    return [" ".join(["open", *middle, "close", str(generator.randint(0, 9))]) for middle in middles]


def write_lines(path: Path, lines: list[str]) -> Path:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def write_labelled(
    path: Path, normal: list[str], faulty: list[str], labels: tuple[Any, Any] = (0, 1)
) -> Path:
    rows = [*((line, labels[0]) for line in normal), *((line, labels[1]) for line in faulty)]
    write_lines(path, [json.dumps({"text": text, "label": label}) for text, label in rows])
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anomalies")
    write_lines(folder / "train.log", normal_lines(400, seed=1))
    write_lines(folder / "normal.log", normal_lines(400, seed=2))
    write_lines(folder / "today.log", [*normal_lines(30, seed=3), *FAULTS])
    write_labelled(folder / "labelled.jsonl", normal_lines(300, seed=4), FAULTS)
    return folder


@pytest.fixture(scope="module")
def run(folder: Path) -> Run:
    return anygram.train(folder / "train.log", "ngram", codec="chars", out=folder / "run")


# The promise


@given(st.integers(2, 400), st.floats(0.005, 0.9), st.integers(0, 2**32 - 1))
def test_the_threshold_is_passed_by_as_many_as_have_a_small_p_value(
    count: int, false_alarms: float, seed: int
) -> None:
    score_N = np.random.default_rng(seed).integers(0, 50, count).astype(np.float64)  # with many ties
    try:
        threshold = thresholds.threshold_of(score_N, false_alarms)
    except DataError:
        assert 1 / (count + 1) > false_alarms
        return
    new_P = np.arange(-1.0, 52.0)
    slow_P = np.array([(1 + (score_N >= new).sum()) / (count + 1) for new in new_P])
    np.testing.assert_allclose(threshold.p_values(new_P), slow_P)
    np.testing.assert_array_equal(new_P > threshold.nats, slow_P <= false_alarms + 1e-9)


@pytest.mark.parametrize("count", [99, 250, 1000])
def test_new_normal_scores_pass_the_threshold_as_often_as_promised(count: int) -> None:
    """Exchangeable scores without ties pass with probability floor((N + 1) α) / (N + 1): the closed form."""
    generator, rates = np.random.default_rng(count), []
    for _ in range(400):
        score_N = generator.standard_gamma(2.0, count)
        threshold = thresholds.threshold_of(score_N, 0.01)
        rates.append((generator.standard_gamma(2.0, 500) > threshold.nats).mean())
    expected = math.floor((count + 1) * 0.01) / (count + 1)
    assert np.mean(rates) == pytest.approx(expected, abs=4 * np.std(rates) / math.sqrt(len(rates)))
    assert expected <= 0.01


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_lots_count_a_share_of_the_ties(count: int, seed: int) -> None:
    generator = np.random.default_rng(seed)
    score_N, new_P = (generator.integers(0, 5, size).astype(np.float64) for size in (count, 9))
    lot_P = generator.random(9)
    slow_P = [
        ((score_N > new).sum() + lot * ((score_N == new).sum() + 1)) / (count + 1)
        for new, lot in zip(new_P, lot_P, strict=True)
    ]
    threshold = thresholds.threshold_of(score_N, 0.9)
    np.testing.assert_allclose(threshold.p_values(new_P, lot_P), slow_P)
    np.testing.assert_array_equal(threshold.alarms(threshold.p_values(new_P)), new_P > threshold.nats)


@pytest.mark.parametrize("values", [2, 6, 1000])
def test_drawn_ties_give_just_the_false_alarms_asked_for(values: int) -> None:
    """Smoothed p-values of exchangeable scores are uniform (Vovk, Gammerman & Shafer 2005, prop. 2.4)."""
    generator, drawn, spared = np.random.default_rng(values), [], []
    for _ in range(400):
        score_N, new_P = (generator.integers(0, values, size).astype(np.float64) for size in (130, 500))
        threshold = thresholds.threshold_of(score_N, 0.02)
        drawn.append(threshold.alarms(threshold.p_values(new_P, generator.random(500))).mean())
        spared.append(threshold.alarms(threshold.p_values(new_P)).mean())
    assert np.mean(drawn) == pytest.approx(0.02, abs=4 * np.std(drawn) / math.sqrt(len(drawn)))
    assert np.mean(spared) < 0.02 and (values > 6 or not any(spared))


@given(st.lists(st.integers(1, 9), min_size=1, max_size=60), st.integers(0, 9))
def test_halves_part_documents_and_few_of_them_by_position(pieces_D: list[int], seed: int) -> None:
    sets_N = thresholds.halves(pieces_D, seed)
    assert len(sets_N) == sum(pieces_D)
    if len(pieces_D) < 20:
        half = (sum(pieces_D) + 1) // 2
        assert sets_N[:half].all() and not sets_N[half:].any()
    else:
        parts = np.split(sets_N, np.cumsum(pieces_D)[:-1])
        assert all(part.all() or not part.any() for part in parts)
        assert sum(part.all() for part in parts) == (len(pieces_D) + 1) // 2


# Figures, beside scikit-learn


@given(st.integers(2, 60), st.integers(0, 2**32 - 1))
def test_figures_are_those_of_scikit_learn(count: int, seed: int) -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(seed)
    score_D, anomalous_D = generator.integers(0, 9, count).astype(float), generator.random(count) < 0.4
    anomalous_D[:2] = True, False
    alarm_D = score_D > 4
    found = metrics.agreement(score_D, alarm_D, anomalous_D)
    assert found.auroc == pytest.approx(sklearn_metrics.roc_auc_score(anomalous_D, score_D))
    assert found.average_precision == pytest.approx(
        sklearn_metrics.average_precision_score(anomalous_D, score_D)
    )
    wanted = sklearn_metrics.precision_recall_fscore_support(
        anomalous_D, alarm_D, average="binary", zero_division=0.0
    )
    assert (found.precision, found.recall, found.f1) == pytest.approx(wanted[:3])
    assert found.false_alarm_rate == pytest.approx(alarm_D[~anomalous_D].mean())


def test_wilsons_interval_holds_the_share_it_is_of_about_as_often_as_it_says() -> None:
    count_R = np.random.default_rng(0).binomial(300, 0.05, 4000)
    holds = [low <= 0.05 <= high for low, high in (thresholds.wilson(int(count), 300) for count in count_R)]
    assert np.mean(holds) == pytest.approx(0.95, abs=0.02)
    for count, trials in ((0, 7), (7, 7), (3, 9)):
        low, high = thresholds.wilson(count, trials)
        # its edges are where the normal approximation's test just rejects (Wilson 1927)
        for edge in {low, high} - {0.0, 1.0}:
            distance = 1.959964 * math.sqrt(edge * (1 - edge) / trials)
            assert abs(count / trials - edge) == pytest.approx(distance)
    assert thresholds.wilson(0, 0) == (0.0, 1.0)


# Scores and places


@given(st.lists(st.floats(0, 20), min_size=1, max_size=40), st.integers(1, 9), st.integers(1, 9))
def test_pieces_cover_a_record_once_and_score_as_they_say(nats: list[float], window: int, top: int) -> None:
    nats_T = np.array(nats)
    slow: dict[str, Callable[[Any], Any]] = {
        "total": np.sum,
        "mean": np.mean,
        "max": np.max,
        "top": lambda part: np.mean(sorted(part, reverse=True)[:top]),
    }
    for by, reduce in slow.items():
        for rule in (Rule(by=by, top_symbols=top), Rule(per="window", window=window, by=by, top_symbols=top)):  # type: ignore[arg-type]
            found = scores.score(nats_T, rule)
            spans = list(zip(found.starts_P, found.ends_P, strict=True))
            assert [place for start, end in spans for place in range(start, end)] == list(range(len(nats)))
            np.testing.assert_allclose(found.score_P, [reduce(nats_T[a:b]) for a, b in spans], atol=1e-9)
    np.testing.assert_array_equal(scores.score(nats_T, Rule(per="symbol")).score_P, nats_T)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=25))
def test_the_heaviest_stretch_is_no_lighter_than_any_other(excess: list[int]) -> None:
    start, end = explaining.heaviest(np.array(excess, dtype=np.float64))
    assert start < end
    every = [sum(excess[a:b]) for a in range(len(excess)) for b in range(a + 1, len(excess) + 1)]
    assert sum(excess[start:end]) == max(every)


def entropies(run: Run, text: str) -> tuple[NDArray[np.float64], list[str]]:
    """The twin: the entropy at each place, and the likeliest symbol, one prediction after another."""
    ids, state = [*run.codec.encode(text).ids.tolist(), run.codec.boundary], run.model.start(1)
    entropy, likeliest = [], []
    for symbol in ids:
        log_p_V = run.model.predict(state)[0]
        entropy.append(float(-(np.exp(log_p_V) * log_p_V).sum()))
        best = int(np.argmax(log_p_V))
        likeliest.append("<end>" if best == run.codec.boundary else run.codec.symbol(best))
        state = run.model.advance(state, np.array([[symbol]], dtype=np.int32))
    return np.array(entropy), likeliest


def test_what_is_told_of_a_place_is_what_the_model_says_there(run: Run, folder: Path) -> None:
    found = [
        one for one in run.anomalies(folder / "today.log", normal=folder / "normal.log") if one.anomalous
    ]
    lines = (folder / "today.log").read_text().splitlines()
    assert len(found) >= len(FAULTS)
    for one in found:
        text = lines[int(one.document.rpartition(":")[2]) - 1]
        nats_T = -run.scorer().symbols(text).log_p_T
        entropy_T, likeliest = entropies(run, text)
        start, end = explaining.heaviest(nats_T - entropy_T - math.log(2))
        assert (one.where, one.at_byte) == (text[start:end] or "<end>", start)
        assert one.surprise_bits == pytest.approx(nats_T[start:end].sum() / math.log(2))
        assert one.score == pytest.approx(nats_T.max() / math.log(2))
        peak = start + int(np.argmax((nats_T - entropy_T)[start:end]))
        assert one.expected.startswith(f"{likeliest[peak]!r} ")
        assert one.came == [*text, "<end>"][peak]


def test_long_records_are_explained_in_parts(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [np.append(run.codec.encode(line).ids, run.codec.boundary).astype(np.int32) for line in FAULTS]
    whole = list(explaining.expect(run.model, texts, 2))
    monkeypatch.setattr(explaining, "_NUMBERS_AT_ONCE", 3 * run.codec.vocabulary_size)
    reader = run.reader("recency", {"orders": 0})
    for one, other, ids_T in zip(whole, explaining.expect(run.model, texts, 2), texts, strict=True):
        assert len(one.entropy_T) == len(ids_T)
        np.testing.assert_allclose(one.entropy_T, other.entropy_T)
        np.testing.assert_array_equal(one.likeliest_TK, other.likeliest_TK)
        assert explaining.expect_reading(reader, ids_T, 2).likeliest_TK.shape == (len(ids_T), 2)


# The whole task


def findings(run: Run, *sources: Path, **options: Any) -> tuple[list[Finding], dict[str, Any]]:
    rule = options.pop("rule", Rule())
    found = run.anomalies(*sources, **asdict(rule), **options)
    return list(found), found.figures()


def test_faults_are_found_and_normal_ones_seldom_called_so(run: Run, folder: Path) -> None:
    found, figures = findings(run, folder / "today.log", normal=folder / "normal.log")
    assert [one.anomalous for one in found[-len(FAULTS) :]] == [True] * len(FAULTS)
    assert [one.anomalous for one in found] == [one.score > one.threshold for one in found]
    assert [one.anomalous for one in found] == [one.p_value <= 0.01 for one in found]
    assert not any(one.sets_threshold for one in found)
    assert figures["threshold_set_by"] == figures["false_alarms_measured_on"] == 200
    assert figures["false_alarms_low"] <= figures["false_alarms_measured"] <= figures["false_alarms_high"]
    assert figures["false_alarms_measured"] <= 0.03
    assert next(one for one in found if "shutdown" in one.where).where.startswith("shutdown"[:1])


def test_labels_measure_on_records_that_did_not_set_the_threshold(run: Run, folder: Path) -> None:
    found, figures = findings(run, folder / "labelled.jsonl", label_field="label")
    assert sum(one.sets_threshold for one in found) == figures["threshold_set_by"] == 150
    assert not any(one.sets_threshold for one in found[-len(FAULTS) :])
    assert (figures["labelled_normal"], figures["labelled_anomalous"]) == (150, len(FAULTS))
    assert figures["auroc"] > 0.99 and figures["recall"] == 1.0
    apart = [one for one in found[:300] if not one.sets_threshold]
    assert figures["false_alarm_rate"] == np.mean([one.anomalous for one in apart])
    assert figures["false_alarm_rate"] == figures["false_alarms_measured"]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
@pytest.mark.parametrize("labels", [(False, True), ("E0", "E5")])
def test_labels_of_any_type_are_read(run: Run, tmp_path: Path, ending: str, labels: tuple[Any, Any]) -> None:
    import pyarrow

    rows = [*((line, labels[0]) for line in normal_lines(40, 5)), *((line, labels[1]) for line in FAULTS)]
    path = tmp_path / f"labelled{ending}"
    match ending:
        case ".jsonl":
            write_labelled(path, normal_lines(40, 5), FAULTS, labels)
        case ".csv":
            with path.open("w", newline="") as file:
                csv.writer(file).writerows([("label", "text"), *((label, text) for text, label in rows)])
        case ".parquet":
            texts, found = map(list, zip(*rows, strict=True))
            parquet.write_table(pyarrow.table({"text": texts, "label": found}), path)
    normal_label = "E0" if labels == ("E0", "E5") else None
    _, figures = findings(
        run,
        path,
        label_field="label",
        text_field="text",
        normal_label=normal_label,
        rule=Rule(false_alarms=0.1),
    )
    assert (figures["labelled_normal"], figures["labelled_anomalous"]) == (20, len(FAULTS))


def test_drawn_ties_are_drawn_alike_each_time_and_are_no_fewer(run: Run, folder: Path) -> None:
    """The sessions here are so alike that scores tie: a lot tells some of the equal ones as anomalies."""
    path, rule = folder / "labelled.jsonl", Rule(false_alarms=0.2, ties="draw")
    found, figures = findings(run, path, label_field="label", rule=rule)
    assert findings(run, path, label_field="label", rule=rule) == (found, figures)
    assert figures["false_alarm_rate"] == figures["false_alarms_measured"]
    spared, few = findings(run, path, label_field="label", rule=Rule(false_alarms=0.2))
    assert few["false_alarms_measured"] < figures["false_alarms_measured"]
    for one, other in zip(found, spared, strict=True):
        assert one.score == other.score and one.p_value <= other.p_value
        assert one.anomalous == (one.p_value <= 0.2) and bool(one.expected) == one.anomalous


def test_duplicates_are_dropped_where_asked_and_counted_always(
    run: Run, folder: Path, tmp_path: Path
) -> None:
    normal, twice = normal_lines(300, seed=4), [*FAULTS, *FAULTS]
    path = write_labelled(tmp_path / "twice.jsonl", normal, twice)
    every, kept = findings(run, path, label_field="label", rule=Rule(false_alarms=0.05))
    found, dropped = findings(run, path, label_field="label", rule=Rule(false_alarms=0.05, duplicates="drop"))
    distinct = len(set(normal)) + len(FAULTS)
    assert (len(every), len(found)) == (300 + len(twice), distinct)
    assert kept["repeated_records"] == dropped["repeated_records"] == len(every) - distinct
    assert dropped["labelled_anomalous"] == len(FAULTS)


def test_adapting_reads_all_in_one_session_in_order(run: Run, folder: Path) -> None:
    found, figures = findings(run, folder / "today.log", normal=folder / "normal.log", adapt="recency")
    again, _ = findings(run, folder / "today.log", normal=folder / "normal.log", adapt="recency")
    assert found == again and figures["adaptive"]
    reader = run.reader("recency")
    for line in (folder / "normal.log").read_text().splitlines():
        reader.read(np.append(run.codec.encode(line).ids, run.codec.boundary).astype(np.int32))
    for one, line in zip(found, (folder / "today.log").read_text().splitlines(), strict=True):
        nats_T = -reader.read(np.append(run.codec.encode(line).ids, run.codec.boundary).astype(np.int32))
        assert one.score == pytest.approx(float(nats_T.max()) / math.log(2))
    assert all(one.expected for one in found if one.anomalous)
    fast, _ = findings(
        run, folder / "today.log", normal=folder / "normal.log", adapt="recency", rule=Rule(expected=0)
    )
    assert [one.score for one in fast] == [one.score for one in found]
    assert not any(one.where or one.expected for one in fast)


def test_symbols_and_windows_of_one_long_record_are_searched(run: Run, tmp_path: Path) -> None:
    lines = normal_lines(120, seed=6)
    path = write_lines(tmp_path / "series.txt", [*lines[:100], "open read ####### close 3", *lines[100:]])
    for rule, size in ((Rule(per="symbol"), 1), (Rule(per="window", window=8), 8)):
        found, figures = findings(run, path, documents="files", rule=rule)
        assert figures["scores"] == len(found) == -(-(path.stat().st_size + 1) // size)
        assert [one.first for one in found] == list(range(0, path.stat().st_size + 1, size))
        assert any("#" in one.where for one in found if one.anomalous)
        worst = max(found, key=lambda one: one.score)
        assert "#" in path.read_text()[worst.first - size : worst.first + size]


def test_other_kinds_than_text_are_searched(tmp_path: Path) -> None:
    pytest.importorskip("sklearn")
    run = anygram.train("example:digits", "ngram", codec="image", settings={"order": 3}, valid="none")
    found = run.anomalies("example:digits", false_alarms=0.05)
    worst = max(found, key=lambda one: one.score)
    assert worst.anomalous and all(word.lstrip("<").rstrip(">") for word in worst.where.split())
    assert found.figures()["records"] > 1000


@pytest.mark.parametrize("ending", [".parquet", ".csv", ".jsonl"])
def test_the_command_writes_every_record_and_shows_the_worst(
    capsys: pytest.CaptureFixture[str], run: Run, folder: Path, tmp_path: Path, ending: str
) -> None:
    out = tmp_path / f"found{ending}"
    words = ["anomalies", run.path, folder / "today.log", "--normal", folder / "normal.log", "--out", out]
    said = ask(capsys, *words, "--top", 2)
    assert said.status == 0, said
    assert len(said.out.split("\n\n")[0].splitlines()) == 3
    assert "threshold set by 200 for 1.00% false alarms; 200 other normal ones" in said.out
    count = len((folder / "today.log").read_text().splitlines())
    match ending:
        case ".parquet":
            rows = parquet.read_table(out).to_pylist()
        case ".csv":
            rows = list(csv.DictReader(out.read_text().splitlines()))
        case _:
            rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == count and str(rows[-1]["anomalous"]) == "True"
    said = ask(capsys, *words, "--json")
    assert said.fields["anomalous"] >= len(FAULTS) and said.fields["records"] == count


def test_without_a_file_the_worst_are_shown(
    capsys: pytest.CaptureFixture[str], run: Run, folder: Path, tmp_path: Path
) -> None:
    words = ["anomalies", run.path, folder / "today.log", "--normal", folder / "normal.log", "--top", 2]
    shown, written = ask(capsys, *words), ask(capsys, *words, "--out", tmp_path / "found.csv")
    assert written.out.replace(f"{tmp_path / 'found.csv'}: ", "") == shown.out
    said = ask(capsys, *words, "--json").fields
    assert said["out"] is None and [one["anomalous"] for one in said["worst"]] == [True, True]
    assert said["worst"][0]["score"] >= said["worst"][1]["score"]


# Bad input


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        (["--false-alarms", "0"], "--false-alarms is a share between 0 and 1, got 0"),
        (["--false-alarms", "1"], "between 0 and 1, got 1"),
        (["--false-alarms", "nan"], "got nan"),
        (
            ["--false-alarms", "0.001"],
            "at least 999; what so few can keep is --false-alarms 0.005 or more",
        ),
        (["--per", "symbol", "--by", "mean"], "leave out --by"),
        (["--window", "4"], "--window is of --per window"),
        (["--per", "window", "--window", "0"], "--window must be at least 1, got 0"),
        (["--top-symbols", "0"], "--top-symbols must be at least 1"),
        (["--expected", "-1"], "--expected must be at least 0"),
        (["--normal-label", "0"], "--normal-label is a value of --label-field"),
        (["--label-field", "label"], "has no fields for labels"),
        (["--label-field", "label", "--per", "symbol"], "labels are of records"),
        (["--adapt-set", "orders=2"], "add --adapt"),
        (["--out", "found.txt"], "cannot write found.txt"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(
    capsys: pytest.CaptureFixture[str],
    run: Run,
    folder: Path,
    tmp_path: Path,
    options: list[str],
    wanted: str,
) -> None:
    words = ["anomalies", run.path, folder / "today.log", "--normal", folder / "normal.log"]
    out = tmp_path / "found.csv"
    assert wanted in ask(capsys, *words, "--out", out, *options).refusal
    assert not out.exists()


@pytest.mark.parametrize("which", ["normal", "searched", "all", "both"])
def test_sources_that_hold_nothing_are_refused(
    capsys: pytest.CaptureFixture[str], run: Run, folder: Path, tmp_path: Path, which: str
) -> None:
    empty, out = tmp_path / "empty.log", tmp_path / "found.csv"
    empty.write_text("")
    normal = ["--normal", empty if which in ("normal", "both") else folder / "normal.log"]
    source = folder / "today.log" if which == "normal" else empty
    words = ["anomalies", run.path, source, *(normal if which != "all" else []), "--out", out]
    refusal = ask(capsys, *words).refusal
    assert ("no records to search" if which == "searched" else "there are no normal records") in refusal
    assert not out.exists()


def test_labels_of_one_kind_and_missing_ones_are_refused(run: Run, folder: Path, tmp_path: Path) -> None:
    def refusal(path: Path, **options: Any) -> str:
        with pytest.raises(AnygramError) as caught:
            findings(run, path, **{"label_field": "label", **options})
        assert "\n" not in str(caught.value)
        return str(caught.value)

    normal = normal_lines(250, seed=7)
    alike = write_labelled(tmp_path / "alike.jsonl", normal, [])
    assert "labels to measure by are normal ones" in refusal(alike)
    assert "there are no normal records" in refusal(write_labelled(tmp_path / "bad.jsonl", [], FAULTS))
    assert "labels to measure by are anomalous ones" in refusal(
        write_labelled(tmp_path / "bad.jsonl", [], FAULTS), normal=folder / "normal.log"
    )
    assert "no field 'lable'" in refusal(alike, label_field="lable")
    write_lines(tmp_path / "null.jsonl", [json.dumps({"text": "open", "label": None})])
    assert "line 1: no field 'label', or it is null" in refusal(tmp_path / "null.jsonl")
    assert "10 normal scores set the threshold" in refusal(
        write_labelled(tmp_path / "few.jsonl", normal[:20], FAULTS)
    )
    with pytest.raises(UsageError, match="read only once"):
        run.anomalies("-")
    with pytest.raises(UsageError, match="no choice of --per named 'line'"):
        Rule(per="line")  # type: ignore[arg-type]
