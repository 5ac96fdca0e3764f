"""What was expected along a record, and which stretch of it is heaviest.

Axes: B records, T positions, V vocabulary, K likeliest symbols.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from anygram import lanes
from anygram.distributions import distribute, read_distributions
from anygram.protocols import FloatArray, Ids, LanguageModel, Reader

_NUMBERS_AT_ONCE = 1 << 22
"""So many probabilities are held at a time."""
_READ_AT_ONCE = 64


@dataclass(frozen=True)
class Expectations:
    """At each symbol's place: the entropy in nats, and the likeliest symbols with their probabilities."""

    entropy_T: FloatArray
    likeliest_TK: Ids
    probability_TK: FloatArray


def expect(model: LanguageModel, texts: Sequence[Ids], likeliest: int) -> Iterator[Expectations]:
    """Yield what the model expected along each text, which begins afresh and ends with its boundary."""
    longest = max((len(ids_T) for ids_T in texts), default=1)
    steps = max(1, min(longest, _NUMBERS_AT_ONCE // model.vocabulary_size))
    rows = max(1, _NUMBERS_AT_ONCE // (steps * model.vocabulary_size))
    for first in range(0, len(texts), rows):
        group = texts[first : first + rows]
        ids_BT, lengths_B = lanes.padded(group)
        state, parts = model.start(len(group)), []
        for begin in range(0, ids_BT.shape[1], steps):
            log_p_BTV, state = distribute(model, state, ids_BT[:, begin : begin + steps])
            parts.append(_summary(log_p_BTV, likeliest))
        whole = [np.concatenate(part, axis=1) for part in zip(*parts, strict=True)]
        for row, length in enumerate(lengths_B):
            yield Expectations(*(along_B[row, :length] for along_B in whole))


def expect_reading(reader: Reader, ids_T: Ids, likeliest: int) -> Expectations:
    """Return what the reader expected along a text, and read it."""
    parts = [
        _summary(read_distributions(reader, ids_T[begin : begin + _READ_AT_ONCE]), likeliest)
        for begin in range(0, len(ids_T), _READ_AT_ONCE)
    ]
    return Expectations(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _summary(log_p_xV: FloatArray, likeliest: int) -> tuple[FloatArray, Ids, FloatArray]:
    """Return entropy, likeliest symbols and their probabilities; the last axis is the vocabulary."""
    p_xV = np.exp(np.asarray(log_p_xV, dtype=np.float64))
    entropy_x = -(p_xV * log_p_xV).sum(axis=-1)
    order_xK = np.argsort(-p_xV, axis=-1, kind="stable")[..., :likeliest].astype(np.int32)
    return entropy_x, order_xK, np.take_along_axis(p_xV, order_xK.astype(np.int64), axis=-1)


def heaviest(excess_T: FloatArray) -> tuple[int, int]:
    """Return the stretch with the largest sum, as its first place and the one after its last.

    >>> heaviest(np.array([1.0, -2.0, 3.0, -1.0, 2.0, -5.0, 4.0]))
    (2, 5)
    """
    sums_T = np.concatenate([[0.0], np.cumsum(excess_T)])
    lowest_T = np.minimum.accumulate(sums_T[:-1])
    end = int(np.argmax(sums_T[1:] - lowest_T)) + 1
    return int(np.argmin(sums_T[:end])), end
