"""What was read lately comes again: a recency cache beside any model (Kuhn & De Mori 1990).

A cache holds what followed the last 0 to K symbols in the session, and where the longest repeated stretch
went on; how much each is believed is learnt on line. `_weighing` has the equations.
Axes: T positions, V vocabulary, K orders.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anygram.adapting import _counts, _weighing
from anygram.adapting._static import Static
from anygram.errors import UsageError
from anygram.protocols import FloatArray, Ids, LanguageModel, Reader

NEEDS = "any model"


@dataclass(frozen=True)
class Config:
    """`orders`: the longest context that is counted, in symbols; `decay`: what is left of a count at each
    visit, `slow_decay` that of the empty context; `match`: the shortest stretch that is looked for again;
    `rate`: the least step of a weight."""

    orders: int = 8
    decay: float = 0.85
    slow_decay: float = 0.998
    match: int = 5
    rate: float = 0.02

    def __post_init__(self) -> None:
        if not 0 <= self.orders <= 16:
            raise UsageError(f"orders must be from 0 to 16, got {self.orders}; for example 8")
        for name in ("decay", "slow_decay"):
            if not 0 < getattr(self, name) <= 1:
                raise UsageError(f"{name} must be above 0 and at most 1, got {getattr(self, name)}")
        if not 1 <= self.match <= 32:
            raise UsageError(f"match must be from 1 to 32, got {self.match}; for example 5")
        if not 0 < self.rate < 1:
            raise UsageError(f"rate must be between 0 and 1, got {self.rate}; for example 0.02")


def suits(model: LanguageModel) -> bool:
    """Return true: all that is needed is what the model says of each symbol."""
    return True


def reader(model: LanguageModel, config: Config) -> Reader:
    """Return a session with an empty cache beside the model."""
    return beside(Static(model), model.vocabulary_size, config)


def beside(reader: Reader, vocabulary_size: int, config: Config) -> Reader:
    """Return a session with an empty cache beside another one, which goes on with it."""
    first_KB = _weighing.first_weights(config.orders)
    return Recency(reader, config, _counts.empty(first_KB, vocabulary_size - 1))


class Recency:
    """A cache beside another reader."""

    def __init__(self, inner: Reader, config: Config, tables: _counts.Tables) -> None:
        self._inner, self._config, self._tables = inner, config, tables
        self._decay_K = np.array([config.slow_decay] + [config.decay] * config.orders)

    def log_p(self) -> FloatArray:
        """Return log P(next | all read so far) as log_p_V in nats."""
        log_p_V = self._inner.log_p().astype(np.float64)
        _weighing.distribution(self._tables, self._decay_K, self._config.match, log_p_V)
        return log_p_V

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log P of each id as log_p_T in nats."""
        base_T = self._inner.read(ids_T).astype(np.float64)
        log_p_T = np.zeros(len(ids_T))
        done = 0
        while True:
            done = _weighing.read(
                self._tables,
                self._decay_K,
                self._config.match,
                self._config.rate,
                base_T,
                np.ascontiguousarray(ids_T),
                log_p_T,
                done,
            )
            if done == len(ids_T):
                return log_p_T
            self._tables = _counts.with_room(self._tables)

    def copy(self) -> Recency:
        """Return a reader that goes on from here on its own."""
        return Recency(self._inner.copy(), self._config, _counts.copied(self._tables))
