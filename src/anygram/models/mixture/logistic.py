"""Logistic mixing of a symbol's bits, as context mixing does with the bits of a file (Mahoney 2005).

A symbol is read as the bits of its id, highest first. Before each bit a member gives the stretch
s_i = ln P_i(1) / P_i(0), from sums of its probabilities over the ids that are left; the mixture gives
P(1) = σ(Σ_i w_i s_i). So it is normalised whatever the weights are, and reading a symbol costs log2 V
steps rather than V. −log P is convex in the weights; its gradient for a bit b is −(b − P(1)) s_i, along
which they learn on line. With a gate w = w_shared + w_node + w_pair: the node is the bits before, a pair
is that and the symbol before. Where there are too many pairs some share their weights.

Axes: N positions, M members, V vocabulary, D bits of an id, C rows of weights: the shared one, those of
nodes by their number (1 is the root, 2n and 2n + 1 are below n), those of pairs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anygram.compiled import kernel
from anygram.models.mixture.combination import MOST_EVIDENCE, parts
from anygram.models.mixture.newton import Derivatives, Table, minimise
from anygram.protocols import FloatArray, Ids, Tensors

_SHARED_PRECISION, _PRECISION = 1.0, 30.0
_MOST_STRETCH = 14.0
"""A member's certainty that is believed, in nats of odds."""
_MOST_ODDS = 30.0
"""The mixture's: with it every probability is a finite logarithm."""
_MOST_PAIRS_LOG2 = 18
_SCRAMBLE = 2654435761
"""An odd number near 2^32 over the golden ratio (Knuth 1998, section 6.4)."""
_NOTHING = 1e-300
"""Added to masses before their logarithm: what is left of a probability that underflowed."""


class Logistic:
    """Weighted sums of stretches, bit by bit."""

    usual_rate = 0.004

    def __init__(self, members: int, vocabulary_size: int, gated: bool) -> None:
        self._members, self._symbols, self._gated = members, vocabulary_size, gated
        self._depth = (vocabulary_size - 1).bit_length()

    @property
    def most_evidence(self) -> int:
        """To how many symbols the weights are fitted at most."""
        return MOST_EVIDENCE // (self._members * max(1, self._depth))

    def initial(self) -> FloatArray:
        """Return weights_CM that take the mean of the stretches."""
        pairs = min(self._symbols << self._depth, 1 << _MOST_PAIRS_LOG2)
        rows = (1 << self._depth) + pairs if self._gated else 1
        weights_CM = np.zeros((rows, self._members))
        weights_CM[0] = 1 / self._members
        return weights_CM

    def mix(self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids) -> FloatArray:
        """Return log P of every symbol as log_p_NV in nats."""
        log_p_NV = np.empty((len(log_p_NMV), self._symbols))
        _mix(weights_CM, log_p_NMV, before_N, self._depth, self._gated, log_p_NV)
        return log_p_NV

    def read(
        self, weights_CM: FloatArray, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids, rate: float
    ) -> FloatArray:
        """Return log_p_N; the weights learn from each symbol in turn."""
        log_p_N = np.empty(len(ids_N))
        stretch_NDM = self._stretches(log_p_NMV, ids_N)
        _read(weights_CM, stretch_NDM, before_N, ids_N, self._symbols, self._gated, rate, log_p_N)
        return log_p_N

    def gather(self, log_p_NMV: FloatArray, before_N: Ids, ids_N: Ids) -> Tensors:
        """Return the members' stretches at each bit."""
        stretch_NDM = self._stretches(log_p_NMV, ids_N).astype(np.float32)
        return {"stretch": stretch_NDM, "before": before_N, "ids": ids_N}

    def shares(self, weights_CM: FloatArray, evidence: Tensors) -> FloatArray:
        """Return each member's part of the positive weights, the mean over a symbol's bits."""
        before_N, ids_N = evidence["before"], evidence["ids"]
        own_NDM = np.tile(weights_CM[0], (len(ids_N), max(1, self._depth), 1))
        if self._gated:
            rows_ND2 = np.zeros((len(ids_N), self._depth, 2), dtype=np.int64)
            _choose_rows(before_N, ids_N, rows_ND2)
            own_NDM[:, : self._depth] += weights_CM[rows_ND2].sum(axis=2)
        share_NM: FloatArray = parts(own_NDM).mean(axis=1)
        return share_NM

    def fit(self, evidence: Tensors) -> FloatArray:
        """Return the weights of least −log P and prior."""
        stretch_NDM, before_N, ids_N = evidence["stretch"], evidence["before"], evidence["ids"]

        def derivatives(weights_CM: FloatArray, rows: slice) -> Derivatives:
            gradient_CM = np.zeros_like(weights_CM)
            hessian_CMM = np.zeros((*weights_CM.shape, self._members))
            nats = _derive(
                weights_CM, stretch_NDM, before_N, ids_N, self._symbols, self._gated, gradient_CM, hessian_CMM
            )
            return Derivatives(nats, gradient_CM[rows], hessian_CMM[rows])

        start_CM = self.initial()
        nodes = 1 << self._depth
        spans = [slice(0, 1), slice(1, nodes), slice(nodes, len(start_CM))]
        precisions = [_SHARED_PRECISION, _PRECISION, _PRECISION]
        tables = [
            Table(rows, precision)
            for rows, precision in zip(spans, precisions, strict=True)
            if rows.start < rows.stop <= len(start_CM)
        ]
        return minimise(derivatives, start_CM, tables)

    def _stretches(self, log_p_NMV: FloatArray, ids_N: Ids) -> FloatArray:
        stretch_NDM = np.zeros((len(ids_N), self._depth, self._members))
        _stretch(log_p_NMV, ids_N, self._depth, stretch_NDM)
        return stretch_NDM


