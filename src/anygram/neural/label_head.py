"""A head for labels: from what a network made of a text, and from the text's fragments, to logits.

    z = b + W drop(h) + Σ_g U_g / √G

with h the mean, the largest and the last of the network's hidden vectors, and g the text's G different
fragments (`fragments`), each left out with some probability while learning: the linear classifier of Joulin
et al. 2016 ("Bag of tricks for efficient text classification", section 2) beside a network.

Axes: B rows, T positions, D hidden width, C labels, M fragments of all rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import (
    binary_cross_entropy_with_logits,
    cross_entropy,
    embedding_bag,
    linear,
    logsigmoid,
)

from anygram.errors import UsageError
from anygram.neural.fragments import fragments
from anygram.neural.pointwise import dropout
from anygram.neural.sizing import require_at_least, require_fraction
from anygram.protocols import Ids, Lengths


@dataclass(frozen=True)
class Config:
    """How a network tells labels apart.

    `by` a head on the network, which reads the text without its label; by the `likelihood` of the text behind
    each label; or `both` by one network. A head hears the network's hidden vectors where `pooled`, and the
    text's n-grams up to the length `fragments` (0: none), which share `buckets` numbers; `placed` tells equal
    ones at different places apart. `dropout` is the share of both that is left out while learning. `language`
    is the weight of a text's own nats, which are many, beside its label's; at 0 no language is learnt.
    """

    by: Literal["head", "likelihood", "both"] = "head"
    pooled: bool = True
    fragments: int = 6
    buckets: int = 1 << 18
    placed: bool = False
    dropout: float = 0.5
    language: float = 0.01

    def __post_init__(self) -> None:
        require_at_least(0, "fragments", self.fragments)
        require_at_least(1, "buckets", self.buckets)
        require_fraction("dropout", self.dropout)
        if not 0 <= self.language < float("inf"):
            raise UsageError(f"language must be a number from 0 on, got {self.language}")
        if not (self.fragments or self.pooled):
            raise UsageError(
                "fragments=0 and pooled=false leave nothing to tell labels by; change one of them"
            )
        if self.by == "both" and not self.language:
            raise UsageError("by=both asks for the likelihood, which language=0 does not learn; set by=head")


class LabelHead(nn.Module):
    """Logits of labels, at first all 0; of several labels each is there or not by itself."""

    def __init__(self, config: Config, width: int, labels: int, multiple: bool, boundary: int) -> None:
        """`multiple`: whether a document may have several labels, or none; `boundary`: the texts' own."""
        super().__init__()
        self._config, self._multiple, self._boundary = config, multiple, boundary
        self.bias = nn.Parameter(torch.zeros(labels))
        if config.pooled:
            self.weight = nn.Parameter(torch.zeros(labels, 3 * width))
        if config.fragments:
            self.fragments = nn.Parameter(torch.zeros(config.buckets, labels))

    def forward(self, hidden_BTD: Tensor | None, ids_BT: Ids, lengths: Lengths) -> Tensor:
        """Return logits_BC; hidden_BTD are the vectors after the first boundary and after each id."""
        logits_BC = self.bias.expand(len(ids_BT), -1)
        if hidden_BTD is not None:
            lengths_B = torch.from_numpy(np.asarray(lengths, dtype=np.int64)).to(hidden_BTD.device)
            pooled_BD = dropout(pooled(hidden_BTD, lengths_B + 1), self._config.dropout, self.training)
            logits_BC = logits_BC + linear(pooled_BD, self.weight)
        if self._config.fragments:
            logits_BC = logits_BC + self._heard(ids_BT, lengths)
        return logits_BC

    def log_p(self, logits_BC: Tensor) -> Tensor:
        """Return log P(label) as log_p_BC in nats, of several labels that of each being there."""
        return logsigmoid(logits_BC) if self._multiple else logits_BC.log_softmax(-1)

    def nats(self, logits_BC: Tensor, there_BC: Tensor) -> Tensor:
        """Return −log P(labels) of each row as nats_B; `there_BC` is 1 for labels that are there, else 0."""
        if self._multiple:
            return binary_cross_entropy_with_logits(logits_BC, there_BC, reduction="none").sum(1)
        return cross_entropy(logits_BC, there_BC, reduction="none")

    def _heard(self, ids_BT: Ids, lengths: Lengths) -> Tensor:
        """Return Σ_g U_g / √G of each row as logits_BC."""
        config, device = self._config, self.bias.device
        numbers_M, counts_B = fragments(
            ids_BT, lengths, self._boundary, config.fragments, config.buckets, config.placed
        )
        kept_M = dropout(torch.ones(len(numbers_M), device=device), config.dropout, self.training)
        counts = torch.from_numpy(counts_B).to(device)
        sum_BC = embedding_bag(
            torch.from_numpy(numbers_M).to(device),
            self.fragments,
            counts.cumsum(0) - counts,
            mode="sum",
            per_sample_weights=kept_M,
        )
        return sum_BC / counts.to(sum_BC).sqrt()[:, None]


def pooled(hidden_BTD: Tensor, lengths_B: Tensor) -> Tensor:
    """Return the mean, the largest and the last of each row's first vectors, one after another."""
    positions_T = torch.arange(hidden_BTD.shape[1], device=hidden_BTD.device)
    inside_BT1 = (positions_T < lengths_B[:, None])[..., None]
    mean_BD = hidden_BTD.masked_fill(~inside_BT1, 0.0).sum(1) / lengths_B[:, None]
    largest_BD = hidden_BTD.masked_fill(~inside_BT1, -torch.inf).amax(1)
    last_BD = hidden_BTD[torch.arange(len(hidden_BTD), device=hidden_BTD.device), lengths_B - 1]
    return torch.cat([mean_BD, largest_BD, last_BD], dim=1)
