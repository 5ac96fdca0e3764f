"""Every symbol equally likely: log P = −log V. The zero of the yardstick; it stores and learns nothing.

Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.conditioning import refuse
from anygram.logarithms import log
from anygram.protocols import Condition, FloatArray, Ids, Lengths, Tensors

Rows = NDArray[np.int64]


@dataclass(frozen=True)
class Config:
    """Nothing to set."""


def create(config: Config, vocabulary_size: int, seed: int) -> Uniform:
    """Return the model; neither setting nor seed changes it."""
    return Uniform(vocabulary_size)


class Uniform:
    """P(w) = 1 / V whatever stands before; the state remembers only how many rows there are."""

    reproducible = True

    def __init__(self, vocabulary_size: int) -> None:
        self.vocabulary_size = vocabulary_size
        self._log_p = -float(log(np.array(vocabulary_size)))

    def start(self, rows: int, condition: Condition | None = None) -> Rows:
        """Return a state of that many rows; a condition is refused (UsageError)."""
        refuse(condition, "uniform")
        return np.zeros(rows, dtype=np.int64)

    def predict(self, state: Rows) -> FloatArray:
        """Return log_p_BV in nats."""
        return np.full((len(state), self.vocabulary_size), self._log_p)

    def advance(self, state: Rows, ids_BT: Ids, lengths: Lengths | None = None) -> Rows:
        """Return the same state: nothing is remembered."""
        return state

    def score(self, state: Rows, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Rows]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        log_p_BT = np.full(ids_BT.shape, self._log_p)
        if lengths is not None:
            log_p_BT[np.arange(ids_BT.shape[1]) >= np.asarray(lengths)[:, None]] = 0.0
        return log_p_BT, state

    def rank(
        self, state: Rows, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], Rows]:
        """Return log_p_BT, rank_BT and the state; all symbols tie, so a symbol's rank is its id."""
        log_p_BT, after = self.score(state, ids_BT, lengths)
        return log_p_BT, ids_BT.astype(np.int64), after

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Learn nothing; a condition is refused (UsageError)."""
        refuse(condition, "uniform")

    def finish(self) -> Mapping[str, Any]:
        """Return no figures."""
        return {}

    def tensors(self) -> Tensors:
        """Return nothing: the vocabulary size is all there is."""
        return {}

    def restore(self, tensors: Tensors) -> None:
        """Become the stored model, which is this one."""
