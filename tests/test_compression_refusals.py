"""What is no compressed file, is damaged or asks for another run is refused in one line, nothing written."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import models
from anygram.api import Run
from anygram.errors import DataError, RunError, UsageError
from anygram.reporting.progress import Silent
from anygram.tasks import compression
from anygram.tasks.compression import ends
from anygram.tasks.compression.container import MAGIC
from tests.asking import ask, write_corpus
from tests.packing import TEXT, stored


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("refusals"))


@pytest.fixture(scope="module")
def run(corpus: Path) -> Run:
    return anygram.train(corpus, "ngram", codec="bytes", documents="files", settings={"order": 3})


@pytest.fixture
def made(run: Run, tmp_path: Path) -> Path:
    """Return a file that a run made of TEXT."""
    (tmp_path / "data").write_bytes(TEXT)
    anygram.compress(tmp_path / "data", tmp_path / "made.ng", run=run)
    return tmp_path / "made.ng"


def test_every_flipped_bit_is_noticed(run: Run, made: Path, tmp_path: Path) -> None:
    good = made.read_bytes()
    for place in range(len(good)):
        wrong = bytearray(good)
        wrong[place] ^= 1 << place % 8
        made.write_bytes(wrong)
        with pytest.raises((DataError, RunError, UsageError)) as refused:
            anygram.decompress(made, tmp_path / "back", run=run)
        assert "\n" not in str(refused.value) and str(made) in str(refused.value)
        assert not (tmp_path / "back").exists()


def test_flipped_bits_are_noticed_in_what_a_network_wrote(tmp_path: Path) -> None:
    module = models.REGISTRY.load("lstm")
    run = stored(module.create(module.Config(units=4, embedding=2), 257, 0))
    (tmp_path / "data").write_bytes(b"to be or not to be" * 9)
    made = tmp_path / "made.ng"
    compression.compress(str(tmp_path / "data"), made, ends.with_run(run, "run"), Silent())
    good = made.read_bytes()
    for place in range(0, len(good), 6):
        wrong = bytearray(good)
        wrong[place] ^= 1 << place % 7
        made.write_bytes(wrong)
        with pytest.raises((DataError, RunError)) as refused:
            compression.decompress(str(made), tmp_path / "back", run, "run", Silent())
        assert "\n" not in str(refused.value) and not (tmp_path / "back").exists()


def test_every_cut_and_every_addition_is_noticed(alone: None, run: Run, made: Path, tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(TEXT[:100])
    anygram.compress(tmp_path / "data", tmp_path / "short.ng")
    for file, its_run in ((made, run), (tmp_path / "short.ng", None)):
        good = file.read_bytes()
        for size in range(len(good)):
            file.write_bytes(good[:size])
            with pytest.raises(DataError, match="end too early" if size > 2 else "not a file that"):
                anygram.decompress(file, tmp_path / "back", run=its_run)
        file.write_bytes(good + b"\0")
        with pytest.raises(DataError, match="bytes follow the end"):
            anygram.decompress(file, tmp_path / "back", run=its_run)
    assert not (tmp_path / "back").exists()


@given(st.binary(max_size=60))
def test_what_is_no_such_file_is_refused_whatever_it_is(alone: None, tmp_path: Path, rest: bytes) -> None:
    for start in (b"", MAGIC, MAGIC + b"\x01\x00", MAGIC + b"\x01\x00\x00"):
        (tmp_path / "odd.ng").write_bytes(start + rest)
        with pytest.raises(DataError, match=r"odd\.ng"):
            anygram.decompress(tmp_path / "odd.ng", tmp_path / "back")


def test_refusals_of_the_command_line(
    alone: None,
    capsys: pytest.CaptureFixture[str],
    run: Run,
    corpus: Path,
    made: Path,
    tmp_path: Path,
) -> None:
    path, data, out = run.path, tmp_path / "data", tmp_path / "out"
    lossy = anygram.train(corpus, "uniform", codec="words", out=tmp_path / "lossy").path
    anygram.train(corpus, "ngram", codec="bytes", out=tmp_path / "other", settings={"order": 2})
    anygram.compress(data, tmp_path / "alone.ng")
    cases: list[tuple[list[object], int, str]] = [
        (["compress", tmp_path / "none", "--out", out], 1, "none: cannot be read (No such file"),
        (["compress", tmp_path, "--out", out], 2, "is a folder; name a file"),
        (["compress", data, "--out", tmp_path], 2, "is a folder; name a file"),
        (["compress", data, "--out", out, "--run", tmp_path / "none"], 1, "is not a run folder"),
        (["compress", data, "--out", out, "--run", lossy], 2, "words, does not bring every text back"),
        (["compress", data, "--out", out, "--run", path, "--adapt-by", "dynamic"], 2, "not this model; ways"),
        (
            ["compress", data, "--out", out, "--run", path, "--rows", "0"],
            2,
            "rows must be from 1 to 4096, got 0",
        ),
        (["compress", data, "--out", out, "--adapt"], 2, "leave out --adapt"),
        (["compress", data, "--out", out, "--rows", "2"], 2, "leave out --rows"),
        (
            ["compress", data, "--out", out, "--run", path, "--memory", "1G"],
            2,
            "leave out --set and --memory",
        ),
        (["compress", data, "--out", out, "--set", "sise=strong"], 2, "did you mean 'size'"),
        (["decompress", made, "--out", out], 2, "was compressed with a run; name it with --run"),
        (["decompress", made, "--out", out, "--run", tmp_path / "other"], 1, "with another run than"),
        (["decompress", tmp_path / "alone.ng", "--out", out, "--run", path], 2, "leave out --run"),
        (["decompress", data, "--out", out], 1, "is not a file that anygram compress wrote"),
        (["decompress", tmp_path / "none", "--out", out], 1, "none: cannot be read (No such file"),
    ]
    for words, status, line in cases:
        said = ask(capsys, *words)
        assert said.status == status and line in said.refusal, (words, said)
        assert not out.exists() and not list(tmp_path.glob(".out*"))


def test_a_version_to_come_is_refused(made: Path, tmp_path: Path, run: Run) -> None:
    made.write_bytes(MAGIC + b"\x02" + made.read_bytes()[4:])
    with pytest.raises(DataError, match="has format 2, this anygram reads format 1; install"):
        anygram.decompress(made, tmp_path / "back", run=run)


def test_an_old_file_stays_where_decoding_fails(made: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "back").write_bytes(b"old")
    made.write_bytes(made.read_bytes()[:-1])
    with pytest.raises(DataError):
        anygram.decompress(made, tmp_path / "back", run=run)
    assert (tmp_path / "back").read_bytes() == b"old"
