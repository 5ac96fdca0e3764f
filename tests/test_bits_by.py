"""Bits by position, by kind and by context: they add up to the whole, whatever the codec, and closed forms.

Axes: T positions, N bytes.
"""

from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs import bpe, words
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.chars import CharsCodec
from anygram.comparison import bytecosts, contexts, kinds, stretches
from anygram.comparison.characters import KINDS, Characters, count_words
from anygram.comparison.stretches import Extent
from anygram.data.documents import Document
from anygram.models import frequency, uniform
from anygram.protocols import Codec
from tests.held_out import documents, scored_at_random, scored_by
from tests.toy_models import Fading

BYTES = BytesCodec()
SENTENCE = "the naïve cat sat on the mat, 山月隨人歸; 3 times!\n"
CODECS: list[Codec] = [
    BYTES,
    CharsCodec("ï山月"),
    bpe.fit([SENTENCE * 20], bpe.Config(size=300)),
    words.fit([SENTENCE * 2], words.Config(spell=True)),
]
anything = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(SENTENCE.split(" "))).map(" ".join))
corpora = st.lists(st.builds(Document, anything, st.integers(0, 2)), min_size=1, max_size=6)
LONG = Document(SENTENCE * 40, 1)


@pytest.mark.parametrize("codec", CODECS)
@given(test=corpora)
def test_positions_and_kinds_add_up_to_the_whole(codec: Codec, test: list[Document]) -> None:
    scored = scored_at_random(codec, test)
    nats = sum(float(one.nats_T.sum()) for one in scored)
    units = sum(document.units for document in test)
    by_position = contexts.by_position(scored)
    assert sum(row["bytes"] for row in by_position) == units
    if units:
        bits = sum(row["bytes"] * row["bits_per_byte"] for row in by_position)
        assert bits == pytest.approx(nats / math.log(2))
    nats_K, bytes_K = kinds.sums(scored, count_words(test))
    apart = len(KINDS) + 1
    assert nats_K[:apart].sum() == pytest.approx(nats)
    assert bytes_K[:apart].sum() == units
    assert nats_K[apart:].sum() <= nats_K[0] + 1e-9  # words are letters


@pytest.mark.parametrize("codec", CODECS)
@given(test=corpora)
def test_positions_are_those_of_a_slow_twin(codec: Codec, test: list[Document]) -> None:
    scored = scored_at_random(codec, test)
    nats: dict[int, float] = defaultdict(float)
    for one in scored:
        place = 0
        for cost, units in zip(one.nats_T, one.units_T.tolist(), strict=True):
            for byte in range(units):
                nats[max(0, (place + byte).bit_length() - 4)] += cost / units
            if not units:
                nats[max(0, max(place - 1, 0).bit_length() - 4)] += cost
            place += units
    rows = contexts.by_position(scored)
    assert [row["first"] for row in rows] == sorted(0 if k == 0 else 8 << k for k in nats if rows)
    for row in rows:
        k = max(0, row["first"].bit_length() - 4)
        assert row["last"] == (16 << k) - 1
        assert row["bytes"] * row["bits_per_byte"] == pytest.approx(nats[k] / math.log(2))


def test_a_symbol_is_shared_among_its_bytes_and_kinds_are_those_of_its_characters() -> None:
    codec = CharsCodec("é")
    [one] = scored_at_random(codec, [Document("é1, b\x01", 2)])
    rows = {row["kind"]: row for row in kinds.by_kind([one], count_words([Document("")]), 1)}
    bits_T = one.nats_T / math.log(2)
    wanted = {
        "letters": (3, bits_T[0] + bits_T[4]),
        "digits": (1, bits_T[1]),
        "punctuation": (1, bits_T[2]),
        "space": (1, bits_T[3]),
        "other": (1, bits_T[5]),
        "ends": (2, bits_T[6]),
        "rare words": (3, bits_T[0] + bits_T[4]),
    }
    assert rows.keys() == wanted.keys()
    for kind, (size, bits) in wanted.items():
        assert rows[kind]["bytes"] == size
        assert rows[kind]["bits_per_byte"] == pytest.approx(bits / size)


def test_bytes_that_are_no_character_are_others() -> None:
    [one] = scored_at_random(BYTES, [Document("a\udcff\udce9 b")])
    assert {row["kind"]: row["bytes"] for row in kinds.by_kind([one], count_words([]), 1)} == {
        "letters": 2, "space": 1, "other": 2, "rare words": 2,
    }  # fmt: skip


def test_words_are_frequent_or_rare_by_the_training_part() -> None:
    train = [Document("the cat " * 12), Document("the dog, the log. the end the")]
    counted = count_words(train)
    assert counted.counts["the"] == 16 and counted.frequent == {"the"}
    assert not counted.is_rare("the") and not counted.is_rare("cat") and counted.is_rare("dog")
    scored = scored_at_random(BYTES, [Document("the cat, a dog")])
    rows = {row["kind"]: row["bytes"] for row in kinds.by_kind(scored, counted, 1)}
    assert rows["frequent words"] == 3 and rows["rare words"] == 4 and rows["letters"] == 10


def test_of_few_bytes_nothing_is_said() -> None:
    scored = scored_at_random(BYTES, [Document("a" * 100 + "1" * 99)])
    assert [row["kind"] for row in kinds.by_kind(scored, count_words([]))] == ["letters", "rare words"]


