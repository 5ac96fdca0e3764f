"""The gated cell without a separate memory: an LSTM whose output is its memory.

    f_t, i_t = σ(W x_t + U h_{t−1} + b), each its own
    h_t = f_t ⊙ h_{t−1} + i_t ⊙ tanh(W_g x_t + U_g h_{t−1} + b_g)

With i_t = 1 − f_t this is the minimal gated unit's update (Zhou et al. 2016); here the two gates are free.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrent import Carried, Cell, RecurrentBody, RecurrentConfig, suggest_recurrent
from anygram.neural.sizing import require_finite
from anygram.protocols import Ids


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`forget_bias` is b_f before training: 1 remembers."""

    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite("forget_bias", self.forget_bias)


class GatedCell(Cell):
    """Blocks in the order f, i, g; h is carried, within ±1 / (1 − max f)."""

    blocks = 3

    def __init__(self, forget_bias: float) -> None:
        self._forget_bias = forget_bias

    def step(self, sum_BG: Tensor, alone_BG: Tensor, carried: Carried) -> Carried:
        (h_BH,) = carried
        units = h_BH.shape[1]
        f_BH, i_BH = sum_BG[:, : 2 * units].sigmoid().chunk(2, dim=1)
        g_BH = sum_BG[:, 2 * units :].tanh()
        return (torch.addcmul(f_BH * h_BH, i_BH, g_BH),)

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[0] = self._forget_bias


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained gated network; equal seeds give equal weights."""
    cell = GatedCell(config.forget_bias)
    return NeuralLanguageModel(
        "gated", lambda: RecurrentBody(config, cell, vocabulary_size), vocabulary_size, seed
    )


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, GatedCell.blocks, symbols, vocabulary_size, budget)
