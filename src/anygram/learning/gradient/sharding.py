"""Weights of which every process holds a part: for networks that do not fit into one device's memory.

Before a layer computes, the parts of its weights are gathered from all processes, and let go of after it;
each process gets the sum of all gradients by its own part, and steps by it (fully sharded data parallelism:
Rajbhandari et al. 2020, "ZeRO", stage 3; Zhao et al. 2023). Only a network's layers are divided: embedding
and head are everywhere. The same on CPUs by gloo, where it is tested, and on CUDA devices by nccl, where it
has not been tried.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from anygram.errors import UsageError
from anygram.learning.gradient.config import Config
from anygram.learning.group import Group
from anygram.neural.language_model import NeuralLanguageModel


def shard(model: object, config: Config, group: Group) -> None:
    """Divide the model's layers among the processes; UsageError where that cannot be."""
    if group.size == 1:
        raise UsageError("shard divides a network among several processes; start them by torchrun")
    if config.optimiser != "adamw" or config.lora:
        raise UsageError("shard learns parts of matrices; set optimiser=adamw, and leave out lora")
    if not isinstance(model, NeuralLanguageModel) or not model.shard_body():
        raise UsageError("shard divides layers that are called one after another; this model has none")


class Shards:
    """The own parts of sharded parameters, as tensors with a gradient; the other parameters as they are."""

    def __init__(self, weights: Mapping[str, nn.Parameter], group: Group) -> None:
        from torch.distributed.tensor import DTensor

        self._group = group
        parts = {name: weight.data for name, weight in weights.items()}
        own = {
            name: nn.Parameter(part.to_local()) for name, part in parts.items() if isinstance(part, DTensor)
        }
        self._sharded = {name: weights[name] for name in own}
        self.weights: dict[str, nn.Parameter] = {**weights, **own}
        """By name: what this process steps by."""
        self.everywhere = [weight for name, weight in weights.items() if name not in own]
        """The weights whose gradients are still to be summed."""

    def forget_gradients(self) -> None:
        """Let go of the gradients of the step before."""
        for weight in self._sharded.values():
            weight.grad = None

    def take_gradients(self) -> None:
        """Give the own parts the sum of all processes' gradients; torch leaves the mean with the whole."""
        for name, weight in self._sharded.items():
            if weight.grad is not None:
                part: Tensor = weight.grad.to_local()  # type: ignore[attr-defined]
                self.weights[name].grad = part * self._group.size

    def norm(self) -> Tensor:
        """Return the norm of the whole gradient, once `everywhere` is summed."""
        parts = _square_of([self.weights[name] for name in self._sharded])
        return (self._group.add_up(parts, []) + _square_of(self.everywhere)).sqrt()


def _square_of(weights: list[nn.Parameter]) -> Tensor:
    gradients = [weight.grad for weight in weights if weight.grad is not None]
    return torch.stack(list(torch._foreach_norm(gradients))).square().sum()
