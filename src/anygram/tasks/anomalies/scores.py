"""A record's surprisals to scores: of the record, of each symbol, or of windows.

Axes: T symbols of a record (its boundary included), P pieces of it that have a score each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import FloatArray
from anygram.tasks.anomalies.rule import Rule


@dataclass(frozen=True)
class Pieces:
    """The pieces of a record: piece p is its symbols from starts_P[p] to before ends_P[p]; scores in nats."""

    starts_P: NDArray[np.int64]
    ends_P: NDArray[np.int64]
    score_P: FloatArray

    def __len__(self) -> int:
        return len(self.starts_P)


def score(nats_T: FloatArray, rule: Rule) -> Pieces:
    """Return the scores of a record's pieces; nats_T are its symbols' surprisals, at least one.

    >>> score(np.array([1.0, 2.0, 6.0]), Rule(per="window", window=2)).score_P
    array([1.5, 6. ])
    """
    size = {"record": len(nats_T), "symbol": 1, "window": rule.size}[rule.per]
    starts_P = np.arange(0, len(nats_T), size)
    ends_P = np.minimum(starts_P + size, len(nats_T))
    match rule.way:
        case "total":
            score_P = np.add.reduceat(nats_T, starts_P)
        case "mean":
            score_P = np.add.reduceat(nats_T, starts_P) / (ends_P - starts_P)
        case "max":
            score_P = np.maximum.reduceat(nats_T, starts_P)
        case "top":
            largest = (
                np.sort(nats_T[start:end])[-rule.top_symbols :]
                for start, end in zip(starts_P, ends_P, strict=True)
            )
            score_P = np.array([largest_K.mean() for largest_K in largest])
    return Pieces(starts_P, ends_P, score_P)
