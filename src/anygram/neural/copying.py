"""Symbols copied from the source: a second way of speaking, mixed with the vocabulary's.

    a = softmax(h W e)                                          where in the source e_1 … e_S
    g = σ(w · h + b)                                            whether to generate
    P(v) = g P_vocabulary(v) + (1 − g) Σ_{j: x_j = v} a_j       (See, Liu & Manning 2017, equation 9)

Where is asked of the encoder's vectors by the hidden vector that speaks (Gu et al. 2016, equation 8), so
that any decoder may copy. Axes: N positions, B rows, S positions of a source, D width, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from anygram.neural.heads import FullHead, learnt_as, shares
from anygram.neural.softmax import judged, rows_at_once
from anygram.neural.sources import Source


class Pointer(nn.Module):
    """What is learnt of copying: where to look, and when."""

    def __init__(self, width: int, source_width: int) -> None:
        super().__init__()
        self.ask = nn.Linear(width, source_width, bias=False)
        self.gate = nn.Parameter(torch.zeros(width))
        self.gate_bias = nn.Parameter(torch.zeros(()))

    def forward(self, hidden_ND: Tensor, source: Source, row_N: Tensor, whole: bool) -> Tensor:
        """Return a_NS, where each position looks in the source of its row.

        `whole`: all positions of a row stand behind each other, as many of each: no source is then copied for
        every one of them.
        """
        encoded_BSD, asked_ND = source.encoded.array, self.ask(hidden_ND)
        if whole:
            asked_BTD = asked_ND.view(len(encoded_BSD), -1, asked_ND.shape[1])
            score_NS = (asked_BTD @ encoded_BSD.mT).flatten(0, 1)
        else:
            score_NS = torch.einsum("nd,nsd->ns", asked_ND, encoded_BSD[row_N])
        score_NS = score_NS.float() / encoded_BSD.shape[-1] ** 0.5
        looked_NS: Tensor = (score_NS + source.mask_BS[row_N]).softmax(-1)
        return looked_NS

    def generates(self, hidden_ND: Tensor) -> Tensor:
        """Return the logit of g as gate_N."""
        return (hidden_ND * self.gate).sum(-1).float() + self.gate_bias


class Copying:
    """A head and a pointer over one batch's sources: a `Voice`."""

    def __init__(
        self, head: FullHead, pointer: Pointer, source: Source, row_N: Tensor, *, whole: bool = False
    ) -> None:
        """`row_N` says whose each hidden vector is; ids of the source are those of the vocabulary."""
        self._head, self._pointer, self._source = head, pointer, source
        self._row_N, self._whole = row_N, whole

    def log_p(self, hidden_BD: Tensor) -> Tensor:
        """Return log P of every symbol as log_p_BV in nats."""
        return self._log_p(hidden_BD, self._row_N, self._whole)

    def loss(self, hidden_ND: Tensor, target_N: Tensor, weights_N: Tensor) -> Tensor:
        """Return the weighted mean of −log P(target); while learning the gradient may be smoothed."""
        log_p_NV = self._log_p(hidden_ND, self._row_N, self._whole)
        share_N = shares(weights_N, log_p_NV)
        own_N = -log_p_NV.gather(1, target_N[:, None])[:, 0]
        nats, smoothing = (own_N * share_N).sum(), self._head.smoothing
        if not (self._head.training and smoothing):
            return nats
        return learnt_as(nats, (1 - smoothing) * nats - smoothing * (log_p_NV.mean(1) * share_N).sum())

    def judge(self, hidden_ND: Tensor, target_N: Tensor, ranked: bool) -> tuple[Tensor, Tensor]:
        """Return log P of the targets as log_p_N and their rank_N, zeros unless `ranked`; for no gradient."""
        return judged(self._in_chunks(hidden_ND), target_N, ranked)

    def _in_chunks(self, hidden_ND: Tensor) -> Iterator[tuple[slice, Tensor]]:
        rows = rows_at_once(max(self._head.symbols, self._source.encoded.array[0].numel()))
        for first in range(0, len(hidden_ND), rows):
            these = slice(first, first + rows)
            yield these, self._log_p(hidden_ND[these], self._row_N[these])

    def _log_p(self, hidden_ND: Tensor, row_N: Tensor, whole: bool = False) -> Tensor:
        """Return log(g P_vocabulary + (1 − g) P_copy): the vocabulary's part keeps it finite."""
        looked_NS = self._pointer(hidden_ND, self._source, row_N, whole)
        copied_NV = looked_NS.new_zeros(len(hidden_ND), self._head.symbols)
        copied_NV = copied_NV.scatter_add(1, self._source.ids.array[row_N], looked_NS)
        gate_N1 = self._pointer.generates(hidden_ND)[:, None]
        generated_NV = self._head(hidden_ND).float().log_softmax(-1) + logsigmoid(gate_N1)
        tiny = torch.finfo(copied_NV.dtype).tiny
        return torch.logaddexp(generated_NV, copied_NV.clamp_min(tiny).log() + logsigmoid(-gate_N1))
