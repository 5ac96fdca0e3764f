"""Sums docstrings up: a network that may copy learns to write their first lines, beside what needs no model.

The docstrings of Python's library, the first words of each: the summary is its first line. A person who takes
the first sentence is nearly always right, which a model that has seen 1,500 docstrings has yet to find out:
it learns to copy, and where to stop, from nothing.

    python examples/summarise.py            some seconds
"""

from __future__ import annotations

import json
import random
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import anygram
from anygram.data.examples import read_example
from anygram.tasks.translation import Translation
from anygram.tasks.translation.metrics import Measured

WORDS = 12
"""So many words of a docstring are read."""

HELD_OUT = 100


@dataclass(frozen=True)
class Outcome:
    """The summaries of docstrings that were not learnt from, and the figures of model and baselines."""

    summaries: list[Translation]
    figures: list[Measured]

    def value(self, metric: str, method: str) -> float:
        """Return one of the figures."""
        return next(one.value for one in self.figures if (one.metric, one.method) == (metric, method))


def pairs() -> list[dict[str, str]]:
    """Return the beginnings of docstrings whose first line has three to eight words, and that line."""
    found = []
    for document in read_example("docstrings"):
        first, _, rest = document.text.partition("\n\n")
        if 3 <= len(first.split()) <= 8 and len(rest.split()) >= WORDS:
            read = f"{first} {rest}".split()[:WORDS]
            found.append({"text": " ".join(read), "summary": " ".join(first.split())})
    random.Random(0).shuffle(found)
    return found


def write(path: Path, records: Sequence[dict[str, str]]) -> Path:
    """Write records as JSON lines and return the path."""
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


def main() -> Outcome:
    """Learn, sum up, print some of it and the figures, and return both."""
    records = pairs()
    with tempfile.TemporaryDirectory() as name:
        train = write(Path(name) / "train.jsonl", records[HELD_OUT:])
        test = write(Path(name) / "test.jsonl", records[:HELD_OUT])
        run = anygram.train(
            train,
            "attentive",
            codec="words",
            source_codec="shared",  # so that what is read can be copied
            target_field="summary",
            valid="none",
            settings={"copy": True, "shared": True, "units": 32, "embedding": 32, "split": "unicode"}
            | {"size": 1200, "rows": 16, "rate": 0.03, "dropout": 0.0, "smoothing": 0.0},
            budget="100steps",
        )
        made = run.summarise(test, target_field="summary")
        outcome = Outcome(list(made), made.figures)
    for one in outcome.summaries[:5]:
        print(f"{one.source}\n    {one.text}")
    for figure in outcome.figures:
        interval = f"{figure.low:.2f} to {figure.high:.2f}"
        print(f"{figure.metric} {figure.method:14} {figure.value:6.2f}  ({interval})")
    return outcome


if __name__ == "__main__":
    main()
