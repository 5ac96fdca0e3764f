"""Whole processes and what they cost.

The parent imports nothing heavy: a child's peak begins at what its parent held when it was started.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

Ours = TypeVar("Ours")
Peer = TypeVar("Peer")
MB = 1e6


class CommandFailed(Exception):
    """A command of a row did not do what the row measures; the message says why in one line."""


@dataclass(frozen=True)
class Cost:
    """What a process and its children cost; the peak is that of the largest one of them."""

    seconds: float
    cpu_seconds: float
    peak_bytes: float

    def then(self, other: Cost) -> Cost:
        """Return the cost of one process after the other."""
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            max(self.peak_bytes, other.peak_bytes),
        )


def run(
    words: Sequence[str | Path],
    *,
    stdin: Path | None = None,
    stdout: Path | None = None,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Cost:
    """Run a command, in a folder, to its end and return its cost; CommandFailed with its last line."""
    with (
        tempfile.TemporaryFile() as complaints,
        Path(stdin or os.devnull).open("rb") as source,
        Path(stdout or os.devnull).open("wb") as sink,
    ):
        begin = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words],
            stdin=source,
            stdout=sink,
            stderr=complaints,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            complaints.seek(0)
            lines = complaints.read().decode("utf-8", "replace").split("\n")
            said = [line.strip() for line in lines if line.strip()] or ["without a word"]
            reason = next((line for line in said if line.lower().startswith("error")), said[-1])
            raise CommandFailed(f"{Path(words[0]).name} ended with {process.returncode}: {reason[:200]}")
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024.0)


def ask(task: str, **given: Any) -> dict[str, Any]:
    """Return what a task of `asking` found, in a process of its own; CommandFailed where it fails."""
    return ask_module(Path(sys.executable), "peers.asking", task, given)[0]


def ask_module(python: Path, module: str, task: str, given: Mapping[str, Any]) -> tuple[dict[str, Any], Cost]:
    """Return what a task of a module of benchmarks/ found, and what its process cost."""
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "answer.json"
        question = json.dumps(given, default=str)
        searched = [str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")]
        environment = {"PYTHONPATH": os.pathsep.join(filter(None, searched))}
        cost = run([python, "-m", module, task, question], stdout=answer, environment=environment)
        # the last line: libraries print too
        found: dict[str, Any] = json.loads(answer.read_text().splitlines()[-1])
        return found, cost


def alternate(
    ours: Callable[[], Ours], peer: Callable[[], Peer] | None, repeats: int, peer_repeats: int | None = None
) -> tuple[list[Ours], list[Peer]]:
    """Return what both gave, run in turn: ours, peer, ours, peer, …; a slow peer in the first rounds only."""
    found_ours: list[Ours] = []
    found_peer: list[Peer] = []
    for done in range(repeats):
        found_ours.append(ours())
        if peer is not None and (peer_repeats is None or done < peer_repeats):
            found_peer.append(peer())
    return found_ours, found_peer
