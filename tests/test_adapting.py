"""Adapting: closed forms, slow twins, that it helps where texts repeat, and the command line.

Axes: T positions, V vocabulary, N symbols read.
"""

from __future__ import annotations

import json
import math
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anygram import adapting, api, cli
from anygram.adapting import _counts, _descent, dynamic, recency
from anygram.adapting.recency import Recency
from anygram.errors import UsageError
from anygram.models import REGISTRY, uniform
from anygram.protocols import Featured, FloatArray, Ids, LanguageModel, Reader
from tests import toy_readers
from tests.networks import network

VOCABULARY = 5
BOUNDARY = VOCABULARY - 1
SYMBOLS = st.lists(st.integers(0, BOUNDARY), max_size=60).map(lambda ids: np.array(ids, dtype=np.int32))


def _uniform(vocabulary_size: int = VOCABULARY) -> LanguageModel:
    return uniform.create(uniform.Config(), vocabulary_size, 0)


def _bits(reader: Reader, ids_T: Ids) -> float:
    return float(-reader.read(ids_T).sum()) / math.log(2)


class SlowRecency:
    """The cache of counts by dictionaries and lists, over a uniform model."""

    def __init__(self, orders: int, decays: list[float], shortest: int, rate: float) -> None:
        self.orders, self.decays, self.shortest, self.rate = orders, decays, shortest, rate
        self.visits: dict[tuple[int, ...], list[int]] = defaultdict(list)
        self.text: list[int] = [BOUNDARY]
        self.since = 1
        self.weights: dict[tuple[int, int], tuple[float, float]] = {}
        self.latest: dict[tuple[int, ...], int] = {}
        self.match: tuple[int, int] | None = None

    def experts(self) -> list[tuple[tuple[int, int], FloatArray]]:
        """Return the class of each context that is known, and its distribution over the vocabulary."""
        found = []
        for order in range(min(self.orders, self.since) + 1):
            visits = self.visits[tuple(self.text[len(self.text) - order :])]
            if visits:
                p_V = np.zeros(VOCABULARY)
                for age, symbol in enumerate(reversed(visits)):
                    p_V[symbol] += self.decays[order] ** age
                kinds = len(set(visits))
                few = 0 if kinds == 1 else 1 if kinds == 2 else 2 if kinds <= 4 else 3
                found.append(((order, min(int(math.log2(len(visits))), 7) * 4 + few), p_V / p_V.sum()))
        if self.match is not None:
            place, length = self.match
            kind = min((length - self.shortest) // 2, 15)
            found.append(((self.orders + 1, kind), np.eye(VOCABULARY)[self.text[place]]))
        return found

    def first(self, order: int, kind: int) -> tuple[float, float]:
        """Return λ before anything was read, and how many symbols it is worth."""
        if order > self.orders:
            return min(0.02 * (kind + 1), 0.3), 8.0
        visits, few = divmod(kind, 4)
        different = [1.0, 2.0, 3.5, 8.0][few]
        times = 1.25 * 2**visits if visits else 1.0
        return max((1 - 0.75 * different / times) / (4 * different), 0.01), 8.0

    def p(self) -> FloatArray:
        p_V = np.full(VOCABULARY, 1 / VOCABULARY)
        for kind, expert_V in self.experts():
            weight = self.weights.get(kind, self.first(*kind))[0]
            p_V = (1 - weight) * p_V + weight * expert_V
        return p_V

    def learn(self, symbol: int) -> None:
        p = 1 / VOCABULARY
        for kind, expert_V in self.experts():
            weight, seen = self.weights.get(kind, self.first(*kind))
            mixed = (1 - weight) * p + weight * expert_V[symbol]
            step = max(1 / (seen + 1), self.rate)
            moved = weight + step * (weight * expert_V[symbol] / mixed - weight)
            self.weights[kind] = min(max(moved, 1e-4), 0.999), seen + 1
            p = mixed
        for order in range(min(self.orders, self.since) + 1):
            self.visits[tuple(self.text[len(self.text) - order :])].append(symbol)
        self.follow(symbol)

    def follow(self, symbol: int) -> None:
        followed = self.match is not None and self.text[self.match[0]] == symbol
        self.text.append(symbol)
        self.since = 1 if symbol == BOUNDARY else self.since + 1
        if self.match is not None and followed and symbol != BOUNDARY:
            self.match = self.match[0] + 1, min(self.match[1] + 1, 40)
        else:
            self.match = None
        if self.since < self.shortest:
            return
        ending = tuple(self.text[-self.shortest :])
        place = self.latest.get(ending)
        self.latest[ending] = len(self.text)
        if self.match is None and place is not None:
            most = min(40, place, self.since)
            same = [self.text[place - 1 - back] == self.text[-1 - back] for back in range(most)]
            self.match = place, same.index(False) if False in same else most


@given(ids_T=SYMBOLS, orders=st.integers(0, 3), shortest=st.integers(1, 4))
def test_the_recency_kernel_is_its_slow_twin(ids_T: Ids, orders: int, shortest: int) -> None:
    values = {"orders": orders, "match": shortest, "decay": 0.8, "slow_decay": 0.9, "rate": 0.05}
    reader = adapting.reader_of(_uniform(), "recency", values)
    twin = SlowRecency(orders, [0.9] + [0.8] * orders, shortest, 0.05)
    for symbol in ids_T:
        np.testing.assert_allclose(np.exp(reader.log_p()), twin.p(), rtol=1e-9)
        assert reader.read(np.array([symbol], dtype=np.int32))[0] == pytest.approx(math.log(twin.p()[symbol]))
        twin.learn(int(symbol))


def test_a_full_cache_is_emptied_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_counts, "_MOST_ROOM", 5000)
    ids_T = np.random.default_rng(0).integers(0, 200, 20_000).astype(np.int32)
    reader = adapting.reader_of(_uniform(201), "recency")
    assert np.isfinite(reader.read(ids_T)).all()
    assert isinstance(reader, Recency)
    assert np.exp(reader.log_p()).sum() == pytest.approx(1.0)
    assert len(reader._tables.symbol_E) <= 8192


