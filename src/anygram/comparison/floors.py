"""What general compressors make of the test part when the training part is their history.

size(training + test) − size(training): a compressor learns while it reads, so its figure is
adaptive and is never ranked with static ones (yardstick, rules 5 and 6).
"""

from __future__ import annotations

import bz2
import lzma
import shutil
import subprocess
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from anygram.data.documents import Document, Documents
from anygram.data.store import units_of
from anygram.errors import AnygramError


@dataclass(frozen=True)
class Floor:
    """One compressor's figure: bytes added by the test part, and the seconds both runs took."""

    name: str
    added_bytes: int
    test_units: int
    seconds: float

    @property
    def bits_per_byte(self) -> float:
        return 8 * self.added_bytes / self.test_units


def available() -> list[str]:
    """Return the compressors of this machine: four that Python brings, and zpaq where installed."""
    return ["gzip", "bzip2", "xz", "zstd", *(["zpaq"] if shutil.which("zpaq") else [])]


def measure(name: str, train: Documents, test: Documents) -> Floor:
    """Return what the compressor needs for the test part after the training part."""
    size = _SIZES[name]
    before = units_of(train)
    units = units_of(test)
    padding = padding_for(before, before + units) if name == "zpaq" else 0
    started = time.perf_counter()
    history = size(chain([b" " * padding], stream(train)))
    both = size(chain([b" " * padding], stream(train), stream(test)))
    return Floor(name, both - history, units, time.perf_counter() - started)


def stream(documents: Iterable[Document]) -> Iterator[bytes]:
    """Yield the documents' bytes with what separated them.

    Where nothing did (records, files) a newline stands between: a model pays for saying where a
    document ends, so a compressor does too.
    """
    for document in documents:
        yield document.to_bytes()
        yield b"\n" * max(document.separator, 1)


def padding_for(before: int, after: int) -> int:
    """Return the bytes of padding that bring both sizes between the same two powers of two.

    zpaq sizes its tables by its input, rounded up to a power of two: unpadded, the two runs would
    differ in more than the test part.

    >>> padding_for(1_000_000, 1_100_000)
    48577
    >>> padding_for(1_100_000, 1_200_000)
    0
    """
    if (before - 1).bit_length() == (after - 1).bit_length():
        return 0
    # past the power of two below `after`, or below as much as is added where that is more
    power = max((after - 1).bit_length() - 1, (after - before).bit_length())
    return (1 << power) + 1 - before


def _streamed(compress: Callable[[bytes], bytes], flush: Callable[[], bytes], pieces: Iterable[bytes]) -> int:
    return sum(len(compress(piece)) for piece in pieces) + len(flush())


def _gzip(pieces: Iterable[bytes]) -> int:
    compressor = zlib.compressobj(9, zlib.DEFLATED, 31)
    return _streamed(compressor.compress, compressor.flush, pieces)


def _bzip2(pieces: Iterable[bytes]) -> int:
    compressor = bz2.BZ2Compressor(9)
    return _streamed(compressor.compress, compressor.flush, pieces)


def _xz(pieces: Iterable[bytes]) -> int:
    compressor = lzma.LZMACompressor(preset=9 | lzma.PRESET_EXTREME)
    return _streamed(compressor.compress, compressor.flush, pieces)


def _zstd(pieces: Iterable[bytes]) -> int:
    import pyarrow

    compressed = pyarrow.Codec("zstd", compression_level=22).compress(b"".join(pieces), asbytes=True)
    return len(compressed)


def _zpaq(pieces: Iterable[bytes]) -> int:
    with tempfile.TemporaryDirectory(prefix="anygram-zpaq-") as name:
        folder = Path(name)
        with (folder / "data").open("wb") as file:
            file.writelines(pieces)
        command = ["zpaq", "add", "archive.zpaq", "data", "-method", "5", "-threads", "1"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = " ".join(done.stderr.split()) or f"status {done.returncode}"
            raise AnygramError(f"zpaq failed: {reason}; take it off the PATH to leave it out")
        return (folder / "archive.zpaq").stat().st_size


_SIZES: dict[str, Callable[[Iterable[bytes]], int]] = {
    "gzip": _gzip,
    "bzip2": _bzip2,
    "xz": _xz,
    "zstd": _zstd,
    "zpaq": _zpaq,
}
