"""Steps of dynamic evaluation: down the gradient, and back towards what was trained.

    MS ← MS + (g² − MS) / steps
    θ ← θ − η g / (√MS + ε) + min(λ √MS / mean √MS, 1) (θ_trained − θ)

(Krause, Kahembwe, Murray & Renals 2018, equations 5 to 7). On CPUs in two compiled passes over the weights.
Axes: N weights.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from anygram.compiled import elementwise_kernel

_TINY = 1e-8


class Weights:
    """The weights of a module, what they were trained to, and the mean squares of their gradients."""

    def __init__(self, module: nn.Module) -> None:
        self._now = [weight for weight in module.parameters() if weight.requires_grad]
        self._trained = [weight.detach().clone() for weight in self._now]
        self._squares = [torch.zeros_like(weight) for weight in self._trained]
        self._steps = 0

    def step(self, nats: Tensor, rate: float, decay: float) -> None:
        """Go one step of η = `rate` and λ = `decay` from these mean nats."""
        gradients = torch.autograd.grad(nats, self._now, allow_unused=True, materialize_grads=True)
        self._steps += 1
        pairs = list(zip(self._squares, gradients, strict=True))
        with torch.no_grad():
            total = sum(_remember(square, gradient, 1 / self._steps) for square, gradient in pairs)
            mean = total / sum(weight.numel() for weight in self._now)
            pull = decay / max(mean, _TINY)
            for now, trained, (square, gradient) in zip(self._now, self._trained, pairs, strict=True):
                _move(now, trained, square, gradient, rate, pull)


def _remember(square: Tensor, gradient: Tensor, share: float) -> float:
    """Move MS by the gradient; return the sum of √MS."""
    if _is_compiled(square):
        return _remember_compiled(_flat(square), _flat(gradient), share)
    return square.lerp_(gradient.square(), share).sqrt().sum().item()


def _move(now: Tensor, trained: Tensor, square: Tensor, gradient: Tensor, rate: float, pull: float) -> None:
    if _is_compiled(square):
        _move_compiled(_flat(now), _flat(trained), _flat(square), _flat(gradient), rate, pull)
        return
    root = square.sqrt()
    now.addcdiv_(gradient, root + _TINY, value=-rate)
    now.addcmul_((root * pull).clamp_(max=1.0), trained - now)


def _is_compiled(tensor: Tensor) -> bool:
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and tensor.is_contiguous()


def _flat(tensor: Tensor) -> Any:
    return tensor.detach().contiguous().view(-1).numpy()


@elementwise_kernel
def _remember_compiled(square_N: Any, gradient_N: Any, share: float) -> float:
    total = 0.0
    for n in range(len(square_N)):
        square_N[n] += (gradient_N[n] * gradient_N[n] - square_N[n]) * share
        total += math.sqrt(square_N[n])
    return total


@elementwise_kernel
def _move_compiled(
    now_N: Any, trained_N: Any, square_N: Any, gradient_N: Any, rate: float, pull: float
) -> None:
    for n in range(len(now_N)):
        root = math.sqrt(square_N[n])
        now = now_N[n] - rate * gradient_N[n] / (root + _TINY)
        now_N[n] = now + min(root * pull, 1.0) * (trained_N[n] - now)
