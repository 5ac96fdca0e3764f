"""Where in its source each symbol of a target was looked for. Axes: B rows, T target symbols, S source ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from anygram import states
from anygram.lanes import padded
from anygram.protocols import Aligned, FloatArray, Ids, LanguageModel, State
from anygram.tasks.decoding.hypotheses import Hypothesis


def weights(
    model: LanguageModel,
    origin: State,
    rows: Sequence[int],
    targets: Sequence[Ids],
    source_lengths: Sequence[int],
) -> list[FloatArray]:
    """Return weights_TS of each target and its boundary, given the row of its source's state at the start."""
    assert isinstance(model, Aligned)
    boundary = model.vocabulary_size - 1
    ids_BT, lengths_B = padded([np.append(ids_T, np.int32(boundary)) for ids_T in targets])
    weights_BTS = model.alignment(states.select(origin, rows), ids_BT)
    return [
        weights_BTS[row, :length, :source]
        for row, (length, source) in enumerate(zip(lengths_B, source_lengths, strict=True))
    ]


def with_weights(
    model: LanguageModel,
    sources: Sequence[Ids],
    places: Sequence[int],
    decoded: Sequence[Sequence[Hypothesis]],
) -> list[list[Hypothesis]]:
    """Return the hypotheses of the sources at these places with their weights, the boundary's left out."""
    group = [sources[place] for place in places]
    origin = model.start(len(group), group)
    rows = [row for row, found in enumerate(decoded) for _ in found]
    targets = [one.ids_T for found in decoded for one in found]
    told = iter(weights(model, origin, rows, targets, [len(group[row]) for row in rows]))
    return [[replace(one, weights_TS=next(told)[:-1]) for one in found] for found in decoded]
