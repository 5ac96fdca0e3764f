"""What every measurement shares: data, peers and where they are, and our own trainings as whole processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import processes
from peers.processes import CommandFailed, Cost
from peers.subject import anygram

HOW_TO_GET_THEM = """the peers are programs of others, run from where they are:
    git clone https://github.com/karpathy/nanoGPT
    git clone --depth 1 https://github.com/pytorch/examples
    python -m venv peers
    peers/bin/pip install torch numpy requests keras tensorflow-cpu 'transformers[torch]'
    ./dev bench neural --peer-python peers/bin/python --nanogpt nanoGPT \\
        --word-language-model examples/word_language_model"""

OUR_TASKS, PEER_TASKS = "neural_peers.our_tasks", "neural_peers.peer_tasks"
QUICK_SECONDS = 4.0


@dataclass(frozen=True)
class Peers:
    """The Python that runs the peers, and the folders of those that are no packages."""

    python: Path
    nanogpt: Path | None = None
    word_language_model: Path | None = None

    def has(self, package: str) -> bool:
        """Return whether the peers' Python can import a package."""
        code = f"import importlib.util, sys; sys.exit(importlib.util.find_spec('{package}') is None)"
        return subprocess.run([self.python, "-c", code], check=False).returncode == 0

    def describe(self) -> str:
        """Return the versions of what is compared with, in one line."""
        found, _ = processes.ask_module(self.python, PEER_TASKS, "versions", {})
        named = [f"{name} {version}" for name, version in found.items()]
        for folder in filter(None, (self.nanogpt, self.word_language_model)):
            words = ["git", "-C", str(folder), "rev-parse", "--short", "HEAD"]
            answer = subprocess.run(words, capture_output=True, text=True, check=False)
            named.append(f"{folder.name} {answer.stdout.strip() or 'of unknown commit'}")
        return f"peers: {', '.join(named)}"


@dataclass(frozen=True)
class Session:
    """One measurement: `seconds` are the budgets of our side, none for those of the measurement itself.

    With `develop` another split than the reported one is measured on: there budgets are chosen. `quick`
    takes so few steps that figures mean nothing, to see that everything runs.
    """

    data: Path
    folder: Path
    peers: Peers
    repeats: int = 3
    peer_repeats: int | None = None
    seconds: tuple[float, ...] = ()
    settings: tuple[str, ...] = ()
    develop: bool = False
    quick: bool = False

    def budgets(self, default: float) -> tuple[float, ...]:
        """Return the seconds to train for, each a measurement of its own."""
        return self.seconds or ((QUICK_SECONDS,) if self.quick else (default,))

    def make(self, name: str) -> Path:
        """Return a folder for a measurement, made where it is missing."""
        folder = self.folder / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder


@dataclass(frozen=True)
class Trained:
    """A run of ours: what its whole process cost, and what run.toml says of it."""

    run: Path
    cost: Cost
    record: dict[str, Any]

    def tested(self, figure: str) -> float:
        """Return a figure of the test part, which the process measured itself."""
        return float(self.record["figures"]["test"][figure])

    @property
    def parameters(self) -> int:
        return int(self.record["figures"]["model"]["parameters"])


def train(session: Session, text: Path, out: Path, seconds: float, seed: int, *words: str) -> Trained:
    """Train on a text into a new run, an old one removed before."""
    shutil.rmtree(out, ignore_errors=True)
    settings = [word for setting in session.settings for word in ("--set", setting)]
    options = ["--budget", f"{seconds:g}s", "--seed", str(seed), "--out", str(out)]
    cost = processes.run([anygram(), "train", text, *words, *settings, *options])
    with (out / "run.toml").open("rb") as file:
        return Trained(out, cost, tomllib.load(file))


def ask_ours(task: str, **given: Any) -> dict[str, Any]:
    """Return what a task of `our_tasks` found."""
    return processes.ask_module(Path(sys.executable), OUR_TASKS, task, given)[0]


def ask_peer(session: Session, task: str, **given: Any) -> tuple[dict[str, Any], Cost]:
    """Return what a task of `peer_tasks` found, and the cost of its process."""
    return processes.ask_module(session.peers.python, PEER_TASKS, task, given)


def require_text(path: Path) -> Path:
    """Return the path of a text; CommandFailed where it is not there."""
    if not path.is_file():
        raise CommandFailed(f"{path} is not here; set ANYGRAM_DATA to the folder that holds it")
    return path
