"""The body of recurrences whose gates do not read the state: layers of a scan, each in a residual branch.

As no gate knows what is remembered, one layer can only weigh symbols; the second sees what the first
keeps. Between them the norm before, and the sum after, each branch are the Transformer's.
Axes: B rows, T positions, D width of the stream, E units of a branch, G pre-activations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from anygram.budgets import Budget
from anygram.neural.heads import HeadConfig, Softmax
from anygram.neural.language_model import Body, NeuralLanguageModel
from anygram.neural.pointwise import dropout, rms_norm, squared_relu
from anygram.neural.recurrence import at_ends
from anygram.neural.scan import scan
from anygram.neural.searching import network_space
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    suggest_dropout,
)
from anygram.spaces import Space

# What the gates read at first lets a unit forget e-fold in 1 to 20 symbols: units differ in how long they
# remember before any has learnt to (Tallec & Ollivier 2018, section 2)
_GATE_BIASES = (-1.0, 3.0)


class Gates(ABC):
    """What of a state is kept and what is added, told by the input alone; it holds no weights."""

    blocks: int
    """How many blocks of E pre-activations the input is projected to."""

    @abstractmethod
    def read(self, input_TBG: Tensor) -> tuple[Tensor, Tensor]:
        """Return a_t and b_t of h_t = a_t ⊙ h_{t−1} + b_t, each of axes T B E."""

    @abstractmethod
    def initial_bias(self, bias_GE: Tensor, keep_E: Tensor) -> None:
        """Set the gates' biases so that a_t begins about as σ(keep_E)."""


@dataclass(frozen=True)
class ScannedConfig:
    """`layers` of `units`, `expansion` times as many inside a branch; `dropout` after each branch.

    `tied` and `softmax` are those of `HeadConfig`.
    """

    units: int = 128
    layers: int = 2
    expansion: int = 1
    dropout: float = 0.0
    tied: bool = False
    softmax: Softmax = "full"

    def __post_init__(self) -> None:
        for name in ("units", "layers", "expansion"):
            require_at_least(1, name, getattr(self, name))
        require_fraction("dropout", self.dropout)
        HeadConfig(self.softmax, self.tied)


class ScannedBody(Body):
    """An embedding, and for each layer a scan and a feed-forward network, each added to the stream."""

    def __init__(self, config: ScannedConfig, gates: Gates, vocabulary_size: int) -> None:
        super().__init__()
        self.width = config.units
        self._boundary = vocabulary_size - 1
        self._dropout = config.dropout
        self._branch = config.expansion * config.units
        self.embedding = nn.Embedding(vocabulary_size, config.units)
        self.layers = nn.ModuleList(_Layer(config, gates) for _ in range(config.layers))

    def memory(self, rows: int) -> tuple[Tensor, ...]:
        return (self.embedding.weight.new_zeros(rows, self._branch),) * len(self.layers)

    def forward(
        self, ids_BT: Tensor, memory: tuple[Tensor, ...], lengths_B: Tensor | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        cleared_TB1 = (ids_BT == self._boundary).T[..., None]
        x_TBD = dropout(self.embedding(ids_BT.T), self._dropout, self.training)
        after = []
        for layer, first_BE in zip(cast(Iterable[_Layer], self.layers), memory, strict=True):
            mixed_TBD, every = layer.mix(rms_norm(x_TBD), first_BE, cleared_TB1)
            x_TBD = x_TBD + dropout(mixed_TBD, self._dropout, self.training)
            inner = squared_relu(layer.expand(rms_norm(x_TBD)))
            x_TBD = x_TBD + dropout(layer.contract(inner), self._dropout, self.training)
            after.append(at_ends(every.detach(), lengths_B))
        return rms_norm(x_TBD).transpose(0, 1), tuple(after)


class _Layer(nn.Module):
    """The weights of one layer."""

    def __init__(self, config: ScannedConfig, gates: Gates) -> None:
        super().__init__()
        width, branch = config.units, config.expansion * config.units
        self._gates = gates
        self.input = nn.Linear(width, gates.blocks * branch)
        bias_GE = nn.init.zeros_(self.input.bias.detach()).view(gates.blocks, branch)
        gates.initial_bias(bias_GE, torch.linspace(*_GATE_BIASES, branch))
        # to an optimiser that learns matrices, each block is one
        self.matrix_parts = {"input.weight": gates.blocks}
        self.output = nn.Linear(branch, width, bias=False)
        self.expand = nn.Linear(width, 2 * width, bias=False)
        self.contract = nn.Linear(2 * width, width, bias=False)
        # what begins as zero leaves the stream as it is (Goyal et al. 2017, section 5.1)
        for last in (self.output, self.contract):
            nn.init.zeros_(last.weight)

    def mix(self, x_TBD: Tensor, first_BE: Tensor, cleared_TB1: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the branch adds, and h before the block and after each position."""
        decay_TBE, added_TBE = self._gates.read(self.input(x_TBD))
        if bool(cleared_TB1.any()):
            decay_TBE = decay_TBE.masked_fill(cleared_TB1, 0.0)
        every = scan(decay_TBE, added_TBE, first_BE)
        return self.output(every[1:]), every


def scanned_model(
    name: str, config: ScannedConfig, gates: Gates, vocabulary_size: int, seed: int
) -> NeuralLanguageModel:
    """Return an untrained network with such gates; equal seeds give equal weights."""
    head = HeadConfig(config.softmax, config.tied)
    return NeuralLanguageModel(
        name, lambda: ScannedBody(config, gates, vocabulary_size), vocabulary_size, seed, head
    )


C = TypeVar("C", bound=ScannedConfig)

_UNITS = (64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024)


def suggest_scanned(
    config: type[C], blocks: int, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[C, dict[str, Any]]:
    """Return two layers of so many blocks, as wide as text and budget can fill, and how to learn."""
    rows, block, layers = 32, 64, 2

    def weights(units: int) -> Weights:
        return Weights(body=layers * (blocks + 5) * units * units, head=units * vocabulary_size)

    units, epochs = largest_fitting(_UNITS, weights, budget, symbols, rows * block)
    learner: dict[str, Any] = {"rows": rows, "block": block, "optimiser": "muon", "rate": 0.05}
    learner |= {"embedding_rate": 1.0, "head_rate": 0.3 * 256 / units, "momentum": 0.9, "decay": 0.02}
    learner |= {"schedule": "linear", "warmup": 0.05, "final_rate": 0.02, "clip": 1.0}
    return config(units=units, layers=layers, dropout=suggest_dropout(epochs)), learner


def scanned_space() -> Space:
    """Return what a search may change of such networks; the head's rate falls with the width."""
    return network_space("units", 32, {"head_rate": -1.0})