def test_scripts_without_spaces_have_no_words() -> None:
    assert list(Characters(["山月 the隨 ไทย", "naïve ध्वनि", "cat"]).words()) == [
        "the",
        "naïve",
        "ध्वनि",
        "cat",
    ]


def test_words_of_two_documents_do_not_run_together() -> None:
    assert list(Characters(["the", "cat"]).words()) == ["the", "cat"]
    assert Characters(["é", "", "b"]).bytes_C.tolist() == [2, 0, 0, 1]


@pytest.mark.parametrize("codec", CODECS)
def test_uniform_costs_its_logarithm_everywhere(codec: Codec) -> None:
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    scored = scored_by(model, codec, [LONG, Document("short", 1)])
    per_symbol = math.log2(codec.vocabulary_size)
    looked = stretches.sample(scored, contexts.LOOKED_AT)
    symbols = sum(float(stretch.share_T.sum()) for stretch in looked)
    told = contexts.by_context(model, scored)
    assert len(told) > 7
    for row in told:
        assert row["bits_per_byte"] * row["bytes"] == pytest.approx(symbols * per_symbol)
    if codec is BYTES:
        for row in [*contexts.by_position(scored), *kinds.by_kind(scored, count_words([LONG]))]:
            assert row["bits_per_byte"] == pytest.approx(per_symbol)


def _counted(order: int, codec: Codec, text: str) -> frequency.Frequency:
    model = frequency.create(frequency.Config(order=order), codec.vocabulary_size, 0)
    ids_N = np.append(codec.encode(text).ids, codec.boundary).astype(np.int32)
    model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model


@pytest.mark.parametrize("codec", CODECS)
def test_an_n_gram_needs_no_more_than_its_context(codec: Codec) -> None:
    model = _counted(4, codec, SENTENCE * 3)
    scored = scored_by(model, codec, [LONG])
    looked = stretches.sample(scored, contexts.LOOKED_AT)
    nats = sum(
        float(stretch.share_T @ one.nats_T[stretch.first : stretch.last])
        for stretch in looked
        for one in [stretch.scored]
    )
    told = {row["context"]: row["bits_per_byte"] for row in contexts.by_context(model, scored)}
    whole = nats / math.log(2) / sum(stretch.bytes for stretch in looked)
    assert told[1] > told[4]
    assert [told[c] for c in told if c >= 4] == pytest.approx([whole] * (len(told) - 2))


@pytest.mark.parametrize("codec", CODECS)
def test_short_contexts_are_told_exactly(codec: Codec) -> None:
    """A slow twin, symbol by symbol: below 8 symbols nothing is told more than it says."""
    model = Fading(codec.vocabulary_size, 0)
    scored = scored_at_random(codec, [LONG, Document(SENTENCE, 1)])
    extent = Extent(bytes=128, size=16, before=64)
    looked = stretches.sample(scored, extent)
    told = {row["context"]: row for row in contexts.by_context(model, scored, extent)}
    for context in (1, 2, 4):
        bits = 0.0
        for stretch in looked:
            for t, share in enumerate(stretch.share_T, stretch.first):
                row_1T = stretch.scored.ids_T[None, t - context : t + 1]
                bits -= share * model.score(model.start(1), row_1T)[0][0, -1] / math.log(2)
        assert told[context]["bits_per_byte"] * told[context]["bytes"] == pytest.approx(bits)


def test_stretches_are_the_same_bytes_whatever_the_codec() -> None:
    test = [LONG, Document(SENTENCE * 3), Document("short"), Document(SENTENCE * 25)]
    extent = Extent(bytes=512, size=32, before=256)
    found = []
    for codec in CODECS:
        looked = stretches.sample(scored_at_random(codec, test), extent)
        assert len(looked) == 16 and sum(round(stretch.bytes) == 32 for stretch in looked) >= 14
        assert all(int(one.scored.units_T[: one.first].sum()) >= 256 - 20 for one in looked)
        begins = [
            (
                one.scored.index,
                round(one.scored.units_T[: one.first].sum() + cut * one.scored.units_T[one.first]),
            )
            for one in looked
            for cut in [1 - one.share_T[0]]
        ]
        found.append(begins)
    assert all(begins == found[0] for begins in found)


@given(lengths=st.lists(st.integers(0, 400), min_size=1, max_size=20), seed=st.integers(0, 5))
def test_stretches_lie_within_documents(lengths: list[int], seed: int) -> None:
    scored = scored_at_random(BYTES, documents(lengths))
    extent = Extent(bytes=300, size=30, before=100, seed=seed)
    looked = stretches.sample(scored, extent)
    assert sum(stretch.bytes for stretch in looked) <= 300
    for stretch in looked:
        assert stretch.last <= len(stretch.scored.ids_T) - 1  # the boundary is no text
        assert 1 <= len(stretch.share_T) <= 30
    if sum(lengths):
        assert looked
    assert bytecosts.of(scored).nats_N.sum() + bytecosts.of(scored).bare_nats_E.sum() == pytest.approx(
        sum(one.nats_T.sum() for one in scored)
    )


def test_where_documents_are_short_contexts_are() -> None:
    model = uniform.create(uniform.Config(), BYTES.vocabulary_size, 0)
    scored = scored_by(model, BYTES, documents([40] * 30))
    assert [row["context"] for row in contexts.by_context(model, scored)] == [1, 2, 4, 8, 16]
    assert contexts.by_context(model, scored_by(model, BYTES, documents([1] * 30))) == []
