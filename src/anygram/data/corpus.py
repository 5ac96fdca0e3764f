"""B rows, T positions, N symbols, D documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anygram.data.documents import Documents
from anygram.protocols import Codec, FloatArray, Ids, Lengths


class EncodedCorpus:
    """Documents as ids on disk, memory-mapped, each closed by its boundary."""

    ids: Ids
    offsets_D1: NDArray[np.int64]
    units_D: NDArray[np.int64]
    vocabulary_size: int

    @property
    def documents(self) -> int:
        raise NotImplementedError

    @property
    def symbols(self) -> int:
        """Symbols, boundaries included."""
        raise NotImplementedError

    @property
    def units(self) -> int:
        raise NotImplementedError


def encode_corpus(
    documents: Documents, codec: Codec, folder: Path, progress: Callable[[int], None] | None = None
) -> EncodedCorpus:
    """Encode into files of the folder; `progress` is called with the units of each document."""
    raise NotImplementedError


@dataclass(frozen=True)
class CountBatch:
    """Whole documents end to end; `first_document` to `last_document` (exclusive) in the order of reading."""

    ids_N: Ids
    document_lengths: Lengths
    first_document: int
    last_document: int


def document_batches(
    corpus: EncodedCorpus, symbols_per_batch: int, start: int = 0, shuffle_seed: int | None = None
) -> Iterator[CountBatch]:
    """Yield the documents from `start` on, in the corpus's order or a seeded one."""
    raise NotImplementedError


@dataclass(frozen=True)
class Position:
    """The next block to learn from."""

    epoch: int = 0
    block: int = 0


@dataclass(frozen=True)
class Block:
    """One block; `first` of its epoch (no state to carry), `epochs` passes made once it is learnt."""

    ids_BT: Ids
    weights_BT: FloatArray
    first: bool
    position_after: Position
    epochs: float


class Blocks:
    """The packed stream; `rows` and `block` are smaller than asked where the corpus is small."""

    def __init__(self, corpus: EncodedCorpus, rows: int, block: int, seed: int) -> None:
        self.rows = rows
        self.block = block
        raise NotImplementedError

    @property
    def blocks_per_epoch(self) -> int:
        raise NotImplementedError

    def blocks(self, start: Position = Position()) -> Iterator[Block]:
        """Yield blocks without end."""
        raise NotImplementedError
