"""Heads: from a hidden vector to the distribution over the vocabulary.

    full      log P = log softmax(W h + b); W may be the embedding (Press & Wolf 2017; Inan et al. 2017)
    adaptive  rare symbols share what their frequent clusters have of it (Grave et al. 2017)

Axes: N positions, n those of one chunk, B rows, D hidden width, E width of the embedding, V vocabulary.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from anygram.errors import UsageError
from anygram.neural.sizing import require_fraction, require_one_of
from anygram.neural.softmax import judged, logits_in_chunks, summed_nats

Softmax = Literal["full", "adaptive"]


@dataclass(frozen=True)
class HeadConfig:
    """`tied` takes the embedding's weights; `zero` lets weights of its own begin at 0.

    At zero all symbols are equally likely at first. UsageError for what does not go together.
    """

    softmax: Softmax = "full"
    tied: bool = False
    bias: bool = True
    zero: bool = False
    gain: float | None = None
    """What tied weights are multiplied by; None is E^−½, which suits embeddings of unit variance."""
    smoothing: float = 0.0
    """The share of each target that is spread over all symbols while learning (Szegedy et al. 2016)."""

    def __post_init__(self) -> None:
        require_one_of("softmax", self.softmax, ("full", "adaptive"))
        require_fraction("smoothing", self.smoothing)
        if self.smoothing and self.softmax == "adaptive":
            raise UsageError(
                "smoothing spreads a target over all symbols, which softmax=adaptive does not see at once; "
                "choose smoothing=0 or softmax=full"
            )
        if self.tied and self.softmax == "adaptive":
            raise UsageError(
                "tied=true shares whole rows of the embedding, which softmax=adaptive has not; "
                "choose tied=false or softmax=full"
            )


class Voice(Protocol):
    """What says how likely symbols are, given hidden vectors."""

    def log_p(self, hidden_BD: Tensor) -> Tensor:
        """Return log P of every symbol as log_p_BV in nats."""
        ...

    def loss(self, hidden_ND: Tensor, target_N: Tensor, weights_N: Tensor) -> Tensor:
        """Return the weighted mean of −log P(target) in nats; 0 where nothing has weight."""
        ...

    def judge(self, hidden_ND: Tensor, target_N: Tensor, ranked: bool) -> tuple[Tensor, Tensor]:
        """Return log P of the targets as log_p_N and their rank_N, zeros unless `ranked`; for no gradient."""
        ...


class Head(nn.Module, ABC):
    """The last layer of a network and its softmax."""

    fused: bool = True
    """Whether the loss computes its gradients in its forward pass; if not, autograd sees each step."""

    @abstractmethod
    def forward(self, hidden_ND: Tensor) -> Tensor:
        """Return logits_NV: log P but for a constant in each row."""

    @abstractmethod
    def nats(self, hidden_ND: Tensor, target_N: Tensor, share_N: Tensor) -> Tensor:
        """Return Σ_n share_n · −log P(target_n | h_n), without all logits at once."""

    @abstractmethod
    def in_chunks(self, hidden_ND: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield which rows, and their logits_nV, whose memory the next ones may take over."""

    def loss(self, hidden_ND: Tensor, target_N: Tensor, weights_N: Tensor) -> Tensor:
        """Return the weighted mean of −log P(target) in nats; 0 where nothing has weight."""
        share_N = shares(weights_N, hidden_ND)
        if self.fused:
            return self.nats(hidden_ND, target_N, share_N)
        return (cross_entropy(self(hidden_ND), target_N, reduction="none") * share_N).sum()

    def log_p(self, hidden_BD: Tensor) -> Tensor:
        """Return log P of every symbol as log_p_BV in nats."""
        logits_BV: Tensor = self(hidden_BD)
        return logits_BV.log_softmax(-1)

    def judge(self, hidden_ND: Tensor, target_N: Tensor, ranked: bool) -> tuple[Tensor, Tensor]:
        """Return log P of the targets as log_p_N and rank_N, zeros unless `ranked`; for no gradient.

        A rank is the number of symbols likelier than the target; equal ones go by id.
        """
        return judged(self.in_chunks(hidden_ND), target_N, ranked)


