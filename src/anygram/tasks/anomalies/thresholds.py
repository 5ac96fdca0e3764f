"""A threshold that normal data keep below, but for the share of false alarms asked for; and how it was kept.

With N normal scores, of which m are at least as high, a new one has the p-value (m + 1) / (N + 1); a normal
one's is at most α with a probability of at most α, where all came about alike (conformal anomaly
detection: Laxhammar & Falkman 2010; Vovk, Gammerman & Shafer 2005, proposition 2.4). An anomaly is what has
a p-value of at most α, which is what lies above one of the N scores, the threshold.

Where scores tie, fewer than α pass. Smoothed p-values have just α of them pass: of the m + 1 that are at
least as high only a share u of the t + 1 equal ones counts, u drawn evenly from 0 to 1 (the same,
proposition 2.4): (m − t + u (t + 1)) / (N + 1). With u = 1 it is the p-value above.

Axes: N normal scores, P scores, D documents.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.data.splitting import FEWEST_DOCUMENTS
from anygram.errors import DataError
from anygram.protocols import FloatArray

_NORMAL_95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""
_ROUNDING = 1e-9
"""So that 100 · 0.01 is 1, whatever the last bit says."""


@dataclass(frozen=True)
class Threshold:
    """A threshold and the normal scores that set it, in nats, for a share of `false_alarms`."""

    nats: float
    sorted_N: FloatArray
    false_alarms: float

    def p_values(self, score_P: FloatArray, lot_P: FloatArray | None = None) -> FloatArray:
        """Return the share of normal scores, the new one counted in, that are at least as high.

        By lots, from 0 to 1, so much of the share that is equal counts; without them all of it.
        """
        at_least_P, higher_P = (
            len(self.sorted_N) - np.searchsorted(self.sorted_N, score_P, side=side)
            for side in ("left", "right")
        )
        lot_P = np.ones(len(score_P)) if lot_P is None else lot_P
        p_P: FloatArray = (higher_P + lot_P * (at_least_P - higher_P + 1)) / (len(self.sorted_N) + 1)
        return p_P

    def alarms(self, p_value_P: FloatArray) -> NDArray[np.bool_]:
        """Return which p-values are those of anomalies."""
        alarm_P: NDArray[np.bool_] = p_value_P <= self.false_alarms + _ROUNDING
        return alarm_P


def threshold_of(score_N: FloatArray, false_alarms: float) -> Threshold:
    """Return the least threshold that normal scores pass with a probability of at most `false_alarms`.

    DataError where no number of so few scores can keep that promise.

    >>> threshold_of(np.arange(99.0), 0.01).nats
    98.0
    """
    above = math.floor((len(score_N) + 1) * false_alarms + _ROUNDING)
    if not above:
        needed = math.ceil(1 / false_alarms - _ROUNDING) - 1
        least = math.ceil(1000 / (len(score_N) + 1)) / 1000
        kept = f"what so few can keep is --false-alarms {least:g} or more; else " if least < 1 else ""
        raise DataError(
            f"{len(score_N)} normal scores set the threshold, and a share of {false_alarms:g} false alarms "
            f"takes at least {needed}; {kept}give more normal data"
        )
    sorted_N = np.sort(score_N)
    return Threshold(float(sorted_N[len(score_N) - above]), sorted_N, false_alarms)


def halves(pieces_D: Sequence[int], seed: int) -> NDArray[np.bool_]:
    """Return which of all documents' pieces, end to end, set the threshold; the others measure what it keeps.

    A seeded half of the documents; of fewer than 20 the first half of the pieces.
    """
    pieces = sum(pieces_D)
    if len(pieces_D) < FEWEST_DOCUMENTS:
        return np.arange(pieces) < (pieces + 1) // 2
    sets_D = np.zeros(len(pieces_D), dtype=bool)
    sets_D[np.random.default_rng(seed).permutation(len(pieces_D))[: (len(pieces_D) + 1) // 2]] = True
    return np.repeat(sets_D, pieces_D)


def wilson(count: int, trials: int) -> tuple[float, float]:
    """Return the 95 % interval of a share that was seen `count` times in `trials` (Wilson 1927).

    >>> low, high = wilson(0, 96)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.038)
    """
    if not trials:
        return 0.0, 1.0
    share, spread = count / trials, _NORMAL_95**2 / trials
    middle = share + spread / 2
    width = _NORMAL_95 * math.sqrt((share * (1 - share) + spread / 4) / trials)
    low, high = (middle - width) / (1 + spread), (middle + width) / (1 + spread)
    return max(low, 0.0) if count else 0.0, min(high, 1.0) if count < trials else 1.0
