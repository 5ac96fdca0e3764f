"""All that is measured of one trained run beside its figure: a detail of results.json."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anygram import runs
from anygram.comparison import calibration, checks, contexts, kinds, passages
from anygram.comparison.characters import count_words
from anygram.data.documents import Documents
from anygram.evaluation import Surprisal
from anygram.reporting.progress import Progress
from anygram.runs import StoredRun

_LEARNT = ("nats_per_symbol", "valid_nats_per_symbol")


@dataclass(frozen=True)
class _Part:
    """One key of the detail: what it is called, how it is measured, and what stands there if that fails."""

    title: str
    measure: Callable[[], Any]
    empty: Any


def portray(
    run: StoredRun,
    path: Path,
    scored: Sequence[Surprisal],
    *,
    train: Documents,
    test: Documents,
    progress: Progress,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the detail of the run in `path`; `scored` is the whole test part, every document of it scored.

    `train` is what the run was trained on, `seed` one that all contestants share. A part that fails is
    empty, and `failed` says why by its name; the others are measured all the same.
    """
    in_order = sorted(scored, key=lambda one: one.index)
    parts = _parts(run, path, in_order, train, test, seed)
    detail: dict[str, Any] = {"failed": {}}
    progress.stage(f"looking closely at {path.name}", total=len(parts))
    for done, (name, part) in enumerate(parts.items()):
        progress.update(done, part.title)
        try:
            detail[name] = part.measure()
        except Exception as error:  # a model's or a codec's own
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            detail[name], detail["failed"][name] = part.empty, reason
            progress.say(f"{path.name}: failed at {part.title}: {reason}")
    return detail


def _parts(
    run: StoredRun,
    path: Path,
    scored: Sequence[Surprisal],
    train: Documents,
    test: Documents,
    seed: int,
) -> dict[str, _Part]:
    model, codec = run.model, run.codec
    by_byte = {
        "by_position": _Part("bits by position", lambda: contexts.by_position(scored), []),
        "by_context": _Part("bits by context", lambda: contexts.by_context(model, scored), []),
        "by_kind": _Part("bits by kind", lambda: kinds.by_kind(scored, count_words(train)), []),
    }
    if not (codec.lossless and codec.unit == "byte"):  # others have no bits per byte
        by_byte = {name: _Part(part.title, list, []) for name, part in by_byte.items()}
    return {
        "checks": _Part(
            "the rules", lambda: [one.to_json() for one in checks.check(run, scored, train, test)], []
        ),
        **by_byte,
        "calibration": _Part("calibration", lambda: calibration.reliability(model, scored), None),
        "training": _Part("the training curve", lambda: training_curve(path), []),
        "passage": _Part("one passage", lambda: passages.passage(scored, seed), []),
        "samples": _Part("samples", lambda: passages.samples(model, codec, seed), []),
    }


def training_curve(path: Path) -> list[dict[str, Any]]:
    """Return what a run measured while it learnt, by seconds and symbols: nothing where it counted."""
    points: list[dict[str, Any]] = []
    symbols = 0
    for line in runs.read_metrics(path):
        symbols = line.get("symbols", symbols)
        if measured := {name: line[name] for name in _LEARNT if name in line}:
            points.append({"seconds": line["seconds"], "symbols": symbols, **measured})
    return points
