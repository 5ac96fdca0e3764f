"""One contestant, in a process of its own: train it, score the test part, time it, say so in JSON.

    python -m anygram.comparison.job JOB.json

The job's file names where the spooled documents lie and where the run and the result shall go.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from anygram import adapting, evaluation, runs, storage, training
from anygram.budgets import Budget
from anygram.comparison import floors
from anygram.data.documents import Documents
from anygram.data.preparation import DataOptions, reopen
from anygram.errors import AnygramError, TrainingStopped
from anygram.protocols import Codec, LanguageModel
from anygram.reporting.progress import Progress, for_stream
from anygram.runs import StoredRun
from anygram.tasks import generation
from anygram.tasks.generation import Sampling

GENERATION_SECONDS = 2.0
GENERATION_SYMBOLS = 2000


@dataclass(frozen=True)
class Job:
    """What one process shall do; `codec` is empty for a floor, whose compressor is `model`."""

    model: str
    codec: str
    values: dict[str, Any]
    budget: dict[str, Any]
    seed: int
    options: dict[str, Any]
    workspace: str
    out: str
    floor: bool = False
    adapt: bool = False

    def write(self, path: Path) -> None:
        """Write the job's file."""
        storage.write_json(path, asdict(self))


def read(path: Path) -> Job:
    """Return the job of a file."""
    return Job(**storage.read_json(path))


def run(job: Job, progress: Progress) -> dict[str, Any]:
    """Return the row of results, with `nats_D` and `units_D` for the bootstrap; `adapted` holds those of
    the row beside it, of the same run that goes on learning, where the job asks for it."""
    fields = dict(job.options)
    options = DataOptions(**{**fields, "sources": tuple(fields["sources"])})
    if job.floor:
        splits = reopen(replace(options, valid="none"), job.seed, Path(job.workspace)).splits
        progress.stage(f"compressing with {job.model}")
        floor = floors.measure(job.model, splits.train, splits.test)
        return {"bits_per_byte": floor.bits_per_byte, "train_seconds": floor.seconds}
    plan = training.Plan(job.model, job.codec, job.values, Budget(**job.budget), job.seed)
    return _run_model(plan, options, Path(job.workspace), Path(job.out), progress, job.adapt)


def _run_model(
    plan: training.Plan, options: DataOptions, workspace: Path, out: Path, progress: Progress, adapt: bool
) -> dict[str, Any]:
    prepared = reopen(options, plan.seed, workspace, partial(training.default_valid, plan))
    # the test part is scored below, with ranks and arrays: training need not do it too
    seen = replace(prepared.splits, test=prepared.splits.test[:0])
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="anygram-") as folder:
        stopped = ""
        try:
            training.train(
                plan, seen, prepared.description, out=out, workspace=Path(folder), progress=progress
            )
        except TrainingStopped as reason:
            stopped = str(reason)
        total_seconds = time.perf_counter() - began
        run = runs.read(out)
    progress.stage(f"scoring the test part with {plan.model}")
    scored = evaluation.evaluate(
        run.model, run.codec, prepared.splits.test, ranks=False, progress=progress.update
    )
    record = replace(run.record, figures={**run.record.figures, "test": scored.to_json()})
    runs.rewrite_record(out, record)
    return {
        **_costs(run, out, scored),
        "total_seconds": total_seconds,
        "stopped": stopped,
        **_arrays(scored),
        **({"adapted": _adapted(run, prepared.splits.test, progress)} if adapt else {}),
    }


def _adapted(run: StoredRun, test: Documents, progress: Progress) -> dict[str, Any]:
    """Return the figures that change where the run goes on learning while it reads the test part."""
    way = adapting.default(run.model)
    progress.stage(f"reading the test part with {run.record.model}, {way}")
    reader = adapting.reader_of(run.model, way)
    read = evaluation.evaluate(run.model, run.codec, test, reader=reader, progress=progress.update)
    return {
        "adaptive": True,
        "way": way,
        "bits_per_byte": read.bits_per_byte,
        "perplexity": read.perplexity,
        "score_bytes_per_second": read.bytes / read.seconds,
        **_arrays(read),
    }


def _arrays(scored: evaluation.Evaluation) -> dict[str, Any]:
    return {"nats_D": scored.nats_D.tolist(), "units_D": scored.units_D.tolist()}


def _costs(run: StoredRun, out: Path, scored: evaluation.Evaluation) -> dict[str, Any]:
    return {
        "codec": run.record.codec,
        "bits_per_byte": scored.bits_per_byte,
        "perplexity": scored.perplexity,
        "train_seconds": run.record.spent["seconds"],
        "train_symbols": run.record.spent["symbols"],
        "epochs": run.record.spent["epochs"],
        "score_bytes_per_second": scored.bytes / scored.seconds,
        "generate_symbols_per_second": generation_rate(run.model, run.codec),
        "model_bytes": runs.model_bytes(out),
        "peak_memory_bytes": _peak_memory(),
        "model_settings": run.record.model_settings,
        "learner_settings": run.record.learner_settings,
    }


def generation_rate(model: LanguageModel, codec: Codec) -> float:
    """Return symbols a second of one sample drawn alone, over a couple of seconds."""
    model.predict(model.start(1))  # what is compiled at the first use is not counted
    symbols, started, seed = 0, time.perf_counter(), 0
    while symbols < GENERATION_SYMBOLS and time.perf_counter() - started < GENERATION_SECONDS:
        for _ in generation.draw(model, codec, "", 1, Sampling(GENERATION_SYMBOLS, seed=seed)):
            symbols += 1
            if time.perf_counter() - started >= GENERATION_SECONDS:
                break
        seed += 1
    return symbols / (time.perf_counter() - started)


def _peak_memory() -> int | None:
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def main(path: str) -> int:
    """Run the job of a file; its result is written beside it. Return the exit status."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # told to stop, it tidies up as for Ctrl-C
    file = Path(path)
    progress = for_stream()
    try:
        result = run(read(file), progress)
    except AnygramError as error:
        result = {"error": str(error)}
    except MemoryError:
        result = {"error": "out of memory; give a smaller size or less data"}
    except KeyboardInterrupt:
        return 1
    except Exception as error:  # a model's or a plug-in's own: a row that says so, and the others go on
        result = {"error": " ".join(f"{type(error).__name__}: {error}".split())}
    finally:
        progress.close()
    storage.write_text(file.with_suffix(".result.json"), json.dumps(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
