"""The Transformer decoder (Vaswani et al. 2017), as it was and as it is now.

    classic   x + PE;  x ← LayerNorm(x + Attention(x));  x ← LayerNorm(x + W₂ ReLU(W₁ x + b₁) + b₂)
    modern    x ← x + Attention(RMSNorm(x)), queries and keys normalised and rotated (Su et al. 2021);
              x ← x + W₂ ReLU(W₁ RMSNorm(x))² (So et al. 2021); a last RMSNorm; no biases

Documents longer than the context are read through a sliding window: in every layer a position sees the
last `context` positions of its document, and the state is their keys and values. A training block sees
those of the block before it, without gradient (Dai et al. 2019). Positions count from the boundary.
Axes: B rows, T positions, D width.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import dropout

from anygram.budgets import Budget
from anygram.errors import UsageError
from anygram.neural.attention import Attention, KeysAndValues, Sight, document_positions, window_mask
from anygram.neural.cache import Cache
from anygram.neural.heads import HeadConfig, Softmax
from anygram.neural.language_model import Body, NeuralLanguageModel
from anygram.neural.pointwise import rms_norm, squared_relu
from anygram.neural.positions import rotations, sinusoids
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    require_one_of,
    suggest_dropout,
)
from anygram.protocols import Ids


@dataclass(frozen=True)
class Config:
    """`context` is how many positions one position sees; `expansion` the feed-forward layer's width in D.

    `tied` and `softmax` are those of `HeadConfig`.
    """

    style: Literal["modern", "classic"] = "modern"
    layers: int = 4
    width: int = 256
    heads: int = 4
    expansion: int = 4
    context: int = 256
    dropout: float = 0.0
    tied: bool = False
    softmax: Softmax = "full"

    def __post_init__(self) -> None:
        require_one_of("style", self.style, ("modern", "classic"))
        for name in ("layers", "width", "heads", "expansion", "context"):
            require_at_least(1, name, getattr(self, name))
        require_fraction("dropout", self.dropout)
        HeadConfig(self.softmax, self.tied)
        if self.width % (2 * self.heads):
            # an even head width: both encodings of positions work on pairs
            raise UsageError(
                f"width must be a multiple of twice the heads, got {self.width} and {self.heads} heads; "
                f"for example width={2 * self.heads * max(1, self.width // (2 * self.heads))}"
            )


@dataclass(frozen=True)
class Memory:
    """The keys and values of each layer, and how many symbols of its document each row has read."""

    caches: tuple[KeysAndValues, ...]
    read_B: Tensor


class TransformerBody(Body):
    """An embedding and layers of attention and feed-forward networks."""

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        super().__init__()
        self.width = config.width
        self._config = config
        self._modern = config.style == "modern"
        self._boundary = vocabulary_size - 1
        make = _ModernLayer if self._modern else _ClassicLayer
        self.embedding = nn.Embedding(vocabulary_size, config.width)
        self.layers = nn.ModuleList(make(config) for _ in range(config.layers))
        self._initialise()

    def memory(self, rows: int) -> Memory:
        weight = self.embedding.weight
        head_width = self.width // self._config.heads
        nothing = Cache.holding(weight.new_zeros(rows, self._config.heads, 0, head_width))
        caches = tuple((nothing, nothing) for _ in range(self._config.layers))
        return Memory(caches, torch.zeros(rows, dtype=torch.int64, device=weight.device))

    def forward(self, ids_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> tuple[Tensor, Memory]:
        position_BT = document_positions(ids_BT == self._boundary, memory.read_B)
        sight = self._sight(position_BT, memory, lengths_B)
        x_BTD = self.embedding(ids_BT)
        if not self._modern:
            x_BTD = x_BTD * self.width**0.5 + sinusoids(position_BT, self.width)
        x_BTD = dropout(x_BTD, self._config.dropout, self.training)
        caches = []
        for layer, cache in zip(cast(Iterable[_Layer], self.layers), memory.caches, strict=True):
            x_BTD, grown = layer(x_BTD, cache, sight)
            caches.append(grown)
        read_BT = torch.cat([memory.read_B[:, None], position_BT + 1], dim=1)
        read_B = read_BT[:, -1] if lengths_B is None else read_BT.gather(1, lengths_B[:, None])[:, 0]
        return rms_norm(x_BTD) if self._modern else x_BTD, Memory(tuple(caches), read_B)

    def _sight(self, position_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> Sight:
        cached = memory.caches[0][0].length
        head_width = self.width // self._config.heads
        return Sight(
            mask=window_mask(position_BT, cached, self._config.context).to(self.embedding.weight.dtype),
            rotation=rotations(position_BT, head_width) if self._modern else None,
            keep=self._config.context - 1,
            past_B=None if lengths_B is None else position_BT.shape[1] - lengths_B,
        )

    def _initialise(self) -> None:
        """Draw weights so that every layer keeps the scale of what it reads."""
        nn.init.normal_(self.embedding.weight, std=self.width**-0.5 if not self._modern else 1.0)
        for name, parameter in self.layers.named_parameters():
            if parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        if self._modern:
            # each of the 2L residual branches adds 1/2L of the variance (Radford et al. 2019, section 2.3)
            for layer in cast(Iterable[_Layer], self.layers):
                for last in (layer.attention.output, layer.contract):
                    last.weight.detach().mul_((2 * self._config.layers) ** -0.5)


class _Layer(nn.Module):
    """The parts that both styles have."""

    def __init__(self, config: Config, *, modern: bool) -> None:
        super().__init__()
        self._dropout = config.dropout
        self.attention = Attention(config.width, config.heads, bias=not modern, normalised=modern)
        self.expand = nn.Linear(config.width, config.expansion * config.width, bias=not modern)
        self.contract = nn.Linear(config.expansion * config.width, config.width, bias=not modern)

    def _drop(self, x_BTD: Tensor) -> Tensor:
        return dropout(x_BTD, self._dropout, self.training)


class _ModernLayer(_Layer):
    """Normalised before each branch; the residual stream itself is never normalised."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, modern=True)

    def forward(self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight) -> tuple[Tensor, KeysAndValues]:
        mixed_BTD, grown = self.attention(rms_norm(x_BTD), cache, sight)
        x_BTD = x_BTD + self._drop(mixed_BTD)
        inner = squared_relu(self.expand(rms_norm(x_BTD)))
        return x_BTD + self._drop(self.contract(inner)), grown


