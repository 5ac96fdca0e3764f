"""Records and archives: every format, its field, and what a bad record gets."""

from __future__ import annotations

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import AnygramError, BadRecord, DataError, UnknownName
from tests.corpora import PACKERS, TEXTS, WRITERS, pack, read_texts, refusal


@pytest.mark.parametrize("compression", PACKERS)
@pytest.mark.parametrize("ending", WRITERS)
def test_every_format_gives_the_same_texts(tmp_path: Path, ending: str, compression: str) -> None:
    path = tmp_path / f"corpus{ending}"
    WRITERS[ending](path, TEXTS)
    assert read_texts(str(pack(path, compression))) == TEXTS


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_a_field_may_hold_line_breaks(tmp_path: Path, ending: str) -> None:
    texts = ["one\ntwo", "three\r\nfour\n", "five"]
    path = tmp_path / f"corpus{ending}"
    WRITERS[ending](path, texts)
    documents = list(read([str(path)], ReadingOptions(), report := Report()))
    assert [document.text for document in documents] == texts
    assert [document.units for document in documents] == [7, 12, 4]
    assert (report.documents, report.units, report.skipped) == (3, 23, 0)


def test_an_archive_of_several_members_is_read_to_its_end(tmp_path: Path) -> None:
    for compression, compress in PACKERS.items():
        path = tmp_path / f"a.log{compression}"
        path.write_bytes(compress(b"one\n") + compress(b"two\n"))
        assert read_texts(str(path)) == ["one", "two"]


def test_the_only_text_column_is_the_field(tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"n": 1, "line": "a"}\n{"n": 2, "line": "b"}\n')
    pq.write_table(pa.table({"n": [1, 2], "line": ["a", "b"]}), tmp_path / "rows.parquet")
    (tmp_path / "rows.csv").write_text("line\na\nb\n")
    for ending in (".jsonl", ".parquet", ".csv"):
        assert read_texts(str(rows.with_suffix(ending))) == ["a", "b"]


@pytest.mark.parametrize(("ending", "content"), [(".csv", "text,n\na,1\n"), (".jsonl", '{"text": "a"}')])
def test_a_byte_order_mark_is_no_part_of_a_name(tmp_path: Path, ending: str, content: str) -> None:
    path = tmp_path / f"rows{ending}"
    path.write_text(content, encoding="utf-8-sig")
    assert read_texts(str(path)) == ["a"]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".parquet"])
