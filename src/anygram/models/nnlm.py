"""The neural probabilistic language model (Bengio, Ducharme, Vincent & Jauvin 2003, equation 1).

    x = [C(w_{t−1}); …; C(w_{t−n+1})]        y = b + W x + U tanh(d + H x)

The head is [W U] and b over the features [x; tanh(d + H x)]; without direct connections W is absent.
Axes: B rows, T positions, C = n − 1 symbols of context, D hidden width.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from anygram.budgets import Budget
from anygram.neural.adaptive import head_weights, suggest_softmax
from anygram.neural.heads import HeadConfig, Softmax
from anygram.neural.language_model import Body, NeuralLanguageModel
from anygram.neural.pointwise import dropout
from anygram.neural.searching import network_space
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    suggest_dropout,
    suggest_embedding,
)
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config:
    """`order` is n; `direct` connects the embeddings to the output; `tied`, `softmax`: see `HeadConfig`."""

    order: int = 8
    embedding: int = 64
    units: int = 512
    direct: bool = True
    dropout: float = 0.0
    tied: bool = False
    softmax: Softmax = "full"

    def __post_init__(self) -> None:
        require_at_least(2, "order", self.order)
        require_at_least(1, "embedding", self.embedding)
        require_at_least(1, "units", self.units)
        require_fraction("dropout", self.dropout)
        HeadConfig(self.softmax, self.tied)


class NnlmBody(Body):
    """The last n − 1 symbols, embedded, and a tanh layer; before a document stands the boundary."""

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        super().__init__()
        inputs = (config.order - 1) * config.embedding
        self.width = config.units + (inputs if config.direct else 0)
        self._boundary = vocabulary_size - 1
        self._config = config
        self.embedding = nn.Embedding(vocabulary_size, config.embedding)
        self.hidden = nn.Linear(inputs, config.units)

    def memory(self, rows: int) -> Tensor:
        context = self._config.order - 1
        return torch.full((rows, context), self._boundary, device=self.embedding.weight.device)

    def forward(self, ids_BT: Tensor, memory: Tensor, lengths_B: Tensor | None) -> tuple[Tensor, Tensor]:
        stream = torch.cat([memory, ids_BT], dim=1)
        windows = stream.unfold(1, memory.shape[1], 1)  # the first is the memory, then one after each id
        # what stands before a boundary is forgotten, which is to say it reads as the boundary
        at_boundary = (windows == self._boundary).to(torch.uint8)
        forgotten = at_boundary.flip(-1).cummax(-1).values.flip(-1).bool()
        windows = windows.masked_fill(forgotten, self._boundary)
        inputs_BTI = self._drop(self.embedding(windows[:, 1:]).flatten(2))
        hidden_BTD = self._drop(self.hidden(inputs_BTI).tanh())
        if self._config.direct:
            hidden_BTD = torch.cat([inputs_BTI, hidden_BTD], dim=-1)
        if lengths_B is None:
            return hidden_BTD, windows[:, -1].clone()
        return hidden_BTD, windows[torch.arange(len(windows), device=windows.device), lengths_B]

    def _drop(self, hidden: Tensor) -> Tensor:
        return dropout(hidden, self._config.dropout, self.training)


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained network; equal seeds give equal weights."""
    head = HeadConfig(config.softmax, config.tied)
    return NeuralLanguageModel("nnlm", lambda: NnlmBody(config, vocabulary_size), vocabulary_size, seed, head)


_UNITS = (64, 128, 256, 384, 512, 768, 1024, 1536, 2048)
# Beyond so many the rate falls with their root: a text read often is learnt better in smaller steps
_EPOCHS_AT_FULL_RATE = 2


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    rows, block, order = 32, 64, 10 if vocabulary_size <= 1024 else 6
    embedding = suggest_embedding(vocabulary_size) // 2
    inputs = (order - 1) * embedding
    softmax = suggest_softmax(sample_ids, vocabulary_size)

    def weights(units: int) -> Weights:
        return Weights(body=inputs * units, head=head_weights(softmax, inputs + units, vocabulary_size))

    units, epochs = largest_fitting(_UNITS, weights, budget, symbols, rows * block)
    config = Config(
        order=order, embedding=embedding, units=units, dropout=suggest_dropout(epochs), softmax=softmax
    )
    return config, {
        "rows": rows,
        "block": block,
        "optimiser": "muon",
        "rate": round(max(0.0125, 0.05 / math.sqrt(max(1.0, epochs / _EPOCHS_AT_FULL_RATE))), 4),
        "embedding_rate": 1.0,
        "head_rate": 0.3,
        "momentum": 0.9,
        "decay": 0.02,
        "schedule": "linear",
        "warmup": 0.05,
        "clip": 1.0,
    }


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return network_space("units", 64, {})
