"""Where in its source each symbol of a target was looked for.

Axes: B rows, T target symbols, S source symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anygram import states
from anygram.lanes import padded
from anygram.protocols import Aligned, FloatArray, Ids, LanguageModel, State
from anygram.tasks.decoding.hypotheses import Hypothesis


def weights(
    model: LanguageModel, sources: Sequence[Ids], rows: Sequence[int], targets: Sequence[Ids], origin: State
) -> list[FloatArray]:
    """Return weights_TS of each target and its boundary, whose source and state at the start are at `rows`.

    The end of a source has a column of its own where the model looks there.
    """
    assert isinstance(model, Aligned)
    ids_BT, lengths_B = padded([np.append(ids_T, np.int32(model.vocabulary_size - 1)) for ids_T in targets])
    weights_BTS = model.alignment(states.select(origin, rows), ids_BT)
    ends = weights_BTS.shape[2] - max(map(len, sources))
    return [
        weights_TS[:length, : len(sources[row]) + ends]
        for weights_TS, length, row in zip(weights_BTS, lengths_B, rows, strict=True)
    ]


def with_weights(
    model: LanguageModel, sources: Sequence[Ids], decoded: Sequence[Sequence[Hypothesis]]
) -> list[list[Hypothesis]]:
    """Return the hypotheses of each source with their weights, the boundary's left out."""
    origin = model.start(len(sources), sources)
    rows = [row for row, found in enumerate(decoded) for _ in found]
    targets = [one.ids_T for found in decoded for one in found]
    told = iter(weights(model, sources, rows, targets, origin))
    return [[replace(one, weights_TS=next(told)[:-1]) for one in found] for found in decoded]
