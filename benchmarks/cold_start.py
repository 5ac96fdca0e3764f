"""Seconds from the start of `anygram train` to its first update, by model, on tinyshakespeare.

    ANYGRAM_DATA=/path/to/data ./dev bench cold_start

At most 4 s wanted of the median of five; ends with 1 where a model takes longer. What the time goes to is
said by stage, from the fastest run.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers.options import TINYSHAKESPEARE, real_data

AT_MOST = 4.0
RUNS = 5
MODELS = ("lstm", "transformer")

# Runs the command line; says by the clock of all processes when a stage began and the first update was done
PROGRAM = """
import sys, time
from anygram.reporting import progress

def say(what):
    print("at", time.time(), what, file=sys.stderr)

say("command line")
stage = progress.Lines.stage
def told(lines, title, total=None):
    say(title.split()[0])
    stage(lines, title, total)
progress.Lines.stage = told

from anygram.cli import main
import anygram.learning as learning
make = learning.learner_for
def watched(*arguments, **words):
    say("learner")
    learner = make(*arguments, **words)
    update = learner.update
    def first(batch, spent):
        measured = update(batch, spent)
        say("first update")
        return measured
    learner.update = first
    return learner
learning.learner_for = watched
main()
"""


def stages(text: Path, model: str, folder: Path) -> dict[str, float]:
    """Return the seconds since the start of one training at which each stage began."""
    words = ["train", str(text), "--model", model, "--budget", "1steps", "--out", str(folder / "run")]
    began = time.time()
    done = subprocess.run([sys.executable, "-c", PROGRAM, *words], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=2) for line in done.stderr.splitlines() if line.startswith("at ")]
    return {what: float(when) - began for _, when, what in reversed(lines)}


def main() -> int:
    """Print seconds by model and stage; return 1 where the median is too much."""
    text = real_data(TINYSHAKESPEARE) / TINYSHAKESPEARE
    late = False
    for model in MODELS:
        runs = []
        for _ in range(RUNS):
            with tempfile.TemporaryDirectory() as folder:
                runs.append(stages(text, model, Path(folder)))
        seconds = sorted(run["first update"] for run in runs)
        median = statistics.median(seconds)
        print(f"{model}: first update after {median:.2f} s (from {seconds[0]:.2f} to {seconds[-1]:.2f})")
        fastest = min(runs, key=lambda run: run["first update"])
        in_order = sorted(fastest.items(), key=lambda item: item[1])
        print("  " + ", ".join(f"{what} {when:.2f}" for what, when in in_order))
        late |= median > AT_MOST
    return 1 if late else 0


if __name__ == "__main__":
    sys.exit(main())
