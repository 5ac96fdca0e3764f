"""What the benchmarks are told: where real data is, and which of their parts to run."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Collection
from pathlib import Path

TINYSHAKESPEARE = "tinyshakespeare/input.txt"


def real_data(*needed: str) -> Path:
    """Return the folder that ANYGRAM_DATA names.

    Leaves with status 2 and one line where it names none, or one without the files that are needed.
    """
    folder = os.environ.get("ANYGRAM_DATA")
    if not folder:
        print("needs real data: set ANYGRAM_DATA to the folder that holds it", file=sys.stderr)
        raise SystemExit(2)
    found = Path(folder).resolve()
    if missing := [name for name in needed if not (found / name).is_file()]:
        print(
            f"{found / missing[0]} is not here; set ANYGRAM_DATA to the folder that holds it", file=sys.stderr
        )
        raise SystemExit(2)
    return found


def names_of(kind: str, known: Collection[str]) -> Callable[[str], list[str]]:
    """Return what reads names that stand between commas, for argparse; `kind` is the word for errors."""

    def read(words: str) -> list[str]:
        names = words.split(",")
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"no {kind} '{unknown[0]}'; known: {', '.join(known)}")
        return names

    return read
