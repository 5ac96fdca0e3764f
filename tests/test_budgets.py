"""Budgets: what the command line says, what is refused, which limit is spent first."""

from __future__ import annotations

import pytest

from anygram.budgets import Budget
from anygram.errors import UsageError


@pytest.mark.parametrize(
    ("text", "budget"),
    [
        ("20s", Budget(seconds=20)),
        ("10m", Budget(seconds=600)),
        ("1.5h", Budget(seconds=5400)),
        ("500steps", Budget(steps=500)),
        ("1step", Budget(steps=1)),
        ("3epochs", Budget(epochs=3)),
        ("0.5 epochs", Budget(epochs=0.5)),
        ("1_000_000symbols", Budget(symbols=1_000_000)),
        ("2M, 3Epochs", Budget(seconds=120, epochs=3)),
    ],
)
def test_a_budget_is_read(text: str, budget: Budget) -> None:
    assert Budget.parse(text) == budget


@pytest.mark.parametrize(
    "text", ["", "20", "s", "20 parsecs", "-3s", "1e3s", "20s,", "3epochss", "ten steps"]
)
def test_what_is_no_budget_is_refused_with_examples(text: str) -> None:
    with pytest.raises(UsageError, match=r"cannot read the budget '.*'; write 20s, 10m, 2h, 500steps"):
        Budget.parse(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("0s", "more than zero and finite, got 0 seconds"),
        ("0steps", "got 0 steps"),
        ("0.5steps", "a budget of steps must be a whole number, got 0.5"),
        ("1m,30s", "the budget '1m,30s' sets seconds twice"),
        ("9" * 400 + "s", "finite, got inf seconds"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Budget.parse(text)


def test_a_budget_needs_a_limit() -> None:
    with pytest.raises(UsageError, match="needs a limit"):
        Budget()
    with pytest.raises(UsageError, match="got -1 symbols"):
        Budget(symbols=-1)
    with pytest.raises(UsageError, match="got nan epochs"):
        Budget(epochs=float("nan"))


def test_the_limit_used_most_decides() -> None:
    budget = Budget(seconds=10, symbols=1000, epochs=2, steps=50)
    assert budget.spent(seconds=5, symbols=100, epochs=0.1, steps=1) == 0.5
    assert budget.spent(seconds=1, symbols=900, epochs=0.1, steps=1) == 0.9
    assert budget.spent(seconds=1, symbols=1, epochs=2.5, steps=1) == 1.25
    assert budget.spent(seconds=1, symbols=1, epochs=0.1, steps=50) == 1.0
    assert Budget(steps=50).spent(seconds=1e9, symbols=1, epochs=9, steps=0) == 0.0
