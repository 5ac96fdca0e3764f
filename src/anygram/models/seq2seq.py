"""The Transformer as an encoder-decoder (Vaswani et al. 2017), normalised before each branch.

    encoder   x ← x + Attention(norm x), to all of the source;  x ← x + W₂ max(W₁ norm x, 0)²;  e = norm x
    decoder   y ← y + Attention(norm y), to what was read of the target;
              y ← y + softmax(Q Kᵀ / √d) V, Q of norm y, K and V of e;  y ← y + W₂ max(W₁ norm y, 0)²

Pre-normalised layers learn without a long warmup (Xiong et al. 2020); the activation is So et al.'s (2021).
Where a symbol stands is told by sinusoids added to the embeddings, or by rotating queries and keys of
self-attention (Su et al. 2021). The state holds the source's keys and values, computed once, and a window
of the target's. Axes: B rows, T positions, S positions of a source, D width.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, Never, cast

import torch
from torch import Tensor, nn

from anygram.budgets import Budget
from anygram.errors import UsageError
from anygram.neural.attention import (
    Attention,
    CrossAttention,
    KeysAndValues,
    Sight,
    document_positions,
    window_mask,
)
from anygram.neural.cache import Cache, at_end
from anygram.neural.copying import Pointer
from anygram.neural.encoder_decoder import (
    BATCHES,
    SYMBOLS_A_STEP,
    EncoderDecoder,
    EncoderDecoderBody,
    Vocabularies,
    needs_a_source,
)
from anygram.neural.heads import HeadConfig
from anygram.neural.pointwise import dropout, rms_norm, squared_relu
from anygram.neural.positions import rotations, sinusoids
from anygram.neural.searching import network_space
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    require_one_of,
    suggest_dropout,
)
from anygram.neural.sources import Padded, Source
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config:
    """Encoder and decoder have so many `layers` each; `expansion` is the feed-forward layers' width in D.

    A target's position sees the last `context` ones, and the whole source. `tied`: the output's weights are
    the target's embedding; `shared`: so are the source's, whose symbols then are the same. `copy` lets
    symbols be copied from the source, which needs the same symbols too. While learning, `smoothing` of each
    target is spread over all symbols.
    """

    layers: int = 2
    width: int = 256
    heads: int = 4
    expansion: int = 4
    context: int = 256
    positions: Literal["sinusoidal", "rotary"] = "sinusoidal"
    dropout: float = 0.1
    smoothing: float = 0.1
    tied: bool = False
    shared: bool = False
    copy: bool = False

    def __post_init__(self) -> None:
        for name in ("layers", "width", "heads", "expansion", "context"):
            require_at_least(1, name, getattr(self, name))
        require_one_of("positions", self.positions, ("sinusoidal", "rotary"))
        require_fraction("dropout", self.dropout)
        require_fraction("smoothing", self.smoothing)
        if self.width % (2 * self.heads):
            # an even head width: both encodings of positions work on pairs
            raise UsageError(
                f"width must be a multiple of twice the heads, got {self.width} and {self.heads} heads; "
                f"for example width={2 * self.heads * max(1, self.width // (2 * self.heads))}"
            )


@dataclass(frozen=True)
class Memory:
    """The source and each layer's keys and values of it, those of the target, and how much of it was read.

    `asked_BD` is what the last position read turned to the source.
    """

    source: Source
    keys: tuple[Padded, ...]
    values: tuple[Padded, ...]
    caches: tuple[KeysAndValues, ...]
    read_B: Tensor
    asked_BD: Tensor


class Seq2SeqBody(EncoderDecoderBody):
    """Two embeddings, layers that read the source, and layers that read the target and hear the source."""

    def __init__(self, config: Config, vocabularies: Vocabularies) -> None:
        super().__init__(vocabularies, config.width, shared=config.shared)
        self.width = config.width
        self._config = config
        self.encoder = nn.ModuleList(_EncoderLayer(config) for _ in range(config.layers))
        self.decoder = nn.ModuleList(_DecoderLayer(config) for _ in range(config.layers))
        self.pointer = Pointer(config.width, config.width) if config.copy else None
        self._initialise()

    def read_source(self, ids_BS: Tensor, lengths_B: Tensor) -> Memory:
        rows, positions = ids_BS.shape
        position_1S = torch.arange(positions, device=ids_BS.device)[None]
        x_BSD = self._embed(self.embedded_source(ids_BS), position_1S)
        source = Source(Padded(ids_BS), Padded(x_BSD), lengths_B)
        sight = Sight(source.mask_BS[:, None, None], self._rotation(position_1S), keep=0, past_B=None)
        nothing = self._no_cache(rows)
        for layer in cast(Iterable[_EncoderLayer], self.encoder):
            x_BSD = layer(x_BSD, nothing, sight)
        x_BSD = rms_norm(x_BSD)
        pairs = [layer.cross.keys_and_values(x_BSD) for layer in self._decoder()]
        return Memory(
            source=Source(source.ids, Padded(x_BSD), lengths_B),
            keys=tuple(Padded(key_BSD) for key_BSD, _ in pairs),
            values=tuple(Padded(value_BSD) for _, value_BSD in pairs),
            caches=(nothing,) * self._config.layers,
            read_B=torch.zeros_like(lengths_B),
            asked_BD=x_BSD.new_zeros(rows, self.width),
        )

    def forward(self, ids_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> tuple[Tensor, Memory]:
        hidden_BTD, _, after = self._read(ids_BT, memory, lengths_B)
        return hidden_BTD, after

    def asked(self, ids_BT: Tensor, memory: Memory) -> Tensor:
        first_B1D = memory.asked_BD[:, None]
        if ids_BT.shape[1] < 2:
            return first_B1D[:, : ids_BT.shape[1]]
        asked_BTD = self._read(ids_BT[:, :-1], memory, None)[1]
        return torch.cat([first_B1D, asked_BTD], dim=1)

    def answer(self, asked_BTA: Tensor, memory: Memory) -> Tensor:
        *_, last = self._decoder()
        mask_B11S = memory.source.mask_BS[:, None, None]
        return last.cross.weights(asked_BTA, memory.keys[-1].array, mask_B11S)

    def _read(
        self, ids_BT: Tensor, memory: Memory, lengths_B: Tensor | None
    ) -> tuple[Tensor, Tensor, Memory]:
        """Return hidden_BTD, what each position asked the source in the last layer, and the memory after."""
        position_BT = document_positions(ids_BT == self._boundary, memory.read_B)
        y_BTD = self._embed(self.embedding(ids_BT), position_BT)
        sight, mask_B11S = self._sight(position_BT, memory, lengths_B), memory.source.mask_BS[:, None, None]
        caches, asked_BTD = [], y_BTD
        for index, layer in enumerate(self._decoder()):
            heard = memory.keys[index].array, memory.values[index].array, mask_B11S
            y_BTD, asked_BTD, grown = layer(y_BTD, memory.caches[index], sight, heard)
            caches.append(grown)
        read_BT1 = torch.cat([memory.read_B[:, None], position_BT + 1], dim=1)
        asked_BT1D = torch.cat([memory.asked_BD[:, None].to(asked_BTD.dtype), asked_BTD.detach()], dim=1)
        after = Memory(
            source=memory.source.detached(),
            keys=tuple(Padded(one.array.detach()) for one in memory.keys),
            values=tuple(Padded(one.array.detach()) for one in memory.values),
            caches=tuple(caches),
            read_B=at_end(read_BT1, lengths_B),
            asked_BD=at_end(asked_BT1D, lengths_B),
        )
        return rms_norm(y_BTD), asked_BTD, after

    def _embed(self, x_BTD: Tensor, position_BT: Tensor) -> Tensor:
        if self._config.positions == "sinusoidal":
            x_BTD = x_BTD + sinusoids(position_BT, self.width)
        return dropout(rms_norm(x_BTD), self._config.dropout, self.training)

    def _sight(self, position_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> Sight:
        cached = memory.caches[0][0].length
        return Sight(
            mask=window_mask(position_BT, cached, self._config.context).to(self.embedding.weight.dtype),
            rotation=self._rotation(position_BT),
            keep=self._config.context - 1,
            past_B=None if lengths_B is None else position_BT.shape[1] - lengths_B,
        )

    def _rotation(self, position_BT: Tensor) -> Tensor | None:
        if self._config.positions == "sinusoidal":
            return None
        return rotations(position_BT, self.width // self._config.heads)

    def _no_cache(self, rows: int) -> KeysAndValues:
        heads = self._config.heads
        nothing = Cache.holding(self.embedding.weight.new_zeros(rows, heads, 0, self.width // heads))
        return nothing, nothing

    def _decoder(self) -> Iterable[_DecoderLayer]:
        return cast(Iterable[_DecoderLayer], self.decoder)

    def _initialise(self) -> None:
        """Draw weights so that layers keep the scale of what they read, and first add the source alone."""
        for name, parameter in self.named_parameters():
            if name.endswith(("attention.output.weight", "contract.weight")):
                nn.init.zeros_(parameter)
            elif parameter.ndim == 2 and "embedding" not in name:
                nn.init.xavier_uniform_(parameter)


class _Layer(nn.Module):
    """What layers of both sides have."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self._dropout = config.dropout
        self.attention = Attention(
            config.width, config.heads, config.heads, bias=False, normalised=True, residual=False
        )
        self.expand = nn.Linear(config.width, config.expansion * config.width, bias=False)
        self.contract = nn.Linear(config.expansion * config.width, config.width, bias=False)

    def _attend(self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight) -> tuple[Tensor, KeysAndValues]:
        mixed_BTD, grown, _ = self.attention(rms_norm(x_BTD), cache, sight, None)
        return x_BTD + self._drop(mixed_BTD), grown

    def _feed_forward(self, x_BTD: Tensor) -> Tensor:
        return x_BTD + self._drop(self.contract(squared_relu(self.expand(rms_norm(x_BTD)))))

    def _drop(self, x_BTD: Tensor) -> Tensor:
        return dropout(x_BTD, self._dropout, self.training)


