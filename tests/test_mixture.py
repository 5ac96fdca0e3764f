"""Mixtures: closed forms, slow clear twins, readers, and runs combined through the command line.

Axes: B rows, T positions, N positions of any rows, M members, V vocabulary, C contexts, D bits of an id.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram.conditioning import refuse
from anygram.errors import UsageError
from anygram.information import log_softmax
from anygram.models import REGISTRY, mixture
from anygram.models.mixture import Config, Mixture
from anygram.models.mixture.combination import Combination
from anygram.models.mixture.linear import Linear, maximise
from anygram.models.mixture.log_linear import LogLinear
from anygram.models.mixture.logistic import Logistic
from anygram.models.mixture.newton import Derivatives, Table, minimise
from anygram.protocols import Adaptive, Condition, FloatArray, Ids, LanguageModel, Lengths, Reader, Tensors
from tests.asking import ask, contents, write_corpus

Kind = Literal["linear", "log_linear", "logistic"]
KINDS: tuple[Kind, ...] = get_args(get_type_hints(Config)["kind"])
GATES: tuple[Literal["none", "context"], ...] = get_args(get_type_hints(Config)["gate"])
SETTINGS = [Config(kind, gate, rate) for kind in KINDS for gate in GATES for rate in (None, 0.1)]
SYMBOLS = 5


class Fixed:
    """The same distribution whatever stands before."""

    def __init__(self, probabilities: list[float]) -> None:
        self.log_p_V = np.log(probabilities)
        self.vocabulary_size = len(probabilities)

    def start(self, rows: int, condition: Condition | None = None) -> FloatArray:
        refuse(condition, "fixed")
        return np.zeros(rows)

    def predict(self, state: FloatArray) -> FloatArray:
        return np.tile(self.log_p_V, (len(state), 1))

    def advance(self, state: FloatArray, ids_BT: Ids, lengths: Lengths | None = None) -> FloatArray:
        return state

    def score(
        self, state: FloatArray, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, FloatArray]:
        log_p_BT: FloatArray = self.log_p_V[ids_BT]
        return log_p_BT, state

    def tensors(self) -> Tensors:
        return {}

    def restore(self, tensors: Tensors) -> None: ...


class CountingReader:
    """P(x) = (c(x) + 1) / (n + V), of all that was read: learns while it reads."""

    def __init__(self, counts_V: FloatArray) -> None:
        self.counts_V = counts_V

    def log_p(self) -> FloatArray:
        log_p_V: FloatArray = np.log(self.counts_V / self.counts_V.sum())
        return log_p_V

    def read(self, ids_T: Ids) -> FloatArray:
        log_p_T = np.empty(len(ids_T))
        for t, symbol in enumerate(ids_T):
            log_p_T[t] = self.log_p()[symbol]
            self.counts_V[symbol] += 1
        return log_p_T

    def copy(self) -> CountingReader:
        return CountingReader(self.counts_V.copy())


class Counter(Fixed):
    """Uniform, until it is read by its reader."""

    def reader(self) -> CountingReader:
        return CountingReader(np.ones(self.vocabulary_size))


def trained(name: str, seed: int, symbols: int = SYMBOLS) -> LanguageModel:
    """Return a small model that has counted random documents."""
    module = REGISTRY.load(name)
    model: Any = module.create(module.Config(order=2), symbols, 0)
    model.count(text(symbols, 200, seed), np.array([200]))
    model.finish()
    made: LanguageModel = model
    return made


def text(symbols: int, length: int, seed: int) -> Ids:
    """Return ids_N of a skewed distribution, closed by the boundary."""
    generator = np.random.default_rng(seed)
    ids_N = generator.choice(symbols, length, p=generator.dirichlet(np.ones(symbols))).astype(np.int32)
    ids_N[-1] = symbols - 1
    return ids_N


def made(config: Config, members: Mapping[str, LanguageModel], symbols: int = SYMBOLS) -> Mixture:
    return mixture.create(config, symbols, 0, members)


def fitted(config: Config, members: Mapping[str, LanguageModel], ids_N: Ids) -> Mixture:
    model = made(config, members, next(iter(members.values())).vocabulary_size)
    model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model


def two_members() -> dict[str, LanguageModel]:
    return {"1-frequency": trained("frequency", 1), "2-ngram": trained("ngram", 2)}


def nats(model: LanguageModel, ids_N: Ids) -> float:
    return -float(model.score(model.start(1), ids_N[None])[0].sum())


# Closed forms


@pytest.mark.parametrize("config", SETTINGS, ids=str)
def test_a_model_mixed_with_itself_is_itself(config: Config) -> None:
    one = trained("ngram", 1)
    twice = made(config, {"1-ngram": one, "2-ngram": one})
    state, twin = twice.start(1), one.start(1)
    for symbol in text(SYMBOLS, 10, 3):
        np.testing.assert_allclose(twice.predict(state), one.predict(twin), atol=1e-6)
        state = twice.advance(state, np.array([[symbol]], dtype=np.int32))
        twin = one.advance(twin, np.array([[symbol]], dtype=np.int32))


@pytest.mark.parametrize("config", SETTINGS, ids=str)
def test_a_mixture_of_none_is_uniform(config: Config) -> None:
    model = made(config, {})
    model.count(text(SYMBOLS, 20, 1), np.array([20]))
    model.finish()
    np.testing.assert_allclose(model.predict(model.start(2)), -math.log(SYMBOLS))


def test_linear_weights_are_the_shares_of_who_was_right() -> None:
    """Where each symbol is given by one member alone, w_i is how many of the symbols are its own."""
    never = 1e-12
    first, second = Fixed([1 - 2 * never, never, never]), Fixed([never, 1 - 2 * never, never])
    ids_N = np.array([0] * 70 + [1] * 30, dtype=np.int32)
    model = fitted(Config("linear", "none"), {"1": first, "2": second}, ids_N)
    assert model.weights == {"1": pytest.approx(0.7), "2": pytest.approx(0.3)}
    share_1TM = model.shares(model.start(1), ids_N[None])
    np.testing.assert_allclose(share_1TM[0, :, 0], ids_N == 0, atol=1e-6)


@pytest.mark.parametrize("kind", ["log_linear", "logistic"])
def test_a_member_that_is_too_flat_gets_the_weight_that_sharpens_it(kind: Kind) -> None:
    """Symbols come from P; a member that gives P^(1/2), normalised, is right with weight 2."""
    truth_V = np.array([0.6, 0.3, 0.06, 0.04])
    flat = Fixed(list(np.sqrt(truth_V) / np.sqrt(truth_V).sum()))
    if kind == "logistic":  # what is sharpened is the odds of each bit: only with one bit the same thing
        truth_V = np.array([0.7, 0.3])
        flat = Fixed(list(np.sqrt(truth_V) / np.sqrt(truth_V).sum()))
    uniform = Fixed([1 / len(truth_V)] * len(truth_V))
    ids_N = np.repeat(np.arange(len(truth_V)), (truth_V * 100_000).astype(int)).astype(np.int32)
    model = fitted(Config(kind, "none"), {"1": flat, "2": uniform}, ids_N)
    np.testing.assert_allclose(np.exp(model.predict(model.start(1))[0]), truth_V, rtol=1e-3)
    assert model.weights["1"] == pytest.approx(2, rel=1e-3)


@given(seed=st.integers(0, 10_000), members=st.integers(1, 4))
def test_maximisation_never_lowers_the_likelihood(seed: int, members: int) -> None:
    generator = np.random.default_rng(seed)
    log_p_NM = np.log(generator.uniform(1e-6, 1, (30, members)))
    weights_M: FloatArray = generator.dirichlet(np.ones(members))
    before = -math.inf
    for _ in range(10):
        likelihood = float(np.log(np.exp(log_p_NM) @ weights_M).sum())
        assert likelihood >= before - 1e-9
        before, weights_M = likelihood, maximise(weights_M, log_p_NM)


@pytest.mark.parametrize("config", SETTINGS, ids=str)
def test_fitted_weights_are_no_worse_than_the_best_member(config: Config) -> None:
    """On what they are fitted to; the prior may cost a little."""
    members, ids_N = two_members(), text(SYMBOLS, 3000, 1)
    best = min(nats(member, ids_N) for member in members.values())
    assert nats(fitted(config, members, ids_N), ids_N) < best + 2


@pytest.mark.parametrize("kind", KINDS)
def test_a_gate_knows_after_which_symbol_a_member_is_right(kind: Kind) -> None:
    """After a 0 the first member is right, after a 1 the second: no weights without a gate can say that."""
    first, second = Fixed([0.9, 0.05, 0.05]), Fixed([0.05, 0.9, 0.05])
    generator, ids = np.random.default_rng(0), [0]
    for _ in range(5000):
        ids.append(ids[-1] if generator.random() < 0.9 else 1 - ids[-1])
    ids_N = np.array(ids, dtype=np.int32)
    ungated, gated = (fitted(Config(kind, gate), {"1": first, "2": second}, ids_N) for gate in GATES)
    assert nats(gated, ids_N) < 0.7 * nats(ungated, ids_N)


# Twins


def random_case(seed: int, gated: bool, combination: type[Combination]) -> tuple[Any, ...]:
    """Return a combination, weights, what members say, and symbols."""
    generator = np.random.default_rng(seed)
    positions, members, symbols = 12, int(generator.integers(1, 4)), int(generator.integers(1, 9))
    made = combination(members, symbols, gated)
    weights_CM = made.initial()
    if combination is Linear:
        weights_CM = generator.dirichlet(np.ones(members), len(weights_CM))
    else:
        weights_CM = weights_CM + generator.normal(0, 0.3, weights_CM.shape)
    log_p_NMV = log_softmax(generator.normal(0, 2, (positions, members, symbols)))
    before_N, ids_N = generator.integers(0, symbols, (2, positions)).astype(np.int32)
    return made, weights_CM, log_p_NMV, before_N, ids_N


def mixed_slowly(
    made: Combination, gated: bool, weights_CM: FloatArray, log_p_MV: FloatArray, before: int
) -> FloatArray:
    """Return log_p_V as the module's equations say."""
    symbols = log_p_MV.shape[1]
    if isinstance(made, Linear):
        mixed_V: FloatArray = np.log(weights_CM[before if gated else 0] @ np.exp(log_p_MV))
        return mixed_V
    if isinstance(made, LogLinear):
        weights_M = weights_CM[0] + (weights_CM[1 + before] if gated else 0)
        return log_softmax(weights_M @ log_p_MV)
    depth, log_p_V = (symbols - 1).bit_length(), np.zeros(symbols)
    bits_VD = (np.arange(symbols)[:, None] >> np.arange(depth)[::-1]) & 1
    for v in range(symbols):
        for d in range(depth):
            alike_V = (bits_VD[:, :d] == bits_VD[v, :d]).all(axis=1)
            ones, zeros = alike_V & (bits_VD[:, d] == 1), alike_V & (bits_VD[:, d] == 0)
            if not ones.any():
                continue
            stretch_M = np.log(np.exp(log_p_MV[:, ones]).sum(1) / np.exp(log_p_MV[:, zeros]).sum(1))
            weights_M = weights_CM[0].copy()
            if gated:
                node = (1 << d) | (v >> (depth - d))
                weights_M += weights_CM[node] + weights_CM[(1 << depth) + (before << depth) + node]
            odds = float(weights_M @ stretch_M) * (1 if bits_VD[v, d] else -1)
            log_p_V[v] -= math.log1p(math.exp(-odds))
    return log_p_V


