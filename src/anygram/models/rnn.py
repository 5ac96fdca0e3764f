"""The simple recurrent network (Elman 1990; as a language model Mikolov et al. 2010).

h_t = σ(W_hh h_{t−1} + W_xh x_t + b_h)        y_t = W_hy h_t + b_y
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrent import Carried, Cell, RecurrentConfig, recurrent_model, suggest_recurrent
from anygram.neural.sizing import require_one_of
from anygram.protocols import Ids

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "logistic": torch.sigmoid}


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`activation` is σ."""

    activation: Literal["tanh", "logistic"] = "tanh"

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of("activation", self.activation, _ACTIVATIONS)


class RnnCell(Cell):
    """One block; h is carried."""

    blocks = 1

    def __init__(self, activation: str) -> None:
        self._activation = _ACTIVATIONS[activation]

    def step(self, sum_BG: Tensor, alone_BG: Tensor, carried: Carried) -> Carried:
        return (self._activation(sum_BG),)


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained RNN; equal seeds give equal weights."""
    return recurrent_model("rnn", config, RnnCell(config.activation), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, RnnCell.blocks, symbols, vocabulary_size, budget, rate=2e-3)
