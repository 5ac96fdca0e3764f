"""Pointwise functions with their gradients written out: autograd would pass over memory twice as often.

Axes: D width, the last axis of any tensor; . all axes before it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

# A mean square far below it counts as nothing: the norm of zeros is zero
_EPSILON = 1e-6


def rms_norm(x: Tensor) -> Tensor:
    """Return x / √(mean x² + ε) over the last axis (Zhang & Sennrich 2019, equation 4).

    Without the gain: the matrix that reads the result can take it into its columns.
    """
    return _RmsNorm.apply(x)  # type: ignore[no-untyped-call, no-any-return]


def squared_relu(x: Tensor) -> Tensor:
    """Return max(x, 0)² (So et al. 2021, section 3.2)."""
    return _SquaredRelu.apply(x)  # type: ignore[no-untyped-call, no-any-return]


def dropout(x: Tensor, share: float, training: bool = True) -> Tensor:
    """Return x, each number zero with probability `share`, the others larger for it (Hinton et al. 2012).

    On CPUs the probability is a multiple of 2^−16, the nearest: four numbers are drawn in one, which with
    all that follows takes less than a third of the time of torch's own.
    """
    if share == 0 or not training:
        return x
    if x.device.type != "cpu" or torch.compiler.is_compiling():
        return functional.dropout(x, share)
    return _Dropout.apply(x, share)  # type: ignore[no-untyped-call, no-any-return]


class _Dropout(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, share: float) -> Tensor:
        dropped = min(round(share * 2**16), 2**16 - 1)
        drawn = torch.empty(-(-x.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        bits = drawn.view(torch.int16)[: x.numel()].view(x.shape)
        # compared into numbers: with truth values the product would take fifteen times as long in float32
        kept = torch.ge(bits, dropped - 2**15, out=torch.empty(x.shape, dtype=x.dtype))
        kept.mul_(2**16 / (2**16 - dropped))
        ctx.save_for_backward(kept)
        return x * kept

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        kept: Tensor
        (kept,) = ctx.saved_tensors
        return gradients[0] * kept, None


class _RmsNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        length: Tensor = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        scale = (length.square() / x.shape[-1] + _EPSILON).rsqrt()
        y: Tensor = x * scale
        ctx.save_for_backward(y, scale)
        return y

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        """∂/∂x of y = s x with s = (mean x² + ε)^−½: s (g − y mean(g ⊙ y))."""
        (gradient,) = gradients
        y: Tensor
        scale: Tensor
        y, scale = ctx.saved_tensors
        along: Tensor = torch.linalg.vecdot(gradient, y)[..., None] / -y.shape[-1]
        return torch.addcmul(gradient, y, along).mul_(scale)


class _SquaredRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        positive: Tensor = x.relu()
        ctx.save_for_backward(positive)
        return positive * positive

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        positive: Tensor
        (positive,) = ctx.saved_tensors
        zero = gradients[0].new_zeros(())
        return torch.addcmul(zero, gradients[0], positive, value=2)  # one pass where a product and 2 are two
