"""Where jobs are done: here, each in a process of its own, one at a time or a few side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from anygram.comparison.job import Job
from anygram.comparison.results import outcome
from anygram.comparison.telling import hear
from anygram.reporting.board import Board
from anygram.reporting.progress import Progress
from anygram.threads import cores

Place = Callable[[Sequence[tuple[str, Job]], Board], Iterator[tuple[str, dict[str, Any]]]]
"""Does jobs and yields, as each ends, its name and what was found; `error` where there is nothing."""


@dataclass
class OwnProcesses:
    """A place on this machine, `parallel` processes at a time, which share its cores."""

    workspace: Path
    parallel: int = 1
    kept_open: tuple[int, ...] = ()
    """What each process shall hold open as long as it lives: a lock, say."""
    _running: list[subprocess.Popen[str]] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def __call__(self, jobs: Sequence[tuple[str, Job]], board: Board) -> Iterator[tuple[str, dict[str, Any]]]:
        """Do the jobs; whatever interrupts this stops the processes in good order."""
        with ThreadPoolExecutor(self.parallel) as pool:
            waiting: set[Future[tuple[str, dict[str, Any]]]] = {
                pool.submit(self._do, name, job, board) for name, job in jobs
            }
            try:
                while waiting:
                    ended, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    yield from (one.result() for one in ended)
            finally:
                if waiting:  # else all have ended, and there may be more to do later
                    self._stop(waiting)

    def _stop(self, waiting: set[Future[tuple[str, dict[str, Any]]]]) -> None:
        self._stopping.set()
        for future in waiting:
            future.cancel()
        for process in list(self._running):
            process.terminate()

    def _do(self, name: str, job: Job, board: Board) -> tuple[str, dict[str, Any]]:
        if self._stopping.is_set():
            return name, {"error": "stopped"}
        result = self._found(name, job, board.begin(name))
        board.end(name, outcome(result), failed=bool(result.get("error")))
        return name, result

    def _found(self, name: str, job: Job, progress: Progress) -> dict[str, Any]:
        """Return what the job's process found; an `error` where it died."""
        file = self.workspace / f"{name.replace('/', '-')}.json"
        job.write(file)
        said = file.with_suffix(".err")
        with said.open("w") as errors, self._started(file, errors) as process:
            assert process.stdout is not None
            for line in process.stdout:
                hear(line, progress)
        self._running.remove(process)
        found = Path(job.found)
        if found.is_file():
            result: dict[str, Any] = json.loads(found.read_text(encoding="utf-8"))
            return result
        last_words = said.read_text(encoding="utf-8", errors="replace") if job.texts else ""
        return {"error": _died(process.returncode, last_words)}

    def _started(self, file: Path, errors: TextIO) -> subprocess.Popen[str]:
        """Return the process that does a job; it is told to stop if that is what we are about to do."""
        process = subprocess.Popen(
            [sys.executable, "-m", "anygram.comparison.job", str(file)],
            stdin=subprocess.PIPE,  # its end tells the process that we are gone
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=self._environment(),
            start_new_session=True,  # it hears of Ctrl-C from here, once
            pass_fds=self.kept_open,
        )
        self._running.append(process)
        if self._stopping.is_set():
            process.terminate()
        return process

    def _environment(self) -> dict[str, str]:
        """Return the variables of a process: what it leaves behind goes with the workspace."""
        threads = str(max(1, cores() // self.parallel))
        shared = {} if self.parallel == 1 else {"OMP_NUM_THREADS": threads}
        # byte pairs are learnt by a library that counts cores by itself
        return {**os.environ, "TMPDIR": str(self.workspace), "RAYON_NUM_THREADS": threads, **shared}


def _died(status: int, said: str) -> str:
    """Return in a line why there is no result."""
    last = " ".join((said.strip().splitlines() or [""])[-1].split())
    reason = f" ({last})" if last else ""
    return f"its process ended with status {status}{reason}, as for want of memory; try a smaller size"
