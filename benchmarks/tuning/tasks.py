"""Tasks of tuning, each run in a process of its own: prints what it found as JSON.

python -m tuning.tasks TASK '{"model": ..., ...}'
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import anygram
from anygram import models
from anygram.budgets import Budget
from anygram.data.documents import Document, Documents
from anygram.data.preparation import DataOptions, prepare
from anygram.data.reading import DocumentsAre
from anygram.data.store import units_of

TEST, HELD_OUT = 0.1, 1 / 9
"""The shares of all that is never read here, and of the rest that is held out."""
AT_MOST = 300_000
"""Bytes held out; of more, evenly spaced documents are taken."""
SIZE = ("layers", "width", "heads", "units")
"""Settings that are sizes, of those networks that have them."""
SAMPLE, ENDLESS = 1 << 18, 1 << 50
"""Symbols a suggestion sees, and so many that a budget alone limits it."""
BUDGETS = [2 ** (quarter / 4) for quarter in range(-24, 120)]


def main() -> None:
    """Run the task named first with the arguments in the JSON object named second."""
    task, given = sys.argv[1:]
    print(json.dumps(TASKS[task](**json.loads(given))))


def divide(
    source: str, documents: DocumentsAre, train: str, held_out: str, of_test: bool = False
) -> dict[str, int]:
    """Write what is trained on and what is held out, without the test part, and return their bytes.

    The test part is the one that `--test 0.1` has, by document or by position; where `of_test` it is
    itself the text that is divided.
    """
    options = DataOptions((source,), documents, valid=str(HELD_OUT), test=str(TEST))
    with tempfile.TemporaryDirectory() as folder:
        splits = prepare(options, 0, Path(folder)).splits
        if of_test:
            alone = str(Path(folder) / "test.txt")
            _write(splits.test, documents, alone)
            return divide(alone, documents, train, held_out)
        return {
            "train": _write(splits.train, documents, train),
            "held_out": _write(_fewer(splits.valid), documents, held_out),
        }


def _fewer(part: Documents) -> list[Document]:
    step = -(-units_of(part) // AT_MOST)
    return [part[number] for number in range(0, len(part), step)]


def _write(part: Iterable[Document], documents: DocumentsAre, out: str) -> int:
    """Write documents so that they are read as such again; return the bytes."""
    with Path(out).open("wb") as file:
        for document in part:
            line_end = b"\r\n" if document.separator == 2 else b"\n"
            file.write(document.to_bytes())
            file.write({"files": b"", "lines": line_end, "paragraphs": b"\n\n"}[documents])
        return file.tell()


def train(
    model: str,
    text: str,
    held_out: str,
    documents: DocumentsAre,
    codec: str | None,
    settings: Mapping[str, Any],
    budget: str,
    seed: int,
) -> dict[str, Any]:
    """Train with these settings over the suggested ones; return the figure, all settings, what was spent."""
    data: dict[str, Any] = {"codec": codec, "documents": documents, "test": held_out}
    run = anygram.train(text, model, settings=settings, budget=budget, seed=seed, **data)
    return {
        "bits_per_byte": run.record.figures["test"]["bits_per_byte"],
        "settings": {**run.record.learner_settings, **run.record.model_settings},
        "spent": run.record.spent,
    }


def sizes(model: str, text: str, documents: DocumentsAre, codec: str | None) -> dict[str, Any]:
    """Return the sizes, smallest first, that a model's `suggest` gives as the budget grows."""
    run = anygram.train(text, model, codec=codec, documents=documents, valid="none", budget="1steps")
    sample_ids = run.codec.encode(Path(text).read_text("utf-8", "surrogateescape")[:SAMPLE]).ids
    module = models.REGISTRY.load(model)
    found: list[dict[str, int]] = []
    for seconds in BUDGETS:
        config, _ = module.suggest(sample_ids, ENDLESS, run.codec.vocabulary_size, Budget(seconds=seconds))
        size = {key: getattr(config, key) for key in SIZE if hasattr(config, key)}
        if size not in found:
            found.append(size)
    return {"sizes": found}


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function for function in (divide, train, sizes)
}

if __name__ == "__main__":
    main()
