"""What is recorded of a run so that the rules of a fair comparison can be checked afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from anygram.data.preparation import DataOptions, Prepared, open_splits
from anygram.data.store import Selection, digest_of, selected
from anygram.runs import Record
from anygram.threads import cores


def of_data(options: DataOptions, seed: int, workspace: Path, prepared: Prepared) -> dict[str, Any]:
    """Return which documents a run is given, which of them it learns from, and which are scored."""
    whole = open_splits(replace(options, valid="none"), seed, workspace)
    valid = prepared.description["valid"]
    return {
        "test_fingerprint": digest_of(_stored(prepared.splits.test)),
        "test_bytes": prepared.description["test_bytes"],
        "test_documents": len(prepared.splits.test),
        "given_fingerprint": digest_of(_stored(whole.train)),
        "train_fingerprint": digest_of(_stored(prepared.splits.train)),
        "valid_from": _origin(valid, options.test),
    }


def of_training(record: Record, values: Mapping[str, Any], tried: bool) -> dict[str, Any]:
    """Return what a finished training was allowed and what it took."""
    patience = record.learner_settings.get("patience", 0)
    out_of_patience = 0 < patience <= record.spent.get("validations_since_best", 0)
    return {
        "budget": record.budget,
        "spent": {name: record.spent[name] for name in ("seconds", "symbols", "epochs", "steps")},
        "ended": "out of patience" if out_of_patience else "",
        "threads": cores(),
        "seed": record.seed,
        "trainings": 1,
        "settings_from": "validation" if tried else "given" if values else "defaults",
    }


def _stored(documents: Any) -> Selection:
    stored = selected(documents)
    assert stored is not None, "the parts of a comparison lie in a store"
    return stored


def _origin(valid: str | None, test: str) -> str:
    """Return where a validation part is from: nowhere, the training part, or a source."""
    if valid is None or valid.lower() == "none":
        return "none"
    if valid == test and not _is_fraction(valid):
        return "test"
    return "training part" if _is_fraction(valid) else "another source"


def _is_fraction(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
