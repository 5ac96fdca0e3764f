"""Weights at the maximum of a concave likelihood, table by table, by Newton's method.

The weights of a context are a row shared by all plus rows of tables, chosen by what stands before. Each
row leans on where it began with a normal prior, so that a maximum exists and rare contexts stay near it.

Axes: C contexts (rows of all tables), M members.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from anygram.protocols import FloatArray

_ROUNDS, _SHARED_STEPS, _HALVINGS = 6, 4, 12
_ENOUGH = 1e-10
"""Nats a symbol that a round must gain to be followed by another."""


@dataclass(frozen=True)
class Table:
    """Rows of weights_CM of which one is chosen for each decision, and the precision of their prior."""

    rows: slice
    precision: float


@dataclass(frozen=True)
class Derivatives:
    """−log P of all the evidence in nats, and of each row its gradient_CM and Hessian_CMM."""

    nats: float
    gradient_CM: FloatArray
    hessian_CMM: FloatArray


def minimise(
    derivatives: Callable[[FloatArray, slice], Derivatives], start_CM: FloatArray, tables: Sequence[Table]
) -> FloatArray:
    """Return the weights_CM of least nats and prior; `derivatives` gives those of the rows asked for."""
    weights_CM = start_CM.copy()
    cost = np.inf
    for _ in range(_ROUNDS):
        before = cost
        for table in tables:
            for _ in range(_SHARED_STEPS if table.rows.stop - table.rows.start == 1 else 1):
                weights_CM, cost = _step(derivatives, weights_CM, start_CM, table, tables)
        if before - cost < _ENOUGH * max(1.0, abs(cost)):
            break
    return weights_CM


def _step(
    derivatives: Callable[[FloatArray, slice], Derivatives],
    weights_CM: FloatArray,
    start_CM: FloatArray,
    table: Table,
    tables: Sequence[Table],
) -> tuple[FloatArray, float]:
    """Return better weights of one table, and their cost: Newton's step, halved until it helps."""
    found = derivatives(weights_CM, table.rows)
    cost = found.nats + _penalty(weights_CM, start_CM, tables)
    gradient = found.gradient_CM + table.precision * (weights_CM - start_CM)[table.rows]
    hessian = found.hessian_CMM + table.precision * np.eye(weights_CM.shape[1])
    step = np.linalg.solve(hessian, gradient[..., None])[..., 0]
    for halving in range(_HALVINGS):
        tried_CM = weights_CM.copy()
        tried_CM[table.rows] -= step / 2**halving
        tried = derivatives(tried_CM, table.rows).nats + _penalty(tried_CM, start_CM, tables)
        if tried <= cost:
            return tried_CM, tried
    return weights_CM, cost


def _penalty(weights_CM: FloatArray, start_CM: FloatArray, tables: Sequence[Table]) -> float:
    """Return −log of the prior, but for a constant."""
    moved_CM = weights_CM - start_CM
    return float(sum(0.5 * table.precision * (moved_CM[table.rows] ** 2).sum() for table in tables))
