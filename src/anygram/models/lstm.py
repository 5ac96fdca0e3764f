"""The long short-term memory (Hochreiter & Schmidhuber 1997) with forget gates (Gers et al. 2000).

i_t, f_t, o_t = σ(W x_t + U h_{t−1} + b), each its own        g_t = tanh(W_g x_t + U_g h_{t−1} + b_g)
c_t = f_t ⊙ c_{t−1} + i_t ⊙ g_t                               h_t = o_t ⊙ tanh c_t
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, linear

from anygram.budgets import Budget
from anygram.compiled import elementwise_kernel
from anygram.neural.activations import logistic, logistic_slope, tanh, tanh_slope
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.recurrence import Carried, Cell
from anygram.neural.recurrent import RecurrentConfig, recurrent_model, recurrent_space, suggest_recurrent
from anygram.neural.sizing import require_finite
from anygram.protocols import Ids
from anygram.spaces import Space


@dataclass(frozen=True)
class Config(RecurrentConfig):
    """`forget_bias` is b_f before training: 1 remembers (Jozefowicz, Zaremba & Sutskever 2015).

    `normalised`: layer normalisation of W x_t, of U h_{t−1} and of c_t (Ba, Kiros & Hinton 2016).
    """

    forget_bias: float = 1.0
    normalised: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        require_finite("forget_bias", self.forget_bias)


@elementwise_kernel
def _step(input_BG: Any, product_BG: Any, h_BH: Any, c_BH: Any, new_h_BH: Any, new_c_BH: Any) -> None:
    """Write h_t and c_t, and over the input part i, f, o, g."""
    rows, units = c_BH.shape
    for b in range(rows):
        input_G, product_G = input_BG[b], product_BG[b]
        for k in range(3 * units):
            input_G[k] = logistic(input_G[k] + product_G[k])
        last_H, product_H = input_G[3 * units :], product_G[3 * units :]
        for j in range(units):
            last_H[j] = tanh(last_H[j] + product_H[j])
        i_H, f_H, o_H, g_H = (
            input_G[:units],
            input_G[units : 2 * units],
            input_G[2 * units : 3 * units],
            input_G[3 * units :],
        )
        c_H, new_h_H, new_c_H = c_BH[b], new_h_BH[b], new_c_BH[b]
        for j in range(units):
            memory = f_H[j] * c_H[j] + i_H[j] * g_H[j]
            new_c_H[j] = memory
            new_h_H[j] = o_H[j] * tanh(memory)


@elementwise_kernel
def _gradient(
    kept_BG: Any,
    _: Any,
    h_BH: Any,
    c_BH: Any,
    new_h_BH: Any,
    new_c_BH: Any,
    straight_h_BH: Any,
    dc_BH: Any,
    through_BH: Any,
    output_BH: Any,
) -> None:
    """Write over i, f, o, g the gradients of their pre-activations, and over c_t's that of c_{t−1}.

    h_{t−1} is read by the product alone, so nothing comes straight to it.
    """
    rows, units = c_BH.shape
    for b in range(rows):
        kept_G, c_H, new_c_H, dc_H = kept_BG[b], c_BH[b], new_c_BH[b], dc_BH[b]
        i_H, f_H, o_H, g_H = (
            kept_G[:units],
            kept_G[units : 2 * units],
            kept_G[2 * units : 3 * units],
            kept_G[3 * units :],
        )
        through_H, output_H = through_BH[b], output_BH[b]
        for j in range(units):
            squashed, o, dh = tanh(new_c_H[j]), o_H[j], through_H[j] + output_H[j]
            dc_H[j] += dh * o * tanh_slope(squashed)
            o_H[j] = dh * squashed * logistic_slope(o)
        for j in range(units):
            dc, i, f, g = dc_H[j], i_H[j], f_H[j], g_H[j]
            i_H[j] = dc * g * logistic_slope(i)
            g_H[j] = dc * i * tanh_slope(g)
            f_H[j] = dc * c_H[j] * logistic_slope(f)
            dc_H[j] = dc * f


class LstmCell(Cell):
    """Blocks in the order i, f, o, g; h and c are carried."""

    blocks = 4
    carries = 2
    compiled = staticmethod(_step)
    compiled_gradient = staticmethod(_gradient)

    def __init__(self, forget_bias: float) -> None:
        super().__init__()
        self._forget_bias = forget_bias

    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        i_BH, f_BH, o_BH, g_BH = (input_BG + product_BG).chunk(4, dim=1)
        c_BH = f_BH.sigmoid() * carried[1] + i_BH.sigmoid() * g_BH.tanh()
        return o_BH.sigmoid() * c_BH.tanh(), c_BH

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[1] = self._forget_bias


class NormalisedLstmCell(Cell):
    """LN(x) = α ⊙ (x − mean x) / √(var x + ε) on both parts and on c_t (Ba et al. 2016, equations 20–22).

    What LN(W x_t) and LN(U h_{t−1}) would add is in b already.
    """

    blocks = 4
    carries = 2

    def __init__(self, forget_bias: float, units: int) -> None:
        super().__init__()
        self._forget_bias = forget_bias
        self.input_gain = nn.Parameter(torch.ones(self.blocks * units))
        self.product_norm = nn.LayerNorm(self.blocks * units, bias=False)
        self.memory_norm = nn.LayerNorm(units)

    def input_part(self, input_TBI: Tensor, layer: nn.Linear) -> Tensor:
        product_TBG = linear(input_TBI, layer.weight)
        return layer_norm(product_TBG, self.input_gain.shape, self.input_gain, layer.bias)

    def step(self, input_BG: Tensor, product_BG: Tensor, carried: Carried) -> Carried:
        i_BH, f_BH, o_BH, g_BH = (input_BG + self.product_norm(product_BG)).chunk(4, dim=1)
        c_BH = f_BH.sigmoid() * carried[1] + i_BH.sigmoid() * g_BH.tanh()
        return o_BH.sigmoid() * self.memory_norm(c_BH).tanh(), c_BH

    def initial_bias(self, bias_GH: Tensor) -> None:
        super().initial_bias(bias_GH)
        bias_GH[1] = self._forget_bias


def create(config: Config, vocabulary_size: int, seed: int) -> NeuralLanguageModel:
    """Return an untrained LSTM; equal seeds give equal weights."""

    def cell() -> Cell:
        if config.normalised:
            return NormalisedLstmCell(config.forget_bias, config.units)
        return LstmCell(config.forget_bias)

    return recurrent_model("lstm", config, cell, vocabulary_size, seed)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return sizes and learner settings for this much text and time."""
    return suggest_recurrent(Config, LstmCell.blocks, sample_ids, symbols, vocabulary_size, budget)


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return recurrent_space()
