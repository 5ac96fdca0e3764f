"""A record's surprisals to scores: of the record, of each symbol, or of windows.

Where symbols stand for stretches of numbers that are not equally long, a number is odd by its density, not by
the probability of its stretch: a far one in the same open stretch as a near one is more so.

Axes: T symbols of a record (its boundary included), P pieces of it that have a score each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.evaluation import Surprisal
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


def oddness(surprisal: Surprisal) -> FloatArray:
    """Return −log p of each symbol, and for a stretch of numbers as much more as it is longer than is usual.

    So it is −log of a density, in the stretches of the usual length of the record (the median) as the unit.
    """
    width_T = surprisal.log_width_T
    if width_T is None:
        return surprisal.nats_T
    told = int((surprisal.units_T[:-1] > 0).sum())
    number_T = width_T != 0.0
    # widths of 1, and missing values, are 0 as well: where most are, 1 is the unit
    usual = float(np.median(width_T[number_T])) if 2 * int(number_T.sum()) > told else 0.0
    odd_T: FloatArray = surprisal.nats_T + np.where(number_T, width_T - usual, 0.0)
    return odd_T


def score(nats_T: FloatArray, rule: Rule) -> Pieces:
    """Return the scores of a record's pieces; nats_T is the oddness of its symbols, at least one.

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
