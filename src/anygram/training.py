"""The one training loop: documents, a plan, a budget; out comes a run folder.

The loop asks the learner for batches and hands them back; whether that is counting or a gradient
step it never asks. The clock of the budget runs from the first batch to the last update, with
validation and checkpoints inside it.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

from anygram import codecs, evaluation, models, runs, settings, storage
from anygram.budgets import Budget
from anygram.data.corpus import EncodedCorpus, encode_corpus
from anygram.data.documents import Documents
from anygram.data.splitting import Splits
from anygram.errors import RunError, TrainingStopped, UnknownName, UsageError
from anygram.learning import config_of, learner_for
from anygram.protocols import Codec, Differentiable, Ids, LanguageModel, Learner, Tensors
from anygram.reporting.progress import Progress, Silent
from anygram.runs import Record, StoredRun

CHECKPOINT_EVERY_SECONDS = 120.0
METRICS_EVERY_SECONDS = 1.0
VALIDATION_SHARE = 0.05
"""Validation takes about this share of the time at most, and comes once in this share of the budget."""
VALIDATION_ROWS, VALIDATION_LENGTH = 64, 512
FINAL_VALIDATION_UNITS = 200_000
SUGGESTION_SYMBOLS = 1 << 18
DEFAULT_CODEC = "bpe"
"""Byte pairs: lossless for any text, shorter sequences than characters, and the best of the codecs for
n-grams and networks alike on English prose, Python's docstrings and Chinese poems."""


@dataclass(frozen=True)
class Plan:
    """What to train: names, settings by key (`--set`), budget, seed."""

    model: str
    codec: str = DEFAULT_CODEC
    values: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(seconds=600))
    seed: int = 0

    def __post_init__(self) -> None:
        settings.check_seed(self.seed)


def train(
    plan: Plan,
    splits: Splits,
    data: Mapping[str, Any],
    *,
    out: Path,
    workspace: Path,
    resume: bool = False,
    progress: Progress | None = None,
) -> Record:
    """Train what the plan says on the splits and write the run folder `out`; return its record.

    `data` describes the source and goes into the record; `workspace` is a folder for temporary
    files. With `resume` the run in `out` goes on from its last checkpoint.
    """
    progress = progress or Silent()
    check_out(out, resume)
    if resume:
        session = _resumed(plan, splits, data, out, workspace, progress)
    else:
        session = _fresh(plan, splits, data, out, workspace, progress)
    session.learn()
    return session.finish(splits)


def check_out(out: Path, resume: bool) -> None:
    """Raise where `out` is in the way, or, with `resume`, where there is nothing to resume."""
    if resume:
        if not (out / "run.toml").is_file():
            raise RunError(f"{out} holds no run to resume; leave --resume out to begin one")
    elif out.is_file():
        raise UsageError(f"--out {out} is a file; name a folder that does not exist yet")
    elif out.is_mount():
        raise UsageError(f"--out {out} is a mount point, which cannot be replaced; name a folder inside it")
    elif out.is_dir() and any(out.iterdir()):
        what = "a run" if (out / "run.toml").is_file() else "files that are no run"
        remedy = "pass --resume to go on with it, or " if what == "a run" else ""
        raise UsageError(f"--out {out} already holds {what}; {remedy}name another folder")
    storage.require_writable(out)


def default_valid(plan: Plan) -> str:
    """Return the validation split to use where none is asked for: a twentieth, if learning needs one."""
    return "0.05" if isinstance(_untrained(plan), Differentiable) else "none"


def _untrained(plan: Plan) -> LanguageModel:
    """Return a model of the plan's kind: any will do to learn which kind of learner it has."""
    module = models.REGISTRY.load(plan.model)
    model: LanguageModel = module.create(module.Config(), 4, plan.seed)
    return model


def sort_settings(values: Mapping[str, Any], places: Mapping[str, list[str]]) -> dict[str, dict[str, Any]]:
    """Return settings by place: `rate=…` goes where that key is, `codec.size=…` where it says.

    UnknownName for a key that no place has; UsageError for one that several have.
    """
    sorted_: dict[str, dict[str, Any]] = {place: {} for place in places}
    for key, value in values.items():
        place, dot, rest = key.partition(".")
        if dot and place in places:
            if rest not in places[place]:
                raise UnknownName(f"{place} setting", rest, places[place])
            sorted_[place][rest] = value
            continue
        found = [place for place, keys in places.items() if key in keys]
        if not found:
            raise UnknownName("setting", key, {key for keys in places.values() for key in keys})
        if len(found) > 1:
            raise UsageError(f"'{key}' is a setting of {' and '.join(found)}; write {found[0]}.{key}")
        sorted_[found[0]][key] = value
    return sorted_