@pytest.mark.parametrize("combination", [Linear, LogLinear, Logistic])
@given(seed=st.integers(0, 10_000), gated=st.booleans())
def test_a_combination_is_what_its_equation_says(
    combination: type[Combination], seed: int, gated: bool
) -> None:
    made, weights_CM, log_p_NMV, before_N, ids_N = random_case(seed, gated, combination)
    log_p_NV = made.mix(weights_CM, log_p_NMV, before_N)
    for n in range(len(ids_N)):
        wanted_V = mixed_slowly(made, gated, weights_CM, log_p_NMV[n], int(before_N[n]))
        np.testing.assert_allclose(log_p_NV[n], wanted_V, atol=1e-9)
    kept_CM = weights_CM.copy()
    log_p_N = made.read(weights_CM, log_p_NMV, before_N, ids_N, 0.0)
    np.testing.assert_allclose(log_p_N, log_p_NV[np.arange(len(ids_N)), ids_N], atol=1e-9)
    np.testing.assert_array_equal(weights_CM, kept_CM)
    share_NM = made.shares(weights_CM, made.gather(log_p_NMV, before_N, ids_N))
    assert (share_NM >= 0).all()
    np.testing.assert_allclose(share_NM.sum(axis=1), 1)


def test_pairs_that_share_weights_leave_a_distribution() -> None:
    """Of 600 symbols there are more pairs than rows of weights."""
    generator, symbols = np.random.default_rng(0), 600
    made = Logistic(2, symbols, gated=True)
    weights_CM = made.initial() + generator.normal(0, 0.3, made.initial().shape)
    assert len(weights_CM) < symbols << 10
    log_p_NMV = log_softmax(generator.normal(0, 2, (20, 2, symbols)))
    before_N, ids_N = generator.integers(0, symbols, (2, 20)).astype(np.int32)
    log_p_NV = made.mix(weights_CM, log_p_NMV, before_N)
    np.testing.assert_allclose(np.exp(log_p_NV).sum(axis=1), 1)
    log_p_N = made.read(weights_CM, log_p_NMV, before_N, ids_N, 0.1)
    assert log_p_N[0] == pytest.approx(log_p_NV[0, ids_N[0]])


