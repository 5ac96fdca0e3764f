"""Runs as members of a model to train: which may be, which codec they share, what they have not read."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from anygram import bytewise, models, runs, storage
from anygram.codecs.bytes import BytesCodec
from anygram.errors import UsageError
from anygram.protocols import Codec
from anygram.runs import Record, StoredRun

FEWEST = 2
DEFAULT_VALID = "0.05"
BYTES = "bytes"


def check(model: str, paths: Sequence[Path], codec: str) -> None:
    """Raise UsageError or RunError where these runs cannot be members of the model, before any is loaded."""
    if not models.takes_members(model):
        if paths:
            raise UsageError(f"{model} has no members; leave out --member, or choose --model mixture")
        return
    if len(paths) < FEWEST:
        raise UsageError(
            f"{model} combines runs and needs at least {FEWEST}, got {len(paths)}; "
            "name each with --member RUN"
        )
    for path in paths:
        record = runs.read_record(path)
        if models.takes_members(record.model):
            raise UsageError(f"{path} is a {record.model} itself; name its members instead")
        if record.status == "unfinished":
            raise UsageError(f"{path} was stopped before its counts became a model; finish it with --resume")
    shared = codec_of(paths)
    if codec != shared:
        raise UsageError(f"the members' codec is {shared}, got {codec}; leave out --codec")


def codec_of(paths: Sequence[Path]) -> str:
    """Return the name of the codec that these runs are combined over: bytes, if they differ."""
    names = {runs.read_record(path).codec for path in paths}
    described = [storage.read_json(path / "codec.json") for path in paths]
    return names.pop() if len(names) == 1 and described.count(described[0]) == len(paths) else BYTES


def codec_for(combined: Collection[StoredRun]) -> Codec | None:
    """Return the codec that these runs are combined over; None where there are no runs."""
    found = [run.codec for run in combined]
    if all(bytewise.alike(codec, found[0]) for codec in found):
        return found[0] if found else None
    return BytesCodec()


def valid_of(paths: Sequence[Path]) -> str:
    """Return which part the weights are fitted on by default: what the first run that held some back did."""
    held_back = (str(runs.read_record(path).data.get("valid", "none")) for path in paths)
    return next((part for part in held_back if part != "none"), DEFAULT_VALID)


def read(paths: Sequence[Path]) -> dict[str, StoredRun]:
    """Return the runs by the name that each has as a member, in their order.

    Their names sort in this order, and say which model each is.
    """
    width = len(str(len(paths)))
    stored = {path: runs.read(path) for path in paths}
    return {
        f"{number:0{width}}-{stored[path].record.model}": stored[path] for number, path in enumerate(paths, 1)
    }


def check_unread(paths: Sequence[Path], data: Mapping[str, Any], seed: int) -> None:
    """Raise UsageError where a run learnt from the part that weights are to be fitted on, as far as recorded.

    There must be such a part. A run of the same sources must have held back the same one; of other sources
    nothing is known.
    """
    if paths and str(data["valid"]).lower() == "none":
        raise UsageError("the weights of a mixture are fitted on a validation part; leave out --valid none")
    for path in paths:
        record = runs.read_record(path)
        if _has_read(record, data, seed):
            raise UsageError(
                f"{path} has read the part that weights are to be fitted on: its --valid was "
                f"{record.data.get('valid')} and --test {record.data.get('test')}, here they are "
                f"{data['valid']} and {data['test']}; hold back the same, or give --valid a source of its own"
            )


def _has_read(record: Record, data: Mapping[str, Any], seed: int) -> bool:
    if record.data.get("fingerprint") != data["fingerprint"]:
        return False
    if _is_source(str(data["valid"])):
        return False
    same = all(record.data.get(key) == data[key] for key in ("valid", "test"))
    return not same or record.seed != seed


def _is_source(part: str) -> bool:
    try:
        float(part)
    except ValueError:
        return part.lower() != "none"
    return False
