"""Peers that fit a few numbers to each window's history: AutoETS and AutoARIMA of statsforecast.

What they say of each step are intervals; their ends at many levels stand for samples, so that all figures are
reckoned as ours are. They are fitted anew at each window, to all values before it or to the last `context`.

Axes: H steps, S samples, N values.
"""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from anygram.data.documents import Document
from anygram.tasks.forecasting import FloatN, Forecast, values_of
from forecasts.parts import say

PACKAGE = "statsforecast"
PEERS = ("AutoETS", "AutoARIMA")
_SAMPLES = 200


def peers() -> Sequence[str]:
    """Return the peers' names; none, and a line that says so, where the package is not installed."""
    if importlib.util.find_spec(PACKAGE) is not None:
        return PEERS
    say(f"{', '.join(PEERS)}: skipped; pip install {PACKAGE}")
    return ()


def drawn(
    peer: str,
    places: Sequence[tuple[Document, Sequence[int]]],
    horizon: int,
    season: int,
    context: int | None = None,
) -> Iterator[Forecast]:
    """Yield a peer's forecast of each place."""
    model = getattr(importlib.import_module(f"{PACKAGE}.models"), peer)(season_length=season)
    for document, ends in places:
        values_N = values_of(document)
        for known in ends:
            first = 0 if context is None else max(0, known - context)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of what it tried to fit and gave up
                said = _quantiles(model, values_N[first:known], horizon)
            yield Forecast(document, known, said)


def _quantiles(model: Any, history_N: FloatN, horizon: int) -> FloatN:
    """Return quantiles (i + ½) / S of each step as samples_SH."""
    levels = [100 * (1 - (2 * place + 1) / _SAMPLES) for place in range(_SAMPLES // 2)]
    said = model.forecast(y=history_N, h=horizon, level=levels)
    low = [np.asarray(said[f"lo-{level}"]) for level in levels]
    high = [np.asarray(said[f"hi-{level}"]) for level in reversed(levels)]
    return np.stack([*low, *high]).astype(np.float64)
