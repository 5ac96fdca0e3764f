"""Softmax over many symbols without all logits at once.

The loss of a linear layer and a softmax is Σ_n s_n (log Σ_v exp l_nv − l_n,target), and its gradient by
the logits is s_n (p_nv − [v = target]): both are known as soon as a row's logits are. So the gradients by
hidden vectors and weights are summed up in the forward pass, some rows at a time, and logits are never
kept for a backward pass. Axes: N positions, n those of one chunk, D width, V symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn.functional import cross_entropy, linear

# Logits of a chunk: more than fit a cache are slower, but few rows would read and write the weights'
# gradient too often. Both as measured from 65 to 50,000 symbols
_LOGITS = 2**20
_ROWS = 256
# Up to so many logits in all there is nothing to save, and autograd takes fewer calls
_FEW_LOGITS = 2**18
# The most logits ever held at once: 64 MB in float32
_MOST_LOGITS = 2**24
# How many numbers are written and summed up while a cache holds them
_IN_CACHE = 2**19


def rows_at_once(symbols: int) -> int:
    """Return how many rows of so many logits are computed together."""
    return max(1, min(max(_ROWS, _LOGITS // symbols), _MOST_LOGITS // symbols))


def logits_in_chunks(
    hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None
) -> Iterator[tuple[slice, Tensor]]:
    """Yield which rows, and their W h + b as logits_nV, whose memory the next ones take over.

    Products are computed in the dtype of `hidden_ND`; logits have at least single precision.
    """
    rows = rows_at_once(len(weight_VD))
    weight_DV = weight_VD.to(hidden_ND.dtype).T
    buffer_nV = hidden_ND.new_empty(min(rows, len(hidden_ND)), len(weight_VD))
    for first in range(0, len(hidden_ND), rows):
        these = slice(first, first + rows)
        logits_nV = buffer_nV[: len(hidden_ND[these])]
        torch.mm(hidden_ND[these], weight_DV, out=logits_nV)
        if logits_nV.dtype.itemsize < 4:
            logits_nV = logits_nV.float()
        yield these, logits_nV if bias_V is None else logits_nV.add_(bias_V)


def exponentiate(logits_nV: Tensor) -> tuple[Tensor, Tensor]:
    """Turn logits into exp(l − max l) in place; return their sums and log Σ exp l, both of axes n1."""
    most_n1 = logits_nV.amax(1, keepdim=True)
    total_n1 = logits_nV.sub_(most_n1).exp_().sum(1, keepdim=True)
    return total_n1, most_n1 + total_n1.log()


def _in_cache(logits_nV: Tensor) -> list[slice]:
    """Return parts of the rows that a cache holds."""
    rows = max(1, _IN_CACHE // logits_nV.shape[1])
    return [slice(first, first + rows) for first in range(0, len(logits_nV), rows)]


def log_totals(logits_nV: Tensor) -> Tensor:
    """Return log Σ exp l of each row, of axes n1, leaving the logits as they are."""
    return torch.cat([exponentiate(logits_nV[part].clone())[1] for part in _in_cache(logits_nV)])


def count_ahead(logits_nV: Tensor, target_n1: Tensor) -> Tensor:
    """Return how many symbols are likelier than each row's target as rank_n; equal ones go by id."""
    if logits_nV.device.type == "cpu" and logits_nV.dtype == torch.float32:
        return _count_ahead_at_once(logits_nV, target_n1)
    own_n1 = logits_nV.gather(1, target_n1)
    rank_n, equal_n = torch.zeros_like(target_n1[:, 0]), torch.zeros_like(target_n1[:, 0])
    for part in _in_cache(logits_nV):
        part_nV, part_n1 = logits_nV[part], own_n1[part]
        # as numbers: truth values are summed ten times slower. Exact below 2^24 symbols
        found_nV = torch.gt(part_nV, part_n1, out=torch.empty_like(part_nV))
        rank_n[part] = found_nV.sum(1).long()
        equal_n[part] = torch.eq(part_nV, part_n1, out=found_nV).sum(1).long()
    tied_X = (equal_n > 1).nonzero()[:, 0]
    if len(tied_X):
        before_XV = torch.arange(logits_nV.shape[1], device=logits_nV.device) < target_n1[tied_X]
        rank_n[tied_X] += ((logits_nV[tied_X] == own_n1[tied_X]) & before_XV).sum(1)
    return rank_n


