"""What each byte of scored documents cost: a symbol's nats are shared equally among its bytes.

So codecs can be compared byte by byte, and sums over bytes are the sums over symbols.

Axes: X symbols of many documents, D documents, N their bytes end to end, E symbols without bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.evaluation import Surprisal
from anygram.protocols import FloatArray

_BYTES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class ByteCosts:
    """Documents end to end, byte by byte, with the separators that were taken out after them."""

    texts: list[str]
    nats_N: FloatArray
    position_N: NDArray[np.int64]
    """How many bytes of its document stand before each byte."""
    separator_N: NDArray[np.bool_]
    """Which bytes are separators: what the boundary covers."""
    bare_nats_E: FloatArray
    """What symbols without bytes cost: boundaries where nothing was taken out."""
    bare_position_E: NDArray[np.int64]


def windows(scored: Sequence[Surprisal]) -> Iterator[ByteCosts]:
    """Yield all documents, about half a megabyte of them at a time."""
    group: list[Surprisal] = []
    size = 0
    for one in scored:
        group.append(one)
        size += len(one.nats_T) + int(one.units_T.sum())
        if size >= _BYTES_AT_ONCE:
            yield of(group)
            group, size = [], 0
    if group:
        yield of(group)


def of(scored: Sequence[Surprisal]) -> ByteCosts:
    """Return what each byte of these documents cost; there is at least one of them."""
    nats_X = np.concatenate([one.nats_T for one in scored]).astype(np.float64)
    units_X = np.concatenate([one.units_T for one in scored])
    lengths_D = np.array([len(one.nats_T) for one in scored])
    ends_X = np.zeros(len(nats_X), dtype=bool)
    ends_X[lengths_D.cumsum() - 1] = True
    before_X = units_X.cumsum() - units_X
    firsts_D = lengths_D.cumsum() - lengths_D
    starts_X = np.repeat(before_X[firsts_D], lengths_D)
    covering_N = np.repeat(np.arange(len(nats_X)), units_X)
    bare_X = units_X == 0
    return ByteCosts(
        texts=[one.document.text for one in scored],
        nats_N=(nats_X / np.maximum(units_X, 1))[covering_N],
        position_N=np.arange(len(covering_N)) - starts_X[covering_N],
        separator_N=ends_X[covering_N],
        bare_nats_E=nats_X[bare_X],
        bare_position_E=(before_X - starts_X)[bare_X],
    )
