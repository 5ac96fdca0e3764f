"""Comparing: one corpus, the same splits for all, floors, rows that failed, stopping in the middle."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import api, cli, runs
from anygram.comparison import compare as comparing
from anygram.comparison import floors, results
from anygram.comparison.contest import Contestant, contestants
from anygram.comparison.results import Row
from anygram.data.documents import Document
from anygram.errors import AnygramError, UsageError
from anygram.models import alone
from tests.asking import ask, contents, strict_json, write_corpus

LSTM = ["lstm.units=12", "lstm.embedding=6", "lstm.rows=4", "lstm.block=8"]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """Return the folder of a comparison through the command line, and what it printed as JSON."""
    folder = tmp_path_factory.mktemp("compared")
    corpus = write_corpus(folder, 400)
    printed, said = io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(printed), redirect_stderr(said):
        patch.setattr(floors, "available", lambda: ["gzip", "xz"])
        words = [
            "compare", corpus, "--models", "uniform:bytes,frequency,lstm:bytes,frequency:words",
            "--codec", "chars", "--budget", "20steps", "--test", "0.2", "--out", folder / "out", "--json",
            *(word for pair in (*LSTM, "frequency.order=3") for word in ("--set", pair)),
        ]  # fmt: skip
        status = cli.run([str(word) for word in words])
    assert status == 0, said.getvalue()
    return folder / "out", strict_json(printed.getvalue())


@pytest.fixture
def no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compressors out, each of which is a process."""
    monkeypatch.setattr(floors, "available", list)


# From end to end


def test_results_are_what_the_command_printed(compared: tuple[Path, dict[str, Any]]) -> None:
    folder, printed = compared
    stored = strict_json((folder / "results.json").read_text())
    assert stored["results"] == printed["results"]
    rows = printed["results"]
    assert [(row["model"], row["codec"]) for row in rows if not row["floor"]] == [
        ("frequency", "chars"), ("lstm", "bytes"), ("uniform", "bytes"), ("frequency", "words"),
    ]  # fmt: skip
    assert [row["model"] for row in rows[-2:]] == sorted(
        ["gzip", "xz"], key=lambda name: next(row["bits_per_byte"] for row in rows if row["model"] == name)
    )
    assert sorted(path.name for path in folder.iterdir()) == [
        "contest.json", "found", "frequency-chars", "frequency-words", "lstm-bytes", "report.html",
        "report.md", "results.json", "uniform-bytes",
    ]  # fmt: skip


def test_every_figure_is_there(compared: tuple[Path, dict[str, Any]]) -> None:
    for row in compared[1]["results"]:
        assert {"model", "codec", "bits_per_byte", "ci_low", "ci_high", "adaptive", "train_seconds"} <= set(
            row
        )
        assert row["error"] == "" and row["train_seconds"] > 0
        assert row["adaptive"] is row["floor"] is (row["model"] in ("gzip", "xz"))
        if row["floor"]:
            assert row["bits_per_byte"] > 0 and row["ci_low"] is row["ci_high"] is None
            continue
        assert row["score_bytes_per_second"] > 0 and row["generate_symbols_per_second"] > 0
        assert row["model_bytes"] > 0 and row["peak_memory_bytes"] > 1e6 and row["perplexity"] > 1
        if row["codec"] == "words":
            assert row["bits_per_byte"] is row["ci_low"] is None
        else:
            assert row["ci_low"] <= row["bits_per_byte"] <= row["ci_high"]
    lstm = next(row for row in compared[1]["results"] if row["model"] == "lstm")
    assert lstm["model_settings"]["units"] == 12 and lstm["train_symbols"] == 20 * 32


def test_all_see_the_same_test_part(compared: tuple[Path, dict[str, Any]]) -> None:
    folder, printed = compared
    loaded = {row["run"]: anygram.load(folder / row["run"]) for row in printed["results"] if row["run"]}
    assert len({run.record.figures["test"]["bytes"] for run in loaded.values()}) == 1
    assert len({run.record.figures["test"]["documents"] for run in loaded.values()}) == 1
    assert {run.record.data["test_documents"] for run in loaded.values()} == {80}
    # so small a budget cannot overfit: nobody gives up a part for validation
    valid = {name: run.record.data["valid_documents"] for name, run in loaded.items()}
    assert valid == {"lstm-bytes": 0, "uniform-bytes": 0, "frequency-chars": 0, "frequency-words": 0}
    uniform = next(row for row in printed["results"] if row["model"] == "uniform")
    figures = loaded["uniform-bytes"].record.figures["test"]
    assert uniform["bits_per_byte"] == pytest.approx(figures["bits_per_byte"])
    assert uniform["perplexity"] == pytest.approx(257)


