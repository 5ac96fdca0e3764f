"""A search for settings within the budget that everyone has: short trials, then one training with the best.

Half of the budget is for N trials of equal length, each a training whose figure is that of the validation
part; the other half for the training that is scored. The first trial is what is suggested. What is drawn of a
model's space is relative to what is suggested for the budget at hand (`anygram.spaces`), so it holds for the
longer training too. What reads its text once is given no trial after which a whole reading would not fit.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anygram import runs, storage, training
from anygram.budgets import Budget
from anygram.comparison.proposals import propose, require_optuna
from anygram.comparison.trained import trained
from anygram.data.preparation import Prepared
from anygram.errors import UsageError
from anygram.reporting.progress import Progress
from anygram.spaces import Drawn, Space

SHARE = 0.5
"""Of the budget, for all trials together."""
FEWEST = 2
_ENOUGH = 0.5
"""Of a trial's budget; with less it would tell too little to be begun."""
_UNITS = ("seconds", "symbols", "epochs", "steps")


@dataclass(frozen=True)
class Trial:
    """What was tried and what came of it on the validation part; `error` says why there is nothing."""

    drawn: dict[str, Any]
    settings: dict[str, Any] = field(default_factory=dict)
    """What it was trained with, of all that is searched."""
    valid_bits_per_byte: float | None = None
    valid_perplexity: float | None = None
    """By which trials are compared: of one codec and the same documents, it orders as bits per byte do."""
    spent: dict[str, float] = field(default_factory=dict)
    error: str = ""

    @property
    def figure(self) -> float | None:
        """By what it is compared; None where it failed."""
        return None if self.error else self.valid_perplexity


@dataclass(frozen=True)
class Search:
    """The trials that are done, and whether there are no more to come: the process may have died."""

    trials: tuple[Trial, ...] = ()
    ended: bool = False

    @property
    def chosen(self) -> int | None:
        """Which trial was the best; None where none came to an end."""
        figures = [(trial.figure, number) for number, trial in enumerate(self.trials) if trial.figure]
        return min(figures)[1] if figures else None

    @property
    def drawn(self) -> Drawn:
        """What the best trial had drawn; nothing, which is as suggested, where there is none."""
        return {} if self.chosen is None else self.trials[self.chosen].drawn

    @property
    def spent(self) -> dict[str, float]:
        """What all trials took."""
        return {unit: sum(trial.spent[unit] for trial in self.trials) for unit in _UNITS}

    def to_json(self) -> dict[str, Any]:
        """Return the search as results.json holds it."""
        trials = [asdict(trial) for trial in self.trials]
        return {"trials": trials, "chosen": self.chosen, "ended": self.ended}


def check(trials: int, budget: Budget, valid: str | None) -> None:
    """Raise UsageError where there cannot be a search of so many trials."""
    if trials < FEWEST:
        raise UsageError(
            f"--search must be at least {FEWEST} trials, the first as suggested, got {trials}; "
            "or leave it out"
        )
    require_optuna()
    if valid is not None and valid.lower() == "none":
        raise UsageError("--search chooses by a validation part; leave out --valid none")
    for unit in ("steps", "symbols"):
        limit = getattr(budget, unit)
        if limit is not None and limit * SHARE < trials:
            raise UsageError(
                f"--search {trials} needs a budget of at least {round(trials / SHARE)} {unit}, got {limit}; "
                "give more, or fewer trials"
            )


def read(file: Path) -> Search:
    """Return the trials that were written down; none where there is no file."""
    if not file.is_file():
        return Search()
    stored = storage.read_json(file)
    return Search(tuple(Trial(**trial) for trial in stored["trials"]), stored["ended"])


