"""Interpolated modified Kneser-Ney against a twin of dictionaries, closed forms and worked examples."""

from __future__ import annotations

import itertools
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.budgets import Budget
from anygram.errors import UsageError
from anygram.models import ngram
from anygram.models.ngram import Config, counting, discounting, smoothing
from anygram.models.ngram.space import Memory
from anygram.protocols import Ids
from tests.ngram_twin import Twin
from tests.small_ngrams import (
    BOUNDARY,
    SYMBOLS,
    Documents,
    as_ids,
    counted,
    p_after,
    prefixes_of,
    spell,
    stream,
    texts_of_symbols,
    trained,
)


@given(texts_of_symbols, st.integers(1, 6), st.data())
def test_estimates_equal_the_twin(texts: Documents, order: int, data: st.DataObject) -> None:
    prefixes = data.draw(prefixes_of(texts))
    twin = Twin(order, texts, prefixes)
    trie = counting.count(stream(texts, prefixes), order, SYMBOLS)
    estimates = list(smoothing.estimates(trie, Config().method, Memory()))
    for names, estimate in zip(spell(trie), estimates, strict=True):
        expected = [twin.p(gram[-1], gram[:-1]) for gram in names]
        np.testing.assert_allclose(estimate.p_G, expected, rtol=1e-6)


@given(texts_of_symbols, texts_of_symbols, st.integers(1, 5))
def test_counting_in_pieces_and_resuming_change_nothing(
    first: Documents, second: Documents, order: int
) -> None:
    whole = trained(order, first + second)
    half = counted(ngram.create(Config(order=order), SYMBOLS, seed=0), first)
    resumed = ngram.create(Config(order=order), SYMBOLS, seed=0)
    resumed.restore(half.tensors())
    counted(resumed, second).finish()
    again = ngram.create(Config(order=order), SYMBOLS, seed=0)
    again.restore(resumed.tensors())
    for other in (resumed, again):
        assert other.tensors().keys() == whole.tensors().keys()
        for name, array in whole.tensors().items():
            np.testing.assert_array_equal(other.tensors()[name], array, strict=True)


def test_a_bigram_by_hand() -> None:
    """Two documents, "0 1" and "0 0 1", order 2, discounts 0.5, 1, 1.5 (n3 of either order is 0).

    Bigrams: #0 twice, 01 twice, 1# twice, 00 once. Different symbols left of: 0: two, 1: one, #: one.
    """
    model = trained(2, [[0, 1], [0, 0, 1]])
    gamma = (1 + 0.5 + 0.5) / 4
    p_0, p_1, p_2, p_end = (2 - 1) / 4 + gamma / 4, 0.5 / 4 + gamma / 4, gamma / 4, 0.5 / 4 + gamma / 4
    gamma_0 = (0.5 + 1) / 3  # after 0: 0 once, 1 twice
    after_0 = [0.5 / 3 + gamma_0 * p_0, 1 / 3 + gamma_0 * p_1, gamma_0 * p_2, gamma_0 * p_end]
    np.testing.assert_allclose(p_after(model, [0]), after_0, rtol=1e-6)
    after_end = [1 / 2 + 0.5 * p_0, 0.5 * p_1, 0.5 * p_2, 0.5 * p_end]  # # 0 twice: (2 − 1)/2, γ 1/2
    np.testing.assert_allclose(p_after(model, []), after_end, rtol=1e-6)


def test_discounts_of_a_worked_example() -> None:
    # n1..n4 = 8, 4, 2, 1: Y = 1/2, D1 = 1 − 2·½·½, D2 = 2 − 3·½·½, D3 = 3 − 4·½·½
    counts = np.array([1] * 8 + [2] * 4 + [3] * 2 + [4] + [0] * 9 + [17] * 3, dtype=np.uint32)
    assert discounting.modified(counts) == (0.5, 1.25, 2.0)


@pytest.mark.parametrize("counts", [[2, 3, 4], [1, 3, 4], [1, 2, 4], [1] + [2] * 2 + [3] * 10, []])
def test_counts_of_counts_that_give_no_discounts(counts: list[int]) -> None:
    assert discounting.modified(np.array(counts, dtype=np.uint32)) is None


def test_discounts_keep_the_probability_of_every_symbol_positive() -> None:
    # n1, n2, n3 = 2, 2, 4 give Y = 1/3 and D2 = 2 − 3·⅓·2 = 0 exactly: a context whose only successor
    # was seen twice would leave nothing for the others
    assert discounting.modified(np.array([1] * 2 + [2] * 2 + [3] * 4, dtype=np.uint32)) is None


def test_figures_say_what_was_counted_and_which_orders_fell_back() -> None:
    model = counted(ngram.create(Config(order=2), SYMBOLS, seed=0), [[0, 1], [0, 0, 1]])
    assert model.finish() == {
        "ngrams": [4, 4],
        "discounts": [[0.5, 1.0, 1.5], [0.5, 1.0, 1.5]],
        "discount_fallbacks": [1, 2],
    }


