"""Pointwise functions with their gradients written out: autograd would pass over memory twice as often.

Axes: D width, the last axis of any tensor; . all axes before it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

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
        return (gradients[0] * positive).mul_(2)
