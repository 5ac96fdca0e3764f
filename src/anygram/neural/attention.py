"""Multi-head attention over a sliding window of one document.

Axes: B rows, T new positions, S cached ones, D width, H heads, K width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import rms_norm, scaled_dot_product_attention

from anygram.neural.cache import Cache
from anygram.neural.positions import rotate


@dataclass(frozen=True)
class Sight:
    """What all layers share about one block: who sees whom, where it stands, what is kept of it."""

    mask: Tensor
    """Added to the scores, of axes B (or 1) 1 T (S + T): 0 where seen, −∞ where not."""
    rotation: tuple[Tensor, Tensor] | None
    """Cosines and sines of the positions; None where positions are told otherwise."""
    keep: int
    """How many positions the cache keeps."""
    past_B: Tensor | None
    """How many of the new positions lie past each row's end; None where none does."""


def document_positions(is_boundary_BT: Tensor, read_B: Tensor) -> Tensor:
    """Return position_BT in the document, whose boundary is 0; `read_B` is how many of it came before."""
    index_T = torch.arange(is_boundary_BT.shape[1], device=read_B.device)
    origin_BT = torch.where(is_boundary_BT, index_T, -read_B[:, None]).cummax(1).values
    return index_T - origin_BT


def window_mask(position_BT: Tensor, cached: int, context: int) -> Tensor:
    """Return the mask of `Sight`: a position sees the last `context` of its document, itself among them."""
    count = position_BT.shape[1]
    index_T1 = torch.arange(count, device=position_BT.device)[:, None]
    age_TS = index_T1 + cached - torch.arange(cached + count, device=position_BT.device)
    reach_BT1 = position_BT.clamp_max(context - 1)[:, :, None]
    if bool((reach_BT1 == reach_BT1[:1]).all()):  # rows alike: one mask for all
        reach_BT1 = reach_BT1[:1]
    unseen_BTS = (age_TS < 0) | (age_TS > reach_BT1)
    return torch.zeros(unseen_BTS.shape, device=position_BT.device).masked_fill_(unseen_BTS, -torch.inf)[
        :, None
    ]


class Attention(nn.Module):
    """softmax(Q Kᵀ / √K) V for every head, joined and projected by W^O (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, width: int, heads: int, *, bias: bool, normalised: bool) -> None:
        """`normalised` queries and keys keep their products small (Henry et al. 2020)."""
        super().__init__()
        self._heads = heads
        self._normalised = normalised
        self.project = nn.Linear(width, 3 * width, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)

    def forward(self, x_BTD: Tensor, cache: Cache, sight: Sight) -> tuple[Tensor, Cache]:
        rows, count, width = x_BTD.shape
        parts = self.project(x_BTD).view(rows, count, 3 * self._heads, width // self._heads)
        turned_BTHK, value_BTHK = parts.split([2 * self._heads, self._heads], dim=2)
        if self._normalised:
            turned_BTHK = rms_norm(turned_BTHK, turned_BTHK.shape[-1:])
        if sight.rotation is not None:
            turned_BTHK = rotate(turned_BTHK, sight.rotation)
        query_BTHK, key_BTHK = turned_BTHK.chunk(2, dim=2)
        new_BHTK = torch.cat([key_BTHK, value_BTHK], dim=2).transpose(1, 2)
        seen_BHSK, grown = cache.append(new_BHTK, sight.keep)
        key_BHSK, value_BHSK = seen_BHSK.chunk(2, dim=1)
        mixed_BHTK = scaled_dot_product_attention(
            query_BTHK.transpose(1, 2), key_BHSK, value_BHSK, attn_mask=sight.mask
        )
        if sight.past_B is not None:
            grown = Cache.holding(seen_BHSK).ending(sight.past_B, sight.keep)
        return self.output(mixed_BHTK.transpose(1, 2).flatten(2)), grown
