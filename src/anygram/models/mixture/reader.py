"""Reading with a mixture: its members go on learning in their own ways, and so do its weights.

Axes: T positions, M members, V vocabulary, C contexts that have weights of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from anygram.adapting import Static
from anygram.distributions import read_distributions
from anygram.models.mixture.combination import Combination
from anygram.models.mixture.stacking import blocks, stacked
from anygram.protocols import Adaptive, FloatArray, Ids, LanguageModel, Reader

ReaderOf = Callable[[LanguageModel], Reader]
"""How a member is read: makes its session."""


def own_or_static(model: LanguageModel) -> Reader:
    """Return the model's own way of learning while it reads, or else a session that learns nothing."""
    return model.reader() if isinstance(model, Adaptive) else Static(model)


class MixtureReader:
    """A session in which each symbol teaches the members, and the weights how far to trust them."""

    def __init__(
        self,
        readers: Sequence[Reader],
        combination: Combination,
        weights_CM: FloatArray,
        rate: float,
        vocabulary_size: int,
        before: int | None = None,
    ) -> None:
        """`weights_CM` are taken over; `before` is the last symbol read, the boundary where there is none."""
        self._readers = list(readers)
        self._combination, self._weights_CM, self._rate = combination, weights_CM, rate
        self._symbols = vocabulary_size
        self._before = vocabulary_size - 1 if before is None else before
        self._told_1MV: FloatArray | None = None  # what the members say now, once they were asked

    def log_p(self) -> FloatArray:
        """Return log P(next | all read so far) as log_p_V in nats."""
        before_1 = np.array([self._before], dtype=np.int32)
        log_p_V: FloatArray = self._combination.mix(self._weights_CM, self._now(), before_1)[0]
        return log_p_V

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log P of each id, given all before it and what they taught, as log_p_T."""
        log_p_T = np.empty(len(ids_T))
        for place in blocks(len(ids_T), max(1, len(self._readers)) * self._symbols):
            block_T = ids_T[place]
            log_p_TMV = self._read_by_members(block_T)
            before_T = np.append(np.int32(self._before), block_T[:-1]).astype(np.int32)
            log_p_T[place] = self._combination.read(
                self._weights_CM, log_p_TMV, before_T, block_T, self._rate
            )
            self._before = int(block_T[-1])
        return log_p_T

    def _now(self) -> FloatArray:
        """Return what the members say of the next symbol, log_p_1MV."""
        if self._told_1MV is None:
            told = [reader.log_p()[None] for reader in self._readers]
            self._told_1MV = stacked(told, (1, self._symbols))
        return self._told_1MV

    def _read_by_members(self, ids_T: Ids) -> FloatArray:
        """Return what the members say along these ids, log_p_TMV, and let them read them."""
        if len(ids_T) == 1:  # as one does who asks for `log_p` before each symbol
            log_p_TMV = self._now()
            for reader in self._readers:
                reader.read(ids_T)
        else:
            told = [read_distributions(reader, ids_T) for reader in self._readers]
            log_p_TMV = stacked(told, (len(ids_T), self._symbols))
        self._told_1MV = None
        return log_p_TMV

    def copy(self) -> MixtureReader:
        """Return a reader that goes on from here on its own."""
        readers = [reader.copy() for reader in self._readers]
        weights_CM = self._weights_CM.copy()
        return MixtureReader(readers, self._combination, weights_CM, self._rate, self._symbols, self._before)