class _ClassicLayer(_Layer):
    """Normalised after each sum (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: Config) -> None:
        super().__init__(config, modern=False)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))

    def forward(self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight) -> tuple[Tensor, KeysAndValues]:
        after_attention, after_feedforward = self.norms
        mixed_BTD, grown = self.attention(x_BTD, cache, sight)
        x_BTD = after_attention(x_BTD + self._drop(mixed_BTD))
        return after_feedforward(x_BTD + self._drop(self.contract(self.expand(x_BTD).relu()))), grown


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained Transformer; equal seeds give equal weights."""
    # the classic embedding is drawn as narrow as an output's weights, and widened where it is read
    gain = 1.0 if config.style == "classic" else None
    head = HeadConfig(config.softmax, config.tied, gain=gain)
    return NeuralLanguageModel(
        "transformer", lambda: TransformerBody(config, vocabulary_size), vocabulary_size, seed, head
    )


# Layers and width
_SIZES = (
    *((2, 64), (2, 96), (2, 128), (3, 128), (4, 128), (4, 160), (4, 192), (5, 192), (4, 256), (6, 256)),
    *((6, 320), (6, 384), (8, 384), (8, 512), (10, 640), (12, 768)),
)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    rows, block = 16, 64

    def weights(size: tuple[int, int]) -> Weights:
        layers, width = size
        return Weights(body=12 * layers * width * width, head=vocabulary_size * width)

    (layers, width), epochs = largest_fitting(_SIZES, weights, budget, symbols, rows * block)
    config = Config(
        layers=layers,
        width=width,
        heads=width // 32,
        context=block,
        dropout=suggest_dropout(epochs),
    )
    return config, {
        "rows": rows,
        "block": block,
        "rate": 0.09 / width**0.5,
        "decay": 0.1,
        "warmup": 0.05,
        "clip": 1.0,
    }
