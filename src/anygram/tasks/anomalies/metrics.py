"""How well scores and alarms agree with labels. Axes: D records."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.protocols import FloatArray
from anygram.tasks.anomalies.thresholds import wilson

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Agreement:
    """The figures of a detector; the share of false alarms and its 95 % interval are of normal records."""

    labelled_anomalous: int
    labelled_normal: int
    auroc: float
    average_precision: float
    true_alarms: int
    false_alarms: int
    precision: float
    recall: float
    f1: float
    false_alarm_rate: float
    false_alarm_rate_low: float
    false_alarm_rate_high: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        return asdict(self)


def agreement(score_D: FloatArray, alarm_D: Flags, anomalous_D: Flags) -> Agreement:
    """Return how scores and alarms agree with what is anomalous; DataError where all records are alike."""
    positive, negative = int(anomalous_D.sum()), int((~anomalous_D).sum())
    if not positive or not negative:
        which = "normal" if positive == 0 else "anomalous"
        raise DataError(
            f"all {positive + negative} labels to measure by are {which} ones, and figures take both; name "
            "the normal label with --normal-label, or leave out --label-field"
        )
    hits, misfires = int((alarm_D & anomalous_D).sum()), int((alarm_D & ~anomalous_D).sum())
    low, high = wilson(misfires, negative)
    return Agreement(
        labelled_anomalous=positive,
        labelled_normal=negative,
        auroc=auroc(score_D, anomalous_D),
        average_precision=average_precision(score_D, anomalous_D),
        true_alarms=hits,
        false_alarms=misfires,
        precision=hits / (hits + misfires) if hits + misfires else 0.0,
        recall=hits / positive,
        f1=2 * hits / (hits + misfires + positive),
        false_alarm_rate=misfires / negative,
        false_alarm_rate_low=low,
        false_alarm_rate_high=high,
    )


def auroc(score_D: FloatArray, anomalous_D: Flags) -> float:
    """Return how often an anomaly scores above a normal record, ties counted by half (Mann & Whitney 1947).

    >>> auroc(np.array([1.0, 2.0, 2.0, 3.0]), np.array([False, False, True, True]))
    0.875
    """
    _, place_D, count_V = np.unique(score_D, return_inverse=True, return_counts=True)
    rank_V = np.cumsum(count_V) - (count_V - 1) / 2
    positive = int(anomalous_D.sum())
    ranks = float(rank_V[place_D[anomalous_D]].sum())
    return (ranks - positive * (positive + 1) / 2) / (positive * (len(score_D) - positive))


def average_precision(score_D: FloatArray, anomalous_D: Flags) -> float:
    """Return the precision at each threshold, weighted by the recall that it adds.

    >>> average_precision(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    0.8333333333333333
    """
    value_V, place_D = np.unique(-score_D, return_inverse=True)
    taken_V = np.bincount(place_D, minlength=len(value_V)).cumsum()
    hits_V = np.bincount(place_D[anomalous_D], minlength=len(value_V)).cumsum()
    gained_V = np.diff(hits_V, prepend=0)
    return float((gained_V * hits_V / taken_V).sum() / hits_V[-1])
