"""What compressing made of a file, added up block by block, and how far it is."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any

from anygram import information
from anygram.reporting.progress import Progress
from anygram.tasks.compression.coders import Coded, Tell


@dataclass(frozen=True)
class Compressed:
    """What compressing made of a file: `bytes_in` became `bytes_out`, of them `stored_bytes` as they were.

    `surprisal_bits` are −log2 P of the symbols, None where the model codes by itself; `rows` the most that
    a block was cut into, and `cold_start_bits` an estimate of what beginning them with no context cost.
    `model_bytes` is the size of the run that it takes to decompress, 0 without one.
    """

    bytes_in: int
    bytes_out: int
    bits_per_byte: float
    symbols: int
    stored_bytes: int
    surprisal_bits: float | None
    rows: int
    cold_start_bits: float
    seconds: float
    model_bytes: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the figures; what is not finite becomes null."""
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in asdict(self).items()
        }


@dataclass(frozen=True)
class Decompressed:
    """What decompressing made of a file."""

    bytes_in: int
    bytes_out: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        return asdict(self)


class Sums:
    """The figures of the blocks so far."""

    def __init__(self) -> None:
        self._bytes = self._symbols = self._stored = 0
        self._rows = 1
        self._nats: float | None = 0.0
        self._cold_nats = 0.0
        self._started = time.perf_counter()

    def add_stored(self, size: int) -> None:
        """Count bytes that stay as they are."""
        self._bytes += size
        self._stored += size

    def add_coded(self, size: int, symbols: int, coded: Coded) -> None:
        """Count bytes that became a code of so many symbols."""
        self._bytes += size
        self._symbols += symbols
        self._rows = max(self._rows, coded.rows)
        self._nats = None if self._nats is None or coded.nats is None else self._nats + coded.nats
        self._cold_nats += coded.cold_nats

    def result(self, size: int) -> Compressed:
        """Return the figures of a file that became so many bytes."""
        return Compressed(
            bytes_in=self._bytes,
            bytes_out=size,
            bits_per_byte=8 * size / self._bytes if self._bytes else math.nan,
            symbols=self._symbols,
            stored_bytes=self._stored,
            surprisal_bits=None if self._nats is None else information.bits(self._nats),
            rows=self._rows,
            cold_start_bits=information.bits(self._cold_nats),
            seconds=time.perf_counter() - self._started,
        )


class Meter:
    """Tells a person how many of a file's bytes are done and how many a second."""

    def __init__(self, title: str, total: int | None, progress: Progress) -> None:
        self._progress, self._done, self._started = progress, 0.0, time.perf_counter()
        progress.stage(title, total)

    def add(self, size: int) -> None:
        """Say that so many bytes more are done."""
        self._done += size
        self._say(self._done)

    def within(self, size: int) -> Tell:
        """Return what is told the share done of the next so many bytes."""
        return lambda share: self._say(self._done + share * size)

    @property
    def seconds(self) -> float:
        """Since the beginning."""
        return time.perf_counter() - self._started

    def _say(self, done: float) -> None:
        rate = done / max(self.seconds, 1e-9)
        self._progress.update(done, f"{done / 1e6:.2f} MB, {rate / 1e3:.1f} KB/s")
