"""The gated recurrent unit (Cho et al. 2014, equations 5–8), the reset gate after the product.

    r_t, z_t = σ(W x_t + U h_{t−1} + b), each its own
    n_t = tanh(W_n x_t + b_n + r_t ⊙ (U_n h_{t−1}))
    h_t = (1 − z_t) ⊙ n_t + z_t ⊙ h_{t−1}

Cho et al. write U (r_t ⊙ h_{t−1}); resetting after the product needs one product a step instead of two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from anygram.budgets import Budget
from anygram.compiled import elementwise_kernel
from anygram.neural.activations import logistic, logistic_slope, tanh, tanh_slope
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrence import Carried, Cell
from anygram.neural.recurrent import RecurrentConfig, recurrent_model, recurrent_space, suggest_recurrent
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """The sizes of every recurrent network."""


@elementwise_kernel
def _step(input_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any) -> None:
    """Write h_t, and over the input part r, z, n."""
    rows, units = h_BH.shape
    for b in range(rows):
        input_G, product_G, h_H, new_h_H = input_BG[b], product_BG[b], h_BH[b], new_h_BH[b]
        for k in range(2 * units):
            input_G[k] = logistic(input_G[k] + product_G[k])
        r_H, z_H, n_H, product_n_H = (
            input_G[:units],
            input_G[units : 2 * units],
            input_G[2 * units :],
            product_G[2 * units :],
        )
        for j in range(units):
            n_H[j] = tanh(n_H[j] + r_H[j] * product_n_H[j])
            new_h_H[j] = n_H[j] + z_H[j] * (h_H[j] - n_H[j])


@elementwise_kernel
def _gradient(
    kept_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any, straight_BH: Any, through_BH: Any, output_BH: Any
) -> None:
    """Write the gradients of both parts over r, z, n and the product, and over h_t's that of h_{t−1}."""
    rows, units = h_BH.shape
    for b in range(rows):
        kept_G, product_G, h_H, straight_H = kept_BG[b], product_BG[b], h_BH[b], straight_BH[b]
        r_H, z_H, n_H = kept_G[:units], kept_G[units : 2 * units], kept_G[2 * units :]
        product_r_H, product_z_H, product_n_H = (
            product_G[:units],
            product_G[units : 2 * units],
            product_G[2 * units :],
        )
        through_H, output_H = through_BH[b], output_BH[b]
        for j in range(units):
            dh, r, z, n = straight_H[j] + through_H[j] + output_H[j], r_H[j], z_H[j], n_H[j]
            straight_H[j] = dh * z
            dz = dh * (h_H[j] - n) * logistic_slope(z)
            dn = dh * (1 - z) * tanh_slope(n)
            z_H[j], product_z_H[j] = dz, dz
            n_H[j] = dn
            r_H[j] = dn * product_n_H[j] * logistic_slope(r)
            product_n_H[j] = dn * r
        for j in range(units):
            product_r_H[j] = r_H[j]


class GruCell(Cell):
    """Blocks in the order r, z, n; h is carried."""

    blocks = 3
    apart = True
    compiled = staticmethod(_step)
    compiled_gradient = staticmethod(_gradient)

    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        (h_BH,) = carried
        r_BH, z_BH, n_BH = input_BG.chunk(3, dim=1)
        product_r_BH, product_z_BH, product_n_BH = product_BG.chunk(3, dim=1)
        r_BH, z_BH = (r_BH + product_r_BH).sigmoid(), (z_BH + product_z_BH).sigmoid()
        return ((n_BH + r_BH * product_n_BH).tanh().lerp(h_BH, z_BH),)


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained GRU; equal seeds give equal weights."""
    return recurrent_model("gru", config, GruCell, vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, GruCell.blocks, sample_ids, symbols, vocabulary_size, budget)


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return recurrent_space()
