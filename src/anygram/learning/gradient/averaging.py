"""A moving average of the weights: what the last steps have in common, without their noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor

from anygram.learning.gradient.storing import taken, to_array
from anygram.protocols import Tensors


class Average:
    """The exponential average with its start taken out (Kingma & Ba 2015, section 7.2).

    θ̂_t = β(1 − β^{t−1})/(1 − β^t) θ̂_{t−1} + (1 − β)/(1 − β^t) θ_t: after one step it is that step's weights.
    """

    def __init__(self, weights: Mapping[str, Tensor], decay: float) -> None:
        self._weights, self._decay = weights, decay
        self._means = {name: weight.detach().clone() for name, weight in weights.items()}
        self._count = 0

    @torch.no_grad()
    def take(self) -> None:
        """Let the weights count as they are now."""
        self._count += 1
        share = (1 - self._decay) / (1 - self._decay**self._count)
        torch._foreach_lerp_(list(self._means.values()), list(self._weights.values()), share)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Let the model hold the average meanwhile."""
        own = {name: weight.detach().clone() for name, weight in self._weights.items()}
        copy(self._means, self._weights)
        try:
            yield
        finally:
            copy(own, self._weights)

    def tensors(self) -> Tensors:
        """Return the average and over how many steps it is."""
        means = {name: to_array(mean) for name, mean in self._means.items()}
        return {**means, "count": to_array(torch.tensor(self._count))}

    def restore(self, tensors: Tensors) -> None:
        """Go on from what `tensors` returned."""
        self._count = int(taken(tensors, "count", torch.tensor(self._count)))
        self._means = {name: taken(tensors, name, mean) for name, mean in self._means.items()}


@torch.no_grad()
def copy(source: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> None:
    """Write the numbers of one set of tensors into another of the same names."""
    torch._foreach_copy_([target[name] for name in source], list(source.values()))