def search(
    plan: training.Plan,
    trials: int,
    prepared: Prepared,
    file: Path,
    folder: Path,
    tell: Callable[[Exception], str],
    progress: Progress,
) -> Search:
    """Make the trials that are not in the file yet, one after the other, and return all.

    The run of the one under way lies below `folder`: when it is stopped, it goes on from there. One that
    fails is taken to have spent all it was given; `tell` says what is written down of its error.
    """
    space, done = training.space_of(plan), read(file)
    with tempfile.TemporaryDirectory(prefix="anygram-") as workspace:
        encoded: training.Encoded | None = None
        while (budget := next_budget(plan, trials, done)) is not None:
            told = [(trial.drawn, trial.figure) for trial in done.trials]
            if (drawn := propose(space, told, plan.seed)) is None:
                break
            number = f"trial {len(done.trials) + 1} of {trials}"
            encoded = encoded or training.encode(plan, prepared.splits, Path(workspace), progress)
            run = folder / str(len(done.trials))
            tried = replace(plan, budget=budget, drawn=drawn)
            try:
                trial = _tried(tried, space, prepared, encoded, run, _Titled(progress, number))
            except Exception as error:  # a model's or a plug-in's own: the next trial may be better
                trial = Trial(dict(drawn), spent=_limits(budget), error=tell(error))
            done = Search((*done.trials, trial))
            storage.write_json(file, done.to_json())
            shutil.rmtree(run, ignore_errors=True)
            progress.say(f"{number}: {said_of(trial)}")
    done = replace(done, ended=True)
    storage.write_json(file, done.to_json())
    return done


def next_budget(plan: training.Plan, trials: int, done: Search) -> Budget | None:
    """Return what the next of so many trials may take of the plan's budget; None where no more fits."""
    each = SHARE / trials
    room = min(SHARE, 1 - _whole(plan, done)) - plan.budget.spent(**done.spent)
    if len(done.trials) >= trials or room < _ENOUGH * each:
        return None
    budget = plan.budget.part(min(each, room))
    # of few steps none may be left, and a budget has one at least
    return budget if plan.budget.spent(**_limits(budget)) <= room + 1e-9 else None


def said_of(trial: Trial) -> str:
    """Return what came of a trial in a few words."""
    if trial.error:
        return f"failed: {trial.error}"
    if trial.valid_bits_per_byte is None:
        return f"perplexity {trial.valid_perplexity:.2f} on validation"
    return f"{trial.valid_bits_per_byte:.3f} bits per byte on validation"


def _whole(plan: training.Plan, done: Search) -> float:
    """Return the share of the budget that reading the whole text takes, where the model reads it once.

    That is known from trials, however short, or where epochs are the budget; else it is taken to be nothing.
    """
    if not training.reads_once(plan):
        return 0.0
    ended = [trial.spent for trial in done.trials if trial.spent["epochs"] and not trial.error]
    if not ended:
        return 1 / plan.budget.epochs if plan.budget.epochs else 0.0
    return max(
        plan.budget.spent(**{unit: taken / spent["epochs"] for unit, taken in spent.items()})
        for spent in ended
    )


def _limits(budget: Budget) -> dict[str, float]:
    """Return the limits by unit, 0 where there is none."""
    return {unit: getattr(budget, unit) or 0.0 for unit in _UNITS}


def _tried(
    plan: training.Plan,
    space: Space,
    prepared: Prepared,
    encoded: training.Encoded,
    run: Path,
    progress: Progress,
) -> Trial:
    """Return what came of one trial."""
    _, stopped = trained(plan, prepared, run, progress, encoded)
    record = runs.read_record(run)
    known = {**record.learner_settings, **record.model_settings}
    valid = record.figures.get("valid", {})
    perplexity = valid.get("perplexity")
    return Trial(
        drawn=dict(plan.drawn),
        settings={key: known[key] for key in space},
        valid_bits_per_byte=valid.get("bits_per_byte"),
        valid_perplexity=perplexity,
        spent={unit: float(record.spent[unit]) for unit in _UNITS},
        error=stopped or ("" if perplexity is not None else "it has no finite figure on validation"),
    )


@dataclass(frozen=True)
class _Titled:
    """Says of each stage which trial it is of."""

    progress: Progress
    title: str

    def stage(self, title: str, total: float | None = None) -> None:
        self.progress.stage(f"{self.title}: {title}", total)

    def update(self, done: float, note: str = "") -> None:
        self.progress.update(done, note)

    def say(self, line: str) -> None:
        self.progress.say(f"{self.title}: {line}")

    def close(self) -> None:
        self.progress.close()
