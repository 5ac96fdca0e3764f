"""Bad input through the command line: one line that names the remedy, exit 1 or 2, nothing half-written."""

from __future__ import annotations

import dataclasses
import errno
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pytest

from anygram import codecs, models, runs
from anygram.data import store
from anygram.learning import counting, gradient
from anygram.protocols import Countable
from anygram.training import session
from tests.asking import SENTENCES, Said, ask, contents, write_corpus

TEXT_CODECS = [name for name in codecs.REGISTRY.names() if codecs.kind_of(name) == codecs.TEXT]

TINY: dict[str, list[str]] = {
    "mingru": ["units=4"],
    "minlstm": ["units=4"],
    "frequency": ["order=3"],
    "ngram": ["order=3"],
    "nnlm": ["embedding=4", "units=8"],
    "transformer": ["width=16", "heads=2", "layers=1"],
    "contextmix": ["memory=40000000"],
    "mixture": [],
    "uniform": [],
}
RECURRENT = ["units=8", "embedding=4"]


class Prompt:
    """Asks the program in a folder, and sees to it that a refusal leaves nothing behind."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.scratch = folder.parent / "scratch"
        self.scratch.mkdir()

    def ask(self, *words: object) -> Said:
        """Run a command that may do what it is told."""
        said = ask(self._capsys, *words)
        assert contents(self.scratch) == {}
        return said

    def refused(self, *words: object) -> str:
        """Return the one line with which a command is refused: usage (2) or failure (1), as words, with ;."""
        before = contents(self.folder)
        said = self.ask(*words)
        assert said.status in (1, 2)
        assert contents(self.folder) == before
        assert ";" in said.refusal, "no remedy"
        return f"{said.status}: {said.refusal}"

    def train(self, source: object, *words: object, model: str = "frequency") -> str:
        """Return how a training is refused."""
        return self.refused("train", source, "--model", model, "--out", self.folder / "run", *words)


@pytest.fixture
def prompt(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Prompt:
    folder = tmp_path / "here"
    folder.mkdir()
    made = Prompt(folder, capsys)
    monkeypatch.setattr(tempfile, "tempdir", str(made.scratch))
    return made


def _settings(model: str) -> list[str]:
    return [word for pair in TINY.get(model, RECURRENT) for word in ("--set", f"model.{pair}")]


# Sources


def test_a_source_that_is_not_there(prompt: Prompt) -> None:
    (prompt.folder / "empty").mkdir()
    (prompt.folder / "pictures").mkdir()
    (prompt.folder / "pictures" / "cat.png").write_bytes(b"\x89PNG")
    for source, message in {
        "nowhere.txt": "1: nowhere.txt: no such file or folder; check the path",
        "no*where": "1: no*where: no file matches; check the pattern",
        str(prompt.folder / "empty"): "1: .* no readable file in this folder; name a file",
        str(prompt.folder / "pictures"): "1: .* no readable file in this folder; name a file",
        "example:docs": "2: no example named 'docs'; did you mean 'docstrings'",
        "gopher://a/b.txt": "1: gopher://a/b.txt: cannot be reached (.*); check the address",
    }.items():
        _like(prompt.train(source), message)
        _like(prompt.refused("compare", source, "--out", prompt.folder / "out"), message)


def _like(text: str, pattern: str) -> None:
    """Hold that the text begins as the pattern, in which .* stands for anything."""
    at = 0
    for part in pattern.split(".*"):
        found = text.find(part, at)
        assert found >= 0 and (at or found == 0), f"{text!r} is not like {pattern!r}"
        at = found + len(part)


@pytest.mark.parametrize("option", ["--valid", "--test"])
def test_a_part_that_is_not_there_is_found_out_before_anything_is_read(
    prompt: Prompt, option: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spooled(*words: Any) -> None:
        raise AssertionError("a source was read before all were looked for")

    monkeypatch.setattr(store.DocumentStore, "spool", spooled)
    corpus = write_corpus(prompt.folder)
    _like(prompt.train(corpus, option, "nowhere.txt"), "1: nowhere.txt: no such file or folder")
    for fraction in ("2", "0", "1.0", "-0.1", "nan"):
        message = f"2: {option} as a fraction must lie between 0 and 1, got {fraction}; or pass none"
        assert prompt.train(corpus, option, fraction) == message


@pytest.mark.parametrize("content", ["", "\n", "\r\n\n"])
@pytest.mark.parametrize("model", ["uniform", "frequency", "ngram", "lstm"])
def test_an_empty_corpus(prompt: Prompt, content: str, model: str) -> None:
    path = prompt.folder / "empty.log"
    path.write_text(content)
    for codec in TEXT_CODECS:
        said = prompt.train(path, "--codec", codec, "--valid", "none", model=model)
        assert said == f"1: {path}: there is no text in it; name a source that holds some"


def test_an_empty_corpus_is_not_evaluated(prompt: Prompt) -> None:
    _run(prompt)
    path = prompt.folder / "empty.txt"
    path.touch()
    assert "no text" in prompt.refused("evaluate", prompt.folder / "run", path)
    assert "no text" in prompt.refused("compare", path, "--out", prompt.folder / "out")


def _run(prompt: Prompt) -> Path:
    words = ["--model", "frequency", "--codec", "bytes", "--out", prompt.folder / "run"]
    assert prompt.ask("train", write_corpus(prompt.folder), *words).status == 0
    return prompt.folder / "run"


@pytest.mark.parametrize("content", ["a", "aaaaaaaaaa", "a" * 500, "a\n" * 30])
@pytest.mark.parametrize("model", models.alone())
def test_a_corpus_of_one_symbol_is_learnt(prompt: Prompt, model: str, content: str) -> None:
    path = prompt.folder / "one.log"
    path.write_text(content)
    for codec in TEXT_CODECS:
        out = prompt.folder / f"run-{codec}"
        words = ["--model", model, "--codec", codec, "--budget", "2steps", "--out", out]
        said = prompt.ask("train", path, *words, *_settings(model))
        if said.status != 0:  # a part for validation cannot always be cut off
            assert "part would be empty" in said.refusal and not out.exists()
            said = prompt.ask("train", path, *words, *_settings(model), "--valid", "none")
        assert said.status == 0, said.err
        assert prompt.ask("generate", out, "--prompt", "a", "--max-symbols", 3).status == 0
        assert prompt.ask("evaluate", out, path, "--json").fields["perplexity"] >= 1


def test_a_corpus_too_small_for_its_splits(prompt: Prompt) -> None:
    path = prompt.folder / "small.txt"
    path.write_text("ab")
    _like(prompt.train(path, "--test", "0.9"), "1: the training part would be empty: .*; give more data")
    _like(
        prompt.refused("compare", path, "--test", "0.9", "--out", prompt.folder / "out"),
        "1: the training part",
    )


BINARY = b"plain at first \xff\xfe and then not"


@pytest.mark.parametrize("codec", ["chars", "words", "bpe"])
def test_a_binary_file_under_a_codec_of_text(prompt: Prompt, codec: str) -> None:
    path = prompt.folder / "program.txt"
    path.write_bytes(BINARY)
    said = prompt.train(path, "--codec", codec)
    assert said == (
        f"1: {path}: not UTF-8 at byte 15; convert the file or use --codec bytes, "
        "or pass --on-bad-record skip"
    )
    assert "no text" in prompt.train(path, "--codec", codec, "--on-bad-record", "skip")
    words = ["train", path, "--model", "frequency", "--codec", "bytes", "--out", prompt.folder / "run"]
    assert prompt.ask(*words).status == 0
    said_of_run = prompt.ask("evaluate", prompt.folder / "run", path, "--json")
    assert said_of_run.fields["bytes"] == len(BINARY)


def test_a_field_that_cannot_be_read(prompt: Prompt) -> None:
    path = prompt.folder / "mail.jsonl"
    path.write_text('{"body": "one", "size": 3}\n{"body": "two", "size": 4}\n')
    _like(
        prompt.train(path, "--text-field", "bodi"),
        f"1: {path} line 1: no field 'bodi', or it is null; fix it",
    )
    _like(
        prompt.train(path, "--text-field", "size"), f"1: {path} line 1: field 'size' holds int, not text; fix"
    )
    _like(
        prompt.train(path, "--documents", "lines"), f"2: {path} holds records, one document each; leave out"
    )
    text = write_corpus(prompt.folder)
    _like(prompt.train(text, "--text-field", "body"), f"2: {text} has no fields; leave out --text-field")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission(prompt: Prompt) -> None:
    path = write_corpus(prompt.folder)
    path.chmod(0)
    assert "check the file and its permissions" in prompt.train(path)
    path.chmod(0o600)


def test_standard_input_is_read_once(prompt: Prompt) -> None:
    assert prompt.train("-", "--valid", "-").startswith("2: standard input can be read once; name another")


# Names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--model", "lsmt"], "2: no model named 'lsmt'; did you mean 'lstm'? known: attentive, contextmix"),
        (["--codec", "byte"], "2: no codec named 'byte'; did you mean 'bytes'? known: audio, bpe"),
        (["--set", "ordr=3"], "2: no setting named 'ordr'; did you mean 'order'? known: "),
        (["--set", "model.ordr=3"], "2: no model setting named 'ordr'; did you mean 'order'?"),
        (["--set", "order"], "2: --set wants KEY=VALUE, got 'order'; for example --set order=3"),
        (["--set", "order=3", "--set", "order=4"], "2: --set gives 'order' twice, 3 and 4; keep one"),
        (["--set", "order=three"], "2: order must be a whole number, got 'three'"),
        (["--set", "order=0"], "2: order must be at least 1, got 0"),
        (["--set", "k=nan"], "2: k must be a number, got 'nan'"),
        (["--set", "batch=0"], "2: batch must be at least 1 symbol, got 0"),
        (["--config", "nowhere.toml"], "2: --config nowhere.toml: No such file or directory; name a TOML"),
        (["--seed", "-1"], "2: seed must be at least 0"),
        (["--budget", "0s"], "2: a budget must be more than zero and finite, got 0 seconds; for example 20s"),
        (["--budget", "0steps"], "2: a budget must be more than zero and finite, got 0 steps; for example"),
        (["--budget", "-5m"], "2: cannot read the budget '-5m'; write 20s, 10m, 2h, 500steps"),
        (["--budget", "fast"], "2: cannot read the budget 'fast'; write 20s, 10m"),
        (["--budget", "1.5steps"], "2: a budget of steps must be a whole number, got 1.5"),
        (["--out", "corpus.log"], "2: --out corpus.log is a file; name a folder that does not exist yet"),
    ],
)
def test_a_word_that_is_wrong_is_refused_before_any_work(
    prompt: Prompt, words: list[str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(prompt.folder)
    write_corpus(prompt.folder)
    before = contents(prompt.folder)
    said = prompt.ask("train", "never-read.txt", "--model", "frequency", "--out", "run", *words)
    assert f"{said.status}: {said.refusal}".startswith(message)
    assert contents(prompt.folder) == before and "reading" not in said.err


CONFIGS: list[tuple[str, type[Any]]] = [
    *((f"model {name}", models.REGISTRY.load(name).Config) for name in models.REGISTRY.names()),
    *((f"codec {name}", codecs.REGISTRY.load(name).Config) for name in codecs.REGISTRY.names()),
    ("learner counting", counting.Config),
    ("learner gradient", gradient.Config),
]
NUMBERS = [
    (name, config, field.name)
    for name, config in CONFIGS
    for field in dataclasses.fields(config)
    if get_type_hints(config)[field.name] in (int, int | None)
]


@pytest.mark.parametrize(("owner", "config", "key"), NUMBERS, ids=[f"{o}.{k}" for o, _, k in NUMBERS])
def test_no_size_is_negative(owner: str, config: type[Any], key: str) -> None:
    for size in (-1, -(10**6)):
        with pytest.raises(ValueError, match=rf"{key} must be .*got {size}"):
            config(**{key: size})


@pytest.mark.parametrize("codec", ["bpe", "chars", "words"])
def test_a_vocabulary_of_one(prompt: Prompt, codec: str) -> None:
    corpus = write_corpus(prompt.folder)
    for size in ("1", "0", "-3"):
        said = prompt.ask(
            "train", corpus, "--model", "uniform", "--codec", codec, "--set", f"size={size}",
            "--out", prompt.folder / "run",
        )  # fmt: skip
        assert (
            said.status == 2 and f"size must be at least {'4' if codec == 'words' else '257'}" in said.refusal
        )
    assert not (prompt.folder / "run").exists()


@pytest.mark.parametrize(
    "name", [name for name in models.REGISTRY.names() if not models.needs_condition(name)]
)
def test_a_model_over_the_boundary_alone_is_certain(name: str) -> None:
    """A vocabulary of one has nothing to say but the end."""
    module = models.REGISTRY.load(name)
    sizes = dict(pair.split("=") for pair in TINY.get(name, RECURRENT))
    model = module.create(module.Config(**{key: int(size) for key, size in sizes.items()}), 1, 0)
    if isinstance(model, Countable):
        model.count(np.zeros(3, dtype=np.int32), np.ones(3, dtype=np.int64))
        model.finish()
    assert model.predict(model.start(1)).tolist() == [[pytest.approx(0, abs=1e-6)]]


# Asking


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["generate", "--temperature", "-1"], "2: temperature must be 0 or more, got -1"),
        (["generate", "--top-k", "0"], "2: top_k must be at least 1, got 0; leave it out"),
        (["generate", "--top-p", "2"], "2: top_p must be above 0 and at most 1, got 2"),
        (["generate", "--max-symbols", "0"], "2: max_symbols must be at least 1, got 0"),
        (["generate", "-n", "0"], "2: the number of samples must be at least 1, got 0"),
        (["generate", "--seed", "-1"], "2: seed must be at least 0"),
        (["predict", "--top", "0"], "2: top must be at least 1, got 0; for example --top 10"),
    ],
)
def test_a_wrong_question(prompt: Prompt, words: list[str], message: str) -> None:
    run = _run(prompt)
    said = prompt.ask(words[0], run, *words[1:])
    assert f"{said.status}: {said.refusal}".startswith(message)


def test_scores_go_into_a_table_of_a_known_kind(prompt: Prompt) -> None:
    run, corpus = _run(prompt), prompt.folder / "corpus.log"
    (prompt.folder / "dir.csv").mkdir()
    for out, message in {
        "scores.xls": "2: cannot write scores.xls; name a file that ends in .parquet, .csv, .jsonl, .tsv",
        str(prompt.folder / "dir.csv"): "2: --out .*dir.csv is a folder; name a file",
        str(corpus / "scores.csv"): "1: cannot write .*: Not a directory; choose another place",
    }.items():
        _like(prompt.refused("score", run, corpus, "--out", out), message)
    for verb in ("evaluate", "predict", "generate", "inspect"):
        words = [corpus] if verb == "evaluate" else []
        _like(
            prompt.refused(verb, prompt.folder, *words),
            "1: .* is not a run folder (it has no run.toml); train",
        )
    broken = prompt.folder / "broken.jsonl"
    broken.write_text('{"text": "a"}\n{"text": \n')
    _like(prompt.refused("score", run, broken, "--out", prompt.folder / "x.csv"), "1: .* line 2: not JSON")


# A full disk


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of 16 KB; only the superuser can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs to mount a small disk")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_fills_up_while_reading(
    prompt: Prompt, full_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(full_disk))
    said = prompt.train(write_corpus(prompt.folder, 4000))
    _like(said, "1: cannot write .*: No space left on device; the disk is full; free some room and run again")
    assert contents(full_disk) == {}


def test_a_disk_that_fills_up_while_writing_the_run(prompt: Prompt, full_disk: Path) -> None:
    corpus = write_corpus(prompt.folder, 2000)
    words = ["--model", "frequency", "--codec", "bytes", "--set", "order=4", "--out", full_disk / "run"]
    said = prompt.refused("train", corpus, *words)
    _like(said, "1: cannot write .*: No space left on device; the disk is full; free some room and run again")
    assert contents(full_disk) == {}


def test_a_disk_that_fills_up_while_scoring(prompt: Prompt, full_disk: Path) -> None:
    run = _run(prompt)
    long = write_corpus(full_disk.parent, 4000)
    for ending in ("csv", "jsonl", "parquet"):
        said = prompt.refused("score", run, long, "--out", full_disk / f"scores.{ending}")
        _like(said, "1: cannot write .*: No space left on device; the disk is full")
        assert contents(full_disk) == {}


def _full(*words: Any, **options: Any) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_checkpoint_that_finds_no_room_keeps_the_one_before(
    prompt: Prompt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CHECKPOINT_EVERY_SECONDS", 0.0)
    write = runs.write
    written: list[dict[str, bytes]] = []

    def fills_up(path: Path, *words: Any, **options: Any) -> None:
        if len(written) == 3:
            monkeypatch.setattr(os, "fsync", _full)
        write(path, *words, **options)
        written.append(contents(prompt.folder / "run"))

    monkeypatch.setattr(runs, "write", fills_up)
    words = ["--model", "frequency", "--set", "batch=50", "--out", prompt.folder / "run"]
    said = prompt.ask("train", write_corpus(prompt.folder), *words)
    assert said.status == 1 and "the disk is full" in said.refusal
    assert contents(prompt.folder / "run") == written[2]
    monkeypatch.undo()
    assert prompt.ask("train", prompt.folder / "corpus.log", *words, "--resume").status == 0


# Ctrl-C


def _stopped(
    prompt: Prompt, words: list[object], ready: Callable[[subprocess.Popen[str]], None]
) -> tuple[str, list[str]]:
    """Return what a program said that was stopped by Ctrl-C once it was ready; last line, and all before."""
    process = subprocess.Popen(
        [sys.executable, "-c", "from anygram.cli import main; main()", *map(str, words)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "TMPDIR": str(prompt.scratch)},
    )  # fmt: skip
    ready(process)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, "") and "Traceback" not in err
    assert contents(prompt.scratch) == {}
    lines = err.splitlines()
    return lines[-1], lines[:-1]


def _says(line: str, pause: float = 0.3) -> Callable[[subprocess.Popen[str]], None]:
    def ready(process: subprocess.Popen[str]) -> None:
        assert process.stderr is not None
        for said in process.stderr:
            if said.startswith(line):
                break
        time.sleep(pause)

    return ready


def test_stopping_while_reading_writes_nothing(prompt: Prompt) -> None:
    """Standard input is left open: the program waits for more."""
    words: list[object] = ["train", "-", "--model", "frequency", "--out", prompt.folder / "run"]

    def feed(process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        process.stdin.write("".join(f"{sentence}\n" for sentence in SENTENCES) * 500)
        process.stdin.flush()
        _says("reading -")(process)

    last, _ = _stopped(prompt, words, feed)
    assert last == "anygram: stopped; nothing was written"
    assert contents(prompt.folder) == {}


def test_stopping_while_training_leaves_a_run_to_go_on_with(prompt: Prompt) -> None:
    corpus, out = write_corpus(prompt.folder), prompt.folder / "run"
    words: list[object] = [
        "train",
        corpus,
        "--model",
        "rnn",
        "--codec",
        "bytes",
        "--out",
        out,
        *_settings("rnn"),
    ]
    last, _ = _stopped(prompt, [*words, "--budget", "1h"], _says("training rnn"))
    assert last == f"anygram: stopped; {out} keeps what was learnt; --resume goes on with it"
    steps = runs.read_record(out).spent["steps"]
    assert steps > 0
    said = prompt.ask(*words, "--budget", f"{steps + 3}steps", "--resume", "--json")
    assert said.fields["spent"]["steps"] == steps + 3
    assert sorted(path.name for path in prompt.folder.iterdir()) == ["corpus.log", "run"]