def test_a_comparison_is_what_training_alone_gives(compared: tuple[Path, dict[str, Any]]) -> None:
    corpus = compared[0].parent / "corpus.log"
    run = anygram.train(
        corpus, "frequency", codec="chars", test=0.2, settings={"order": 3}, budget="20steps", valid="none"
    )
    row = compared[1]["results"][0]
    assert row["bits_per_byte"] == pytest.approx(run.record.figures["test"]["bits_per_byte"])


def test_the_reports_say_it_to_people(compared: tuple[Path, dict[str, Any]]) -> None:
    folder, printed = compared
    for name in ("report.md", "report.html"):
        report = (folder / name).read_text()
        assert "20 steps" in report and printed["answer"]["text"][:40] in report, name
        for who in ("uniform-bytes", "lstm-bytes", "frequency-words", "xz"):
            assert who in report, (name, who)
        assert (
            printed["question"]["command"].split()[2] in report and printed["data"]["fingerprint"] in report
        )
    assert (folder / "report.html").stat().st_size < 1e6


def test_every_rule_is_checked_and_held(compared: tuple[Path, dict[str, Any]]) -> None:
    rules = {rule["rule"]: rule for rule in compared[1]["rules"]}
    assert {
        "the same test bytes", "the same training documents", "the same budget", "the budget spent",
        "the same threads", "one at a time", "one training each, of one seed",
        "no settings chosen by the test part", "causality", "predictions sum to one", "the state is carried",
        "the codec knows the training part alone",
    } <= set(rules)  # fmt: skip
    assert [rule for rule in rules.values() if rule["held"] is False] == []


def test_details_are_of_the_same_passage_and_add_up(compared: tuple[Path, dict[str, Any]]) -> None:
    details = compared[1]["details"]
    assert set(details) == {"frequency-chars", "lstm-bytes", "uniform-bytes", "frequency-words"}
    passages = {"".join(piece["text"] for piece in detail["passage"]) for detail in details.values()}
    assert len(passages) == 1
    rows = {row["who"]: row for row in compared[1]["results"]}
    for who in ("frequency-chars", "lstm-bytes", "uniform-bytes"):
        places = details[who]["by_position"]
        mean = sum(place["bytes"] * place["bits_per_byte"] for place in places) / sum(
            place["bytes"] for place in places
        )
        assert mean == pytest.approx(rows[who]["bits_per_byte"], rel=0.02)


