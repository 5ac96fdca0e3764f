"""Each smoothing of the n-gram against a twin of dictionaries, closed forms and worked examples."""

from __future__ import annotations

import typing

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.errors import DataError, UsageError
from anygram.models import ngram
from anygram.models.ngram import Config, discounting
from anygram.models.ngram.smoothing import Smoothing
from tests.ngram_twin import NAMES, Twin
from tests.small_ngrams import (
    BOUNDARY,
    SYMBOLS,
    Documents,
    as_ids,
    context_after,
    counted,
    p_after,
    prefixes_of,
    queries,
    seen,
    texts_of_symbols,
    trained,
)


def test_every_smoothing_has_a_twin() -> None:
    assert sorted(NAMES) == sorted(typing.get_args(Smoothing))


@pytest.mark.parametrize("name", NAMES)
def test_predictions_equal_the_twin(name: str) -> None:
    @given(texts_of_symbols, st.integers(1, 6), queries, st.data())
    def equal(texts: Documents, order: int, query: list[int], data: st.DataObject) -> None:
        prefixes = data.draw(prefixes_of(texts))
        twin = Twin(order, texts, prefixes, name)
        model = trained(order, texts, prefixes, smoothing=name)
        for place in range(len(query)):
            p = p_after(model, query[:place])
            np.testing.assert_allclose(p, twin.after(query[:place]), rtol=3e-6)
            assert sum(p) == pytest.approx(1, abs=1e-6)

    equal()


@pytest.mark.parametrize("name", NAMES)
def test_texts_that_give_discounts_equal_the_twin(name: str) -> None:
    fell_back = []
    for seed in range(20):
        generator = np.random.default_rng(seed)
        texts = [np.minimum(generator.geometric(0.5, 60) - 1, BOUNDARY - 1).tolist() for _ in range(5)]
        twin, model = Twin(5, texts, name=name), trained(5, texts, smoothing=name)
        fell_back += twin.fell_back
        for read in ([], [0], [0, 1], [2, 2, 0], [0, 1, 0, 0], [1, 2, 0, 0, 1]):
            np.testing.assert_allclose(p_after(model, read), twin.after(read), rtol=3e-6)
    assert not all(fell_back)


@given(texts_of_symbols, st.integers(1, 4), queries, st.floats(0.001, 100))
def test_add_k_is_a_ratio_of_counts(texts: Documents, order: int, query: list[int], k: float) -> None:
    model = trained(order, texts, smoothing="add_k", k=k)
    counts = seen(texts, order)
    context = context_after(query, order)
    own = [counts[len(context)].get((*context, symbol), 0) for symbol in range(SYMBOLS)]
    expected = [(count + k) / (sum(own) + k * SYMBOLS) for count in own]
    np.testing.assert_allclose(p_after(model, query), expected, rtol=3e-6)


def test_maximum_likelihood_with_next_to_no_uniform_share_is_a_ratio_of_counts() -> None:
    model = trained(2, [[0, 1, 0, 2, 0, 1]], smoothing="maximum_likelihood", weight=1e-9)
    np.testing.assert_allclose(p_after(model, [0]), [0, 2 / 3, 1 / 3, 0], atol=1e-8)


def test_witten_bell_by_hand() -> None:
    # 0 is followed by 1 twice and by 2 once; symbols: 0 three times, 1 twice, 2 and the boundary once
    model = trained(2, [[0, 1, 0, 2, 0, 1]], smoothing="witten_bell")
    unigram = np.array([3 + 1, 2 + 1, 1 + 1, 1 + 1]) / (7 + 4)  # T/V is 1
    expected = (np.array([0, 2, 1, 0]) + 2 * unigram) / (3 + 2)
    np.testing.assert_allclose(p_after(model, [0]), expected, rtol=1e-6)


def test_jelinek_mercer_by_hand() -> None:
    model = trained(2, [[0, 1, 0, 2, 0, 1]], smoothing="jelinek_mercer", weight=0.2)
    unigram = 0.8 * np.array([3, 2, 1, 1]) / 7 + 0.2 / SYMBOLS
    np.testing.assert_allclose(p_after(model, [0]), [0, 1.6 / 3, 0.8 / 3, 0] + 0.2 * unigram, rtol=1e-6)


def test_stupid_backoff_by_hand() -> None:
    model = trained(2, [[0, 1, 0, 2, 0, 1]], smoothing="stupid_backoff")
    unigram = np.array([3, 2, 1, 1]) / 7
    scores = np.array([0.4 * unigram[0], 2 / 3, 1 / 3, 0.4 * unigram[3]])
    np.testing.assert_allclose(p_after(model, [0]), scores / scores.sum(), rtol=1e-6)


