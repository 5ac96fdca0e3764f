"""One contestant, in a process of its own: train it, score the test part, say in JSON what was found.

    python -m anygram.comparison.job JOB.json

The job's file names where the spooled documents lie and where the run and what was found shall go. What the
process says while it works goes to standard output, a JSON object a line; when standard input ends, whoever
started it is gone, and it stops as for Ctrl-C.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from anygram import adapting, evaluation, runs, storage, training
from anygram.budgets import Budget
from anygram.comparison import costs, facts, floors, metrics, redaction, search, telling
from anygram.comparison.energy import metered
from anygram.comparison.metrics.held import Held
from anygram.comparison.notes import Notes
from anygram.comparison.portrait import portray
from anygram.comparison.search import Search
from anygram.comparison.trained import trained
from anygram.data import kinds
from anygram.data.documents import Documents
from anygram.data.preparation import DataOptions, Prepared, open_splits, reopen
from anygram.data.shares import share_of
from anygram.data.store import stored, units_of
from anygram.errors import AnygramError, in_one_line
from anygram.reporting.progress import Progress
from anygram.runs import StoredRun


@dataclass(frozen=True)
class Job:
    """What one process shall do; `codec` is empty for a floor, whose compressor is `model`.

    `seed` is that of the splits, and of training but for what `another_seed` adds to it;
    `run` is the run folder to write, `found` the file for what was found; `share` how much of the training
    part is learnt from, and `portion` how much of the budget is used; `whole` asks for everything there is to
    know, else the figure alone matters; `tried` says that this is one of several ways, so that a validation
    part must choose among them; `texts` that what was found may quote the data. `metric` is measured, too,
    where the job is whole, of series that many values ahead. With `trials` the job is a
    search of so many, each a run below `run`, and `searched` the file where it writes them down; to others
    that is the search by which they go.
    """

    model: str
    codec: str
    values: dict[str, Any]
    budget: dict[str, Any]
    seed: int
    options: dict[str, Any]
    workspace: str
    run: str
    found: str
    another_seed: int = 0
    share: float = 1.0
    floor: bool = False
    adapt: bool = False
    whole: bool = True
    tried: bool = False
    texts: bool = True
    metric: str = ""
    horizon: int | None = None
    portion: float = 1.0
    trials: int = 0
    searched: str = ""

    def write(self, path: Path) -> None:
        """Write the job's file."""
        storage.write_json(path, asdict(self))


def read(path: Path) -> Job:
    """Return the job of a file."""
    return Job(**storage.read_json(path))


def run(job: Job, progress: Progress) -> dict[str, Any]:
    """Return what was found, with `nats_D` and `units_D` for the bootstrap; `adapted` holds the figures of
    the same run where it goes on learning, if the job asks for them."""
    fields = dict(job.options)
    options = DataOptions(**{**fields, "sources": tuple(fields["sources"])})
    if job.floor:
        splits = open_splits(replace(options, valid="none"), job.seed, Path(job.workspace))
        progress.stage(f"compressing with {job.model}")
        floor = floors.measure(job.model, splits.train, splits.test)
        return {"bits_per_byte": floor.bits_per_byte, "train_seconds": floor.seconds}
    seed, given = job.seed + job.another_seed, options.reading().given
    plan = training.Plan(job.model, job.codec, job.values, Budget(**job.budget), seed, given=given)
    if job.trials:
        prepared = reopen(options, job.seed, Path(job.workspace), _valid_to_choose_by)
        files = Path(job.searched), Path(job.run)
        tell = partial(_told, job=job, progress=progress)
        return search.search(plan, job.trials, prepared, *files, tell, progress).to_json()
    return _trained(plan, options, job, progress)


def _trained(plan: training.Plan, options: DataOptions, job: Job, progress: Progress) -> dict[str, Any]:
    """Train with what was found by a search, if there was one, within what it left; return the figures."""
    tried = search.read(Path(job.searched)) if job.searched else Search()
    budget = plan.budget.less(tried.spent) if tried.trials else plan.budget
    plan = replace(plan, budget=budget.part(job.portion) if job.portion < 1 else budget, drawn=tried.drawn)
    workspace = Path(job.workspace)
    default_valid = _valid_to_choose_by if job.tried else partial(training.default_valid, plan)
    prepared = reopen(options, job.seed, workspace, default_valid)
    parted = kinds.parted_of(options.kind)
    learnt = share_of(stored(prepared.splits.train), job.share, job.seed, parted)
    prepared = replace(prepared, splits=replace(prepared.splits, train=learnt))
    started = time.time()
    resumed = (Path(job.run) / "run.toml").is_file()
    with metered() as meter, facts.working() as worked:
        total_seconds, stopped = trained(plan, prepared, Path(job.run), progress)
    found = _measured(job, prepared, progress)
    found["train_bytes"] = units_of(prepared.splits.train)
    found["energy_joules"] = None if resumed else meter.joules  # of a process before nobody knows
    if job.whole:
        record = runs.read_record(Path(job.run))
        found["facts"] |= facts.of_data(options, job.seed, workspace, prepared, record)
        found["facts"] |= {**worked, "started": started, "finished": time.time()}
    if job.whole and job.searched and training.space_of(plan):
        valid_from = found["facts"]["valid_from"]
        found["facts"] |= facts.of_search(tried, job.budget, valid_from) if tried.trials else {}
        found["search"] = tried.to_json()
    return found | {"total_seconds": total_seconds, "stopped": stopped}


