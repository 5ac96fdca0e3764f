"""Notes of a test part: all of a small one, the same part of a large one for everybody, all of it counted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs import bpe, words
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.chars import CharsCodec
from anygram.comparison import bytecosts, checks, notes
from anygram.data.documents import Document
from anygram.protocols import Codec
from tests.held_out import noted, scored_at_random

SENTENCE = "the naïve cat sat on the mat, 山月隨人歸; 3 times!\n"
CODECS: list[Codec] = [
    BytesCodec(),
    CharsCodec("ï山月"),
    bpe.fit([SENTENCE * 20], bpe.Config(size=400)),
    words.fit([SENTENCE * 2], words.Config(spell=True)),
    words.fit([SENTENCE * 2], words.Config()),
]
texts = st.one_of(st.text(max_size=90), st.lists(st.sampled_from(SENTENCE.split(" "))).map(" ".join))
corpora = st.lists(st.builds(Document, texts, st.integers(0, 2)), min_size=1, max_size=12)
MANY = [Document(SENTENCE * (1 + number % 3), 1, f"text:{number}") for number in range(200)]


@pytest.mark.parametrize("codec", CODECS)
@given(test=corpora)
def test_a_small_test_part_is_kept_as_it_is(codec: Codec, test: list[Document]) -> None:
    scored = scored_at_random(codec, test)
    found = noted(codec, scored[::-1], test)  # they come in any order
    assert found.cut == set()
    for kept, one in zip(found.scored, scored, strict=True):
        assert kept.document is one.document and kept.nats_T.tolist() == one.nats_T.tolist()
        assert kept.ids_T is one.ids_T and kept.units_T is one.units_T


@given(test=corpora, most=st.integers(8, 100))
def test_of_a_large_one_the_same_bytes_are_kept_whatever_the_codec(test: list[Document], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "MOST_BYTES", most)
        found = [noted(codec, scored_at_random(codec, test), test) for codec in CODECS]
    total = sum(document.units for document in test)
    kept = [[(one.index, one.document.text) for one in each.scored] for each in found]
    assert all(one == kept[0] for one in kept)
    size = sum(one.document.units for one in found[0].scored)
    assert size == total if total <= most else size <= most
    for index, text in kept[0]:
        assert test[index].text.startswith(text)


@pytest.mark.parametrize("codec", CODECS[:-1])
@given(test=corpora)
def test_a_beginning_costs_what_its_bytes_cost(codec: Codec, test: list[Document]) -> None:
    scored = scored_at_random(codec, test)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "MOST_BYTES", 64)
        found = noted(codec, scored, test)
    for kept in found.scored:
        whole_N, kept_N = (bytecosts.of([one]).nats_N for one in (scored[kept.index], kept))
        assert kept.units_T.sum() == kept.document.units == len(kept_N)
        np.testing.assert_allclose(kept_N, whole_N[: len(kept_N)])
        assert kept.nats_T[-1] == scored[kept.index].nats_T[-1] and kept.ids_T[-1] == codec.boundary
        assert kept.ids_T.dtype == np.int32
    assert checks.check_lossless(codec, found.scored, found.cut).held


def test_a_beginning_that_does_not_come_back_is_caught() -> None:
    codec = BytesCodec()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(notes, "MOST_BYTES", 64)
        found = noted(codec, scored_at_random(codec, MANY[:1] * 3), MANY[:1] * 3)
    assert found.cut == {0, 1, 2}
    assert checks.check_lossless(codec, found.scored, found.cut).held
    found.scored[1].ids_T[3] += 1
    assert checks.check_lossless(codec, found.scored, found.cut).held is False


def test_everything_is_counted_and_only_some_of_it_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_BYTES", 2000)
    codec = BytesCodec()
    scored = scored_at_random(codec, MANY)
    found = noted(codec, scored, MANY)
    units = sum(document.units for document in MANY)
    assert checks.check_bytes(codec, found.tally).said == (
        f"200 of 200 documents were scored, {units:,} of {units:,} bytes"
    )
    assert checks.check_boundaries(found.tally).said.startswith("200 documents ended with a boundary")
    assert checks.check_bytes(codec, noted(codec, scored[:-1], MANY).tally).held is False
    places = [one.index for one in found.scored]
    assert notes.FEWEST_KEPT <= len(places) < 50 and places == sorted(places) and max(places) > 100
    # nothing kept holds on to an array that others share
    assert all(array.base is None for one in found.scored for array in (one.ids_T, one.units_T, one.nats_T))


def test_of_few_long_documents_each_is_kept_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_BYTES", 300)
    test = [Document("abc" * 400, 1), Document("山" * 400, 1), Document("short", 1)]
    found = noted(BytesCodec(), scored_at_random(BytesCodec(), test), test)
    assert [one.document.units for one in found.scored] == [100, 99, 6]
    assert found.cut == {0, 1}


def test_contestants_share_the_choice_by_their_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notes, "MOST_BYTES", 2000)
    wanted = [notes.Notes(BytesCodec(), MANY, seed)._wanted_D.tolist() for seed in (0, 0, 1)]
    assert wanted[0] == wanted[1] != wanted[2]
