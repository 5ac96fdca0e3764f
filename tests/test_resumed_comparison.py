"""A comparison goes on where it stopped: killed, interrupted, failed, or with more models."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import anygram
from anygram.comparison import floors
from anygram.errors import AnygramError, RunError, UsageError
from tests.asking import ask, strict_json, write_corpus

SETTINGS = {"lstm.units": 12, "lstm.embedding": 6, "lstm.rows": 4, "lstm.block": 8}
TIMED = ("seconds", "per_second", "peak_memory", "energy")


@pytest.fixture(autouse=True)
def no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compressors out, each of which is a process."""
    monkeypatch.setattr(floors, "available", list)


def _timeless(folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a comparison without what a clock measured."""
    rows = strict_json((folder / "results.json").read_text())["results"]
    return [
        {name: value for name, value in row.items() if not any(word in name for word in TIMED)}
        for row in rows
    ]


def _words(corpus: Path, out: Path, *more: str) -> list[str]:
    words = ["compare", corpus, "--models", "lstm,ngram,uniform", "--codec", "bytes", "--budget", "40steps"]
    for key, value in SETTINGS.items():
        words += ["--set", f"{key}={value}"]
    return [str(word) for word in (*words, "--third", "--out", out, *more)]


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    run = (
        "from anygram.comparison import floors; floors.available = list; from anygram.cli import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", run, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_killed_at_random_moments_and_resumed_it_gives_the_same_table(tmp_path: Path) -> None:
    corpus, generator = write_corpus(tmp_path, 300), random.Random(int.from_bytes(os.urandom(4)))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert _start(_words(corpus, whole)).wait() == 0
    words, kills = _words(corpus, killed), 0
    while kills < 3:
        process = _start(words)
        try:
            process.wait(timeout=generator.uniform(2.0, 8.0))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
        if (killed / "contest.json").exists():
            words = ["compare", "--resume", "--out", str(killed)]
    if not (killed / "results.json").exists():
        assert _start(words).wait() == 0
    assert _timeless(killed) == _timeless(whole)


def test_what_is_done_is_not_done_again_and_more_models_may_come(tmp_path: Path) -> None:
    corpus, out = write_corpus(tmp_path), tmp_path / "out"
    first = anygram.compare(corpus, out, models="uniform:bytes", budget="3steps")
    written = (out / "uniform-bytes" / "run.toml").stat().st_mtime_ns
    both = anygram.compare(out=out, add="frequency:bytes", settings={"frequency.order": 2})
    assert {row.who for row in both.rows} == {"uniform-bytes", "frequency-bytes"}
    assert next(row for row in both.rows if row.model == "uniform") == first.rows[0]
    assert (out / "uniform-bytes" / "run.toml").stat().st_mtime_ns == written
    assert next(row for row in both.rows if row.model == "frequency").model_settings["order"] == 2
    again = anygram.compare(corpus, out, resume=True)
    assert [row.to_json() for row in again.rows] == [row.to_json() for row in both.rows]


def test_questions_may_be_added_to_a_finished_comparison(tmp_path: Path) -> None:
    corpus, out = write_corpus(tmp_path, 200), tmp_path / "out"
    first = anygram.compare(corpus, out, models="frequency:bytes", budget="1epochs")
    left = out / "found" / "share-2" / "frequency-bytes"
    asked = anygram.compare(out=out, resume=True, adapt=True, curves=True)
    assert [row.adaptive for row in asked.rows] == [False, True]
    (curve,) = asked.fields["curves"]
    assert [point["share"] for point in curve["points"]] == [1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0]
    sizes = [point["bytes"] for point in curve["points"]]
    assert sizes == sorted(sizes) and sizes[2] == pytest.approx(sizes[4] / 4, rel=0.1)
    assert curve["points"][-1]["bits_per_byte"] == first.rows[0].bits_per_byte
    assert not left.exists()
    left.mkdir()  # as a process leaves it that is killed between finding and clearing
    anygram.compare(out=out, resume=True)
    assert not left.exists()
    assert asked.rows[0].bits_per_byte == first.rows[0].bits_per_byte


def test_a_model_that_failed_is_tried_again(tmp_path: Path) -> None:
    corpus, out = write_corpus(tmp_path), tmp_path / "out"
    failed = anygram.compare(corpus, out, models="uniform:bytes,frequency:bytes", budget="1steps", sweep={})
    (out / "found" / "uniform-bytes.json").write_text('{"error": "out of memory"}')
    assert [row.error for row in failed.rows] == ["", ""]
    again = anygram.compare(out=out, resume=True)
    assert [row.error for row in again.rows] == ["", ""]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"budget": "4steps"}, r"was begun with other budget \(.*steps=3.*, now .*steps=4"),
        ({"seed": 1}, r"was begun with other seed \(0, now 1\); resume with the same, or leave it out"),
        ({"test": 0.2}, r"was begun with other test \(0.1, now 0.2\)"),
        ({"models": "lstm"}, "bring others in with --add"),
        ({"add": "uniform:bytes"}, "uniform-bytes takes part already"),
    ],
)
def test_another_question_is_not_a_resumed_one(tmp_path: Path, asked: dict[str, Any], message: str) -> None:
    corpus, out = write_corpus(tmp_path), tmp_path / "out"
    anygram.compare(corpus, out, models="uniform:bytes", budget="3steps")
    with pytest.raises(UsageError, match=message):
        anygram.compare(corpus, out, resume=True, **asked)


def test_other_data_under_the_same_name_are_refused(tmp_path: Path) -> None:
    corpus, out = write_corpus(tmp_path), tmp_path / "out"
    anygram.compare(corpus, out, models="uniform:bytes", budget="3steps")
    before = (out / "results.json").read_bytes()
    write_corpus(tmp_path, 61)
    with pytest.raises(
        UsageError, match=r"was begun on other data \(fingerprint was .*, now .*\); name the same sources"
    ):
        anygram.compare(corpus, out, resume=True)
    assert (out / "results.json").read_bytes() == before


@pytest.mark.parametrize("part", ["valid", "test"])
def test_other_data_under_the_name_of_a_held_out_source_are_refused(tmp_path: Path, part: str) -> None:
    """Else some contestants would have been scored, or stopped, on the old ones and some on the new."""
    corpus, held_out, out = write_corpus(tmp_path), tmp_path / "held_out.log", tmp_path / "out"
    held_out.write_text("the cat in the log\nthe rat\n" * 10)
    source: dict[str, Any] = {part: held_out}
    first = anygram.compare(corpus, out, models="uniform:bytes", budget="3steps", **source)
    assert first.fields["data"][f"{part}_fingerprint"] != first.fields["data"]["fingerprint"]
    held_out.write_text("the dog in the log\nthe rat\n" * 10)  # as many bytes
    with pytest.raises(
        UsageError, match=rf"on other data \({part}_fingerprint was .*, now .*\); name the same"
    ):
        anygram.compare(out=out, add="frequency:bytes")
    held_out.write_text("the cat in the log\nthe rat\n" * 10)
    assert len(anygram.compare(out=out, add="frequency:bytes").rows) == 2


def test_there_must_be_something_to_go_on_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RunError, match=r"holds no comparison \(it has no contest.json\)"):
        anygram.compare(out=tmp_path / "none", resume=True)
    assert "on which data? name a source" in ask(capsys, "compare", "--out", tmp_path / "none").refusal
    (tmp_path / "contest.json").write_text('{"format": 1, "fingerprint": "x", "options": {}}')
    with pytest.raises(AnygramError, match=r"contest.json: .*; the file is damaged, compare anew"):
        anygram.compare(out=tmp_path, resume=True)


def test_the_command_of_a_comparison_asks_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus, out, again = write_corpus(tmp_path, 200), tmp_path / "out", tmp_path / "again"
    first = anygram.compare(
        corpus, out, models="frequency:bytes,uniform:bytes", settings={"frequency.k": 0.5}, test=0.2,
        sweep={"frequency.order": [1, 2]}, budget="1epochs,40s", prefer="memory", third=True, again=True,
        documents="lines",
    )  # fmt: skip
    words = shlex.split(first.fields["question"]["command"])
    assert words[:2] == ["anygram", "compare"] and words[-1] == str(out)
    assert ask(capsys, *words[1:-1], again).status == 0
    asked = [strict_json((folder / "contest.json").read_text()) for folder in (out, again)]
    for contest in asked:
        for one in contest["contestants"]:
            one["values"] = {key: str(value) for key, value in one["values"].items()}
    assert asked[0] == asked[1]
    chosen = {row.who: row.chosen for row in first.rows}
    assert sorted(chosen.values()) == [False, True, True] and chosen["uniform-bytes"]
    assert set(first.fields["answer"]["pareto"]) <= {who for who, kept in chosen.items() if kept}


def test_side_by_side_they_come_out_the_same(tmp_path: Path) -> None:
    corpus, models = write_corpus(tmp_path, 200), "frequency:bytes,uniform:bytes,ngram:bytes"
    alone = anygram.compare(corpus, tmp_path / "alone", models=models, budget="1epochs")
    together = anygram.compare(corpus, tmp_path / "together", models=models, budget="1epochs", parallel=3)
    assert _timeless(tmp_path / "alone") == _timeless(tmp_path / "together")
    rules = [{rule["rule"]: rule["held"] for rule in one.fields["rules"]} for one in (alone, together)]
    assert rules[0]["one at a time"] and "one at a time" not in rules[1]
