"""Linear recurrences h_t = a_t ⊙ h_{t−1} + b_t over all positions of a block.

a and b do not depend on h, so the order of the work is free (Blelloch 1990; Martin & Cundy 2018): an
accelerator doubles the reach of every position at once, a CPU core goes once through memory, which
bounds it. Axes: T positions, B rows, H units.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from anygram.compiled import elementwise_kernel


def scan(decay_TBH: Tensor, added_TBH: Tensor, first_BH: Tensor) -> Tensor:
    """Return h before the block and after each position, of axes (T+1) B H; `first_BH` gets no gradient."""
    if decay_TBH.device.type == "cpu" and decay_TBH.dtype == added_TBH.dtype == torch.float32:
        every: Tensor = _Sequential.apply(decay_TBH, added_TBH, first_BH)  # type: ignore[no-untyped-call]
        return every
    return scan_by_doubling(decay_TBH, added_TBH, first_BH)


def scan_by_doubling(decay_TBH: Tensor, added_TBH: Tensor, first_BH: Tensor) -> Tensor:
    """Return what `scan` does, in log2 T passes (Hillis & Steele 1986)."""
    added_TBH = torch.cat([(added_TBH[:1] + decay_TBH[:1] * first_BH), added_TBH[1:]])
    reach = 1
    while reach < len(decay_TBH):
        joined_TBH = added_TBH[reach:] + decay_TBH[reach:] * added_TBH[:-reach]
        added_TBH = torch.cat([added_TBH[:reach], joined_TBH])
        decay_TBH = torch.cat([decay_TBH[:reach], decay_TBH[reach:] * decay_TBH[:-reach]])
        reach *= 2
    return torch.cat([first_BH[None], added_TBH])


class _Sequential(torch.autograd.Function):
    """One position after another, forwards and back."""

    @staticmethod
    def forward(ctx: Any, decay_TBH: Tensor, added_TBH: Tensor, first_BH: Tensor) -> Tensor:
        steps, rows, units = decay_TBH.shape
        every = first_BH.new_empty(steps + 1, rows, units)
        every[0] = first_BH
        decay_TBH = decay_TBH.contiguous()
        _forwards(*_flat(decay_TBH), *_flat(added_TBH), *_flat(every))
        ctx.save_for_backward(decay_TBH, every)
        return every

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        """With g_t = ∂/∂h_t + a_{t+1} ⊙ g_{t+1}: the gradient of b_t is g_t, that of a_t is g_t ⊙ h_{t−1}."""
        decay_TBH, every = ctx.saved_tensors
        decay_gradient_TBH, added_gradient_TBH = torch.empty_like(decay_TBH), torch.empty_like(decay_TBH)
        _backwards(
            *_flat(decay_TBH),
            *_flat(every),
            *_flat(gradients[0]),
            *_flat(decay_gradient_TBH),
            *_flat(added_gradient_TBH),
        )
        return decay_gradient_TBH, added_gradient_TBH, None


def _flat(tensor_TBH: Tensor) -> tuple[Any]:
    """Return an array of a line for each position."""
    return (tensor_TBH.detach().contiguous().flatten(1).numpy(),)


@elementwise_kernel
def _forwards(decay_TN: Any, added_TN: Any, every: Any) -> None:
    for t in range(len(decay_TN)):
        decay_N, added_N, before_N, after_N = decay_TN[t], added_TN[t], every[t], every[t + 1]
        for n in range(len(decay_N)):
            after_N[n] = decay_N[n] * before_N[n] + added_N[n]


@elementwise_kernel
def _backwards(
    decay_TN: Any, every: Any, gradients: Any, decay_gradient_TN: Any, added_gradient_TN: Any
) -> None:
    last = len(decay_TN) - 1
    for back in range(len(decay_TN)):
        t = last - back
        own_N, before_N, gradient_N, decay_gradient_N = (
            added_gradient_TN[t],
            every[t],
            gradients[t + 1],
            decay_gradient_TN[t],
        )
        for n in range(len(own_N)):
            own_N[n] = gradient_N[n]
        if back:
            decay_N, later_N = decay_TN[t + 1], added_gradient_TN[t + 1]
            for n in range(len(own_N)):
                own_N[n] += decay_N[n] * later_N[n]
        for n in range(len(own_N)):
            decay_gradient_N[n] = own_N[n] * before_N[n]
