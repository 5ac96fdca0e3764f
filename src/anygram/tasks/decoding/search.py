"""What is looked for: how many hypotheses, and what ranks those that have ended.

score(X, Y) = log P(Y|X) / lp(Y) + β cp(X; Y), with lp(Y) = (5 + |Y|)^α / (5 + 1)^α and
cp(X; Y) = Σ_i log min(Σ_j p_ij, 1), p_ij how much target symbol j was looked for at source symbol i
(Wu et al. 2016, eq. 14). |Y| counts the boundary, as log P does.

Axes: T target symbols, S source symbols.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anygram.errors import UsageError
from anygram.protocols import FloatArray


@dataclass(frozen=True)
class Search:
    """Beam search: `beam` hypotheses a source are kept at each length, the `best` that ended are returned.

    `length_penalty` is α: 0 ranks by log P alone, which prefers short targets; `coverage` is β, against
    sources left untranslated.
    """

    beam: int = 5
    length_penalty: float = 0.6
    coverage: float = 0.0
    best: int = 1

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise UsageError(f"the beam must be at least 1, got {self.beam}; 1 takes the likeliest symbol")
        if not 1 <= self.best <= self.beam:
            raise UsageError(
                f"of a beam of {self.beam} there are 1 to {self.beam} best ones, got {self.best}; "
                "choose a wider beam"
            )
        for name, value in (("length penalty", self.length_penalty), ("coverage", self.coverage)):
            if not 0 <= value < math.inf:
                raise UsageError(f"the {name} must be 0 or more, got {value}")

    @property
    def needs_weights(self) -> bool:
        """Whether scores go by where the model looked."""
        return self.coverage > 0

    def score(self, log_p: float, symbols: int, weights_TS: FloatArray | None = None) -> float:
        """Return what ranks a target of so many symbols, its boundary among them."""
        score = log_p / length_penalty(symbols, self.length_penalty)
        return score if weights_TS is None else score + self.coverage * coverage(weights_TS)


def length_penalty(symbols: int, alpha: float) -> float:
    """Return lp(Y) of a target of so many symbols.

    >>> length_penalty(1, 0.6), length_penalty(7, 1.0)
    (1.0, 2.0)
    """
    return float(((5 + symbols) / 6) ** alpha)


def coverage(weights_TS: FloatArray) -> float:
    """Return cp(X; Y), at most 0: that of a source which was looked at all over.

    >>> coverage(np.array([[0.5, 0.5], [1.0, 0.0]])) == math.log(0.5)
    True
    """
    looked_S = np.clip(weights_TS.sum(axis=0), np.finfo(np.float64).tiny, 1.0)  # of nothing log is −∞
    return float(np.log(looked_S).sum())
