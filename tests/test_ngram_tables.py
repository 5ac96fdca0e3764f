"""The stored tables: what they list, that they come back from tensors, and how long n-grams may be."""

from __future__ import annotations

import copy
import pickle
from collections import Counter
from collections.abc import Callable
from unittest import mock

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.errors import UsageError
from anygram.models import ngram
from anygram.models.ngram import Config, NGram, listing, tables
from anygram.models.ngram.trie import Scrambling, unscramble
from anygram.protocols import Ids
from tests.given_ngrams import BOUNDARY, SYMBOLS

Gram = tuple[int, ...]
texts_of_symbols = st.lists(st.lists(st.integers(0, BOUNDARY - 1), max_size=14), max_size=6)


def _ids(symbols: list[int]) -> Ids:
    return np.array(symbols, dtype=np.int32)


def _trained(texts: list[list[int]], config: Config) -> NGram:
    model = ngram.create(config, SYMBOLS, seed=0)
    flat = [symbol for text in texts for symbol in (*text, BOUNDARY)]
    model.count(_ids(flat), np.array([len(text) + 1 for text in texts], dtype=np.int64))
    model.finish()
    return model


def _seen(texts: list[list[int]], length: int) -> Counter[Gram]:
    """Return the n-grams of a length that the texts hold."""
    streams = [(BOUNDARY, *text, BOUNDARY) for text in texts]
    return Counter(
        stream[first : first + length] for stream in streams for first in range(len(stream) - length + 1)
    )


@given(texts_of_symbols, st.integers(1, 12), st.booleans())
def test_tables_list_every_ngram_once(texts: list[list[int]], order: int, quantize: bool) -> None:
    model = _trained(texts, Config(order=order, quantize=quantize))
    for length in range(1, order + 1):
        blocks = list(model.ngrams(length))
        listed = [tuple(gram) for block in blocks for gram in block.symbols_GK.tolist()]
        expected = _seen(texts, length).keys() if length > 1 else {(symbol,) for symbol in range(SYMBOLS)}
        assert len(listed) == model.counts()[length - 1] == len(expected)
        assert set(listed) == set(expected)
        assert all((block.log_gamma_G is None) == (length == order) for block in blocks)


def test_listing_in_several_blocks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    model = _trained([[0, 1, 2, 1, 0, 3], [2, 2, 1]], Config(order=3))
    whole = next(model.ngrams(3))
    monkeypatch.setattr(listing, "_AT_ONCE", 4)
    blocks = list(model.ngrams(3))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate([block.symbols_GK for block in blocks]), whole.symbols_GK)
    np.testing.assert_array_equal(np.concatenate([block.log_p_G for block in blocks]), whole.log_p_G)


def _listed_plainly(model: NGram, length: int) -> list[tuple[Gram, float, float | None]]:
    """Return symbols, log P and log γ of every n-gram of a length, the trie walked from above."""
    held = model.tables
    grams: list[Gram] = [()]
    for k in range(1, length + 1):
        ends = np.array([0, SYMBOLS]) if k == 1 else held.first(k - 1)
        symbols = held.symbols(k).tolist()
        grams = [
            (*gram, symbol)
            for i, gram in enumerate(grams)
            for symbol in symbols[int(ends[i]) : int(ends[i + 1])]
        ]
    gammas = held.log_gamma(length).tolist() if length < held.order else [None] * len(grams)
    return list(zip(grams, held.log_p(length).tolist(), gammas, strict=True))


@given(texts_of_symbols, st.integers(1, 6), st.booleans(), st.integers(1, 20))
def test_the_kernel_lists_what_plain_python_lists(
    texts: list[list[int]], order: int, quantize: bool, at_once: int
) -> None:
    model = _trained(texts, Config(order=order, quantize=quantize))
    for length in range(1, order + 1):
        found = []
        with mock.patch.object(listing, "_AT_ONCE", at_once):
            for block in model.ngrams(length):
                gammas = (
                    [None] * len(block.log_p_G) if block.log_gamma_G is None else block.log_gamma_G.tolist()
                )
                grams = map(tuple, block.symbols_GK.tolist())
                found += list(zip(grams, block.log_p_G.tolist(), gammas, strict=True))
        assert found == _listed_plainly(model, length)