def _count_ahead_at_once(logits_nV: Tensor, target_n1: Tensor) -> Tensor:
    """Return what `count_ahead` does, in half to a third of the time: logits are read once."""
    from anygram.neural import places  # imports Numba

    rank_n = torch.empty_like(target_n1[:, 0])
    places.count_ahead(logits_nV.numpy(), target_n1[:, 0].numpy(), rank_n.numpy())
    return rank_n


def judged(chunks: Iterator[tuple[slice, Tensor]], target_N: Tensor, ranked: bool) -> tuple[Tensor, Tensor]:
    """Return log P of the targets as log_p_N, and rank_N (`count_ahead`), zeros unless `ranked`."""
    log_p, rank_N = [], torch.zeros_like(target_N)
    for these, logits_nV in chunks:
        target_n1 = target_N[these, None]
        if ranked:
            rank_N[these] = count_ahead(logits_nV, target_n1)
        own_n1 = logits_nV.gather(1, target_n1)
        log_p.append((own_n1 - exponentiate(logits_nV)[1])[:, 0])
    return torch.cat(log_p) if log_p else torch.zeros(0, device=target_N.device), rank_N


def summed_nats(
    hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None, target_N: Tensor, share_N: Tensor
) -> Tensor:
    """Return Σ_n share_n · −log softmax(W h_n + b)[target_n]; differentiable once, not by the shares."""
    if len(hidden_ND) * len(weight_VD) <= _FEW_LOGITS:
        return (
            cross_entropy(linear(hidden_ND, weight_VD, bias_V), target_N, reduction="none") * share_N
        ).sum()
    device = hidden_ND.device.type
    if torch.is_autocast_enabled(device):
        hidden_ND = hidden_ND.to(torch.get_autocast_dtype(device))
    arguments = hidden_ND, weight_VD, bias_V, target_N, share_N
    if torch.is_grad_enabled():
        return _SummedNats.apply(*arguments)  # type: ignore[no-untyped-call, no-any-return]
    nats = share_N.new_zeros(())
    for these, logits_nV in logits_in_chunks(hidden_ND, weight_VD, bias_V):
        own_n1 = logits_nV.gather(1, target_N[these, None])
        nats += ((exponentiate(logits_nV)[1] - own_n1)[:, 0] * share_N[these]).sum()
    return nats


class _SummedNats(torch.autograd.Function):
    """`summed_nats`, the gradients computed in the forward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        target_N: Tensor,
        share_N: Tensor,
    ) -> Tensor:
        by_hidden, by_weight, by_bias = ctx.needs_input_grad[:3]
        hidden_grad_ND = torch.empty_like(hidden_ND) if by_hidden else None
        weight_grad_VD = torch.zeros_like(weight_VD) if by_weight else None
        bias_grad_V = torch.zeros_like(bias_V) if by_bias and bias_V is not None else None
        same_VD = weight_VD.to(hidden_ND.dtype)
        nats = share_N.new_zeros(())
        for these, logits_nV in logits_in_chunks(hidden_ND, same_VD, bias_V):
            target_n1, share_n1 = target_N[these, None], share_N[these, None]
            own_n1 = logits_nV.gather(1, target_n1)
            total_n1, log_total_n1 = exponentiate(logits_nV)
            nats += ((log_total_n1 - own_n1) * share_n1).sum()
            slope_nV = logits_nV.mul_(share_n1 / total_n1)
            slope_nV.scatter_add_(1, target_n1, -share_n1.to(slope_nV.dtype))
            if bias_grad_V is not None:
                bias_grad_V += slope_nV.sum(0)
            slope_nV = slope_nV.to(hidden_ND.dtype)
            if hidden_grad_ND is not None:
                torch.mm(slope_nV, same_VD, out=hidden_grad_ND[these])
            if weight_grad_VD is not None:
                _add_product(weight_grad_VD, slope_nV.T, hidden_ND[these])
        ctx.save_for_backward(hidden_grad_ND, weight_grad_VD, bias_grad_V)
        return nats

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        found = ctx.saved_tensors
        # a loss has the gradient 1; asking an accelerator whether it has would mean to wait for it
        if not (gradient.device.type == "cpu" and gradient.item() == 1.0):
            found = [None if one is None else one * gradient.to(one.dtype) for one in found]
        return (*found, None, None)


def _add_product(sum_VD: Tensor, left_Vn: Tensor, right_nD: Tensor) -> None:
    if sum_VD.dtype == left_Vn.dtype:
        sum_VD.addmm_(left_Vn, right_nD)
    else:  # products in half precision are summed in full
        sum_VD += left_Vn @ right_nD
