"""Counting in shards, in files and from kept counts: in every way what counting the whole gives."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram.errors import UsageError
from anygram.laws.codecs import is_stored_alike
from anygram.models import ngram
from anygram.models.ngram import Config, NGram, counting, merging, shards, space
from anygram.models.ngram.space import Disk, Memory
from anygram.models.ngram.trie import CountedTrie
from tests.asking import write_corpus
from tests.small_ngrams import SYMBOLS, Documents, counted, stream, texts_of_symbols, trained


def same_tensors(one: NGram, other: NGram) -> None:
    assert one.tensors().keys() == other.tensors().keys()
    for name, array in one.tensors().items():
        np.testing.assert_array_equal(other.tensors()[name], array, err_msg=name, strict=True)


def same_counts(one: CountedTrie, other: CountedTrie) -> None:
    np.testing.assert_array_equal(one.seen_V, other.seen_V)
    for mine, theirs in zip(one.levels, other.levels, strict=True):
        for name, array in vars(mine).items():
            np.testing.assert_array_equal(getattr(theirs, name), array, err_msg=name)


@given(st.lists(texts_of_symbols, min_size=1, max_size=4), st.integers(1, 5), st.booleans())
def test_merged_counts_are_those_of_the_whole(pieces: list[Documents], order: int, on_disk: bool) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(space, "_BLOCK_BYTES", 100)
        where = Disk(Path(folder), 100) if on_disk else Memory()
        tries = [counting.count(stream(piece), order, SYMBOLS) for piece in pieces]
        whole = counting.count(stream([text for piece in pieces for text in piece]), order, SYMBOLS)
        same_counts(merging.merge_all(tries, where), whole)


def test_a_symbol_seen_too_often_to_be_counted_is_refused() -> None:
    most = CountedTrie(np.array([2**32 - 1, 0], dtype=np.uint32), [])
    with pytest.raises(anygram.AnygramError, match="2\\^32 times or more"):
        merging.merge(most, CountedTrie(np.array([1, 0], dtype=np.uint32), []), Memory())


@given(texts_of_symbols, st.integers(1, 5), st.integers(1, 20), st.integers(0, 5))
def test_little_memory_and_resuming_give_the_same_bytes(
    texts: Documents, order: int, shard: int, stop: int
) -> None:
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        # cuts lie anywhere, also within a text
        patch.setattr(shards, "_BASE_BYTES", 0)
        patch.setattr(shards, "_SMALLEST_SHARD", 1)
        patch.setattr(space, "_BLOCK_BYTES", 100)
        first, resumed = (ngram.create(Config(order=order), SYMBOLS, seed=0) for _ in range(2))
        for model in (first, resumed):
            model.limit_memory(shard * (8 + 12 * (order - 1)), Path(folder))
        for text in texts[:stop]:
            counted(first, [text])
        resumed.restore({name: array.copy() for name, array in first.tensors().items()})
        for text in texts[stop:]:
            counted(resumed, [text])
        resumed.finish()
        same_tensors(trained(order, texts), resumed)


@given(texts_of_symbols, texts_of_symbols, st.integers(1, 4), st.booleans())
def test_text_added_to_kept_counts_gives_the_model_of_both(
    texts: Documents, more: Documents, order: int, quantize: bool
) -> None:
    settings: dict[str, Any] = {"keep_counts": True, "quantize": quantize}
    first = trained(order, texts, **settings)
    longer = ngram.create(Config(order=order, **settings), SYMBOLS, seed=0)
    longer.extend(first.tensors())
    counted(longer, more).finish()
    same_tensors(trained(order, texts + more, **settings), longer)


def test_what_cannot_be_extended_is_refused() -> None:
    model = ngram.create(Config(order=3), SYMBOLS, seed=0)
    with pytest.raises(UsageError, match="kept no counts to add more text to; train it with --set"):
        model.extend(trained(3, [[0, 1]]).tensors())
    with pytest.raises(UsageError, match="order must be 2, as the run's, got 3"):
        model.extend(trained(2, [[0, 1]], keep_counts=True).tensors())
    with pytest.raises(UsageError, match="leave out prune or keep_counts"):
        Config(prune="0 1", keep_counts=True)


def test_too_little_memory_is_refused_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"memory must be at least 4.. MB for order 5"):
        ngram.create(Config(order=5), SYMBOLS, seed=0).limit_memory(10**6, tmp_path)


def test_the_command_line_words_for_it(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    corpus, more = write_corpus(tmp_path / "one", 40), write_corpus(tmp_path / "other", 60)
    settings = {"order": 3, "keep_counts": True}
    plain = anygram.train(corpus, "ngram", codec="chars", settings=settings)
    bounded = anygram.train(corpus, "ngram", codec="chars", settings=settings, memory="500M")
    same_tensors(plain.model, bounded.model)  # type: ignore[arg-type]
    both = anygram.train(more, base=plain)
    assert both.record.model == "ngram" and is_stored_alike(both.codec, plain.codec)
    seen = [both.model.tensors()["seen_1"].sum(), plain.model.tensors()["seen_1"].sum()]
    assert seen[0] > seen[1] > 0
    with pytest.raises(UsageError, match="lstm cannot keep to an amount of memory; leave out --memory"):
        anygram.train(corpus, "lstm", memory="1G")
    with pytest.raises(
        UsageError, match=r"the model of .* is ngram, got lstm; leave out --model with --from"
    ):
        anygram.train(more, "lstm", base=plain)
    with pytest.raises(UsageError, match=r"--from keeps the codec of .*; leave out --set size"):
        anygram.train(more, base=plain, settings={"codec.size": 300})
    with pytest.raises(UsageError, match="which model"):
        anygram.train(corpus)
    with pytest.raises(UsageError, match="cannot read the memory 'much'; write 500M or 4G"):
        anygram.train(corpus, "ngram", memory="much")
