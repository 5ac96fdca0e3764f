"""A recurrent encoder-decoder with attention (Bahdanau, Cho & Bengio 2015).

    e_j = [→e_j; ←e_j]                    the encoder, a recurrent network each way
    s_0 = tanh(W_0 ←e_1)                  the decoder's state before its target
    α_tj ∝ exp v · tanh(W s_{t−1} + U e_j)        where the next symbol is looked for (their section 3.1)
    c_t = Σ_j α_tj e_j,   s_t = f(s_{t−1}, [y_{t−1}; c_t])
    hidden = tanh(W_h [s_t; c_t; y_{t−1}])

f is a gated recurrent unit (Cho et al. 2014), its reset gate after the product, or a plain tanh. U e_j is
computed once a source. Axes: B rows, T positions, S positions of a source, E width of an embedding, U units,
D width of an encoder's vector (2 U), G pre-activations.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Never

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from anygram.budgets import Budget
from anygram.neural.cache import at_end
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
from anygram.neural.pointwise import dropout
from anygram.neural.searching import network_space
from anygram.neural.sizing import (
    Weights,
    largest_fitting,
    require_at_least,
    require_fraction,
    require_one_of,
    suggest_dropout,
    suggest_embedding,
)
from anygram.neural.sources import Padded, Source
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config:
    """`units` of each recurrent network and of the attention, width of each `embedding`, kind of `cell`.

    `tied`: the output's weights are the target's embedding; `shared`: so are the source's, whose symbols then
    are the same. `copy` lets symbols be copied from the source, which needs the same symbols too. While
    learning, `smoothing` of each target is spread over all symbols.
    """

    units: int = 256
    embedding: int = 128
    cell: Literal["gru", "rnn"] = "gru"
    dropout: float = 0.1
    smoothing: float = 0.1
    tied: bool = False
    shared: bool = False
    copy: bool = False

    def __post_init__(self) -> None:
        require_at_least(1, "units", self.units)
        require_at_least(1, "embedding", self.embedding)
        require_one_of("cell", self.cell, ("gru", "rnn"))
        require_fraction("dropout", self.dropout)
        require_fraction("smoothing", self.smoothing)


@dataclass(frozen=True)
class Memory:
    """The source and its part U e of the attention, the decoder's state, its first and its last but one."""

    source: Source
    keys: Padded
    first_BU: Tensor
    state_BU: Tensor
    asked_BU: Tensor


class AttentiveBody(EncoderDecoderBody):
    """Two embeddings, a recurrent network each way over the source, and one over the target that hears it."""

    autocasts = False  # what is carried through all steps stays float32

    def __init__(self, config: Config, vocabularies: Vocabularies) -> None:
        super().__init__(vocabularies, config.embedding, shared=config.shared)
        units, width = config.units, 2 * config.units
        self.width = units
        self._config = config
        network = {"gru": nn.GRU, "rnn": nn.RNN}[config.cell]
        self.encoder = network(config.embedding, units, batch_first=True, bidirectional=True)
        self.begin = nn.Linear(units, units)
        self.attention = Additive(units, width)
        self._blocks = {"gru": 3, "rnn": 1}[config.cell]
        self.symbol = nn.Linear(config.embedding, self._blocks * units)
        self.heard = nn.Linear(width, self._blocks * units, bias=False)
        self.recurrent = nn.Linear(units, self._blocks * units)
        self.readout = nn.Linear(units + width + config.embedding, units)
        self.pointer = Pointer(units, width) if config.copy else None
        # to an optimiser that learns matrices, each block is one
        own = ("symbol.weight", "heard.weight", "recurrent.weight")
        ways = [f"encoder.weight_{of}_l0{way}" for of in ("ih", "hh") for way in ("", "_reverse")]
        self.matrix_parts = dict.fromkeys([*own, *ways], self._blocks)
        self._initialise()

    def read_source(self, ids_BS: Tensor, lengths_B: Tensor) -> Memory:
        embedded_BSE = self._drop(self.embedded_source(ids_BS))
        packed = pack_padded_sequence(embedded_BSE, lengths_B.cpu(), batch_first=True, enforce_sorted=False)
        encoded_BSD, _ = pad_packed_sequence(
            self.encoder(packed)[0], batch_first=True, total_length=ids_BS.shape[1]
        )
        first_BU = torch.tanh(self.begin(encoded_BSD[:, 0, self.width :]))
        source = Source(Padded(ids_BS), Padded(encoded_BSD), lengths_B)
        return Memory(source, Padded(self.attention.key(encoded_BSD)), first_BU, first_BU, first_BU)

    def forward(self, ids_BT: Tensor, memory: Memory, lengths_B: Tensor | None) -> tuple[Tensor, Memory]:
        embedded_BTE = self._drop(self.embedding(ids_BT))
        asked_BT1U, states_BT1U, contexts_BTD = self._decode(ids_BT, embedded_BTE, memory)
        read_BTX = torch.cat([states_BT1U[:, 1:], contexts_BTD, embedded_BTE], dim=-1)
        after = Memory(
            source=memory.source.detached(),
            keys=Padded(memory.keys.array.detach()),
            first_BU=memory.first_BU.detach(),
            state_BU=at_end(states_BT1U, lengths_B).detach(),
            asked_BU=at_end(asked_BT1U, lengths_B).detach(),
        )
        return self._drop(torch.tanh(self.readout(read_BTX))), after

    def asked(self, ids_BT: Tensor, memory: Memory) -> Tensor:
        first_B1U = memory.asked_BU[:, None]
        if ids_BT.shape[1] < 2:
            return first_B1U[:, : ids_BT.shape[1]]
        read_BT = ids_BT[:, :-1]
        return self._decode(read_BT, self.embedding(read_BT), memory)[0]

    def answer(self, asked_BTA: Tensor, memory: Memory) -> Tensor:
        keys_BSU, mask_BS = memory.keys.array, memory.source.mask_BS
        weights = [self.attention(asked_BU, keys_BSU, mask_BS) for asked_BU in asked_BTA.unbind(1)]
        return (
            torch.stack(weights, dim=1) if weights else mask_BS.new_zeros(len(mask_BS), 0, mask_BS.shape[1])
        )

    def _decode(self, ids_BT: Tensor, embedded_BTE: Tensor, memory: Memory) -> tuple[Tensor, Tensor, Tensor]:
        """Return s_{t−1} and s_t, each with what it was before these ids in front, and c_t.

        A boundary is read from s_0.
        """
        encoded_BSD, keys_BSU, mask_BS = memory.source.encoded.array, memory.keys.array, memory.source.mask_BS
        closing_TB1 = (ids_BT == self._boundary).T[:, :, None]
        state_BU = memory.state_BU
        asked, states, contexts = [memory.asked_BU], [state_BU], []
        for input_BG, closing_B1 in zip(self.symbol(embedded_BTE).unbind(1), closing_TB1, strict=True):
            state_BU = torch.where(closing_B1, memory.first_BU, state_BU)
            asked.append(state_BU)
            weight_BS = self.attention(state_BU, keys_BSU, mask_BS)
            context_BD = torch.bmm(weight_BS[:, None], encoded_BSD)[:, 0]
            state_BU = self._step(input_BG + self.heard(context_BD), self.recurrent(state_BU), state_BU)
            states.append(state_BU)
            contexts.append(context_BD)
        return torch.stack(asked, dim=1), torch.stack(states, dim=1), torch.stack(contexts, dim=1)

    def _step(self, input_BG: Tensor, product_BG: Tensor, state_BU: Tensor) -> Tensor:
        """Return the next state: (1 − z) n + z s, n = tanh(x_n + r U_n s), r and z = σ(x + U s)."""
        if self._blocks == 1:
            return torch.tanh(input_BG + product_BG)
        reset_BU, keep_BU, new_BU = input_BG.chunk(3, dim=1)
        product_r_BU, product_z_BU, product_n_BU = product_BG.chunk(3, dim=1)
        reset_BU, keep_BU = (reset_BU + product_r_BU).sigmoid(), (keep_BU + product_z_BU).sigmoid()
        return torch.tanh(new_BU + reset_BU * product_n_BU).lerp(state_BU, keep_BU)

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self._config.dropout, self.training)

    def _initialise(self) -> None:
        """Let recurrent matrices keep the length of what is carried (Saxe et al. 2014)."""
        inner = [self.recurrent.weight, self.encoder.weight_hh_l0, self.encoder.weight_hh_l0_reverse]
        with torch.no_grad():
            for weight_GU in inner:
                for block_UU in weight_GU.chunk(self._blocks):
                    nn.init.orthogonal_(block_UU)


