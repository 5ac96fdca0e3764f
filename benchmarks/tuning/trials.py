"""Trainings of one model on one text under one budget, a process each: by settings, and by seed."""

from __future__ import annotations

import json
import math
import statistics
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from peers import processes
from peers.processes import CommandFailed

TASKS = "tuning.tasks"

Settings = Mapping[str, Any]


@dataclass(frozen=True)
class Subject:
    """A text divided into what is trained on and what is held out; how it is read, and by which codec."""

    name: str
    text: Path
    held_out: Path
    documents: str
    codec: str | None = None

    def to_words(self) -> dict[str, Any]:
        """Return what tasks need to read what is trained on."""
        return {"text": self.text, "documents": self.documents, "codec": self.codec}


def divided(
    name: str, source: Path, documents: str, folder: Path, codec: str | None = None, of_test: bool = False
) -> Subject:
    """Return a text divided: without its test part, or that part alone."""
    subject = Subject(name, folder / f"{name}-train.txt", folder / f"{name}-held-out.txt", documents, codec)
    if not subject.held_out.exists():
        parts = {"train": subject.text, "held_out": subject.held_out}
        ask("divide", source=source, documents=documents, of_test=of_test, **parts)
    return subject


@dataclass(frozen=True)
class Result:
    """What a training reached in bits per byte, none where it `failed`, and all its settings."""

    bits_per_byte: float | None
    settings: Settings = field(default_factory=dict)
    steps: int = 0
    failed: str = ""


class Trials:
    """Trainings told apart by settings and seed; each is run once, when first asked for."""

    def __init__(self, subject: Subject, model: str, budget: str) -> None:
        self.subject, self.model, self.budget = subject, model, budget
        self._results: dict[str, dict[int, Result]] = {}

    def sizes(self) -> list[dict[str, int]]:
        """Return the sizes that the model's `suggest` gives, smallest first.

        Takes a step of training: asked for first, it leaves the kernels compiled, on whose compiling the
        first budget would else be spent.
        """
        found: list[dict[str, int]] = ask("sizes", model=self.model, **self.subject.to_words())["sizes"]
        return found

    def run(self, settings: Settings, seed: int) -> Result:
        """Return what these settings over the suggested ones reach with this seed."""
        results = self._results.setdefault(_key(settings), {})
        if seed not in results:
            results[seed] = self._train(settings, seed)
            self._say(settings, seed, results[seed])
        return results[seed]

    def results(self, settings: Settings) -> list[Result]:
        """Return what was reached with these settings, by seed."""
        return [result for _, result in sorted(self._results.get(_key(settings), {}).items())]

    def median(self, settings: Settings) -> float:
        """Return the median of the bits per byte reached with these settings; a failure is infinite."""
        reached = (result.bits_per_byte for result in self.results(settings))
        return statistics.median(math.inf if bits is None else bits for bits in reached)

    def to_json(self) -> list[dict[str, Any]]:
        """Return every training there was, in turn."""
        about = {"text": self.subject.name, "model": self.model, "budget": self.budget}
        return [
            {**about, "chosen": json.loads(chosen), "seed": seed, **asdict(result)}
            for chosen, results in self._results.items()
            for seed, result in results.items()
        ]

    def _train(self, settings: Settings, seed: int) -> Result:
        data = {**self.subject.to_words(), "held_out": self.subject.held_out}
        chosen = {"settings": settings, "budget": self.budget, "seed": seed}
        try:
            found = ask("train", model=self.model, **data, **chosen)
        except CommandFailed as error:
            return Result(None, failed=str(error))
        return Result(float(found["bits_per_byte"]), found["settings"], int(found["spent"]["steps"]))

    def _say(self, settings: Settings, seed: int, result: Result) -> None:
        reached = result.failed or f"{result.bits_per_byte:.4f} bits a byte in {result.steps:,} steps"
        what = f"{self.subject.name}  {self.model}  seed {seed}  {described(settings) or 'default'}"
        print(f"{what}: {reached}", file=sys.stderr, flush=True)


def ask(task: str, **given: Any) -> dict[str, Any]:
    """Return what a task of `tuning.tasks` found."""
    return processes.ask_module(Path(sys.executable), TASKS, task, given)[0]


def described(settings: Settings) -> str:
    """Return settings as `--set` takes them.

    >>> described({"rate": 0.004000000001, "carry": True})
    'rate=0.004 carry=true'
    """
    return " ".join(f"{key}={_word(value)}" for key, value in settings.items())


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _key(settings: Settings) -> str:
    return json.dumps(settings, sort_keys=True)
