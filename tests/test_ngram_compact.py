"""The compact form: probabilities that stay near, mass that stays one, backoffs as a plain twin has them."""

from __future__ import annotations

import dataclasses
import itertools
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.errors import UsageError
from anygram.models import ngram
from anygram.models.ngram import Config, NGram, compact, tables
from anygram.models.ngram.space import Disk, Memory
from anygram.models.ngram.tables import Tables
from anygram.protocols import Ids
from tests.given_ngrams import BOUNDARY, SYMBOLS, Given, Gram, as_levels, distributions, log_p

texts_of_symbols = st.lists(st.lists(st.integers(0, BOUNDARY - 1), max_size=20), max_size=8)
queries = st.lists(st.integers(0, BOUNDARY), max_size=8)


def _of(held: Tables) -> NGram:
    model = ngram.create(Config(order=held.order), held.vocabulary_size, seed=0)
    model.restore(held.to_tensors())
    return model


def _trained(texts: list[list[int]], vocabulary_size: int = SYMBOLS, **settings: object) -> NGram:
    model = ngram.create(dataclasses.replace(Config(), **settings), vocabulary_size, seed=0)  # type: ignore[arg-type]
    flat = [symbol for text in texts for symbol in (*text, vocabulary_size - 1)]
    model.count(_ids(flat), np.array([len(text) + 1 for text in texts], dtype=np.int64))
    model.finish()
    return model


def _ids(symbols: list[int]) -> Ids:
    return np.array(symbols, dtype=np.int32)


@cache
def _texts() -> list[list[int]]:
    """Return some thousand symbols of a vocabulary of 80, such that levels have more than 256 values."""
    generator = np.random.default_rng(0)
    steps = [generator.geometric(0.1, 40).cumsum() * generator.integers(1, 3) % 79 for _ in range(150)]
    return [text.tolist() for text in steps]


def _listed(model: NGram) -> Given:
    """Return the model's n-grams with log P and log γ, from level 1 on."""
    levels: Given = []
    for length in range(1, model.config.order + 1):
        grams: dict[Gram, tuple[float, float]] = {}
        for block in model.ngrams(length):
            log_gamma_G = np.zeros_like(block.log_p_G) if block.log_gamma_G is None else block.log_gamma_G
            logs = zip(block.log_p_G.tolist(), log_gamma_G.tolist(), strict=True)
            grams |= zip(map(tuple, block.symbols_GK.tolist()), logs, strict=True)
        levels.append(grams)
    return levels


def _assert_laws(model: NGram, query: list[int]) -> None:
    """Predictions sum to one, scores are their chain, ranks their order."""
    log_p_BT, rank_BT, _ = model.rank(model.start(1), _ids(query)[None])
    for place in range(len(query) + 1):
        log_p_V = model.predict(model.advance(model.start(1), _ids(query[:place])[None]))[0]
        assert np.isfinite(log_p_V).all()
        assert np.exp(log_p_V).sum() == pytest.approx(1, abs=1e-6)
        if place < len(query):
            assert log_p_BT[0, place] == pytest.approx(log_p_V[query[place]], abs=1e-12)
            places = np.argsort(-log_p_V, kind="stable").tolist()
            assert places.index(query[place]) == rank_BT[0, place]


@given(texts_of_symbols, st.integers(1, 6), queries)
def test_small_models_keep_the_laws(texts: list[list[int]], order: int, query: list[int]) -> None:
    _assert_laws(_trained(texts, order=order, quantize=True), query)


@given(st.integers(0, 149), st.sampled_from([2, 4]))
def test_a_larger_model_keeps_the_laws(text: int, order: int) -> None:
    model = _trained(_texts(), 80, order=order, quantize=True)
    assert all(map(model.tables.is_compact, range(2, order + 1)))
    _assert_laws(model, _texts()[text])


@given(distributions(), queries)
def test_models_that_lack_suffixes_keep_the_laws(levels: Given, query: list[int]) -> None:
    full = ngram.from_ngrams(list(as_levels(levels)), SYMBOLS)
    _assert_laws(full, query)
    _assert_laws(_of(compact.quantize(full.tables, Memory())), query)


@pytest.mark.parametrize(
    "settings",
    [
        {"prune": "0 1"},
        {"prune_entropy": 1e-3},
        {"smoothing": "witten_bell"},
        {"smoothing": "maximum_likelihood"},
        {"smoothing": "stupid_backoff"},
        {"smoothing": "katz"},
    ],
)
def test_pruned_and_otherwise_smoothed_models_keep_the_laws(settings: dict[str, str | float]) -> None:
    model = _trained(_texts(), 80, order=4, quantize=True, **settings)
    assert any(map(model.tables.is_compact, range(2, 5)))
    for text in _texts()[:5]:
        _assert_laws(model, text)


