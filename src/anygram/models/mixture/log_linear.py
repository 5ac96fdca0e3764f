"""Log-linear interpolation: P(x) = Π_i P_i(x)^{w_i} / Σ_v Π_i P_i(v)^{w_i} (Klakow 1998).

The weights need not sum to one: together they also sharpen or flatten. −log P is convex in them; its
gradient is E[log P_i] − log P_i(x), its Hessian the covariance of the log P_i under P, so Newton's method
fits them. On line they follow the gradient. With a gate w = w_shared + w_before.

Axes: N positions, M members, V vocabulary, C rows of weights: the shared one, then by the symbol before.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anygram.compiled import kernel
from anygram.models.mixture.combination import MOST_EVIDENCE, parts
from anygram.models.mixture.newton import Derivatives, Table, minimise
from anygram.protocols import FloatArray, Ids, Tensors

_SHARED_PRECISION, _PRECISION = 1.0, 30.0
_BOUND = 8.0
"""Farther from 0 no weight gets on line."""


class LogLinear:
    """Weighted sums of log-probabilities, normalised over the vocabulary."""

    usual_rate = 0.002

    def __init__(self, members: int, vocabulary_size: int, gated: bool) -> None:
        self._members, self._symbols, self._gated = members, vocabulary_size, gated

    @property
    def most_evidence(self) -> int:
        """To how many symbols the weights are fitted at most."""
        return MOST_EVIDENCE // (self._members * self._symbols)

    def initial(self) -> FloatArray:
        """Return weights_CM that take the geometric mean."""
        weights_CM = np.zeros((1 + self._symbols * self._gated, self._members))
        weights_CM[0] = 1 / self._members
        return weights_CM

    def mix(self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids) -> FloatArray:
        """Return log P of every symbol as log_p_NV in nats."""
        log_p_NV = np.empty((len(log_p_NMV), self._symbols))
        weights_M = np.empty(self._members)
        for n, log_p_MV in enumerate(log_p_NMV):
            _normalise(weights_CM, log_p_MV, self._row(before_N[n]), weights_M, log_p_NV[n])
        return log_p_NV

    def read(
        self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids, rate: float
    ) -> FloatArray:
        """Return log_p_N; the weights learn from each symbol in turn."""
        log_p_N = np.empty(len(ids_N))
        _read(weights_CM, log_p_NMV, self._rows(before_N), ids_N, rate, log_p_N)
        return log_p_N

    def gather(self, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids) -> Tensors:
        """Return the members' distributions."""
        return {"log_p": log_p_NMV.astype(np.float32), "before": before_N, "ids": ids_N}

    def shares(self, weights_CM: FloatArray, evidence: Tensors) -> FloatArray:
        """Return each member's part of the weights where they are positive."""
        rows_N = self._rows(evidence["before"])
        return parts(weights_CM[0] + weights_CM[rows_N] * (rows_N > 0)[:, None])

    def fit(self, evidence: Tensors) -> FloatArray:
        """Return the weights of least −log P and prior."""
        log_p_NMV, ids_N = evidence["log_p"], evidence["ids"]
        rows_N = self._rows(evidence["before"])

        def derivatives(weights_CM: FloatArray, rows: slice) -> Derivatives:
            gradient_CM = np.zeros((rows.stop - rows.start, self._members))
            hessian_CMM = np.zeros((*gradient_CM.shape, self._members))
            own_N = np.maximum(rows_N - rows.start, 0) if rows.start else np.zeros_like(rows_N)
            nats = _derive(weights_CM, log_p_NMV, rows_N, ids_N, own_N, gradient_CM, hessian_CMM)
            return Derivatives(nats, gradient_CM, hessian_CMM)

        start_CM = self.initial()
        tables = [Table(slice(0, 1), _SHARED_PRECISION), Table(slice(1, len(start_CM)), _PRECISION)]
        return minimise(derivatives, start_CM, tables[: 1 + self._gated])

    def _row(self, before: int) -> int:
        return (1 + before) * self._gated

    def _rows(self, before_N: Ids) -> Ids:
        return (before_N + 1) * self._gated


@kernel
def _normalise(weights_CM: Any, log_p_MV: Any, row: int, weights_M: Any, log_p_V: Any) -> None:
    """Fill weights_M, the weights in this context, and log_p_V."""
    members, symbols = log_p_MV.shape
    for m in range(members):
        weights_M[m] = weights_CM[0, m] + (weights_CM[row, m] if row else 0.0)
    most = -np.inf
    for v in range(symbols):
        total = 0.0
        for m in range(members):
            total += weights_M[m] * log_p_MV[m, v]
        log_p_V[v] = total
        most = max(most, total)
    summed = 0.0
    for v in range(symbols):
        summed += np.exp(log_p_V[v] - most)
    constant = most + np.log(summed)
    for v in range(symbols):
        log_p_V[v] -= constant


@kernel
def _expect(log_p_MV: Any, log_p_V: Any, mean_M: Any) -> None:
    """Fill mean_M: E[log P_i] under P."""
    members, symbols = log_p_MV.shape
    mean_M[:] = 0.0
    for v in range(symbols):
        p = np.exp(log_p_V[v])
        for m in range(members):
            mean_M[m] += p * log_p_MV[m, v]


@kernel
def _read(weights_CM: Any, log_p_NMV: Any, rows_N: Any, ids_N: Any, rate: float, log_p_N: Any) -> None:
    """Fill log_p_N and, after each symbol, step along log P_i(x) − E[log P_i]."""
    positions, members, symbols = log_p_NMV.shape
    weights_M, mean_M, log_p_V = np.empty(members), np.empty(members), np.empty(symbols)
    for n in range(positions):
        row, log_p_MV = rows_N[n], log_p_NMV[n]
        _normalise(weights_CM, log_p_MV, row, weights_M, log_p_V)
        log_p_N[n] = log_p_V[ids_N[n]]
        if rate == 0.0:
            continue
        _expect(log_p_MV, log_p_V, mean_M)
        for m in range(members):
            step = rate * (log_p_MV[m, ids_N[n]] - mean_M[m])
            weights_CM[0, m] = min(max(weights_CM[0, m] + step, -_BOUND), _BOUND)
            if row:
                weights_CM[row, m] = min(max(weights_CM[row, m] + step, -_BOUND), _BOUND)


@kernel
def _derive(
    weights_CM: Any, log_p_NMV: Any, rows_N: Any, ids_N: Any, own_N: Any, gradient_CM: Any, hessian_CMM: Any
) -> float:
    """Add each symbol's gradient and Hessian to those of its own row; return −log P of all."""
    positions, members, symbols = log_p_NMV.shape
    weights_M, mean_M, log_p_V = np.empty(members), np.empty(members), np.empty(symbols)
    log_p_MV = np.empty((members, symbols))
    nats = 0.0
    for n in range(positions):
        for m in range(members):
            for v in range(symbols):
                log_p_MV[m, v] = log_p_NMV[n, m, v]
        _normalise(weights_CM, log_p_MV, rows_N[n], weights_M, log_p_V)
        _expect(log_p_MV, log_p_V, mean_M)
        nats -= log_p_V[ids_N[n]]
        own = own_N[n]
        for m in range(members):
            gradient_CM[own, m] += mean_M[m] - log_p_MV[m, ids_N[n]]
        for v in range(symbols):
            p = np.exp(log_p_V[v])
            for m in range(members):
                away = p * (log_p_MV[m, v] - mean_M[m])
                for k in range(members):
                    hessian_CMM[own, m, k] += away * (log_p_MV[k, v] - mean_M[k])
    return nats
