"""Where the big arrays of an estimation lie: in memory, or in files while only a part of each is in memory.

Code that runs in either asks a space for its arrays, walks them in blocks, forgets each block when done
(`forget`), and reaches at random only into windows of what `window_bytes` allows. In memory a block and
a window are the whole array, so nothing is done twice.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.storage import forget

_BLOCK_BYTES = 1 << 24


class Memory:
    """Arrays in memory."""

    def empty(self, length: int, kind: type[Any]) -> NDArray[Any]:
        """Return an array of that length, whatever it holds; pages not written to take no memory."""
        return np.empty(length, dtype=kind)

    def forget(self, *arrays: NDArray[Any]) -> None:
        """Do nothing: memory is where they are."""

    def load(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array, for reaching into at random."""
        return array

    def blocks(self, length: int, bytes_each: float) -> Iterator[tuple[int, int]]:
        """Yield ranges that together are 0 .. length: some for each thread."""
        yield from threads.spans(length, min(max(1, length), 4 * threads.cores()))

    def windows(self, length: int, bytes_each: float) -> Iterator[tuple[int, int]]:
        """Yield the whole range."""
        yield 0, length


class Disk:
    """Arrays in files of a folder that nobody else writes to; no more than about `limit` bytes in memory."""

    def __init__(self, folder: Path, limit: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._window_bytes = limit

    def empty(self, length: int, kind: type[Any]) -> NDArray[Any]:
        """Return an array of zeros, whose file goes when it does; OSError where there is no room."""
        if length == 0:
            return np.empty(0, dtype=kind)
        with tempfile.TemporaryFile(dir=self._folder) as file:
            size = length * np.dtype(kind).itemsize
            file.truncate(size)
            if hasattr(os, "posix_fallocate"):  # a full disk is told here, not by a signal at some write
                os.posix_fallocate(file.fileno(), 0, size)
            mapped = mmap.mmap(file.fileno(), 0)
        return np.frombuffer(mapped, dtype=kind)

    def forget(self, *arrays: NDArray[Any]) -> None:
        """Let go of the pages of arrays of this space; their files keep what was written."""
        for array in arrays:
            forget(array)

    def load(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return a copy in memory of an array that fits into a window."""
        loaded = array.copy()
        forget(array)
        return loaded

    def blocks(self, length: int, bytes_each: float) -> Iterator[tuple[int, int]]:
        """Yield ranges of some megabytes that together are 0 .. length."""
        rows = max(1, int(_BLOCK_BYTES / bytes_each))
        for begin in range(0, length, rows):
            yield begin, min(begin + rows, length)

    def windows(self, length: int, bytes_each: float) -> Iterator[tuple[int, int]]:
        """Yield ranges that fit into memory and together are 0 .. length."""
        rows = max(1, int(self._window_bytes / bytes_each))
        for begin in range(0, length, rows):
            yield begin, min(begin + rows, length)


Space = Memory | Disk


def resident_bytes() -> int:
    """Return how much memory this process holds now, mapped files included; 0 where the system tells not."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * mmap.PAGESIZE
