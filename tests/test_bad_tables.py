"""Bad tables from the command line: one clear line each, and nothing is dropped silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.asking import ask

ROWS = "".join(f"{'ab'[n % 2]},{'xy'[n % 2]},{n * 7 % 50},\n" for n in range(60))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run of a table whose column e has no value."""
    from anygram import api

    folder = tmp_path_factory.mktemp("good")
    (folder / "good.csv").write_text("k,v,n,e\n" + ROWS)
    api.train(folder / "good.csv", "ngram", codec="table", out=folder / "run")
    return folder / "run"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty; a table begins with the names of its columns"),
        (b"k,v,n,e\n", "the table has no rows; name one that has some"),
        (b"k,k,n,e\na,x,1,\n", "two columns are called 'k'; give each a name of its own"),
        (b"k,v,n,e\na,x,1\n", "line 2: 3 cells where the table has 4 columns"),
        (b"k,v,n,e,z\na,x,1,,\n", "missing none, new z"),
        (b"k,v,n\na,,1\n", "missing e, new none"),
        (b"k,w,n,e\na,,1,\n", "missing v, new w"),
        ("k,v,n,e\né,,1,\n".encode("latin-1"), "not UTF-8 at byte 8"),
        ("k,v,n,e\na,,1,\n".encode("utf-16"), "not UTF-8 at byte 0, in the header itself"),
    ],
)
def test_a_bad_table_is_refused_in_one_line(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, said: str
) -> None:
    source, out = tmp_path / "bad.csv", tmp_path / "out.csv"
    source.write_bytes(content)
    assert said in ask(capsys, "impute", run, source, "--out", out).refusal
    assert not out.exists()


@pytest.mark.parametrize(
    ("content", "filled"),
    [
        ("n,e,v,k\n7,,,a\n", "n,e,v,k\n7,,x,a\n"),  # columns in another order stay so
        ("k,v,n,e\na,,many,\n", "k,v,n,e\na,x,many,\n"),  # what is no number is a value
        ("k,v,n,e\na,,inf,\n", "k,v,n,e\na,x,inf,\n"),
        ("k,v,n,e\na,NaN,7,\n", "k,v,n,e\na,x,7,\n"),  # another spelling of what is missing
        (f"k,v,n,e\n{'a' * 1_000_000},x,7,\n", f"k,v,n,e\n{'a' * 1_000_000},x,7,\n"),
    ],
)
def test_odd_cells_stay_as_they_are(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, filled: str
) -> None:
    source, out = tmp_path / "odd.csv", tmp_path / "out.csv"
    source.write_text(content)
    said = ask(capsys, "impute", run, source, "--out", out)
    assert said.status == 0 and out.read_text() == filled
    assert "left as they are, without a value in training: e" in said.out


def test_a_column_without_a_value_cannot_be_asked_for(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "one.csv"
    source.write_text("k,v,n,e\na,,7,\n")
    asked = ("impute", run, source, "--out", tmp_path / "out.csv")
    assert "column 'e' had no value in training" in ask(capsys, *asked, "--columns", "e").refusal
    assert ask(capsys, *asked, "--json").fields["left"] == ["e"]
    assert "--hide must be above 0" in ask(capsys, "impute", run, source, "--hide", "0").refusal


def test_a_nan_among_numbers_is_filled(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out = tmp_path / "nan.csv", tmp_path / "out.csv"
    source.write_text("k,v,n,e\na,x,nan,\n")
    assert ask(capsys, "impute", run, source, "--out", out).status == 0
    assert 0 <= float(out.read_text().splitlines()[1].split(",")[2]) < 50
