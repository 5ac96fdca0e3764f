"""Quality in two minutes: bits per byte on the last tenth of tinyshakespeare, shipped defaults, by model.

    ANYGRAM_DATA=/path/to/data ./dev bench tinyshakespeare        about seven minutes

Says for each model whether it keeps what it must; ends with 1 if one does not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from peers.options import TINYSHAKESPEARE, real_data

from anygram import api, diagnosis

AT_MOST = {"ngram": 2.33, "lstm": 2.25, "transformer": 2.30}


def main() -> int:
    """Compare the models, print machine, table and bounds, and return the exit status."""
    parser = argparse.ArgumentParser(description="Bits per byte on the last tenth of tinyshakespeare.")
    parser.add_argument("--budget", default="2m", help="training for each model; the bounds are for 2m")
    budget = parser.parse_args().budget
    text = real_data(TINYSHAKESPEARE) / TINYSHAKESPEARE
    for name, value in diagnosis.examine().items():
        print(f"{name:34}{value}")
    with tempfile.TemporaryDirectory() as out:
        comparison = api.compare(text, Path(out) / "compared", models=list(AT_MOST), budget=budget, test=0.1)
    print(comparison)
    reached = {row["model"]: row["bits_per_byte"] for row in comparison.to_json()["results"]}
    missed = [name for name, bound in AT_MOST.items() if not (reached[name] or bound + 1) <= bound]
    for name, bound in AT_MOST.items():
        print(f"{name}: {reached[name]} bits per byte, at most {bound} wanted")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
