"""Options of networks drawn together, which other tests try one by one: laws and twins hold for all.

Axes: B rows, T positions.
"""

from __future__ import annotations

import copy
import typing
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st

from anygram.errors import UsageError
from anygram.laws import Case, Subject, cases, laws_of
from anygram.models import REGISTRY, alone
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Differentiable
from tests.networks import BOUNDARY, VOCABULARY, text

SIZES: Mapping[str, st.SearchStrategy[Any]] = {
    "order": st.integers(1, 4),
    "units": st.sampled_from([1, 2, 7, 8]),
    "embedding": st.sampled_from([1, 5, 8]),
    "layers": st.integers(1, 3),
    "width": st.sampled_from([8, 16]),
    "heads": st.sampled_from([1, 2, 4]),
    "key_heads": st.sampled_from([0, 1, 2]),
    "expansion": st.integers(1, 3),
    "context": st.sampled_from([1, 2, 4, 50]),
    "bigrams": st.sampled_from([0, 1, 5, 100]),
    "forget_bias": st.sampled_from([-1.0, 0.0, 2.0]),
}
"""What has no list of choices. What is left out at random (`dropout` and its like) stays 0."""
NETWORKS = [
    name
    for name in alone()
    if isinstance(REGISTRY.load(name).create(REGISTRY.load(name).Config(), 5, 0), Differentiable)
]


def options(name: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return settings of a network that its config allows together."""
    config = REGISTRY.load(name).Config
    choices: dict[str, st.SearchStrategy[Any]] = {}
    for field, kind in typing.get_type_hints(config).items():
        if field in SIZES:
            choices[field] = SIZES[field]
        elif typing.get_origin(kind) is Literal:
            choices[field] = st.sampled_from(typing.get_args(kind))
        elif kind is bool:
            choices[field] = st.booleans()
        else:
            assert field.endswith(("dropout", "weight_drop")), f"{name} has a setting {field} to draw here"
    return st.fixed_dictionaries(choices)


def drawn(name: str, settings: Mapping[str, Any], seed: int = 0) -> NeuralLanguageModel:
    """Return a network whose every part is heard; nothing drawn where settings do not go together."""
    module = REGISTRY.load(name)
    try:
        config = module.Config(**settings)
    except UsageError:
        assume(False)
    model: NeuralLanguageModel = module.create(config, VOCABULARY, seed)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.module().parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.2)
    return model


def losses(model: NeuralLanguageModel) -> list[torch.Tensor]:
    """Return the losses of two blocks, the second carried on from the first, and their gradients' sum."""
    ids_BT = text(3, 14)
    ids_BT[0, 3] = ids_BT[1, 9] = BOUNDARY
    weights_BT = np.linspace(0, 1, 3 * 7, dtype=np.float32).reshape(3, 7)
    for parameter in model.module().parameters():
        parameter.grad = None
    first, state = model.loss(ids_BT[:, :7], weights_BT)
    second, _ = model.loss(ids_BT[:, 7:], weights_BT, state)
    (first + 2 * second).backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in model.module().parameters() if p.grad is not None]
    return [first.detach(), second.detach(), *(gradient.clone() for gradient in gradients)]


@pytest.mark.parametrize("name", NETWORKS)
def test_options_together_keep_every_law(name: str) -> None:
    @given(settings=options(name), case=cases(VOCABULARY))
    def keep(settings: Mapping[str, Any], case: Case) -> None:
        model = drawn(name, settings)
        subject = Subject(model, anew=lambda: drawn(name, settings, seed=1))
        for law in laws_of(model).values():
            law(subject, case)

    keep()


@pytest.mark.parametrize("name", NETWORKS)
def test_options_together_have_their_twins(name: str) -> None:
    """Fused losses are unfused ones; compiled kernels, in float32 alone, are autograd in double precision."""

    @given(settings=options(name))
    def agree(settings: Mapping[str, Any]) -> None:
        model = drawn(name, settings)
        fused = losses(model)
        unfused = copy.deepcopy(model)
        unfused.fused = False
        torch.testing.assert_close(losses(unfused), fused, atol=1e-5, rtol=1e-4)
        exact = copy.deepcopy(model)
        exact.module().double()
        doubled = [one.float() for one in losses(exact)]
        torch.testing.assert_close(doubled, fused, atol=1e-4, rtol=1e-3)

    agree()
