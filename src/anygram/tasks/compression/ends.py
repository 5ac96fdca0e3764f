"""What the two ends of a compressed file share: how it begins, and what codes its blocks.

Without a run both ends begin with the same empty model over bytes and learn alike. With a run they have
the same model, which its fingerprint makes sure of.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram import adapting, codecs, models, runs, settings
from anygram.budgets import Budget
from anygram.errors import DataError, RunError, UsageError
from anygram.protocols import Adaptive, Codec, Coding, TensorCodec
from anygram.runs import StoredRun
from anygram.tasks.compression import circumstances, coders
from anygram.tasks.compression.coders import Coder
from anygram.tasks.compression.container import FINGERPRINT_BYTES, MOST_ROWS, Header, Method

ALONE = "contextmix"
"""The model that learns from the file alone."""

ALONE_BYTES, RUN_BYTES = 1 << 20, 1 << 22
_SHORT = {
    "size=fast": "f",
    "size=strong": "s",
    "kind=text": "t",
    "kind=columns": "c",
    "kind=records": "r",
    "kind=symbols": "y",
}
"""Settings that are in a header often, where every byte counts."""


@dataclass(frozen=True)
class End:
    """How a file begins, the codec of its symbols, what codes these, and original bytes of a block."""

    header: Header
    codec: Codec
    coder: Coder
    block_bytes: int


def suited(values: Mapping[str, Any], sample: bytes) -> dict[str, Any]:
    """Return the settings of an end without a run: these, strong, and the contexts that suit the sample."""
    ids_N = np.frombuffer(sample, dtype=np.uint8).astype(np.int32)
    suggested, _ = models.REGISTRY.load(ALONE).suggest(ids_N, len(ids_N), 257, Budget(epochs=1))
    found = {} if "kind" in values else {"kind": suggested.kind, "period": suggested.period}
    unusual = {key: value for key, value in found.items() if value not in ("auto", "text", 0)}
    return {"size": "strong", **unusual, **values}


def alone(values: Mapping[str, Any]) -> End:
    """Return an end without a run, its model of these settings; UsageError for a wrong one."""
    codec: Codec = codecs.REGISTRY.load("bytes").from_json({})
    module = models.REGISTRY.load(ALONE)
    model = module.create(settings.build(module.Config, values), codec.vocabulary_size, 0)
    assert isinstance(model, Adaptive), f"{ALONE} learns while it reads"
    reader = model.reader()
    assert isinstance(reader, Coding), f"{ALONE} codes by itself"
    words = (f"{key}={value}" for key, value in values.items())
    written = " ".join(_SHORT.get(word, word) for word in words)
    return End(Header(Method.ALONE, settings=written), codec, coders.adaptive(reader), ALONE_BYTES)


def with_run(
    run: StoredRun,
    name: str,
    *,
    adapt: bool | str = False,
    adapt_settings: Mapping[str, Any] | None = None,
    rows: int | None = None,
) -> End:
    """Return an end with a run; UsageError where its codec loses something, or it cannot adapt so.

    `name` is the run's, for people; `adapt` whether it goes on learning, or in which way; `rows` as
    `coders.Static` takes them.
    """
    if not run.codec.lossless:
        raise UsageError(
            f"the codec of {name}, {run.record.codec}, does not bring every text back; use a run over bytes, "
            "chars, bpe, or words with spell=true"
        )
    if rows is not None and adapt:
        raise UsageError("what learns as it reads has one row; leave out --rows or --adapt")
    if rows is not None and not 1 <= rows <= MOST_ROWS:
        raise UsageError(f"rows must be from 1 to {MOST_ROWS}, got {rows}")
    if adapt_settings and not adapt:
        raise UsageError("adapt_settings without adapt would do nothing; give adapt=True too")
    if not adapt:
        return _static(run, fingerprint(run), rows)
    way = adapting.default(run.model) if adapt is True else adapt
    words = (f"{key}={value}" for key, value in (adapt_settings or {}).items())
    return _learning(run, fingerprint(run), " ".join([way, *words]))


def _static(run: StoredRun, found: bytes, rows: int | None = None) -> End:
    header = Header(Method.STATIC, "", found, circumstances.describe(run.model))
    return End(header, run.codec, coders.Static(run.model, rows), RUN_BYTES)


def _learning(run: StoredRun, found: bytes, written: str) -> End:
    """Return an end that learns, as is written: the way, then its settings."""
    way, *words = written.split() or [adapting.default(run.model)]
    reader = adapting.reader_of(run.model, way, settings.parse_pairs(words))
    header = Header(Method.ADAPTIVE, written, found, circumstances.describe(reader))
    return End(header, run.codec, coders.adaptive(reader), RUN_BYTES)


def other_end(header: Header, run: StoredRun | None, run_name: str, file: str) -> End:
    """Return the end that reads what one with this header wrote.

    UsageError where a run is missing or not wanted, RunError where it is another one, DataError where the
    header asks for what there is not.
    """
    if header.method == Method.ALONE and run is not None:
        raise UsageError(f"{file} was compressed without a run; leave out --run")
    if header.method != Method.ALONE and run is None:
        raise UsageError(f"{file} was compressed with a run; name it with --run")
    try:
        if run is None:
            return alone(_read_settings(header.settings))
        found = _require_same(run, header, run_name, file)
        return (
            _static(run, found) if header.method == Method.STATIC else _learning(run, found, header.settings)
        )
    except UsageError as error:
        raise DataError(f"{file}: {error}; fetch the file again, or upgrade anygram") from error


def _require_same(run: StoredRun, header: Header, run_name: str, file: str) -> bytes:
    """Return the run's fingerprint; RunError where the header has another."""
    found = fingerprint(run)
    if found != header.fingerprint:
        raise RunError(
            f"{file} was compressed with another run than {run_name}: that one's fingerprint is "
            f"{header.fingerprint.hex()}, this one's {found.hex()}; name the run it was compressed with"
        )
    return found


def fingerprint(run: StoredRun) -> bytes:
    """Return a digest of all that decides a run's symbols and predictions, its members' too."""
    record = run.record
    digest = hashlib.blake2b(digest_size=FINGERPRINT_BYTES)
    described = [
        record.codec,
        run.codec.to_json(),
        record.model,
        record.model_settings,
        record.vocabulary_size,
    ]
    digest.update(json.dumps(described, sort_keys=True).encode())
    codec_tensors = run.codec.tensors() if isinstance(run.codec, TensorCodec) else {}
    for tensors in (codec_tensors, run.model.tensors()):
        for name, array in sorted(tensors.items()):
            stored = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
            digest.update(f"{name} {stored.dtype.str} {stored.shape}".encode())
            digest.update(stored.reshape(-1).view(np.uint8).data)
    for name, folder in sorted(run.members.items()):
        digest.update(name.encode() + fingerprint(runs.read(folder)))
    return digest.digest()


def _read_settings(written: str) -> dict[str, str]:
    long = {short: word for word, short in _SHORT.items()}
    words = [long.get(word, word) for word in written.split()]
    return settings.parse_pairs(words)
