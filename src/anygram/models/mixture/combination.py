"""What every way of combining members offers to the mixture.

Axes: N positions (of any rows), M members, V vocabulary, C contexts that have weights of their own.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from anygram.protocols import FloatArray, Ids, Tensors

MOST_EVIDENCE = 1 << 26
"""Numbers that are kept to fit weights to, some 300 MB of them; what comes after those is left out."""


class Combination(Protocol):
    """One distribution from several, by weights_CM.

    `before_N` is the symbol before each position, the boundary where there is none.
    """

    def __init__(self, members: int, vocabulary_size: int, gated: bool) -> None: ...

    @property
    def usual_rate(self) -> float:
        """How fast weights learn while they are read by, unless the config says otherwise."""
        ...

    @property
    def most_evidence(self) -> int:
        """To how many symbols the weights are fitted: what is gathered of them is `MOST_EVIDENCE` numbers."""
        ...

    def initial(self) -> FloatArray:
        """Return weights_CM before any learning: a mixture of one model with itself is that model."""
        ...

    def mix(self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids) -> FloatArray:
        """Return log P of every symbol as log_p_NV in nats, normalised."""
        ...

    def read(
        self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids, rate: float
    ) -> FloatArray:
        """Return log_p_N of these symbols; after each the weights are changed in place, at rate 0 not."""
        ...

    def gather(self, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids) -> Tensors:
        """Return what `fit` and `shares` need to know of these symbols; the first axis of each array is N."""
        ...

    def shares(self, weights_CM: FloatArray, evidence: Tensors) -> FloatArray:
        """Return each member's share of each symbol gathered as share_NM, at least 0 and in sum 1."""
        ...

    def fit(self, evidence: Tensors) -> FloatArray:
        """Return the weights_CM that suit what was gathered."""
        ...


def parts(weights: FloatArray) -> FloatArray:
    """Return what each weight, on the last axis, is of the sum of the positive ones; equal parts of none."""
    positive = np.maximum(weights, 0.0) + 1e-12
    part: FloatArray = positive / positive.sum(axis=-1, keepdims=True)
    return part
