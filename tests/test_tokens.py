"""Words in bytes: the kernels against plain Python, in every alignment, at every size of their tables."""

from __future__ import annotations

import random
import re
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import pieces, utf8
from anygram.codecs import _tokens, words
from anygram.codecs._breaks import Split
from anygram.codecs._lexicon import NONE, Lexicon
from anygram.errors import DataError
from anygram.protocols import Texts

PIECES = [
    "\0",
    "\t",
    "\n",
    "\r",
    " ",
    "\x0b",
    "\x0c",
    "\x1f",
    "!",
    "a",
    "ab",
    "é",
    "天",
    "\x85",
    "\u2028",
    "\xa0",
]
PIECES += ["a" * 7, "a" * 8, "a" * 9, "b" * 16, "a" * 16 + "b", "\x01" * 8, "a" * 16 + "\x01", "🚀"]
texts = st.lists(st.lists(st.sampled_from(PIECES), max_size=20).map("".join), max_size=8)
NEWLINE, BOUNDARY = 1, 999


def _texts(documents: list[str]) -> Texts:
    return Texts.of([document.encode() for document in documents])


def _plain_words(document: str) -> list[str]:
    return re.findall("[^\0\t\n\r ]+", document)


def _plain_order(counts: Counter[str]) -> list[str]:
    return sorted(counts, key=lambda word: (-counts[word], word))


def _counted(counts: _tokens.WordCounts) -> Counter[str]:
    return Counter(
        {counts.words.raw(i).decode(): int(counts.counts_W[i]) for i in range(len(counts.words.ends_D))}
    )


@given(documents=texts, more=texts)
def test_words_are_counted_as_plain_python_does(documents: list[str], more: list[str]) -> None:
    counts = _tokens.WordCounts()
    counts.add(_texts(documents))
    assert _counted(counts) == Counter(word for each in documents for word in _plain_words(each))
    assert counts.newline == any("\n" in each for each in documents)
    other = _tokens.WordCounts()
    other.add(_texts(more))
    counts.merge(other)
    assert _counted(counts) == Counter(word for each in documents + more for word in _plain_words(each))
    together = _tokens.count(map(_texts, [documents, more]))
    assert _counted(together) == _counted(counts) and together.newline == counts.newline


@given(documents=texts)
def test_words_are_ordered_by_count_then_code_point(documents: list[str]) -> None:
    counts = _tokens.count([_texts(documents)])
    ordered = pieces.chosen(counts.words, _tokens.in_order(counts.words, counts.counts_W))
    assert [ordered.raw(i).decode() for i in range(len(ordered))] == _plain_order(_counted(counts))


@given(documents=texts, known=st.sets(st.sampled_from(PIECES)), newline=st.sampled_from([NONE, NEWLINE]))
def test_ids_are_those_of_a_dictionary(documents: list[str], known: set[str], newline: int) -> None:
    vocabulary = ["<unk>", "\n", *sorted(known)]
    ids = {word: i for i, word in enumerate(vocabulary) if i > 1}
    if newline == NEWLINE:
        ids["\n"] = NEWLINE
    token = "[^\0\t\n\r ]+" + ("|\n" if newline == NEWLINE else "")
    expected = [[ids.get(word, 0) for word in re.findall(token, each)] for each in documents]
    lexicon = Lexicon(_texts(vocabulary), 2, newline, BOUNDARY)
    ids_T, lengths_D = lexicon.encode(_texts(documents))
    assert ids_T.tolist() == [i for each in expected for i in [*each, BOUNDARY]]
    assert lengths_D.tolist() == [len(each) + 1 for each in expected]
    for document, each in zip(documents, expected, strict=True):
        ids_T, units_T = lexicon.encode_one(document.encode())
        assert ids_T.tolist() == each
        ends = [len(document[: match.end()].encode()) for match in re.finditer(token, document)]
        ends[-1:] = [len(document.encode())] if ends else []
        assert units_T.tolist() == np.diff(ends, prepend=0).tolist()


@pytest.mark.parametrize("after", ["", " ", "  b", "\n"])
def test_words_of_every_length_are_known_wherever_they_end(after: str) -> None:
    known = [letter * length for length in range(1, 70) for letter in "ab"]
    lexicon = Lexicon(_texts(known), 0, NONE, BOUNDARY)
    for place, word in enumerate(known):
        for document in (word, f"{word}{after}", f"{word} {word}{after}", f"{word}c{after}"):
            ids_T, _ = lexicon.encode_one(f"{document} a".encode())
            expected = [known.index(each) if each in known else 0 for each in [*document.split(), "a"]]
            assert ids_T.tolist() == expected, place
            ids_T, _ = lexicon.encode(_texts([document, "a"]))
            assert ids_T.tolist() == [*expected[:-1], BOUNDARY, expected[-1], BOUNDARY], place
    counts = _tokens.count([_texts([f"{word}{after}", word]) for word in known])
    expected_counts = Counter(dict.fromkeys(known, 2))
    expected_counts["b"] += len(known) * after.count("b")
    assert _counted(counts) == expected_counts


