"""How sure a classifier is, before and after its probabilities are fitted, and what abstaining gives.

    ANYGRAM_DATA=/path/to/data ./dev bench certainty            some seconds

SMS spam, n-grams of bytes of order 4, at random a fifth to test and a tenth of the rest to fit to.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from peers import report
from peers.options import real_data
from peers.report import Table

import anygram
from anygram import storage
from anygram.data.reading import ReadingOptions, Report, read
from anygram.tasks.classification import fitting

FILE = "sms/sms.tsv"
FIELDS: dict[str, Any] = {"text_field": "2", "label_field": "1"}
CONFIDENCE = 0.9
SHOWN = ("log_loss", "ece", "coverage", "selective_accuracy")


def main() -> int:
    """Measure, print the table, and return 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="of the parts (default: 0)")
    parser.add_argument("--out", type=Path, help="a .json file to write")
    options = parser.parse_args()
    test = _test_part(options.seed)
    run = anygram.train(
        str(test.parent / "train.jsonl"), "ngram", codec="bytes", settings={"order": 4}, valid=0.1,
        text_field="text", label_field="label", seed=options.seed,
    )  # fmt: skip
    found = []
    for way, confidence in (("fitted", 0.0), (f"fitted, {CONFIDENCE} sure", CONFIDENCE), ("not fitted", 0.0)):
        if way == "not fitted":
            (run.path / fitting.FILE).unlink()
        judged = run.classify(test, confidence=confidence, text_field="text", label_field="label")
        for _ in judged:
            pass
        found.append({"way": way, **judged.figures()})
    rows = [[one["way"], f"{one['fitted_to']:,}", *(f"{one[name]:.3f}" for name in SHOWN)] for one in found]
    header = ["probabilities", "fitted to", "log loss, nats", "ECE", "said", "right where said"]
    table = Table(header, rows, f"{found[0]['documents']:,} messages")
    report.publish("certainty", [table], options.out, stored=found, packages=("anygram", "scikit-learn"))
    return 0


def _test_part(seed: int) -> Path:
    """Write both parts as JSON lines into a folder of this process; return the one to test."""
    documents = list(read([str(real_data(FILE) / FILE)], ReadingOptions(**FIELDS), Report()))
    tested = np.random.default_rng(seed).random(len(documents)) < 0.2
    folder = Path(tempfile.mkdtemp(prefix="anygram-bench-"))
    for name, wanted in (("train", False), ("test", True)):
        chosen = [one for one, held in zip(documents, tested, strict=True) if held == wanted]
        lines = (json.dumps({"text": one.text, "label": one.given}) + "\n" for one in chosen)
        storage.write_text(folder / f"{name}.jsonl", "".join(lines))
    return folder / "test.jsonl"


if __name__ == "__main__":
    sys.exit(main())
