"""The recurrent body: an embedding and layers of a cell that reads one symbol after another.

Axes: B rows, T positions, I inputs, H units, G pre-activations, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import embedding

from anygram.budgets import Budget
from anygram.neural.adaptive import head_weights, suggest_softmax
from anygram.neural.heads import HeadConfig, Softmax
from anygram.neural.language_model import Body, NeuralLanguageModel
from anygram.neural.pointwise import dropout
from anygram.neural.recurrence import Carried, Cell, Clears, read
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
class RecurrentConfig:
    """Sizes of a recurrent network: `units` a layer, width of the `embedding`.

    What is left out in training: `dropout`, units on both sides of every layer (Zaremba, Sutskever & Vinyals
    2014), the same ones in all positions of a block if `locked` (Gal & Ghahramani 2016);
    `embedding_dropout`, symbols, whose whole embedding is zero in a block; `weight_drop`, recurrent
    weights (both in Merity, Keskar & Socher 2018, sections 2 and 4.3). `tied` and `softmax` are those of
    `HeadConfig`.
    """

    units: int = 256
    layers: int = 1
    embedding: int = 64
    dropout: float = 0.0
    locked: bool = False
    embedding_dropout: float = 0.0
    weight_drop: float = 0.0
    tied: bool = False
    softmax: Softmax = "full"

    def __post_init__(self) -> None:
        require_at_least(1, "units", self.units)
        require_at_least(1, "layers", self.layers)
        require_at_least(1, "embedding", self.embedding)
        for name in ("dropout", "embedding_dropout", "weight_drop"):
            require_fraction(name, getattr(self, name))
        HeadConfig(self.softmax, self.tied)


class RecurrentBody(Body):
    """An embedding and layers of one kind of cell."""

    autocasts = False  # what is carried through all steps, and their compiled loop, are float32

    def __init__(self, config: RecurrentConfig, cell: Callable[[], Cell], vocabulary_size: int) -> None:
        """`cell` makes a cell for each layer."""
        super().__init__()
        self.width = config.units
        self._boundary = vocabulary_size - 1
        self._config = config
        self.embedding = nn.Embedding(vocabulary_size, config.embedding)
        inputs = [config.embedding] + [config.units] * (config.layers - 1)
        self.layers = nn.ModuleList(_Layer(cell(), size, config.units, config.weight_drop) for size in inputs)

    def memory(self, rows: int) -> tuple[Carried, ...]:
        zeros_BH = self.embedding.weight.new_zeros(rows, self.width)
        return tuple((zeros_BH,) * layer.cell.carries for layer in self._layers())

    def forward(
        self, ids_BT: Tensor, memory: tuple[Carried, ...], lengths_B: Tensor | None
    ) -> tuple[Tensor, tuple[Carried, ...]]:
        clears = _clears((ids_BT == self._boundary).T)
        input_TBG = self._first_input(ids_BT.T)
        first, *rest = self._layers()
        hidden_TBH, carried = first(input_TBG, memory[0], clears, lengths_B)
        after = [carried]
        for layer, before in zip(rest, memory[1:], strict=True):
            input_TBG = layer.input_part(self._drop(hidden_TBH))
            hidden_TBH, carried = layer(input_TBG, before, clears, lengths_B)
            after.append(carried)
        return self._drop(hidden_TBH).transpose(0, 1), tuple(after)

    def _first_input(self, ids_TB: Tensor) -> Tensor:
        """Return W x_t + b of the first layer; where symbols are few, of each of them but once."""
        first = next(iter(self._layers()))
        weight_VI: Tensor = self.embedding.weight
        if self.training and self._config.embedding_dropout > 0:
            weight_VI = weight_VI * dropout(
                weight_VI.new_ones(len(weight_VI), 1), self._config.embedding_dropout
            )
        dropped = self.training and self._config.dropout > 0
        if len(weight_VI) < ids_TB.numel() and not dropped:
            return embedding(ids_TB, first.input_part(weight_VI))
        return first.input_part(self._drop(embedding(ids_TB, weight_VI)))

    def _drop(self, hidden_TBH: Tensor) -> Tensor:
        if not self.training or self._config.dropout == 0:
            return hidden_TBH
        if not self._config.locked:
            return dropout(hidden_TBH, self._config.dropout)
        return hidden_TBH * dropout(torch.ones_like(hidden_TBH[:1]), self._config.dropout)

    def _layers(self) -> Iterable[_Layer]:
        return cast(Iterable[_Layer], self.layers)


class _Layer(nn.Module):
    """One cell over all positions."""

    def __init__(self, cell: Cell, inputs: int, units: int, weight_drop: float) -> None:
        super().__init__()
        self.cell = cell
        self.input = nn.Linear(inputs, cell.blocks * units)
        self.recurrent = nn.Parameter(torch.empty(cell.blocks * units, units))
        # to an optimiser that learns matrices, each block is one
        self.matrix_parts = {"input.weight": cell.blocks, "recurrent": cell.blocks}
        self._weight_drop = weight_drop
        cell.initial_bias(self.input.bias.detach().view(cell.blocks, units))
        cell.initial_recurrent(self.recurrent.detach())

    def input_part(self, input_TBI: Tensor) -> Tensor:
        """Return W x + b."""
        return self.cell.input_part(input_TBI, self.input)

    def forward(
        self, input_TBG: Tensor, carried: Carried, clears: Clears, lengths_B: Tensor | None
    ) -> tuple[Tensor, Carried]:
        """Return the outputs as hidden_TBH and what is carried after each row's end, without gradient."""
        weight_GH: Tensor = self.recurrent
        if self.training and self._weight_drop > 0:
            weight_GH = dropout(weight_GH, self._weight_drop)
        return read(self.cell, input_TBG, weight_GH, carried, clears, lengths_B)