@pytest.mark.parametrize("combination", [LogLinear, Logistic])
@given(seed=st.integers(0, 10_000), gated=st.booleans())
def test_online_weights_step_down_the_gradient(
    combination: type[Combination], seed: int, gated: bool
) -> None:
    """For each weight: the step is rate times the slope of log P of the symbol just read."""
    made, weights_CM, log_p_NMV, before_N, ids_N = random_case(seed, gated, combination)
    rate, tiny = 1e-7, 1e-5
    stepped_CM = weights_CM.copy()
    one = slice(0, 1)
    made.read(stepped_CM, log_p_NMV[one], before_N[one], ids_N[one], rate)
    for place in np.ndindex(weights_CM.shape):
        ends = []
        for sign in (-1, 1):
            moved_CM = weights_CM.copy()
            moved_CM[place] += sign * tiny
            ends.append(float(made.read(moved_CM, log_p_NMV[one], before_N[one], ids_N[one], 0.0)[0]))
        slope = (ends[1] - ends[0]) / (2 * tiny)
        assert (stepped_CM[place] - weights_CM[place]) / rate == pytest.approx(slope, abs=1e-4)


@given(seed=st.integers(0, 10_000), gated=st.booleans(), rate=st.floats(0.001, 1))
def test_linear_weights_follow_the_exponentiated_gradient(seed: int, gated: bool, rate: float) -> None:
    made, weights_CM, log_p_NMV, before_N, ids_N = random_case(seed, gated, Linear)
    slow_CM, slow_N = weights_CM.copy(), []
    for n, symbol in enumerate(ids_N):
        row, p_M = int(before_N[n]) * gated, np.exp(log_p_NMV[n, :, symbol])
        p = float(slow_CM[row] @ p_M)
        slow_N.append(math.log(p))
        grown_M = slow_CM[row] * np.exp(rate * np.minimum(p_M / p, 500))
        slow_CM[row] = np.maximum(grown_M, 1e-6) / np.maximum(grown_M, 1e-6).sum()
    log_p_N = made.read(weights_CM, log_p_NMV, before_N, ids_N, rate)
    np.testing.assert_allclose(log_p_N, slow_N, atol=1e-9)
    np.testing.assert_allclose(weights_CM, slow_CM, atol=1e-9)


