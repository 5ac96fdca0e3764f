"""Ranks by binary search equal places in the sorted predictions, for models of any origin."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.models import ngram
from anygram.models.ngram import NGram, ranking
from anygram.models.ngram.tables import NGrams
from tests.given_ngrams import BOUNDARY, SYMBOLS, Given, as_levels, given_ngrams

queries = st.lists(st.integers(0, BOUNDARY), min_size=1, max_size=9)


def _trained(order: int, texts: list[list[int]], vocabulary_size: int = SYMBOLS) -> NGram:
    model = ngram.create(ngram.Config(order=order), vocabulary_size, seed=0)
    flat = [symbol for text in texts for symbol in (*text, vocabulary_size - 1)]
    model.count(np.array(flat, dtype=np.int32), np.array([len(text) + 1 for text in texts], dtype=np.int64))
    model.finish()
    return model


def _assert_ranks_are_places(model: NGram, query: list[int]) -> None:
    ids_BT = np.array([query], dtype=np.int32)
    log_p_BT, rank_BT, after = model.rank(model.start(1), ids_BT)
    scored_BT, end = model.score(model.start(1), ids_BT)
    np.testing.assert_array_equal(log_p_BT, scored_BT)
    np.testing.assert_array_equal(after, end)
    for place, symbol in enumerate(query):
        log_p_V = model.predict(model.advance(model.start(1), ids_BT[:, :place]))[0]
        assert np.argsort(-log_p_V, kind="stable").tolist().index(symbol) == rank_BT[0, place]


@given(st.lists(st.lists(st.integers(0, BOUNDARY - 1), max_size=12), max_size=6), st.integers(1, 6), queries)
def test_ranks_are_places_in_the_sorted_predictions(
    texts: list[list[int]], order: int, query: list[int]
) -> None:
    _assert_ranks_are_places(_trained(order, texts), query)


@given(given_ngrams(), queries)
def test_ranks_where_suffixes_are_missing(levels: Given, query: list[int]) -> None:
    _assert_ranks_are_places(ngram.from_ngrams(list(as_levels(levels)), SYMBOLS), query)


def test_ranks_of_more_symbols_by_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(ranking, "_RUN", 7)
    generator = np.random.default_rng(0)
    texts = [np.minimum(generator.geometric(0.05, 30) - 1, 98).tolist() for _ in range(100)]
    model = _trained(4, texts, 100)
    for text in texts[:3]:
        _assert_ranks_are_places(model, [*text, 99])


def test_sums_that_are_equal_only_once_rounded_go_by_symbol() -> None:
    """Beside −8 nothing is left of the difference between −1e-16 and −2e-16: symbol 0 comes first."""
    logs = np.array([-2e-16, -1e-16, -9, -9], dtype=np.float32)
    unigrams = NGrams(np.arange(4, dtype=np.int32)[:, None], logs, np.full(4, -8, dtype=np.float32))
    bigrams = NGrams(np.array([[3, 2]], dtype=np.int32), np.array([-8], dtype=np.float32), None)
    model = ngram.from_ngrams([unigrams, bigrams], 4)
    for symbol in range(4):
        _assert_ranks_are_places(model, [symbol, 1, 0])


def test_rows_are_ranked_up_to_their_lengths() -> None:
    model = _trained(3, [[0, 1, 2], [1, 1]])
    ids_BT = np.array([[0, 1, 1], [1, 2, 0]], dtype=np.int32)
    log_p_BT, rank_BT, _ = model.rank(model.start(2), ids_BT, np.array([1, 3]))
    alone_BT, rank_alone_BT, _ = model.rank(model.start(1), ids_BT[:1, :1])
    np.testing.assert_array_equal(rank_BT[0], [rank_alone_BT[0, 0], 0, 0])
    np.testing.assert_array_equal(log_p_BT[0], [alone_BT[0, 0], 0, 0])


def test_threads_that_ask_at_once_get_the_same() -> None:
    model = _trained(3, [[0, 1, 2, 1, 0]] * 5)
    ids_BT = np.array([[0, 1, 2, 1]], dtype=np.int32)
    with ThreadPoolExecutor(4) as pool:
        ranks = list(pool.map(lambda _: model.rank(model.start(1), ids_BT)[1].tolist(), range(16)))
    assert ranks == [ranks[0]] * 16
