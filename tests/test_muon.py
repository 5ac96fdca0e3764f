"""Muon against singular value decompositions, and what of a network it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from anygram.learning.gradient import Config, optimisers
from anygram.learning.muon import Matrices, Muon, orthogonalise
from tests.networks import network


@given(rows=st.integers(1, 9), columns=st.integers(1, 9), seed=st.integers(0, 99))
def test_singular_values_are_drawn_towards_one_and_vectors_stay(rows: int, columns: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    short = min(rows, columns)
    U, _ = torch.linalg.qr(torch.randn(rows, short, generator=generator))
    V, _ = torch.linalg.qr(torch.randn(columns, short, generator=generator))
    values = 0.05 + torch.rand(short, generator=generator)
    polar_RC = orthogonalise((U * values @ V.T)[None])[0]
    inner = U.T @ polar_RC @ V
    torch.testing.assert_close(U @ inner @ V.T, polar_RC, atol=1e-4, rtol=0)
    torch.testing.assert_close(inner, inner.diag().diag(), atol=1e-4, rtol=0)
    assert 0.5 < float(inner.diag().min()) <= float(inner.diag().max()) < 1.3


@given(
    rows=st.integers(1, 6), columns=st.integers(1, 24), smallest=st.floats(1e-6, 1), seed=st.integers(0, 99)
)
def test_rounds_may_go_on_without_the_matrix(rows: int, columns: int, smallest: float, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    short = min(rows, columns)
    U, _ = torch.linalg.qr(torch.randn(rows, short, generator=generator, dtype=torch.float64))
    V, _ = torch.linalg.qr(torch.randn(columns, short, generator=generator, dtype=torch.float64))
    matrix_RC = U * torch.logspace(0, np.log10(smallest), short, dtype=torch.float64) @ V.T
    x_RC = matrix_RC / matrix_RC.norm()
    for _ in range(5):
        gram_RR = x_RC @ x_RC.T
        x_RC = 3.4445 * x_RC + (-4.7750 * gram_RR + 2.0315 * gram_RR @ gram_RR) @ x_RC
    for given_RC, polar_RC in ((matrix_RC, x_RC), (matrix_RC.T, x_RC.T)):
        torch.testing.assert_close(orthogonalise(given_RC[None])[0], polar_RC)
        single_RC = orthogonalise(given_RC[None].float())[0]
        torch.testing.assert_close(single_RC, polar_RC.float(), atol=2e-4, rtol=0)


def test_a_step_is_momentum_made_orthogonal() -> None:
    generator = torch.Generator().manual_seed(0)
    stacked = torch.nn.Parameter(torch.randn(6, 4, generator=generator))
    first, second = torch.randn(2, 6, 4, generator=generator)
    muon = Muon([Matrices(stacked, parts=2)], weight_decay=0.1, momentum=0.9, lr=0.5)
    expected = stacked.detach().clone()
    momentum = torch.zeros(6, 4)
    for gradient in (first, second):
        momentum = 0.9 * momentum + 0.1 * gradient
        ahead = 0.9 * momentum + 0.1 * gradient
        steps = [orthogonalise(part[None])[0] for part in ahead.chunk(2)]
        expected = expected * (1 - 0.5 * 0.1) - 0.5 * torch.cat(steps)
        stacked.grad = gradient
        muon.step()
    torch.testing.assert_close(stacked.detach(), expected)


def test_a_tall_matrix_takes_larger_steps() -> None:
    tall = torch.nn.Parameter(torch.zeros(16, 4))
    tall.grad = torch.randn(16, 4, generator=torch.Generator().manual_seed(0))
    Muon([Matrices(tall)], lr=0.1).step()
    values = torch.linalg.svdvals(tall.detach()) / (0.1 * 2)
    assert 0.5 < float(values.min()) <= float(values.max()) < 1.3


@pytest.mark.parametrize("name", ["transformer", "lstm", "nnlm"])
def test_muon_learns_the_matrices_between_embedding_and_head(name: str) -> None:
    module = network(name, {}).module()
    parameters = dict(module.named_parameters())
    config = Config(optimiser="muon", embedding_rate=3, head_rate=0.5, decay=0.1)
    muon, adamw = optimisers.create(parameters, config, module)
    learnt = {id(p) for group in muon.param_groups for p in group["params"]}
    for key, parameter in parameters.items():
        between = parameter.ndim == 2 and "embedding" not in key
        assert (id(parameter) in learnt) == (between and not key.startswith("head."))
    factors = {
        id(p): (group["factor"], group["weight_decay"])
        for group in adamw.param_groups
        for p in group["params"]
    }
    assert factors[id(parameters["body.embedding.weight"])] == (3, 0.1)
    assert factors[id(parameters["head.weight"])] == (0.5, 0.1)
    assert len(learnt) + len(factors) == len(parameters)


def test_nothing_to_orthogonalise_is_nothing() -> None:
    assert np.isfinite(orthogonalise(torch.zeros(1, 3, 3)).numpy()).all()
