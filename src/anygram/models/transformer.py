"""The Transformer decoder (Vaswani et al. 2017), as it was and as it is now.

    classic   x + PE;  x ← LayerNorm(x + Attention(x));  x ← LayerNorm(x + W₂ ReLU(W₁ x + b₁) + b₂)
    modern    x = RMSNorm(embedding of the symbol + embedding of it and the one before);
              x ← x + Attention(RMSNorm(x)), queries and keys normalised and rotated (Su et al. 2021);
              x ← x + W₂ ReLU(W₁ RMSNorm(x))² (So et al. 2021); a last RMSNorm; no biases

Documents longer than the context are read through a sliding window: in every layer a position sees the
last `context` positions of its document, and the state is their keys and values. A training block sees
those of the block before it, without gradient (Dai et al. 2019). Positions count from the boundary.
Axes: B rows, T positions, D width.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn.functional import gelu
from torch.utils.checkpoint import checkpoint

from anygram.budgets import Budget
from anygram.errors import UsageError
from anygram.neural.adaptive import head_weights, suggest_softmax
from anygram.neural.attention import Attention, KeysAndValues, Sight, document_positions, window_mask
from anygram.neural.cache import Cache, at_end
from anygram.neural.heads import HeadConfig, Softmax
from anygram.neural.language_model import Body, NeuralLanguageModel
from anygram.neural.pointwise import dropout, rms_norm, squared_relu
from anygram.neural.positions import rotations, sinusoids
from anygram.neural.searching import network_space
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    require_one_of,
)
from anygram.protocols import Ids
from anygram.spaces import Space

_PAIRS = 8192
_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"relu": torch.relu, "gelu": gelu}


@dataclass(frozen=True)
class Config:
    """`context` is how many positions one position sees; `expansion` the feed-forward layer's width in D.

    So many heads of keys and values serve the `heads` of queries: `key_heads`, 0 for as many. Modern ones
    have `bigrams` rows of embeddings for pairs of neighbouring symbols, 0 for none, and mix the first layer's
    values into all where `value_residual`; classic ones have an `activation`. `tied` and `softmax` are those
    of `HeadConfig`.
    """

    style: Literal["modern", "classic"] = "modern"
    layers: int = 4
    width: int = 256
    heads: int = 4
    key_heads: int = 0
    expansion: int = 4
    context: int = 256
    dropout: float = 0.0
    bigrams: int = _PAIRS
    value_residual: bool = False
    activation: Literal["relu", "gelu"] = "relu"
    tied: bool = False
    softmax: Softmax = "full"

    def __post_init__(self) -> None:
        require_one_of("style", self.style, ("modern", "classic"))
        for name in ("layers", "width", "heads", "expansion", "context"):
            require_at_least(1, name, getattr(self, name))
        require_at_least(0, "key_heads", self.key_heads)
        require_at_least(0, "bigrams", self.bigrams)
        require_one_of("activation", self.activation, _ACTIVATIONS)
        require_fraction("dropout", self.dropout)
        HeadConfig(self.softmax, self.tied)
        if self.key_heads and self.heads % self.key_heads:
            raise UsageError(
                f"heads must be a multiple of key_heads, got {self.heads} and {self.key_heads}; "
                f"for example key_heads={math.gcd(self.heads, self.key_heads)}"
            )
        if self.width % (2 * self.heads):
            # an even head width: both encodings of positions work on pairs
            raise UsageError(
                f"width must be a multiple of twice the heads, got {self.width} and {self.heads} heads; "
                f"for example width={2 * self.heads * max(1, self.width // (2 * self.heads))}"
            )


@dataclass(frozen=True)
class Memory:
    """The keys and values of each layer, how many symbols of its document each row has read, and the last."""

    caches: tuple[KeysAndValues, ...]
    read_B: Tensor
    last_B: Tensor


class TransformerBody(Body):
    """An embedding and layers of attention and feed-forward networks."""

    checkpointing = False
    """Whether layers are computed again for their gradient, not remembered (Chen et al. 2016)."""

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        super().__init__()
        self.width = config.width
        self._config = config
        self._modern = config.style == "modern"
        self._boundary = vocabulary_size - 1
        make = _ModernLayer if self._modern else _ClassicLayer
        self.embedding = nn.Embedding(vocabulary_size, config.width)
        self.pair_embedding = None
        if self._modern and config.bigrams:
            self.pair_embedding = PairEmbedding(vocabulary_size, config.bigrams, config.width)
        self.layers = nn.ModuleList(make(config, first=index == 0) for index in range(config.layers))
        self._initialise()

    def repeated(self) -> Iterable[nn.Module]:
        return self.layers

    def memory(self, rows: int) -> Memory:
        weight = self.embedding.weight
        head_width = self.width // self._config.heads
        nothing = Cache.holding(weight.new_zeros(rows, _key_heads(self._config), 0, head_width))
        caches = tuple((nothing, nothing) for _ in range(self._config.layers))
        read_B = torch.zeros(rows, dtype=torch.int64, device=weight.device)
        return Memory(caches, read_B, torch.full_like(read_B, self._boundary))

    def forward(self, ids_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> tuple[Tensor, Memory]:
        is_boundary_BT = ids_BT == self._boundary
        position_BT = document_positions(is_boundary_BT, memory.read_B)
        stream_BT1 = torch.cat([memory.last_B[:, None], ids_BT], dim=1)
        x_BTD = self._embed(stream_BT1, is_boundary_BT, position_BT)
        x_BTD = dropout(x_BTD, self._config.dropout, self.training)
        x_BTD, caches = self._through_layers(x_BTD, memory, self._sight(position_BT, memory, lengths_B))
        read_BT1 = torch.cat([memory.read_B[:, None], position_BT + 1], dim=1)
        after = Memory(caches, at_end(read_BT1, lengths_B), at_end(stream_BT1, lengths_B))
        return rms_norm(x_BTD) if self._modern else x_BTD, after

    def _embed(self, stream_BT1: Tensor, is_boundary_BT: Tensor, position_BT: Tensor) -> Tensor:
        """Return what the first layer reads; the stream is the symbol before the block, and the block."""
        ids_BT = stream_BT1[:, 1:]
        x_BTD: Tensor = self.embedding(ids_BT)
        if not self._modern:
            return x_BTD * math.sqrt(self.width) + sinusoids(position_BT, self.width)
        if self.pair_embedding is not None:
            # what stands before a boundary is forgotten: it reads as one
            before_BT = stream_BT1[:, :-1].masked_fill(is_boundary_BT, self._boundary)
            pairs_BTD: Tensor = self.pair_embedding(before_BT, ids_BT)
            x_BTD = x_BTD + pairs_BTD
        return rms_norm(x_BTD)

    def _through_layers(
        self, x_BTD: Tensor, memory: Memory, sight: Sight
    ) -> tuple[Tensor, tuple[KeysAndValues, ...]]:
        caches = []
        first_BTHK: Tensor | None = None
        for layer, cache in zip(cast(Iterable[_Layer], self.layers), memory.caches, strict=True):
            if self.checkpointing and torch.is_grad_enabled():
                x_BTD, grown, first_BTHK = checkpoint(
                    layer, x_BTD, cache, sight, first_BTHK, use_reentrant=False
                )
            else:
                x_BTD, grown, first_BTHK = layer(x_BTD, cache, sight, first_BTHK)
            caches.append(grown)
        return x_BTD, tuple(caches)

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
        """Draw weights so that every layer keeps the scale of what it reads.

        A modern layer adds nothing at first: its outputs begin at zero (Goyal et al. 2017, section 5.1;
        Zhang, Dauphin & Ma 2019).
        """
        nn.init.normal_(self.embedding.weight, std=self.width**-0.5 if not self._modern else 1.0)
        for name, parameter in self.layers.named_parameters():
            if parameter.ndim == 2:
                nn.init.xavier_uniform_(parameter)
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)
        if self._modern:
            for layer in cast(Iterable[_Layer], self.layers):
                nn.init.zeros_(layer.attention.output.weight)
                nn.init.zeros_(layer.contract.weight)


class PairEmbedding(nn.Embedding):
    """A vector for each pair of neighbours; where there are more pairs than rows, several share one.

    At the input it gives at once what the first layer would have to learn to attend to.
    """

    def __init__(self, vocabulary_size: int, rows: int, width: int) -> None:
        self._symbols = vocabulary_size
        super().__init__(min(rows, vocabulary_size**2), width)
        nn.init.zeros_(self.weight)

    def forward(self, before_BT: Tensor, ids_BT: Tensor) -> Tensor:  # type: ignore[override]
        pair_BT = before_BT * self._symbols + ids_BT
        if self.num_embeddings < self._symbols**2:
            # Knuth's multiplicative hash, then the rows by the higher bits
            pair_BT = ((pair_BT * 2654435761) % 2**32 * self.num_embeddings) >> 32
        return super().forward(pair_BT)


def _key_heads(config: Config) -> int:
    return config.key_heads or config.heads


class _Layer(nn.Module):
    """The parts that both styles have."""

    def __init__(self, config: Config, *, modern: bool, residual: bool = False) -> None:
        super().__init__()
        self._dropout = config.dropout
        self.attention = Attention(
            config.width,
            config.heads,
            _key_heads(config),
            bias=not modern,
            normalised=modern,
            residual=residual,
        )
        self.expand = nn.Linear(config.width, config.expansion * config.width, bias=not modern)
        self.contract = nn.Linear(config.expansion * config.width, config.width, bias=not modern)

    def _drop(self, x_BTD: Tensor) -> Tensor:
        return dropout(x_BTD, self._dropout, self.training)


class _ModernLayer(_Layer):
    """Normalised before each branch; the residual stream itself is never normalised."""

    def __init__(self, config: Config, *, first: bool) -> None:
        super().__init__(config, modern=True, residual=config.value_residual and not first)

    def forward(
        self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight, first_BTHK: Tensor | None
    ) -> tuple[Tensor, KeysAndValues, Tensor]:
        mixed_BTD, grown, first_BTHK = self.attention(rms_norm(x_BTD), cache, sight, first_BTHK)
        x_BTD = x_BTD + self._drop(mixed_BTD)
        inner = squared_relu(self.expand(rms_norm(x_BTD)))
        return x_BTD + self._drop(self.contract(inner)), grown, first_BTHK


class _ClassicLayer(_Layer):
    """Normalised after each sum (Vaswani et al. 2017, section 3.1)."""

    def __init__(self, config: Config, *, first: bool) -> None:
        super().__init__(config, modern=False)
        self._activation = _ACTIVATIONS[config.activation]
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))

    def forward(
        self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight, first_BTHK: Tensor | None
    ) -> tuple[Tensor, KeysAndValues, Tensor]:
        after_attention, after_feedforward = self.norms
        mixed_BTD, grown, first_BTHK = self.attention(x_BTD, cache, sight, first_BTHK)
        x_BTD = after_attention(x_BTD + self._drop(mixed_BTD))
        inner = self._activation(self.expand(x_BTD))
        return after_feedforward(x_BTD + self._drop(self.contract(inner))), grown, first_BTHK


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained Transformer; equal seeds give equal weights."""
    modern = config.style == "modern"
    # the classic embedding is drawn as narrow as an output's weights, and widened where it is read
    gain = None if modern else 1.0
    head = HeadConfig(config.softmax, config.tied, bias=not modern, zero=modern, gain=gain)
    return NeuralLanguageModel(
        "transformer", lambda: TransformerBody(config, vocabulary_size), vocabulary_size, seed, head
    )