def check(plan: Plan) -> None:
    """Raise for an unknown name or a setting out of range before any work is done."""
    chosen = _chosen(plan)
    for place, config in _configs(plan).items():
        settings.build(config, chosen[place])


def _configs(plan: Plan) -> dict[str, type[Any]]:
    """Return what holds the settings of the plan's model, learner and codec."""
    return {
        "model": models.REGISTRY.load(plan.model).Config,
        "learner": config_of(_untrained(plan)),
        "codec": codecs.REGISTRY.load(plan.codec).Config,
    }


def _chosen(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return the plan's settings by place: model, learner, codec."""
    return sort_settings(plan.values, {place: settings.keys(c) for place, c in _configs(plan).items()})


def _fresh(
    plan: Plan,
    splits: Splits,
    data: Mapping[str, Any],
    out: Path,
    workspace: Path,
    progress: Progress,
) -> _Session:
    module = models.REGISTRY.load(plan.model)
    codec_module = codecs.REGISTRY.load(plan.codec)
    chosen = _chosen(plan)
    codec_config = settings.build(codec_module.Config, chosen["codec"])

    progress.stage(f"fitting the codec {plan.codec}")
    codec = codec_module.fit((document.text for document in splits.train), codec_config)
    corpus = _encoded(splits.train, codec, workspace / "train", progress)
    config, learner_values = _suggested(module, corpus, codec.vocabulary_size, plan.budget)
    config = settings.build(module.Config, chosen["model"], config)
    model = module.create(config, codec.vocabulary_size, plan.seed)
    learner = learner_for(model, chosen["learner"], plan.seed, learner_values)
    record = Record(
        codec=plan.codec,
        codec_settings=settings.to_words(codec_config),
        model=plan.model,
        model_settings=settings.to_words(config),
        vocabulary_size=codec.vocabulary_size,
        learner_settings=settings.to_words(learner.config),
        budget=_limits(plan.budget),
        seed=plan.seed,
        data={**data, "symbols": corpus.symbols},
    )
    valid = _validation_sample(splits.valid, codec) if learner.validates else None
    run = StoredRun(record, codec, model)
    return _Session(run, learner, corpus, valid, plan.budget, out, progress)


def _resumed(
    plan: Plan,
    splits: Splits,
    data: Mapping[str, Any],
    out: Path,
    workspace: Path,
    progress: Progress,
) -> _Session:
    stored = runs.read(out)
    record = stored.record
    _check_resumable(plan, record, data, out)
    tensors = runs.read_training(out)
    corpus = _encoded(splits.train, stored.codec, workspace / "train", progress)
    best = _snapshot(stored.model)
    stored.model.restore(_under("model.", tensors))
    learner = learner_for(stored.model, record.learner_settings, record.seed)
    learner.restore(_under("learner.", tensors))
    valid = _validation_sample(splits.valid, stored.codec) if learner.validates else None
    record = replace(record, budget=_limits(plan.budget), status="training", figures={})
    run = StoredRun(record, stored.codec, stored.model)
    session = _Session(run, learner, corpus, valid, plan.budget, out, progress)
    session.go_on(runs.read_metrics(out), best)
    return session


def _check_resumable(plan: Plan, record: Record, data: Mapping[str, Any], out: Path) -> None:
    """Raise RunError where the run in `out` is another than the plan's, or has nothing left to do."""
    if any(record.data.get(key) != data.get(key) for key in ("fingerprint", "valid", "test")):
        raise RunError(f"{out} was trained on other data; resume with the same sources and options")
    if (record.model, record.codec, record.seed) != (plan.model, plan.codec, plan.seed):
        raise RunError(
            f"{out} is a {record.model} over {record.codec} with seed {record.seed}; resume with the same"
        )
    recorded = {
        "model": record.model_settings,
        "learner": record.learner_settings,
        "codec": record.codec_settings,
    }
    chosen = _chosen(plan)
    for place, config in _configs(plan).items():
        begun = settings.build(config, recorded[place])
        if settings.build(config, chosen[place], begun) != begun:
            raise RunError(f"{out} was begun with other settings of its {place}; resume without --set")
    if record.status == "finished":
        if not (out / "training.safetensors").is_file():
            raise RunError(f"{out} has read all its data, once is all it takes; train a new run on more")
        spent = {name: record.spent[name] for name in ("seconds", "symbols", "epochs", "steps")}
        if plan.budget.spent(**spent) >= 1:
            raise RunError(f"{out} has spent its budget; give a larger --budget to go on")


def _limits(budget: Budget) -> dict[str, Any]:
    return {name: limit for name, limit in asdict(budget).items() if limit is not None}


def _snapshot(model: LanguageModel) -> Tensors:
    """Return the model's tensors as they are now, whatever it learns later."""
    return {name: array.copy() for name, array in model.tensors().items()}


def _under(prefix: str, tensors: Tensors) -> Tensors:
    return {name.removeprefix(prefix): array for name, array in tensors.items() if name.startswith(prefix)}


def _encoded(documents: Documents, codec: Codec, folder: Path, progress: Progress) -> EncodedCorpus:
    progress.stage("encoding", total=len(documents))
    done = count(1)
    return encode_corpus(documents, codec, folder, lambda units: progress.update(next(done)))


def _suggested(
    module: Any, corpus: EncodedCorpus, vocabulary_size: int, budget: Budget
) -> tuple[Any, dict[str, Any]]:
    if not hasattr(module, "suggest"):
        return module.Config(), {}
    sample_ids = np.asarray(corpus.ids[:SUGGESTION_SYMBOLS])
    config, learner_values = module.suggest(sample_ids, corpus.symbols, vocabulary_size, budget)
    return config, learner_values


def _validation_sample(documents: Documents, codec: Codec) -> Ids | None:
    """Return ids_BT to validate on: up to 64 evenly spaced pieces of 512 symbols.

    Pieces begin at the start state, wherever they were cut: good for choosing between two moments
    of one training, not a figure to report.
    """
    pieces = []
    for document in evaluation.take(documents, 4 * VALIDATION_ROWS * VALIDATION_LENGTH * 4):
        pieces += [codec.encode(document.text).ids, np.array([codec.boundary], dtype=np.int32)]
    if not pieces:
        return None
    ids_N = np.concatenate(pieces)
    rows = max(1, min(VALIDATION_ROWS, len(ids_N) // VALIDATION_LENGTH))
    length = min(VALIDATION_LENGTH, len(ids_N) // rows)
    starts_B = np.linspace(0, len(ids_N) - length, rows).astype(np.int64)
    return np.stack([ids_N[start : start + length] for start in starts_B]).astype(np.int32)


class _Interrupt:
    """Ctrl-C, noted instead of raised, so that no update is cut in two; a second one raises."""

    requested = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def interruptible() -> Iterator[_Interrupt]:
    """Yield a note of whether the user or the system asked to stop (SIGINT, SIGTERM)."""
    interrupt = _Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class _Session:
    """One training under way: what has been spent, measured and kept so far."""

    def __init__(
        self,
        run: StoredRun,
        learner: Learner,
        corpus: EncodedCorpus,
        valid_BT: Ids | None,
        budget: Budget,
        out: Path,
        progress: Progress,
    ) -> None:
        self._run, self._learner, self._corpus = run, learner, corpus
        self._valid_BT, self._budget, self._out, self._progress = valid_BT, budget, out, progress
        self._metrics: list[dict[str, Any]] = []
        self._steps = self._symbols = 0
        self._seconds_before = 0.0
        self._started = 0.0
        self._best_nats = float("inf")
        self._best: Tensors | None = None
        self._nats_since_line: list[float] = []
        self._unwritten: Mapping[str, float] = {}
        self._next_line = 0.0
        self._next_validation = 0.0, 0.0  # symbols, and share of the budget
        self._next_checkpoint = CHECKPOINT_EVERY_SECONDS
        self._stopped: TrainingStopped | None = None

    def go_on(self, metrics: list[dict[str, Any]], best: Tensors) -> None:
        """Take up the counts of an earlier session and its best model."""
        spent = self._run.record.spent
        self._metrics = metrics
        self._steps, self._symbols = int(spent["steps"]), int(spent["symbols"])
        self._seconds_before = float(spent["seconds"])
        if "best_valid_nats_per_symbol" in spent:
            self._best, self._best_nats = best, float(spent["best_valid_nats_per_symbol"])
        self._next_line = self._seconds_before
        self._next_checkpoint = self._seconds_before + CHECKPOINT_EVERY_SECONDS

    def learn(self) -> None:
        """Update until the budget is spent, the learner has seen all, or somebody says stop."""
        self._progress.stage(f"training {self._run.record.model}", total=1.0)
        self._started = time.perf_counter()
        self._plan_validation()
        with interruptible() as interrupt:
            for batch in self._learner.batches(self._corpus):
                spent = self._spent()
                if spent >= 1 and self._steps:  # whatever the budget, there is something to ask
                    break
                try:
                    measured = self._learner.update(batch, spent)
                except TrainingStopped as stopped:
                    self._stopped = stopped
                    break
                self._after(measured)
                if interrupt.requested:
                    self.checkpoint()
                    raise KeyboardInterrupt(f"{self._out} keeps what was learnt; --resume goes on with it")

    def checkpoint(self) -> None:
        """Write the run as it stands: the best model so far, and what resuming needs."""
        current = _snapshot(self._run.model)
        self._take_best()
        status = "training" if self._learner.usable else "unfinished"
        record = replace(self._run.record, status=status, spent=self._accounts())
        self._write(record, self._resumable(current))
        self._run.model.restore(current)

    def finish(self, splits: Splits) -> Record:
        """Complete the model, take the best weights, write the run, then measure it."""
        if self._unwritten:
            self._write_line(self._unwritten, self._seconds())
        finished = dict(self._learner.finish())
        seconds = self._seconds()
        training: Tensors | None = None
        if self._learner.validates:
            self._validate()
            training = self._resumable(_snapshot(self._run.model))
            self._take_best()
        record = replace(
            self._run.record,
            status="stopped" if self._stopped else "finished",
            spent={**self._accounts(), "seconds": seconds},
            figures={"model": finished},
        )
        self._write(record, training)
        try:
            record = replace(record, figures={**record.figures, **self._measure(splits)})
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"{self._out} is trained; anygram evaluate measures it") from None
        runs.rewrite_record(self._out, record)
        self._progress.close()
        if self._stopped:
            raise self._stopped
        return record

    def _write(self, record: Record, training: Tensors | None) -> None:
        runs.write(self._out, replace(self._run, record=record), training=training, metrics=self._metrics)

    def _resumable(self, model: Tensors) -> Tensors:
        """Return what going on needs: the model as it is (not the best), and the learner."""
        tensors = {f"model.{name}": array for name, array in model.items()}
        return tensors | {f"learner.{name}": array for name, array in self._learner.tensors().items()}

    def _take_best(self) -> None:
        if self._best is not None:
            self._run.model.restore(self._best)

    def _measure(self, splits: Splits) -> dict[str, Any]:
        """Return the final figures: on test where there is one, else on (the first part of) validation."""
        model, codec = self._run.model, self._run.codec
        if len(splits.test):
            self._progress.stage("measuring on the test split", total=sum(d.units for d in splits.test))
            scored = evaluation.evaluate(
                model, codec, splits.test, ranks=False, progress=self._progress.update
            )
            return {"test": scored.to_json()}
        if len(splits.valid):
            self._progress.stage("measuring on the validation split")
            documents = evaluation.take(splits.valid, FINAL_VALIDATION_UNITS)
            return {"valid": evaluation.evaluate(model, codec, documents, ranks=False).to_json()}
        return {}

    def _after(self, measured: Mapping[str, float]) -> None:
        self._steps += 1
        self._symbols += int(measured["symbols"])
        if "nats_per_symbol" in measured:
            self._nats_since_line.append(measured["nats_per_symbol"])
        self._unwritten = measured
        seconds = self._seconds()
        if seconds >= self._next_line:
            self._write_line(measured, seconds)
        due_symbols, due_spent = self._next_validation
        if self._symbols >= due_symbols and self._spent() >= due_spent:
            self._validate()
        if seconds >= self._next_checkpoint:
            self.checkpoint()
            self._next_checkpoint = self._seconds() + CHECKPOINT_EVERY_SECONDS

    def _write_line(self, measured: Mapping[str, float], seconds: float) -> None:
        line = {"step": self._steps, "seconds": round(seconds, 3), **measured, "symbols": self._symbols}
        rate = f"{self._symbols / max(seconds, 1e-9):,.0f} symbols/s"
        if self._nats_since_line:
            line["nats_per_symbol"] = sum(self._nats_since_line) / len(self._nats_since_line)
            rate = f"{line['nats_per_symbol']:.3f} nats/symbol  {rate}"
        self._metrics.append(line)
        self._nats_since_line, self._unwritten = [], {}
        self._next_line = seconds + METRICS_EVERY_SECONDS
        self._progress.update(min(1.0, max(self._spent(), self._share_of_corpus())), rate)

    def _share_of_corpus(self) -> float:
        """Return how far a learner that reads everything once is; 0 for the others."""
        return 0.0 if self._learner.validates else self._learner.epochs

    def _validate(self) -> None:
        if self._valid_BT is None:
            return
        model = self._run.model
        log_p_BT, _ = model.score(model.start(len(self._valid_BT)), self._valid_BT)
        nats = float(-log_p_BT.mean())
        if nats < self._best_nats:
            self._best_nats, self._best = nats, _snapshot(model)
        seconds = round(self._seconds(), 3)
        self._metrics.append({"step": self._steps, "seconds": seconds, "valid_nats_per_symbol": nats})
        self._plan_validation()

    def _plan_validation(self) -> None:
        # in symbols and budget, not by the clock, so that equal seeds keep equal weights
        if self._valid_BT is not None:
            pause = self._valid_BT.size / (2 * VALIDATION_SHARE)  # reading costs about half of learning
            self._next_validation = self._symbols + pause, self._spent() + VALIDATION_SHARE

    def _seconds(self) -> float:
        return self._seconds_before + time.perf_counter() - self._started

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
        if self._best is not None:
            accounts["best_valid_nats_per_symbol"] = self._best_nats
        return accounts