class Additive(nn.Module):
    """softmax_j v · tanh(W s + U e_j); U e_j is what is kept of a source."""

    def __init__(self, units: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(units, units)
        self.key = nn.Linear(width, units, bias=False)
        self.score = nn.Parameter(torch.empty(units).uniform_(-(units**-0.5), units**-0.5))

    def forward(self, state_BU: Tensor, keys_BSU: Tensor, mask_BS: Tensor) -> Tensor:
        """Return weight_BS; the mask is 0 on the source and −∞ past its end."""
        score_BS = torch.tanh(self.query(state_BU)[:, None] + keys_BSU) @ self.score
        return (score_BS + mask_BS).softmax(-1)


def create(config: Config, vocabulary_size: int, seed: int) -> Never:
    """Raise UsageError: there is no such model without a source."""
    raise needs_a_source("attentive")


def create_conditional(
    config: Config, vocabulary_size: int, condition_vocabulary_size: int, seed: int
) -> EncoderDecoder:
    """Return an untrained encoder-decoder; equal seeds give equal weights."""
    vocabularies = Vocabularies(vocabulary_size, condition_vocabulary_size)
    vocabularies.require_shared(shared=config.shared, copy=config.copy)
    head = HeadConfig(tied=config.tied, smoothing=config.smoothing)
    return EncoderDecoder("attentive", lambda: AttentiveBody(config, vocabularies), vocabularies, seed, head)


_UNITS = (64, 96, 128, 192, 256, 320, 384, 512, 640, 768, 1024)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time; `symbols` are those of both sides."""
    embedding = suggest_embedding(vocabulary_size)

    def weights(units: int) -> Weights:
        # both ways over a source and the attention's part of it, or the decoder's three matrices and readout
        return Weights(body=8 * units * (units + embedding), head=vocabulary_size * units // 2)

    units, epochs = largest_fitting(
        _UNITS, weights, budget, symbols, SYMBOLS_A_STEP, symbols_a_weight=2.0, weights_a_symbol=8.0
    )
    config = Config(units=units, embedding=embedding, dropout=suggest_dropout(epochs))
    return config, {
        **BATCHES,
        "optimiser": "muon",
        "rate": 0.05,
        "embedding_rate": 5.0,
        "head_rate": 1.0,
        "momentum": 0.9,
        "beta2": 0.95,
        "decay": 0.02,
        "schedule": "linear",
        "warmup": 0.05,
        "final_rate": 0.02,
    }


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return network_space("units", 32, {})
