"""CPU seconds of `anygram --help`, best and median of ten; at most 0.3 wanted, beside a bare Python.

./dev bench startup
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys

AT_MOST = 0.3
RUNS = 10


def cpu_seconds(words: list[str]) -> float:
    """Return the user and system seconds that a program takes."""
    before = os.times()
    subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
    after = os.times()
    return (after.children_user - before.children_user) + (after.children_system - before.children_system)


def main() -> int:
    """Print both programs' seconds and return 1 where the median is too much."""
    programs = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "anygram --help": [sys.executable, "-c", "from anygram.cli import main; main(['--help'])"],
    }
    median = 0.0
    for name, words in programs.items():
        seconds = [cpu_seconds(words) for _ in range(RUNS)]
        median = statistics.median(seconds)
        print(f"{name:16} best {min(seconds):.3f}  median {median:.3f} CPU s of {RUNS} runs")
    return 0 if median <= AT_MOST else 1


if __name__ == "__main__":
    sys.exit(main())
