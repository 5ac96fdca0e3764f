"""A short run before the full one: how fast this machine trains a network, so that sizes suit it.

What `suggest` knows of a machine is how many operations a second two common cores reach. A graphics card
reaches a hundred times as much, a small board a tenth; there the sizes for this budget would be wrong. So a
few steps are taken with what was suggested, their rate is set beside the one reckoned with, and where
the two are far apart the sizes are those for a budget as many times as long. Nothing that is learnt is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, runtime_checkable

from anygram import models
from anygram.budgets import Budget
from anygram.data.corpus import EncodedCorpus
from anygram.learning import learner_for
from anygram.neural import sizing
from anygram.protocols import Learner
from anygram.reporting.progress import Progress

FAR = 4.0
"""Sizes on one machine range from half to twice the rate reckoned with, and change little in between."""

SHARE, MOST_SECONDS = 0.05, 2.0
"""The probe takes at most so much of the budget, beside it, but a few steps in any case."""

LEAST_BUDGET = 10.0
"""Seconds; for less a probe would say little."""

FEWEST_STEPS = 6
"""The first ones compile where nothing has been compiled yet: for no state, for one, and their gradients."""

Suggested = tuple[Any, dict[str, Any]]
"""A model's Config, and settings of its learner."""


@runtime_checkable
class _Weighed(Protocol):
    """What tells how many weights a symbol meets in products."""

    @property
    def weights_a_symbol(self) -> int: ...


@dataclass(frozen=True)
class Probe:
    """Symbols that training read a second, and as how many `suggest` had reckoned with."""

    symbols_per_second: float
    reckoned: float

    @property
    def speed(self) -> float:
        """Return how many times as fast as reckoned this machine is; 1 where it is not far from it."""
        ratio = self.symbols_per_second / self.reckoned
        return ratio if max(ratio, 1 / ratio) >= FAR else 1.0

    def __str__(self) -> str:
        return (
            f"this machine trains {self.speed:.2g} times as fast as reckoned "
            f"({self.symbols_per_second:,.0f} symbols a second), and sizes are for that"
        )

    def to_json(self) -> dict[str, Any]:
        """Return the probe as run.toml holds it."""
        rates = {"symbols_per_second": self.symbols_per_second, "reckoned": self.reckoned}
        return {**rates, "speed": self.speed}


def suited(
    name: str,
    suggest: Callable[[Budget], Suggested],
    corpus: EncodedCorpus,
    vocabulary_size: int,
    budget: Budget,
    progress: Progress,
) -> tuple[Suggested, Probe | None]:
    """Return what is suggested for the budget on this machine, and the probe if there was one.

    `name` is a model's. There is no probe where the budget is not one of seconds, or short, or the model
    no network.
    """
    suggested = suggest(budget)
    if budget.seconds is None or budget.seconds < LEAST_BUDGET:
        return suggested, None
    model = models.create(name, suggested[0], vocabulary_size, 0, {})
    if not isinstance(model, _Weighed):
        return suggested, None
    progress.stage(f"looking how fast {name} is trained here")
    learner = learner_for(model, {**suggested[1], "compile": False}, 0)
    rate = _rate(learner, corpus, min(MOST_SECONDS, SHARE * budget.seconds))
    operations = getattr(models.REGISTRY.load(name), "OPERATIONS_A_SECOND", sizing.OPERATIONS_A_SECOND)
    probe = Probe(rate, sizing.rate(model.weights_a_symbol, operations))
    if probe.speed == 1:
        return suggested, probe
    progress.say(f"{name}: {probe}")
    return suggest(replace(budget, seconds=budget.seconds * probe.speed)), probe


def _rate(learner: Learner, corpus: EncodedCorpus, seconds: float) -> float:
    """Return the symbols a second of the fastest step: others compile, allocate, or wait for a neighbour."""
    began, fastest = time.perf_counter(), 0.0
    for step, batch in enumerate(learner.batches(corpus), start=1):
        before = time.perf_counter()
        measured = learner.update(batch, 0.0)
        after = time.perf_counter()
        fastest = max(fastest, measured["symbols"] / max(after - before, 1e-9))
        if step >= FEWEST_STEPS and after - began >= seconds:
            break
    return fastest
