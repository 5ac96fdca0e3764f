"""Dynamic evaluation: weights go on learning from what was read (Krause, Kahembwe, Murray & Renals 2018).

After each segment of S symbols, counted from where the session began, g its mean surprisal's gradient:

    θ ← θ − η g / (√MS + ε) + λ R ⊙ (θ_trained − θ),      R = min(√MS / mean √MS, 1 / λ)

MS is the mean of g² over the segments so far (theirs is that of the training data, which a session has not).
What is read within a segment is predicted by the weights that stood when it began.
Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, cast, runtime_checkable

import numpy as np

from anygram.errors import UsageError
from anygram.protocols import Differentiable, FloatArray, Ids, LanguageModel, Reader

if TYPE_CHECKING:
    import torch

NEEDS = "models learnt by gradient"


@dataclass(frozen=True)
class Config:
    """`segment` is S in symbols, `rate` η, `decay` λ, towards the trained weights."""

    segment: int = 32
    rate: float = 1e-3
    decay: float = 1e-3

    def __post_init__(self) -> None:
        if self.segment < 1:
            raise UsageError(f"segment must be at least 1, got {self.segment}; for example 32")
        if not 0 <= self.rate < math.inf:
            raise UsageError(f"rate must be at least 0 and finite, got {self.rate}; for example 0.001")
        if not 0 <= self.decay <= 1:
            raise UsageError(f"decay must be from 0 to 1, got {self.decay}; for example 0.001")


def suits(model: LanguageModel) -> bool:
    """Return whether the model has a gradient."""
    return isinstance(model, Differentiable)


def reader(model: LanguageModel, config: Config) -> Reader:
    """Return a session over a copy of the model."""
    return Dynamic(model, config)


@runtime_checkable
class _Dropping(Protocol):
    """A model whose loss can be computed with all its units."""

    dropout: bool


class Dynamic:
    """A copy of a model whose weights follow the text."""

    def __init__(self, model: LanguageModel, config: Config) -> None:
        self._config = config
        self._model = copy.deepcopy(model)
        if isinstance(self._model, _Dropping):
            self._model.dropout = False
        self._weights = _Weights(cast(Differentiable, self._model).module())
        self._before = self._state = self._model.start(1)
        self._segment: list[Ids] = []

    def log_p(self) -> FloatArray:
        """Return log P(next | all read so far) as log_p_V in nats."""
        log_p_V: FloatArray = self._model.predict(self._state)[0]
        return log_p_V

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log P of each id as log_p_T in nats."""
        parts: list[FloatArray] = [np.empty(0)]
        while len(ids_T):
            room = self._config.segment - sum(map(len, self._segment))
            log_p_BT, self._state = self._model.score(self._state, ids_T[None, :room])
            parts.append(log_p_BT[0])
            self._segment.append(ids_T[:room].copy())
            if len(ids_T) >= room:
                self._learn()
            ids_T = ids_T[room:]
        return np.concatenate(parts)

    def copy(self) -> Dynamic:
        """Return a reader that goes on from here on its own."""
        return copy.deepcopy(self)

    def _learn(self) -> None:
        """Learn from the segment; the state goes on from its one reading, however it was cut before."""
        ids_BT = np.concatenate(self._segment)[None]
        ones_BT = np.ones(ids_BT.shape, dtype=np.float32)
        nats, after = cast(Differentiable, self._model).loss(ids_BT, ones_BT, self._before)
        self._weights.step(nats, self._config.rate, self._config.decay)
        self._before = self._state = after
        self._segment = []


class _Weights:
    """The weights of a module, what they were trained to, and the mean squares of their gradients."""

    def __init__(self, module: torch.nn.Module) -> None:
        self._now = [weight for weight in module.parameters() if weight.requires_grad]
        self._trained = [weight.detach().clone() for weight in self._now]
        self._squares = [weight.detach().clone().zero_() for weight in self._now]
        self._steps = 0

    def step(self, nats: torch.Tensor, rate: float, decay: float) -> None:
        """Go down the gradient, and back towards what was trained (their equations 5 to 7)."""
        import torch  # a gradient is here, so torch is imported already

        gradients = torch.autograd.grad(nats, self._now, allow_unused=True, materialize_grads=True)
        self._steps += 1
        with torch.no_grad():
            for square, gradient in zip(self._squares, gradients, strict=True):
                square.lerp_(gradient.square(), 1 / self._steps)
            roots = [square.sqrt() for square in self._squares]
            mean = sum(root.sum().item() for root in roots) / sum(root.numel() for root in roots)
            for weight, trained, root, gradient in zip(
                self._now, self._trained, roots, gradients, strict=True
            ):
                back = (root * (decay / max(mean, _TINY))).clamp_(max=1.0)
                weight.addcdiv_(gradient, root + _TINY, value=-rate)
                weight.addcmul_(back, trained - weight)


_TINY = 1e-8
