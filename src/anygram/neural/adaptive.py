"""The adaptive softmax (Grave, Joulin, Cissé, Grangier & Jégou 2017), for ids that fall in frequency.

The root decides between the most frequent symbols, the boundary, and clusters of rarer ones; a cluster
decides between its own from a hidden vector projected to a narrower one:

    P(v | h) = softmax(W h + b)_v                                        for v in the root
    P(v | h) = softmax(W h + b)_cluster · softmax(W_c P_c h + b_c)_v     for v in cluster c

Both sum to one, and so does their product. Axes: N positions, n some of them, D hidden width, C those of
the root: its symbols by id, the boundary, then the clusters; V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from anygram.neural.heads import FullHead, Head, HeadConfig, Softmax
from anygram.neural.softmax import judged, log_totals, logits_in_chunks, summed_nats
from anygram.protocols import Ids

# The root holds one in 25 symbols, the first cluster goes up to one in 5
_SHARES = (25, 5)
# Logits of a chunk where products are so narrow that the rest is what takes the time
_IN_CACHE = 2**20
# A cluster's vectors are so many times narrower than those of the one before
_NARROWER = 4
# The adaptive softmax is suggested from so many symbols on, where the root decides so much of the text
_LARGE = 8192
_COVERED = 0.6


def cluster_ends(vocabulary_size: int) -> list[int]:
    """Return the id that ends the root, and the one that ends each cluster; the boundary is in the root.

    >>> cluster_ends(50_000)
    [2000, 10000, 49999]
    """
    ends = {max(1, vocabulary_size // share) for share in _SHARES} | {vocabulary_size - 1}
    return sorted(end for end in ends if end < vocabulary_size)


class AdaptiveHead(Head):
    """A root and its clusters."""

    ends: Tensor

    def __init__(self, config: HeadConfig, width: int, vocabulary_size: int) -> None:
        super().__init__()
        ends = cluster_ends(vocabulary_size)
        self._frequent = ends[0]
        self._vocabulary_size = vocabulary_size
        self.register_buffer("ends", torch.tensor(ends), persistent=False)
        self.root = nn.Linear(width, ends[0] + len(ends), bias=config.bias)
        narrow = [max(1, width // _NARROWER**cluster) for cluster in range(1, len(ends))]
        sizes = np.diff(ends).tolist()
        self.clusters = nn.ModuleList(
            _Cluster(config, width, *each) for each in zip(narrow, sizes, strict=True)
        )
        if config.zero:
            for layer in [self.root, *(cluster.output for cluster in self._clusters())]:
                for weights in layer.parameters():
                    nn.init.zeros_(weights)

    def forward(self, hidden_ND: Tensor) -> Tensor:
        """Return log P itself."""
        root_NC = self.root(hidden_ND).log_softmax(-1)
        frequent, boundary, *whole = root_NC.split([self._frequent, *[1] * len(self.ends)], dim=1)
        parts = zip(whole, self._clusters(), strict=True)
        rare = [whole_N1 + cluster(hidden_ND).log_softmax(-1) for whole_N1, cluster in parts]
        return torch.cat([frequent, *rare, boundary], dim=1)

    def nats(self, hidden_ND: Tensor, target_N: Tensor, share_N: Tensor) -> Tensor:
        """Each target costs the root's nats, and a rare one those of its cluster, which reads it alone."""
        in_root_N, rare = self._find(target_N)
        nats = summed_nats(hidden_ND, self.root.weight, self.root.bias, in_root_N, share_N)
        for cluster, rows_n, symbol_n in rare:
            inner_nE = cluster.project(hidden_ND[rows_n])
            nats = nats + summed_nats(
                inner_nE, cluster.output.weight, cluster.output.bias, symbol_n, share_N[rows_n]
            )
        return nats

    def in_chunks(self, hidden_ND: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """Yield log P itself, as `forward` gives it."""
        rows = max(1, _IN_CACHE // self._vocabulary_size)
        buffer_nV = hidden_ND.new_empty(min(rows, len(hidden_ND)), self._vocabulary_size)
        spans = [slice(*each) for each in pairwise(self.ends.tolist())]
        for first in range(0, len(hidden_ND), rows):
            these = slice(first, first + rows)
            hidden_nD = hidden_ND[these]
            log_p_nV = buffer_nV[: len(hidden_nD)]
            root_nC = self.root(hidden_nD).log_softmax(-1)
            log_p_nV[:, : self._frequent] = root_nC[:, : self._frequent]
            log_p_nV[:, -1] = root_nC[:, self._frequent]
            for place, (span, cluster) in enumerate(zip(spans, self._clusters(), strict=True), start=1):
                part_nv = log_p_nV[:, span].copy_(cluster(hidden_nD))
                part_nv += root_nC[:, self._frequent + place, None] - log_totals(part_nv)
            yield these, log_p_nV

    def judge(self, hidden_ND: Tensor, target_N: Tensor, ranked: bool) -> tuple[Tensor, Tensor]:
        """Return what `Head.judge` does; without ranks, each target is read by its own cluster alone."""
        if ranked:
            return super().judge(hidden_ND, target_N, ranked)
        in_root_N, rare = self._find(target_N)
        log_p_N, rank_N = _judged(self.root, hidden_ND, in_root_N)
        for cluster, rows_n, symbol_n in rare:
            log_p_N[rows_n] += _judged(cluster.output, cluster.project(hidden_ND[rows_n]), symbol_n)[0]
        return log_p_N, rank_N

    def _clusters(self) -> list[_Cluster]:
        return cast(list[_Cluster], list(self.clusters))

    def _find(self, target_N: Tensor) -> tuple[Tensor, list[tuple[_Cluster, Tensor, Tensor]]]:
        """Return what the root says of the targets, and each cluster with its rows and their symbols."""
        cluster_N = torch.bucketize(target_N, self.ends, right=True)  # 0 in the root; past all the boundary
        in_root_N = torch.where(cluster_N == 0, target_N, self._frequent + cluster_N % len(self.ends))
        rare = []
        for index, cluster in enumerate(self._clusters(), start=1):
            rows_n = (cluster_N == index).nonzero()[:, 0]
            rare.append((cluster, rows_n, target_N[rows_n] - self.ends[index - 1]))
        return in_root_N, rare


class _Cluster(nn.Module):
    """Some rare symbols, from a narrower vector."""

    def __init__(self, config: HeadConfig, width: int, narrow: int, symbols: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, narrow, bias=False)
        self.output = nn.Linear(narrow, symbols, bias=config.bias)

    def forward(self, hidden_ND: Tensor) -> Tensor:
        logits: Tensor = self.output(self.project(hidden_ND))
        return logits


def _judged(layer: nn.Linear, hidden_ND: Tensor, target_N: Tensor) -> tuple[Tensor, Tensor]:
    return judged(logits_in_chunks(hidden_ND, layer.weight, layer.bias), target_N, ranked=False)


def head_of(config: HeadConfig, width: int, embedding: nn.Embedding) -> Head:
    """Return the head of a body of this width over the embedding's vocabulary."""
    if config.softmax == "adaptive":
        return AdaptiveHead(config, width, len(embedding.weight))
    return FullHead(config, width, embedding)


def covered(sample_ids: Ids, vocabulary_size: int) -> float:
    """Return the share of a sample that the root alone decides; 0 where it is empty."""
    frequent = (sample_ids < cluster_ends(vocabulary_size)[0]) | (sample_ids == vocabulary_size - 1)
    return float(frequent.mean()) if len(sample_ids) else 0.0


def suggest_softmax(sample_ids: Ids, vocabulary_size: int) -> Softmax:
    """Return the adaptive softmax for a large vocabulary whose ids fall in frequency, as words do."""
    frequent_first = covered(sample_ids, vocabulary_size) >= _COVERED
    return "adaptive" if vocabulary_size >= _LARGE and frequent_first else "full"


def head_weights(softmax: Softmax, width: int, vocabulary_size: int) -> int:
    """Return how many of a head's weights a symbol meets; a third of all symbols go on to a cluster."""
    if softmax == "full":
        return width * vocabulary_size
    ends = cluster_ends(vocabulary_size)
    clusters = zip(_narrow(width, ends), np.diff(ends).tolist(), strict=True)
    return width * (ends[0] + len(ends)) + sum(narrow * (width + size) for narrow, size in clusters) // 3


def _narrow(width: int, ends: list[int]) -> list[int]:
    """Return how wide the vectors are that each cluster reads."""
    return [max(1, width // _NARROWER**cluster) for cluster in range(1, len(ends))]
