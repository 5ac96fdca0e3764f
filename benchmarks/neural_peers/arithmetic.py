"""What training steps of ours and of peers are measured by: weights that are multiplied, and text in blocks.

Imported by both sides' tasks. Axes: B rows, T positions, N symbols of a text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from torch import nn

ROWS = 64

Id = TypeVar("Id", bound=np.integer[Any])


def matrix_weights(module: nn.Module, vocabulary: int, width: int) -> int:
    """Return how many weights a symbol is multiplied with: all matrices but tables that are looked up.

    A head tied to the embedding counts: its V × D stand in products though no matrix but the table is there.

    >>> tied = nn.ModuleDict({"embedding": nn.Embedding(5, 2), "layer": nn.Linear(2, 3)})
    >>> matrix_weights(tied, vocabulary=5, width=2)
    16
    """
    tables = {id(one.weight) for one in module.modules() if isinstance(one, nn.Embedding)}
    matrices = [weight for weight in module.parameters() if weight.ndim >= 2 and id(weight) not in tables]
    untied = any(vocabulary in weight.shape for weight in matrices)
    return sum(weight.numel() for weight in matrices) + (0 if untied else vocabulary * width)


def block_rows(ids_N: NDArray[Id], block: int, stride: int | None = None) -> Iterator[NDArray[Id]]:
    """Yield ids_BT of T = block + 1, begun every `stride` (default: `block`) symbols, some rows at a time.

    Each shares its first symbol with the last of the one before where nothing else is shared. The last one
    is shorter where the text ends within it, and comes alone.

    >>> [rows.tolist() for rows in block_rows(np.arange(6), 2)]
    [[[0, 1, 2], [2, 3, 4]], [[4, 5]]]
    """
    step = stride or block
    full = max(0, (len(ids_N) - 1 - block) // step + 1)
    starts_B = np.arange(full) * step
    for first in range(0, full, ROWS):
        yield ids_N[starts_B[first : first + ROWS, None] + np.arange(block + 1)]
    if full * step + block - step < len(ids_N) - 1:
        yield ids_N[None, full * step :]
