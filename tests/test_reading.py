"""Sources to documents: where they are, what a document of text is, and what a bad source gets."""

from __future__ import annotations

import gzip
import io
import itertools
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.data import text
from anygram.data.documents import Document, Lines
from anygram.data.reading import DocumentsAre, ReadingOptions, Report, read, read_in_bulk
from anygram.data.store import DocumentStore
from anygram.errors import AnygramError, BadRecord, DataError, UsageError
from tests.corpora import WRITERS, read_texts, refusal

PIECES = [b"a", b"word", b"\n", b"\r\n", b"\r", b" ", b"\t", b"\x0c", "é".encode(), b"\xff", b"\xc3"]
files_of_bytes = st.one_of(st.binary(), st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join))


def _parsed(kind: DocumentsAre, content: bytes) -> list[Document]:
    parse = {"lines": text.lines, "paragraphs": text.paragraphs, "files": text.files}[kind]
    documents = list(parse(io.BytesIO(content), "file", True))
    assert all(isinstance(document, Document) for document in documents)
    return [document for document in documents if isinstance(document, Document)]


def _refusals(items: Iterable[Document | Lines | BadRecord]) -> list[str]:
    return [str(item) for item in items if isinstance(item, BadRecord)]


@pytest.mark.parametrize("kind", ["lines", "paragraphs", "files"])
@given(content=files_of_bytes)
def test_units_of_all_documents_add_up_to_the_file(kind: DocumentsAre, content: bytes) -> None:
    assert sum(document.units for document in _parsed(kind, content)) == len(content)


@given(content=files_of_bytes)
def test_lines_are_what_lies_between_newlines(content: bytes) -> None:
    *whole, rest = content.split(b"\n")
    expected = [(line.removesuffix(b"\r"), 1 + line.endswith(b"\r")) for line in whole]
    if rest:
        expected.append((rest, 0))
    assert [(line.to_bytes(), line.separator) for line in _parsed("lines", content)] == expected


@given(content=files_of_bytes, at_once=st.integers(1, 12), binary=st.booleans())
def test_lines_in_bulk_are_the_same_lines(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, at_once: int, binary: bool
) -> None:
    one_by_one = list(text.lines(io.BytesIO(content), "a:b", binary))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text, "_READ_AT_ONCE", at_once)
        in_bulk = list(text.lines_in_bulk(io.BytesIO(content), "a:b", binary))
    refused = [
        [str(item) for item in items if isinstance(item, BadRecord)] for items in (one_by_one, in_bulk)
    ]
    assert refused[0] == refused[1]
    spooled = [item for item in in_bulk if not isinstance(item, BadRecord)]
    told: list[int] = []
    store = DocumentStore.spool(spooled, tmp_path_factory.mktemp("store"), told.append)
    assert list(store) == [item for item in one_by_one if isinstance(item, Document)]
    assert told == [item.units for item in spooled] and sum(told) == store.units


def test_documents_of_many_sources_keep_their_names(tmp_path: Path) -> None:
    for name in ("a.log", "b.log"):
        (tmp_path / name).write_bytes(b"one\n\xff\n\nfour")
    (tmp_path / "c.jsonl").write_text('{"text": "five"}\n\n{"text": "six"}\n')
    sources = [f"{tmp_path}/{name}" for name in ("a.log", "b.log", "c.jsonl", "a.log")]
    options, report = ReadingOptions(on_bad_record="skip"), Report()
    store = DocumentStore.spool(read_in_bulk(sources, options, report), tmp_path / "store")
    alone = Report()
    assert list(store) == list(read(sources, options, alone))
    assert report == alone and report.skipped == 3


@given(content=files_of_bytes)
def test_paragraphs_are_runs_of_lines_that_are_not_blank(content: bytes) -> None:
    grouped = itertools.groupby(io.BytesIO(content), lambda line: not line.strip())
    runs = [b"".join(run) for blank, run in grouped if not blank]
    expected = [run[:-2] if run.endswith(b"\r\n") else run.removesuffix(b"\n") for run in runs]
    if not runs and content:
        expected = [b""]
    assert [paragraph.to_bytes() for paragraph in _parsed("paragraphs", content)] == expected


@given(content=files_of_bytes)
def test_a_file_is_one_document_and_comes_back_whole(content: bytes) -> None:
    assert [document.to_bytes() for document in _parsed("files", content)] == [content]


def test_separators_count_what_was_removed() -> None:
    lines = _parsed("lines", b"one\ntwo\r\n\nlast")
    assert [(line.text, line.separator) for line in lines] == [("one", 1), ("two", 2), ("", 1), ("last", 0)]
    paragraphs = _parsed("paragraphs", b"\na\nb\n\n \r\nc\r\n")
    assert [(each.text, each.separator) for each in paragraphs] == [("a\nb", 1 + 1 + 1 + 3), ("c", 2)]


def test_a_lone_surrogate_is_no_text() -> None:
    with pytest.raises(DataError, match="lone surrogate at character 1"):
        _ = Document("a\ud83d").units


def test_reading_holds_one_document_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "long.log"
    path.write_bytes((b"x" * 999 + b"\n") * 4000)
    tracemalloc.start()
    try:
        units = sum(document.units for document in read([str(path)], ReadingOptions(), Report()))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert units == 4_000_000
    assert peak < 400_000


