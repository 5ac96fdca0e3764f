"""Multi-head attention over a sliding window of one document.

Axes: B rows, T new positions, S cached ones, D width, H heads, K width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from anygram.neural.cache import Cache
from anygram.neural.pointwise import rms_norm
from anygram.neural.positions import rotate

KeysAndValues = tuple[Cache, Cache]
"""What one layer keeps of the positions it has read."""


@dataclass(frozen=True)
class Sight:
    """What all layers share about one block: who sees whom, where it stands, what is kept of it."""

    mask: Tensor
    """Added to the scores, of axes B (or 1) 1 T (S + T): 0 where seen, −∞ where not."""
    rotation: Tensor | None
    """How queries and keys are rotated by their positions; None where positions are told otherwise."""
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

    def forward(self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight) -> tuple[Tensor, KeysAndValues]:
        rows, count, width = x_BTD.shape
        parts = self.project(x_BTD).view(rows, count, 3 * self._heads, width // self._heads)
        turned_BTHK, value_BTHK = parts.split([2 * self._heads, self._heads], dim=2)
        if self._normalised:
            turned_BTHK = rms_norm(turned_BTHK)
        if sight.rotation is not None:
            turned_BTHK = rotate(turned_BTHK, sight.rotation)
        query_BTHK, key_BTHK = turned_BTHK.chunk(2, dim=2)
        key_BHSK, keys = cache[0].append(key_BTHK.transpose(1, 2), sight.keep, sight.past_B)
        value_BHSK, values = cache[1].append(value_BTHK.transpose(1, 2), sight.keep, sight.past_B)
        mixed_BHTK = scaled_dot_product_attention(
            query_BTHK.transpose(1, 2), key_BHSK, value_BHSK, attn_mask=sight.mask
        )
        return self.output(mixed_BHTK.transpose(1, 2).flatten(2)), (keys, values)