class _EncoderLayer(_Layer):
    """Hears all of the source."""

    def forward(self, x_BSD: Tensor, nothing: KeysAndValues, sight: Sight) -> Tensor:
        return self._feed_forward(self._attend(x_BSD, nothing, sight)[0])


class _DecoderLayer(_Layer):
    """Hears what was read of the target, then the source."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.cross = CrossAttention(config.width, config.heads)

    def forward(
        self, y_BTD: Tensor, cache: KeysAndValues, sight: Sight, heard: tuple[Tensor, Tensor, Tensor]
    ) -> tuple[Tensor, Tensor, KeysAndValues]:
        """Return the position's vectors, what was asked of the source, and what is cached."""
        y_BTD, grown = self._attend(y_BTD, cache, sight)
        asked_BTD = rms_norm(y_BTD)
        y_BTD = y_BTD + self._drop(self.cross(asked_BTD, *heard))
        return self._feed_forward(y_BTD), asked_BTD, grown


def create(config: Config, vocabulary_size: int, seed: int) -> Never:
    """Raise UsageError: there is no such model without a source."""
    raise needs_a_source("seq2seq")


def create_conditional(
    config: Config, vocabulary_size: int, condition_vocabulary_size: int, seed: int
) -> EncoderDecoder:
    """Return an untrained encoder-decoder; equal seeds give equal weights."""
    vocabularies = Vocabularies(vocabulary_size, condition_vocabulary_size)
    vocabularies.require_shared(shared=config.shared, copy=config.copy)
    head = HeadConfig(tied=config.tied, bias=False, gain=1 / config.width, smoothing=config.smoothing)
    return EncoderDecoder("seq2seq", lambda: Seq2SeqBody(config, vocabularies), vocabularies, seed, head)