def test_a_cache_remembers_more_than_it_has_room_for_at_first() -> None:
    ids_T = np.random.default_rng(0).integers(0, 250, 4000).astype(np.int32)
    twice_T = np.concatenate([ids_T, ids_T])
    log_p_T = adapting.reader_of(_uniform(251), "recency").read(twice_T)
    # what was random at first is known by heart when it comes again
    assert -log_p_T[:4000].mean() > 5.0
    assert -log_p_T[4100:].mean() < 0.2


def test_where_the_model_gives_almost_nothing_the_mixture_is_finite() -> None:
    class Sure:
        """Gives all but one symbol e^−2000."""

        vocabulary_size = 3

        def start(self, rows: int, condition: object = None) -> FloatArray:
            return np.zeros((rows, 1))

        def predict(self, state: FloatArray) -> FloatArray:
            return np.array([[0.0, -2000.0, -2000.0]])

        def score(
            self, state: FloatArray, ids_BT: Ids, lengths: object = None
        ) -> tuple[FloatArray, FloatArray]:
            return np.where(ids_BT == 0, 0.0, -2000.0), state

    reader = adapting.reader_of(Sure(), "recency")  # type: ignore[arg-type]
    assert np.isfinite(reader.log_p()).all()
    assert reader.read(np.array([1], dtype=np.int32))[0] == pytest.approx(-2000.0)
    # now it has been seen: its part of the cache counts, and that of the model is as if nothing
    assert reader.read(np.array([1], dtype=np.int32))[0] == pytest.approx(math.log(1 / 16))


