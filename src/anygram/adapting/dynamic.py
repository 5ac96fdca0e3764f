"""Dynamic evaluation: weights go on learning from what was read (Krause, Kahembwe, Murray & Renals 2018).

After each segment of S symbols, counted from where the session began, g its mean surprisal's gradient:

    θ ← θ − η g / (√MS + ε) + min(λ √MS / mean √MS, 1) (θ_trained − θ)

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
    from anygram.adapting._descent import Weights

NEEDS = "models learnt by gradient"


@dataclass(frozen=True)
class Config:
    """`segment` is S in symbols, `rate` η, `decay` λ, towards the trained weights."""

    segment: int = 32
    rate: float = 2e-4
    decay: float = 1e-3

    def __post_init__(self) -> None:
        if self.segment < 1:
            raise UsageError(f"segment must be at least 1, got {self.segment}; for example 32")
        if not 0 <= self.rate < math.inf:
            raise UsageError(f"rate must be at least 0 and finite, got {self.rate}; for example 0.0002")
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


def _weights(model: Differentiable) -> Weights:
    from anygram.adapting._descent import Weights  # torch is imported where there is a gradient, not before

    return Weights(model.module())


class Dynamic:
    """A copy of a model whose weights follow the text."""

    def __init__(self, model: LanguageModel, config: Config) -> None:
        self._config = config
        self._model = copy.deepcopy(model)
        if isinstance(self._model, _Dropping):
            self._model.dropout = False
        self._weights = _weights(cast(Differentiable, self._model))
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