def _clears(rows_TB: Tensor) -> Clears:
    """Return for each position which rows are meant, as a column, or None where none is."""
    some = rows_TB.any(1).tolist()
    return [rows_B[:, None] if one else None for rows_B, one in zip(rows_TB.unbind(), some, strict=True)]


def recurrent_model(
    name: str, config: RecurrentConfig, cell: Callable[[], Cell], vocabulary_size: int, seed: int
) -> NeuralLanguageModel:
    """Return an untrained network of such cells; equal seeds give equal weights."""
    head = HeadConfig(config.softmax, config.tied)
    return NeuralLanguageModel(
        name, lambda: RecurrentBody(config, cell, vocabulary_size), vocabulary_size, seed, head
    )


C = TypeVar("C", bound=RecurrentConfig)

# How many symbols should be read for each weight of the layer, at the rate that `affordable_symbols` reckons
# with: so fifteen seconds of byte pairs get 192 units, which were better there than 256 and 384
_SYMBOLS_A_WEIGHT = 2.5
_UNITS = (64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048)


def suggest_recurrent(
    config: type[C],
    blocks: int,
    sample_ids: Ids,
    symbols: int,
    vocabulary_size: int,
    budget: Budget,
) -> tuple[C, dict[str, Any]]:
    """Return one layer of a cell of so many blocks, as wide as text and budget can fill, and how to learn.

    Muon's rate suits every cell and width; the head's falls with the width (Yang et al. 2022, table 8).
    """
    rows, block = 32, 64
    embedding = suggest_embedding(vocabulary_size)
    softmax = suggest_softmax(sample_ids, vocabulary_size)

    def weights(units: int) -> Weights:
        return Weights(
            body=blocks * units * (units + embedding), head=head_weights(softmax, units, vocabulary_size)
        )

    units, epochs = largest_fitting(
        _UNITS, weights, budget, symbols, rows * block, symbols_a_weight=_SYMBOLS_A_WEIGHT
    )
    learner: dict[str, Any] = {"rows": rows, "block": block, "optimiser": "muon", "rate": 0.05}
    learner |= {"embedding_rate": 1.0, "head_rate": 0.3 * 256 / units, "momentum": 0.9, "decay": 0.02}
    learner |= {"schedule": "linear", "warmup": 0.05, "final_rate": 0.02, "clip": 1.0}
    suggested = config(units=units, embedding=embedding, dropout=suggest_dropout(epochs), softmax=softmax)
    return suggested, learner


def recurrent_space() -> Space:
    """Return what a search may change of such networks; the head's rate falls with the width."""
    return network_space("units", 32, {"head_rate": -1.0})
