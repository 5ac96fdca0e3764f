"""One training under way: the loop, what it spends and measures, and what it writes.

Axes: B rows, T positions, N symbols of a stream.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from anygram import evaluation, runs
from anygram.budgets import Budget
from anygram.compiled import clock
from anygram.data.corpus import EncodedCorpus
from anygram.data.splitting import Splits
from anygram.data.store import units_of
from anygram.errors import TrainingStopped
from anygram.learning.group import ALONE, Group
from anygram.protocols import LanguageModel, Learner, Tensors
from anygram.reporting.progress import Progress
from anygram.runs import Record, StoredRun
from anygram.training.interruption import Interrupt, interruptible
from anygram.training.validation import Sample, of_known_labels

CHECKPOINT_EVERY_SECONDS = 120.0
METRICS_EVERY_SECONDS = 1.0
DENSE_METRICS_SECONDS = 200.0
"""After so long lines come ever more seldom, so that ten hours have about a thousand."""
VALIDATION_SHARE = 0.05
"""Validation takes about this share of the time at most, and comes once in this share of the budget."""
FINAL_VALIDATION_UNITS = 200_000


class Session:
    """One training under way: what has been spent, measured and kept so far."""

    def __init__(
        self,
        run: StoredRun,
        learner: Learner,
        corpus: EncodedCorpus,
        valid: Sample | None,
        budget: Budget,
        out: Path,
        progress: Progress,
        group: Group = ALONE,
    ) -> None:
        """Of the `group` of processes every one has its session, and the first writes the run."""
        self._group = group
        self._agreed: float | None = None  # seconds, on the clock of all processes
        self._run, self._learner, self._corpus = run, learner, corpus
        self._valid, self._budget, self._out, self._progress = valid, budget, out, progress
        self._metrics: list[dict[str, Any]] = []
        self._steps = self._symbols = 0
        self._seconds_before = 0.0
        self._started = 0.0
        self._best_nats = float("inf")
        self._best: Tensors | None = None
        self._validations_since_best = 0
        self._validated_at = -1  # which step
        self._nats_since_line: list[float] = []
        self._unwritten: Mapping[str, Any] = {}
        self._line_due = False
        self._next_line = 0.0
        self._next_validation = 0.0, 0.0  # symbols, and share of the budget
        self._next_checkpoint = CHECKPOINT_EVERY_SECONDS
        self._stopped: TrainingStopped | None = None

    def go_on(
        self, metrics: list[dict[str, Any]], best: Tensors, next_validation: tuple[float, float] | None
    ) -> None:
        """Take up the counts of an earlier session, its best model, and when it would have validated next.

        None plans validation anew, as for another budget.
        """
        spent = self._run.record.spent
        self._metrics = metrics
        self._steps, self._symbols = int(spent["steps"]), int(spent["symbols"])
        self._seconds_before = float(spent["seconds"])
        if "best_valid_nats_per_symbol" in spent:
            self._best, self._best_nats = best, float(spent["best_valid_nats_per_symbol"])
            self._validations_since_best = int(spent["validations_since_best"])
        if next_validation is not None:
            self._next_validation = next_validation
        self._next_line = self._seconds_before
        self._next_checkpoint = self._seconds_before + CHECKPOINT_EVERY_SECONDS

    def learn(self) -> None:
        """Update until the budget is spent, the learner has seen all, or somebody says stop."""
        self._progress.stage(f"training {self._run.record.model}", total=1.0)
        self._started = clock()
        if self._next_validation == (0.0, 0.0):
            self._plan_validation()
        with interruptible(insist=self._group.size == 1) as interrupt:
            for batch in self._learner.batches(self._corpus):
                if self._is_told_to_stop(interrupt) and self._steps:
                    self.checkpoint()
                    raise KeyboardInterrupt(f"{self._out} keeps what was learnt; --resume goes on with it")
                spent = self._spent()
                if spent >= 1 and self._steps:  # whatever the budget, there is something to ask
                    break
                self._line_due = self._seconds() >= self._next_line
                if self._line_due:
                    self._learner.watch()
                try:
                    measured = self._learner.update(batch, spent)
                except TrainingStopped as stopped:
                    self._stopped = stopped
                    break
                self._after(measured)
                if self._is_out_of_patience():
                    break

    def checkpoint(self) -> None:
        """Write the run as it stands: the best model so far, and what resuming needs."""
        current = snapshot(self._run.model)
        status = "training" if self._learner.usable else "unfinished"
        record = replace(self._run.record, status=status, spent=self._accounts())
        with self._learner.shown():
            self._take_best()
            self._write(record, self._resumable(current))
        self._run.model.restore(current)

    def finish(self, splits: Splits) -> Record:
        """Complete the model, take the best weights, write the run, then measure it."""
        if self._unwritten:
            self._write_line(self._unwritten, self._seconds())
        finished = dict(self._learner.finish())
        compiling = {key: finished.pop(key) for key in ("compile_seconds",) if key in finished}
        seconds = self._seconds()
        training: Tensors | None = None
        if self._learner.validates:
            if self._validated_at != self._steps:
                self._validate()
            training = self._resumable(snapshot(self._run.model))
            self._become_what_is_asked()
        record = replace(
            self._run.record,
            status="stopped" if self._stopped else "finished",
            spent={**self._accounts(), **compiling, "seconds": seconds},
            figures={"model": finished},
        )
        self._write(record, training)
        try:
            record = replace(record, figures={**record.figures, **self._measure(splits)})
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{self._out} is trained; anygram evaluate measures it") from None
        if self._group.leads:
            runs.rewrite_record(self._out, record)
        self._progress.close()
        if self._stopped:
            raise self._stopped
        return record

    def _write(self, record: Record, training: Tensors | None) -> None:
        if self._group.leads:
            runs.write(self._out, replace(self._run, record=record), training=training, metrics=self._metrics)
        else:
            self._run.model.tensors()  # of divided weights every process gives its part to the first
        self._group.wait()

    def _resumable(self, model: Tensors) -> Tensors:
        """Return what going on needs: the model as it is (not the best), and the learner."""
        tensors = {f"model.{name}": array for name, array in model.items()}
        tensors["session.next_validation"] = np.array(self._next_validation, dtype=np.float64)
        return tensors | {f"learner.{name}": array for name, array in self._learner.tensors().items()}

    def _take_best(self) -> None:
        if self._best is not None:
            self._run.model.restore(self._best)

    def _become_what_is_asked(self) -> None:
        """Let the model be the best one, or else what the learner shows, from now on."""
        if self._best is None:
            with self._learner.shown():
                self._best = snapshot(self._run.model)
        self._take_best()

    def _measure(self, splits: Splits) -> dict[str, Any]:
        """Return the final figures: on test where there is one, else on (the first part of) validation."""
        model, codec, given = self._run.model, self._run.codec, self._run.condition_codec
        test, valid = (of_known_labels(part, given) for part in (splits.test, splits.valid))
        if len(test):
            self._progress.stage("measuring on the test split", total=units_of(test))
            scored = evaluation.evaluate(
                model,
                codec,
                test,
                ranks=False,
                condition_codec=given,
                progress=self._progress.update,
            )
            return {"test": scored.to_json()}
        if len(valid):
            self._progress.stage("measuring on the validation split")
            documents = evaluation.take(valid, FINAL_VALIDATION_UNITS)
            scored = evaluation.evaluate(model, codec, documents, ranks=False, condition_codec=given)
            return {"valid": scored.to_json()}
        return {}

    def _is_out_of_patience(self) -> bool:
        stale = self._validations_since_best
        if not 0 < self._learner.patience <= stale:
            return False
        message = f"stopped early: {stale} validations without improvement"
        self._progress.say(f"step {self._steps}: {message}")
        self._metrics.append({"step": self._steps, "seconds": round(self._seconds(), 3), "message": message})
        return True

    def _after(self, measured: Mapping[str, Any]) -> None:
        self._steps += 1
        self._symbols += int(measured["symbols"])
        if "nats_per_symbol" in measured:
            self._nats_since_line.append(measured["nats_per_symbol"])
        self._unwritten = measured
        seconds = self._seconds()
        if "message" in measured:
            self._progress.say(f"step {self._steps}: {measured['message']}")
        if self._line_due or "message" in measured:
            self._write_line(measured, seconds)
        due_symbols, due_spent = self._next_validation
        if self._symbols >= due_symbols and self._spent() >= due_spent:
            self._validate()
        if seconds >= self._next_checkpoint:
            self.checkpoint()
            self._next_checkpoint = self._seconds() + CHECKPOINT_EVERY_SECONDS

    def _write_line(self, measured: Mapping[str, Any], seconds: float) -> None:
        line = {"step": self._steps, "seconds": round(seconds, 3), **measured, "symbols": self._symbols}
        rate = f"{self._symbols / max(seconds, 1e-9):,.0f} symbols/s"
        if self._nats_since_line:
            line["nats_per_symbol"] = sum(self._nats_since_line) / len(self._nats_since_line)
            rate = f"{line['nats_per_symbol']:.3f} nats/symbol  {rate}"
        self._metrics.append(line)
        self._nats_since_line, self._unwritten = [], {}
        self._next_line = seconds + METRICS_EVERY_SECONDS * max(1.0, seconds / DENSE_METRICS_SECONDS)
        self._progress.update(min(1.0, max(self._spent(), self._share_of_corpus())), rate)

    def _share_of_corpus(self) -> float:
        """Return how far a learner that reads everything once is; 0 for the others."""
        return 0.0 if self._learner.validates else self._learner.epochs

    def _validate(self) -> None:
        if self._valid is None:
            return
        model = self._run.model
        with self._learner.shown():
            nats = self._valid.nats(model)
            self._validations_since_best += 1
            if nats < self._best_nats:
                self._best_nats, self._best = nats, snapshot(model)
                self._validations_since_best = 0
        self._validated_at = self._steps
        seconds = round(self._seconds(), 3)
        self._metrics.append({"step": self._steps, "seconds": seconds, "valid_nats_per_symbol": nats})
        self._plan_validation()

    def _plan_validation(self) -> None:
        # in symbols and budget, not by the clock, so that equal seeds keep equal weights
        if self._valid is not None:
            pause = self._valid.symbols / (2 * VALIDATION_SHARE)  # reading costs about half of learning
            self._next_validation = self._symbols + pause, self._spent() + VALIDATION_SHARE

    def _is_told_to_stop(self, interrupt: Interrupt) -> bool:
        """Return whether any process is; all have the same clock until the next call."""
        seconds, stop = self._group.agree(clock() - self._started, interrupt.requested)
        self._agreed = None if self._group.size == 1 else seconds
        return stop

    def _seconds(self) -> float:
        now = clock() - self._started if self._agreed is None else self._agreed
        return self._seconds_before + now

    def _spent(self) -> float:
        return self._budget.spent(
            seconds=self._seconds(),
            symbols=self._symbols,
            epochs=self._learner.epochs,
            steps=self._steps,
        )

    def _accounts(self) -> dict[str, Any]:
        accounts = {
            "seconds": self._seconds(),
            "steps": self._steps,
            "symbols": self._symbols,
            "epochs": self._learner.epochs,
        }
        if self._best_nats < math.inf:
            accounts["best_valid_nats_per_symbol"] = self._best_nats
            accounts["validations_since_best"] = self._validations_since_best
        return accounts


def snapshot(model: LanguageModel) -> Tensors:
    """Return the model's tensors as they are now, whatever it learns later."""
    return {name: array.copy() for name, array in model.tensors().items()}
