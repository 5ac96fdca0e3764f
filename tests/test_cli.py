"""The command line: help, JSON and nothing else on standard output, exit statuses, one line for a failure."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyarrow import parquet

import anygram
from anygram import cli, diagnosis
from anygram.cli.app import COMMANDS
from anygram.errors import AnygramError
from anygram.models import REGISTRY
from tests.asking import ask, strict_json, write_corpus

NAMES = list(COMMANDS)
PROGRAM = [sys.executable, "-c", "from anygram.cli import main; main()"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a small counted run, with its corpus beside it."""
    folder = tmp_path_factory.mktemp("cli")
    corpus = write_corpus(folder)
    anygram.train(corpus, "frequency", codec="chars", out=folder / "run", test=0.2, settings={"order": 3})
    return folder / "run"


def _program(*words: str, encoding: str = "utf-8", **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the program in a process of its own, its output buffered as it is by default."""
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "PYTHONUNBUFFERED": ""}
    return subprocess.run(
        [*PROGRAM, *words], stderr=subprocess.PIPE, text=True, timeout=60, env=environment, **options
    )


# Help


@pytest.mark.parametrize("name", NAMES)
def test_every_command_explains_itself_by_example(capsys: pytest.CaptureFixture[str], name: str) -> None:
    said = ask(capsys, name, "--help")
    assert (said.status, said.err) == (0, "")
    assert f"  anygram {name}" in said.out.partition("Options:")[0].partition("\n")[2], "no example"
    assert "--json" in said.out


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"]])
def test_the_program_lists_its_commands(capsys: pytest.CaptureFixture[str], words: list[str]) -> None:
    said = ask(capsys, *words)
    assert (said.status, said.err) == (0, "")
    assert all(f"\n  {name} " in said.out for name in NAMES)


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from anygram import cli; cli.run(['--help']); cli.run(['train', '--help']); "
        "print([m for m in ('torch', 'numpy', 'pyarrow', 'tokenizers', 'rich') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# JSON: one object on standard output, everything else on standard error


def _commands(run: Path) -> dict[str, list[str]]:
    corpus, beside = str(run.parent / "corpus.log"), str(run.parent / "scores.jsonl")
    made = str(run.parent / "corpus.ng")
    return {
        "evaluate": ["evaluate", str(run), corpus],
        "score": ["score", str(run), corpus, "--out", beside],
        "predict": ["predict", str(run), "--prompt", "the "],
        "generate": ["generate", str(run), "--max-symbols", "20", "-n", "2"],
        "compress": ["compress", corpus, "--run", str(run), "--out", made],
        "decompress": ["decompress", made, "--run", str(run), "--out", f"{made}.back"],
        "anomalies": ["anomalies", str(run), corpus, "--false-alarms", "0.1", "--out", beside],
        "models": ["models"],
        "codecs": ["codecs"],
        "inspect": ["inspect", str(run)],
    }


@pytest.mark.parametrize(
    "name",
    [
        "evaluate",
        "score",
        "predict",
        "generate",
        "compress",
        "decompress",
        "anomalies",
        "models",
        "codecs",
        "inspect",
    ],
)
def test_a_command_runs_for_people_and_for_programs(
    capsys: pytest.CaptureFixture[str], run: Path, name: str
) -> None:
    words = _commands(run)[name]
    if name == "decompress":
        assert ask(capsys, *_commands(run)["compress"]).status == 0
    said = ask(capsys, *words)
    assert said.status == 0 and said.out.strip()
    with pytest.raises(ValueError):
        strict_json(said.out)
    said = ask(capsys, *words, "--json")
    assert said.status == 0 and isinstance(said.fields, dict) and said.out.count("\n") == 1


def test_train_says_in_json_what_came_of_it(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [
        "train",
        write_corpus(tmp_path),
        "--model",
        "uniform",
        "--codec",
        "bytes",
        "--test",
        "0.2",
        "--json",
    ]
    said = ask(capsys, *words, "--out", tmp_path / "run")
    assert said.status == 0
    assert said.fields["run"] == str(tmp_path / "run") and said.fields["status"] == "finished"
    assert said.fields["test"]["bits_per_byte"] == pytest.approx(np.log2(said.fields["test"]["perplexity"]))
    assert set(said.fields["spent"]) == {"seconds", "steps", "symbols", "epochs"}
    said = ask(capsys, *words[:-1], "--out", tmp_path / "other")
    assert "bits per byte on the test split" in said.out and f"anygram generate {tmp_path}/other" in said.out


def test_evaluate_has_the_fields_of_the_design(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    fields = ask(capsys, *_commands(run)["evaluate"], "--json").fields
    wanted = (
        "documents symbols units unit bytes nats bits_per_unit bits_per_byte perplexity "
        "perplexity_without_unknown unknown_symbols accuracy accuracy_top5 adaptive seconds "
        "symbols_per_second"
    )
    assert list(fields) == wanted.split()
    assert fields["units"] == fields["bytes"] == (run.parent / "corpus.log").stat().st_size


def test_inspect_says_which_split_its_figure_is_of(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    fields = ask(capsys, "inspect", run, "--json").fields
    assert fields["split"] == "test"
    assert fields["bits_per_byte"] == fields["figures"]["test"]["bits_per_byte"] > 0
    assert (fields["model"], fields["model_settings"]["order"]) == ("frequency", 3)
    bare = run.parent / "bare"
    anygram.train(run.parent / "corpus.log", "uniform", out=bare)
    fields = ask(capsys, "inspect", bare, "--json").fields
    assert (fields["split"], fields["bits_per_byte"]) == (None, None)


def test_scores_are_one_row_a_document(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    corpus, out = run.parent / "corpus.log", run.parent / "rows.jsonl"
    said = ask(capsys, "score", run, corpus, "--out", out, "--json")
    rows = [strict_json(line) for line in out.read_text().splitlines()]
    assert said.fields == {"out": str(out), "documents": len(rows)}
    assert [row["document"] for row in rows] == [f"{corpus}:{number}" for number in range(1, 61)]
    whole = ask(capsys, "evaluate", run, corpus, "--json").fields
    assert sum(row["nats"] for row in rows) == pytest.approx(whole["nats"])


def test_the_three_formats_of_scores_agree(capsys: pytest.CaptureFixture[str], run: Path) -> None:
    paths = {ending: run.parent / f"same.{ending}" for ending in ("jsonl", "csv", "parquet")}
    for path in paths.values():
        assert ask(capsys, "score", run, run.parent / "corpus.log", "--out", path).status == 0
    rows = [json.loads(line) for line in paths["jsonl"].read_text().splitlines()]
    assert parquet.read_table(paths["parquet"]).to_pylist() == rows
    with paths["csv"].open(newline="") as file:
        assert [float(row["nats"]) for row in csv.DictReader(file)] == [row["nats"] for row in rows]


def test_json_never_holds_what_json_has_not(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "examine", lambda: {"memory": float("nan"), "rates": [float("inf"), 1.0]})
    assert ask(capsys, "doctor", "--json").fields == {"memory": None, "rates": [None, 1.0]}


def test_doctor_says_what_is_here_and_how_fast(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(diagnosis, "MATRIX", 64)
    monkeypatch.setattr(diagnosis, "COUNTED", 2000)
    fields = ask(capsys, "doctor", "--json").fields
    assert fields["version of python"] == ".".join(map(str, sys.version_info[:3]))
    assert fields["version of torch"] and fields["cores"] == os.cpu_count()
    assert fields["matrix product (GFLOP/s)"] > 0 and fields["counting (symbols/s)"] > 0
    said = ask(capsys, "doctor")
    assert said.status == 0 and len(said.out.splitlines()) == len(fields)


def test_models_and_codecs_list_their_settings(capsys: pytest.CaptureFixture[str]) -> None:
    fields = ask(capsys, "models", "--json").fields
    assert list(fields) == REGISTRY.names()
    assert fields["frequency"]["settings"] == {"order": 2, "k": 0.03}
    assert all(entry["about"] for entry in fields.values())
    assert "size" in ask(capsys, "codecs", "--json").fields["bpe"]["settings"]


# Settings


def test_an_ngram_over_words_needs_nothing_heavy(tmp_path: Path) -> None:
    (tmp_path / "lines.log").write_text("to be\nor not to be\n" * 20)
    code = (
        "import sys; from anygram.cli import run\n"
        "train = ['train', 'lines.log', '--model', 'ngram', '--codec', 'words', '--out', 'run']\n"
        "assert run(train) == 0 and run(['score', 'run', 'lines.log', '--out', 'scores.jsonl']) == 0\n"
        "heavy = ('torch', 'tokenizers', 'pyarrow', 'fsspec', 'rich', 'scipy.signal', 'hypothesis')\n"
        "print([module for module in heavy if module in sys.modules])"
    )
    program = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert program.stdout.splitlines()[-1] == "[]"


def test_settings_come_from_a_file_and_from_words(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    config = tmp_path / "settings.toml"
    config.write_text("k = 0.5\nbatch = 100\n[model]\norder = 4\n[codec]\nmin_count = 2\n")
    words = ["train", write_corpus(tmp_path), "--model", "frequency", "--codec", "chars", "--config", config]
    said = ask(capsys, *words, "--set", "order=3", "--out", tmp_path / "run")
    assert said.status == 0, said.err
    fields = ask(capsys, "inspect", tmp_path / "run", "--json").fields
    assert fields["model_settings"] == {"order": 3, "k": 0.5}
    assert fields["codec_settings"]["min_count"] == 2
    assert fields["learner_settings"] == {"batch": 100}


def test_a_setting_may_say_whose_it_is(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = [
        "train",
        write_corpus(tmp_path),
        "--model",
        "frequency",
        "--codec",
        "chars",
        "--out",
        tmp_path / "run",
    ]
    said = ask(
        capsys, *words, "--set", "model.order=4", "--set", "learner.batch=50", "--set", "codec.min_count=3"
    )
    assert said.status == 0, said.err
    fields = ask(capsys, "inspect", tmp_path / "run", "--json").fields
    assert fields["model_settings"]["order"] == 4 and fields["codec_settings"]["min_count"] == 3
    assert fields["spent"]["steps"] > 20


# Failures


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["trian"], 2, "No such command 'trian'"),
        (["train"], 2, "Missing argument 'SOURCE"),
        (["train", "a.txt", "--out", "x"], 2, "which model? name one with --model"),
        (["train", "a.txt", "--model", "uniform", "--out", "x", "--sed", "3"], 2, "No such option: --sed"),
        (
            ["train", "a.txt", "--model", "uniform", "--out", "x", "--seed", "x"],
            2,
            "Invalid value for '--seed'",
        ),
        (["train", "a.txt", "--model", "uniform", "--out", "x", "--documents", "words"], 2, "'--documents'"),
        (["predict", "nowhere"], 1, "nowhere is not a run folder"),
    ],
)
def test_a_wrong_call_is_one_line(
    capsys: pytest.CaptureFixture[str], words: list[str], status: int, message: str
) -> None:
    said = ask(capsys, *words)
    assert said.status == status and message in said.refusal
    assert said.err.count("\n") == 1
    if status == 2:
        path = " ".join(["anygram", *(words[:1] if words[0] in NAMES else [])])
        assert said.refusal.endswith(f"; see {path} --help")


def _raising(error: BaseException) -> Callable[[], None]:
    def examine() -> None:
        raise error

    return examine


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ZeroDivisionError("division\nby zero"), "ZeroDivisionError: division by zero; --debug shows where"),
        (AnygramError("no file 'a\nb'; name another"), "no file 'a b'; name another"),
        (MemoryError(), "out of memory; give a smaller size or less data"),
        (KeyboardInterrupt(), "stopped; nothing was written"),
    ],
)
def test_every_failure_is_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: BaseException, line: str
) -> None:
    monkeypatch.setattr(diagnosis, "examine", _raising(error))
    said = ask(capsys, "doctor")
    assert (said.status, said.out, said.err) == (1, "", f"anygram: {line}\n")


@pytest.mark.parametrize("error", [ZeroDivisionError("x"), AnygramError("y")])
def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    monkeypatch.setattr(diagnosis, "examine", _raising(error))
    with pytest.raises(type(error)):
        cli.run(["doctor", "--debug"])


def test_debug_gives_a_traceback() -> None:
    done = _program("predict", "nowhere", "--debug", stdout=subprocess.PIPE)
    assert done.returncode == 1 and "Traceback (most recent call last)" in done.stderr


# Pipes


def test_a_reader_that_leaves_is_no_failure_to_talk_about() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = _program("codecs", "--json", stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand in for a full disk")
def test_output_that_finds_no_room_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = _program("codecs", stdout=full)
    assert done.returncode == 1
    assert done.stderr == "anygram: OSError: [Errno 28] No space left on device; --debug shows where\n"


def test_any_prompt_can_be_printed(run: Path) -> None:
    """Bytes that are no text, on a terminal that knows ASCII alone."""
    prompt = b"caf\xe9 \xe5\xa4\xa9".decode("utf-8", "surrogateescape")
    for words in (["generate", str(run), "--max-symbols", "3"], ["predict", str(run), "--json"]):
        done = _program(*words, "--prompt", prompt, stdout=subprocess.PIPE, encoding="ascii:strict")
        assert done.returncode == 0, done.stderr
