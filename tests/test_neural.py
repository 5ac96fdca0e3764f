"""What every network keeps as a language model: state, ragged rows, loss, weights, errors.

Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from anygram import states
from anygram.budgets import Budget
from anygram.errors import RunError, UsageError
from anygram.models import REGISTRY
from anygram.neural import language_model, softmax
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Differentiable, Featured, LanguageModel, Ranked
from tests.networks import BOUNDARY, SETTINGS, VOCABULARY, label, network, text

NAMES = ["nnlm", "rnn", "lstm", "gru", "gated", "mingru", "minlstm", "transformer"]
TOLERANCE = 1e-5


@pytest.fixture(params=SETTINGS, ids=label)
def model(request: pytest.FixtureRequest) -> NeuralLanguageModel:
    name, settings = request.param
    return network(name, settings)


def test_networks_speak_the_protocols(model: NeuralLanguageModel) -> None:
    for protocol in (LanguageModel, Ranked, Differentiable, Featured):
        assert isinstance(model, protocol)


def test_a_boundary_inside_a_block_starts_anew(model: NeuralLanguageModel) -> None:
    before_BT, after_BT = text(3, 6, seed=1), text(3, 5, seed=2)
    boundary_B1 = np.full((3, 1), BOUNDARY, dtype=np.int32)
    block_BT = np.hstack([before_BT, boundary_B1, after_BT])
    log_p_BT, state = model.score(model.start(3), block_BT)
    fresh_BT, fresh_state = model.score(model.start(3), after_BT)
    np.testing.assert_allclose(log_p_BT[:, 7:], fresh_BT, atol=TOLERANCE)
    np.testing.assert_allclose(model.predict(state), model.predict(fresh_state), atol=TOLERANCE)


@pytest.mark.parametrize("setting", SETTINGS, ids=label)
def test_symbols_within_reach_are_heard(setting: tuple[str, Mapping[str, Any]]) -> None:
    name, settings = setting
    model = network(name, settings)
    first_BV = model.predict(model.advance(model.start(2), np.array([[1, 2], [3, 2]], dtype=np.int32)))
    difference = np.abs(first_BV[0] - first_BV[1]).max()
    sees_one_symbol = settings.get("order") == 2 or settings.get("context") == 1
    assert difference < TOLERANCE if sees_one_symbol else difference > 1e-3


def test_a_ragged_state_is_the_state_after_each_length(model: NeuralLanguageModel) -> None:
    ids_BT, lengths = text(4, 9), np.array([0, 3, 9, 5])
    _, ragged = model.score(model.start(4), ids_BT, lengths)
    next_BT = text(4, 3, seed=5)
    log_p_BT, _ = model.score(ragged, next_BT)
    for row, length in enumerate(lengths):
        alone = model.advance(model.start(1), ids_BT[row : row + 1, :length])
        expected_BT, _ = model.score(alone, next_BT[row : row + 1])
        np.testing.assert_allclose(log_p_BT[row : row + 1], expected_BT, atol=TOLERANCE)


def test_states_of_unequal_age_join(model: NeuralLanguageModel) -> None:
    ids_BT = text(1, 12)
    ages = [0, 2, 12]
    apart = [model.advance(model.start(1), ids_BT[:, :age]) for age in ages]
    together = states.select(states.concatenate(apart), [2, 0, 1, 2])
    assert states.count_rows(together) == 4
    log_p_BV = model.predict(model.advance(together, np.full((4, 1), 3, dtype=np.int32)))
    for row, origin in enumerate([2, 0, 1, 2]):
        alone = model.advance(apart[origin], np.full((1, 1), 3, dtype=np.int32))
        np.testing.assert_allclose(log_p_BV[row], model.predict(alone)[0], atol=TOLERANCE)


def test_pieces_change_nothing(model: NeuralLanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    ids_BT, lengths = text(3, 17), np.array([17, 4, 11])
    whole_BT, rank_BT, state = model.rank(model.start(3), ids_BT, lengths)
    features_BTD = model.features(model.start(3), ids_BT)
    monkeypatch.setattr(language_model, "_SYMBOLS", 9)
    monkeypatch.setattr(softmax, "_MOST_LOGITS", 2 * VOCABULARY)
    pieces_BT, piece_rank_BT, piece_state = model.rank(model.start(3), ids_BT, lengths)
    np.testing.assert_allclose(pieces_BT, whole_BT, atol=TOLERANCE)
    np.testing.assert_array_equal(piece_rank_BT, rank_BT)
    np.testing.assert_allclose(model.features(model.start(3), ids_BT), features_BTD, atol=TOLERANCE)
    np.testing.assert_allclose(model.predict(piece_state), model.predict(state), atol=TOLERANCE)


def test_ranks_count_the_likelier_symbols(model: NeuralLanguageModel) -> None:
    ids_BT = text(2, 6)
    _, rank_BT, _ = model.rank(model.start(2), ids_BT)
    state = model.start(2)
    for position in range(6):
        log_p_BV = model.predict(state)
        own_B1 = log_p_BV[np.arange(2), ids_BT[:, position]][:, None]
        np.testing.assert_array_equal(rank_BT[:, position], (log_p_BV > own_B1).sum(1))
        state = model.advance(state, ids_BT[:, position : position + 1])


def test_equal_ranks_go_by_id() -> None:
    model = network("rnn", {"units": 4, "embedding": 3})
    model.restore({name: np.zeros_like(array) for name, array in model.tensors().items()})
    ids_BT = np.arange(VOCABULARY, dtype=np.int32)[None]
    log_p_BT, rank_BT, _ = model.rank(model.start(1), ids_BT)
    np.testing.assert_array_equal(rank_BT, ids_BT)
    np.testing.assert_allclose(log_p_BT, -math.log(VOCABULARY), atol=1e-6)


def test_features_predict_through_the_head(model: NeuralLanguageModel) -> None:
    ids_BT = text(2, 5)
    features_BTD = model.features(model.start(2), ids_BT)
    tensors = model.tensors()
    logits_BV = features_BTD[:, -1] @ tensors["head.weight"].T + tensors.get("head.bias", 0.0)
    expected_BV = torch.from_numpy(logits_BV).log_softmax(-1).numpy()
    np.testing.assert_allclose(
        model.predict(model.advance(model.start(2), ids_BT)), expected_BV, atol=TOLERANCE
    )


def test_the_loss_is_the_mean_surprisal(model: NeuralLanguageModel) -> None:
    ids_BT = text(3, 8)
    log_p_BT, _ = model.score(model.start(3), ids_BT)
    weights_BT = np.random.default_rng(3).random((3, 8)).astype(np.float32)
    nats, _ = model.loss(ids_BT, weights_BT)
    assert nats.item() == pytest.approx(-(log_p_BT * weights_BT).sum() / weights_BT.sum(), abs=TOLERANCE)


def test_a_carried_loss_continues(model: NeuralLanguageModel) -> None:
    ids_BT, ones_BT = text(3, 12), np.ones((3, 4), dtype=np.float32)
    log_p_BT, _ = model.score(model.start(3), ids_BT)
    state = None
    for first in (0, 4, 8):
        nats, state = model.loss(ids_BT[:, first : first + 4], ones_BT, state)
        assert nats.item() == pytest.approx(-log_p_BT[:, first : first + 4].mean(), abs=TOLERANCE)
        assert not any(leaf.requires_grad for leaf in states.leaves(state) if isinstance(leaf, torch.Tensor))
    nats.backward()  # type: ignore[no-untyped-call]


def test_scoring_may_go_on_from_training_and_back(model: NeuralLanguageModel) -> None:
    ids_BT, ones_BT = text(2, 9), np.ones((2, 3), dtype=np.float32)
    log_p_BT, _ = model.score(model.start(2), ids_BT)
    _, trained = model.loss(ids_BT[:, :3], ones_BT, model.start(2))
    middle_BT, state = model.score(trained, ids_BT[:, 3:6])
    np.testing.assert_allclose(middle_BT, log_p_BT[:, 3:6], atol=TOLERANCE)
    nats, _ = model.loss(ids_BT[:, 6:], ones_BT, state)
    assert nats.item() == pytest.approx(-log_p_BT[:, 6:].mean(), abs=TOLERANCE)


def test_no_weight_no_gradient(model: NeuralLanguageModel) -> None:
    nats, _ = model.loss(text(2, 4), np.zeros((2, 4), dtype=np.float32))
    assert nats.item() == 0.0


def test_the_first_boundary_is_learnt(model: NeuralLanguageModel) -> None:
    nats, _ = model.loss(np.array([[1, 2]], dtype=np.int32), np.ones((1, 2), dtype=np.float32))
    nats.backward()  # type: ignore[no-untyped-call]
    gradient_VD = dict(model.module().named_parameters())["body.embedding.weight"].grad
    assert gradient_VD is not None
    assert float(gradient_VD[BOUNDARY].abs().max()) > 0


def test_gradients_agree_with_differences(model: NeuralLanguageModel) -> None:
    ids_BT, ones_BT = text(2, 6), np.ones((2, 6), dtype=np.float32)
    model.module().double()
    ids_BT[0, 3] = BOUNDARY
    nats, _ = model.loss(ids_BT, ones_BT)
    nats.backward()  # type: ignore[no-untyped-call]
    generator = torch.Generator().manual_seed(0)
    for name, parameter in model.module().named_parameters():
        assert parameter.grad is not None
        direction = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
        expected = float((parameter.grad * direction).sum())
        sides = []
        for step in (1e-5, -2e-5):
            parameter.data.add_(direction, alpha=step)
            sides.append(model.loss(ids_BT, ones_BT)[0].item())
        parameter.data.add_(direction, alpha=1e-5)
        assert (sides[0] - sides[1]) / 2e-5 == pytest.approx(expected, abs=1e-5), name


@pytest.mark.parametrize("name", NAMES)
def test_dropout_acts_in_training_only(name: str) -> None:
    module = REGISTRY.load(name)
    model = module.create(module.Config(dropout=0.5), VOCABULARY, 0)
    for parameter in model.module().parameters():
        parameter.data += 0.1 * torch.randn(parameter.shape)  # a Transformer's outputs begin at zero
    ids_BT, ones_BT = text(2, 8), np.ones((2, 8), dtype=np.float32)
    first, second = (model.loss(ids_BT, ones_BT)[0].item() for _ in range(2))
    assert first != second
    one_BT, other_BT = (model.score(model.start(2), ids_BT)[0] for _ in range(2))
    np.testing.assert_array_equal(one_BT, other_BT)


@pytest.mark.parametrize("name", NAMES)
def test_equal_seeds_give_equal_weights_and_leave_the_generator_alone(name: str) -> None:
    module = REGISTRY.load(name)
    before = torch.get_rng_state()
    one, other, third = (module.create(module.Config(), VOCABULARY, seed).tensors() for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    assert one.keys() == other.keys()
    for key, array in one.items():
        assert array.dtype == np.float32
        np.testing.assert_array_equal(array, other[key])
    assert any(not np.array_equal(one[key], third[key]) for key in one)


@pytest.mark.parametrize("setting", SETTINGS, ids=label)
def test_restored_is_equal(setting: tuple[str, Mapping[str, Any]]) -> None:
    name, settings = setting
    one, other = network(name, settings, seed=1), network(name, settings, seed=2)
    expected_BT, _ = one.score(one.start(2), text(2, 5))
    assert np.abs(other.score(other.start(2), text(2, 5))[0] - expected_BT).max() > 1e-3
    other.restore(one.tensors())
    np.testing.assert_array_equal(other.score(other.start(2), text(2, 5))[0], expected_BT)


def test_stored_weights_do_not_follow_training() -> None:
    model = network("rnn", {"units": 4, "embedding": 3})
    kept = model.tensors()
    before = kept["head.bias"].copy()
    with torch.no_grad():
        for parameter in model.module().parameters():
            parameter.add_(1.0)
    np.testing.assert_array_equal(kept["head.bias"], before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head.bias": None}, "head.bias has shape None, wanted \\(7,\\)"),
        ({"head.bias": np.zeros(8, dtype=np.float32)}, "head.bias has shape \\(8,\\), wanted \\(7,\\)"),
        ({"other": np.zeros(1, dtype=np.float32)}, "other has shape \\(1,\\), wanted None"),
        ({"head.bias": np.full(7, np.nan, dtype=np.float32)}, "head.bias .*not finite"),
    ],
)
def test_weights_that_do_not_fit_are_refused(change: Mapping[str, Any], message: str) -> None:
    model = network("gru", {"units": 4, "embedding": 3})
    before = model.tensors()
    tensors = {name: array for name, array in {**before, **change}.items() if array is not None}
    with pytest.raises(RunError, match=message):
        model.restore(tensors)
    np.testing.assert_array_equal(model.tensors()["head.bias"], before["head.bias"])


@pytest.mark.parametrize("name", NAMES)
def test_a_condition_is_refused(name: str) -> None:
    module = REGISTRY.load(name)
    model = module.create(module.Config(), VOCABULARY, 0)
    condition = [np.array([1], dtype=np.int32)]
    with pytest.raises(UsageError, match=name):
        model.start(1, condition)
    with pytest.raises(UsageError, match=name):
        model.loss(text(1, 2), np.ones((1, 2), dtype=np.float32), None, condition)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("lstm", {"units": 0}, "units must be at least 1, got 0"),
        ("rnn", {"layers": -1}, "layers must be at least 1, got -1"),
        ("gru", {"dropout": 1.0}, "dropout must be at least 0 and below 1, got 1.0"),
        ("gated", {"dropout": math.nan}, "dropout must be at least 0 and below 1, got nan"),
        ("lstm", {"forget_bias": math.inf}, "forget_bias must be finite, got inf"),
        ("nnlm", {"order": 1}, "order must be at least 2, got 1"),
        ("transformer", {"width": 30, "heads": 4}, "multiple of twice the heads.*width=24"),
        ("transformer", {"context": 0}, "context must be at least 1, got 0"),
        ("transformer", {"style": "modem"}, "style must be one of modern, classic, got 'modem'"),
        ("gated", {"gates": "open"}, "gates must be one of coupled, free, got 'open'"),
        ("rnn", {"activation": "gelu"}, "activation must be one of tanh, logistic, relu, got 'gelu'"),
        ("lstm", {"weight_drop": 1.0}, "weight_drop must be at least 0 and below 1, got 1.0"),
    ],
)
def test_wrong_settings_are_refused(name: str, settings: Mapping[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        REGISTRY.load(name).Config(**settings)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "budget", [Budget(seconds=20), Budget(steps=3), Budget(epochs=2), Budget(seconds=7200, symbols=10**9)]
)
@pytest.mark.parametrize(("symbols", "vocabulary_size"), [(100, 2), (10**6, 66), (10**8, 50_000)])
def test_suggestions_are_valid(name: str, budget: Budget, symbols: int, vocabulary_size: int) -> None:
    from anygram import settings
    from anygram.learning import gradient

    module = REGISTRY.load(name)
    config, learner = module.suggest(text(1, 50)[0], symbols, vocabulary_size, budget)
    assert isinstance(config, module.Config)
    settings.build(gradient.Config, learner)


@pytest.mark.parametrize("name", NAMES)
def test_a_repeating_pattern_is_learnt(name: str) -> None:
    module = REGISTRY.load(name)
    sizes = {"width": 32} if name == "transformer" else {"units": 32}
    model = module.create(module.Config(**sizes), VOCABULARY, 0)
    pattern = np.array([1, 1, 2, 1, 3, 4, BOUNDARY], dtype=np.int32)  # needs two symbols of context
    ids_BT = np.tile(pattern, (2, 4))
    optimiser = torch.optim.AdamW(model.module().parameters(), lr=1e-2)
    for _ in range(80):
        optimiser.zero_grad()
        nats, _ = model.loss(ids_BT, np.ones(ids_BT.shape, dtype=np.float32))
        nats.backward()
        optimiser.step()
    log_p_BT, _ = model.score(model.start(1), pattern[None])
    assert -log_p_BT.mean() < 0.05


def test_nothing_to_read_changes_nothing(model: NeuralLanguageModel) -> None:
    state = model.advance(model.start(2), text(2, 3))
    nothing_BT = np.zeros((2, 0), dtype=np.int32)
    log_p_BT, after = model.score(state, nothing_BT)
    assert log_p_BT.shape == (2, 0)
    np.testing.assert_array_equal(model.predict(after), model.predict(state))
    assert model.features(state, nothing_BT).shape[:2] == (2, 0)
    _, unchanged = model.score(state, text(2, 4), np.array([0, 0]))
    np.testing.assert_allclose(model.predict(unchanged), model.predict(state), atol=TOLERANCE)
