"""The comparison: the same documents and the same budget for everyone, one process after another."""

from __future__ import annotations

import html
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from anygram import codecs, models, processes, storage, training
from anygram.budgets import Budget
from anygram.comparison import floors, results
from anygram.comparison.job import Job
from anygram.comparison.results import Row
from anygram.data.preparation import DataOptions, reopen, spool
from anygram.errors import AnygramError, DataError, UnknownName, UsageError
from anygram.reporting.progress import Progress, Silent


@dataclass(frozen=True)
class Pair:
    """A contestant: a model over a codec."""

    model: str
    codec: str = training.DEFAULT_CODEC

    @property
    def name(self) -> str:
        return f"{self.model}-{self.codec}"


@dataclass(frozen=True)
class Contest:
    """Who competes on what, under which budget; `values` keys read MODEL.KEY."""

    pairs: Sequence[Pair]
    options: DataOptions
    values: Mapping[str, Any] = field(default_factory=dict)
    budget: Budget = field(default_factory=lambda: Budget(seconds=300))
    seed: int = 0
    adapt: bool = False
    """Whether each model is measured a second time, going on to learn while it reads."""


@dataclass(frozen=True)
class Comparison:
    """The rows of a comparison, best first, and the folder they were written to."""

    path: Path
    rows: list[Row]

    def __str__(self) -> str:
        return results.table(self.rows)

    def to_json(self) -> dict[str, Any]:
        """Return what results.json holds."""
        return {"results": [row.to_json() for row in self.rows]}

    def _repr_html_(self) -> str:
        """Return the table a notebook shows."""
        return f"<pre>{html.escape(str(self))}</pre>"


def pairs(names: Sequence[str] | None, codec: str | None) -> list[Pair]:
    """Return the contestants, by default all models that need no other runs; `name:codec` fixes a codec."""
    chosen = []
    for name in names or models.alone():
        model, _, own = name.strip().partition(":")
        pair = Pair(model, own or codec or training.default_codec(model))
        if model not in models.REGISTRY.names():
            raise UnknownName("model", model, models.REGISTRY.names())
        if pair.codec not in codecs.REGISTRY.names():
            raise UnknownName("codec", pair.codec, codecs.REGISTRY.names())
        if pair in chosen:
            raise UsageError(f"{pair.name} is named twice; name each model once")
        chosen.append(pair)
    return chosen


def compare(contest: Contest, out: Path, progress: Progress | None = None) -> Comparison:
    """Train and measure every pair, then every floor; write results.json and report.md into `out`."""
    progress = progress or Silent()
    processes.require_one("compare, which starts processes of its own,")
    check_out(out)
    _check_settings(contest)
    with tempfile.TemporaryDirectory(prefix="anygram-compare-") as name:
        workspace = Path(name)
        # the learners' own validation split is taken in each process; sources are read once, here
        options = contest.options
        spool(options, workspace, progress)
        prepared = reopen(replace(options, valid="none"), contest.seed, workspace)
        if not len(prepared.splits.test):
            raise DataError("a comparison needs a test part; leave --test at its default or name a source")
        progress.close()  # the processes have bars of their own
        try:
            rows = _contestants(contest, out, workspace, progress) + _floors(
                contest, out, workspace, progress
            )
        except KeyboardInterrupt:
            kept = f"{out} keeps the runs trained so far" if out.exists() else ""
            raise KeyboardInterrupt(kept) from None
    rows = results.in_order(rows)
    comparison = Comparison(out, rows)
    budget = ", ".join(f"{limit} {name}" for name, limit in asdict(contest.budget).items() if limit)
    storage.write_json(out / "results.json", {**comparison.to_json(), "data": prepared.description})
    storage.write_text(out / "report.md", results.report(rows, prepared.description, budget))
    failed = [row for row in rows if row.error and not row.floor]
    if len(failed) == len(contest.pairs):
        raise AnygramError(f"every model failed; {failed[0].model}: {failed[0].error}")
    return comparison


def check_out(out: Path) -> None:
    """Raise where the output folder is in the way."""
    if out.is_file():
        raise UsageError(f"--out {out} is a file; name a folder that does not exist yet")
    if out.is_dir() and any(out.iterdir()):
        raise UsageError(f"--out {out} is not empty; name another folder")
    storage.require_writable(out / "results.json")


def values_of(model: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of one model: those whose key begins with its name.

    >>> values_of("lstm", {"lstm.hidden": "512", "ngram.order": "5"})
    {'hidden': '512'}
    """
    prefix = f"{model}."
    return {key.removeprefix(prefix): value for key, value in values.items() if key.startswith(prefix)}


def _check_settings(contest: Contest) -> None:
    names = {pair.model for pair in contest.pairs}
    for key in contest.values:
        if key.partition(".")[0] not in names:
            raise UsageError(
                f"--set wants MODEL.KEY=VALUE with a model of the comparison, got '{key}'; "
                f"models: {', '.join(sorted(names))}"
            )
    for pair in contest.pairs:
        values = values_of(pair.model, contest.values)
        training.check(training.Plan(pair.model, pair.codec, values, contest.budget, contest.seed))


def _contestants(contest: Contest, out: Path, workspace: Path, progress: Progress) -> list[Row]:
    rows = []
    for number, pair in enumerate(contest.pairs, 1):
        progress.say(f"[{number}/{len(contest.pairs)}] {pair.name}")
        values = values_of(pair.model, contest.values)
        result = _in_own_process(
            _job(contest, workspace, pair.model, pair.codec, values, out / pair.name), workspace
        )
        adapted = result.pop("adapted", None)
        for figures in (result, {**result, **adapted}) if adapted else (result,):
            rows.append(results.row(pair.model, pair.codec, figures, run=pair.name))
            progress.say(f"{pair.name}: {_short(rows[-1])}")
    return rows


def _floors(contest: Contest, out: Path, workspace: Path, progress: Progress) -> list[Row]:
    rows = []
    for name in floors.available():
        progress.say(f"floor {name}")
        job = replace(_job(contest, workspace, name, "", {}, out), floor=True)
        rows.append(results.row(name, "", _in_own_process(job, workspace), floor=True))
        progress.say(f"{name}: {_short(rows[-1])}")
    return rows


def _job(contest: Contest, workspace: Path, model: str, codec: str, values: dict[str, Any], out: Path) -> Job:
    return Job(
        model=model,
        codec=codec,
        values=values,
        budget=asdict(contest.budget),
        seed=contest.seed,
        options=asdict(contest.options),
        workspace=str(workspace),
        out=str(out),
        adapt=contest.adapt,
    )


def _in_own_process(job: Job, workspace: Path) -> dict[str, Any]:
    """Return what the job's process found; an `error` where it died."""
    file = workspace / "job.json"
    job.write(file)
    command = [sys.executable, "-m", "anygram.comparison.job", str(file)]
    # what it leaves behind goes with the workspace; in its own session it hears of Ctrl-C from here, once
    environment = {**os.environ, "TMPDIR": str(workspace)}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment, start_new_session=True)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    result_file = file.with_suffix(".result.json")
    if not result_file.is_file():
        return {"error": f"its process ended with status {status}, as for want of memory; try a smaller size"}
    result: dict[str, Any] = json.loads(result_file.read_text(encoding="utf-8"))
    result_file.unlink()
    return result


def _short(row: Row) -> str:
    if row.error:
        return f"failed: {row.error}"
    figure = "lossy" if row.bits_per_byte is None else f"{row.bits_per_byte:.3f} bits per byte"
    if row.way:
        return f"{figure} where it goes on learning while it reads ({row.way})"
    return f"{figure} after {row.train_seconds:.1f} s"
