"""Multi-head attention over a sliding window of one document.

Axes: B rows, T new positions, S cached ones, D width, H heads, K width of a head.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, scaled_dot_product_attention

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
    """softmax(Q Kᵀ / √K) V for every head, joined and projected by W^O (Vaswani et al. 2017, section 3.2).

    Several heads of queries may share one of keys and values (Ainslie et al. 2023).
    """

    def __init__(
        self,
        width: int,
        heads: int,
        key_heads: int,
        *,
        bias: bool,
        normalised: bool,
        residual: bool,
    ) -> None:
        """`normalised` queries and keys keep their products small (Henry et al. 2020).

        `residual` mixes the first layer's values into this one's (Zhou et al. 2024, "Value residual
        learning", equation 5), by a share that is learnt.
        """
        super().__init__()
        self._head_width, self._heads, self._key_heads = width // heads, heads, key_heads
        self._normalised = normalised
        narrow = key_heads * self._head_width
        self.query = nn.Linear(width, width, bias=bias)
        self.key = nn.Linear(width, narrow, bias=bias)
        self.value = nn.Linear(width, narrow, bias=bias)
        self.output = nn.Linear(width, width, bias=bias)
        self.share = nn.Parameter(torch.full((1,), 0.5)) if residual else None

    def forward(
        self, x_BTD: Tensor, cache: KeysAndValues, sight: Sight, first_BTHK: Tensor | None
    ) -> tuple[Tensor, KeysAndValues, Tensor]:
        """Return what is attended to, what is cached, and the first layer's values (`first_BTHK`)."""
        turned_BTHK, value_BTHK = self._project(x_BTD)
        if self.share is not None and first_BTHK is not None:
            value_BTHK = torch.lerp(value_BTHK, first_BTHK, self.share.to(value_BTHK.dtype))
        if self._normalised:
            turned_BTHK = rms_norm(turned_BTHK)
        if sight.rotation is not None:
            turned_BTHK = rotate(turned_BTHK, sight.rotation)
        query_BTHK, key_BTHK = torch.split(turned_BTHK, [self._heads, self._key_heads], dim=2)
        key_BHSK, keys = cache[0].append(key_BTHK.transpose(1, 2), sight.keep, sight.past_B)
        value_BHSK, values = cache[1].append(value_BTHK.transpose(1, 2), sight.keep, sight.past_B)
        mixed_BHTK = _attend(
            query_BTHK.transpose(1, 2), self._repeated(key_BHSK), self._repeated(value_BHSK), sight.mask
        )
        mixed_BTD = self.output(mixed_BHTK.transpose(1, 2).flatten(2))
        return mixed_BTD, (keys, values), value_BTHK if first_BTHK is None else first_BTHK

    def _project(self, x_BTD: Tensor) -> tuple[Tensor, Tensor]:
        """Return queries and keys, head by head, and values: one product, as three would take longer."""
        parts = (self.query, self.key, self.value)
        weight = torch.cat([part.weight for part in parts])
        bias = None if self.query.bias is None else torch.cat([part.bias for part in parts])
        heads_BTHK = linear(x_BTD, weight, bias).view(*x_BTD.shape[:2], -1, self._head_width)
        turned_BTHK, value_BTHK = torch.split(
            heads_BTHK, [self._heads + self._key_heads, self._key_heads], dim=2
        )
        return turned_BTHK, value_BTHK

    def _repeated(self, heads_BHSK: Tensor) -> Tensor:
        """Return keys or values for every head of queries."""
        if self._key_heads == self._heads:
            return heads_BHSK
        return heads_BHSK.repeat_interleave(self._heads // self._key_heads, dim=1)


class CrossAttention(nn.Module):
    """Attention of a target's positions to its whole source (Vaswani et al. 2017, section 3.2.3)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._head_width, self._heads = width // heads, heads
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.output = nn.Linear(width, width, bias=False)

    def keys_and_values(self, source_BSD: Tensor) -> tuple[Tensor, Tensor]:
        """Return key_BSD and value_BSD, all that is needed of a source however long its target grows."""
        return self.key(source_BSD), self.value(source_BSD)

    def forward(self, x_BTD: Tensor, key_BSD: Tensor, value_BSD: Tensor, mask_B11S: Tensor) -> Tensor:
        """Return what is attended to; the mask is 0 on the source and −∞ past its end."""
        mixed_BHTK = _attend(
            self._parted(self.query(x_BTD)), self._parted(key_BSD), self._parted(value_BSD), mask_B11S
        )
        mixed_BTD: Tensor = self.output(mixed_BHTK.transpose(1, 2).flatten(2))
        return mixed_BTD

    def weights(self, x_BTD: Tensor, key_BSD: Tensor, mask_B11S: Tensor) -> Tensor:
        """Return how much each position attends to each of its source as weight_BTS, the heads' mean."""
        query_BHTK, key_BHSK = self._parted(self.query(x_BTD)), self._parted(key_BSD)
        score_BHTS = query_BHTK @ key_BHSK.mT / self._head_width**0.5 + mask_B11S
        weight_BTS: Tensor = score_BHTS.softmax(-1).mean(1)
        return weight_BTS

    def _parted(self, x_BSD: Tensor) -> Tensor:
        """Return the heads apart, as axes BHSK."""
        return x_BSD.view(*x_BSD.shape[:2], self._heads, self._head_width).transpose(1, 2)


def _attend(query_BHTK: Tensor, key_BHSK: Tensor, value_BHSK: Tensor, mask: Tensor) -> Tensor:
    """Return softmax(Q Kᵀ / √K + mask) V.

    On a CPU never in bfloat16: torch's gradient of it takes six times as long there.
    """
    if query_BHTK.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
        return scaled_dot_product_attention(query_BHTK, key_BHSK, value_BHSK, attn_mask=mask)
    with torch.autocast("cpu", enabled=False):
        return scaled_dot_product_attention(
            query_BHTK.float(), key_BHSK.float(), value_BHSK.float(), attn_mask=mask
        )
