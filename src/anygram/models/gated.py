"""The gated cell without a separate memory: what it remembers is what it says.

    f_t = σ(W_f x_t + U_f h_{t−1} + b_f)        i_t = 1 − f_t, or σ(W_i x_t + U_i h_{t−1} + b_i)
    h_t = f_t ⊙ h_{t−1} + i_t ⊙ tanh(W_g x_t + U_g h_{t−1} + b_g)

Coupled gates (Zhou et al. 2016, their minimal gated unit; Greff et al. 2017 couple an LSTM's) keep h a
mean of what was read, within ±1. Free gates can sum without end: where f_t nears 1 h grows with the
text, and as h opens its own gates, training on long streams diverges within a few hundred steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrent import Carried, Cell, RecurrentConfig, recurrent_model, suggest_recurrent
from anygram.neural.sizing import require_finite, require_one_of
from anygram.protocols import Ids


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`gates` says whether i is 1 − f or a gate of its own; `forget_bias` is b_f before training."""

    gates: Literal["coupled", "free"] = "coupled"
    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of("gates", self.gates, ("coupled", "free"))
        require_finite("forget_bias", self.forget_bias)


class CoupledCell(Cell):
    """Blocks in the order f, g; h is carried."""

    blocks = 2

    def __init__(self, forget_bias: float) -> None:
        self._forget_bias = forget_bias

    def step(self, sum_BG: Tensor, alone_BG: Tensor, carried: Carried) -> Carried:
        (h_BH,) = carried
        f_BH, g_BH = sum_BG.chunk(2, dim=1)
        return (g_BH.tanh().lerp(h_BH, f_BH.sigmoid()),)

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[0] = self._forget_bias


class FreeCell(Cell):
    """Blocks in the order f, i, g; h is carried."""

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
        bias_GH[0], bias_GH[1] = self._forget_bias, -self._forget_bias  # σ(−b) = 1 − σ(b): coupled at first


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained gated network; equal seeds give equal weights."""
    cell = (CoupledCell if config.gates == "coupled" else FreeCell)(config.forget_bias)
    return recurrent_model("gated", config, cell, vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, CoupledCell.blocks, symbols, vocabulary_size, budget, rate=5e-3)
