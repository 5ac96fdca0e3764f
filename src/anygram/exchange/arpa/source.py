"""The bytes of an ARPA file by whole lines, plain or compressed, a block at a time.

Axes: N bytes of a piece.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError

BLOCK = 1 << 21
PIECE = 1 << 20
MARGIN = 16
"""Bytes that may be read past the end of a piece."""
_FEW = 1 << 12
_GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Piece:
    """Whole lines: bytes `start` to `end` of a buffer."""

    text_N: NDArray[np.uint8]
    start: int
    end: int
    cut: bool = False
    """Whether the file ends with the last line and has no newline there."""

    def bytes(self, start: int, end: int) -> bytes:
        """Return some of the buffer's bytes."""
        some: bytes = self.text_N[start:end].tobytes()
        return some


class Source:
    """Lines one by one, or many at once; the last one ends as if by a newline."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        """`name` is for errors."""
        self.name = name
        self._stream = stream
        self._buffer = bytearray(MARGIN)
        self._at = self._filled = 0
        self._ended = self._cut = False

    def line(self) -> bytes | None:
        """Return the next line without its newline (of a very long one, a part), None at the file's end."""
        while (end := self._buffer.find(b"\n", self._at, self._filled)) < 0:
            if self._filled - self._at >= BLOCK:
                end = self._filled - 1
                break
            if not self._fill():
                return None
        line = bytes(self._buffer[self._at : end])
        self._at = end + 1
        return line

    def section(self) -> Iterator[Piece]:
        """Yield all lines before the next one that begins with a backslash."""
        while self._at < self._filled or self._fill():
            if self._buffer[self._at] == ord("\\"):
                return
            found = self._title()
            end = (found if found >= 0 else self._buffer.rfind(b"\n", self._at, self._filled)) + 1
            if end == 0:  # a line that is not whole yet
                self._fill()
                continue
            yield from self._pieces(self._at, end)
            self._at = end
            if found >= 0:
                return

    def _title(self) -> int:
        """Return where a newline and a backslash stand, −1 where they do not."""
        found = self._at
        for _ in range(_FEW):  # a search for one byte is ten times as fast
            found = self._buffer.find(b"\\", found + 1, self._filled)
            if found < 0 or self._buffer[found - 1] == ord("\n"):
                return found - (found >= 0)
        return self._buffer.find(b"\n\\", found - 1, self._filled)

    def _pieces(self, start: int, end: int) -> Iterator[Piece]:
        text_N = np.frombuffer(self._buffer, dtype=np.uint8)
        while start < end:
            stop = end
            if end - start > PIECE:
                stop = self._buffer.find(b"\n", start + PIECE, end) + 1 or end
            yield Piece(text_N, start, stop, cut=self._cut and stop == self._filled)
            start = stop

    def _fill(self) -> bool:
        """Read more behind what is left, in a new buffer; return whether there was any."""
        if self._ended:
            return False
        left = self._filled - self._at
        # a new one: threads may still read the old; long lines by doubling
        buffer = bytearray(left + max(BLOCK, left) + MARGIN)
        buffer[:left] = memoryview(self._buffer)[self._at : self._filled]
        with explaining_reads(self.name):
            view = memoryview(buffer)[left:-MARGIN]
            read = cast(int, self._stream.readinto(view))  # type: ignore[attr-defined]
        self._buffer, self._at, self._filled = buffer, 0, left + read
        if read == 0:
            self._ended = True
            self._cut = left > 0
            if left:
                buffer[left] = ord("\n")
                self._filled += 1
        return self._filled > left


@contextmanager
def explaining_reads(name: str) -> Iterator[None]:
    """Turn what goes wrong in reading or unpacking a file into one line with a remedy."""
    try:
        yield
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise DataError(
            f"{name}: the compressed file is damaged or cut short ({error}); get it again"
        ) from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise DataError(f"cannot read {name}: {reason}; name an ARPA file") from error


@contextmanager
def opened(path: Path) -> Iterator[tuple[Source, IO[bytes]]]:
    """Yield the source of a file's lines, and the file, whose position says how far reading is."""
    with explaining_reads(str(path)):
        file = path.open("rb", buffering=0)
        compressed = file.read(len(_GZIP)) == _GZIP
        file.seek(0)
    with file:
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=file)) if compressed else cast(IO[bytes], file)
        yield Source(stream, str(path)), cast(IO[bytes], file)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Yield a file's lines one by one, from number 1 on: slow."""
    with explaining_reads(str(path)), path.open("rb") as file:
        compressed = file.peek(len(_GZIP)).startswith(_GZIP)
        yield from enumerate(gzip.GzipFile(fileobj=file) if compressed else file, 1)