def test_newton_finds_the_least_of_a_parabola() -> None:
    centre_CM = np.array([[1.0, -2.0], [0.5, 0.0]])

    def derivatives(weights_CM: FloatArray, rows: slice) -> Derivatives:
        away_CM = weights_CM - centre_CM
        hessian_CMM = np.tile(10 * np.eye(2), (rows.stop - rows.start, 1, 1))
        return Derivatives(5 * float((away_CM**2).sum()), 10 * away_CM[rows], hessian_CMM)

    tables = [Table(slice(0, 1), 0.0), Table(slice(1, 2), 10.0)]
    found_CM = minimise(derivatives, np.zeros((2, 2)), tables)
    np.testing.assert_allclose(found_CM, [[1.0, -2.0], [0.25, 0.0]])


# Readers


def adaptive_members() -> dict[str, LanguageModel]:
    return {"1-frequency": trained("frequency", 1), "2-counter": Counter([1 / SYMBOLS] * SYMBOLS)}


def reader_of(config: Config) -> Reader:
    model = fitted(config, adaptive_members(), text(SYMBOLS, 100, 5))
    assert isinstance(model, Adaptive)
    return model.reader()


TEXTS = st.lists(st.integers(0, SYMBOLS - 1), max_size=12).map(lambda ids: np.array(ids, dtype=np.int32))