def test_katz_gives_a_share_to_the_unseen_where_all_counts_are_trusted() -> None:
    # what was seen was seen seven times: nothing is discounted, so one is added to each total
    p = p_after(trained(2, [[0, 1]] * 7, smoothing="katz"), [0])
    unigram = np.array([7, 7, 1, 7]) / 22
    expected = 1 / 8 * unigram / (unigram[0] + unigram[2] + unigram[3])
    expected[1] = 7 / 8
    np.testing.assert_allclose(p, expected, rtol=1e-6)


def test_good_turing_ratios_of_a_worked_example() -> None:
    # n1 .. n6 = 120, 40, 20, 12, 8, 4: z = 6·4/120 = 0.2; r* = 2/3, 3/2, 12/5, 10/3, 3
    n = [120, 40, 20, 12, 8, 4]
    counts = np.repeat(np.arange(1, 7), n).astype(np.uint32)
    expected = [(r_star / r - 0.2) / 0.8 for r, r_star in enumerate([2 / 3, 3 / 2, 12 / 5, 10 / 3, 3], 1)]
    assert discounting.good_turing(counts) == pytest.approx(expected)


@pytest.mark.parametrize(
    "n",
    [
        [9, 5, 3, 2, 1],  # none seen six times
        [12, 6, 4, 3, 2, 2],  # z = 1
        [1, 9, 9, 9, 9, 9],  # z above 1
        [100, 80, 60, 40, 20, 1],  # singletons would gain
    ],
)
def test_counts_of_counts_that_give_no_ratios(n: list[int]) -> None:
    counts = np.repeat(np.arange(1, len(n) + 1), n).astype(np.uint32)
    assert discounting.good_turing(counts) is None


@pytest.mark.parametrize("counts", [[1, 1, 3], [2, 2, 3], []])
def test_counts_of_counts_that_give_no_absolute_discount(counts: list[int]) -> None:
    assert discounting.absolute(np.array(counts, dtype=np.uint32)) is None


@pytest.mark.parametrize("name", ["kneser_ney", "absolute", "katz"])
def test_without_the_fallback_the_error_names_the_remedy(name: Smoothing) -> None:
    config = Config(order=3, smoothing=name, discount_fallback=False)
    model = counted(ngram.create(config, SYMBOLS, seed=0), [[0, 1, 1, 1]])
    with pytest.raises(DataError, match=r"no discounts at order \d; pass discount_fallback=true"):
        model.finish()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"k": 1.0}, "k is of no use to smoothing=kneser_ney; leave it out, or choose add_k"),
        ({"smoothing": "katz", "weight": 0.5}, "weight is of no use to smoothing=katz"),
        ({"smoothing": "add_k", "weight": 0.5}, "choose jelinek_mercer or maximum_likelihood or stupid_"),
        ({"smoothing": "witten_bell", "discount_fallback": False}, "choose kneser_ney or absolute or katz"),
        ({"smoothing": "add_k", "k": 0.0}, "k must be more than 0 and at most 1e9, got 0.0"),
        ({"smoothing": "add_k", "k": float("inf")}, "k must be more than 0 and at most 1e9, got inf"),
        ({"smoothing": "jelinek_mercer", "weight": 1.0}, "weight must be between 0 and 1, got 1.0"),
        ({"smoothing": "stupid_backoff", "weight": float("nan")}, "weight must be between 0 and 1, got nan"),
    ],
)
def test_settings_that_cannot_be_or_are_of_no_use_are_refused(
    settings: dict[str, typing.Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        Config(**settings)


@pytest.mark.parametrize(
    "settings",
    [
        {"smoothing": "add_k", "k": 1e-300},
        {"smoothing": "add_k", "k": 1e9},
        {"smoothing": "jelinek_mercer", "weight": 1e-300},
        {"smoothing": "maximum_likelihood", "weight": 1 - 1e-15},
        {"smoothing": "stupid_backoff", "weight": 1e-300},
    ],
)
def test_extreme_settings_leave_every_probability_finite(settings: dict[str, typing.Any]) -> None:
    # the prefix makes n-grams that are only context, whose P is nothing but backing off
    model = trained(4, [[0, 1, 0, 1, 2, 0, 1], [2, 2, 2, 0]], [0, 3], **settings)
    for read in ([], [0], [2, 2], [2, 2, 2], [0, 1, 0]):
        log_p_V = model.predict(model.advance(model.start(1), as_ids(read)[None]))[0]
        assert np.isfinite(log_p_V).all()
        assert np.exp(log_p_V).sum() == pytest.approx(1, abs=1e-6)
