"""The minimal gated recurrent unit (Feng et al. 2024, section 3.1): gates that do not read the state.

z_t = σ(W_z x_t + b_z)        h̃_t = W_h x_t + b_h
h_t = (1 − z_t) ⊙ h_{t−1} + z_t ⊙ h̃_t
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from anygram.budgets import Budget
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.scanned import Gates, ScannedConfig, scanned_model, scanned_space, suggest_scanned
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config(ScannedConfig):
    """The sizes of every scanned network."""


class MinGruGates(Gates):
    """Blocks in the order z, h̃."""

    blocks = 2

    def read(self, input_TBG: Tensor) -> tuple[Tensor, Tensor]:
        z_TBE, candidate_TBE = input_TBG.chunk(2, dim=-1)
        z_TBE = z_TBE.sigmoid()
        return 1 - z_TBE, z_TBE * candidate_TBE

    def initial_bias(self, bias_GE: Tensor, keep_E: Tensor) -> None:
        bias_GE[0] = -keep_E


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained minGRU; equal seeds give equal weights."""
    return scanned_model("mingru", config, MinGruGates(), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_scanned(Config, MinGruGates.blocks, symbols, vocabulary_size, budget)


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return scanned_space()
