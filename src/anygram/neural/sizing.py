"""Sizes of networks: which are allowed, and which suit an amount of data and a budget."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from anygram.budgets import Budget
from anygram.errors import UsageError

S = TypeVar("S")

OPERATIONS_A_SECOND = 80e9
"""What a training step reaches on two cores, in multiplications and additions. A model's module may have an
OPERATIONS_A_SECOND of its own."""
# Forward and backward take about six operations a weight and symbol (Kaplan et al. 2020, section 2.1)
_OPERATIONS = 6


def require_at_least(least: int, name: str, size: int) -> None:
    """Raise UsageError where a size is too small."""
    if size < least:
        raise UsageError(f"{name} must be at least {least}, got {size}")


def require_fraction(name: str, fraction: float) -> None:
    """Raise UsageError where a fraction is not in [0, 1)."""
    if not 0 <= fraction < 1:
        raise UsageError(f"{name} must be at least 0 and below 1, got {fraction}")


def require_finite(name: str, number: float) -> None:
    """Raise UsageError where a number is infinite or none."""
    if not math.isfinite(number):
        raise UsageError(f"{name} must be finite, got {number}")


def require_one_of(name: str, choice: str, choices: Iterable[str]) -> None:
    """Raise UsageError where a word is not among the choices."""
    if choice not in choices:
        raise UsageError(f"{name} must be one of {', '.join(choices)}, got {choice!r}")


def rate(weights: int, operations_a_second: float) -> float:
    """Return how many symbols a second are learnt from, each of which meets so many weights."""
    return operations_a_second / (_OPERATIONS * weights)


def affordable_symbols(
    budget: Budget, symbols: int, weights: int, step: int, operations_a_second: float = OPERATIONS_A_SECOND
) -> float:
    """Return how many symbols a network of so many weights can read within the budget.

    `symbols` are those of one epoch, `step` those of one training step; `weights` those that a
    symbol meets in a product (a row looked up in an embedding costs nothing); `operations_a_second` what a
    step reaches on this machine, all told.
    """
    limits = {
        "seconds": rate(weights, operations_a_second),
        "symbols": 1,
        "epochs": symbols,
        "steps": step,
    }
    amounts = {unit: getattr(budget, unit) for unit in limits}
    return min(float(amounts[unit]) * each for unit, each in limits.items() if amounts[unit] is not None)


@dataclass(frozen=True)
class Weights:
    """The weights that every symbol meets: the `body`'s, and those of the `head` over the vocabulary."""

    body: int
    head: int


def largest_fitting(
    sizes: Iterable[S],
    weights_of: Callable[[S], Weights],
    budget: Budget,
    symbols: int,
    step: int,
    *,
    symbols_a_weight: float = 4.0,
    weights_a_symbol: float = 4.0,
    operations_a_second: float = OPERATIONS_A_SECOND,
) -> tuple[S, float]:
    """Return the largest of the sizes (which grow) that the data and the budget can fill, and its epochs.

    A network is worth its size when it reads `symbols_a_weight` for each weight of its body (Hoffmann et
    al. 2022 found twenty for large ones and fresh text), and while these are at most `weights_a_symbol` for
    each symbol of the text. The smallest size is returned where none fits. `symbols`, `step` and
    `operations_a_second` are those of `affordable_symbols`.
    """
    fitting: list[tuple[S, float]] = []
    for size in sizes:
        weights = weights_of(size)
        affordable = affordable_symbols(
            budget, symbols, weights.body + weights.head, step, operations_a_second
        )
        filled = affordable >= symbols_a_weight * weights.body
        if (filled and weights.body <= weights_a_symbol * symbols) or not fitting:
            fitting.append((size, affordable / symbols))
    return fitting[-1]


def suggest_embedding(vocabulary_size: int) -> int:
    """Return a width for embeddings that are projected before use."""
    return 64 if vocabulary_size <= 1024 else 128 if vocabulary_size <= 8192 else 256


def suggest_dropout(epochs: float) -> float:
    """Return a dropout that grows with the number of times the same text is read."""
    return 0.0 if epochs < 4 else 0.1 if epochs < 8 else 0.2 if epochs < 20 else 0.3
