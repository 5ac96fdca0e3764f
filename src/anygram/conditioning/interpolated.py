"""A model leaned on another one that knows more text: P = (1 − w) P_own + w P_background.

Jelinek & Mercer, "Interpolated estimation of Markov source parameters from sparse data" (1980). The weight is
fitted to text that neither has learnt, as there.

Axes: B rows, T positions, V vocabulary, N symbols of a stream.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anygram.protocols import (
    Codec,
    Condition,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    State,
    Streaming,
    Tensors,
    TextScorer,
)

_HALVINGS = 24
_LEAST, _MOST = 1e-3, 1 - 1e-3
"""So much of each model is left whatever the text says: a symbol that one of them thinks next to impossible
must not cost without end."""


@dataclass(frozen=True)
class InterpolatedState:
    """The states of both models."""

    own: State
    background: State


class Interpolated:
    """A model and what it leans on, read side by side; `interpolated` makes the kind that suits both."""

    def __init__(self, own: LanguageModel, background: LanguageModel, weight: float) -> None:
        self.own, self.background = own, background
        self._log_own, self._log_background = math.log1p(-weight), math.log(weight)

    @property
    def vocabulary_size(self) -> int:
        return self.own.vocabulary_size

    def start(self, rows: int, condition: Condition | None = None) -> InterpolatedState:
        """Return the state after the boundary; a condition is what the models make of it."""
        return InterpolatedState(self.own.start(rows, condition), self.background.start(rows, condition))

    def predict(self, state: InterpolatedState) -> FloatArray:
        """Return log_p_BV in nats."""
        return self.mix(self.own.predict(state.own), self.background.predict(state.background))

    def advance(
        self, state: InterpolatedState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> InterpolatedState:
        """Return the state after these ids."""
        return InterpolatedState(
            self.own.advance(state.own, ids_BT, lengths),
            self.background.advance(state.background, ids_BT, lengths),
        )

    def score(
        self, state: InterpolatedState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, InterpolatedState]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        own_BT, own = self.own.score(state.own, ids_BT, lengths)
        background_BT, background = self.background.score(state.background, ids_BT, lengths)
        log_p_BT = self.mix(own_BT, background_BT)
        if lengths is not None:
            log_p_BT[np.arange(ids_BT.shape[1]) >= np.asarray(lengths)[:, None]] = 0.0
        return log_p_BT, InterpolatedState(own, background)

    def mix(self, own: FloatArray, background: FloatArray) -> FloatArray:
        """Return log P from what both models say in nats, of any shape."""
        log_p: FloatArray = np.logaddexp(self._log_own + own, self._log_background + background)
        return log_p

    def tensors(self) -> Tensors:
        """Return nothing: both models are stored by whom they belong to."""
        return {}

    def restore(self, tensors: Tensors) -> None:
        """There is nothing to take."""


class _StreamingModel(LanguageModel, Streaming, Protocol): ...


class InterpolatedStreaming(Interpolated):
    """An `Interpolated` of two models that score documents end to end."""

    own: _StreamingModel
    background: _StreamingModel

    def score_stream(self, ids_N: Ids) -> FloatArray:
        """Return log P of each symbol as log_p_N; every document is closed by its boundary."""
        return self.mix(self.own.score_stream(ids_N), self.background.score_stream(ids_N))

    def text_scorer(self, codec: Codec) -> TextScorer | None:
        """There is no quicker way than by symbols."""
        return None


def interpolated(own: LanguageModel, background: LanguageModel, weight: float) -> Interpolated:
    """Return the model leaned on the other one by a weight between 0 and 1."""
    if isinstance(own, Streaming) and isinstance(background, Streaming):
        return InterpolatedStreaming(own, background, weight)
    return Interpolated(own, background, weight)


def fitted_weight(own_N: FloatArray, background_N: FloatArray, start: float = 0.5) -> float:
    """Return the weight of the background under which text that neither model has learnt is likeliest.

    The arguments are what each gave every symbol, in nats; where there are none the start is returned. The
    log-likelihood is concave in the weight, so that halving finds where its slope is 0.

    >>> fitted_weight(np.log([0.5, 0.1]), np.log([0.1, 0.5]))
    0.5
    """
    if not len(own_N):
        return start
    ratio_N = np.exp(np.clip(own_N - background_N, -700, 700))
    low, high = _LEAST, _MOST
    for _ in range(_HALVINGS):
        weight = (low + high) / 2
        slope = float(((1 - ratio_N) / (weight + (1 - weight) * ratio_N)).mean())
        low, high = (weight, high) if slope > 0 else (low, weight)
    return round((low + high) / 2, 6)
