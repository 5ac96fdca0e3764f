"""Tables: rows as they stand in their files, what is refused and written, and cells beside the csv module."""

from __future__ import annotations

import csv
import datetime
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import cells
from anygram.data import tables
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import BadRecord, DataError, UsageError


def _read(path: Path) -> list[Document]:
    return list(read([str(path)], ReadingOptions(kind="tables"), Report()))


def _wrote(path: Path, content: str) -> Path:
    path.write_bytes(content.encode())
    return path


def test_rows_of_csv_are_their_bytes(tmp_path: Path) -> None:
    raw = 'name,note\r\n"a ""b""",1\r\nc,"two\nlines"\n\nlast,'
    documents = _read(_wrote(tmp_path / "a.csv", "\ufeff" + raw))
    assert [document.text for document in documents] == ['"a ""b""",1', 'c,"two\nlines"', "last,"]
    assert [document.separator for document in documents] == [2, 1, 0]
    assert [document.name[-2:] for document in documents] == [":2", ":3", ":6"]
    assert all(document.side == {"columns": ["name", "note"], "delimiter": ","} for document in documents)
    assert tables.values(documents[0]) == ['a "b"', "1"]


def test_an_empty_line_is_no_row_and_an_empty_cell_is_one(tmp_path: Path) -> None:
    documents = _read(_wrote(tmp_path / "a.csv", 'a\n1\n\n""\n'))
    assert [document.text for document in documents] == ["1", '""']
    tables.write(tmp_path / "b.csv", [tables.document([""], ["a"])])
    assert (tmp_path / "b.csv").read_bytes() == b'a\n""\n'


def test_tsv_is_not_quoted(tmp_path: Path) -> None:
    (document,) = _read(_wrote(tmp_path / "a.tsv", 'a\tb\n"x,\ty"\n'))
    assert document.side == {"columns": ["a", "b"], "delimiter": "\t"}
    assert tables.values(document) == ['"x,', 'y"']


def test_json_lines_become_csv(tmp_path: Path) -> None:
    lines = [
        {"n": 1, "x": 0.1, "t": "a,b", "ok": True, "deep": [1, {"a": None}]},
        {"t": None, "x": None},
    ]
    content = "".join(json.dumps(line) + "\n" for line in lines).replace("0.1", "0.10")
    first, second = _read(_wrote(tmp_path / "a.jsonl", content))
    assert tables.values(first) == ["1", "0.10", "a,b", "true", '[1, {"a": null}]']
    assert second.text == ",,,,"


def test_parquet_becomes_csv(tmp_path: Path) -> None:
    day = datetime.datetime(2024, 2, 29, 12)
    table = pa.table({"n": [1, None], "x": [0.1, 2.0], "t": ["é", b"\xc3\xa9".decode()], "day": [day, None]})
    pq.write_table(table, tmp_path / "a.parquet")
    first, second = _read(tmp_path / "a.parquet")
    assert first.text == "1,0.1,é,2024-02-29T12:00:00"
    assert tables.values(second) == ["", "2.0", "é", ""]


@pytest.mark.parametrize(
    ("ending", "content", "reason"),
    [
        (".csv", "", "empty; a table begins with the names of its columns"),
        (".jsonl", "", "empty; a table begins"),
        (".csv", "a,a\n1,2\n", "two columns are called 'a'"),
        (".csv", "a,\n1,2\n", "column 2 has no name"),
        (".csv", '"a\n', "in the header itself; mend the file"),
    ],
)
def test_a_table_whose_columns_are_unclear_is_refused(
    tmp_path: Path, ending: str, content: str, reason: str
) -> None:
    with pytest.raises(DataError, match=reason) as refused:
        _read(_wrote(tmp_path / f"t{ending}", content))
    assert not isinstance(refused.value, BadRecord)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("ending", "bad", "reason"),
    [
        (".csv", "1,2,3", "line 3: 3 cells where the table has 2 columns"),
        (".tsv", "1", "line 3: 1 cells where the table has 2 columns"),
        (".csv", '"a"b,1', "line 3: not CSV"),
        (".csv", "\udcff,1", "not UTF-8 at byte"),
    ],
)
def test_a_bad_row_can_be_stepped_over(tmp_path: Path, ending: str, bad: str, reason: str) -> None:
    delimiter = "\t" if ending == ".tsv" else ","
    content = delimiter.join("ab") + "\n" + delimiter.join("12") + f"\n{bad}\n" + delimiter.join("34") + "\n"
    path = tmp_path / f"t{ending}"
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadRecord, match=reason):
        _read(path)
    report = Report()
    kept = list(read([str(path)], ReadingOptions(kind="tables", on_bad_record="skip"), report))
    assert [tables.values(document) for document in kept] == [["1", "2"], ["3", "4"]]
    assert report.skipped == 1


def test_a_field_that_the_first_line_has_not_is_a_bad_record(tmp_path: Path) -> None:
    path = _wrote(tmp_path / "a.jsonl", '{"a": 1}\n{"a": 1, "b": 2}\n')
    with pytest.raises(BadRecord, match="line 2: a field 'b' that the first line has not"):
        _read(path)


values = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)


@given(row=st.lists(values, min_size=1, max_size=4))
def test_cells_are_split_and_written_as_csv_has_them(row: list[str]) -> None:
    written = cells.row_of(row, ",")
    assert next(iter(csv.reader(io.StringIO(written, newline=""), strict=True))) == row
    parts = cells.split(written, ",")
    assert [cells.meaning(part, ",") for part in parts] == row
    assert ",".join(parts) == written
    quoted = io.StringIO(newline="")
    csv.writer(quoted, quoting=csv.QUOTE_ALL, lineterminator="").writerow(row)
    assert [cells.meaning(part, ",") for part in cells.split(quoted.getvalue(), ",")] == row


@given(text=st.text(st.sampled_from('a,"\n\r '), min_size=1, max_size=10))
def test_what_is_no_row_is_refused_as_csv_refuses_it(text: str) -> None:
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), strict=True))
    except csv.Error:
        rows = []
    if len(rows) != 1 or text.endswith(("\n", "\r")):
        with pytest.raises(DataError):
            cells.split(text, ",")
    else:
        assert [cells.meaning(part, ",") for part in cells.split(text, ",")] == rows[0]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl"])
@given(
    rows=st.lists(st.tuples(values, st.sampled_from(["", "7", "-0.50", "true", "x"])), min_size=1, max_size=3)
)
def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, ending: str, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("rows") / f"rows{ending}"
    documents = [tables.document(row, ["a", "b"]) for row in rows]
    if ending == ".tsv" and any(set("\t\n\r") & set(a) for a, _ in rows):
        with pytest.raises(DataError, match="TSV cannot hold"):
            tables.write(path, documents)
        assert not path.exists()
        return
    assert tables.write(path, documents) == [path]
    assert [tuple(tables.values(document)) for document in _read(path)] == rows


def test_what_is_no_table_is_not_written(tmp_path: Path) -> None:
    row = tables.document(["1"], ["a"])
    with pytest.raises(UsageError, match=r"tables are written as \.csv, \.tsv, \.jsonl"):
        tables.write(tmp_path / "a.txt", [row])
    with pytest.raises(DataError, match="2 tables with columns of their own"):
        tables.write(tmp_path / "a.csv", [row, tables.document(["1"], ["b"])])