# Layers of each side and width
_SIZES = ((1, 64), (1, 128), (2, 128), (2, 192), (2, 256), (3, 256), (3, 320), (4, 384), (4, 512), (6, 512))


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time; `symbols` are those of both sides.

    Rates are those of the decoder alone: Muon's falls with the root of the steps, the head's with the width.
    """

    def weights(size: tuple[int, int]) -> Weights:
        layers, width = size
        # of the layers a symbol of a source meets 12 D² and the keys' and values' 2, one of a target 14
        return Weights(body=14 * layers * width * width, head=vocabulary_size * width // 2)

    (layers, width), epochs = largest_fitting(
        _SIZES, weights, budget, symbols, SYMBOLS_A_STEP, symbols_a_weight=2.0, weights_a_symbol=8.0
    )
    steps = epochs * symbols / SYMBOLS_A_STEP
    config = Config(layers=layers, width=width, heads=width // 32, dropout=suggest_dropout(epochs))
    return config, {
        **BATCHES,
        "optimiser": "muon",
        "rate": round(min(0.05, max(0.015, 0.65 / math.sqrt(max(1.0, steps)))), 4),
        "embedding_rate": 2.5,
        "head_rate": 128 / width,
        "momentum": 0.9,
        "beta2": 0.95,
        "decay": 0.1,
        "schedule": "linear",
        "warmup": 0.05,
        "final_rate": 0.05,
    }


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return network_space("width", 32, {"heads": 1.0, "head_rate": -1.0})