def test_the_runs_of_a_comparison_are_runs(
    compared: tuple[Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    for row in compared[1]["results"]:
        if row["run"]:
            fields = ask(capsys, "inspect", compared[0] / row["run"], "--json").fields
            assert (fields["split"], fields["status"]) == ("test", "finished")
            assert fields["bits_per_byte"] == row["bits_per_byte"]


# Rows that failed


@pytest.mark.usefixtures("no_floors")
def test_a_job_that_fails_is_a_row_that_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ask(
        capsys, "compare", write_corpus(tmp_path), "--models", "rnn,uniform", "--budget", "1steps",
        "--set", "rnn.units=2000000000", "--out", tmp_path / "out",
    )  # fmt: skip
    assert said.status == 0
    good, failed = strict_json((tmp_path / "out" / "results.json").read_text())["results"]
    assert (good["model"], good["error"]) == ("uniform", "")
    assert failed["model"] == "rnn" and failed["bits_per_byte"] is None
    assert failed["error"].startswith("RuntimeError: ") and "allocate memory" in failed["error"]
    assert "\n" not in failed["error"]
    assert f"rnn failed: {failed['error']}" in said.out and "Traceback" not in said.err
    assert not (tmp_path / "out" / "rnn-bpe").exists()


@pytest.mark.usefixtures("no_floors")
def test_a_comparison_in_which_all_fail_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies without a word, as one that the system killed; what it left is cleared away."""
    scratch, killed = tmp_path / "scratch", tmp_path / "killed"
    scratch.mkdir()
    killed.write_text('#!/bin/sh\ntouch "$TMPDIR/left"\nkill -9 $$\n')
    killed.chmod(0o755)
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    monkeypatch.setenv("TMPDIR", str(scratch))
    monkeypatch.setattr(sys, "executable", str(killed))
    with pytest.raises(AnygramError, match=r"every model failed; uniform: its process ended with status -9"):
        anygram.compare(write_corpus(tmp_path), tmp_path / "out", models="uniform")
    (row,) = strict_json((tmp_path / "out" / "results.json").read_text())["results"]
    assert row["error"].startswith("its process ended with status -9")
    assert contents(scratch) == {}


def test_a_model_that_stops_early_is_a_row_with_a_remark() -> None:
    row = results.row("lstm", "bpe", {"bits_per_byte": 3.0, "perplexity": 8.0, "stopped": "no longer finite"})
    assert "lstm stopped early: no longer finite" in results.table([row])


def test_what_adapts_has_a_row_of_its_own_apart_from_the_static_ones(tmp_path: Path, no_floors: None) -> None:
    corpus = tmp_path / "repeats.txt"
    corpus.write_text("".join(f"entry {n % 7} of {n * n % 50}, as before\n" for n in range(400)))
    compared = anygram.compare(
        corpus, tmp_path / "out", models=["ngram:bytes", "uniform:bytes"], budget="1epochs", adapt=True
    )
    found = [(row.model, row.adaptive, row.way, row.run) for row in compared.rows]
    assert found == [
        ("ngram", False, "", "ngram-bytes"), ("uniform", False, "", "uniform-bytes"),
        ("ngram", True, "recency", "ngram-bytes"), ("uniform", True, "recency", "uniform-bytes"),
    ]  # fmt: skip
    static, adapted = compared.rows[1], compared.rows[3]
    assert adapted.bits_per_byte is not None and adapted.ci_low is not None and adapted.ci_high is not None
    assert adapted.ci_low <= adapted.bits_per_byte <= adapted.ci_high < 8.0 < (static.bits_per_byte or 0)
    assert adapted.train_seconds == static.train_seconds
    assert "uniform  (adaptive: recency)" in str(compared)
    assert "| uniform-bytes (recency) |" in (tmp_path / "out" / "report.md").read_text()


# Order


def test_another_seed_trains_anew_on_the_same_splits(tmp_path: Path, no_floors: None) -> None:
    corpus = write_corpus(tmp_path, 300)
    settings = dict(pair.split("=") for pair in LSTM)
    words: dict[str, Any] = {"models": "lstm:bytes,frequency:bytes", "settings": settings, "test": 0.2}
    made = anygram.compare(corpus, tmp_path / "out", budget="20steps", again=True, **words)
    found = made.fields["again"]
    first, again = (
        {row["who"]: row["bits_per_byte"] for row in rows}
        for rows in (made.fields["results"], found["results"])
    )
    assert (
        again["frequency-bytes"] == first["frequency-bytes"]
    )  # which knows no chance but that of the splits
    assert again["lstm-bytes"] != first["lstm-bytes"]
    assert again["lstm-bytes"] == pytest.approx(first["lstm-bytes"], rel=0.1)
    assert found["winner"] in first and found["text"] in made.fields["answer"]["text"]
    assert not (tmp_path / "out" / "found" / "again" / "lstm-bytes").exists()


def test_static_figures_come_first_and_best_first() -> None:
    rows = [
        Row("zstd", "", bits_per_byte=1.0, adaptive=True, floor=True),
        Row("broken", "bpe", error="no memory"),
        Row("lossy", "words", perplexity=90.0),
        Row("worse", "bpe", bits_per_byte=2.5),
        Row("xz", "", bits_per_byte=0.5, adaptive=True, floor=True),
        Row("better", "bpe", bits_per_byte=2.0),
        Row("adapted", "bpe", bits_per_byte=0.7, adaptive=True, way="recency"),
        Row("adapted-lossy", "words", perplexity=40.0, adaptive=True, way="recency"),
        Row("lossier", "words", perplexity=80.0),
        Row("coarse", "series", bits_per_unit=1.0, unit="value", perplexity=9.0),
        Row("fine", "series", bits_per_unit=-1.0, unit="value", perplexity=900.0),
    ]
    ordered = [row.model for row in results.in_order(rows)]
    assert ordered == [
        "better", "worse", "fine", "coarse", "lossier", "lossy", "xz", "adapted", "zstd",
        "adapted-lossy", "broken",
    ]  # fmt: skip


def test_densities_are_told_by_the_unit() -> None:
    told = results.table([Row("fine", "series", bits_per_unit=-1.0, unit="value", perplexity=900.0)])
    assert told.splitlines()[-1] == "fine over series is lossy: -1.000 bits per value, perplexity 900.00"


@given(order=st.permutations(["gzip", "lstm", "uniform"]))
def test_a_floor_never_stands_among_static_figures(order: list[str]) -> None:
    figures = {"gzip": 2.2, "lstm": 2.0, "uniform": 8.0}
    rows = [
        Row(name, "", bits_per_byte=figures[name], floor=name == "gzip", adaptive=name == "gzip")
        for name in order
    ]
    assert [row.model for row in results.in_order(rows)] == ["lstm", "uniform", "gzip"]


# Floors


TRAIN = [Document("the cat sat on the mat " * 20, 1), Document("naïve", 2)]
TEST = [Document("the dog sat on the log", 1), Document("", 0), Document("no newline", 0)]


def _bytes(documents: list[Document]) -> bytes:
    """Where nothing separated two documents a newline does."""
    return b"".join(document.to_bytes() + b"\n" * max(document.separator, 1) for document in documents)


@pytest.mark.parametrize(
    ("name", "compress"),
    [
        ("gzip", lambda raw: gzip.compress(raw, 9)),
        ("bzip2", lambda raw: bz2.compress(raw, 9)),
        ("xz", lambda raw: lzma.compress(raw, preset=9 | lzma.PRESET_EXTREME)),
    ],
)
def test_a_floor_is_what_the_test_part_adds(name: str, compress: Any) -> None:
    before, both = _bytes(TRAIN), _bytes(TRAIN) + _bytes(TEST)
    added = len(compress(both)) - len(compress(before))
    floor = floors.measure(name, TRAIN, TEST)
    assert floor.added_bytes == added
    assert floor.test_units == sum(document.units for document in TEST) == 33
    assert floor.bits_per_byte == 8 * added / 33


def test_zstd_has_the_training_part_as_history() -> None:
    noise = Document(os.urandom(2000).hex())
    assert floors.measure("zstd", [noise], [noise]).added_bytes < 50
    assert floors.measure("zstd", TRAIN, [noise]).added_bytes > 1900


@given(before=st.integers(1, 1 << 40), added=st.integers(1, 1 << 30))
def test_padding_brings_both_sizes_between_the_same_powers_of_two(before: int, added: int) -> None:
    padding = floors.padding_for(before, before + added)
    exponents = {(size + padding - 1).bit_length() for size in (before, before + added)}  # rounded up
    assert padding >= 0 and len(exponents) == 1
    assert padding == 0 or (before - 1).bit_length() != (before + added - 1).bit_length()


def test_zpaq_gets_its_padding_and_its_failure_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "zpaq"
    tool.write_text('#!/bin/sh\nwc -c < data >> "$SIZES"\ngzip -c data > archive.zpaq\n')
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("SIZES", str(tmp_path / "sizes"))
    assert floors.available()[-1] == "zpaq"
    train, test = [Document("a" * 1020, 1)], [Document("b" * 40, 1)]
    floor = floors.measure("zpaq", train, test)
    assert floor.added_bytes > 0
    sizes = [int(line) for line in (tmp_path / "sizes").read_text().split()]
    assert sizes == [1025, 1025 + 41]  # 1021 padded past 1024, with which the second run would grow
    tool.write_text("#!/bin/sh\necho cannot >&2\necho go on >&2\nexit 2\n")
    with pytest.raises(AnygramError, match="zpaq failed: cannot go on; take it off the PATH"):
        floors.measure("zpaq", train, test)


# What is asked for


def test_contestants_are_all_models_or_those_named() -> None:
    assert [one.model for one in contestants(None, None)] == alone()
    named = contestants(["lstm", " gru:bytes"], "chars", {"gru.units": "3"})
    assert named == (Contestant("lstm", "chars"), Contestant("gru", "bytes", {"units": "3"}))


def test_one_contestant_stands_for_each_value_to_try() -> None:
    sweep = {"lstm.units": ["8", "16"], "lstm.layers": ["1", "2"]}
    assert [one.who for one in contestants(["lstm", "uniform"], "bytes", {}, sweep)] == [
        "lstm-bytes-units=8-layers=1", "lstm-bytes-units=8-layers=2",
        "lstm-bytes-units=16-layers=1", "lstm-bytes-units=16-layers=2", "uniform-bytes",
    ]  # fmt: skip
    with pytest.raises(UsageError, match=r"lstm.units is both set and swept"):
        contestants(["lstm"], None, {"lstm.units": "3"}, sweep)
    with pytest.raises(UsageError, match=r"--sweep wants MODEL.KEY=VALUE .* got 'gru.units'"):
        contestants(["lstm"], None, {}, {"gru.units": ["3"]})


@pytest.mark.parametrize(
    ("models", "settings", "message"),
    [
        ("lsmt", {}, "no model named 'lsmt'; did you mean 'lstm'"),
        ("lstm:byte", {}, "no codec named 'byte'; did you mean 'bytes'"),
        ("lstm,gru,lstm", {}, "lstm-bpe is named twice"),
        ("", {}, "no model named ''"),
        (
            "uniform",
            {"order": "3"},
            "--set wants MODEL.KEY=VALUE with a model of the comparison, got 'order'",
        ),
        ("uniform", {"lstm.units": "3"}, "got 'lstm.units'; models: uniform"),
        ("frequency", {"frequency.ordr": "3"}, "no setting named 'ordr'; did you mean 'order'"),
        ("frequency", {"frequency.order": "0"}, "order must be at least 1, got 0"),
    ],
)
def test_a_wrong_contest_is_refused_before_any_work(
    tmp_path: Path, models: str, settings: dict[str, str], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        anygram.compare(tmp_path / "never read", tmp_path / "out", models=models, settings=settings)
    assert message in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_an_output_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "contest.json").touch()
    for out, message in {
        tmp_path / "old": r"holds a comparison; pass --resume to go on with it",
        tmp_path: r"is not empty; name another folder",
        tmp_path / "file": r"is a file; name a folder that does not exist yet",
        tmp_path / "file" / "out": r"cannot write .*: Not a directory",
    }.items():
        with pytest.raises(AnygramError, match=message):
            anygram.compare(tmp_path / "never read", out)


def test_a_comparison_needs_a_test_part(tmp_path: Path) -> None:
    with pytest.raises(AnygramError, match="needs a test part; leave --test at its default"):
        anygram.compare(write_corpus(tmp_path), tmp_path / "out", models="uniform", test="none")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("no_floors")
def test_bytes_that_are_no_text_may_be_compared_over_bytes(tmp_path: Path) -> None:
    """And the file's own name may be no text."""
    path = tmp_path / os.fsdecode(b"noise-\xff.log")
    path.write_bytes(os.urandom(5000))
    found = api.compare(path, tmp_path / "out", models="uniform:bytes,frequency:bytes", budget="5steps")
    assert [row.error for row in found.rows] == ["", ""]
    assert found.rows[0].bits_per_byte is not None and found.rows[0].bits_per_byte > 7.5


def test_a_notebook_shows_the_table() -> None:
    comparison = comparing.Comparison(Path("x"), [Row("a<b", "bytes", bits_per_byte=2.0)], {})
    assert "a&lt;b" in comparison._repr_html_() and "2.000" in str(comparison)


# Stopping in the middle


def _processes_that_know(word: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes()
        except OSError:  # it ended while we looked
            continue
        if word.encode() in line and int(path.parent.name) != os.getpid():
            found.append(path.parent.name)
    return found


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopping_leaves_a_run_to_go_on_with_and_nothing_half_written(tmp_path: Path, number: int) -> None:
    corpus, out, scratch = write_corpus(tmp_path), tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    words = [
        "compare",
        str(corpus),
        "--models",
        "lstm",
        "--budget",
        "1h",
        "--out",
        str(out),
        "--codec",
        "bytes",
    ]
    settings = [word for pair in LSTM for word in ("--set", pair)]
    process = subprocess.Popen(
        [sys.executable, "-c", "from anygram.cli import main; main()", *words, *settings],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        env={**os.environ, "TMPDIR": str(scratch)},
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("training lstm"):
            break
    time.sleep(0.5)
    os.killpg(process.pid, number)  # as a terminal does: to all of the group
    printed, said = process.communicate(timeout=60)
    assert (process.returncode, printed) == (1, "")
    assert said.splitlines()[-1] == f"anygram: stopped; {out} keeps what is done; --resume goes on with it"
    assert "Traceback" not in said
    assert sorted(path.name for path in out.iterdir()) == ["contest.json", "lstm-bytes"]
    assert runs.read(out / "lstm-bytes").record.status == "training"
    assert runs.read_training(out / "lstm-bytes")
    assert contents(scratch) == {} and not _processes_that_know(str(scratch))
