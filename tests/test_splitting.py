"""Documents on disk, and their splits: nothing is lost, nothing is twice, units add up."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.data.documents import Document, Documents
from anygram.data.reading import ReadingOptions, Report, read
from anygram.data.splitting import Splits, count_duplicates, count_repeated_bytes, split
from anygram.data.store import DocumentStore, Selection
from anygram.errors import AnygramError, DataError, UsageError

texts = st.text("aé天\U0001f600\udcff", max_size=12)
documents = st.builds(Document, texts, st.integers(0, 3), st.sampled_from(["", "a.txt:1", "天"]))
short_texts = st.sampled_from(["", "a", "aa", "é", "\udcff"])
fractions = st.sampled_from([0.05, 0.1, 0.5, 0.9])


def _store(folder: pytest.TempPathFactory | Path, content: Sequence[Document]) -> DocumentStore:
    path = folder if isinstance(folder, Path) else folder.mktemp("store")
    return DocumentStore.spool(content, path)


def _end_to_end(*parts: Documents) -> bytes:
    return b"".join(document.to_bytes() + b"\n" * document.separator for part in parts for document in part)


def _units(part: Documents) -> int:
    return sum(document.units for document in part)


def _split_or_nothing(store: DocumentStore, valid: float | None, test: float | None) -> Splits | None:
    try:
        return split(store, valid=valid, test=test, seed=1)
    except DataError as error:
        assert "would be empty" in str(error)
        return None


# The store


@given(content=st.lists(documents, max_size=8))
def test_a_store_gives_back_the_documents(
    tmp_path_factory: pytest.TempPathFactory, content: list[Document]
) -> None:
    folder = tmp_path_factory.mktemp("store")
    spooled = DocumentStore.spool(iter(content), folder)
    for store in (spooled, DocumentStore(folder)):
        assert list(store) == content and len(store) == len(content)
        assert store.units == _units(content)
        assert store.units_D.tolist() == [document.units for document in content]


@given(content=st.lists(documents, max_size=8), data=st.data())
def test_a_store_is_indexed_as_a_list_is(
    tmp_path_factory: pytest.TempPathFactory, content: list[Document], data: st.DataObject
) -> None:
    store = _store(tmp_path_factory, content)
    first = data.draw(st.slices(len(content)))
    second = data.draw(st.slices(len(content[first])))
    assert list(store[first]) == content[first]
    assert list(store[first][second]) == content[first][second]
    assert store[first].units_D.tolist() == [document.units for document in content[first]]
    for index in range(-len(content), len(content)):
        assert store[index] == store[:][index] == content[index]
    for index in (len(content), -len(content) - 1):
        with pytest.raises(IndexError):
            store[index]
        with pytest.raises(IndexError):
            store[:][index]


def test_progress_is_told_the_units_of_every_document(tmp_path: Path) -> None:
    told: list[int] = []
    DocumentStore.spool([Document("né", 1), Document("")], tmp_path, told.append)
    assert told == [4, 0]


def test_the_fingerprint_is_of_texts_and_separators(tmp_path_factory: pytest.TempPathFactory) -> None:
    contents = [
        [Document("ab"), Document("c")],
        [Document("a"), Document("bc")],
        [Document("ab", 1), Document("c")],
        [Document("c"), Document("ab")],
        [],
    ]
    prints = {_store(tmp_path_factory, content).fingerprint for content in contents}
    assert len(prints) == len(contents)
    renamed = _store(tmp_path_factory, [Document("ab", name="x"), Document("c")])
    assert renamed.fingerprint == _store(tmp_path_factory, contents[0]).fingerprint


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand in for a full disk")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "texts").symlink_to("/dev/full")
    with pytest.raises(
        AnygramError, match=r"cannot write .*: No space left on device; the disk is full; free"
    ):
        DocumentStore.spool([Document("x" * 100_000)], tmp_path)


# Splits by document


@given(content=st.lists(documents, min_size=20, max_size=60), valid=fractions, test=fractions)
def test_every_document_is_in_one_part(
    tmp_path_factory: pytest.TempPathFactory, content: list[Document], valid: float, test: float
) -> None:
    store = _store(tmp_path_factory, content)
    splits = _split_or_nothing(store, valid, test)
    if splits is None:
        return
    parts = (splits.train, splits.valid, splits.test)
    assert sum((Counter(part) for part in parts), Counter()) == Counter(content)
    assert len(splits.test) == max(1, round(test * len(content)))
    assert len(splits.valid) == max(1, round(valid * (len(content) - len(splits.test))))


def test_a_part_keeps_the_order_of_the_corpus(tmp_path: Path) -> None:
    store = _store(tmp_path, [Document(f"{number:03}") for number in range(100)])
    splits = split(store, valid=0.2, test=0.1, seed=0)
    for part in (splits.train, splits.valid, splits.test):
        assert [document.text for document in part] == sorted(document.text for document in part)


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    store = _store(tmp_path, [Document(f"{number}") for number in range(100)])

    def held_out(seed: int, valid: float | None = None) -> list[Document]:
        return list(split(store, valid=valid, test=0.1, seed=seed).test)

    assert held_out(0) == held_out(0) == held_out(0, valid=0.5)
    assert held_out(0) != held_out(1)


# Splits by position


@given(content=st.lists(documents, min_size=1, max_size=19), valid=fractions, test=fractions)
def test_few_documents_are_cut_end_to_end(
    tmp_path_factory: pytest.TempPathFactory, content: list[Document], valid: float, test: float
) -> None:
    store = _store(tmp_path_factory, content)
    splits = _split_or_nothing(store, valid, test)
    if splits is None:
        return
    whole = _end_to_end(content)
    assert _end_to_end(splits.train, splits.valid, splits.test) == whole
    cut = int((1 - test) * len(whole))
    assert abs(_units(splits.test) - (len(whole) - cut)) <= 3  # a character or a separator is not cut
    for part in (splits.train, splits.valid, splits.test):
        assert isinstance(part, Selection)
        assert part.units_D.tolist() == [document.units for document in part]


@given(text=texts, test=fractions)
def test_one_document_is_cut_at_the_byte_moved_back_to_a_character(
    tmp_path_factory: pytest.TempPathFactory, text: str, test: float
) -> None:
    store = _store(tmp_path_factory, [Document(text, 0, "a.txt")])
    splits = _split_or_nothing(store, None, test)
    sizes = [len(Document(character).to_bytes()) for character in text]
    cut = int((1 - test) * sum(sizes))
    kept = max(number for number in range(len(text) + 1) if sum(sizes[:number]) <= cut)
    if splits is None:
        assert kept in (0, len(text))
        return
    assert [list(splits.train), list(splits.test)] == [
        [Document(text[:kept], 0, "a.txt")],
        [Document(text[kept:], 0, "a.txt")],
    ]


def test_only_the_last_piece_of_a_document_has_its_separator(tmp_path: Path) -> None:
    store = _store(tmp_path, [Document("0123456789" * 2, 2)])
    splits = split(store, valid=0.25, test=0.5, seed=0)
    assert [list(part) for part in (splits.train, splits.valid, splits.test)] == [
        [Document("01234567")],
        [Document("890")],
        [Document("123456789", 2)],
    ]
    assert isinstance(splits.train, Sequence) and not isinstance(splits.train, list)


def test_a_separator_is_not_cut(tmp_path: Path) -> None:
    store = _store(tmp_path, [Document("abc", 2), Document("defgh")])
    splits = split(store, valid=None, test=0.6, seed=0)  # byte 4 of 10 lies between the two
    assert [list(splits.train), list(splits.test)] == [[store[0]], [store[1]]]


def test_a_tenth_is_the_published_split(real_data: Path, tmp_path: Path) -> None:
    path = real_data / "tinyshakespeare" / "input.txt"
    content = path.read_bytes()
    store = DocumentStore.spool(read([str(path)], ReadingOptions(), Report()), tmp_path)
    splits = split(store, valid=None, test=0.1, seed=0)
    assert _end_to_end(splits.train) == content[: int(0.9 * len(content))]
    assert _end_to_end(splits.test) == content[int(0.9 * len(content)) :]


# Refusals and duplicates


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, float("nan")])
def test_a_fraction_lies_between_zero_and_one(tmp_path: Path, fraction: float) -> None:
    store = _store(tmp_path, [Document("abc")])
    with pytest.raises(UsageError, match="--test must be a fraction between 0 and 1 or none"):
        split(store, valid=None, test=fraction, seed=0)
    with pytest.raises(UsageError, match="--valid must be"):
        split(store, valid=fraction, test=None, seed=0)


@pytest.mark.parametrize(
    ("content", "test", "part"),
    [
        ([], None, "training"),
        ([Document("")], None, "training"),
        ([Document("a")], 0.1, "training"),
        ([Document("a", 1)], 0.1, "test"),
        ([Document("a")] * 20, 0.99, "training"),
        ([Document("")] * 20, 0.5, "test"),
    ],
)
def test_an_empty_part_is_refused(
    tmp_path: Path, content: list[Document], test: float | None, part: str
) -> None:
    with pytest.raises(DataError, match=rf"the {part} part would be empty: .*; give more data"):
        split(_store(tmp_path, content), valid=None, test=test, seed=0)


def test_what_was_not_asked_for_is_empty(tmp_path: Path) -> None:
    splits = split(_store(tmp_path, [Document("abc")]), valid=None, test=None, seed=0)
    assert (len(splits.train), len(splits.valid), len(splits.test)) == (1, 0, 0)


alike = st.sampled_from(
    ["a", "ab", "a" * 7, "a" * 8, "a" * 9, "b" + "a" * 7, "a" * 7 + "b", "a\0", "\0", "\0\0"]
)


@given(
    train=st.lists(st.one_of(short_texts, alike), max_size=5),
    test=st.lists(st.one_of(short_texts, alike), max_size=5),
)
def test_duplicates_are_texts_of_the_test_part_seen_in_training(
    tmp_path_factory: pytest.TempPathFactory, train: list[str], test: list[str]
) -> None:
    expected = sum(text in train for text in test if text)
    parts = [Document(text, 1) for text in train], [Document(text) for text in test]
    assert count_duplicates(*parts) == expected
    assert count_duplicates(*(_store(tmp_path_factory, part) for part in parts)) == expected


lines_of_text = st.lists(st.sampled_from(["", "a", "ab", "abc", "山月", "b" * 9, "a" * 9])).map("\n".join)


@given(
    train=st.lists(lines_of_text, max_size=4),
    test=st.lists(lines_of_text, max_size=4),
    shortest=st.integers(2, 9),
)
def test_repeated_bytes_are_those_of_lines_seen_in_training(
    tmp_path_factory: pytest.TempPathFactory, train: list[str], test: list[str], shortest: int
) -> None:
    known = {line for text in train for line in text.split("\n")}
    lines = [line for text in test for line in text.split("\n")]
    long = [line for line in lines if len(line.encode()) >= shortest]
    expected = sum(len(line.encode()) for line in long if line in known)
    parts = [Document(text, 1) for text in train], [Document(text) for text in test]
    assert count_repeated_bytes(*parts, shortest) == expected
    in_store = [_store(tmp_path_factory, part) for part in parts]
    assert count_repeated_bytes(in_store[0], in_store[1], shortest) == expected


def test_a_piece_of_a_text_is_found_in_it_where_it_is_no_duplicate() -> None:
    book = [Document("".join(f"line {n} of a book, which is as long as lines are\n" for n in range(99)))]
    piece = [Document(book[0].text[1000:2000])]
    assert count_duplicates(book, piece) == 0
    assert count_repeated_bytes(book, piece) > 850


@pytest.mark.parametrize("count", [4, 400])
def test_a_split_holds_no_text_in_memory(tmp_path: Path, count: int) -> None:
    size = 4_000_000 // count
    store = _store(tmp_path, [Document("x" * size)] * count)
    tracemalloc.start()
    try:
        splits = split(store, valid=0.1, test=0.1, seed=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert _units(splits.train) == pytest.approx(0.81 * store.units)
    assert peak < 100_000
