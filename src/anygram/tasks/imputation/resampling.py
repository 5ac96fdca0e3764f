"""Many weighted hypotheses made few: the likely ones stay as they are, a fair draw stands for the others.

Optimal resampling (Fearnhead & Clifford 2003, section 3): with c such that Σ min(w / c, 1) is the number
wanted, weights above c are kept, and of the others so many are drawn by stratified sampling, that weigh c
each. Expected weights are unchanged, and nothing is drawn twice.

Axes: H hypotheses.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.protocols import FloatArray


def resampled(log_weight_H: FloatArray, wanted: int, share: float) -> tuple[NDArray[np.int64], FloatArray]:
    """Return which hypotheses stay, `wanted` at most and in their order, and the logs of their weights.

    `share`, from 0 to below 1, is what the draw goes by.

    >>> resampled(np.log([0.7, 0.1, 0.1, 0.1]), 2, 0.5)[0].tolist()
    [0, 2]
    """
    count = len(log_weight_H)
    if count <= wanted:
        return np.arange(count), log_weight_H
    weight_H = np.exp(log_weight_H - log_weight_H.max())
    order_H = np.argsort(-weight_H, kind="stable")
    total_H = np.append(0.0, np.cumsum(weight_H[order_H]))[:wanted]
    limit_H = np.maximum(weight_H.sum() - total_H, 0.0) / (wanted - np.arange(wanted))
    below_H = weight_H[order_H[:wanted]] <= limit_H
    above = int(below_H.argmax()) if below_H.any() else wanted
    kept_H = order_H[:above]
    rest_H = np.sort(order_H[above:])  # in their order, so that the draw is spread over their parents
    if above < wanted and limit_H[above] > 0:
        ends_H = np.cumsum(weight_H[rest_H])
        places = (np.arange(wanted - above) + share) * (ends_H[-1] / (wanted - above))
        drawn_H = rest_H[np.unique(np.searchsorted(ends_H, places, side="right").clip(max=len(rest_H) - 1))]
        most = log_weight_H.max()
        log_weight_H = log_weight_H.copy()
        log_weight_H[drawn_H] = np.log(limit_H[above]) + most
        kept_H = np.append(kept_H, drawn_H)
    kept_H = np.sort(kept_H)
    return kept_H, log_weight_H[kept_H]