@given(texts_of_symbols, st.integers(1, 5), st.booleans(), st.lists(st.integers(0, BOUNDARY), max_size=8))
def test_what_comes_back_from_tensors_is_equal(
    texts: list[list[int]], order: int, quantize: bool, query: list[int]
) -> None:
    model = _trained(texts, Config(order=order, quantize=quantize))
    held = tables.from_tensors(model.tensors())
    assert (held.order, held.vocabulary_size, held.counts) == (order, SYMBOLS, model.counts())
    again = ngram.create(Config(order=order, quantize=quantize), SYMBOLS, seed=0)
    again.restore(held.to_tensors())
    del held
    expected, _ = model.score(model.start(1), _ids(query)[None])
    np.testing.assert_array_equal(again.score(again.start(1), _ids(query)[None])[0], expected)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_copies_find_their_own_arrays(copied: Callable[[NGram], NGram]) -> None:
    """Kernels go by addresses: those of a copy must not be the original's, which may be gone."""
    query = _ids([0, 1, 2, 1, 3])[None]
    for quantize in (False, True):
        model = _trained([[0, 1, 2, 1, 0, 3], [2, 2, 1]], Config(order=3, quantize=quantize))
        log_p_BT, rank_BT, _ = model.rank(model.start(1), query)
        again = copied(model)
        assert not set(again.tables.directory[:, 0].tolist()) & set(model.tables.directory[:, 0].tolist())
        for array in model.tensors().values():
            array.fill(0)
        del model
        again_log_p_BT, again_rank_BT, _ = again.rank(again.start(1), query)
        np.testing.assert_array_equal(again_log_p_BT, log_p_BT)
        np.testing.assert_array_equal(again_rank_BT, rank_BT)


def test_a_listed_log_p_is_what_the_ngram_scores() -> None:
    texts = [[0, 1, 2, 1, 0, 3], [2, 2, 1, 0], [0, 1, 2]]
    for quantize in (False, True):
        model = _trained(texts, Config(order=3, quantize=quantize))
        block = next(model.ngrams(3))
        for symbols_K, log_p in zip(block.symbols_GK.tolist(), block.log_p_G.tolist(), strict=True):
            if symbols_K[0] == BOUNDARY:
                scored_BT, _ = model.score(model.start(1), _ids(symbols_K[1:])[None])
            else:
                scored_BT, _ = model.score(model.start(1), _ids(symbols_K)[None])
            assert scored_BT[0, -1] == log_p


@pytest.mark.parametrize("order", [12, 40, 255])
def test_long_ngrams_of_short_texts(order: int) -> None:
    texts = [[0, 1, 2, 3] * 5, [1, 2], [], [0, 1, 2, 3] * 20]
    model = _trained(texts, Config(order=order))
    long, middle = model, _trained(texts, Config(order=84))
    assert long.counts()[:12] == middle.counts()[:12]
    query = _ids([0, 1, 2, 3, 0, 1, 2, 3, 1])[None]
    log_p_BT, rank_BT, _ = long.rank(long.start(1), query)
    log_p_V = long.predict(long.advance(long.start(1), query[:, :-1]))[0]
    assert np.exp(log_p_V).sum() == pytest.approx(1, abs=1e-6)
    assert log_p_BT[0, -1] == pytest.approx(log_p_V[1])
    assert rank_BT[0, -1] == np.argsort(-log_p_V, kind="stable").tolist().index(1)


def test_orders_that_no_byte_holds_are_refused() -> None:
    with pytest.raises(UsageError, match="order must be at most 255, got 256; lower it"):
        Config(order=256)


@given(st.integers(2, 1 << 31), st.data())
def test_scrambling_is_undone(vocabulary_size: int, data: st.DataObject) -> None:
    scrambling = Scrambling.of(vocabulary_size)
    symbols = np.array(data.draw(st.lists(st.integers(0, vocabulary_size - 1), max_size=5)), dtype=np.int64)
    scrambled = scrambling.scramble(symbols)
    np.testing.assert_array_equal(scrambling.symbols(scrambled), symbols)
    for word, symbol in zip(scrambled, symbols, strict=True):
        noise = np.uint32((1 << scrambling.shift) - 1)
        assert unscramble(word | noise, np.uint32(scrambling.back), scrambling.shift) == symbol