def test_order_one_is_the_discounted_unigram() -> None:
    # 0 three times, 1 once, the boundary once; fallback: γ = (1.5 + 0.5 + 0.5) / 5
    p = p_after(trained(1, [[0, 0, 1, 0]]), [])
    np.testing.assert_allclose(p, [1.5 / 5 + 0.125, 0.5 / 5 + 0.125, 0.125, 0.5 / 5 + 0.125], rtol=1e-6)


def test_an_order_beyond_every_document_changes_nothing() -> None:
    # every 4-gram begins with the boundary or ends there, so orders from 5 on only repeat it
    texts = [[0, 1], [1, 0], [0, 1]]
    for query in itertools.product(range(BOUNDARY), repeat=2):
        np.testing.assert_allclose(
            p_after(trained(5, texts), list(query)), p_after(trained(9, texts), list(query))
        )


def test_an_untrained_model_is_uniform() -> None:
    np.testing.assert_allclose(p_after(trained(3, []), [0, 1]), np.full(SYMBOLS, 1 / SYMBOLS), rtol=1e-6)


def test_a_text_of_one_symbol() -> None:
    p = p_after(trained(3, [[0] * 50]), [0, 0])
    assert p[0] > 0.9
    assert sum(p) == pytest.approx(1, abs=1e-6)
    assert min(p) > 0


def test_an_unseen_context_gives_what_its_suffix_gives() -> None:
    model = trained(3, [[0, 1, 0, 1, 1, 0]])
    assert p_after(model, [2, 1]) == p_after(model, [0, 2, 1])  # "2 1" was never seen, "1" was
    assert p_after(model, [2]) == p_after(model, [1, 2])  # "2" was never seen: the unigram


def test_nothing_is_remembered_across_the_boundary() -> None:
    model = trained(4, [[0, 1, 2], [1, 1]])
    after = model.advance(model.start(1), as_ids([0, 1, BOUNDARY])[None])
    np.testing.assert_array_equal(after, model.start(1))
    across, _ = model.score(model.start(1), as_ids([0, 1, BOUNDARY, 1, 1, BOUNDARY])[None])
    afresh, _ = model.score(model.start(1), as_ids([1, 1, BOUNDARY])[None])
    np.testing.assert_array_equal(across[:, 3:], afresh)


def test_the_stored_tables_are_words_of_32_bits() -> None:
    tensors = trained(3, [[0, 1, 2, 1, 0]]).tensors()
    # 4 symbols, 6 bigrams, and what ends each: symbol, log P, log γ, first child; 5 trigrams: symbol, log P
    assert {name: array.shape for name, array in tensors.items()} == {
        "level_1": (5, 4),
        "level_2": (7, 4),
        "level_3": (5, 2),
        "hints_2": (1,),
        "hints_3": (1,),
        "closed": (1,),
    }
    assert {array.dtype for name, array in tensors.items() if name.startswith("level")} == {
        np.dtype(np.uint32)
    }


def test_impossible_settings_and_conditions_are_refused() -> None:
    with pytest.raises(UsageError, match="order must be at least 1, got 0"):
        Config(order=0)
    with pytest.raises(UsageError, match="takes no condition"):
        ngram.create(Config(), SYMBOLS, seed=0).start(1, [as_ids([0])])


def test_predicting_before_finish_says_so() -> None:
    model = ngram.create(Config(), SYMBOLS, seed=0)
    with pytest.raises(AssertionError, match="after finish"):
        model.predict(model.start(1))


def test_suggested_orders_grow_with_data_and_shrink_with_vocabulary() -> None:
    ids, budget = as_ids([0]), Budget(seconds=1)
    few, _ = ngram.suggest(ids, 10_000, 66, budget)
    many, _ = ngram.suggest(ids, 10_000_000, 66, budget)
    words, settings = ngram.suggest(ids, 1_000_000, 30_000, budget)
    assert few.order < many.order
    assert words.order < many.order
    assert settings == {}


@cache
def _characters(path: Path) -> tuple[Ids, Ids, int]:
    text = path.read_text()
    known = {character: number for number, character in enumerate(sorted(set(text)))}
    ids = as_ids([known[character] for character in text])
    cut = int(0.9 * len(text))
    end = as_ids([len(known)])
    return np.concatenate([ids[:cut], end]), np.concatenate([ids[cut:], end]), len(known) + 1


def test_characters_of_tinyshakespeare(real_data: Path) -> None:
    train, test, vocabulary_size = _characters(real_data / "tinyshakespeare" / "input.txt")
    config, _ = ngram.suggest(train, len(train), vocabulary_size, Budget(seconds=120))
    model = ngram.create(config, vocabulary_size, seed=0)
    model.count(train, np.array([len(train)]))
    model.finish()
    log_p_BT, _ = model.score(model.start(1), test[None])
    bits_per_byte = -log_p_BT.sum() / np.log(2) / (len(test) - 1)
    assert bits_per_byte <= 2.33