@pytest.mark.parametrize("config", SETTINGS, ids=str)
@given(ids_T=TEXTS)
def test_a_reader_predicts_each_symbol_before_it_learns_it(config: Config, ids_T: Ids) -> None:
    stepwise, whole = reader_of(config), reader_of(config)
    log_p_T = whole.read(ids_T)
    for t in range(len(ids_T)):
        log_p_V = stepwise.log_p()
        assert np.exp(log_p_V).sum() == pytest.approx(1)
        assert log_p_V[ids_T[t]] == pytest.approx(log_p_T[t], abs=1e-9)
        stepwise.read(ids_T[t : t + 1])
    np.testing.assert_allclose(stepwise.log_p(), whole.log_p(), atol=1e-9)


@pytest.mark.parametrize("config", SETTINGS, ids=str)
@given(ids_T=TEXTS, cut=st.integers(0, 12))
def test_cuts_change_nothing_and_copies_are_independent(config: Config, ids_T: Ids, cut: int) -> None:
    whole, cut_reader = reader_of(config), reader_of(config)
    log_p_T = whole.read(ids_T)
    head_T = cut_reader.read(ids_T[:cut])
    copy, before_V = cut_reader.copy(), cut_reader.log_p()
    copy.read(ids_T[::-1].copy())
    np.testing.assert_array_equal(cut_reader.log_p(), before_V)
    np.testing.assert_allclose(np.append(head_T, cut_reader.read(ids_T[cut:])), log_p_T, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_that_learns_nothing_scores_as_the_model_does(kind: Kind) -> None:
    model = fitted(Config(kind, rate=0.0), two_members(), text(SYMBOLS, 100, 5))
    ids_T = text(SYMBOLS, 50, 6)
    log_p_1T, _ = model.score(model.start(1), ids_T[None])
    np.testing.assert_allclose(model.reader().read(ids_T), log_p_1T[0], atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_weights_learn_while_they_are_read_by_and_the_model_stays(kind: Kind) -> None:
    """The second member is right about a text of which nothing was known when the weights were fitted."""
    members: dict[str, LanguageModel] = {"1": Fixed([0.9, 0.05, 0.05]), "2": Fixed([0.05, 0.9, 0.05])}
    model = fitted(Config(kind, "none", rate=0.05), members, np.zeros(200, dtype=np.int32))
    ids_T = np.ones(400, dtype=np.int32)
    before = nats(model, ids_T)
    assert -model.reader().read(ids_T).sum() < 0.7 * before
    assert nats(model, ids_T) == before


@pytest.mark.parametrize("kind", KINDS)
def test_a_reader_begins_with_weights_for_members_that_learn(kind: Kind) -> None:
    """A member that is uniform until it is read is of no use to the mixture, and of much to its reader."""
    members: dict[str, LanguageModel] = {"1": Fixed([0.5, 0.25, 0.25]), "2": Counter([1 / 3] * 3)}
    ids_N = np.array([0, 1, 1, 1] * 200 + [1] * 200, dtype=np.int32)
    model = fitted(Config(kind, "none", rate=0.0), members, ids_N)
    again = made(Config(kind, "none", rate=0.0), members, 3)
    again.restore(model.tensors())
    for one in (model, again):
        reader_nats = -one.reader().read(ids_N).sum()
        learning = -CountingReader(np.ones(3)).read(ids_N).sum()
        assert reader_nats < learning + 2 < nats(one, ids_N)


# Being stored


def test_what_was_counted_survives_until_it_is_fitted_to() -> None:
    members, ids_N = two_members(), text(SYMBOLS, 100, 5)
    for kind in KINDS:
        whole = fitted(Config(kind), members, np.concatenate([ids_N, ids_N]))
        begun, resumed = made(Config(kind), members), made(Config(kind), members)
        begun.count(ids_N, np.array([100]))
        resumed.restore(begun.tensors())
        resumed.count(ids_N, np.array([100]))
        figures = resumed.finish()
        assert figures["fitted_to_symbols"] == 200 and set(resumed.tensors()) == {"weights"}
        np.testing.assert_allclose(resumed.tensors()["weights"], whole.tensors()["weights"], atol=1e-9)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "linaer"}, "kind must be one of linear, log_linear, logistic, got 'linaer'"),
        ({"gate": "open"}, "gate must be none or context, got 'open'"),
        ({"rate": 1.5}, "rate must be from 0 to 1, got 1.5"),
        ({"rate": -0.1}, "rate must be from 0 to 1, got -0.1"),
    ],
)
def test_settings_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config(**values)