@pytest.mark.parametrize("ending", [".txt", ".md", ".rst", ""])
def test_text_files_are_whole_documents(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"play{ending}"
    path.write_bytes(b"\xef\xbb\xbfa\r\n\r\nb\n")
    (document,) = read([str(path)], ReadingOptions(), Report())
    assert (document.to_bytes(), document.separator, document.name) == (path.read_bytes(), 0, str(path))


@pytest.mark.parametrize(
    ("kind", "names"),
    [("lines", ["1", "2", "3", "4"]), ("paragraphs", ["1", "4"]), ("files", [""])],
)
def test_documents_are_what_was_asked_for(tmp_path: Path, kind: DocumentsAre, names: list[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\ntwo\n\nthree\n")
    documents = read([str(path)], ReadingOptions(documents=kind), Report())
    assert [document.name.removeprefix(f"{path}").removeprefix(":") for document in documents] == names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b" / "deep").mkdir(parents=True)
    (tmp_path / ".hidden").mkdir()
    (tmp_path / "a.txt").write_text("A")
    (tmp_path / "b" / "deep" / "c.md.gz").write_bytes(gzip.compress(b"C"))
    (tmp_path / "b" / "B.LOG").write_text("B1\nB2\n")
    (tmp_path / "b" / "picture.png").write_bytes(b"\x89PNG\xff")
    (tmp_path / ".hidden" / "d.txt").write_text("D")
    (tmp_path / "b" / ".e.txt").write_text("E")
    return tmp_path


def test_a_folder_is_read_in_sorted_order(folder: Path) -> None:
    assert read_texts(str(folder)) == ["A", "B1", "B2", "C"]


def test_globs_may_cross_folders(folder: Path) -> None:
    assert read_texts(f"{folder}/**/*.md.gz", f"{folder}/*.txt") == ["C", "A"]


def test_a_home_folder_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert read_texts("~/a.txt", "~/*.txt") == ["A", "A"]


def test_standard_input_is_lines_or_json_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    def give(content: bytes) -> None:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    give(b"one\r\ntwo")
    assert read_texts("-") == ["one", "two"]
    give(b"one\ntwo\n")
    assert read_texts("-", documents="files") == ["one\ntwo\n"]
    give(b'{"t": "one", "u": "two"}\n')
    assert read_texts("-", text_field="u") == ["two"]
    with pytest.raises(UsageError, match="only once"):
        read_texts("-", "-")


def test_urls_are_read_by_fsspec(folder: Path) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe({"/corpus/a.txt": b"A", "/corpus/b.log.gz": gzip.compress(b"B\n"), "/corpus/c.bin": b"\xff"})
    WRITERS[".parquet"](folder / "t.parquet", ["P"])
    try:
        assert read_texts("memory://corpus") == ["A", "B"]
        assert read_texts("memory://corpus/*.txt", f"file://{folder}/t.parquet") == ["A", "P"]
        with pytest.raises(DataError, match=r"memory://corpus/z\.txt: no such file"):
            read_texts("memory://corpus/z.txt")
    finally:
        memory.rm("/corpus", recursive=True)
    with pytest.raises(DataError, match=r"nosuch://x: cannot be reached .*check the address"):
        read_texts("nosuch://x")


def test_sources_are_checked_before_anything_is_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("A")
    for missing, words in [
        (f"{tmp_path}/b.txt", "no such file or folder; check the path"),
        (f"{tmp_path}/*.csv", "no file matches; check the pattern"),
        (f"{tmp_path}/empty", "no readable file in this folder"),
        ("example:docstring", "did you mean 'docstrings'?"),
    ]:
        with pytest.raises(AnygramError) as caught:
            read([f"{tmp_path}/a.txt", missing], ReadingOptions(), Report())
        assert words in str(caught.value)
    with pytest.raises(UsageError, match="no source given"):
        read([], ReadingOptions(), Report())


def test_an_option_without_a_use_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("A")
    (tmp_path / "a.csv").write_text("text\nA\n")
    assert "leave out --text-field" in refusal(f"{tmp_path}/a.txt", text_field="text")
    assert "leave out --documents" in refusal(f"{tmp_path}/a.csv", documents="lines")
    assert "leave out --documents" in refusal("example:docstrings", documents="lines")


@pytest.mark.parametrize(("kind", "kept"), [("lines", ["fine"]), ("paragraphs", ["fine"]), ("files", [])])
def test_bytes_that_are_not_utf8(tmp_path: Path, kind: DocumentsAre, kept: list[str]) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\n\nna\xefve")
    message = refusal(str(path), documents=kind)
    assert message.startswith(f"{path}") and "not UTF-8 at byte 8" in message and "--codec bytes" in message
    report = Report()
    documents = read([str(path)], ReadingOptions(documents=kind, on_bad_record="skip"), report)
    assert [document.text for document in documents if document.text] == kept
    assert report.skipped == 1 and "not UTF-8 at byte 8" in report.reasons[0]
    assert "".join(read_texts(str(path), documents=kind, binary=True)).endswith("na\udcefve")


def test_a_file_that_cannot_be_read_is_told_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    path.write_text("A")
    documents = read([str(path)], ReadingOptions(), Report())
    path.unlink()  # stands in for every error of the system: the tests may run as root
    with pytest.raises(DataError, match=r"a\.txt: cannot be read \(No such file"):
        list(documents)
