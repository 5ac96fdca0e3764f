"""One passage for all codecs, samples that can be written anywhere, and where contestants differ most."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs import bpe, words
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.chars import CharsCodec
from anygram.comparison import passages
from anygram.comparison.disagreements import SHOWN, differing
from anygram.comparison.passages import passage
from anygram.data.documents import Document
from anygram.evaluation import BLOCKS, block_sums
from anygram.models import uniform
from anygram.protocols import Codec
from tests.held_out import LettersCodec, scored_at_random

SENTENCE = "the naïve cat sat on the mat, 山月隨人歸; 👩‍🚀 3 times!\n"
BYTES = BytesCodec()
CODECS: list[Codec] = [
    BYTES,
    CharsCodec("ï山月"),
    bpe.fit([SENTENCE * 20], bpe.Config(size=300)),
    words.fit([SENTENCE * 2], words.Config(spell=True)),
    words.fit(["the cat sat on the mat"], words.Config()),
]
corpora = st.lists(st.builds(Document, st.text(max_size=90), st.integers(0, 1)), min_size=1, max_size=5)


@given(test=corpora, seed=st.integers(0, 9), size=st.integers(1, 60))
def test_pieces_join_to_one_text_whatever_the_codec(test: list[Document], seed: int, size: int) -> None:
    texts = set()
    for codec in CODECS:
        pieces = passage(scored_at_random(codec, test), seed, size)
        assert all(piece["text"] for piece in pieces)
        texts.add("".join(piece["text"] for piece in pieces))
    [text] = texts
    assert len(text.encode()) <= size
    assert text in "".join(f"{document.text}\n" for document in test)


@pytest.mark.parametrize("codec", CODECS)
@given(text=st.text(min_size=1, max_size=60))
def test_of_a_whole_document_all_bits_are_there(codec: Codec, text: str) -> None:
    [one] = scored_at_random(codec, [Document(text, 1)])
    if len(one.ids_T) == 1:
        return  # spacing alone, of which a codec of words makes nothing
    pieces = passage([one], size=1000)
    assert "".join(piece["text"] for piece in pieces) == f"{text}\n"
    assert _sum(pieces) == pytest.approx(one.nats_T.sum() / math.log(2))


def test_symbols_that_are_parts_of_a_character_are_one_piece() -> None:
    [one] = scored_at_random(BYTES, [Document("a山b")])
    pieces = passage([one], size=100)
    assert [piece["text"] for piece in pieces] == ["a", "山", "b", "\n"]
    assert pieces[1]["bits"] == pytest.approx(one.nats_T[1:4].sum() / math.log(2))


def test_a_symbol_that_straddles_an_end_counts_by_its_bytes() -> None:
    """Symbols of five bytes, but for the first; the passage has six."""
    text = "four five" + " four five" * 9
    codec = words.fit([text], words.Config(spell=True, min_count=1))
    [one] = scored_at_random(codec, [Document(text)])
    assert one.units_T.tolist() == [4] + [5] * 19 + [0]
    bits_N = np.repeat(one.nats_T / np.maximum(one.units_T, 1), one.units_T) / math.log(2)
    for seed in range(5):
        pieces = passage([one], seed, 6)
        shown = "".join(piece["text"] for piece in pieces)
        fitting = [
            begin for begin in range(20, 50) if bits_N[begin : begin + 6].sum() == pytest.approx(_sum(pieces))
        ]
        assert [text[begin : begin + 6] for begin in fitting] == [shown]


def _sum(pieces: list[dict[str, Any]]) -> float:
    total: float = sum(piece["bits"] for piece in pieces)
    return total


def test_the_passage_is_of_a_document_of_middle_length_and_not_its_beginning() -> None:
    test = [Document(letter * size) for letter, size in (("a", 50), ("b", 1500), ("c", 2000), ("d", 9000))]
    for seed in range(5):
        text = "".join(piece["text"] for piece in passage(scored_at_random(BYTES, test), seed))
        assert text == "c" * 400
    place = Document("".join(chr(ord("A") + i // 100) for i in range(2000)))
    text = "".join(piece["text"] for piece in passage(scored_at_random(BYTES, [place])))
    assert "E" <= text[0] <= "I"


def test_bytes_that_are_no_character_show_as_one() -> None:
    [one] = scored_at_random(BYTES, [Document("a\udcff\udce9b")])
    assert [piece["text"] for piece in passage([one], size=10)] == ["a", "\ufffd", "\ufffd", "b", "\n"]


def test_of_short_documents_there_are_several() -> None:
    test = [Document(f"line {place:03d}", 1) for place in range(100)]
    scored = scored_at_random(BYTES, test)
    pieces = passage(scored, seed=3, size=95)
    text = "".join(piece["text"] for piece in pieces)
    first = int(text[5:8])
    assert 25 <= first <= 50 and len(text) == 95
    whole = [f"line {place:03d}\n" for place in range(first, first + 10)]
    assert text == "".join([*whole, "line "])
    of_whole = sum(one.nats_T.sum() for one in scored[first : first + 10])
    of_rest = scored[first + 10].nats_T[:5].sum()
    assert _sum(pieces) == pytest.approx((of_whole + of_rest) / math.log(2))


def test_of_an_empty_document_there_is_its_end() -> None:
    [one] = scored_at_random(BYTES, [Document("")])
    assert passage([one]) == [{"text": "\n", "bits": pytest.approx(one.nats_T[0] / math.log(2))}]


def test_samples_differ_are_repeated_by_their_seed_and_can_be_written() -> None:
    model = uniform.create(uniform.Config(), BYTES.vocabulary_size, 0)
    drawn = passages.samples(model, BYTES, seed=1)
    assert len(set(drawn)) == passages.SAMPLES
    assert drawn == passages.samples(model, BYTES, seed=1) != passages.samples(model, BYTES, seed=2)
    assert all(sample.encode("utf-8") for sample in drawn)  # bytes at random are seldom characters


def test_samples_of_short_documents_are_several_lines() -> None:
    codec = LettersCodec()  # of four symbols the boundary is one: texts are three symbols long on average
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    assert [sample.count("\n") for sample in passages.samples(model, codec)] == [5] * passages.SAMPLES


# Where contestants differ most


def test_the_documents_are_those_that_differ_most_in_order() -> None:
    test = [Document(f"document number {place:05d} 山", 1, f"file:{place}") for place in range(40)]
    units_D = np.array([document.units for document in test])
    spread_D = np.linspace(0, 0.5, 40)[np.random.default_rng(0).permutation(40)]
    nats = {
        "one": 2.0 * units_D * math.log(2),
        "other": (2.0 + spread_D) * units_D * math.log(2),
        "hopeless": 8.0 * units_D * np.random.default_rng(1).random(40) * math.log(2) + 2.0 * units_D,
    }
    found = differing(nats, dict.fromkeys(nats, units_D), test)
    wanted = np.argsort(-spread_D)[:SHOWN]
    assert [row["document"] for row in found] == [f"file:{place}" for place in wanted]
    for row, place in zip(found, wanted, strict=True):
        assert row["excerpt"] == test[place].text and row["bytes"] == test[place].units
        assert row["bits_per_byte"].keys() == nats.keys()
        assert row["bits_per_byte"]["other"] - row["bits_per_byte"]["one"] == pytest.approx(spread_D[place])


def test_short_documents_are_left_out_unless_all_are() -> None:
    test = [Document("short", 1)] * 20 + [Document("long enough to matter here", 1)] * 20
    units_D = np.array([document.units for document in test])
    other_D = np.where(units_D < 20, 5.0, 2.0) * units_D
    found = differing({"one": 1.0 * units_D, "other": other_D}, {"one": units_D, "other": units_D}, test)
    assert {row["bytes"] for row in found} == {27}
    found = differing(
        {"one": 1.0 * units_D[:20], "other": other_D[:20]},
        dict.fromkeys(("one", "other"), units_D[:20]),
        test[:20],
    )
    assert len(found) == SHOWN and {row["bytes"] for row in found} == {6}


def test_alone_nobody_differs() -> None:
    assert differing({"one": np.ones(3)}, {"one": np.full(3, 30)}, [Document("x" * 30)] * 3) == []


@pytest.mark.parametrize("texts", [["ab" * 500 + "山月" * 300], ["first " * 77, "second 山" * 99, ""]])
def test_blocks_of_few_documents_are_shown_by_their_place(texts: list[str]) -> None:
    test = [Document(text) for text in texts]
    scored = scored_at_random(BYTES, test)
    nats_N = np.concatenate([one.nats_T for one in scored])
    units_N = np.concatenate([one.units_T for one in scored])
    nats_D, units_D = block_sums([(nats_N, units_N)])
    worse_D = nats_D.copy()
    worse_D[[3, 40]] += [9.0, 5.0]
    found = differing({"one": nats_D, "other": worse_D}, {"one": units_D, "other": units_D}, test)
    whole = "".join(texts).encode()
    block_N = np.arange(len(whole)) * BLOCKS // len(whole)
    for row, block in zip(found[:2], (3, 40), strict=True):
        [begin, *_], end = np.flatnonzero(block_N == block), int(np.flatnonzero(block_N == block)[-1])
        assert row["document"] == f"bytes {begin:,} to {end:,} of the test part"
        assert row["bytes"] == end - begin + 1
        assert row["excerpt"] in whole.decode() and len(row["excerpt"].encode()) >= row["bytes"] - 6
        assert row["bits_per_byte"]["other"] > row["bits_per_byte"]["one"]


def test_long_excerpts_end_between_characters() -> None:
    test = [Document("a" + "山" * 200, 0, "long")] * 40
    units_D = np.array([document.units for document in test])
    found = differing(
        {"one": 1.0 * units_D, "other": 1.2 * units_D}, {"one": units_D, "other": units_D}, test
    )
    assert found[0]["excerpt"] == "a" + "山" * 79 + "…"
