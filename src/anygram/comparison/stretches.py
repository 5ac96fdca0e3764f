"""Where in the test part to look: short stretches, the same bytes whatever the codec.

Axes: D documents, T symbols of a stretch, X stretches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.evaluation import Surprisal
from anygram.protocols import FloatArray, Ids


@dataclass(frozen=True)
class Stretch:
    """Some bytes of a scored document, as its symbols from `first` on.

    `share_T` is how much of each symbol's bytes lie inside: less than 1 where one straddles an edge.
    """

    scored: Surprisal
    first: int
    share_T: FloatArray

    @property
    def last(self) -> int:
        return self.first + len(self.share_T)

    @property
    def ids_T(self) -> Ids:
        return self.scored.ids_T[self.first : self.last]

    @property
    def bytes(self) -> float:
        return float(self.share_T @ self.scored.units_T[self.first : self.last])


@dataclass(frozen=True)
class Extent:
    """How much to look at: about `bytes` in stretches of `size`, each with `before` bytes before it.

    Less where documents are short. With `ends` boundaries are looked at too, as if each were a byte of text.
    """

    bytes: int
    size: int
    before: int
    ends: bool = False
    seed: int = 0


def sample(scored: Sequence[Surprisal], extent: Extent) -> list[Stretch]:
    """Return stretches spread evenly: one drawn at random from each equal part of all places there are.

    Where the document that the middle byte stands in is shorter than four stretches, they are a quarter of
    it; and what is before them is at most half of it, a power of two. A document's end cuts a stretch short,
    so that what stands last is looked at as often as all else.
    """
    bytes_D = np.array([int(_bytes(one, extent.ends).sum()) for one in scored])
    typical = typical_length(bytes_D)
    size, before = min(extent.size, max(1, typical // 4)), _power(min(extent.before, typical // 2))
    room_D = np.maximum(bytes_D - before, 0)
    total = int(room_D.sum())
    count = min(extent.bytes // size, -(-total // size))
    if not count:
        return []
    drawn_X = np.random.default_rng(extent.seed).random(count)
    place_X = ((np.arange(count) + drawn_X) * total / count).astype(np.int64)
    document_X = np.searchsorted(room_D.cumsum(), place_X, side="right")
    begin_X = before + place_X - (room_D.cumsum() - room_D)[document_X]
    return [
        _stretch(scored[document], _bytes(scored[document], extent.ends), int(begin), int(begin) + size)
        for document, begin in zip(document_X, begin_X, strict=True)
    ]


def typical_length(bytes_D: NDArray[np.int64]) -> int:
    """Return the length of the document that the middle byte stands in, documents sorted by length."""
    sorted_D = np.sort(bytes_D)
    middle = int(np.searchsorted(sorted_D.cumsum(), sorted_D.sum() / 2))
    return int(sorted_D[middle])


def _power(limit: int) -> int:
    """Return the largest power of two that is not above the limit; 0 for 0."""
    return 1 << limit.bit_length() - 1 if limit else 0


def _bytes(scored: Surprisal, ends: bool) -> NDArray[np.int64]:
    """Return the bytes of each symbol of a document's text, and one of its boundary if it is asked for."""
    return np.append(scored.units_T[:-1], 1) if ends else scored.units_T[:-1]


def _stretch(scored: Surprisal, bytes_T: NDArray[np.int64], begin: int, end: int) -> Stretch:
    ends_T = bytes_T.cumsum()
    starts_T = ends_T - bytes_T
    first = int(np.searchsorted(ends_T, begin, side="right"))
    last = int(np.searchsorted(starts_T, end, side="left"))
    inside_T = np.minimum(ends_T[first:last], end) - np.maximum(starts_T[first:last], begin)
    return Stretch(scored, first, inside_T / np.maximum(bytes_T[first:last], 1))
