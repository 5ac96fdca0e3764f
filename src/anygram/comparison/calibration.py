"""Whether a model is right as often as it says: reliability of its most probable symbol.

Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks" (2017). Figures are per symbol of
the codec, so they compare models over one codec alone.

Axes: B rows, T positions, V vocabulary, N symbols looked at, M bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.comparison import beginnings, stretches
from anygram.comparison.stretches import Extent, Stretch
from anygram.distributions import distribute
from anygram.evaluation import Surprisal
from anygram.lanes import padded
from anygram.protocols import Codec, FloatArray, LanguageModel, State

LOOKED_AT = Extent(bytes=1 << 12, size=64, before=256, ends=True)
BINS = 15
"""Equal-width bins of confidence, as many as in the paper's experiments."""

_NUMBERS_AT_ONCE = 1 << 22
_DRAWS = 200


def reliability(
    model: LanguageModel,
    scored: Sequence[Surprisal],
    looked_at: Extent = LOOKED_AT,
    condition_codec: Codec | None = None,
) -> dict[str, Any]:
    """Return `summary` of symbols in stretches spread evenly over the test part, told up to 256 before."""
    looked = stretches.sample(scored, looked_at)
    answers = [
        _answers(
            model,
            beginnings.start(model, condition_codec, [each.scored.document for each in group]),
            group,
            looked_at.before,
        )
        for group in _groups(looked, model.vocabulary_size)
    ]
    confidence_N = np.concatenate([np.empty(0), *(confidence for confidence, _ in answers)])
    right_N = np.concatenate([np.empty(0, dtype=bool), *(right for _, right in answers)])
    return summary(confidence_N, right_N)


def summary(confidence_N: FloatArray, right_N: NDArray[np.bool_], seed: int = 0) -> dict[str, Any]:
    """Return the expected calibration error of these answers, and the bins of a reliability diagram.

    ECE = Σ_m (n_m / N) |accuracy_m − confidence_m| (eq. 3) over 15 bins of equal width. `chance` is the mean
    ECE of as many answers that are right exactly as often as they say, which is not 0: bins hold few.
    """
    if not len(confidence_N):
        return {"ece": None, "chance": None, "symbols": 0, "bins": []}
    bin_N = np.clip(np.ceil(confidence_N * BINS).astype(np.int64) - 1, 0, BINS - 1)
    count_M = np.bincount(bin_N, minlength=BINS)
    confidence_M = np.bincount(bin_N, weights=confidence_N, minlength=BINS)
    right_M = np.bincount(bin_N, weights=right_N, minlength=BINS)
    generator = np.random.default_rng(seed)
    drawn = [
        np.bincount(bin_N, weights=generator.random(len(bin_N)) < confidence_N, minlength=BINS)
        for _ in range(_DRAWS)
    ]
    return {
        "ece": float(np.abs(right_M - confidence_M).sum() / len(bin_N)),
        "chance": float(np.abs(np.stack(drawn) - confidence_M).sum() / (_DRAWS * len(bin_N))),
        "symbols": len(bin_N),
        "bins": [
            {
                "confidence": float(confidence_M[m] / count_M[m]),
                "accuracy": float(right_M[m] / count_M[m]),
                "symbols": int(count_M[m]),
            }
            for m in np.flatnonzero(count_M).tolist()
        ],
    }


def _groups(looked: Sequence[Stretch], vocabulary_size: int) -> list[Sequence[Stretch]]:
    """Return the stretches in groups whose distributions take some tens of megabytes."""
    longest = max((len(stretch.share_T) for stretch in looked), default=1)
    rows = max(1, _NUMBERS_AT_ONCE // (longest * vocabulary_size))
    return [looked[first : first + rows] for first in range(0, len(looked), rows)]


def _answers(
    model: LanguageModel, begun: State, group: Sequence[Stretch], before: int
) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Return the probability of the likeliest symbol at each place, and whether it was the one that came."""
    before_BT, told_B = padded(
        [stretch.scored.ids_T[max(0, stretch.first - before) : stretch.first] for stretch in group]
    )
    ids_BT, lengths_B = padded([stretch.ids_T for stretch in group])
    state = model.advance(begun, before_BT, told_B)
    log_p_BTV, _ = distribute(model, state, ids_BT)
    inside_BT = np.arange(ids_BT.shape[1]) < lengths_B[:, None]
    confidence_BT: FloatArray = np.exp(log_p_BTV.max(axis=2).astype(np.float64))
    return confidence_BT[inside_BT], (log_p_BTV.argmax(axis=2) == ids_BT)[inside_BT]
