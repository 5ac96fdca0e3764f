"""A reader that learns nothing: any model as it is, in a session. Axes: T positions, V vocabulary."""

from __future__ import annotations

from anygram.distributions import distribute
from anygram.protocols import FloatArray, Ids, LanguageModel


class Static:
    """What the model itself says of what is read."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model
        self._state = model.start(1)

    def log_p(self) -> FloatArray:
        """Return log P(next | all read since the boundary) as log_p_V in nats."""
        log_p_V: FloatArray = self._model.predict(self._state)[0]
        return log_p_V

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log P of each id as log_p_T in nats."""
        log_p_BT, self._state = self._model.score(self._state, ids_T[None])
        log_p_T: FloatArray = log_p_BT[0]
        return log_p_T

    def distribute(self, ids_T: Ids) -> FloatArray:
        """Return log P of every symbol before each id as log_p_TV in nats, and read them."""
        log_p_BTV, self._state = distribute(self._model, self._state, ids_T[None])
        log_p_TV: FloatArray = log_p_BTV[0]
        return log_p_TV

    def copy(self) -> Static:
        """Return a reader that goes on from here; a state is a value, so both may share it."""
        other = Static(self._model)
        other._state = self._state
        return other
