"""Data that are not text, from the command line: what held-out data cost, and what is made."""

from __future__ import annotations

from pathlib import Path

import pytest

from anygram.data.reading import ReadingOptions, Report, read
from tests.asking import ask
from tests.test_kinds import SOURCES


@pytest.mark.parametrize(
    ("kind", "codec", "said"),
    [
        ("pictures", "image", "bits per channel value, "),
        ("sounds", "audio", "bits per sample, "),
        ("tables", "table", "bits per cell, "),
        ("series", "series", "bits per value on"),
    ],
)
def test_what_held_out_data_cost_is_told_by_their_own_unit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str, codec: str, said: str
) -> None:
    source, run = SOURCES[kind](tmp_path), tmp_path / "run"
    trained = ask(capsys, "train", source, "--codec", codec, "--model", "ngram", "--test", 0.3, "--out", run)
    assert trained.status == 0 and said in trained.out, trained
    hint = trained.out.splitlines()[-1].removeprefix("now: anygram ").split()
    verb = "forecast" if kind == "series" else "generate"
    assert hint[:2] == [verb, str(run)]
    assert (
        ask(capsys, *hint[:2], *(tmp_path / word if "." in word else word for word in hint[2:])).status == 0
    )


def test_rows_are_written_a_line_each_and_pictures_to_files(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for kind, codec in (("tables", "table"), ("pictures", "image")):
        (tmp_path / kind).mkdir()
        source = SOURCES[kind](tmp_path / kind)
        words = ("train", source, "--codec", codec, "--model", "ngram", "--out", tmp_path / codec)
        assert ask(capsys, *words).status == 0
    rows = ask(capsys, "generate", tmp_path / "table", "-n", 3).out.splitlines()
    assert [row.count(",") for row in rows] == [4, 4, 4]
    assert "samples of pictures are written to files" in ask(capsys, "generate", tmp_path / "image").refusal
    out = tmp_path / "made.png"
    sized = ("--side", "width=2", "--side", "height=5", "--side", "channels=1")
    made = ask(capsys, "generate", tmp_path / "image", "-n", 2, *sized, "--out", out, "--json")
    read_back = read(made.fields["files"], ReadingOptions(kind="pictures"), Report())
    assert [one.side for one in read_back] == [{"width": 2, "height": 5, "channels": 1}] * 2
    assert (
        "let it end with .png"
        in ask(capsys, "generate", tmp_path / "image", "--out", tmp_path / "made.txt").refusal
    )
