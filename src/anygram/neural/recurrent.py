"""The recurrent body: layers of a cell that reads one symbol after another.

A cell says how one step goes from pre-activations to the next memory; the layer owns the weights.
What the input adds to every step is one product before the loop, and the gradient of the recurrent
weights is one product after it. Axes: B rows, T positions, I inputs, H units, G pre-activations.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from anygram.budgets import Budget
from anygram.neural.heads import HeadConfig, Softmax
from anygram.neural.language_model import Body, NeuralLanguageModel
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    suggest_dropout,
    suggest_embedding,
)

Carried = tuple[Tensor, ...]
"""What a layer carries from step to step, each of axes BH; the output h comes first."""


@dataclass(frozen=True)
class RecurrentConfig:
    """Sizes of a recurrent network: `units` a layer, width of the `embedding`, `dropout` on both sides of
    every layer (Zaremba, Sutskever & Vinyals 2014); `tied` and `softmax` are those of `HeadConfig`."""

    units: int = 256
    layers: int = 1
    embedding: int = 64
    dropout: float = 0.0
    tied: bool = False
    softmax: Softmax = "full"

    def __post_init__(self) -> None:
        require_at_least(1, "units", self.units)
        require_at_least(1, "layers", self.layers)
        require_at_least(1, "embedding", self.embedding)
        require_fraction("dropout", self.dropout)
        HeadConfig(self.softmax, self.tied)


class Cell(ABC):
    """One step of a recurrent layer; it holds no weights."""

    blocks: int
    """How many blocks of H pre-activations the input, and h_{t−1} too, is projected to."""
    carries: int = 1
    """How many vectors are carried from step to step."""

    def prepare(self, input_TBG: Tensor) -> tuple[Tensor, Tensor]:
        """Return what the projection of h_{t−1} is added to, and what it is not."""
        return input_TBG, input_TBG[..., :0]

    @abstractmethod
    def step(self, sum_BG: Tensor, alone_BG: Tensor, carried: Carried) -> Carried:
        """Return what is carried on, given both parts of `prepare`, the first with h_{t−1} added."""

    def initial_bias(self, bias_GH: Tensor) -> None:
        """Set the biases before training."""
        nn.init.zeros_(bias_GH)


class RecurrentBody(Body):
    """An embedding and layers of one cell."""

    def __init__(self, config: RecurrentConfig, cell: Cell, vocabulary_size: int) -> None:
        super().__init__()
        self.width = config.units
        self._boundary = vocabulary_size - 1
        self._dropout = config.dropout
        self.embedding = nn.Embedding(vocabulary_size, config.embedding)
        inputs = [config.embedding] + [config.units] * (config.layers - 1)
        self.layers = nn.ModuleList(_Layer(cell, size, config.units) for size in inputs)

    def memory(self, rows: int) -> tuple[Carried, ...]:
        zeros_BH = self.embedding.weight.new_zeros(rows, self.width)
        return tuple((zeros_BH,) * layer.cell.carries for layer in self._layers())

    def forward(
        self, ids_BT: Tensor, memory: tuple[Carried, ...], lengths_B: Tensor | None
    ) -> tuple[Tensor, tuple[Carried, ...]]:
        clears = _steps((ids_BT == self._boundary).T)
        ends = None
        if lengths_B is not None:
            position_T1 = torch.arange(ids_BT.shape[1], device=ids_BT.device)[:, None]
            ends = _steps(position_T1 >= lengths_B)
        hidden_TBH = dropout(self.embedding(ids_BT.T), self._dropout, self.training)
        after = []
        for layer, carried in zip(self._layers(), memory, strict=True):
            hidden_TBH, carried = layer(hidden_TBH, carried, clears, ends)
            hidden_TBH = dropout(hidden_TBH, self._dropout, self.training)
            after.append(carried)
        return hidden_TBH.transpose(0, 1), tuple(after)

    def _layers(self) -> Iterable[_Layer]:
        return cast(Iterable[_Layer], self.layers)


class _Layer(nn.Module):
    """One cell over all positions."""

    def __init__(self, cell: Cell, inputs: int, units: int) -> None:
        super().__init__()
        self.cell = cell
        self.input = nn.Linear(inputs, cell.blocks * units)
        self.recurrent = nn.Parameter(torch.empty(cell.blocks * units, units))
        cell.initial_bias(self.input.bias.detach().view(cell.blocks, units))
        for block_HH in self.recurrent.detach().chunk(cell.blocks):
            # keeps the length of what is carried (Saxe, McClelland & Ganguli 2014)
            nn.init.orthogonal_(block_HH)

    def forward(
        self,
        input_TBI: Tensor,
        carried: Carried,
        clears: list[Tensor | None],
        ends: list[Tensor | None] | None,
    ) -> tuple[Tensor, Carried]:
        """Return the outputs as hidden_TBH and what is carried after each row's end, without gradient."""
        first_TBG, alone_TBG = self.cell.prepare(self.input(input_TBI))
        read: list[Tensor] = []
        first_TBG = _RecurrentGradient.apply(first_TBG, self.recurrent, read)  # type: ignore[no-untyped-call]
        weight_HG = self.recurrent.detach().T
        outputs = []
        steps = zip(first_TBG.unbind(), alone_TBG.unbind(), clears, ends or [None] * len(clears), strict=True)
        for first_BG, alone_BG, cleared_B1, ended_B1 in steps:
            before = carried
            if cleared_B1 is not None:
                carried = tuple(vector.masked_fill(cleared_B1, 0.0) for vector in carried)
            read.append(carried[0].detach())
            carried = self.cell.step(torch.addmm(first_BG, carried[0], weight_HG), alone_BG, carried)
            if ended_B1 is not None:
                carried = tuple(map(torch.where, [ended_B1] * len(carried), before, carried))
            outputs.append(carried[0])
        return torch.stack(outputs), tuple(vector.detach() for vector in carried)


