"""What a decoder keeps of its source: one closed row a document, right-padded, of unequal length.

Axes: B rows, S positions of a source and its closing symbol, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from anygram.errors import UsageError
from anygram.protocols import Condition


@dataclass(frozen=True)
class Padded:
    """Part of a state whose second axis is a source's positions: rows of other lengths may join it."""

    array: Tensor

    def with_array(self, array: Tensor) -> Padded:
        return Padded(array)

    def select_rows(self, rows: NDArray[np.int64]) -> Padded:
        return Padded(self.array[rows])

    def concatenate_rows(self, others: Sequence[Padded]) -> Padded:
        arrays = [self.array, *(other.array for other in others)]
        longest = max(array.shape[1] for array in arrays)
        return Padded(torch.cat([_widened(array, longest) for array in arrays]))

    def count_rows(self) -> int:
        return len(self.array)

    @property
    def nbytes(self) -> int:
        return self.array.nbytes


def _widened(array: Tensor, positions: int) -> Tensor:
    missing = positions - array.shape[1]
    return pad(array, (0, 0) * (array.ndim - 2) + (0, missing)) if missing else array


@dataclass(frozen=True)
class Source:
    """A source: its symbols as ids_BS, the encoder's vectors as encoded_BSD, and each row's length."""

    ids: Padded
    encoded: Padded
    lengths_B: Tensor

    @property
    def mask_BS(self) -> Tensor:
        """What is added to scores: 0 on the source, −∞ past its end."""
        encoded = self.encoded.array
        index_S = torch.arange(encoded.shape[1], device=encoded.device)
        mask_BS = torch.zeros(encoded.shape[:2], device=encoded.device)
        return mask_BS.masked_fill_(index_S >= self.lengths_B[:, None], -torch.inf)

    def detached(self) -> Source:
        """Return the source without gradient."""
        return Source(self.ids, Padded(self.encoded.array.detach()), self.lengths_B)


def closed_rows(condition: Condition | None, rows: int, symbols: int) -> tuple[Tensor, Tensor]:
    """Return ids_BS, each row closed and filled up by the id `symbols`, and lengths_B with the closing one.

    No condition is an empty source a row. UsageError unless there is one a row, of ids below `symbols`.
    """
    if condition is None:
        condition = [np.empty(0, dtype=np.int32)] * rows
    if len(condition) != rows:
        raise UsageError(f"a condition needs one source a row: {rows} rows, got {len(condition)} sources")
    lengths_B = np.array([len(source) + 1 for source in condition], dtype=np.int64)
    ids_BS = np.full((rows, lengths_B.max(initial=1)), symbols, dtype=np.int64)
    inside_BS = np.arange(ids_BS.shape[1]) < lengths_B[:, None] - 1
    if inside_BS.any():
        ids_BS[inside_BS] = np.concatenate(list(condition))
    unfit = ids_BS[inside_BS & ((ids_BS < 0) | (ids_BS >= symbols))]
    if unfit.size:
        raise UsageError(
            f"ids of a condition must be 0 to {symbols - 1}, got {unfit[0]}; "
            "encode it with the run's condition codec"
        )
    return torch.from_numpy(ids_BS), torch.from_numpy(lengths_B)
