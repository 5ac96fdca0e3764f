"""Linear interpolation: P(x) = Σ_i w_i P_i(x), the weights of each context on the simplex.

They are fitted by expectation and maximisation, which never lowers the likelihood (Jelinek & Mercer 1980;
Dempster, Laird & Rubin 1977). Those of a context lean on those of all, which count like `LEANING` symbols.
On line they follow the exponentiated gradient (Helmbold, Schapire, Singer & Warmuth 1998).

Axes: N positions, M members, V vocabulary, C contexts: one, or the symbol before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anygram.compiled import kernel
from anygram.models.mixture.combination import MOST_EVIDENCE
from anygram.protocols import FloatArray, Ids, Tensors

LEANING = 100.0
_ROUNDS = 200
_LEAST = 1e-6
"""What a weight keeps, so that a member which was of no use so far can come back."""


class Linear:
    """Weighted sums of probabilities."""

    usual_rate = 0.03

    def __init__(self, members: int, vocabulary_size: int, gated: bool) -> None:
        self._shape = vocabulary_size if gated else 1, members

    @property
    def most_evidence(self) -> int:
        """To how many symbols the weights are fitted at most."""
        return MOST_EVIDENCE // self._shape[1]

    def initial(self) -> FloatArray:
        """Return equal weights_CM."""
        return np.full(self._shape, 1 / self._shape[1])

    def mix(self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids) -> FloatArray:
        """Return log P of every symbol as log_p_NV in nats."""
        log_p_NV = np.empty((len(log_p_NMV), log_p_NMV.shape[2]))
        _mix(weights_CM, log_p_NMV, self._contexts(before_N), log_p_NV)
        return log_p_NV

    def read(
        self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids, rate: float
    ) -> FloatArray:
        """Return log_p_N; the weights learn from each symbol in turn."""
        log_p_N = np.empty(len(ids_N))
        _read(weights_CM, _of(log_p_NMV, ids_N), self._contexts(before_N), rate, log_p_N)
        return log_p_N

    def gather(self, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids) -> Tensors:
        """Return what each member gave each symbol, and after which symbol."""
        return {"log_p": _of(log_p_NMV, ids_N), "before": before_N}

    def shares(self, weights_CM: FloatArray, evidence: Tensors) -> FloatArray:
        """Return how likely each member is to have given each symbol: w_i P_i(x) / P(x)."""
        return _posterior(weights_CM[self._contexts(evidence["before"])], evidence["log_p"])

    def fit(self, evidence: Tensors) -> FloatArray:
        """Return the weights of each context by expectation and maximisation, first those of all."""
        log_p_NM, contexts_N = evidence["log_p"], self._contexts(evidence["before"])
        weights_M = np.full(self._shape[1], 1 / self._shape[1])
        for _ in range(_ROUNDS):
            weights_M = maximise(weights_M, log_p_NM)
        weights_CM = np.tile(np.maximum(weights_M, _LEAST), (self._shape[0], 1))
        if self._shape[0] > 1:
            prior_CM = LEANING * weights_CM
            for _ in range(_ROUNDS):
                posterior_NM = _posterior(weights_CM[contexts_N], log_p_NM)
                summed_CM = prior_CM.copy()
                np.add.at(summed_CM, contexts_N, posterior_NM)
                weights_CM = summed_CM / summed_CM.sum(axis=1, keepdims=True)
        return weights_CM

    def _contexts(self, before_N: Ids) -> Ids:
        return before_N if self._shape[0] > 1 else np.zeros_like(before_N)


def maximise(weights_M: FloatArray, log_p_NM: FloatArray) -> FloatArray:
    """Return the mean posterior: weights under which the symbols are at least as likely as before."""
    mean_M: FloatArray = _posterior(weights_M, log_p_NM).mean(axis=0)
    return mean_M


def _posterior(weights: FloatArray, log_p_NM: FloatArray) -> FloatArray:
    """Return w_i P_i(x) / Σ_j w_j P_j(x); only ratios of the P_i count, so the largest becomes 1."""
    joint_NM = weights * np.exp(log_p_NM - log_p_NM.max(axis=1, keepdims=True))
    posterior_NM: FloatArray = joint_NM / joint_NM.sum(axis=1, keepdims=True)
    return posterior_NM


def _of(log_p_NMV: FloatArray, ids_N: Ids) -> FloatArray:
    """Return what each member gave these symbols, log_p_NM."""
    log_p_NM: FloatArray = log_p_NMV[np.arange(len(ids_N)), :, ids_N]
    return np.ascontiguousarray(log_p_NM, dtype=np.float64)


@kernel
def _mix(weights_CM: Any, log_p_NMV: Any, contexts_N: Any, log_p_NV: Any) -> None:
    """Fill log_p_NV: ln Σ_i w_i P_i, the largest term taken out."""
    positions, members, symbols = log_p_NMV.shape
    for n in range(positions):
        context = contexts_N[n]
        for v in range(symbols):
            most = log_p_NMV[n, 0, v]
            for m in range(1, members):
                most = max(most, log_p_NMV[n, m, v])
            total = 0.0
            for m in range(members):
                total += weights_CM[context, m] * np.exp(log_p_NMV[n, m, v] - most)
            log_p_NV[n, v] = most + np.log(total)


@kernel
def _read(weights_CM: Any, log_p_NM: Any, contexts_N: Any, rate: float, log_p_N: Any) -> None:
    """Fill log_p_N and, after each symbol, multiply w_i by exp(rate · P_i / P) and normalise."""
    positions, members = log_p_NM.shape
    for n in range(positions):
        context, most = contexts_N[n], log_p_NM[n, 0]
        for m in range(1, members):
            most = max(most, log_p_NM[n, m])
        total = 0.0
        for m in range(members):
            total += weights_CM[context, m] * np.exp(log_p_NM[n, m] - most)
        log_p_N[n] = most + np.log(total)
        if rate == 0.0:
            continue
        summed = 0.0
        for m in range(members):
            # at most 1 / the least weight, which would overflow at high rates
            ratio = min(np.exp(log_p_NM[n, m] - most) / total, 500.0)
            weights_CM[context, m] = max(weights_CM[context, m] * np.exp(rate * ratio), _LEAST)
            summed += weights_CM[context, m]
        for m in range(members):
            weights_CM[context, m] /= summed