# Layers and width
_SIZES = (
    *((1, 128), (2, 128), (2, 192), (3, 192), (3, 256), (4, 256), (4, 320), (5, 320), (6, 384), (8, 384)),
    *((8, 512), (10, 640), (12, 768)),
)
# Bits of text that should be read for each weight, if a symbol were worth log2 V
_BITS_A_WEIGHT = 6.4
_WEIGHTS_A_SYMBOL = 8.0
# What a step reaches on two cores with matrix units for bfloat16, in operations a second; half without
OPERATIONS_A_SECOND = 200e9
# A pair met seldom is soon known by heart. So the symbols of an epoch for each row of the table of pairs
# should be so many times the epochs
_MEETINGS = 17
_DROPOUT, _EPOCHS_BEFORE_DROPOUT = 0.1, 4


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time.

    Muon's rate holds for every width, and so does the embedding's; the head's falls with the width
    (Yang et al. 2022, table 8). All fall with the root of the steps. Rows start anywhere in the text and
    carry nothing: short budgets gain more from the variety than from what stands before a block.
    """
    rows, block = 32, 64
    softmax = suggest_softmax(sample_ids, vocabulary_size)

    def weights(size: tuple[int, int]) -> Weights:
        layers, width = size
        return Weights(body=12 * layers * width * width, head=head_weights(softmax, width, vocabulary_size))

    symbols_a_weight = _BITS_A_WEIGHT / math.log2(vocabulary_size + 1)
    (layers, width), epochs = largest_fitting(
        _SIZES,
        weights,
        budget,
        symbols,
        rows * block,
        symbols_a_weight=symbols_a_weight,
        weights_a_symbol=_WEIGHTS_A_SYMBOL,
        operations_a_second=OPERATIONS_A_SECOND,
    )
    steps = epochs * symbols / (rows * block)
    config = Config(
        layers=layers,
        width=width,
        heads=width // 32,
        context=block,
        dropout=_DROPOUT if epochs >= _EPOCHS_BEFORE_DROPOUT else 0.0,
        bigrams=_PAIRS if epochs * _MEETINGS * min(_PAIRS, vocabulary_size**2) <= symbols else 0,
        softmax=softmax,
    )
    return config, {
        "rows": rows,
        "block": block,
        "carry": False,
        "optimiser": "muon",
        "rate": round(min(0.05, max(0.015, 0.65 / math.sqrt(max(1.0, steps)))), 4),
        "embedding_rate": 2.5,
        "head_rate": 0.3 * 128 / width,
        "momentum": 0.9,
        "beta1": 0.9,
        "beta2": 0.95,
        "decay": 0.1,
        "schedule": "linear",
        "warmup": 0.03,
        "final_rate": 0.05,
        "clip": 1.0,
    }


def search_space() -> Space:
    """Return what a search may change of what is suggested; heads keep their width of 32."""
    return network_space("width", 32, {"heads": 1.0, "head_rate": -1.0})
