"""Models made of n-grams that are given, in any order; what cannot be one is refused by its row."""

from __future__ import annotations

import pickle
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.errors import DataError
from anygram.models import ngram
from anygram.models.ngram import NGram, WrongNGram, arranging
from anygram.models.ngram.tables import NGrams
from anygram.models.ngram.trie import Scrambling
from tests.given_ngrams import BOUNDARY, SYMBOLS, Given, as_levels, given_ngrams, log_p

ids = st.lists(st.integers(0, BOUNDARY - 1), max_size=8)


def _ids(symbols: list[int]) -> np.ndarray:
    return np.array(symbols, dtype=np.int32)


def _shuffled(model: NGram, generator: np.random.Generator) -> list[NGrams]:
    levels = []
    for length, count in enumerate(model.counts(), 1):
        blocks = list(model.ngrams(length))
        order = generator.permutation(count)
        symbols = [block.symbols_GK for block in blocks] or [np.empty((0, length), dtype=np.int32)]
        log_p = [block.log_p_G for block in blocks] or [np.empty(0, dtype=np.float32)]
        gammas = [block.log_gamma_G for block in blocks if block.log_gamma_G is not None]
        log_gamma = np.concatenate(gammas)[order] if gammas else None
        levels.append(NGrams(np.concatenate(symbols)[order], np.concatenate(log_p)[order], log_gamma))
    return levels


def _assert_equal(one: NGram, other: NGram) -> None:
    assert one.tensors().keys() == other.tensors().keys()
    for name, array in one.tensors().items():
        np.testing.assert_array_equal(other.tensors()[name], array, strict=True)


@given(st.lists(ids, max_size=8), st.integers(1, 6), st.integers(0, 99))
def test_a_model_is_made_again_of_its_ngrams_in_any_order(
    texts: list[list[int]], order: int, seed: int
) -> None:
    model = ngram.create(ngram.Config(order=order), SYMBOLS, seed=0)
    flat = [symbol for text in texts for symbol in (*text, BOUNDARY)]
    model.count(_ids(flat), np.array([len(text) + 1 for text in texts], dtype=np.int64))
    model.finish()
    levels = _shuffled(model, np.random.default_rng(seed))
    _assert_equal(ngram.from_ngrams(levels, SYMBOLS), model)


def test_a_large_model_is_made_again_by_several_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(arranging, "_BUCKET", 500)
    generator = np.random.default_rng(0)
    stream = np.minimum(generator.geometric(0.02, 30_000) - 1, 999).astype(np.int32)
    stream[-1] = 999
    model = ngram.create(ngram.Config(order=4), 1000, seed=0)
    model.count(stream, np.diff(np.flatnonzero(stream == 999), prepend=-1))
    model.finish()
    _assert_equal(ngram.from_ngrams(_shuffled(model, generator), 1000), model)


@given(given_ngrams(), ids)
def test_given_ngrams_score_as_the_twin_does(levels: Given, text: list[int]) -> None:
    model = ngram.from_ngrams(list(as_levels(levels)), SYMBOLS)
    assert model.config.order == len(levels)
    log_p_BT, _ = model.score(model.start(1), _ids([*text, BOUNDARY])[None])
    context: tuple[int, ...] = (BOUNDARY,)
    for place, symbol in enumerate([*text, BOUNDARY]):
        log_p_V = model.predict(model.advance(model.start(1), _ids(text[:place])[None]))[0]
        expected = [log_p(levels, context, other) for other in range(SYMBOLS)]
        np.testing.assert_allclose(log_p_V, expected, rtol=1e-6, atol=1e-6)
        assert log_p_BT[0, place] == pytest.approx(expected[symbol], rel=1e-6, abs=1e-6)
        context = (*context, symbol)


@given(given_ngrams())
def test_a_model_is_closed_where_all_suffixes_are_stored(levels: Given) -> None:
    model = ngram.from_ngrams(list(as_levels(levels)), SYMBOLS)
    suffixes = [(gram[1:], lower) for lower, level in pairwise(levels) for gram in level]
    assert model.tables.closed == all(len(gram) == 1 or gram in lower for gram, lower in suffixes)


