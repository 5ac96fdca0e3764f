"""What of a model is learnt: all of it, all but what is frozen, or a little beside its matrices.

Axes: O outputs, I inputs of a matrix, R rank.
"""

from __future__ import annotations

from collections.abc import Mapping
from fnmatch import fnmatchcase

import torch
from torch import nn

from anygram.errors import UsageError
from anygram.learning.gradient.storing import taken, to_array
from anygram.protocols import Tensors


def unfrozen(module: nn.Module, freeze: str) -> dict[str, nn.Parameter]:
    """Return the parameters that no pattern of `freeze` names; the others need no gradient from now on.

    UsageError where a pattern names none, or nothing is left to learn.
    """
    parameters = {name: p for name, p in module.named_parameters() if p.requires_grad}
    for pattern in filter(None, (part.strip() for part in freeze.split(","))):
        named = [name for name in parameters if fnmatchcase(name, pattern)]
        if not named:
            raise UsageError(f"freeze: no weights are named '{pattern}'; there are: {', '.join(parameters)}")
        for name in named:
            parameters.pop(name).requires_grad_(False)
        if not parameters:
            raise UsageError(f"freeze={freeze} leaves nothing to learn; name fewer weights")
    return parameters


def embeddings(module: nn.Module) -> set[str]:
    """Return the names of the parameters that are looked up, not multiplied."""
    return {f"{name}.weight" for name, part in module.named_modules() if isinstance(part, nn.Embedding)}


class Adapters:
    """W_OI = W⁰_OI + up_OR down_RI, only the two factors learnt (Hu et al. 2021, equation 3).

    The model's own matrix is always the sum, so that a model never knows that it is adapted and is stored
    like any other. Its gradient G gives the factors': upᵀ G and G downᵀ.
    """

    def __init__(self, weights: Mapping[str, nn.Parameter], module: nn.Module, rank: int, seed: int) -> None:
        """The parameters that get no factors stay as they are; UsageError where none gets any."""
        looked_up = embeddings(module)
        self.adapted = {n: p for n, p in weights.items() if p.ndim == 2 and n not in looked_up}
        if not self.adapted:
            raise UsageError("lora adapts matrices, and none is left to learn; freeze fewer weights")
        for name in weights.keys() - self.adapted.keys():
            weights[name].requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        self._given = {name: weight.detach().clone() for name, weight in self.adapted.items()}
        self.factors: dict[str, nn.Parameter] = {}
        for name, weight_OI in self.adapted.items():
            outputs, inputs = weight_OI.shape
            down_RI = torch.randn(rank, inputs, generator=generator) * inputs**-0.5
            self.factors[f"{name}.down"] = nn.Parameter(down_RI.to(weight_OI.device))
            self.factors[f"{name}.up"] = nn.Parameter(weight_OI.new_zeros(outputs, rank))

    @torch.no_grad()
    def take_gradients(self) -> None:
        """Give the factors their gradients, from those of the matrices."""
        for name, weight_OI in self.adapted.items():
            down_RI, up_OR = self.factors[f"{name}.down"], self.factors[f"{name}.up"]
            if weight_OI.grad is not None:
                down_RI.grad, up_OR.grad = up_OR.T @ weight_OI.grad, weight_OI.grad @ down_RI.T

    @torch.no_grad()
    def merge(self) -> None:
        """Write the sums into the model's matrices."""
        for name, weight_OI in self.adapted.items():
            weight_OI.copy_(self._given[name])
            weight_OI.addmm_(self.factors[f"{name}.up"], self.factors[f"{name}.down"])

    def tensors(self) -> Tensors:
        """Return the factors and the matrices they are added to."""
        given = {f"{name}.given": to_array(weight) for name, weight in self._given.items()}
        return given | {name: to_array(factor) for name, factor in self.factors.items()}

    @torch.no_grad()
    def restore(self, tensors: Tensors) -> None:
        """Go on from what `tensors` returned."""
        for name, given in self._given.items():
            given.copy_(taken(tensors, f"{name}.given", given))
        for name, factor in self.factors.items():
            factor.copy_(taken(tensors, name, factor))
        self.merge()