@kernel
def _sum_up(log_p_V: Any, mass_X: Any) -> None:
    """Fill mass_X: of each node the probability below it; the leaves come last."""
    leaves, symbols = len(mass_X) // 2, len(log_p_V)
    for v in range(leaves):
        mass_X[leaves + v] = np.exp(log_p_V[v]) if v < symbols else 0.0
    for node in range(leaves - 1, 0, -1):
        mass_X[node] = mass_X[2 * node] + mass_X[2 * node + 1]


@kernel
def _stretch_at(mass_X: Any, node: int) -> float:
    """Return ln P(1) / P(0) at a node."""
    stretch = np.log(mass_X[2 * node + 1] + _NOTHING) - np.log(mass_X[2 * node] + _NOTHING)
    return float(min(max(stretch, -_MOST_STRETCH), _MOST_STRETCH))


@kernel
def _pair_row(node: int, before: int, depth: int) -> int:
    """Return the row of a node after a symbol."""
    pair = (np.int64(before) << depth) | node
    if pair >= 1 << _MOST_PAIRS_LOG2:
        pair = (pair * _SCRAMBLE >> 15) & ((1 << _MOST_PAIRS_LOG2) - 1)
    return int((1 << depth) + pair)


@kernel
def _log_logistic(odds: float) -> float:
    """Return ln σ(odds)."""
    return float(-np.log1p(np.exp(-odds)) if odds > 0 else odds - np.log1p(np.exp(odds)))


@kernel
def _odds(weights_CM: Any, stretch_M: Any, node: int, pair_row: int) -> float:
    """Return Σ_i w_i s_i with the weights of this context; pair_row is 0 where there is no gate."""
    odds = 0.0
    for m in range(len(stretch_M)):
        weight = weights_CM[0, m]
        if pair_row:
            weight += weights_CM[node, m] + weights_CM[pair_row, m]
        odds += weight * stretch_M[m]
    return min(max(odds, -_MOST_ODDS), _MOST_ODDS)


@kernel
def _choose_rows(before_N: Any, ids_N: Any, rows_ND2: Any) -> None:
    """Fill rows_ND2: at each bit of each symbol the rows of the node and of the pair."""
    depth = rows_ND2.shape[1]
    for n in range(len(ids_N)):
        for d in range(depth):
            node = (1 << d) | (ids_N[n] >> (depth - d))
            rows_ND2[n, d, 0], rows_ND2[n, d, 1] = node, _pair_row(node, before_N[n], depth)


@kernel
def _stretch(log_p_NMV: Any, ids_N: Any, depth: int, stretch_NDM: Any) -> None:
    """Fill stretch_NDM along the way to each symbol."""
    mass_X = np.empty(2 << depth)
    for n in range(len(ids_N)):
        for m in range(log_p_NMV.shape[1]):
            _sum_up(log_p_NMV[n, m], mass_X)
            for d in range(depth):
                node = (1 << d) | (ids_N[n] >> (depth - d))
                stretch_NDM[n, d, m] = _stretch_at(mass_X, node)


