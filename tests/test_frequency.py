"""Add-k against closed forms and a twin that counts with dictionaries."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.budgets import Budget
from anygram.errors import UsageError
from anygram.models import frequency
from anygram.models.frequency import Config, Frequency
from anygram.protocols import Ids

SYMBOLS = 4
BOUNDARY = SYMBOLS - 1
Documents = list[list[int]]
documents = st.lists(st.lists(st.integers(0, BOUNDARY - 1), max_size=8), max_size=5)


def _ids(symbols: list[int]) -> Ids:
    return np.array(symbols, dtype=np.int32)


def _count(model: Frequency, texts: Documents, prefixes: list[int] | None = None) -> Frequency:
    flat = _ids([symbol for text in texts for symbol in (*text, BOUNDARY)])
    lengths = np.array([len(text) + 1 for text in texts], dtype=np.int64)
    model.count(flat, lengths, None, None if prefixes is None else np.array(prefixes, dtype=np.int64))
    return model


def _trained(config: Config, texts: Documents, prefixes: list[int] | None = None) -> Frequency:
    model = _count(frequency.create(config, SYMBOLS, seed=0), texts, prefixes)
    model.finish()
    return model


def _twin(config: Config, texts: Documents, prefixes: list[int], context: tuple[int, ...]) -> list[float]:
    """Return P(w | context) for each w, straight from the definition; context as the model sees it."""
    seen: Counter[tuple[tuple[int, ...], int]] = Counter()
    for text, prefix in zip(texts, prefixes, strict=True):
        stream = [BOUNDARY, *text, BOUNDARY]
        for place in range(1 + prefix, len(stream)):
            seen[tuple(stream[max(0, place - config.order + 1) : place]), stream[place]] += 1
    total = sum(count for (before, _), count in seen.items() if before == context)
    return [(seen[context, w] + config.k) / (total + config.k * SYMBOLS) for w in range(SYMBOLS)]


@given(documents, st.integers(1, 5), st.lists(st.integers(0, BOUNDARY - 1), max_size=6), st.data())
def test_predictions_equal_the_dictionary_twin(
    texts: Documents, order: int, query: list[int], data: st.DataObject
) -> None:
    prefixes = [data.draw(st.integers(0, len(text) + 1)) for text in texts]
    config = Config(order=order, k=0.25)
    model = _trained(config, texts, prefixes)
    stream = [BOUNDARY, *query]
    for place in range(len(stream)):
        context = tuple(stream[max(0, place + 1 - order + 1) : place + 1])
        state = model.advance(model.start(1), _ids(query[:place])[None])
        expected = _twin(config, texts, prefixes, context)
        np.testing.assert_allclose(np.exp(model.predict(state)[0]), expected, rtol=1e-12)


@given(documents, st.integers(1, 4), st.lists(st.integers(0, BOUNDARY), min_size=1, max_size=9))
def test_ranks_are_places_in_the_sorted_predictions(texts: Documents, order: int, query: list[int]) -> None:
    model = _trained(Config(order=order), texts)
    _, rank_BT, _ = model.rank(model.start(1), _ids(query)[None])
    for place, symbol in enumerate(query):
        log_p_V = model.predict(model.advance(model.start(1), _ids(query[:place])[None]))[0]
        likeliest_first = np.argsort(-log_p_V, kind="stable").tolist()
        assert likeliest_first.index(symbol) == rank_BT[0, place]


def test_a_tiny_k_gives_the_ratios_of_counts() -> None:
    # "0 1 0 1 0 2": after 0 comes 1 twice and 2 once
    model = _trained(Config(order=2, k=1e-9), [[0, 1, 0, 1, 0, 2]])
    after_0 = np.exp(model.predict(model.advance(model.start(1), _ids([0])[None]))[0])
    np.testing.assert_allclose(after_0, [0, 2 / 3, 1 / 3, 0], atol=1e-8)


def test_a_context_never_seen_gives_the_uniform_distribution() -> None:
    model = _trained(Config(order=3), [[0, 0, 0, 0]])
    unseen = model.advance(model.start(1), _ids([2, 1])[None])
    np.testing.assert_allclose(np.exp(model.predict(unseen)[0]), np.full(SYMBOLS, 1 / SYMBOLS))


@given(documents, documents, st.integers(1, 4))
def test_counting_in_pieces_and_resuming_change_nothing(
    first: Documents, second: Documents, order: int
) -> None:
    whole = _trained(Config(order=order), first + second)
    half = _count(frequency.create(Config(order=order), SYMBOLS, seed=0), first)
    resumed = frequency.create(Config(order=order), SYMBOLS, seed=0)
    resumed.restore(half.tensors())
    _count(resumed, second).finish()
    assert resumed.tensors().keys() == whole.tensors().keys()
    for name, array in whole.tensors().items():
        np.testing.assert_array_equal(resumed.tensors()[name], array)


def test_suggested_orders_grow_with_data_and_shares_shrink_with_vocabulary() -> None:
    ids, budget = _ids([0]), Budget(seconds=1)
    few, _ = frequency.suggest(ids, 10_000, 66, budget)
    many, _ = frequency.suggest(ids, 10_000_000, 66, budget)
    words, settings = frequency.suggest(ids, 1_000_000, 20_000, budget)
    assert words.order == few.order < many.order
    assert words.k < few.k
    assert settings == {}


@pytest.mark.parametrize(
    ("order", "k", "message"),
    [(0, 0.1, "order must be at least 1, got 0"), (2, 0.0, "k must be more than 0")],
)
def test_impossible_settings_are_refused(order: int, k: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config(order=order, k=k)


def test_a_condition_is_refused() -> None:
    with pytest.raises(UsageError, match="takes no condition"):
        frequency.create(Config(), SYMBOLS, seed=0).start(1, [_ids([0])])
