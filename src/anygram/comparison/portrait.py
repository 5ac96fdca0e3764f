"""All that is measured of one trained run beside its figure: a detail of results.json."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anygram import runs
from anygram.comparison import calibration, checks, contexts, kinds, passages
from anygram.comparison.characters import count_words
from anygram.comparison.notes import Notes
from anygram.data import kinds as data_kinds
from anygram.data.documents import Documents
from anygram.protocols import Guided
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
    notes: Notes,
    *,
    train: Documents,
    progress: Progress,
    seed: int = 0,
) -> dict[str, Any]:
    """Return the detail of the run in `path`, by what was noted while the test part was scored.

    `train` is what the run was trained on, `seed` one that all contestants share. A part that fails is
    empty, and `failed` says why by its name; the others are measured all the same.
    """
    scored = notes.scored
    looked_at = {"documents": len(scored), "bytes": sum(int(one.units_T.sum()) for one in scored)}
    parts = _parts(run, path, notes, train, seed)
    detail: dict[str, Any] = {"failed": {}, "looked_at": looked_at}
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


def _parts(run: StoredRun, path: Path, notes: Notes, train: Documents, seed: int) -> dict[str, _Part]:
    model, codec, given, scored = run.model, run.codec, run.condition_codec, notes.scored
    by_byte = {
        "by_position": _Part("bits by position", lambda: contexts.by_position(scored), []),
        "by_context": _Part(
            "bits by context", lambda: contexts.by_context(model, scored, condition_codec=given), []
        ),
        "by_kind": _Part("bits by kind", lambda: kinds.by_kind(scored, count_words(train)), []),
    }
    quoted = {
        "passage": _Part("one passage", lambda: passages.passage(scored, seed), []),
        "samples": _Part("samples", lambda: passages.samples(model, codec, seed), []),
    }
    drawings = {"drawings": _Part("pictures", lambda: passages.drawings(model, codec, seed), [])}
    if not codec.lossless:  # it has no bits per byte
        by_byte = _left_out(by_byte)
    if isinstance(codec, Guided):  # its symbols need not stand for pieces of text, one after another
        by_byte |= _left_out({"by_kind": by_byte["by_kind"]})
        quoted |= _left_out({"passage": quoted["passage"]})
    kind = run.record.data.get("kind", data_kinds.TEXT)
    if not data_kinds.is_readable(kind):
        by_byte |= _left_out({"by_kind": by_byte["by_kind"]})
        quoted = _left_out(quoted)
    if kind != "pictures":
        drawings = _left_out(drawings)
    return {
        "checks": _Part("the rules", lambda: [one.to_json() for one in checks.check(run, notes, train)], []),
        **by_byte,
        "calibration": _Part(
            "calibration", lambda: calibration.reliability(model, scored, calibration.LOOKED_AT, given), None
        ),
        "training": _Part("the training curve", lambda: training_curve(path), []),
        **quoted,
        **drawings,
    }


def _left_out(parts: dict[str, _Part]) -> dict[str, _Part]:
    """Return the parts with nothing to measure."""
    return {name: _Part(part.title, list, []) for name, part in parts.items()}


def training_curve(path: Path) -> list[dict[str, Any]]:
    """Return what a run measured while it learnt, by seconds and symbols: nothing where it counted."""
    points: list[dict[str, Any]] = []
    symbols = 0
    for line in runs.read_metrics(path):
        symbols = line.get("symbols", symbols)
        if measured := {name: line[name] for name in _LEARNT if name in line}:
            points.append({"seconds": line["seconds"], "symbols": symbols, **measured})
    return points
