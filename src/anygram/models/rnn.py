"""The simple recurrent network (Elman 1990; as a language model Mikolov et al. 2010).

h_t = σ(W_hh h_{t−1} + W_xh x_t + b_h)        y_t = W_hy h_t + b_y

With σ(x) = max(x, 0), W_hh begins as the identity (Le, Jaitly & Hinton 2015, section 3): what nothing is
added to is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn

from anygram.budgets import Budget
from anygram.compiled import elementwise_kernel
from anygram.neural.activations import logistic, logistic_slope, tanh, tanh_slope
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrence import Carried, Cell
from anygram.neural.recurrent import RecurrentConfig, recurrent_model, recurrent_space, suggest_recurrent
from anygram.neural.sizing import require_one_of
from anygram.protocols import Ids
from anygram.spaces import Space

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "tanh": torch.tanh,
    "logistic": torch.sigmoid,
    "relu": torch.relu,
}


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`activation` is σ."""

    activation: Literal["tanh", "logistic", "relu"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of("activation", self.activation, _ACTIVATIONS)


@elementwise_kernel
def _tanh(input_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any) -> None:
    for b in range(len(h_BH)):
        input_H, product_H, new_h_H = input_BG[b], product_BG[b], new_h_BH[b]
        for j in range(len(new_h_H)):
            new_h_H[j] = tanh(input_H[j] + product_H[j])


@elementwise_kernel
def _logistic(input_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any) -> None:
    for b in range(len(h_BH)):
        input_H, product_H, new_h_H = input_BG[b], product_BG[b], new_h_BH[b]
        for j in range(len(new_h_H)):
            new_h_H[j] = logistic(input_H[j] + product_H[j])


@elementwise_kernel
def _relu(input_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any) -> None:
    for b in range(len(h_BH)):
        input_H, product_H, new_h_H = input_BG[b], product_BG[b], new_h_BH[b]
        for j in range(len(new_h_H)):
            total = input_H[j] + product_H[j]
            new_h_H[j] = np.float32(0) if total <= 0 else total


@elementwise_kernel
def _tanh_gradient(
    kept_BG: Any, _: Any, h_BH: Any, new_h_BH: Any, straight_BH: Any, through_BH: Any, output_BH: Any
) -> None:
    for b in range(len(h_BH)):
        kept_H, new_h_H, through_H, output_H = kept_BG[b], new_h_BH[b], through_BH[b], output_BH[b]
        for j in range(len(new_h_H)):
            kept_H[j] = (through_H[j] + output_H[j]) * tanh_slope(new_h_H[j])


@elementwise_kernel
def _logistic_gradient(
    kept_BG: Any, _: Any, h_BH: Any, new_h_BH: Any, straight_BH: Any, through_BH: Any, output_BH: Any
) -> None:
    for b in range(len(h_BH)):
        kept_H, new_h_H, through_H, output_H = kept_BG[b], new_h_BH[b], through_BH[b], output_BH[b]
        for j in range(len(new_h_H)):
            kept_H[j] = (through_H[j] + output_H[j]) * logistic_slope(new_h_H[j])


@elementwise_kernel
def _relu_gradient(
    kept_BG: Any, _: Any, h_BH: Any, new_h_BH: Any, straight_BH: Any, through_BH: Any, output_BH: Any
) -> None:
    for b in range(len(h_BH)):
        kept_H, new_h_H, through_H, output_H = kept_BG[b], new_h_BH[b], through_BH[b], output_BH[b]
        for j in range(len(new_h_H)):
            kept_H[j] = (through_H[j] + output_H[j]) if new_h_H[j] > 0 else np.float32(0)


_COMPILED = {
    "tanh": (_tanh, _tanh_gradient),
    "logistic": (_logistic, _logistic_gradient),
    "relu": (_relu, _relu_gradient),
}


class RnnCell(Cell):
    """One block; h is carried."""

    blocks = 1

    def __init__(self, activation: str) -> None:
        super().__init__()
        self._name = activation
        self._activation = _ACTIVATIONS[activation]
        self.compiled, self.compiled_gradient = _COMPILED[activation]

    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        return (self._activation(input_BG + product_BG),)

    def initial_recurrent(self, weight_GH: Tensor) -> None:
        if self._name == "relu":
            nn.init.eye_(weight_GH)
        else:
            super().initial_recurrent(weight_GH)


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained RNN; equal seeds give equal weights."""
    return recurrent_model("rnn", config, lambda: RnnCell(config.activation), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, RnnCell.blocks, sample_ids, symbols, vocabulary_size, budget)


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return recurrent_space()