@kernel
def _mix(weights_CM: Any, log_p_NMV: Any, before_N: Any, depth: int, gated: bool, log_p_NV: Any) -> None:
    """Fill log_p_NV, from the root to the leaves."""
    positions, members, symbols = log_p_NMV.shape
    mass_MX, log_mass_X, stretch_M = np.empty((members, 2 << depth)), np.zeros(2 << depth), np.empty(members)
    for n in range(positions):
        for m in range(members):
            _sum_up(log_p_NMV[n, m], mass_MX[m])
        for node in range(1, 1 << depth):
            d = 0
            while node >> (d + 1):
                d += 1
            first = (node << (depth - d)) - (1 << depth)  # the least id below it
            if first >= symbols:
                continue
            if first + (1 << (depth - d - 1)) >= symbols:  # no id has a 1 here
                log_mass_X[2 * node] = log_mass_X[node]
                continue
            for m in range(members):
                stretch_M[m] = _stretch_at(mass_MX[m], node)
            pair_row = _pair_row(node, before_N[n], depth) if gated else 0
            odds = _odds(weights_CM, stretch_M, node, pair_row)
            log_mass_X[2 * node + 1] = log_mass_X[node] + _log_logistic(odds)
            log_mass_X[2 * node] = log_mass_X[node] + _log_logistic(-odds)
        log_p_NV[n] = log_mass_X[1 << depth : (1 << depth) + symbols]


@kernel
def _read(
    weights_CM: Any,
    stretch_NDM: Any,
    before_N: Any,
    ids_N: Any,
    symbols: int,
    gated: bool,
    rate: float,
    log_p_N: Any,
) -> None:
    """Fill log_p_N and, after all bits of a symbol, step along each bit's (b − P(1)) s_i.

    Within a symbol the weights stay, so that each symbol costs what it would have by `mix`.
    """
    positions, depth, members = stretch_NDM.shape
    error_D = np.empty(depth)
    for n in range(positions):
        log_p_N[n] = 0.0
        for d in range(depth):
            above, half = ids_N[n] >> (depth - d), 1 << (depth - d - 1)
            error_D[d] = 0.0
            if (above << (depth - d)) + half >= symbols:
                continue
            bit = (ids_N[n] >> (depth - d - 1)) & 1
            node = (1 << d) | above
            pair_row = _pair_row(node, before_N[n], depth) if gated else 0
            odds = _odds(weights_CM, stretch_NDM[n, d], node, pair_row)
            log_p_N[n] += _log_logistic(odds if bit else -odds)
            error_D[d] = bit - np.exp(_log_logistic(odds))
        if rate == 0.0:
            continue
        for d in range(depth):
            node = (1 << d) | (ids_N[n] >> (depth - d))
            pair_row = _pair_row(node, before_N[n], depth) if gated else 0
            for m in range(members):
                step = rate * error_D[d] * stretch_NDM[n, d, m]
                weights_CM[0, m] += step
                if gated:
                    weights_CM[node, m] += step
                    weights_CM[pair_row, m] += step


@kernel
def _derive(
    weights_CM: Any,
    stretch_NDM: Any,
    before_N: Any,
    ids_N: Any,
    symbols: int,
    gated: bool,
    gradient_CM: Any,
    hessian_CMM: Any,
) -> float:
    """Add each bit's gradient and Hessian to those of each of its rows; return −log P of all."""
    positions, depth, members = stretch_NDM.shape
    nats, stretch_M = 0.0, np.empty(members)
    rows = np.zeros(3, dtype=np.int64)
    for n in range(positions):
        for d in range(depth):
            above, half = ids_N[n] >> (depth - d), 1 << (depth - d - 1)
            if (above << (depth - d)) + half >= symbols:
                continue
            rows[1] = (1 << d) | above
            rows[2] = _pair_row(rows[1], before_N[n], depth) if gated else 0
            bit = (ids_N[n] >> (depth - d - 1)) & 1
            for m in range(members):
                stretch_M[m] = stretch_NDM[n, d, m]
            odds = _odds(weights_CM, stretch_M, rows[1], rows[2])
            nats -= _log_logistic(odds if bit else -odds)
            p = np.exp(_log_logistic(odds))
            for row in rows[: 3 if gated else 1]:
                for m in range(members):
                    gradient_CM[row, m] += (p - bit) * stretch_M[m]
                    for k in range(members):
                        hessian_CMM[row, m, k] += p * (1 - p) * stretch_M[m] * stretch_M[k]
    return nats
