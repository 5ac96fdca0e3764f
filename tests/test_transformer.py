"""The Transformer against its equations in NumPy loops, against torch.nn, and its cache as a value.

Axes: B rows, T positions, S cached positions, H heads, D width, K width of a head.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from anygram import states
from anygram.budgets import Budget
from anygram.models import transformer
from anygram.neural.attention import Attention, Sight, document_positions, window_mask
from anygram.neural.cache import Cache
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.pointwise import dropout, rms_norm, squared_relu
from anygram.neural.positions import rotate, rotations, sinusoids
from tests.networks import BOUNDARY, network, text, weights

Array = NDArray[np.float64]


def slow_rms_norm(x: Array) -> Array:
    result: Array = x / np.sqrt((x**2).mean() + 1e-6)
    return result


def slow_layer_norm(x: Array, gain: Array, bias: Array) -> Array:
    result: Array = gain * (x - x.mean()) / np.sqrt(x.var() + 1e-5) + bias
    return result


def slow_sinusoid(position: int, width: int) -> Array:
    encoding = np.zeros(width)
    for i in range(width // 2):
        encoding[2 * i] = np.sin(position / 10000 ** (2 * i / width))
        encoding[2 * i + 1] = np.cos(position / 10000 ** (2 * i / width))
    return encoding


def slow_rotation(head: Array, position: int) -> Array:
    rotated = np.zeros_like(head)
    for i in range(len(head) // 2):
        angle = position * 10000 ** (-2 * i / len(head))
        cos, sin = np.cos(angle), np.sin(angle)
        rotated[2 * i] = cos * head[2 * i] - sin * head[2 * i + 1]
        rotated[2 * i + 1] = sin * head[2 * i] + cos * head[2 * i + 1]
    return rotated


def slow_pair(before: int, symbol: int, rows: int) -> int:
    pair = before * (BOUNDARY + 1) + symbol
    return pair if rows == (BOUNDARY + 1) ** 2 else (pair * 2654435761) % 2**32 * rows // 2**32


def slow_activation(x: Array, name: str) -> Array:
    if name == "relu":
        return np.maximum(x, 0)
    return np.vectorize(lambda one: one * 0.5 * (1 + math.erf(one / math.sqrt(2))))(x)  # type: ignore[no-any-return]


def slow_attention(
    x_TD: Array, w: dict[str, Array], name: str, config: transformer.Config, first: list[Array]
) -> Array:
    """Return softmax(Q Kᵀ / √K) V, joined and projected, of one document; `first` takes the first V."""
    count, width = x_TD.shape
    modern = config.style == "modern"
    size = width // config.heads
    Q, K, V = (
        (x_TD @ w[f"{name}.{part}.weight"].T + (0 if modern else w[f"{name}.{part}.bias"])).reshape(
            count, -1, size
        )
        for part in ("query", "key", "value")
    )
    if config.value_residual and first:
        share = w[f"{name}.share"]
        V = (1 - share) * V + share * first[0]
    first.append(V)
    mixed = np.zeros((count, config.heads, size))
    for head in range(config.heads):
        read = head * K.shape[1] // config.heads
        for t in range(count):
            seen = range(max(0, t - config.context + 1), t + 1)
            query, keys = Q[t, head], [K[s, read] for s in seen]
            if modern:
                query = slow_rotation(slow_rms_norm(query), t)
                keys = [slow_rotation(slow_rms_norm(key), s) for key, s in zip(keys, seen, strict=True)]
            scores = np.array([query @ key for key in keys]) / np.sqrt(size)
            shares = np.exp(scores) / np.exp(scores).sum()
            mixed[t, head] = sum(share * V[s, read] for share, s in zip(shares, seen, strict=True))
    joined = mixed.reshape(count, width) @ w[f"{name}.output.weight"].T
    result: Array = joined + (0 if modern else w[f"{name}.output.bias"])
    return result


def slow_features(model: NeuralLanguageModel, config: transformer.Config, document: list[int]) -> Array:
    """Return hidden_TD of one document, its boundary read first."""
    w = weights(model)
    modern = config.style == "modern"
    x = np.array([w["body.embedding.weight"][symbol] for symbol in document])
    if modern:
        if config.bigrams:
            before = [BOUNDARY, *document]
            pairs = [
                slow_pair(*pair, len(w["body.pair_embedding.weight"]))
                for pair in zip(before, document, strict=False)
            ]
            x = x + np.array([w["body.pair_embedding.weight"][row] for row in pairs])
        x = np.array([slow_rms_norm(row) for row in x])
    else:
        x = x * np.sqrt(config.width) + [slow_sinusoid(t, config.width) for t in range(len(document))]
    values: list[Array] = []
    for layer in range(config.layers):
        name = f"body.layers.{layer}"

        def attend(y: Array, name: str = name) -> Array:
            return slow_attention(y, w, f"{name}.attention", config, values)

        expand, contract = w[f"{name}.expand.weight"], w[f"{name}.contract.weight"]
        if modern:
            x = x + attend(np.array([slow_rms_norm(row) for row in x]))
            x = x + np.maximum(np.array([slow_rms_norm(row) for row in x]) @ expand.T, 0) ** 2 @ contract.T
        else:
            first = w[f"{name}.norms.0.weight"], w[f"{name}.norms.0.bias"]
            second = w[f"{name}.norms.1.weight"], w[f"{name}.norms.1.bias"]
            x = np.array([slow_layer_norm(row, *first) for row in x + attend(x)])
            inner = slow_activation(x @ expand.T + w[f"{name}.expand.bias"], config.activation)
            inner = inner @ contract.T + w[f"{name}.contract.bias"]
            x = np.array([slow_layer_norm(row, *second) for row in x + inner])
    return np.array([slow_rms_norm(row) for row in x]) if modern else x


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"style": "classic"},
        {"style": "classic", "activation": "gelu", "key_heads": 1},
        {"bigrams": 0, "key_heads": 1},
        {"bigrams": 5, "value_residual": True},
    ],
)
@pytest.mark.parametrize("context", [1, 4, 100])
@pytest.mark.parametrize("pieces", [(12,), (1,) * 12, (5, 1, 6)])
def test_the_transformer_follows_its_equations(
    options: dict[str, Any], context: int, pieces: tuple[int, ...]
) -> None:
    config = transformer.Config(layers=2, width=16, heads=2, expansion=2, context=context, **options)
    model = network("transformer", vars(config))
    ids_BT = text(2, 12) % BOUNDARY
    state, first, features = model.start(2), 0, []
    for count in pieces:
        features.append(model.features(state, ids_BT[:, first : first + count]))
        state = model.advance(state, ids_BT[:, first : first + count])
        first += count
    features_BTD = np.concatenate(features, axis=1)
    for row in range(2):
        expected_TD = slow_features(model, config, [BOUNDARY, *ids_BT[row].tolist()])[1:]
        np.testing.assert_allclose(features_BTD[row], expected_TD, atol=1e-5)


def test_the_classic_style_agrees_with_torch() -> None:
    settings = {"style": "classic", "layers": 2, "width": 16, "heads": 2, "expansion": 3, "context": 50}
    model = network("transformer", settings)
    own = {name: torch.from_numpy(array) for name, array in model.tensors().items()}
    document_BT = np.hstack([np.full((3, 1), BOUNDARY, dtype=np.int32), text(3, 10) % BOUNDARY])
    position_BT = torch.arange(11).expand(3, 11)
    x_BTD = own["body.embedding.weight"][document_BT] * 4 + sinusoids(position_BT, 16)
    causal_TT = torch.full((11, 11), -torch.inf).triu(1)
    names = {
        "self_attn.out_proj.": "attention.output.",
        "linear1.": "expand.",
        "linear2.": "contract.",
        "norm1.": "norms.0.",
        "norm2.": "norms.1.",
    }
    for index in range(2):
        layer = torch.nn.TransformerEncoderLayer(16, 2, 48, dropout=0.0, batch_first=True)
        parts = {
            theirs + part: own[f"body.layers.{index}.{ours}{part}"]
            for theirs, ours in names.items()
            for part in ("weight", "bias")
        }
        for part in ("weight", "bias"):
            three = [
                own[f"body.layers.{index}.attention.{name}.{part}"] for name in ("query", "key", "value")
            ]
            parts[f"self_attn.in_proj_{part}"] = torch.cat(three)
        layer.load_state_dict(parts)
        x_BTD = layer(x_BTD, src_mask=causal_TT)
    features_BTD = model.features(model.start(3), document_BT[:, 1:])
    np.testing.assert_allclose(features_BTD, x_BTD.detach().numpy()[:, 1:], atol=1e-5)


def test_attention_agrees_with_torch() -> None:
    torch.manual_seed(0)
    ours = Attention(16, 4, 4, bias=True, normalised=False, residual=False)
    read = (ours.query, ours.key, ours.value)
    theirs = torch.nn.MultiheadAttention(16, 4, batch_first=True)
    theirs.load_state_dict(
        {
            "in_proj_weight": torch.cat([part.weight for part in read]),
            "in_proj_bias": torch.cat([part.bias for part in read]),
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    x_BTD = torch.randn(3, 7, 16)
    empty = Cache.holding(torch.zeros(3, 4, 0, 4))
    mask = window_mask(torch.arange(7).expand(3, 7), 0, 7)
    got, _, _ = ours(x_BTD, (empty, empty), Sight(mask, None, keep=6, past_B=None), None)
    expected, _ = theirs(x_BTD, x_BTD, x_BTD, attn_mask=mask[0, 0], need_weights=False)
    torch.testing.assert_close(got, expected, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("position", [0, 1, 17, 1023, 1_000_003])
def test_positions_are_told_exactly(position: int) -> None:
    position_BT = torch.tensor([[position]])
    np.testing.assert_allclose(sinusoids(position_BT, 12)[0, 0], slow_sinusoid(position, 12), atol=1e-6)
    head = np.random.default_rng(0).normal(size=8)
    turned = rotate(torch.from_numpy(head).float()[None, None, None], rotations(position_BT, 8))
    np.testing.assert_allclose(turned[0, 0, 0], slow_rotation(head, position), atol=1e-6)


def test_rotated_products_depend_on_the_distance_only() -> None:
    generator = torch.Generator().manual_seed(0)
    query, key = torch.randn(2, 1, 1, 1, 8, generator=generator)
    products = [
        float(
            (
                rotate(query, rotations(torch.tensor([[start + 5]]), 8))
                * rotate(key, rotations(torch.tensor([[start]]), 8))
            ).sum()
        )
        for start in (0, 3, 400_000)
    ]
    assert products == pytest.approx([products[0]] * 3, abs=1e-5)


def test_document_positions_count_from_the_boundary() -> None:
    is_boundary_BT = torch.tensor([[False, False, True, False], [True, False, True, True]])
    position_BT = document_positions(is_boundary_BT, torch.tensor([7, 2]))
    assert position_BT.tolist() == [[7, 8, 0, 1], [0, 1, 0, 0]]


def test_a_position_sees_the_last_of_its_document() -> None:
    position_BT = torch.tensor([[5, 0, 1], [0, 1, 2]])
    seen = window_mask(position_BT, cached=2, context=3) == 0
    assert seen[0, 0].int().tolist() == [[1, 1, 1, 0, 0], [0, 0, 0, 1, 0], [0, 0, 0, 1, 1]]
    assert seen[1, 0].int().tolist() == [[0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [0, 0, 1, 1, 1]]
    alike = window_mask(torch.tensor([[5, 6], [9, 10]]), cached=2, context=3)
    assert alike.shape == (1, 1, 2, 4)


@pytest.mark.parametrize(
    ("written_out", "plain"),
    [
        (rms_norm, lambda x: x * (x.square().mean(-1, keepdim=True) + 1e-6).rsqrt()),
        (squared_relu, lambda x: x.relu().square()),
    ],
)
def test_gradients_written_out_agree_with_autograd(
    written_out: Callable[[torch.Tensor], torch.Tensor], plain: Callable[[torch.Tensor], torch.Tensor]
) -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(3, 4, 6, generator=generator, dtype=torch.float64)
    x[0, 0] = 0.0
    x[0, 1] *= 1e-3
    downstream = torch.randn(3, 4, 6, generator=generator, dtype=torch.float64)
    results = []
    for function in (written_out, plain):
        leaf = x.clone().requires_grad_()
        y = function(leaf)
        y.backward(downstream)  # type: ignore[no-untyped-call]
        assert leaf.grad is not None
        results.append((y.detach(), leaf.grad))
    torch.testing.assert_close(results[0], results[1])


def numbered(rows: int, first: int, count: int) -> torch.Tensor:
    """Return vectors of axes B H T K whose numbers say row and position."""
    value_BT = 100.0 * torch.arange(rows)[:, None] + torch.arange(first, first + count)
    return value_BT[:, None, :, None].expand(rows, 2, count, 3).clone()


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16, torch.float64])
@pytest.mark.parametrize("share", [0.001, 0.1, 0.5])
def test_dropout_leaves_out_its_share_and_keeps_the_mean(share: float, kind: torch.dtype) -> None:
    torch.manual_seed(0)
    x = torch.ones(1001, 999, dtype=kind, requires_grad=True)
    y = dropout(x, share)
    y.backward(torch.full_like(y, 2))  # type: ignore[no-untyped-call]
    assert x.grad is not None
    torch.testing.assert_close(x.grad, 2 * y.detach())
    left_out = y == 0
    spread = math.sqrt(share * (1 - share) / x.numel())
    assert left_out.double().mean().item() == pytest.approx(share, abs=5 * spread + 2**-17)
    assert len(set(y.flatten().tolist())) == 2
    assert y.max().item() == pytest.approx(1 / (1 - share), rel=2**-7 if kind == torch.bfloat16 else 2**-15)
    # neighbours are drawn in one number, and must not know of each other
    both = (left_out[:, 1:] & left_out[:, :-1]).double().mean().item()
    assert both == pytest.approx(share**2, abs=5 * share / math.sqrt(x.numel()))


def test_dropout_draws_from_the_global_generator_and_not_where_it_does_nothing() -> None:
    x = torch.ones(5, 7)
    torch.manual_seed(3)
    first = dropout(x, 0.5)
    assert dropout(x, 0.0) is x and dropout(x, 0.5, training=False) is x
    second = dropout(x, 0.5)
    torch.manual_seed(3)
    assert torch.equal(dropout(x, 0.5), first)
    assert torch.equal(dropout(x, 0.5), second)
    assert not torch.equal(first, second)


@torch.no_grad()
def test_a_cache_appends_in_place_until_someone_else_did() -> None:
    cache = Cache.holding(numbered(2, 0, 1))
    seen, one = cache.append(numbered(2, 1, 1), keep=8)
    torch.testing.assert_close(seen, numbered(2, 0, 2))
    _, two = one.append(numbered(2, 2, 1), keep=8)
    assert two.buffer is one.buffer
    seen, rival = one.append(numbered(2, 52, 1), keep=8)
    assert rival.buffer is not one.buffer
    assert seen[0, 0, :, 0].tolist() == [0, 1, 52]
    for kept, count in ((cache, 1), (one, 2), (two, 3)):
        torch.testing.assert_close(kept.window, numbered(2, 0, count))


@torch.no_grad()
def test_a_cache_keeps_a_window_in_bounded_memory_and_copies_seldom() -> None:
    cache, buffers = Cache.holding(numbered(2, 0, 1)), set()
    for position in range(1, 200):
        seen, cache = cache.append(numbered(2, position, 1), keep=9)
        first = max(0, position - 9)
        torch.testing.assert_close(seen, numbered(2, first, position + 1 - first))
        torch.testing.assert_close(cache.window, seen[:, :, -9:])
        buffers.add(id(cache.buffer))
        assert cache.nbytes <= 2 * 10 * numbered(2, 0, 1).nbytes
    copied = 199 / 9
    assert len(buffers) < 1.5 * copied


@torch.no_grad()
def test_a_cache_selects_joins_and_leaves_out() -> None:
    _, long = Cache.holding(numbered(2, 0, 3)).append(numbered(2, 3, 2), keep=4)
    short = Cache.holding(numbered(1, 0, 2))
    joined = long.concatenate_rows([short])
    assert joined.count_rows() == 3
    assert joined.window[:, 0, :, 0].tolist() == [[1, 2, 3, 4], [101, 102, 103, 104], [0, 0, 0, 1]]
    chosen = joined.select_rows(np.array([2, 0]))
    assert chosen.window[:, 1, :, 2].tolist() == [[0, 0, 0, 1], [1, 2, 3, 4]]
    _, ragged = long.append(numbered(2, 5, 2), keep=3, past_B=torch.tensor([2, 1]))
    assert ragged.window[:, 0, :, 0].tolist() == [[2, 3, 4], [103, 104, 105]]


def test_a_cache_under_gradient_equals_one_without() -> None:
    cache = Cache.holding(numbered(2, 0, 3))
    new = numbered(2, 3, 2).requires_grad_()
    seen, grown = cache.append(new, keep=4)
    with torch.no_grad():
        expected, expected_grown = cache.append(new, keep=4)
    torch.testing.assert_close(seen.detach(), expected)
    torch.testing.assert_close(grown.window, expected_grown.window)
    assert seen.requires_grad
    assert not grown.window.requires_grad


def test_forked_states_stay_intact() -> None:
    model = network("transformer", {"layers": 2, "width": 16, "heads": 2, "context": 6})
    ids_BT = text(2, 15) % BOUNDARY
    trail: list[Any] = [model.start(2)]
    for position in range(15):
        trail.append(model.advance(trail[-1], ids_BT[:, position : position + 1]))
    expected = [model.predict(model.advance(state, np.full((2, 2), 3, dtype=np.int32))) for state in trail]
    for state in trail:  # every state is read on with something else, twice
        model.advance(state, np.full((2, 1), 4, dtype=np.int32))
        model.score(copy.deepcopy(state), np.full((2, 3), 5, dtype=np.int32))
    again = [model.predict(model.advance(state, np.full((2, 2), 3, dtype=np.int32))) for state in trail]
    np.testing.assert_array_equal(again, expected)
    fresh = [model.advance(model.start(2), ids_BT[:, :count]) for count in range(16)]
    for state, log_p_BV in zip(fresh, expected, strict=True):
        got_BV = model.predict(model.advance(state, np.full((2, 2), 3, dtype=np.int32)))
        np.testing.assert_allclose(got_BV, log_p_BV, atol=1e-5)


def test_a_state_is_no_larger_than_two_windows() -> None:
    model = network("transformer", {"layers": 2, "width": 16, "heads": 2, "context": 6})
    state = model.start(3)
    for _ in range(40):
        state = model.advance(state, text(3, 1))
    keys_and_values = 2 * 2 * 3 * 16 * 4
    assert states.nbytes(state) <= 2 * 6 * keys_and_values + 3 * (8 + 16 * 4)


def test_pairs_are_read_while_each_is_met_often_and_dropout_comes_with_epochs() -> None:
    ids = text(1, 50)[0]

    def suggested(symbols: int, epochs: int) -> transformer.Config:
        return transformer.suggest(ids, symbols, 1024, Budget(epochs=epochs))[0]

    assert suggested(10**6, 1).bigrams > 0
    assert suggested(10**6, 20).bigrams == 0
    assert suggested(10**5, 1).bigrams == 0
    assert suggested(10**6, 3).dropout == 0
    assert suggested(10**6, 4).dropout > 0
