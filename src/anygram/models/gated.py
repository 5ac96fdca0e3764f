"""The gated cell without a separate memory: what it remembers is what it says.

    f_t = σ(W_f x_t + U_f h_{t−1} + b_f)        i_t = 1 − f_t, or σ(W_i x_t + U_i h_{t−1} + b_i)
    h_t = f_t ⊙ h_{t−1} + i_t ⊙ tanh(W_g x_t + U_g h_{t−1} + b_g)

Coupled gates (Zhou et al. 2016, their minimal gated unit; Greff et al. 2017 couple an LSTM's) keep h a
mean of what was read, within ±1. Free gates can sum without end: where f_t nears 1 h grows with the
text, and as h opens its own gates, training on long streams diverges within a few hundred steps.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor

from anygram.budgets import Budget
from anygram.compiled import elementwise_kernel
from anygram.neural.activations import logistic, logistic_slope, tanh, tanh_slope
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrence import Carried, Cell
from anygram.neural.recurrent import RecurrentConfig, recurrent_model, recurrent_space, suggest_recurrent
from anygram.neural.sizing import require_finite, require_one_of
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`gates` says whether i is 1 − f or a gate of its own; `forget_bias` is b_f before training."""

    gates: Literal["coupled", "free"] = "coupled"
    forget_bias: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        require_one_of("gates", self.gates, ("coupled", "free"))
        require_finite("forget_bias", self.forget_bias)


@elementwise_kernel
def _coupled(input_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any) -> None:
    """Write h_t, and over the input part f and g."""
    rows, units = h_BH.shape
    for b in range(rows):
        f_H, g_H = input_BG[b, :units], input_BG[b, units:]
        product_f_H, product_g_H = product_BG[b, :units], product_BG[b, units:]
        h_H, new_h_H = h_BH[b], new_h_BH[b]
        for j in range(units):
            f, g = logistic(f_H[j] + product_f_H[j]), tanh(g_H[j] + product_g_H[j])
            f_H[j], g_H[j] = f, g
            new_h_H[j] = g + f * (h_H[j] - g)


@elementwise_kernel
def _coupled_gradient(
    kept_BG: Any, _: Any, h_BH: Any, new_h_BH: Any, straight_BH: Any, through_BH: Any, output_BH: Any
) -> None:
    """Write over f and g the gradients of their pre-activations, and over h_t's that of h_{t−1}."""
    rows, units = h_BH.shape
    for b in range(rows):
        f_H, g_H, h_H = kept_BG[b, :units], kept_BG[b, units:], h_BH[b]
        straight_H, through_H, output_H = straight_BH[b], through_BH[b], output_BH[b]
        for j in range(units):
            dh, f, g = straight_H[j] + through_H[j] + output_H[j], f_H[j], g_H[j]
            straight_H[j] = dh * f
            f_H[j] = dh * (h_H[j] - g) * logistic_slope(f)
            g_H[j] = dh * (1 - f) * tanh_slope(g)


@elementwise_kernel
def _free(input_BG: Any, product_BG: Any, h_BH: Any, new_h_BH: Any) -> None:
    """Write h_t, and over the input part f, i and g."""
    rows, units = h_BH.shape
    for b in range(rows):
        input_G, product_G, h_H, new_h_H = input_BG[b], product_BG[b], h_BH[b], new_h_BH[b]
        for k in range(2 * units):
            input_G[k] = logistic(input_G[k] + product_G[k])
        f_H, i_H, g_H = input_G[:units], input_G[units : 2 * units], input_G[2 * units :]
        product_g_H = product_G[2 * units :]
        for j in range(units):
            g_H[j] = tanh(g_H[j] + product_g_H[j])
            new_h_H[j] = f_H[j] * h_H[j] + i_H[j] * g_H[j]


@elementwise_kernel
def _free_gradient(
    kept_BG: Any, _: Any, h_BH: Any, new_h_BH: Any, straight_BH: Any, through_BH: Any, output_BH: Any
) -> None:
    """Write over f, i and g the gradients of their pre-activations, and over h_t's that of h_{t−1}."""
    rows, units = h_BH.shape
    for b in range(rows):
        kept_G, h_H = kept_BG[b], h_BH[b]
        f_H, i_H, g_H = kept_G[:units], kept_G[units : 2 * units], kept_G[2 * units :]
        straight_H, through_H, output_H = straight_BH[b], through_BH[b], output_BH[b]
        for j in range(units):
            dh, f, i, g = straight_H[j] + through_H[j] + output_H[j], f_H[j], i_H[j], g_H[j]
            straight_H[j] = dh * f
            f_H[j] = dh * h_H[j] * logistic_slope(f)
            i_H[j] = dh * g * logistic_slope(i)
            g_H[j] = dh * i * tanh_slope(g)


class CoupledCell(Cell):
    """Blocks in the order f, g; h is carried."""

    blocks = 2
    compiled = staticmethod(_coupled)
    compiled_gradient = staticmethod(_coupled_gradient)

    def __init__(self, forget_bias: float) -> None:
        super().__init__()
        self._forget_bias = forget_bias

    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        (h_BH,) = carried
        f_BH, g_BH = (input_BG + product_BG).chunk(2, dim=1)
        return (g_BH.tanh().lerp(h_BH, f_BH.sigmoid()),)

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[0] = self._forget_bias


class FreeCell(Cell):
    """Blocks in the order f, i, g; h is carried."""

    blocks = 3
    compiled = staticmethod(_free)
    compiled_gradient = staticmethod(_free_gradient)

    def __init__(self, forget_bias: float) -> None:
        super().__init__()
        self._forget_bias = forget_bias

    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        (h_BH,) = carried
        f_BH, i_BH, g_BH = (input_BG + product_BG).chunk(3, dim=1)
        return (f_BH.sigmoid() * h_BH + i_BH.sigmoid() * g_BH.tanh(),)

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[0], bias_GH[1] = self._forget_bias, -self._forget_bias  # σ(−b) = 1 − σ(b): coupled at first


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained gated network; equal seeds give equal weights."""
    kind = CoupledCell if config.gates == "coupled" else FreeCell
    return recurrent_model("gated", config, lambda: kind(config.forget_bias), vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, CoupledCell.blocks, sample_ids, symbols, vocabulary_size, budget)


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return recurrent_space()
