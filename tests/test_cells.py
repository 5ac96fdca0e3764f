"""Each cell, and nnlm, against its equations in NumPy loops, and against torch.nn where it has the cell.

Axes: B rows, T positions, I inputs, H units, G pre-activations, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anygram.neural import pointwise
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Ids
from tests.networks import BOUNDARY, VOCABULARY, network, text, weights

Vector = NDArray[np.float64]
Step = Callable[[Vector, Vector, Vector, Vector, list[Vector]], list[Vector]]


def logistic(x: Vector) -> Vector:
    result: Vector = 1 / (1 + np.exp(-x))
    return result


def rnn_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    return [np.tanh(U @ carried[0] + W @ x + b)]


def logistic_rnn_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    return [logistic(U @ carried[0] + W @ x + b)]


def relu_rnn_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    return [np.maximum(U @ carried[0] + W @ x + b, 0)]


def lstm_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    h, c = carried
    Wi, Wf, Wo, Wg = np.split(W, 4)
    Ui, Uf, Uo, Ug = np.split(U, 4)
    bi, bf, bo, bg = np.split(b, 4)
    i = logistic(Wi @ x + Ui @ h + bi)
    f = logistic(Wf @ x + Uf @ h + bf)
    o = logistic(Wo @ x + Uo @ h + bo)
    g = np.tanh(Wg @ x + Ug @ h + bg)
    c = f * c + i * g
    return [o * np.tanh(c), c]


def gru_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    (h,) = carried
    Wr, Wz, Wn = np.split(W, 3)
    Ur, Uz, Un = np.split(U, 3)
    br, bz, bn = np.split(b, 3)
    r = logistic(Wr @ x + Ur @ h + br)
    z = logistic(Wz @ x + Uz @ h + bz)
    n = np.tanh(Wn @ x + bn + r * (Un @ h))
    return [(1 - z) * n + z * h]


def coupled_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    (h,) = carried
    Wf, Wg = np.split(W, 2)
    Uf, Ug = np.split(U, 2)
    bf, bg = np.split(b, 2)
    f = logistic(Wf @ x + Uf @ h + bf)
    return [f * h + (1 - f) * np.tanh(Wg @ x + Ug @ h + bg)]


def free_step(x: Vector, W: Vector, U: Vector, b: Vector, carried: list[Vector]) -> list[Vector]:
    (h,) = carried
    Wf, Wi, Wg = np.split(W, 3)
    Uf, Ui, Ug = np.split(U, 3)
    bf, bi, bg = np.split(b, 3)
    f = logistic(Wf @ x + Uf @ h + bf)
    i = logistic(Wi @ x + Ui @ h + bi)
    return [f * h + i * np.tanh(Wg @ x + Ug @ h + bg)]


def slow_features(model: NeuralLanguageModel, step: Step, vectors: int, layers: int, ids: Ids) -> Vector:
    """Return hidden_TH of one document, the boundary read first."""
    w = weights(model)
    units = w["head.weight"].shape[1]
    carried = [[np.zeros(units) for _ in range(vectors)] for _ in range(layers)]
    hidden = []
    for symbol in [BOUNDARY, *ids]:
        x = w["body.embedding.weight"][symbol]
        for layer in range(layers):
            name = f"body.layers.{layer}"
            carried[layer] = step(
                x, w[f"{name}.input.weight"], w[f"{name}.recurrent"], w[f"{name}.input.bias"], carried[layer]
            )
            x = carried[layer][0]
        hidden.append(x)
    return np.array(hidden[1:])


CELLS: list[tuple[str, Mapping[str, Any], Step, int]] = [
    ("rnn", {}, rnn_step, 1),
    ("rnn", {"activation": "logistic"}, logistic_rnn_step, 1),
    ("rnn", {"activation": "relu"}, relu_rnn_step, 1),
    ("lstm", {}, lstm_step, 2),
    ("gru", {}, gru_step, 1),
    ("gated", {}, coupled_step, 1),
    ("gated", {"gates": "free"}, free_step, 1),
]


@pytest.mark.parametrize(("name", "settings", "step", "vectors"), CELLS)
@pytest.mark.parametrize("layers", [1, 3])
def test_cells_follow_their_equations(
    name: str, settings: Mapping[str, Any], step: Step, vectors: int, layers: int
) -> None:
    model = network(name, {"units": 8, "embedding": 5, "layers": layers, **settings})
    ids_BT = text(2, 12) % BOUNDARY
    features_BTH = model.features(model.start(2), ids_BT)
    for row in range(2):
        expected_TH = slow_features(model, step, vectors, layers, ids_BT[row])
        np.testing.assert_allclose(features_BTH[row], expected_TH, atol=1e-5, rtol=1e-6)


def oracle(
    model: NeuralLanguageModel, kind: Callable[..., torch.nn.RNNBase], order: list[int]
) -> torch.nn.RNNBase:
    """Return torch.nn's layer with this model's weights, its blocks in torch's `order`."""
    own = {name: torch.from_numpy(array) for name, array in model.tensors().items()}
    layer = kind(own["body.embedding.weight"].shape[1], own["head.weight"].shape[1], batch_first=True)

    def blocks(tensor: torch.Tensor) -> torch.Tensor:
        parts = tensor.chunk(len(order))
        return torch.cat([parts[index] for index in order])

    layer.load_state_dict(
        {
            "weight_ih_l0": blocks(own["body.layers.0.input.weight"]),
            "weight_hh_l0": blocks(own["body.layers.0.recurrent"]),
            "bias_ih_l0": blocks(own["body.layers.0.input.bias"]),
            "bias_hh_l0": torch.zeros_like(own["body.layers.0.input.bias"]),
        }
    )
    return layer


