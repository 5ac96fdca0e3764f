"""Looking for a learning rate: a few steps at rising rates, on weights that are thrown away.

The range test of Smith 2017 (section 3.3).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from anygram.learning.gradient.averaging import copy
from anygram.learning.gradient.storing import taken, to_array
from anygram.protocols import Tensors

SHARE = 0.05
"""How much of the budget the sweep takes at most."""
_LOWEST, _HIGHEST = 1e-5, 1.0
_FEWEST = 10
_WINDOW = 2  # a loss is averaged with as many on each side
_LOST = 1.5  # times the lowest loss: further rates are too high
_PLATEAU = 0.1  # of the fall from the first loss to the lowest
FALLBACK = 2e-3


class Sweep:
    """Rates rise from step to step by a constant factor, until the loss is lost or the share is spent."""

    def __init__(self, parameters: Mapping[str, Tensor]) -> None:
        self._parameters = parameters
        self._start = {name: parameter.detach().clone() for name, parameter in parameters.items()}
        self.rates: list[float] = []
        self.nats: list[float] = []

    def rate_at(self, spent: float) -> float:
        """Return the rate to try after this fraction of the budget."""
        return float(_LOWEST * (_HIGHEST / _LOWEST) ** min(1.0, spent / SHARE))

    def note(self, rate: float, nats: float) -> None:
        """Take the loss before a step at this rate."""
        self.rates.append(rate)
        self.nats.append(nats)

    def is_over(self, spent: float) -> bool:
        """Return whether no further rate is to be tried."""
        last = self.nats[-1]
        return spent >= SHARE or not math.isfinite(last) or last > _LOST * min(self.nats)

    def choose(self) -> float:
        """Return half the middle (of logarithms) of the rates that learn; FALLBACK after few steps.

        Those are from the first to the last whose loss, smoothed, is within a tenth of the whole fall of its
        lowest. On such a plateau the lowest itself stands anywhere; in its middle a network learns most in a
        few steps, and in a long training below it.
        """
        steps = len(self.rates) - 1  # a loss shows what the step before it did
        if steps < _FEWEST:
            return FALLBACK
        nats_N = np.minimum(np.nan_to_num(np.array(self.nats), nan=np.inf), self.nats[0])
        smooth_N = np.array(
            [nats_N[max(0, n - _WINDOW) : n + _WINDOW + 1].mean() for n in range(1, steps + 1)]
        )
        lowest = smooth_N.min()
        good_N = np.flatnonzero(smooth_N <= lowest + _PLATEAU * (self.nats[0] - lowest))
        return 0.5 * math.sqrt(self.rates[good_N[0]] * self.rates[good_N[-1]])

    def undo(self) -> None:
        """Put the weights back to what they were before."""
        copy(self._start, self._parameters)

    def tensors(self) -> Tensors:
        """Return the weights before, the rates and the losses so far."""
        start = {f"start.{name}": to_array(parameter) for name, parameter in self._start.items()}
        return {**start, "rates": np.array(self.rates), "nats": np.array(self.nats)}

    def restore(self, tensors: Tensors) -> None:
        """Go on from what `tensors` returned."""
        self._start = {name: taken(tensors, f"start.{name}", start) for name, start in self._start.items()}
        for name in ("rates", "nats"):
            like = torch.empty(0, dtype=torch.float64)
            setattr(self, name, taken(tensors, name, like, any_shape=True).tolist())