def _valid_to_choose_by(units: int) -> str:
    """Return the validation split of what is tried in several ways, whatever the data's units."""
    return "0.05"


def _measured(job: Job, prepared: Prepared, progress: Progress) -> dict[str, Any]:
    """Return the figures of a trained run; those of the test part are written into its record too."""
    out = Path(job.run)
    run, test = runs.read(out), prepared.splits.test
    costs.warm(run.model, run.codec)
    progress.stage("scoring the test part", total=prepared.description["test_bytes"])
    notes = Notes(run.codec, test, job.seed)
    scored = evaluation.evaluate(
        run.model,
        run.codec,
        test,
        ranks=False,
        condition_codec=run.condition_codec,
        keep=notes.take if job.whole else None,
        progress=progress.update,
    )
    record = replace(run.record, figures={**run.record.figures, "test": scored.to_json()})
    runs.rewrite_record(out, record)
    found = {**_figures(run, scored), **_arrays(scored)}
    if job.whole:
        found |= {**costs.of_asking(run.model, run.codec, notes.scored), "model_bytes": runs.model_bytes(out)}
        found["facts"] = facts.of_training(run.record, job.values, job.tried)
        found["facts"] |= {"test_bytes": scored.bytes, "test_documents": scored.documents}
        facts.note_training(Path(job.found), run.record)
        found["detail"] = portray(
            run, out, notes, train=prepared.splits.train, progress=progress, seed=job.seed
        )
    if job.metric and job.whole:
        found["measured"] = _by_metric(job, run, prepared, progress)
    if job.adapt:
        found["adapted"] = _adapted(run, test, progress)
    return found


def _by_metric(job: Job, run: StoredRun, prepared: Prepared, progress: Progress) -> dict[str, Any]:
    """Return the sums that the metric goes by; an error in words where this run has none."""
    metric, asked = metrics.of(job.metric), {"metric": job.metric, "horizon": job.horizon}
    progress.stage(f"measuring {metric.title}")
    try:
        sums = metric.sums(Held(run, Path(job.run), prepared.splits, job.seed, job.horizon))
    except AnygramError as error:
        return {**asked, "error": _told(error, job, progress)}
    return {**asked, "sums_DK": sums.sums_DK.tolist(), "in_time": sums.in_time, "how": sums.how}


def _figures(run: StoredRun, scored: evaluation.Evaluation) -> dict[str, Any]:
    return {
        "codec": run.record.codec,
        "bits_per_byte": scored.bits_per_byte,
        "bits_per_unit": scored.bits_per_unit,
        "unit": scored.unit,
        "valid_bits_per_byte": run.record.figures.get("valid", {}).get("bits_per_byte"),
        "valid_bits_per_unit": run.record.figures.get("valid", {}).get("bits_per_unit"),
        "perplexity": scored.perplexity,
        "train_seconds": run.record.spent["seconds"],
        "train_symbols": run.record.spent["symbols"],
        "epochs": run.record.spent["epochs"],
        "score_bytes_per_second": scored.bytes / scored.seconds,
        "model_settings": run.record.model_settings,
        "learner_settings": run.record.learner_settings,
    }


def _adapted(run: StoredRun, test: Documents, progress: Progress) -> dict[str, Any]:
    """Return the figures that change where the run goes on learning while it reads the test part."""
    way = adapting.default(run.model)
    progress.stage(f"reading the test part, {way}")
    reader = adapting.reader_of(run.model, way)
    read = evaluation.evaluate(run.model, run.codec, test, reader=reader, progress=progress.update)
    return {
        "adaptive": True,
        "way": way,
        "bits_per_byte": read.bits_per_byte,
        "bits_per_unit": read.bits_per_unit,
        "perplexity": read.perplexity,
        "score_bytes_per_second": read.bytes / read.seconds,
        **_arrays(read),
    }


def _arrays(scored: evaluation.Evaluation) -> dict[str, Any]:
    """Return what each document cost, or each block of few documents, which are contiguous."""
    return {
        "nats_D": scored.nats_D.tolist(),
        "units_D": scored.units_D.tolist(),
        "contiguous": scored.documents < evaluation.FEW_DOCUMENTS,
    }


def main(path: str) -> int:
    """Run the job of a file and write what was found. Return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it tidies up as for Ctrl-C
    threading.Thread(target=_stop_when_alone, daemon=True).start()
    job, progress = read(Path(path)), telling.Teller(sys.stdout)
    try:
        found = run(job, progress)
        if not job.texts:
            found = redaction.of_found(found)
    except KeyboardInterrupt:
        return 1
    except Exception as error:  # a model's or a plug-in's own: a row that says so, and the others go on
        found = {"error": _told(error, job, progress)}
    storage.write_text(Path(job.found), json.dumps(found))
    return 0


def _told(error: Exception, job: Job, progress: Progress) -> str:
    """Return what is written down of an error; without texts its message is for the terminal alone."""
    if job.texts or isinstance(error, MemoryError):
        return in_one_line(error)
    progress.say(f"{job.model}: {in_one_line(error)}")
    return redaction.of_error(error)


def _stop_when_alone() -> None:
    """Wait until whoever started this process is gone, then let it stop in good order."""
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
