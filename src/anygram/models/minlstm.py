"""The minimal long short-term memory (Feng et al. 2024, section 3.2): gates that do not read the state.

f_t, i_t = σ(W x_t + b), each its own        h̃_t = W_h x_t + b_h
h_t = f_t / (f_t + i_t) ⊙ h_{t−1} + i_t / (f_t + i_t) ⊙ h̃_t
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch.nn.functional import logsigmoid

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.scanned import Gates, ScannedConfig, scanned_model, scanned_space, suggest_scanned
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config(ScannedConfig):
    """The sizes of every scanned network."""


class MinLstmGates(Gates):
    """Blocks in the order f, i, h̃."""

    blocks = 3

    def read(self, input_TBG: Tensor) -> tuple[Tensor, Tensor]:
        f_TBE, i_TBE, candidate_TBE = input_TBG.chunk(3, dim=-1)
        # σ of the difference of their logarithms: no quotient of two that are almost zero
        share_TBE = (logsigmoid(f_TBE) - logsigmoid(i_TBE)).sigmoid()
        return share_TBE, (1 - share_TBE) * candidate_TBE

    def initial_bias(self, bias_GE: Tensor, keep_E: Tensor) -> None:
        bias_GE[0], bias_GE[1] = keep_E, -keep_E  # log σ(k) − log σ(−k) = k


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained minLSTM; equal seeds give equal weights."""
    return scanned_model("minlstm", config, MinLstmGates(), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_scanned(Config, MinLstmGates.blocks, symbols, vocabulary_size, budget)


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return scanned_space()
