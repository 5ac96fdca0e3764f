"""Tells from a function's source which package of the standard library it belongs to, and by which words.

Models of n-grams over bytes learn the functions of five packages; what a function costs under the model of
each package says where it belongs. A tenth of the functions teaches how sure to be, another one measures it.

    python examples/classify.py            a few seconds
"""

from __future__ import annotations

import ast
import json
import random
import sysconfig
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anygram

PACKAGES = ("asyncio", "email", "logging", "multiprocessing", "unittest")
LONGEST, MOST = 400, 250
"""Characters of a function that are read, and functions of a package."""


@dataclass(frozen=True)
class Outcome:
    """What was measured, and of some functions their package, what was said, and the words that said it."""

    figures: dict[str, Any]
    told: list[tuple[str, str, list[str]]]


def functions() -> list[dict[str, str]]:
    """Return the functions of the packages, in a seeded order, with their package as the label."""
    library, found = Path(sysconfig.get_path("stdlib")), []
    for package in PACKAGES:
        distinct: dict[str, None] = {}
        for file in sorted((library / package).glob("*.py")):
            source = file.read_text(encoding="utf-8")
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                    distinct[(ast.get_source_segment(source, node) or "")[:LONGEST]] = None
        found += [{"package": package, "text": text} for text in [*distinct][:MOST]]
    random.Random(0).shuffle(found)
    return found


def write(file: Path, rows: Sequence[dict[str, str]]) -> Path:
    """Write records and return their file."""
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return file


def classify(rows: Sequence[dict[str, str]]) -> Outcome:
    """Learn eight tenths of the functions, fit to one, and say of the last where they belong."""
    tenth = len(rows) // 10
    parts = {"test": rows[:tenth], "fit": rows[tenth : 2 * tenth], "train": rows[2 * tenth :]}
    with tempfile.TemporaryDirectory() as name:
        files = {part: write(Path(name) / f"{part}.jsonl", mine) for part, mine in parts.items()}
        run = anygram.train(
            files["train"],
            "ngram",
            codec="bytes",
            settings={"order": 5},
            text_field="text",
            label_field="package",
            valid=str(files["fit"]),
        )
        found = run.classify(files["test"], text_field="text", label_field="package")
        judged = list(found)
        told = [
            (one.truth[0] if one.truth else "", one.labels[0], [span.text for span in found.why(one).spans()])
            for one in judged[:5]
        ]
        return Outcome(found.figures(), told)


def main() -> Outcome:
    """Classify functions, print what was found, and return it."""
    outcome = classify(functions())
    for truth, said, words in outcome.told:
        print(f"{said} ({'right' if said == truth else f'it is {truth}'}), for it speak {words}")
    figures = outcome.figures
    print(
        f"{figures['accuracy']:.1%} of {figures['documents']} functions "
        f"(95 %: {figures['accuracy_low']:.1%} to {figures['accuracy_high']:.1%}); "
        f"log loss {figures['log_loss']:.3f} nats, calibration error {figures['ece']:.3f}"
    )
    return outcome


if __name__ == "__main__":
    main()
