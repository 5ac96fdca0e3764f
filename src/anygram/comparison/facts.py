"""What is recorded of a run so that the rules of a fair comparison can be checked afterwards."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from anygram import storage
from anygram.comparison.search import Search
from anygram.data.documents import Documents
from anygram.data.preparation import FINGERPRINTS, DataOptions, Prepared, is_source, open_splits
from anygram.data.splitting import Splits, count_duplicates, count_repeated_bytes
from anygram.data.store import digest_of, stored, units_of
from anygram.remembered import processor
from anygram.runs import Record
from anygram.threads import cores

_OF_DATA = (
    *FINGERPRINTS, "bytes", "documents", "valid", "test", "train_documents", "valid_documents",
    "from", "members",
)  # fmt: skip
"""What a run's record must say as the comparison does, to have learnt from the same and nothing else."""

_MOST = 0.5
"""Of the test part: a source that has more of it is the test part, unless training has as much."""


def of_data(
    options: DataOptions, seed: int, workspace: Path, prepared: Prepared, record: Record
) -> dict[str, Any]:
    """Return which documents a run is given, which of them it learns from, and which are to be scored."""
    whole = open_splits(replace(options, valid="none"), seed, workspace)
    said, wanted = record.data, prepared.description
    same = all(said.get(key) == wanted.get(key) for key in _OF_DATA)
    given, learnt = digest_of(stored(whole.train)), digest_of(stored(prepared.splits.train))
    return {
        "test_fingerprint": digest_of(stored(prepared.splits.test)),
        "given_fingerprint": given if same else f"not {given}",
        "train_fingerprint": learnt if same else f"not {learnt}",
        "valid_from": origin(wanted["valid"], prepared.splits),
    }


def of_training(record: Record, values: Mapping[str, Any], tried: bool) -> dict[str, Any]:
    """Return what a finished training was allowed and what it took, and where."""
    return {
        "budget": record.budget,
        "spent": {name: record.spent[name] for name in ("seconds", "symbols", "epochs", "steps")},
        "ended": _why_ended(record),
        "threads": cores(),
        "machine": processor(),
        "versions": record.versions,
        "seed": record.seed,
        "settings_from": "validation" if tried else "given" if values else "defaults",
    }


def _why_ended(record: Record) -> str:
    """Return why training ended before its budget did, where it chose or had to."""
    if record.status == "stopped":
        return "no longer finite"
    patience = record.learner_settings.get("patience", 0)
    return "out of patience" if 0 < patience <= record.spent.get("validations_since_best", 0) else ""


def of_search(search: Search, budget: Mapping[str, Any], valid_from: str) -> dict[str, Any]:
    """Return what a search adds to the facts of the training that comes after it within one budget."""
    return {
        "budget": {name: limit for name, limit in budget.items() if limit is not None},
        "searched": search.spent,
        "settings_from": "test" if valid_from == "test" else "validation",
    }


def note_training(found: Path, record: Record) -> None:
    """Write down, beside what was found, that the model of a training was scored, once for each."""
    this = {"seed": record.seed, "seconds": record.spent["seconds"]}  # which no two of them share
    if this not in (known := _trainings(found)):
        storage.write_json(_kept(found), {"trainings": [*known, this]})


def count_trainings(found: Path) -> int:
    """Return how many trainings were scored, one of which is the one that was kept."""
    return len(_trainings(found))


def _trainings(found: Path) -> list[dict[str, Any]]:
    kept = _kept(found)
    return list(storage.read_json(kept)["trainings"]) if kept.is_file() else []


def _kept(found: Path) -> Path:
    return found.with_suffix(".trainings.json")


@contextmanager
def working() -> Iterator[dict[str, float]]:
    """Measure how long a block takes, and how long processors work for this process and its children."""
    facts: dict[str, float] = {}
    began, worked = time.perf_counter(), sum(os.times()[:4])
    try:
        yield facts
    finally:
        facts["wall_seconds"] = time.perf_counter() - began
        facts["processor_seconds"] = sum(os.times()[:4]) - worked


def origin(valid: str | None, splits: Splits) -> str:
    """Return where a validation part is from: nowhere, the training part, or a source; test, if it is that.

    A source is the test part where it has the same documents, under whatever name, or most of them, or most
    of the bytes of its long lines, as a book has that the test part is a chapter of. Logs and tables may
    have nothing but repeated lines; there the training part has most of them as well.
    """
    if valid is None or valid.lower() == "none":
        return "none"
    if not is_source(valid):
        return "training part"
    same = digest_of(stored(splits.valid)) == digest_of(stored(splits.test))
    if same or _overlap(splits.valid, splits.test) > _MOST >= _overlap(splits.train, splits.test):
        return "test"
    return "another source"


def _overlap(part: Documents, test: Documents) -> float:
    """Return the share of the test part that another part has too, by documents or by bytes of long lines."""
    by_documents = count_duplicates(part, test) / len(test)
    return max(by_documents, count_repeated_bytes(part, test) / units_of(test))