@given(
    rows=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 6)), max_size=40),
    buckets=st.integers(1, 9),
    highest=st.booleans(),
)
def test_a_level_is_arranged_as_sorting_does(
    rows: list[tuple[int, int]], buckets: int, highest: bool
) -> None:
    scrambling = Scrambling.of(7)
    symbols_GK = np.array(rows, dtype=np.int32).reshape(-1, 2)
    log_p_G, log_gamma_G = (np.arange(len(rows), dtype=np.float32) + begin for begin in (0, 100))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(arranging, "_BUCKET", max(1, len(rows) // buckets))
        words_GW, first_P1, again = arranging.arrange(
            NGrams(symbols_GK, log_p_G, log_gamma_G),
            symbols_GK[:, 0].astype(np.uint32),
            4,
            7,
            highest=highest,
        )
    scrambled = scrambling.scramble(symbols_GK[:, 1]).tolist()
    order = sorted(range(len(rows)), key=lambda row: (rows[row][0], scrambled[row]))
    assert words_GW[: len(rows), 0].tolist() == [scrambled[row] for row in order]
    assert words_GW[: len(rows), 1].view(np.float32).tolist() == order
    if not highest:
        gammas = [0 if rows[row][1] == 6 else 100 + row for row in order]
        assert words_GW[:-1, 2].view(np.float32).tolist() == gammas
    assert first_P1.tolist() == [sum(context < parent for context, _ in rows) for parent in range(5)]
    repeated = [row for row, gram in enumerate(rows) if gram in rows[:row]]
    assert (again and again[0]) == (repeated[0] if repeated else None)


def _logs(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_a_bigram_model_by_hand() -> None:
    # symbols a = 0, b = 1, unknown = 2, boundary = 3; "b a" and "a b" are there, "a </s>" too
    unigrams = NGrams(_ids([3, 1, 0])[:, None], _logs(-1, -2, -3), _logs(-0.5, -0.25, -0.125))
    bigrams = NGrams(np.array([[1, 0], [0, 3], [0, 1]], dtype=np.int32), _logs(-4, -5, -6), None)
    model = ngram.from_ngrams([unigrams, bigrams], 4)
    log_p_BT, _ = model.score(model.start(1), _ids([1, 0, 3])[None])
    np.testing.assert_array_equal(log_p_BT, [[-2 - 0.5, -4, -5]])
    log_p_BT, _ = model.score(model.start(1), _ids([2, 0, 0])[None])
    np.testing.assert_allclose(log_p_BT, [[-100 * np.log(10) - 0.5, -3, -3 - 0.125]], rtol=1e-7)


def test_nothing_follows_a_boundary_that_ends_a_document() -> None:
    unigrams = NGrams(_ids([0, 1])[:, None], _logs(-1, -1), _logs(-0.5, -0.25))
    bigrams = NGrams(np.array([[0, 1]], dtype=np.int32), _logs(-2), _logs(-7))
    trigrams = NGrams(np.empty((0, 3), dtype=np.int32), _logs(), None)
    model = ngram.from_ngrams([unigrams, bigrams, trigrams], 2)
    across, _ = model.score(model.start(1), _ids([0, 1, 0])[None])
    np.testing.assert_array_equal(across, [[-1.25, -2, -1.25]])


def _levels(*rows: list[list[int]]) -> list[NGrams]:
    arrays = [np.array(grams, dtype=np.int32) for grams in rows]
    return [NGrams(symbols, _logs(*[-1] * len(symbols)), None) for symbols in arrays]


_ALL = [[0], [1], [2], [3], [4]]
WRONG = [
    (_levels([[0], [1], [0]]), 1, 2, 0, "the same as row 0; keep one of them"),
    (_levels([[0], [5]]), 1, 1, None, "a symbol lies outside of the vocabulary"),
    (_levels([[-1]]), 1, 0, None, "a symbol lies outside of the vocabulary"),
    (_levels(_ALL, [[0, 1], [2, 1], [0, 2], [2, 1], [0, 1], [2, 1]]), 2, 3, 1, "the same as row 1"),
    (_levels(_ALL, [[0, 1], [0, 9]]), 2, 1, None, "a symbol lies outside of the vocabulary"),
    (_levels(_ALL, [[0, 1]], [[0, 1, 1], [1, 1, 1]]), 3, 1, None, "its first 2 symbols are not a 2-gram"),
    (_levels(_ALL, [[0, 4]], [[0, 4, 1]]), 3, 0, None, "a boundary stands within"),
]


@pytest.mark.parametrize(("levels", "length", "row", "twin", "reason"), WRONG)
def test_what_cannot_be_a_model_is_refused_by_its_row(
    levels: list[NGrams], length: int, row: int, twin: int | None, reason: str
) -> None:
    with pytest.raises(DataError, match=f"^{length}-gram in row {row}: {reason}") as caught:
        ngram.from_ngrams(levels, SYMBOLS)
    wrong = pickle.loads(pickle.dumps(caught.value))
    assert isinstance(wrong, WrongNGram)
    assert (wrong.length, wrong.row, wrong.twin) == (length, row, twin)
