"""Muon: orthogonalised momentum (Jordan et al. 2024, "Muon: an optimizer for hidden layers").

A matrix's momentum M = U Σ Vᵀ is replaced by about U Vᵀ before it is taken as the step, so that every
direction of the matrix learns at one speed. The polar factor comes from a few products of matrices
(Newton-Schulz): X ← a X + (b A + c A²) X with A = X Xᵀ, whose odd polynomial draws all singular values
of X, at most 1 at first, towards 1.

Axes: M matrices of one shape, R rows, C columns.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from anygram.learning.optimiser import Optimiser

# a, b, c of Jordan et al.: steep at 0, and singular values end between about 0.7 and 1.2
_A, _B, _C = 3.4445, -4.7750, 2.0315
_ROUNDS = 5


@dataclass(frozen=True)
class Matrices:
    """A parameter whose rows are so many matrices of one shape, one below the other."""

    parameter: Tensor
    parts: int = 1


class Muon(Optimiser):
    """Steps of spectral norm `lr` √max(1, R/C), which change what is read by as much whatever the width.

    So one rate suits networks of every width (Yang, Simon & Bernstein 2023, "A spectral condition for
    feature learning", equation 1). Decay is decoupled, as AdamW's.
    """

    def __init__(
        self,
        matrices: Iterable[Matrices],
        weight_decay: float = 0.0,
        momentum: float = 0.95,
        lr: float = 0.02,
        kind: torch.dtype | None = None,
    ) -> None:
        """`kind` are the numbers in which matrices are made orthogonal; None is their own."""
        self._kind = kind
        self._parts: dict[Tensor, int] = {one.parameter: one.parts for one in matrices}
        group = {"params": list(self._parts), "lr": lr, "weight_decay": weight_decay, "momentum": momentum}
        super().__init__([group])

    def _step(self, group: dict[str, Any], changed: list[Tensor]) -> None:
        gradients = [parameter.grad for parameter in changed if parameter.grad is not None]
        momenta = [self._momentum(parameter) for parameter in changed]
        torch._foreach_lerp_(momenta, gradients, 1 - group["momentum"])
        # Nesterov's: the step looks one momentum ahead
        ahead = torch._foreach_lerp(gradients, momenta, group["momentum"])
        by_shape: dict[tuple[int, int], list[tuple[Tensor, Tensor]]] = {}
        for parameter, direction in zip(changed, ahead, strict=True):
            for own, towards in self._matrices(parameter, direction):
                by_shape.setdefault((own.shape[0], own.shape[1]), []).append((own, towards))
        for (rows, columns), pairs in by_shape.items():
            polar_MRC = orthogonalise(torch.stack([towards for _, towards in pairs]), self._kind)
            matrices = [own for own, _ in pairs]
            torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
            scale = -group["lr"] * max(1.0, rows / columns) ** 0.5
            torch._foreach_add_(matrices, list(polar_MRC.unbind()), alpha=scale)

    def _matrices(self, parameter: Tensor, direction: Tensor) -> Iterable[tuple[Tensor, Tensor]]:
        parts = self._parts[parameter]
        return zip(parameter.chunk(parts), direction.chunk(parts), strict=True)

    def _momentum(self, parameter: Tensor) -> Tensor:
        if parameter not in self.state:
            self.state[parameter] = {"momentum": torch.zeros_like(parameter)}
        return self.state[parameter]["momentum"]


def orthogonalise(matrices_MRC: Tensor, kind: torch.dtype | None = None) -> Tensor:
    """Return about U Vᵀ for each matrix U Σ Vᵀ, its singular values near 1 where they were not tiny.

    In bfloat16 as `kind` it is about 1 % another one, less than it is off U Vᵀ anyway.
    """
    tall = matrices_MRC.shape[1] > matrices_MRC.shape[2]
    x_MRC = matrices_MRC.mT if tall else matrices_MRC
    # the Frobenius norm is at least the largest singular value
    x_MRC = (x_MRC / torch.linalg.matrix_norm(x_MRC, keepdim=True).clamp_min(1e-7)).to(
        kind or matrices_MRC.dtype
    )
    # half precision would lose the small singular values in products of the Gram matrix
    through_gram = 2 * x_MRC.shape[1] <= x_MRC.shape[2] and x_MRC.dtype.itemsize >= 4
    polar_MRC = (_rounds_of_gram if through_gram else _rounds)(x_MRC)
    return (polar_MRC.mT if tall else polar_MRC).to(matrices_MRC.dtype)


def _rounds(x_MRC: Tensor) -> Tensor:
    for _ in range(_ROUNDS):
        gram_MRR = x_MRC @ x_MRC.mT
        polynomial_MRR = torch.baddbmm(gram_MRR, gram_MRR, gram_MRR, beta=_B, alpha=_C)
        x_MRC = torch.baddbmm(x_MRC, polynomial_MRR, x_MRC, beta=_A)
    return x_MRC


def _rounds_of_gram(x_MRC: Tensor) -> Tensor:
    """Return what `_rounds` does; where C = 4R in 50 R³ operations, not 90.

    A round multiplies X by a matrix P = a + b A + c A², and A = X Xᵀ becomes P A P: the rounds go on
    without X, which is multiplied once by all their P.
    """
    gram_MRR = x_MRC @ x_MRC.mT
    product_MRR = factor_MRR = _factor(gram_MRR)
    for _ in range(_ROUNDS - 1):
        gram_MRR = factor_MRR @ gram_MRR @ factor_MRR
        factor_MRR = _factor(gram_MRR)
        product_MRR = factor_MRR @ product_MRR
    return product_MRR @ x_MRC


def _factor(gram_MRR: Tensor) -> Tensor:
    """Return a + b A + c A²."""
    factor_MRR = torch.baddbmm(gram_MRR, gram_MRR, gram_MRR, beta=_B, alpha=_C)
    factor_MRR.diagonal(dim1=1, dim2=2).add_(_A)
    return factor_MRR