def shares(weights_N: Tensor, hidden_ND: Tensor) -> Tensor:
    """Return the weights, divided by their sum where it is not zero."""
    weights_N = weights_N.to(torch.promote_types(hidden_ND.dtype, weights_N.dtype))
    return weights_N / weights_N.sum().clamp_min(torch.finfo(weights_N.dtype).tiny)


def learnt_as(value: Tensor, learnt: Tensor) -> Tensor:
    """Return a tensor of this value whose gradient is that of another."""
    return value.detach() + (learnt - learnt.detach())


class FullHead(Head):
    """One row of weights for each symbol."""

    def __init__(self, config: HeadConfig, width: int, embedding: nn.Embedding) -> None:
        """`embedding`, whose weights are taken where tied, gives the vocabulary's size too."""
        super().__init__()
        self.smoothing = config.smoothing
        symbols, inner = embedding.weight.shape
        self.symbols = symbols
        self.project = nn.Linear(width, inner, bias=False) if config.tied and inner != width else None
        # in a tuple, so that the weights stay the embedding's alone: stored and learnt once
        self._embedding = (embedding,) if config.tied else None
        self._gain = (inner**-0.5 if config.gain is None else config.gain) if config.tied else 1.0
        if not config.tied:
            self.weight = nn.Parameter(torch.empty(symbols, width))
            _draw(self.weight, width, zero=config.zero)
        self.bias = nn.Parameter(torch.empty(symbols)) if config.bias else None
        if self.bias is not None:
            _draw(self.bias, width, zero=config.zero or config.tied)

    def forward(self, hidden_ND: Tensor) -> Tensor:
        return linear(self._inner(hidden_ND), self._weight(), self.bias)

    def loss(self, hidden_ND: Tensor, target_N: Tensor, weights_N: Tensor) -> Tensor:
        """Return the weighted mean of −log P(target) in nats; while learning the gradient may be smoothed.

        With l the logits and l̄ their mean, (1 − ε) (−log P(target)) + ε/V Σ_v −log P(v) is
        −log P(target) + ε (l_target − l̄): no other logits are needed.
        """
        nats = super().loss(hidden_ND, target_N, weights_N)
        if not (self.training and self.smoothing):
            return nats
        weight_VE = self._weight()
        ahead_N = ((weight_VE[target_N] - weight_VE.mean(0)) * self._inner(hidden_ND)).sum(-1)
        if self.bias is not None:
            ahead_N = ahead_N + self.bias[target_N] - self.bias.mean()
        smoothed = nats + self.smoothing * (ahead_N * shares(weights_N, hidden_ND)).sum()
        return learnt_as(nats, smoothed)

    def nats(self, hidden_ND: Tensor, target_N: Tensor, share_N: Tensor) -> Tensor:
        return summed_nats(self._inner(hidden_ND), self._weight(), self.bias, target_N, share_N)

    def in_chunks(self, hidden_ND: Tensor) -> Iterator[tuple[slice, Tensor]]:
        return logits_in_chunks(self._inner(hidden_ND), self._weight(), self.bias)

    def _weight(self) -> Tensor:
        return self.weight if self._embedding is None else self._embedding[0].weight

    def _inner(self, hidden_ND: Tensor) -> Tensor:
        """Return what the weights are multiplied with."""
        if self.project is not None:
            hidden_ND = self.project(hidden_ND)
        return hidden_ND if self._gain == 1.0 else hidden_ND * self._gain


def _draw(weights: nn.Parameter, width: int, *, zero: bool) -> None:
    """Set weights before training, as `nn.Linear` does, or to zero."""
    bound = 0.0 if zero else width**-0.5
    nn.init.uniform_(weights, -bound, bound)
