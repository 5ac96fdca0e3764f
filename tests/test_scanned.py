"""Scans against a loop, and minGRU and minLSTM against their equations in NumPy.

Axes: T positions, B rows, H units.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.scan import scan, scan_by_doubling
from anygram.protocols import Ids
from tests.networks import BOUNDARY, network, text, weights

Vector = NDArray[np.float64]


def loop(decay_TBH: Tensor, added_TBH: Tensor, first_BH: Tensor) -> Tensor:
    every = [first_BH]
    for decay_BH, added_BH in zip(decay_TBH, added_TBH, strict=True):
        every.append(decay_BH * every[-1] + added_BH)
    return torch.stack(every)


@given(steps=st.integers(1, 20), rows=st.integers(1, 3), units=st.integers(1, 20), seed=st.integers(0, 99))
def test_scans_and_their_gradients_agree_with_a_loop(steps: int, rows: int, units: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)

    def draw(steps: int) -> Tensor:
        return torch.randn(steps, rows, units, generator=generator)

    decay, added, first, gradient = draw(steps).sigmoid(), draw(steps), draw(1)[0], draw(steps + 1)
    decay[torch.rand(steps, rows, 1, generator=generator).expand_as(decay) < 0.2] = 0.0

    def run(function: Callable[..., Tensor], dtype: torch.dtype) -> list[Tensor]:
        leaves = [tensor.detach().to(dtype, copy=True).requires_grad_() for tensor in (decay, added)]
        every = function(*leaves, first.to(dtype))
        every.backward(gradient.to(dtype))  # type: ignore[no-untyped-call]
        return [every.detach().float(), *(leaf.grad.float() for leaf in leaves if leaf.grad is not None)]

    expected = run(loop, torch.float64)
    for found in (run(scan, torch.float32), run(scan, torch.float64), run(scan_by_doubling, torch.float32)):
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)


def logistic(x: Vector) -> Vector:
    result: Vector = 1 / (1 + np.exp(-x))
    return result


def mingru_step(before: Vector, read: Vector) -> Vector:
    z, candidate = np.split(read, 2)
    return (1 - logistic(z)) * before + logistic(z) * candidate


def minlstm_step(before: Vector, read: Vector) -> Vector:
    f, i, candidate = np.split(read, 3)
    f, i = logistic(f), logistic(i)
    return f / (f + i) * before + i / (f + i) * candidate


def slow_features(model: NeuralLanguageModel, step: Callable[[Vector, Vector], Vector], ids: Ids) -> Vector:
    """Return hidden_TH of one document, the boundary read first, of two layers."""

    def normed(x: Vector) -> Vector:
        result: Vector = x / np.sqrt((x**2).mean() + 1e-6)
        return result

    w = weights(model)
    layers = [f"body.layers.{index}" for index in range(2)]
    carried = {name: np.zeros(w[f"{name}.output.weight"].shape[1]) for name in layers}
    hidden = []
    for symbol in [BOUNDARY, *ids]:
        x = w["body.embedding.weight"][symbol]
        for name in layers:
            read = w[f"{name}.input.weight"] @ normed(x) + w[f"{name}.input.bias"]
            carried[name] = step(carried[name], read)
            x = x + w[f"{name}.output.weight"] @ carried[name]
            inner = np.maximum(w[f"{name}.expand.weight"] @ normed(x), 0) ** 2
            x = x + w[f"{name}.contract.weight"] @ inner
        hidden.append(normed(x))
    return np.array(hidden[1:])


@pytest.mark.parametrize("expansion", [1, 2])
@pytest.mark.parametrize(("name", "step"), [("mingru", mingru_step), ("minlstm", minlstm_step)])
def test_scanned_networks_follow_their_equations(
    name: str, step: Callable[[Vector, Vector], Vector], expansion: int
) -> None:
    model = network(name, {"units": 8, "layers": 2, "expansion": expansion})
    ids = text(1, 12)[0] % BOUNDARY
    features_TH = model.features(model.start(1), ids[None])[0]
    np.testing.assert_allclose(features_TH, slow_features(model, step, ids), atol=1e-5)