class _RecurrentGradient(torch.autograd.Function):
    """The identity on the pre-activations' input part; its backward gives the recurrent weights' gradient.

    Every step adds W h_{t−1} to its input part, so both have the same gradient δ_t, and the weights' is
    Σ_t δ_t h_{t−1}ᵀ: one product here, where autograd would add T of them one by one.
    """

    @staticmethod
    def forward(ctx: Any, first_TBG: Tensor, weight_GH: Tensor, read: list[Tensor]) -> Tensor:
        ctx.read = read  # filled by the loop, after this
        return first_TBG.view_as(first_TBG)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        (gradient_TBG,) = gradients
        gradient_NG = gradient_TBG.flatten(0, 1)
        return gradient_TBG, gradient_NG.T @ torch.cat(ctx.read), None


def _steps(rows_TB: Tensor) -> list[Tensor | None]:
    """Return for each position which rows are meant, as a column, or None where none is."""
    some = rows_TB.any(1).tolist()
    return [rows_B[:, None] if one else None for rows_B, one in zip(rows_TB.unbind(), some, strict=True)]


def recurrent_model(
    name: str, config: RecurrentConfig, cell: Cell, vocabulary_size: int, seed: int
) -> NeuralLanguageModel:
    """Return an untrained network of this cell; equal seeds give equal weights."""
    head = HeadConfig(config.softmax, config.tied)
    return NeuralLanguageModel(
        name, lambda: RecurrentBody(config, cell, vocabulary_size), vocabulary_size, seed, head
    )


C = TypeVar("C", bound=RecurrentConfig)

_UNITS = (64, 96, 128, 192, 256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 2048)


def suggest_recurrent(
    config: type[C], blocks: int, symbols: int, vocabulary_size: int, budget: Budget, rate: float
) -> tuple[C, dict[str, Any]]:
    """Return one layer of a cell of so many blocks, as wide as text and budget can fill, and how to learn.

    `rate` is the learning rate that suits 256 units; it falls with the root of the width.
    """
    rows, block = 16, 64
    embedding = suggest_embedding(vocabulary_size)

    def weights(units: int) -> Weights:
        return Weights(body=blocks * units * (units + embedding), head=units * vocabulary_size)

    units, epochs = largest_fitting(_UNITS, weights, budget, symbols, rows * block)
    learner = {"rows": rows, "block": block, "rate": rate * (256 / units) ** 0.5}
    learner |= {"decay": 0.02, "warmup": 0.05, "clip": 1.0}
    return config(units=units, embedding=embedding, dropout=suggest_dropout(epochs)), learner