def test_members_over_other_vocabularies_are_refused() -> None:
    members = {"1-frequency": trained("frequency", 1), "2-ngram": trained("ngram", 2, symbols=7)}
    with pytest.raises(UsageError, match="member 2-ngram has a vocabulary of 7, wanted 5; combine runs over"):
        made(Config(), members)


# Through the command line


@pytest.fixture
def runs_to_mix(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a corpus and two runs that hold back the same half of it."""
    corpus = write_corpus(tmp_path)
    for name in ("frequency", "ngram"):
        words = ["--model", name, "--codec", "bytes", "--valid", "0.5", "--out", tmp_path / name]
        assert ask(capsys, "train", corpus, *words).status == 0
    return tmp_path


def train_words(folder: Path, *members: str) -> list[object]:
    chosen = [word for member in members for word in ("--member", folder / member)]
    return ["train", write_corpus(folder), "--model", "mixture", *chosen, "--out", folder / "mix"]


def test_runs_are_mixed_and_the_mixture_needs_them_no_more(
    runs_to_mix: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ask(capsys, *train_words(runs_to_mix, "frequency", "ngram"), "--json")
    assert said.status == 0, said.err
    assert set(said.fields["model"]["weights"]) == {"1-frequency", "2-ngram"}
    for name in ("frequency", "ngram"):
        shutil.rmtree(runs_to_mix / name)
    mix = runs_to_mix / "mix"
    assert sorted(path.name for path in (mix / "members").iterdir()) == ["1-frequency", "2-ngram"]
    corpus = write_corpus(runs_to_mix)
    fields = ask(capsys, "evaluate", mix, corpus, "--json").fields
    assert 0 < fields["bits_per_byte"] < 8 and 0 < fields["accuracy"] < 1
    assert ask(capsys, "predict", mix, "--prompt", "the c").status == 0
    assert ask(capsys, "generate", mix, "--max-symbols", 5).status == 0
    inspected = ask(capsys, "inspect", mix, "--json").fields
    assert inspected["data"]["valid"] == "0.5"  # what the members held back
    assert inspected["figures"]["model"]["weights"] == said.fields["model"]["weights"]
    shares = inspected["figures"]["model"]["shares"]
    assert sum(shares.values()) == pytest.approx(1)
    assert f"| model.shares.1-frequency | {shares['1-frequency']:.6g} |" in (mix / "report.md").read_text()
    symbols = ask(capsys, "shares", mix, "--text", "the cat", "--json").fields["symbols"]
    assert [one["symbol"] for one in symbols] == [*"the cat", "<end>"]
    assert all(sum(one["shares"].values()) == pytest.approx(1) for one in symbols)
    printed = ask(capsys, "shares", mix, "--text", "at").out.splitlines()
    assert printed[0].split() == ["1-frequency", "2-ngram", "symbol"] and printed[3].endswith("'<end>'")


def test_a_mixture_is_better_than_its_members(runs_to_mix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """On the part its weights were fitted to, where a few sentences leave nothing else to measure on."""
    assert ask(capsys, *train_words(runs_to_mix, "frequency", "ngram")).status == 0
    figures = {
        name: anygram.load(runs_to_mix / name).record.figures["valid"]["bits_per_byte"]
        for name in ("frequency", "ngram", "mix")
    }
    assert figures["mix"] < min(figures["frequency"], figures["ngram"])


def test_python_takes_runs_and_paths(runs_to_mix: Path) -> None:
    members: list[anygram.Run | str | Path] = [anygram.load(runs_to_mix / "frequency"), runs_to_mix / "ngram"]
    run = anygram.train(write_corpus(runs_to_mix), "mixture", members=members, settings={"kind": "linear"})
    assert sum(run.record.figures["model"]["weights"].values()) == pytest.approx(1)


def test_runs_over_bytes_and_characters_are_mixed_over_bytes(
    runs_to_mix: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The corpus has a character beyond ASCII, which is one symbol to one member and two to the other."""
    corpus = write_corpus(runs_to_mix)
    words = ["--model", "ngram", "--codec", "chars", "--valid", "0.5", "--out", runs_to_mix / "characters"]
    assert ask(capsys, "train", corpus, *words).status == 0
    assert ask(capsys, *train_words(runs_to_mix, "characters", "frequency")).status == 0
    run = anygram.load(runs_to_mix / "mix")
    assert run.record.codec == "bytes"
    figures = run.evaluate(corpus)
    assert figures.symbols == figures.bytes  # a line's boundary stands for its newline
    assert 0 < (figures.bits_per_byte or 0) < 8


def test_runs_over_words_and_bytes_are_refused(runs_to_mix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--model", "ngram", "--codec", "words", "--valid", "0.5", "--out", runs_to_mix / "words"]
    assert ask(capsys, "train", write_corpus(runs_to_mix), *words).status == 0
    before = contents(runs_to_mix)
    said = ask(capsys, *train_words(runs_to_mix, "words", "frequency"))
    assert "the members have different codecs, and over words or bpe a text can be spelled" in said.refusal
    assert contents(runs_to_mix) == before


@pytest.mark.parametrize(
    ("members", "words", "message"),
    [
        ([], [], "mixture combines runs and needs at least 2, got 0; name each with --member RUN"),
        (["ngram"], [], "mixture combines runs and needs at least 2, got 1; name each with --member RUN"),
        (["ngram", "none"], [], "none is not a run folder (it has no run.toml); train one with"),
        (["ngram", "mix"], [], "mix is a mixture itself; name its members instead"),
        (["ngram", "frequency"], ["--codec", "chars"], "the members' codec is bytes, got chars; leave out"),
        (["ngram", "frequency"], ["--valid", "none"], "the weights of a mixture are fitted on a valid"),
        (["ngram", "frequency"], ["--valid", "0.2"], "ngram has read the part that weights are to be fitted"),
        (["ngram", "frequency"], ["--seed", "1"], "ngram has read the part that weights are to be fitted on"),
        (["ngram", "frequency"], ["--from", "ngram"], "--from goes on with one run, --member combines"),
        (["ngram", "frequency"], ["--set", "rate=2"], "rate must be from 0 to 1, got 2.0; 0 lets"),
    ],
)
def test_bad_input_is_refused_in_one_line(
    runs_to_mix: Path,
    capsys: pytest.CaptureFixture[str],
    members: list[str],
    words: list[str],
    message: str,
) -> None:
    if "mix" in members:
        assert ask(capsys, *train_words(runs_to_mix, "frequency", "ngram")).status == 0
    before = contents(runs_to_mix)
    trained_words = train_words(runs_to_mix, *members)
    said = ask(capsys, *trained_words[:-1], runs_to_mix / "out", *words)
    assert message in said.refusal
    assert contents(runs_to_mix) == before


def test_members_are_for_mixtures(runs_to_mix: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = ask(capsys, "shares", runs_to_mix / "ngram", "--text", "a")
    assert said.refusal.startswith("only a mixture has members, and only contextmix contexts, to share")
    words = ["--model", "ngram", "--member", runs_to_mix / "ngram", "--out", runs_to_mix / "out"]
    said = ask(capsys, "train", write_corpus(runs_to_mix), *words)
    assert said.refusal == "ngram has no members; leave out --member, or choose --model mixture"
