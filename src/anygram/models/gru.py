"""The gated recurrent unit (Cho et al. 2014, equations 5–8), the reset gate after the product.

    r_t, z_t = σ(W x_t + U h_{t−1} + b), each its own
    n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t−1}))
    h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t−1}

Cho et al. write U (r_t ⊙ h_{t−1}); resetting after the product needs one product a step instead of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import pad

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrent import Carried, Cell, RecurrentConfig, recurrent_model, suggest_recurrent
from anygram.protocols import Ids


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """The sizes of every recurrent network."""


class GruCell(Cell):
    """Blocks in the order r, z, n; h is carried."""

    blocks = 3

    def prepare(self, input_TBG: Tensor) -> tuple[Tensor, Tensor]:
        units = input_TBG.shape[-1] // 3
        gates_TBG, candidate_TBH = input_TBG[..., : 2 * units], input_TBG[..., 2 * units :]
        # the block of U_n h_{t−1} gets nothing from the input before r_t has multiplied it
        return pad(gates_TBG, (0, units)), candidate_TBH

    def step(self, sum_BG: Tensor, alone_BG: Tensor, carried: Carried) -> Carried:
        (h_BH,) = carried
        units = h_BH.shape[1]
        r_BH, z_BH = sum_BG[:, : 2 * units].sigmoid().chunk(2, dim=1)
        n_BH = alone_BG.addcmul(r_BH, sum_BG[:, 2 * units :]).tanh()
        return (n_BH.lerp(h_BH, z_BH),)


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained GRU; equal seeds give equal weights."""
    return recurrent_model("gru", config, GruCell(), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, GruCell.blocks, symbols, vocabulary_size, budget, rate=5e-3)
