"""Labels of every kind of data: folders, lists of files, columns of tables and of long frames, examples."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import cells
from anygram.data import mixtures, pictures, tables
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import AnygramError, BadRecord, DataError, UnknownName, UsageError

LONG = "unique_id,ds,y,kind\na,2024-01-01,1,up\na,2024-01-02,2,up\nb,2024-01-01,9,down\nb,2024-01-02,8,down\n"


def found(source: object, kind: str = "text", **options: Any) -> list[Document]:
    """Return the documents of one source."""
    return list(read([str(source)], ReadingOptions(kind=kind, **options), Report()))


def labelled(source: object, kind: str, label: str, **options: Any) -> list[tuple[str, str | None]]:
    """Return the text and the label of each document of one source."""
    return [(one.text, one.given) for one in found(source, kind, label_field=label, **options)]


def refusal(error: type[AnygramError], *asked: Any, **options: Any) -> str:
    with pytest.raises(error) as raised:
        found(*asked, **options)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def picture(path: Path, value: int) -> Path:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'anygram[pictures]'")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.fromarray(np.full((2, 3), value, dtype=np.uint8)).save(path)
    return path


def sound(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(np.full(5, value, dtype="<i2").tobytes())
    return path


# Folders


def test_texts_are_labelled_by_their_folders_as_scikit_learn_does(tmp_path: Path) -> None:
    for name, text in (("cats/1.txt", "miaow"), ("cats/2.txt", "purr"), ("dogs/1.txt", "wuff")):
        write(tmp_path / name, text)
    datasets = pytest.importorskip("sklearn.datasets", reason="needs scikit-learn")
    peer = datasets.load_files(tmp_path, encoding="utf-8", shuffle=False)
    expected = sorted(zip(peer.data, (peer.target_names[target] for target in peer.target), strict=True))
    assert sorted(labelled(tmp_path, "text", "folder")) == expected
    assert found(tmp_path)[0].given is None
    lines = labelled(tmp_path / "cats", "text", "folder", documents="lines")
    assert lines == [("miaow", "cats"), ("purr", "cats")]


def test_pictures_and_sounds_are_labelled_by_their_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture(tmp_path / "light" / "a.png", 200)
    picture(tmp_path / "all" / "dark" / "b.png", 3)
    assert labelled(tmp_path, "pictures", "folder") == [("\x03" * 6, "dark"), ("\udcc8" * 6, "light")]
    sound(tmp_path / "heard" / "one" / "a.wav", 1)
    assert labelled(tmp_path / "heard", "sounds", "folder") == [("\x01\x00" * 5, "one")]
    monkeypatch.chdir(tmp_path / "heard" / "one")
    assert labelled("a.wav", "sounds", "folder") == [("\x01\x00" * 5, "one")]


def test_files_have_no_other_label_than_their_folder(tmp_path: Path) -> None:
    text, heard = write(tmp_path / "a.txt", "a"), sound(tmp_path / "a.wav", 1)
    for path, kind in ((text, "text"), (heard, "sounds")):
        said = refusal(UsageError, path, kind, label_field="digit")
        assert "has no fields, nor 'digit'; pass --label-field folder" in said


# Lists of files


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_a_list_of_files_has_their_labels(tmp_path: Path, ending: str) -> None:
    picture(tmp_path / "shown" / "a, b.png", 1)
    picture(tmp_path / "c.png", 2)
    rows = [{"file": "shown/a, b.png", "what": "one"}, {"file": str(tmp_path / "c.png"), "what": "two"}]
    lines = [json.dumps(row) for row in rows]
    if ending != ".jsonl":
        between = "," if ending == ".csv" else "\t"
        lines = [cells.row_of(row, between) for row in (["file", "what"], *(list(r.values()) for r in rows))]
    path = write(tmp_path / f"list{ending}", "".join(f"{line}\n" for line in lines))
    expected = [("\x01" * 6, "one"), ("\x02" * 6, "two")]
    assert labelled(path, "pictures", "what", text_field="file") == expected
    alone = found(path, "pictures", text_field="file")
    assert [one.given for one in alone] == [None, None] and alone[0].side == {
        "width": 3, "height": 2, "channels": 1,
    }  # fmt: skip


def test_a_list_of_files_is_refused_in_one_line(tmp_path: Path) -> None:
    sound(tmp_path / "a.wav", 1)
    write(tmp_path / "broken.wav", "no sound")

    def refused(text: str, error: type[AnygramError] = BadRecord) -> str:
        return refusal(error, write(tmp_path / "list.csv", text), "sounds", label_field="word")

    assert "'path'" in refused("file,word\na.wav,one\n", UnknownName)
    assert "'word'" in refused("path,said\na.wav,one\n", UnknownName)
    assert "list.csv:2: " in (said := refused("path,word\nb.wav,one\n")) and "no such file" in said
    assert "name files of .wav" in refused("path,word\nlist.csv,one\n")
    assert "is 0 files" in refused("path,word\n,one\n")
    assert "no label in field 'word'" in refused("path,word\na.wav,\n")
    assert "not a whole WAVE file" in refused("path,word\nbroken.wav,one\n")
    write(tmp_path / "list.csv", "path,word\nb.wav,one\na.wav,two\n")
    kept = labelled(tmp_path / "list.csv", "sounds", "word", on_bad_record="skip")
    assert [label for _, label in kept] == ["two"]


# Tables


@given(
    rows=st.lists(st.lists(st.text('ab,"é \n', max_size=4), min_size=3, max_size=3), min_size=1, max_size=4),
    column=st.integers(0, 2),
)
def test_the_label_leaves_the_row_and_all_else_stays(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], column: int
) -> None:
    rows = [["x" if place == column else cell for place, cell in enumerate(row)] for row in rows]
    names = ["one", "two", "three"]
    path = tmp_path_factory.mktemp("table") / "t.csv"
    tables.write(path, [tables.document(row, names) for row in rows])
    left = found(path, "tables", label_field=names[column])
    assert [one.given for one in left] == ["x"] * len(rows)
    expected = [[cell for place, cell in enumerate(row) if place != column] for row in rows]
    assert [tables.values(one) for one in left] == expected
    assert all(one.side and names[column] not in one.side["columns"] for one in left)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
def test_labels_of_any_table_are_what_its_cells_mean(tmp_path: Path, ending: str) -> None:
    rows = [tables.document(row, ["age", "sort"]) for row in (["7", "true"], ["", "false"])]
    tables.write(tmp_path / f"t{ending}", rows)
    given = [one.given for one in found(tmp_path / f"t{ending}", "tables", label_field="sort")]
    assert given == ["true", "false"]
    quoted = found(write(tmp_path / "q.csv", 'age,sort\n,"so, so"\n'), "tables", label_field="sort")
    assert [(one.text, one.given) for one in quoted] == [('""', "so, so")]


def test_labels_of_tables_are_refused_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", 'age,sort\n7,\n8,"two\nlines"\n')
    assert "did you mean 'sort'" in refusal(UnknownName, path, "tables", label_field="sorts")
    assert "t.csv:2: no label in field 'sort'" in refusal(BadRecord, path, "tables", label_field="sort")
    alone = write(tmp_path / "alone.csv", "sort\na\n")
    assert "no column but the label" in refusal(DataError, alone, "tables", label_field="sort")
    path.write_text('age,sort\n8,"two\nlines"\n')
    assert "several lines" in refusal(BadRecord, path, "tables", label_field="sort")


def test_the_codec_of_tables_does_not_see_the_label(tmp_path: Path) -> None:
    rows = [f"{n % 5},{'odd' if n % 2 else 'even'},{n % 2}" for n in range(40)]
    path = write(tmp_path / "t.csv", "\n".join(["n,sort,rest", *rows, ""]))
    run = anygram.train(path, "frequency", codec="table", label_field="sort", settings={"order": 3})
    assert [column["column"] for column in run.codec.describe()] == ["n", "rest"]  # type: ignore[attr-defined]
    assert run.condition_codec is not None and run.condition_codec.to_json()["names"] == ["even", "odd"]
    assert run.record.data["label_field"] == "sort"


# Series, mixtures, examples


def test_a_label_stands_in_all_rows_of_a_series(tmp_path: Path) -> None:
    path = write(tmp_path / "long.csv", LONG)
    assert labelled(path, "series", "kind") == [("1\n2\n", "up"), ("9\n8\n", "down")]
    assert "columns kind are not read" in refusal(DataError, path, "series")
    both = write(tmp_path / "more.csv", LONG.replace("kind", "kind,rain").replace(",up", ",up,3"))
    both.write_text(both.read_text().replace(",down", ",down,4"))
    (one, _) = found(both, "series", label_field="kind", beside=("rain",))
    assert one.given == "up" and one.side is not None and one.side["covariates"] == {"rain": "3\n3\n"}


def test_labels_of_series_are_refused_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "long.csv", LONG.replace("2,up", "2,down"))
    said = refusal(BadRecord, path, "series", label_field="kind")
    assert "series 'a' has the labels 'up' and 'down' (row 2); let one stand in all its rows" in said
    path.write_text(LONG.replace("up", ""))
    assert "series 'a': no label in field 'kind'" in refusal(BadRecord, path, "series", label_field="kind")
    assert "'kin'" in refusal(UnknownName, path, "series", label_field="kin")
    assert "so it is no label" in refusal(DataError, path, "series", label_field="ds", text_field="y")
    wide = write(tmp_path / "wide.csv", "ds,one,kind\n2024-01-01,1,2\n")
    assert "give it columns unique_id, ds, y" in refusal(DataError, wide, "series", label_field="kind")


def test_a_label_of_a_mixture_stands_beside_its_segments(tmp_path: Path) -> None:
    documents = [mixtures.document([Segment("text", Document(text))]) for text in ("one", "two")]
    mixtures.write(tmp_path / "all.jsonl", documents)
    lines = [json.loads(line) for line in (tmp_path / "all.jsonl").read_text().splitlines()]
    lines = [{**line, "sort": number} for number, line in enumerate(lines)]
    path = write(tmp_path / "all.jsonl", "".join(f"{json.dumps(line)}\n" for line in lines))
    assert labelled(path, "mixtures", "sort") == [("one", "0"), ("two", "1")]
    said = refusal(BadRecord, path, "mixtures", label_field="sorts")
    assert "all.jsonl line 1: no label in field 'sorts'" in said


def test_digits_have_scikit_learns_labels_where_asked_for() -> None:
    datasets = pytest.importorskip("sklearn.datasets", reason="example:digits comes with scikit-learn")
    peer = datasets.load_digits()
    digits = found("example:digits", "pictures", label_field="digit")
    assert [one.given for one in digits] == [str(target) for target in peer.target]
    pixels = pictures.pixels(digits[7].text, digits[7].side or {})[0, :, :, 0]
    np.testing.assert_array_equal(pixels, 15 * peer.images[7])
    assert found("example:digits", "pictures")[0].given is None
    assert "known: digit" in refusal(UnknownName, "example:digits", "pictures", label_field="target")
    assert "known: none" in refusal(UnknownName, "example:docstrings", label_field="digit")


# One class


def test_one_class_alone_is_refused_before_training(tmp_path: Path) -> None:
    write(tmp_path / "cats" / "1.log", "miaow\npurr\n")
    with pytest.raises(DataError, match="needs two labels at least, and there is only 'cats'"):
        anygram.train(tmp_path, "frequency", codec="bytes", label_field="folder", out=tmp_path / "run")
    assert not (tmp_path / "run").exists()
