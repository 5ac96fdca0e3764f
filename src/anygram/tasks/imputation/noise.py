"""Cells that are likely wrong: what they hold surprises, given all other cells of their rows.

A cell's surprisal is −log2 P(what it holds | the rest of its row). Where a model is unsure anything
surprises; so cells are ranked by their surprisal less what was to be expected of it, the posterior's entropy.

Axes: K candidates of a column, and any value that the training part had not.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from anygram.codecs._columns import SPELLED
from anygram.errors import UsageError
from anygram.information import NATS_PER_BIT
from anygram.protocols import FloatArray, LanguageModel
from anygram.tasks.imputation.grid import Grid, Place
from anygram.tasks.imputation.joints import candidates, joints

_LEAST = 1e-300


@dataclass(frozen=True)
class Suspect:
    """A cell: its row from 1 on, its column, what it holds, its surprisal, and by how much that is too high.

    Both are in bits. `expected` is the likeliest value, of numbers the middle one of the likeliest bin, and
    `probability` how likely it is.
    """

    row: int
    column: str
    value: str
    bits: float
    excess_bits: float
    expected: str
    probability: float


def suspects(model: LanguageModel, grid: Grid, top: int = 20) -> list[Suspect]:
    """Return the cells whose values surprise the most, the worst first.

    Judged are categories and numbers that are not missing; UsageError where no column asked for holds such.
    """
    if top < 1:
        raise UsageError(f"--top must be at least 1, got {top}; for example --top 20")
    if not any(len(grid.codec.candidates(column)) for column in grid.columns):
        raise UsageError("only columns of categories and numbers are judged; see anygram inspect RUN")
    places = [place for place in grid.places(missing=False) if not grid.is_whole(place)]
    every = joints(model, grid.choices(strange=True), [grid.gaps([place]) for place in places])
    judged = [
        _judged(grid, place, joint.marginal(0, len(candidates(grid.codec, place.column, True))))
        for place, joint in zip(places, every, strict=True)
    ]
    return sorted(judged, key=lambda one: -one.excess_bits)[:top]


def _judged(grid: Grid, place: Place, p_K: FloatArray) -> Suspect:
    codec = grid.codec
    own = grid.heads[place.row][place.column][0]
    is_strange = own == codec.firsts[place.column] + SPELLED
    held = len(p_K) - 1 if is_strange else codec.candidates(place.column).index(own)
    bits_K = -np.log(np.maximum(p_K, _LEAST)) / NATS_PER_BIT
    best = int(p_K[:-1].argmax())
    bits = float(bits_K[held])
    return Suspect(
        row=place.row + 1,
        column=grid.name(place),
        value=grid.meaning(place),
        bits=bits,
        excess_bits=bits - float(p_K @ bits_K),
        expected=grid.value(place, best),
        probability=float(p_K[best]),
    )
