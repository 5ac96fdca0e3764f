"""What tests of compression share: a text, runs in memory, files there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anygram
from anygram.codecs import REGISTRY as CODECS
from anygram.protocols import Codec, LanguageModel
from anygram.reporting.progress import Silent
from anygram.runs import Record, StoredRun
from anygram.tasks import compression
from anygram.tasks.compression import ends
from tests.asking import SENTENCES

TEXT = "".join(f"{sentence}\n" for sentence in SENTENCES * 3).encode()


def stored(model: LanguageModel, codec: Codec | None = None) -> StoredRun:
    """Return a run of a model that was never trained."""
    codec = codec or CODECS.load("bytes").from_json({})
    record = Record(
        codec="bytes",
        codec_settings={},
        model=type(model).__name__,
        model_settings={},
        vocabulary_size=codec.vocabulary_size,
        learner_settings={},
        budget={},
        seed=0,
        data={},
    )
    return StoredRun(record, codec, model)


def there_and_back(data: bytes, folder: Path, **words: Any) -> bytes:
    """Return what comes back of the data."""
    (folder / "data").write_bytes(data)
    compressed = anygram.compress(folder / "data", folder / "data.ng", **words)
    assert compressed.bytes_in == len(data)
    assert compressed.bytes_out == (folder / "data.ng").stat().st_size
    run = words.get("run")
    back = anygram.decompress(folder / "data.ng", folder / "back", run=run)
    assert (back.bytes_in, back.bytes_out) == (compressed.bytes_out, len(data))
    return (folder / "back").read_bytes()


def by_end(data: bytes, folder: Path, run: StoredRun, **words: Any) -> bytes:
    """Return the same through a run that is in memory alone."""
    (folder / "data").write_bytes(data)
    compression.compress(
        str(folder / "data"), folder / "data.ng", ends.with_run(run, "run", **words), Silent()
    )
    compression.decompress(str(folder / "data.ng"), folder / "back", run, "run", Silent())
    return (folder / "back").read_bytes()
