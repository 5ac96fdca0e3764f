"""Decoding: searched through against all sequences, greedily, by closed forms; draws, lengths, refusals.

Axes: B rows, T target positions, S source positions, V vocabulary.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import states
from anygram.conditioning import LengthLimit, inner_vocabulary_size, lengths, prefixed
from anygram.errors import DataError, UsageError
from anygram.models import ngram
from anygram.protocols import FloatArray, Ids
from anygram.tasks.decoding import Draws, Hypothesis, Search, decode
from anygram.tasks.decoding.beams import likeliest
from anygram.tasks.decoding.search import coverage, length_penalty
from tests.toy_models import Told

V, LIMIT = 4, 3
BOUNDARY = V - 1
SHORT = LengthLimit(ratio=0, symbols=LIMIT)
ALL = sum((V - 1) ** length for length in range(LIMIT + 1))

seeds = st.integers(0, 1000)
sources = st.lists(st.lists(st.integers(0, 2), max_size=4), min_size=1, max_size=5).map(
    lambda rows: [ids(*row) for row in rows]
)


def ids(*symbols: int) -> Ids:
    return np.array(symbols, dtype=np.int32)


class Looking(Told):
    """Told, and says where it looked: at each place by its source's symbol and the target's."""

    def alignment(self, state: Any, ids_BT: Ids) -> FloatArray:
        sources_BS = np.array([self.told[key] for key in map(bytes, state.origin_BV)])
        near_BTS = np.where(ids_BT[:, :, None] == sources_BS[:, None, :], 4.0, 1.0)
        weights_BTS: FloatArray = near_BTS / near_BTS.sum(axis=2, keepdims=True)
        return weights_BTS

    told: dict[bytes, Ids]

    def start(self, rows: int, condition: Any = None) -> Any:
        state = super().start(rows, condition)
        longest = max(map(len, condition))
        self.told = getattr(self, "told", {}) | {
            bytes(origin_V): np.pad(source, (0, longest - len(source)), constant_values=-1)
            for origin_V, source in zip(state.origin_BV, condition, strict=True)
        }
        return state


def everything(model: Told, source: Ids, search: Search) -> list[tuple[list[int], float, float]]:
    """Return all targets of at most LIMIT symbols with log P and score, best first."""
    found = []
    for length in range(LIMIT + 1):
        for target in itertools.product(range(V - 1), repeat=length):
            ids_1T = ids(*target, BOUNDARY)[None]
            log_p = float(model.score(model.start(1, [source]), ids_1T)[0].sum())
            weights_TS = None
            if search.coverage:
                weights_TS = model.alignment(model.start(1, [source]), ids_1T)[0]  # type: ignore[attr-defined]
            found.append((list(target), log_p, search.score(log_p, length + 1, weights_TS)))
    return sorted(found, key=lambda one: -one[2])


def only(model: Any, source: Ids, how: Search | Draws, limit: LengthLimit = SHORT) -> list[Hypothesis]:
    (found,) = decode(model, [source], how, limit)
    return found


@given(seed=seeds, given_sources=sources, alpha=st.sampled_from([0.0, 0.6, 1.0, 2.0]))
def test_a_beam_as_wide_as_all_sequences_finds_the_best_of_all(
    seed: int, given_sources: list[Ids], alpha: float
) -> None:
    model, search = Told(V, seed), Search(ALL, alpha, best=7)
    for source, found in zip(given_sources, decode(model, given_sources, search, SHORT), strict=True):
        wanted = everything(model, source, search)[:7]
        assert [one.score for one in found] == pytest.approx([score for *_, score in wanted])
        assert [one.log_p for one in found] == pytest.approx([log_p for _, log_p, _ in wanted])
        assert [one.ids_T.tolist() for one in found] == [target for target, *_ in wanted]


@given(seed=seeds, source=st.lists(st.integers(0, 2), min_size=1, max_size=4))
def test_so_it_does_where_coverage_counts(seed: int, source: list[int]) -> None:
    model, search = Looking(V, seed), Search(ALL, 0.6, coverage=1.5, best=5)
    wanted = everything(model, ids(*source), search)[:5]
    found = only(model, ids(*source), search)
    assert [one.ids_T.tolist() for one in found] == [target for target, *_ in wanted]
    assert [one.score for one in found] == pytest.approx([score for *_, score in wanted])


def test_coverage_can_turn_the_ranking() -> None:
    turned = 0
    for seed in range(20):
        model = Looking(V, seed)
        plain, covered = (only(model, ids(0, 1, 2), Search(ALL, coverage=beta))[0] for beta in (0.0, 3.0))
        turned += plain.ids_T.tolist() != covered.ids_T.tolist()
    assert turned > 0


@given(seed=seeds, given_sources=sources)
def test_a_beam_of_one_is_greedy(seed: int, given_sources: list[Ids]) -> None:
    model = Told(V, seed)
    found = decode(model, given_sources, Search(1), LengthLimit(ratio=1, symbols=2))
    for source, (one,) in zip(given_sources, found, strict=True):
        read: list[int] = []
        state = model.start(1, [source])
        while len(read) < len(source) + 2 and (symbol := int(model.predict(state)[0].argmax())) != BOUNDARY:
            read.append(symbol)
            state = model.advance(state, ids(symbol)[None])
        assert one.ids_T.tolist() == read
        assert one.limited == (int(model.predict(state)[0].argmax()) != BOUNDARY)


@given(seed=seeds, given_sources=sources, beam=st.integers(1, 6), alpha=st.sampled_from([0.0, 0.6, 1.0]))
def test_the_best_are_sorted_distinct_and_cost_what_the_model_says(
    seed: int, given_sources: list[Ids], beam: int, alpha: float
) -> None:
    model, search = Told(6, seed), Search(beam, alpha, best=beam)
    limit = LengthLimit()
    for source, found in zip(given_sources, decode(model, given_sources, search, limit), strict=True):
        assert 1 <= len(found) <= beam
        assert len({tuple(one.ids_T.tolist()) for one in found}) == len(found)
        assert [one.score for one in found] == sorted((one.score for one in found), reverse=True)
        for one in found:
            ids_1T = np.append(one.ids_T, np.int32(5))[None]
            log_p_1T, _ = model.score(model.start(1, [source]), ids_1T)
            assert one.log_p == pytest.approx(float(log_p_1T.sum()))
            assert one.score == pytest.approx(one.log_p / ((5 + len(one.ids_T) + 1) / 6) ** alpha)
            assert len(one.ids_T) <= limit.of(len(source))


@given(seed=seeds, given_sources=sources, beam=st.integers(1, 5))
def test_sources_beside_each_other_change_nothing(seed: int, given_sources: list[Ids], beam: int) -> None:
    model, search = Told(6, seed), Search(beam, best=beam)
    together = list(decode(model, given_sources, search, LengthLimit()))
    for source, found in zip(given_sources, together, strict=True):
        alone = only(model, source, search, LengthLimit())
        assert [one.ids_T.tolist() for one in found] == [one.ids_T.tolist() for one in alone]
        assert [one.log_p for one in found] == pytest.approx([one.log_p for one in alone])


def test_what_has_ended_leaves_the_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    model, rows = Told(V, 0), []
    model.bias_V[BOUNDARY] = -20.0  # so that targets end at their limits
    advance = model.advance

    def counted(state: Any, ids_BT: Ids, lengths: Any = None) -> Any:
        rows.append(states.count_rows(state))
        return advance(state, ids_BT, lengths)

    monkeypatch.setattr(model, "advance", counted)
    list(decode(model, [ids(0, 1, 2), ids(0)], Search(3), LengthLimit(ratio=2, symbols=0)))
    assert rows == [6, 6, 3, 3, 3, 3]


def test_sources_come_back_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("anygram.tasks.decoding.SOURCES_AT_ONCE", 3)
    monkeypatch.setattr("anygram.tasks.decoding._WINDOW", 7)
    generator = np.random.default_rng(0)
    many = [generator.integers(0, 3, generator.integers(0, 5)).astype(np.int32) for _ in range(20)]
    model, search = Told(V, 1), Search(4)
    together = [found[0].log_p for found in decode(model, many, search, SHORT)]
    assert together == pytest.approx([only(model, source, search)[0].log_p for source in many])
    drawn = [found[0].ids_T.tolist() for found in decode(model, many, Draws(seed=3), SHORT)]
    monkeypatch.setattr("anygram.tasks.decoding.SOURCES_AT_ONCE", 20)
    assert drawn == [found[0].ids_T.tolist() for found in decode(model, many, Draws(seed=3), SHORT)]


def test_ngrams_behind_their_source_translate() -> None:
    """Words a letter each to digits: 0 1 2 3 4 stand for a … e; the model must look back at the source."""
    inner = ngram.create(ngram.Config(order=6), inner_vocabulary_size(6, 5), 0)
    model = prefixed(inner, 6, 5)
    pairs = [(ids(a, b), ids(b, a)) for a in range(5) for b in range(5)]
    documents = [np.append(target, np.int32(5)) for _, target in pairs]
    model.count(np.concatenate(documents), np.full(25, 3), [source for source, _ in pairs])  # type: ignore[attr-defined]
    model.finish()  # type: ignore[attr-defined]
    found = decode(model, [source for source, _ in pairs], Search(), LengthLimit())
    assert [best.ids_T.tolist() for best, *_ in found] == [target.tolist() for _, target in pairs]


# The parts


def test_the_penalties_are_those_of_wu_et_al() -> None:
    assert length_penalty(15, 0.2) == pytest.approx((20 / 6) ** 0.2)
    weights_TS = np.array([[0.6, 0.3, 0.1], [0.8, 0.1, 0.1]])
    assert coverage(weights_TS) == pytest.approx(math.log(0.4) + math.log(0.2))
    assert Search(coverage=0.2).score(-6.0, 7, weights_TS) == pytest.approx(
        -6.0 / 2**0.6 + 0.2 * (math.log(0.4) + math.log(0.2))
    )


@given(rows=st.integers(1, 4), size=st.integers(1, 400), most=st.integers(1, 12), seed=seeds)
def test_the_likeliest_are_those_that_a_stable_sort_puts_first(
    rows: int, size: int, most: int, seed: int
) -> None:
    numbers_BV = np.random.default_rng(seed).integers(0, 9, (rows, size)).astype(np.float32)
    wanted_BK = np.argsort(-numbers_BV, axis=1, kind="stable")[:, :most]
    np.testing.assert_array_equal(likeliest(numbers_BV, most), wanted_BK)


@given(
    pairs=st.lists(st.tuples(st.integers(0, 50), st.integers(0, 80)), min_size=1, max_size=200),
    share=st.sampled_from([0.5, 0.9, 0.999]),
)
def test_a_learnt_limit_fits_its_share_of_the_pairs(pairs: list[tuple[int, int]], share: float) -> None:
    source_D, target_D = np.array(pairs).T
    limit = lengths.learn(source_D, target_D, share)
    fits = [target <= limit.of(source) for source, target in pairs]
    assert np.mean(fits) >= share - 1 / len(pairs)


def test_a_learnt_limit_is_near_the_pairs_own() -> None:
    source_D = np.arange(1, 1000)
    limit = lengths.learn(source_D, np.ceil(0.5 * source_D).astype(np.int64))
    assert 500 <= limit.of(1000) <= 510 and limit.of(0) <= 6
    assert LengthLimit().of(7) == 24


# Draws


def test_draws_are_as_frequent_as_they_are_likely() -> None:
    model, source = Told(V, 5), ids(0, 2)
    draws = only(model, source, Draws(samples=4000))
    counts = Counter(tuple(one.ids_T.tolist()) for one in draws)
    state, p = model.start(1, [source]), {}
    for target in ((), (0,), (1,), (2,)):
        p[target] = math.exp(float(model.score(state, ids(*target, BOUNDARY)[None])[0].sum()))
    for target, probability in p.items():
        spread = math.sqrt(probability * (1 - probability) / 4000)
        assert abs(counts[target] / 4000 - probability) < 5 * spread
    for one in draws[:20]:
        log_p_1T, _ = model.score(state, np.append(one.ids_T, np.int32(BOUNDARY))[None])
        assert one.log_p == pytest.approx(float(log_p_1T.sum()))
        assert len(one.ids_T) <= LIMIT and (not one.limited or len(one.ids_T) == LIMIT)


def test_draws_go_by_seed_source_and_number_alone() -> None:
    model, two = Told(V, 5), [ids(0, 2), ids(1)]

    def drawn(given_sources: Sequence[Ids], **how: Any) -> list[list[list[int]]]:
        found = decode(model, given_sources, Draws(**how), LengthLimit())
        return [[one.ids_T.tolist() for one in draws] for draws in found]

    many = drawn(two, samples=9)
    assert many == drawn(two, samples=9) != drawn(two, samples=9, seed=1)
    assert many[0][:3] == drawn(two[:1], samples=3)[0]
    assert len({tuple(one) for one in many[0]}) > 1


def test_cold_draws_are_greedy() -> None:
    model, source = Told(V, 2), ids(0, 1)
    greedy = only(model, source, Search(1))[0].ids_T.tolist()
    for how in (Draws(3, temperature=0), Draws(3, top_k=1), Draws(3, top_p=1e-9)):
        assert [one.ids_T.tolist() for one in only(model, source, how)] == [greedy] * 3


# Alignments


def test_weights_are_of_each_targets_own_symbols_and_source() -> None:
    model, two = Looking(V, 3), [ids(0, 2, 1), ids(1)]
    for source, found in zip(two, decode(model, two, Search(3, best=3), SHORT, align=True), strict=True):
        for one in found:
            assert one.weights_TS is not None and one.weights_TS.shape == (len(one.ids_T), len(source))
            for symbol, weights_S in zip(one.ids_T, one.weights_TS, strict=True):
                if symbol in source:
                    assert source[weights_S.argmax()] == symbol


@pytest.mark.parametrize(("how", "align"), [(Search(coverage=0.2), False), (Search(), True), (Draws(), True)])
def test_a_model_that_does_not_say_where_it_looks_is_refused(how: Search | Draws, align: bool) -> None:
    with pytest.raises(UsageError, match="takes a model that says where it looks"):
        next(decode(Told(V, 0), [ids(0)], how, SHORT, align=align))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Search(0), "the beam must be at least 1, got 0"),
        (lambda: Search(3, best=4), "1 to 3 best ones, got 4; choose a wider beam"),
        (lambda: Search(length_penalty=-1), "length penalty must be 0 or more, got -1"),
        (lambda: Search(coverage=math.nan), "coverage must be 0 or more, got nan"),
        (lambda: Draws(0), "samples must be at least 1, got 0"),
        (lambda: Draws(temperature=-1), "temperature must be 0 or more"),
        (lambda: LengthLimit(ratio=-1), "ratio must be 0 or more, got -1"),
    ],
)
def test_settings_that_make_no_sense_are_refused(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()


def test_lengths_are_not_learnt_from_nothing() -> None:
    with pytest.raises(DataError, match="no pairs to learn lengths from"):
        lengths.learn(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
