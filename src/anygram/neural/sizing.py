"""Sizes of networks: which are allowed, and which suit an amount of data and a budget."""

from __future__ import annotations

import math
from collections.abc import Iterable

from anygram.budgets import Budget
from anygram.errors import UsageError

# What a training step reaches on a small machine, in multiplications and additions a second
_ARITHMETIC_RATE = 60e9
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


def affordable_symbols(budget: Budget, symbols: int, weights: int, batch: int) -> float:
    """Return how many symbols the budget lets a network of so many weights read.

    `symbols` are those of one epoch, `batch` those of one step.
    """
    limits = [
        budget.seconds and budget.seconds * _ARITHMETIC_RATE / (_OPERATIONS * weights),
        budget.symbols,
        budget.epochs and budget.epochs * symbols,
        budget.steps and budget.steps * batch,
    ]
    return min(float(limit) for limit in limits if limit)


def suggest_dropout(epochs: float) -> float:
    """Return a dropout that grows with the number of times the same text is read."""
    return 0.0 if epochs < 3 else 0.1 if epochs < 8 else 0.2 if epochs < 20 else 0.3