def test_tables_grow_as_far_as_words_need() -> None:
    generator = random.Random(0)
    document = " ".join(f"w{generator.randrange(60_000)}" for _ in range(100_000))
    long = "x" * 1_000_000
    counts = _tokens.count([_texts([document, f"{long} {long}y"]), _texts([document, long])])
    expected = Counter(document.split())
    expected.update(document.split())
    assert _counted(counts) == expected + Counter({long: 2, f"{long}y": 1})
    words_ = _plain_order(expected)
    ids_T, _ = Lexicon(_texts(words_), 0, NONE, BOUNDARY).encode_one(document.encode())
    assert [words_[i] for i in ids_T] == document.split()


def test_of_equal_words_the_last_is_found() -> None:
    ids_T, _ = Lexicon(_texts(["<unk>", "a", "b", "a"]), 1, NONE, BOUNDARY).encode_one(b"a b a")
    assert ids_T.tolist() == [3, 2, 3]


@pytest.mark.parametrize("split", ["whitespace", "unicode"])
@given(documents=texts)
def test_many_documents_are_encoded_as_each_is(split: Split, documents: list[str]) -> None:
    codec = words.WordsCodec(["a", "ab", "天", "a" * 9], split, lines=True)
    ids_N, lengths_D = codec.encode_documents(_texts(documents))
    each = [[*codec.encode(document).ids.tolist(), codec.boundary] for document in documents]
    assert ids_N.tolist() == [i for ids in each for i in ids] and ids_N.dtype == np.int32
    assert lengths_D.tolist() == [len(ids) for ids in each]


@pytest.mark.parametrize("documents", [[b"a", b"\xff"], [b"\xc3", b"\xa9"]])
def test_many_documents_are_refused_as_each_is(documents: list[bytes]) -> None:
    codec = words.WordsCodec(["a"], "whitespace", lines=False)
    with pytest.raises(DataError, match=r"character 0 is the byte 0x(FF|C3).*use --codec bytes"):
        codec.encode_documents(Texts.of(documents))


# UTF-8 and pieces

broken = st.lists(
    st.sampled_from([b"a", b"a" * 8, *(bytes([byte]) for byte in range(0x80, 0x100))]), max_size=12
)


def _plain_fault(raw: bytes) -> int:
    try:
        raw.decode()
    except UnicodeDecodeError as error:
        return error.start
    return utf8.NOWHERE


@given(raw=st.one_of(st.binary(), broken.map(b"".join), st.text().map(str.encode)))
def test_faults_are_found_where_python_finds_them(raw: bytes) -> None:
    assert utf8.fault(np.frombuffer(raw, dtype=np.uint8)) == _plain_fault(raw)


@pytest.mark.parametrize("before", [0, 1, 7])
def test_every_sequence_of_two_bytes_and_every_edge_of_longer_ones(before: int) -> None:
    longer = [
        bytes([first, second, *([0x80] * length), last])
        for first in (0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5)
        for second in (0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0)
        for length in range(3)
        for last in (0x7F, 0x80, 0xBF, 0xC0)
    ]
    for raw in [bytes([first, second]) for first in range(256) for second in range(256)] + longer:
        raw = b"a" * before + raw
        assert utf8.fault(np.frombuffer(raw, dtype=np.uint8)) == _plain_fault(raw)


@given(
    documents=st.lists(st.one_of(st.binary(max_size=3), st.sampled_from([b"\xc3", b"\xa9", b""])), max_size=6)
)
def test_texts_are_text_if_each_one_is(documents: list[bytes]) -> None:
    expected = all(_plain_fault(document) == utf8.NOWHERE for document in documents)
    assert utf8.holds_text(Texts.of(documents)) == expected


@given(documents=st.lists(st.binary(max_size=5), min_size=1, max_size=6), data=st.data())
def test_chosen_texts_lie_end_to_end(documents: list[bytes], data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(0, len(documents) - 1)))
    chosen = pieces.chosen(Texts.of(documents), np.array(numbers, dtype=np.int64))
    assert [chosen.raw(i) for i in range(len(chosen))] == [documents[number] for number in numbers]
    assert len(chosen.bytes_N) == sum(len(documents[number]) for number in numbers)