@pytest.mark.parametrize(
    ("name", "kind", "order"),
    [
        ("rnn", torch.nn.RNN, [0]),
        ("lstm", torch.nn.LSTM, [0, 1, 3, 2]),  # torch: i, f, g, o
        ("gru", torch.nn.GRU, [0, 1, 2]),
    ],
)
def test_cells_and_their_gradients_agree_with_torch(
    name: str, kind: Callable[..., torch.nn.RNNBase], order: list[int]
) -> None:
    model = network(name, {"units": 8, "embedding": 5})
    layer = oracle(model, kind, order)
    ids_BT = text(3, 10) % BOUNDARY
    nats, _ = model.loss(ids_BT, np.ones(ids_BT.shape, dtype=np.float32))
    nats.backward()  # type: ignore[no-untyped-call]

    own = dict(model.module().named_parameters())
    read_BT = torch.from_numpy(np.hstack([np.full((3, 1), BOUNDARY), ids_BT[:, :-1]]))
    hidden_BTH, _ = layer(torch.nn.functional.embedding(read_BT, own["body.embedding.weight"].detach()))
    logits_BTV = torch.nn.functional.linear(
        hidden_BTH, own["head.weight"].detach(), own["head.bias"].detach()
    )
    expected = torch.nn.functional.cross_entropy(
        logits_BTV.flatten(0, 1), torch.from_numpy(ids_BT).long().flatten()
    )
    expected.backward()  # type: ignore[no-untyped-call]

    assert nats.item() == pytest.approx(expected.item(), abs=1e-5)
    theirs = dict(layer.named_parameters())
    for ours, name_of_theirs in (
        ("input.weight", "weight_ih_l0"),
        ("recurrent", "weight_hh_l0"),
        ("input.bias", "bias_ih_l0"),
    ):
        parts = own[f"body.layers.0.{ours}"].grad.chunk(len(order))  # type: ignore[union-attr]
        gradient = torch.cat([parts[index] for index in order])
        torch.testing.assert_close(gradient, theirs[name_of_theirs].grad, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("order", [2, 4])
def test_nnlm_follows_its_equation(direct: bool, order: int) -> None:
    model = network("nnlm", {"order": order, "embedding": 5, "units": 9, "direct": direct})
    w = weights(model)
    C, H, d = w["body.embedding.weight"], w["body.hidden.weight"], w["body.hidden.bias"]
    WU, b = w["head.weight"], w["head.bias"]
    W, U = (WU[:, : H.shape[1]], WU[:, H.shape[1] :]) if direct else (np.zeros((len(b), H.shape[1])), WU)
    ids = text(1, 9)[0] % BOUNDARY
    log_p_BT, _ = model.score(model.start(1), ids[None])
    padded = [BOUNDARY] * (order - 1) + [int(symbol) for symbol in ids]
    for position, symbol in enumerate(ids):
        # Bengio et al. put the nearest symbol first; here the text keeps its order
        x = np.concatenate([C[read] for read in padded[position : position + order - 1]])
        y = b + W @ x + U @ np.tanh(d + H @ x)
        assert log_p_BT[0, position] == pytest.approx(y[symbol] - np.log(np.exp(y).sum()), abs=1e-5)


@pytest.mark.parametrize(("name", "block"), [("lstm", 1), ("gated", 0)])
def test_the_forget_gate_begins_open(name: str, block: int) -> None:
    from anygram.models import REGISTRY

    module = REGISTRY.load(name)
    model = module.create(module.Config(units=4, embedding=3, forget_bias=1.5), 5, 0)
    bias_GH = model.tensors()["body.layers.0.input.bias"].reshape(-1, 4)
    expected_GH = np.zeros_like(bias_GH)
    expected_GH[block] = 1.5
    np.testing.assert_array_equal(bias_GH, expected_GH)


def test_the_normalised_lstm_follows_its_equations() -> None:
    model = network("lstm", {"units": 8, "embedding": 5, "normalised": True})
    w = weights(model)
    w |= {name.removeprefix("body.layers.0."): array for name, array in w.items()}

    def normed(x: Vector) -> Vector:
        result: Vector = (x - x.mean()) / np.sqrt(x.var() + 1e-5)
        return result

    h = c = np.zeros(8)
    ids = text(1, 9)[0] % BOUNDARY
    features_TH = model.features(model.start(1), ids[None])[0]
    for position, symbol in enumerate([BOUNDARY, *ids]):
        read = w["cell.input_gain"] * normed(w["input.weight"] @ w["body.embedding.weight"][symbol])
        a = read + w["cell.product_norm.weight"] * normed(w["recurrent"] @ h) + w["input.bias"]
        i, f, o, g = np.split(a, 4)
        c = logistic(f) * c + logistic(i) * np.tanh(g)
        h = logistic(o) * np.tanh(w["cell.memory_norm.weight"] * normed(c) + w["cell.memory_norm.bias"])
        if position:
            np.testing.assert_allclose(features_TH[position - 1], h, atol=1e-5)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gated"])
@pytest.mark.parametrize("setting", ["dropout", "embedding_dropout", "weight_drop"])
def test_what_is_left_out_differs_from_block_to_block(name: str, setting: str) -> None:
    model = network(name, {"units": 8, "embedding": 5, setting: 0.5})
    ids_BT, ones_BT = text(2, 12), np.ones((2, 12), dtype=np.float32)
    first, second = (model.loss(ids_BT, ones_BT)[0].item() for _ in range(2))
    assert first != second
    log_p_BT, _ = model.score(model.start(2), ids_BT)
    full = network(name, {"units": 8, "embedding": 5})
    np.testing.assert_array_equal(full.score(full.start(2), ids_BT)[0], log_p_BT)


def test_recurrent_weights_left_out_are_the_same_in_all_positions() -> None:
    dropped = network("rnn", {"units": 8, "embedding": 5, "weight_drop": 0.5})
    ids_BT, ones_BT = text(2, 12), np.ones((2, 12), dtype=np.float32)
    torch.manual_seed(7)
    nats, _ = dropped.loss(ids_BT, ones_BT)
    torch.manual_seed(7)
    twin = network("rnn", {"units": 8, "embedding": 5})
    weight_GH = dict(twin.module().named_parameters())["body.layers.0.recurrent"]
    weight_GH.data = pointwise.dropout(weight_GH.data, 0.5)
    assert twin.loss(ids_BT, ones_BT)[0].item() == pytest.approx(nats.item(), abs=1e-6)


@pytest.mark.parametrize("locked", [False, True])
def test_locked_dropout_leaves_out_the_same_units_in_all_positions(locked: bool) -> None:
    model = network("lstm", {"units": 8, "embedding": 5, "dropout": 0.5, "locked": locked})
    body = model.module()["body"]  # type: ignore[index]
    body.train()
    ids_BT = torch.from_numpy(text(3, 12) % BOUNDARY).long()
    hidden_BTH, _ = body(ids_BT, body.memory(3), None)
    left_out_BTH = hidden_BTH == 0
    assert left_out_BTH.any() and not left_out_BTH.all()
    assert bool((left_out_BTH == left_out_BTH[:, :1]).all()) == locked


def test_a_symbol_left_out_has_no_embedding_wherever_it_stands() -> None:
    model = network("rnn", {"units": 8, "embedding": 5, "embedding_dropout": 0.5})
    body = model.module()["body"]  # type: ignore[index]
    body.train()
    ids_T = torch.from_numpy(text(1, 200)[0]).long()
    input_TG = body._first_input(ids_T[:, None])[:, 0]
    unread_T = (input_TG == body.layers[0].input.bias).all(1)
    for symbol in range(BOUNDARY + 1):
        assert len(set(unread_T[ids_T == symbol].tolist())) == 1
    assert unread_T.any() and not unread_T.all()


@pytest.mark.parametrize("settings", [{}, {"normalised": True}, {"embedding_dropout": 0.5}])
def test_few_symbols_are_projected_once(settings: Mapping[str, Any]) -> None:
    model = network("lstm", {"units": 8, "embedding": 5, **settings})
    body = model.module()["body"]  # type: ignore[index]
    gradients = []
    for ids_TB in (torch.arange(VOCABULARY)[:, None], torch.arange(VOCABULARY)[:, None].expand(-1, 2)):
        body.zero_grad()
        torch.manual_seed(5)
        input_TBG = body._first_input(ids_TB)
        input_TBG.mean(1).square().sum().backward()
        gradients.append(
            [input_TBG[:, 0].detach(), body.embedding.weight.grad, body.layers[0].input.weight.grad]
        )
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("settings", [{}, {"weight_drop": 0.3}])
def test_the_gradient_of_a_block_with_carried_state_is_that_of_autograd(settings: Mapping[str, Any]) -> None:
    for name in ("rnn", "lstm", "gru", "gated"):
        gradients = []
        for dtype in (torch.float32, torch.float64):
            model = network(name, {"units": 8, "embedding": 5, "layers": 2, **settings})
            model.module().to(dtype)
            ids_BT, ones_BT = text(2, 12), np.ones((2, 6), dtype=np.float32)
            state = model.advance(model.start(2), ids_BT[:, :6])
            torch.manual_seed(3)
            model.loss(ids_BT[:, 6:], ones_BT, state)[0].backward()  # type: ignore[no-untyped-call]
            gradients.append([parameter.grad for parameter in model.module().parameters()])
        for one, other in zip(*gradients, strict=True):
            torch.testing.assert_close(one, other.float(), atol=1e-5, rtol=1e-4)
