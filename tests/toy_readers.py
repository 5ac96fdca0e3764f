"""A small right model that learns while it reads, and wrong ones made from it.

Each has the one mistake that its docstring names. Axes: T positions, V vocabulary.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from anygram.information import log_softmax
from anygram.protocols import FloatArray, Ids
from tests.toy_models import Fading


class Session:
    """P(next) ∝ P_model(next) · (1 + how often it was read). Right."""

    def __init__(self, model: Fading) -> None:
        self.model, self.state = model, model.start(1)
        self.count_V = np.ones(model.vocabulary_size)

    def log_p(self) -> FloatArray:
        return log_softmax(self.model.predict(self.state)[0] + np.log(self.count_V))

    def read(self, ids_T: Ids) -> FloatArray:
        return np.array([self.read_one(symbol) for symbol in ids_T])

    def read_one(self, symbol: int) -> float:
        said = float(self.log_p()[symbol])
        self.learn(symbol)
        return said

    def learn(self, symbol: int) -> None:
        self.count_V[symbol] += 1
        self.state = self.model.advance(self.state, np.array([[symbol]], dtype=np.int32))

    def copy(self) -> Any:
        return copy.deepcopy(self)


class Remembering(Fading):
    """Reads by such sessions. Right."""

    session: type[Session] = Session

    def reader(self) -> Session:
        return self.session(self)


class _LearntFirst(Session):
    def read_one(self, symbol: int) -> float:
        self.count_V[symbol] += 1
        return super().read_one(symbol)


class LearntFirst(Remembering):
    """Learns each symbol before it says what it cost."""

    session = _LearntFirst


class _Heard(Session):
    def log_p(self) -> FloatArray:
        log_p_V = super().log_p()
        self.count_V[log_p_V.argmax()] += 1
        return log_p_V


class LearntFromQuestions(Remembering):
    """Learns its own predictions whenever it is asked for them."""

    session = _Heard


class _Shared(Session):
    def __init__(self, model: Fading) -> None:
        super().__init__(model)
        self.count_V = model.__dict__.setdefault("shared_V", self.count_V)


class SharedMemory(Remembering):
    """Lets all sessions over a model learn into one memory."""

    session = _Shared


class _ByTheCall(Session):
    def read(self, ids_T: Ids) -> FloatArray:
        known_V = self.count_V.copy()
        log_p_T = super().read(ids_T)
        self.count_V = known_V
        self.count_V[ids_T[-1:]] += 1
        return log_p_T


class LearntByTheCall(Remembering):
    """Learns the last symbol of each call alone."""

    session = _ByTheCall


class _Shallow(Session):
    def copy(self) -> Any:
        return copy.copy(self)


class ShallowCopy(Remembering):
    """Copies the session and not what it has learnt."""

    session = _Shallow


class _ForGood(Session):
    def learn(self, symbol: int) -> None:
        super().learn(symbol)
        self.model.bias_V[symbol] += 0.1


class LearntForGood(Remembering):
    """Learns into the model itself."""

    session = _ForGood
