"""Time to quality: whole processes that must reach a figure of the peer's; smaller is better."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from peers import rows
from peers.processes import Cost
from peers.rows import Row


@dataclass(frozen=True)
class Trial:
    """One training: the figure it reached, its cost, its seed, its budget in seconds (none for a peer)."""

    figure: float
    cost: Cost
    seed: int = 0
    budget: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Goal:
    """What is compared: the text's name, the peer's, what the figure is called, and its unit."""

    text: str
    peer: str
    measure: str
    unit: str


def reached_by(trials: Sequence[Trial], target: float) -> list[Trial]:
    """Return the trials whose figure is as good as the target.

    >>> cost = Cost(1.0, 1.0, 1.0)
    >>> [trial.seed for trial in reached_by([Trial(1.9, cost, 0), Trial(2.0, cost, 1)], 1.9)]
    [0]
    """
    return [trial for trial in trials if trial.figure <= target]


def compare(goal: Goal, trials: Sequence[Trial], peer: Sequence[Trial]) -> list[Row]:
    """Return the rows of each budget: the figure, what the processes cost, and each seed.

    Costs are compared only where every seed reached the peer's median figure; without a peer ours stand
    alone.
    """
    found: list[Row] = []
    for budget in sorted({trial.budget or 0.0 for trial in trials}):
        these = [trial for trial in trials if (trial.budget or 0.0) == budget]
        found += _of_budget(goal, f"budget {budget:g} s", these, peer)
    return found


def _of_budget(goal: Goal, what: str, trials: Sequence[Trial], peer: Sequence[Trial]) -> list[Row]:
    target = statistics.median(trial.figure for trial in peer) if peer else None
    ours = statistics.median(trial.figure for trial in trials)
    reached = trials if target is None else reached_by(trials, target)
    note = f"reached by {len(reached)} of {len(trials)} seeds" if peer else f"without {goal.peer}"
    about = "; ".join([note, *(f"{goal.peer}: {trial.note}" for trial in peer[:1] if trial.note)])
    shown = [Row(goal.text, f"{goal.measure}, {what}", goal.unit, ours, target, note=about, digits=4)]
    alone = [
        Row(
            goal.text,
            f"{what}, seed {trial.seed}: wall clock",
            "s",
            trial.cost.seconds,
            note=f"{trial.figure:.4f} {goal.unit}",
        )
        for trial in trials
    ]
    if len(reached) < len(trials):
        worst = max(trial.figure for trial in trials)
        taken = statistics.median(trial.cost.seconds for trial in peer)
        reason = f"{note}: the worst has {worst:.4f}, {goal.peer} {target:.4f} after {taken:.1f} s"
        return [*shown, Row(goal.text, f"time to quality, {what}", "s", failed=reason), *alone]
    costs = [trial.cost for trial in trials], [trial.cost for trial in peer]
    return [*shown, *rows.costs(goal.text, f"time to quality, {what}", *costs), *alone]
