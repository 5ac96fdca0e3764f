"""How long a target may be, by how long its source is. Axes: D pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError, UsageError

SHARE = 0.999
"""Of the pairs that a limit is learnt from so many fit."""

_SHORT = 10
"""Symbols added to every source: the ratios of short ones vary the most."""


@dataclass(frozen=True)
class LengthLimit:
    """At most `ratio` · symbols of the source + `symbols`, rounded up; at least one.

    >>> LengthLimit().of(7), LengthLimit(ratio=0.0, symbols=20).of(1000)
    (24, 20)
    """

    ratio: float = 2.0
    symbols: float = 10.0

    def __post_init__(self) -> None:
        for name, value in (("ratio", self.ratio), ("symbols", self.symbols)):
            if not 0 <= value < math.inf:
                raise UsageError(f"{name} must be 0 or more, got {value}")

    def of(self, source_symbols: int) -> int:
        """Return the most symbols that a target of such a source may have, its boundary not counted."""
        # a rounding error must not make one symbol more of a whole number
        return max(1, math.ceil(self.ratio * source_symbols + self.symbols - 1e-9))


def learn(source_D: NDArray[np.int64], target_D: NDArray[np.int64], share: float = SHARE) -> LengthLimit:
    """Return the least limit of the form ratio · (source + 10) that this share of the pairs keep.

    The lengths are in symbols, boundaries not counted. DataError where there are no pairs.
    """
    if not len(source_D):
        raise DataError("there are no pairs to learn lengths from; name a source that holds some")
    ratio_D = target_D / (source_D + _SHORT)
    ratio = float(np.quantile(ratio_D, share, method="higher"))
    return LengthLimit(ratio, _SHORT * ratio)
