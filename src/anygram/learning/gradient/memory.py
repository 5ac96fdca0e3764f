"""Steps that hardly fit into memory, or do not: how that is told, rows in parts, layers computed twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import nn

from anygram.errors import UsageError

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


def set_checkpointing(module: nn.Module, on: bool) -> None:
    """Let every part that can compute its layers again do so; UsageError where none can."""
    able = [part for part in module.modules() if hasattr(part, "checkpointing")]
    for part in able:
        setattr(part, "checkpointing", on)  # noqa: B010  (a module's own attribute, which torch cannot type)
    if on and not able:
        raise UsageError("this model cannot compute its layers a second time; leave out checkpointing")
