"""How the layers of a network fare in one step, and words for the ways in which learning fails.

Axes: O outputs, I inputs of a matrix.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from anygram.learning.gradient.adapting import embeddings
from anygram.learning.gradient.optimisers import HEADS

# How many steps show that something is the rule, and how many looks in a row
_STEPS, _LOOKS = 50, 3
_NEARLY_ALWAYS = 0.95
_EXPLODED = 10.0  # times clip: below, cutting a gradient is everyday
_JUMP = 100.0  # times the typical norm
_VANISHED = 1e-4  # of the last layer's, for each weight
_DEAD = 0.5


class Watch:
    """Looks closely at a step when told to; every other step costs it a few additions.

    A layer is what owns a parameter in the model's module.
    """

    def __init__(self, module: nn.Module, weights: Mapping[str, nn.Parameter], clip: float) -> None:
        self._weights, self._clip = weights, clip
        looked_up = embeddings(module)
        self._inner = [
            name
            for name, weight in weights.items()
            if weight.ndim == 2 and name not in looked_up and not name.startswith(HEADS)
        ]
        self._before: list[Tensor] = []
        self._all_steps = 0
        self._steps = self._clipped = 0  # since clipping was last judged
        self._norms = self._typical = 0.0
        self._vanishing = 0
        self._dying: dict[str, int] = {}
        self._said: set[str] = set()
        self._warnings: list[str] = []

    def note(self, norm: float) -> None:
        """Take the norm of one step's gradient."""
        self._steps += 1
        self._all_steps += 1
        self._clipped += norm > self._clip
        self._norms += norm
        if self._all_steps > _STEPS and norm > max(self._clip, _JUMP * self._typical):
            self._warn(
                "jump",
                f"the norm of the gradient jumped from about {self._typical:.2g} to {norm:.2g}; "
                "if the loss does not come down again, lower rate",
            )
        self._typical += (norm - self._typical) / min(self._all_steps, _STEPS)

    @torch.no_grad()
    def before(self) -> dict[str, Any]:
        """Return what the gradients say, layer by layer, before a step; the weights are remembered."""
        self._before = [weight.detach().clone() for weight in self._weights.values()]
        gradients = {name: weight.grad for name, weight in self._weights.items() if weight.grad is not None}
        lengths = dict(zip(gradients, _norms(gradients.values()), strict=True))
        dead = {_layer(name): _still(gradients[name]) for name in self._inner if name in gradients}
        self._judge_depth(lengths)
        self._judge_dead(dead)
        self._judge_clipping()
        return {
            "gradient_norms": _rounded(_by_layer(lengths)),
            "dead_units": _rounded({layer: share for layer, share in dead.items() if share}),
        }

    @torch.no_grad()
    def after(self) -> dict[str, Any]:
        """Return by how much of itself each layer was changed by the step since `before`."""
        changes = _norms(torch._foreach_sub(list(self._weights.values()), self._before))
        sizes = _norms(self._before)
        self._before = []
        change = _by_layer(dict(zip(self._weights, changes, strict=True)))
        size = _by_layer(dict(zip(self._weights, sizes, strict=True)))
        return {
            "update_ratios": _rounded({layer: change[layer] / size[layer] for layer in size if size[layer]})
        }

    def warnings(self) -> list[str]:
        """Return what was found wrong since the last call, each kind once."""
        found, self._warnings = self._warnings, []
        return found

    def _judge_clipping(self) -> None:
        if self._steps < _STEPS:
            return
        mean = self._norms / self._steps
        if self._clipped >= _NEARLY_ALWAYS * self._steps and mean >= _EXPLODED * self._clip:
            self._warn(
                "explode",
                f"the gradients explode: their norm is about {mean:.2g}, so that nearly every one is cut to "
                f"clip={self._clip:g}; lower rate, or shorten block",
            )
        self._clipped, self._norms, self._steps = 0, 0.0, 0

    def _judge_depth(self, lengths: Mapping[str, float]) -> None:
        inner = [name for name in self._inner if name in lengths]
        if len(inner) < 2:
            return
        first, last = (
            lengths[name] / math.sqrt(self._weights[name].numel()) for name in (inner[0], inner[-1])
        )
        self._vanishing = self._vanishing + 1 if first < _VANISHED * last else 0
        if self._vanishing >= _LOOKS:
            self._warn(
                "vanish",
                f"the gradients vanish: at {_layer(inner[0])} they are {first / last:.1g} of those at "
                f"{_layer(inner[-1])}; use fewer layers, or a model with gates or residuals",
            )

    def _judge_dead(self, dead: Mapping[str, float]) -> None:
        for layer, share in dead.items():
            self._dying[layer] = self._dying.get(layer, 0) + 1 if share > _DEAD else 0
            if self._dying[layer] >= _LOOKS:
                self._warn(
                    "dead",
                    f"{share:.0%} of the units of {layer} pass no gradient on, whatever is read; "
                    "lower rate or raise warmup, and train anew",
                )

    def _warn(self, kind: str, warning: str) -> None:
        if kind not in self._said:
            self._said.add(kind)
            self._warnings.append(warning)


def _still(gradient_OI: Tensor) -> float:
    """Return the share of units, one a row, that pass no gradient: always rectified away, or saturated."""
    return 1.0 - (gradient_OI != 0).any(1).float().mean().item()


def _norms(tensors: Iterable[Tensor]) -> list[float]:
    norms: Sequence[Tensor] = torch._foreach_norm(list(tensors))
    return torch.stack(list(norms)).tolist() if norms else []


def _layer(name: str) -> str:
    return name.rpartition(".")[0]


def _by_layer(lengths: Mapping[str, float]) -> dict[str, float]:
    """Return one length for the parameters of each layer together."""
    squares: dict[str, float] = {}
    for name, length in lengths.items():
        squares[_layer(name)] = squares.get(_layer(name), 0.0) + length * length
    return {layer: math.sqrt(square) for layer, square in squares.items()}


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: float(f"{figure:.4g}") for name, figure in figures.items()}