class SlowDynamic:
    """Dynamic evaluation by plain tensors, segment by segment, always from the text's beginning."""

    def __init__(self, model: LanguageModel, segment: int, rate: float, decay: float) -> None:
        self.model, self.segment, self.rate, self.decay = model, segment, rate, decay

    def log_p(self, ids_T: Ids) -> FloatArray:
        module = self.model.module()  # type: ignore[attr-defined]
        trained = {name: weight.detach().clone() for name, weight in module.named_parameters()}
        squares = {name: torch.zeros_like(weight) for name, weight in trained.items()}
        state, parts = self.model.start(1), []
        for steps, first in enumerate(range(0, len(ids_T), self.segment), start=1):
            ids_BT = ids_T[None, first : first + self.segment]
            parts.append(self.model.score(state, ids_BT)[0][0])
            module.zero_grad()
            nats, state = self.model.loss(ids_BT, np.ones(ids_BT.shape, np.float32), state)  # type: ignore[attr-defined]
            nats.backward()
            with torch.no_grad():
                for name, weight in module.named_parameters():
                    squares[name] += (weight.grad**2 - squares[name]) / steps
                roots = {name: square.sqrt() for name, square in squares.items()}
                mean = torch.cat([root.flatten() for root in roots.values()]).mean()
                for name, weight in module.named_parameters():
                    back = self.decay * (roots[name] / mean).clamp(max=1 / self.decay)
                    weight -= self.rate * weight.grad / (roots[name] + 1e-8)
                    weight += back * (trained[name] - weight)
        return np.concatenate(parts)


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_dynamic_evaluation_is_its_slow_twin(
    name: str, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:  # as on an accelerator
        monkeypatch.setattr(_descent, "_is_compiled", lambda tensor: False)
    sizes: dict[str, dict[str, int]] = {
        "lstm": {"units": 8, "embedding": 5},
        "transformer": {"layers": 1, "width": 8, "heads": 2},
    }
    ids_T = np.random.default_rng(0).integers(0, 7, 44).astype(np.int32)
    values = {"segment": 8, "rate": 0.01, "decay": 0.02}
    reader = adapting.reader_of(network(name, sizes[name]), "dynamic", values)
    found_T = np.concatenate([reader.read(ids_T[:11]), reader.read(ids_T[11:])])
    twin_T = SlowDynamic(network(name, sizes[name]), 8, 0.01, 0.02).log_p(ids_T)
    np.testing.assert_allclose(found_T, twin_T, atol=1e-5)
    static_T = network(name, sizes[name]).score(network(name, sizes[name]).start(1), ids_T[None])[0][0]
    assert np.abs(found_T - static_T)[:8].max() < 1e-5 < np.abs(found_T - static_T)[8:].max()


def test_without_a_rate_dynamic_evaluation_is_static() -> None:
    model = network("lstm", {"units": 8, "embedding": 5})
    ids_T = np.random.default_rng(0).integers(0, 7, 50).astype(np.int32)
    found_T = adapting.reader_of(model, "dynamic", {"rate": 0.0}).read(ids_T)
    np.testing.assert_allclose(found_T, adapting.Static(model).read(ids_T), atol=1e-6)


def test_units_are_not_dropped_while_a_session_learns() -> None:
    model = network("lstm", {"units": 8, "embedding": 5, "dropout": 0.5})
    ids_T = np.random.default_rng(0).integers(0, 7, 100).astype(np.int32)
    one, other = (adapting.reader_of(model, "dynamic", {"segment": 4}).read(ids_T) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_the_continuous_cache_is_its_equation() -> None:
    model = network("lstm", {"units": 8, "embedding": 5})
    assert isinstance(model, Featured)
    ids_T = np.random.default_rng(1).integers(0, 6, 12).astype(np.int32)
    reader = adapting.reader_of(model, "continuous", {"flatness": 3.0, "window": 7})
    reader.read(ids_T)
    read_BT = np.concatenate([[6], ids_T])[None].astype(np.int32)
    hidden_TD = model.features(model.start(1), read_BT)[0].astype(np.float64)
    unit_TD = hidden_TD / np.linalg.norm(hidden_TD, axis=1, keepdims=True)
    cache_V = np.zeros(7)
    for i in range(12 - 7, 12):  # the symbol at i was predicted from the vector before it
        cache_V[ids_T[i]] += math.exp(3.0 * (unit_TD[12] @ unit_TD[i]))
    static = adapting.Static(model)
    static.read(ids_T)
    p_V = np.exp(static.log_p())
    weight = reader._weight  # type: ignore[attr-defined]
    wanted_V = (1 - weight) * p_V + weight * cache_V / cache_V.sum()
    np.testing.assert_allclose(np.exp(reader.log_p()), wanted_V, rtol=1e-5)


@pytest.mark.parametrize(
    ("way", "values"), [("recency", {}), ("continuous", {}), ("dynamic", {"rate": 0.01})]
)
def test_a_text_that_repeats_costs_less(way: str, values: dict[str, float]) -> None:
    module = REGISTRY.load("lstm")
    model = module.create(module.Config(units=16, embedding=8), 30, 0)
    ids_T = np.tile(np.random.default_rng(0).integers(0, 29, 25), 40).astype(np.int32)
    assert _bits(adapting.reader_of(model, way, values), ids_T) < 0.9 * _bits(adapting.Static(model), ids_T)


# Which way


def test_a_way_is_chosen_by_what_the_model_can() -> None:
    recurrent = network("rnn", {"units": 8, "embedding": 5})
    assert (adapting.default(_uniform()), adapting.default(recurrent)) == ("recency", "dynamic+recency")
    assert isinstance(adapting.reader_of(recurrent, "dynamic"), dynamic.Dynamic)
    assert isinstance(adapting.reader_of(toy_readers.Remembering(VOCABULARY, 0)), toy_readers.Session)


def test_a_cache_beside_dynamic_evaluation_mixes_into_what_that_says() -> None:
    model = network("lstm", {"units": 8, "embedding": 5})
    ids_T = np.random.default_rng(0).integers(0, 7, 50).astype(np.int32)
    values = {"dynamic.segment": 4, "recency.orders": 2}
    found_T = adapting.reader_of(model, "dynamic+recency", values).read(ids_T)
    dynamic_T = adapting.reader_of(model, "dynamic", {"segment": 4}).read(ids_T)

    class Told:
        def read(self, ids_T: Ids) -> FloatArray:
            return dynamic_T

    inner: Any = Told()
    wanted_T = recency.beside(inner, 7, recency.Config(orders=2)).read(ids_T)
    np.testing.assert_allclose(found_T, wanted_T, atol=1e-6)


@pytest.mark.parametrize(
    ("way", "values", "message"),
    [
        (
            "dynamic",
            {},
            "'dynamic' adapts models learnt by gradient, not this model; ways that suit it: recency",
        ),
        ("recancy", {}, "no way of adapting named 'recancy'; did you mean 'recency'?"),
        ("recency", {"order": 3}, "no setting named 'order'; did you mean 'orders'?"),
        ("recency", {"orders": 99}, "orders must be from 0 to 16, got 99"),
        ("recency", {"decay": 0}, "decay must be above 0 and at most 1, got 0"),
        ("recency", {"match": 0}, "match must be from 1 to 32, got 0"),
        ("recency", {"rate": 1}, "rate must be between 0 and 1, got 1"),
        ("recency+own", {}, "'own' cannot stand beside 'recency'"),
        ("recency+recency", {}, "names a way twice"),
        ("recency", {"dynamic.rate": 1}, "no settings of 'dynamic' are asked for"),
        ("dynamic+recency", {"rate": 1}, "settings of dynamic+recency read WAY.KEY, got 'rate'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(way: str, values: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as refused:
        adapting.reader_of(_uniform(), way, values)
    assert "\n" not in str(refused.value)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> api.Run:
    folder = tmp_path_factory.mktemp("adapting")
    (folder / "book.txt").write_text("the cat sat on the mat. " * 50)
    (folder / "other.txt").write_text("a dog ate all of the fish in a dish. " * 30)
    return api.train(folder / "book.txt", "ngram", out=folder / "run", codec="bytes")


def _printed(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    status = cli.run(words)
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def test_evaluate_adapts_and_says_so(run: api.Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run.path), str(run.path.parent / "other.txt"), "--json"]
    static, adapted, named = (
        json.loads(_printed([*words, *more], capsys)[1])
        for more in ([], ["--adapt"], ["--adapt-by", "recency", "--adapt-set", "orders=2"])
    )
    assert (static["adaptive"], adapted["adaptive"], named["adaptive"]) == (False, True, True)
    assert adapted["bits_per_byte"] < 0.3 * static["bits_per_byte"]
    assert adapted["bits_per_byte"] != named["bits_per_byte"] < static["bits_per_byte"]
    assert (adapted["symbols"], adapted["bytes"]) == (static["symbols"], static["bytes"])
    assert adapted["accuracy"] is None
    assert json.loads(_printed(words, capsys)[1])["nats"] == static["nats"]


def test_documents_are_read_in_one_session(run: api.Run, tmp_path: Path) -> None:
    lines = tmp_path / "lines.log"
    lines.write_text("all cats eat mats\n" * 20)
    first, *_, last = run.score(lines, adapt=True)
    assert last.nats < 0.3 * first.nats
    costs = [one.nats for one in run.score(lines)]
    assert max(costs) == min(costs)
    assert run.evaluate(lines, adapt="recency").nats == pytest.approx(
        sum(one.nats for one in run.score(lines, adapt="recency"))
    )


def test_wrong_words_are_refused_in_one_line(run: api.Run, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", str(run.path), str(run.path.parent / "other.txt")]
    for more, said in (
        (["--adapt-by", "dynamic"], "'dynamic' adapts models learnt by gradient"),
        (["--adapt-set", "orders=2"], "--adapt-set without --adapt"),
        (["--adapt", "--adapt-set", "orders"], "--adapt-set wants KEY=VALUE, got 'orders'"),
        (["--adapt-by", "dyn"], "no way of adapting named 'dyn'"),
    ):
        status, out, err = _printed([*words, *more], capsys)
        assert (status, out) == (2, "")
        assert said in err and len(err.strip().splitlines()) == 1