def test_backoffs_are_what_a_twin_computes_from_probabilities() -> None:
    levels = _listed(_trained(_texts(), 80, order=4, quantize=True))
    for shorter, longer in itertools.pairwise(levels):
        stored: dict[Gram, list[int]] = {}
        for gram in longer:
            stored.setdefault(gram[:-1], []).append(gram[-1])
        for context, symbols in stored.items():
            left = 1 - sum(math.exp(longer[(*context, symbol)][0]) for symbol in symbols)
            unseen = 1 - sum(math.exp(log_p(levels, context[1:], symbol)) for symbol in symbols)
            assert shorter[context][1] == pytest.approx(math.log(left / unseen), abs=2e-6)
        for context in shorter.keys() - stored.keys():
            assert shorter[context][1] == 0


def test_probabilities_stay_near_and_their_sums_do_not_grow_much() -> None:
    full, rounded = (_listed(_trained(_texts(), 80, order=4, quantize=flag)) for flag in (False, True))
    assert full[0].keys() == rounded[0].keys()
    for length in (2, 3, 4):
        before, after = full[length - 1], rounded[length - 1]
        assert before.keys() == after.keys()
        assert len({log_p for log_p, _ in after.values()}) <= 256
        assert np.mean([abs(before[gram][0] - after[gram][0]) for gram in before]) < 0.02
        for context in {gram[:-1] for gram in before}:
            grams = [gram for gram in before if gram[:-1] == context]
            was, became = (sum(math.exp(level[gram][0]) for gram in grams) for level in (before, after))
            assert became <= was + (1 - was) / 8 + 1e-6


def test_where_every_symbol_follows_a_level_stays_as_it_is() -> None:
    texts = [[first, second] for first in range(4) for second in range(4)]
    model = _trained([*texts, []], order=3, quantize=True)  # after two symbols never all five
    assert [model.tables.is_compact(length) for length in (1, 2, 3)] == [False, False, True]
    _assert_laws(model, [0, 1, 2, 3])


def test_certainty_leaves_something_to_the_others() -> None:
    model = _trained([[0] * 5000] * 3, order=4, quantize=True)
    _assert_laws(model, [0] * 10)
    assert np.exp(model.predict(model.advance(model.start(1), _ids([0] * 9)[None]))[0, 0]) > 0.98


def test_the_compact_form_takes_less_room_and_comes_back_from_tensors() -> None:
    full, model = (_trained(_texts(), 80, order=4, quantize=flag) for flag in (False, True))
    words = [tensor.nbytes for name, tensor in model.tensors().items() if name.startswith("level")]
    assert words[1:] == [12 * (count + 1) for count in model.counts()[1:3]] + [4 * model.counts()[3]]
    assert sum(words) < 0.75 * sum(tensor.nbytes for tensor in full.tensors().values())
    again = _of(tables.from_tensors(model.tensors()))
    ids_BT = _ids(_texts()[0])[None]
    np.testing.assert_array_equal(
        again.score(again.start(1), ids_BT)[0], model.score(model.start(1), ids_BT)[0]
    )


def test_little_is_lost() -> None:
    held_out = _ids([symbol for text in _texts()[100:] for symbol in (*text, 79)])[None]
    full, model = (_trained(_texts()[:100], 80, order=4, quantize=flag) for flag in (False, True))
    nats, rounded_nats = (-one.score(one.start(1), held_out)[0].mean() for one in (full, model))
    assert rounded_nats < nats + 0.01


def test_by_several_threads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = _trained(_texts(), 80, order=4, quantize=True).tensors()
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    for name, array in _trained(_texts(), 80, order=4, quantize=True).tensors().items():
        np.testing.assert_array_equal(array, one[name])


def test_in_files_the_same(tmp_path: Path) -> None:
    full = _trained(_texts(), 80, order=4)
    in_memory = compact.quantize(full.tables, Memory()).to_tensors()
    for name, array in compact.quantize(full.tables, Disk(tmp_path, limit=64)).to_tensors().items():
        np.testing.assert_array_equal(array, in_memory[name])


def test_vocabularies_without_room_for_the_number_are_refused() -> None:
    with pytest.raises(UsageError, match="up to 16,777,216 symbols, got 16,777,217; pass quantize=false"):
        ngram.create(Config(quantize=True), (1 << 24) + 1, seed=0)
