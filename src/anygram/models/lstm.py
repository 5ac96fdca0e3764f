"""The long short-term memory (Hochreiter & Schmidhuber 1997) with forget gates (Gers et al. 2000).

i_t, f_t, o_t = σ(W x_t + U h_{t−1} + b), each its own        g_t = tanh(W_g x_t + U_g h_{t−1} + b_g)
c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t                               h_t = o_t ⊙ tanh c_t
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrent import Carried, Cell, RecurrentConfig, recurrent_model, suggest_recurrent
from anygram.neural.sizing import require_finite
from anygram.protocols import Ids


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`forget_bias` is b_f before training: 1 remembers (Jozefowicz, Zaremba & Sutskever 2015)."""

    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite("forget_bias", self.forget_bias)


class LstmCell(Cell):
    """Blocks in the order i, f, o, g; h and c are carried."""

    blocks = 4
    carries = 2

    def __init__(self, forget_bias: float) -> None:
        self._forget_bias = forget_bias

    def step(self, sum_BG: Tensor, alone_BG: Tensor, carried: Carried) -> Carried:
        units = carried[0].shape[1]
        i_BH, f_BH, o_BH = sum_BG[:, : 3 * units].sigmoid().chunk(3, dim=1)
        g_BH = sum_BG[:, 3 * units :].tanh()
        c_BH = torch.addcmul(f_BH * carried[1], i_BH, g_BH)
        return o_BH * c_BH.tanh(), c_BH

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[1] = self._forget_bias


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained LSTM; equal seeds give equal weights."""
    return recurrent_model("lstm", config, LstmCell(config.forget_bias), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, LstmCell.blocks, symbols, vocabulary_size, budget, rate=1.2e-2)
