"""How sure a figure is, and which contestants it tells apart: what is held out is drawn anew many times.

The draws are the same for everyone (`information.draw`). Intervals of differences hold for all pairs
together, as those of bits per byte do (`comparison.pairs`), studentised by the deviation over draws. Windows
one behind another in time are alike; as of blocks of one text, intervals grow by what neighbours have in
common.

Axes: D documents or windows, K sums, R draws, P pairs.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from anygram import information
from anygram.comparison.metrics import Metric
from anygram.comparison.metrics.held import Sums
from anygram.comparison.pairs import CONFIDENCE, Difference, widening
from anygram.protocols import FloatArray


def value(metric: Metric, sums: Sums) -> float:
    """Return the figure of all documents together."""
    return metric.value(sums.sums_DK.sum(axis=0))


def bounds(metric: Metric, sums: Sums) -> tuple[float, float] | None:
    """Return the figure's 95 % interval, low before high; None of a single document or window."""
    if len(sums.sums_DK) < 2:
        return None
    middle, figures_R = value(metric, sums), _drawn(metric, sums)
    low, high = information.interval(figures_R[np.isfinite(figures_R)], CONFIDENCE)
    factor = widening(_influence(metric, sums)) if sums.in_time else 1.0
    return middle - factor * (middle - low), middle + factor * (high - middle)


def differences(metric: Metric, found: Mapping[str, Sums]) -> list[Difference]:
    """Return by how much the figure of every two differs, the better one first; none of fewer than two."""
    ordered = sorted(found, key=lambda who: (metric.loss(value(metric, found[who])), who))
    pairs = list(combinations(ordered, 2))
    if not pairs or min(len(one.sums_DK) for one in found.values()) < 2:
        return []
    losses = {who: metric.loss(value(metric, found[who])) for who in ordered}
    sign = metric.loss(1.0)
    drawn = {who: sign * _drawn(metric, found[who]) for who in ordered}
    difference_P = np.array([losses[other] - losses[one] for one, other in pairs])
    moved_RP = np.stack([drawn[other] - drawn[one] for one, other in pairs], axis=1) - difference_P
    moved_RP = moved_RP[np.isfinite(moved_RP).all(axis=1)]
    deviation_P = moved_RP.std(axis=0)
    largest_R = (np.abs(moved_RP) / np.where(deviation_P > 0, deviation_P, 1.0)).max(axis=1)
    half_P = np.quantile(largest_R, CONFIDENCE) * deviation_P
    made = []
    for (one, other), middle, half in zip(pairs, difference_P.tolist(), half_P.tolist(), strict=True):
        if found[one].in_time:
            half *= widening(_influence(metric, found[other]) - _influence(metric, found[one]))
        made.append(Difference(one, other, middle, middle - half, middle + half))
    return made


def _drawn(metric: Metric, sums: Sums) -> FloatArray:
    """Return the figure of each draw, as figures_R; NaN where what is drawn has none."""
    draws = information.draw(len(sums.sums_DK))
    return np.array([metric.value(sums_K) for weights_RD in draws for sums_K in weights_RD @ sums.sums_DK])


def _influence(metric: Metric, sums: Sums) -> FloatArray:
    """Return by how much the figure would differ without each document (Efron & Tibshirani 1993, 11.2)."""
    total_K = sums.sums_DK.sum(axis=0)
    without_D = np.array([metric.value(total_K - sums_K) for sums_K in sums.sums_DK])
    influence_D: FloatArray = np.nan_to_num(metric.value(total_K) - without_D)
    return influence_D
