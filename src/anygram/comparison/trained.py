"""A training in a comparison: begun, or gone on with where an earlier process left it."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path

from anygram import runs, training
from anygram.data.preparation import Prepared
from anygram.errors import TrainingStopped
from anygram.reporting.progress import Progress


def trained(
    plan: training.Plan,
    prepared: Prepared,
    out: Path,
    progress: Progress,
    encoded: training.Encoded | None = None,
) -> tuple[float, str]:
    """Write the run of the plan; return what this took in all, and why it stopped early, if it did."""
    resume = (out / "run.toml").is_file()
    if resume and (record := runs.read_record(out)).status in ("finished", "stopped"):
        # an earlier process was told why, and did not live to tell
        return record.spent["seconds"], "" if record.status == "finished" else "its training had to stop"
    # the test part is scored later, with arrays: training need not do it too
    seen = replace(prepared.splits, test=prepared.splits.test[:0])
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="anygram-") as folder:
        stopped = ""
        try:
            training.train(
                plan,
                seen,
                prepared.description,
                out=out,
                workspace=Path(folder),
                resume=resume,
                progress=progress,
                encoded=encoded,
            )
        except TrainingStopped as reason:
            stopped = str(reason)
    return time.perf_counter() - began, stopped