def test_an_open_choice_of_field_lists_them(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    (tmp_path / "rows.jsonl").write_text('{"title": "a", "body": "b"}\n')
    (tmp_path / "rows.csv").write_text("title,body\na,b\n")
    pq.write_table(pa.table({"title": ["a"], "body": ["b"]}), tmp_path / "rows.parquet")
    with pytest.raises(DataError, match=r"fields: title, body; name one with --text-field"):
        read_texts(str(path))
    assert read_texts(str(path), text_field="body") == ["b"]


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".parquet"])
def test_an_unknown_column_is_told_with_the_nearest(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"rows{ending}"
    WRITERS[ending](path, TEXTS)
    with pytest.raises(UnknownName, match=r"no column of .*rows.* named 'txet'; did you mean 'text'"):
        read_texts(str(path), text_field="txet")


def test_a_table_without_a_header_names_its_column_by_number(tmp_path: Path) -> None:
    path = tmp_path / "sms.tsv"
    path.write_text('ham\t"Quoted, she said\nspam\tFree entry\n')
    assert read_texts(str(path), text_field="2") == ['"Quoted, she said', "Free entry"]
    with pytest.raises(UnknownName):
        read_texts(str(path), text_field="3")


def test_a_parquet_column_must_be_text(tmp_path: Path) -> None:
    path = tmp_path / "rows.parquet"
    columns = {"n": [1], "large": pa.array(["a"], pa.large_string()), "raw": [b"\xe9"]}
    pq.write_table(pa.table({**columns, "coded": pa.array(["b"]).dictionary_encode()}), path)
    with pytest.raises(DataError, match=r"column 'n' holds int64, not text; text columns: large, coded"):
        read_texts(str(path), text_field="n")
    assert [read_texts(str(path), text_field=name) for name in ("large", "coded")] == [["a"], ["b"]]
    assert read_texts(str(path), text_field="raw", binary=True) == ["\udce9"]
    with pytest.raises(BadRecord, match="row 1: field 'raw' is not UTF-8 at its byte 0"):
        read_texts(str(path), text_field="raw")


RECORD_PIECES = [
    b'{"text": ',
    b'"',
    b"}",
    b"a",
    b"\n",
    b"\r",
    b",",
    b"\t",
    b"null",
    b"\\ud800",
    b"\xff",
    b"text",
]

BAD_LINES = {
    ".jsonl": (
        '{"text": "good"}\n%s\n{"text": "last"}\n',
        [
            ('{"text": nul}', "line 2: not JSON (Expecting value at character 10)"),
            ("[1]", "line 2: not a JSON object"),
            ('{"txt": "a"}', "line 2: no field 'text'"),
            ('{"text": null}', "line 2: no field 'text', or it is null"),
            ('{"text": 3}', "line 2: field 'text' holds int, not text"),
            ('{"text": "\\ud83d"}', "line 2: field 'text' has a lone surrogate at character 0"),
            ("[" * 100_000, "line 2: not JSON"),
        ],
    ),
    ".csv": (
        "n,text\n1,good\n%s\n3,last\n",
        [
            ("2", "line 3: 1 columns where the first line has 2"),
            ("2,a,b", "line 3: 3 columns"),
            ('2,"a"b', "line 3: not CSV ("),
        ],
    ),
    ".tsv": ("n\ttext\n1\tgood\n%s\n3\tlast\n", [("2", "line 3: 1 columns")]),
}


@pytest.mark.parametrize(
    ("ending", "line", "words"),
    [(ending, line, words) for ending, (_, cases) in BAD_LINES.items() for line, words in cases],
)
def test_a_bad_record_is_told_by_its_line_or_skipped(
    tmp_path: Path, ending: str, line: str, words: str
) -> None:
    path = tmp_path / f"corpus{ending}"
    path.write_text(BAD_LINES[ending][0] % line)
    message = refusal(str(path), on_bad_record="fail")
    assert f"{path} {words}" in message and message.endswith(", or pass --on-bad-record skip")
    assert refusal(str(path)) == message.removesuffix(", or pass --on-bad-record skip")
    report = Report()
    documents = list(read([str(path)], ReadingOptions(on_bad_record="skip"), report))
    assert [document.text for document in documents] == ["good", "last"]
    assert report.skipped == 1 and words in report.reasons[0]


@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv"])
def test_a_record_that_is_not_utf8_is_told_by_its_byte(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"corpus{ending}"
    WRITERS[ending](path, ["good", "na#ve", "last"])
    content = path.read_bytes()
    path.write_bytes(content.replace(b"#", b"\xef"))
    assert f"{path}: not UTF-8 at byte {content.index(b'#')}" in refusal(str(path))
    assert read_texts(str(path), on_bad_record="skip") == ["good", "last"]
    assert read_texts(str(path), binary=True) == ["good", "na\udcefve", "last"]


def test_a_row_is_told_by_the_line_it_begins_on(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('n,text\n1,"a\nb\nc"\n\n2\n')
    assert "line 6: 1 columns" in refusal(str(path))


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc to see which files are open")
def test_a_refused_record_leaves_no_file_open(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("{\n{\n")
    with pytest.raises(BadRecord) as caught:
        list(read([str(path)], ReadingOptions(), Report()))
    assert caught.value is not None  # its traceback keeps the reader's frames alive
    assert path not in [descriptor.resolve() for descriptor in Path("/proc/self/fd").iterdir()]


def test_a_header_cannot_be_skipped(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"n,te\xeft\n1,a\n")
    expected = f"{path}: not UTF-8 at byte 4, in the header itself; mend or convert the file"
    assert refusal(str(path), on_bad_record="skip") == expected


def test_an_unclosed_quote_does_not_swallow_the_file_silently(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('text\ngood\n"open\nmore\n')
    assert "line 3: not CSV (unexpected end of data)" in refusal(str(path))


def test_a_null_in_parquet_is_a_bad_record(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"text": ["a", None, "b"]}), path)
    assert f"{path} row 2: no field 'text', or it is null" in refusal(str(path))
    assert read_texts(str(path), on_bad_record="skip") == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no parquet at all, but rather long"])
def test_a_damaged_parquet_file_is_told_by_its_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(content)
    assert f"{path}: not a whole Parquet file" in refusal(str(path))


def test_a_parquet_page_that_does_not_unpack_is_told_by_the_files_name(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    WRITERS[".parquet"](path, TEXTS)
    content = path.read_bytes()
    path.write_bytes(content[:4] + b"\xff" * 300 + content[304:])
    assert f"{path}: not a whole Parquet file" in refusal(str(path))


@given(content=st.one_of(st.binary(max_size=200), st.lists(st.sampled_from(RECORD_PIECES)).map(b"".join)))
@pytest.mark.parametrize("ending", [".jsonl", ".csv", ".tsv", ".parquet", ".log", ".log.gz", ".log.zst"])
def test_any_bytes_are_read_or_refused_with_one_line(
    tmp_path_factory: pytest.TempPathFactory, ending: str, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(content)
    for options in (ReadingOptions(), ReadingOptions(on_bad_record="skip"), ReadingOptions(binary=True)):
        try:
            units = [document.units for document in read([str(path)], options, Report())]
        except AnygramError as error:
            assert "\n" not in str(error)
        else:
            assert all(each >= 0 for each in units)


@pytest.mark.parametrize("compression", [".gz", ".bz2", ".xz", ".zst"])
def test_a_damaged_archive_is_told_by_its_name(tmp_path: Path, compression: str) -> None:
    packed = PACKERS[compression](os.urandom(5000).hex().encode())
    for content in (packed[:-20], packed[: len(packed) // 2], b"no archive at all"):
        path = tmp_path / f"a.log{compression}"
        path.write_bytes(content)
        assert f"{path}: the archive is damaged" in refusal(str(path), on_bad_record="skip")
