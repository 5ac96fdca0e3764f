"""A step that does not fit into memory: how it is told, and how its rows are read in parts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

_WORDS = ("out of memory", "not enough memory", "can't allocate memory", "cannot allocate memory")
"""What torch says, on one device or another, where it does not say it by the error's type."""


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether the error means that memory did not suffice."""
    known = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, known) or any(words in str(error).lower() for words in _WORDS)


def free_unused() -> None:
    """Let an accelerator give back what it keeps for later."""
    if torch.accelerator.is_available():
        torch.accelerator.empty_cache()


def parts_of(rows: int, parts: int) -> Sequence[slice]:
    """Return slices that part the rows as evenly as can be.

    >>> parts_of(5, 2)
    [slice(0, 3, None), slice(3, 5, None)]
    """
    sizes = [len(part) for part in np.array_split(np.arange(rows), min(rows, parts))]
    ends = np.cumsum(sizes).tolist()
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
