"""What takes a step: parameters in groups, and what is remembered of each.

torch's own `Optimizer` loads torch's compiler when the first one is made, three quarters of a second before
the first step; learning by gradient needs no more of it than this.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.optim.adamw import adamw


class Optimiser(ABC):
    """Groups of parameters: `params`, `lr` and what else an algorithm wants to know of a group."""

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        self.param_groups = list(groups)
        self.state: dict[Tensor, dict[str, Tensor]] = {}
        """By parameter, since the first step that it had a gradient in."""

    @property
    def parameters(self) -> list[Tensor]:
        """The parameters of all groups, in their order."""
        return [parameter for group in self.param_groups for parameter in group["params"]]

    @torch.no_grad()
    def step(self) -> None:
        """Take one step; parameters without a gradient stay as they are."""
        for group in self.param_groups:
            changed = [parameter for parameter in group["params"] if parameter.grad is not None]
            if changed:
                self._step(group, changed)

    @abstractmethod
    def _step(self, group: dict[str, Any], changed: list[Tensor]) -> None:
        """Change these parameters of a group by their gradients."""


class AdamW(Optimiser):
    """Adam with decoupled decay (Loshchilov & Hutter 2019, algorithm 2), all parameters in one kernel."""

    def __init__(self, groups: Iterable[dict[str, Any]], betas: tuple[float, float]) -> None:
        """Of every group `weight_decay` is known; `lr` is, before a step."""
        super().__init__(groups)
        self._betas = betas

    def _step(self, group: dict[str, Any], changed: list[Tensor]) -> None:
        moments = [self._moments(parameter) for parameter in changed]
        adamw(
            changed,
            [parameter.grad for parameter in changed if parameter.grad is not None],
            [own["exp_avg"] for own in moments],
            [own["exp_avg_sq"] for own in moments],
            [],
            [own["step"] for own in moments],
            fused=True,
            amsgrad=False,
            beta1=self._betas[0],
            beta2=self._betas[1],
            lr=group["lr"],
            weight_decay=group["weight_decay"],
            eps=1e-8,
            maximize=False,
        )

    def _moments(self, parameter: Tensor) -> dict[str, Tensor]:
        if parameter not in self.state:
            self.state[parameter] = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
        return self.state[parameter]
