"""What is noted of the test part while it is scored: a tally of it all, and some of it to look closely at.

Surprisals take some 30 bytes a symbol, so that those of a large test part cannot all be kept. What is kept
is the same for every contestant, whatever its symbols.

Axes: T symbols of a document, D documents.
"""

from __future__ import annotations

from array import array
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from anygram.comparison.characters import character_start
from anygram.data.documents import Document, Documents
from anygram.data.store import selected
from anygram.evaluation import WINDOW_UNITS, Surprisal
from anygram.protocols import Codec

MOST_BYTES = WINDOW_UNITS
"""Kept of the test part: as much as an evaluation has at hand at once."""

FEWEST_KEPT = 8
"""Of a larger test part at least so many documents are kept, if it has them; of long ones the beginning."""


class Tally:
    """What was counted of every document as it was scored."""

    def __init__(self, codec: Codec, test: Documents) -> None:
        stored = selected(test)
        units = [document.units for document in test] if stored is None else stored.units_D
        self.wanted_D: NDArray[np.int64] = np.array(units, dtype=np.int64)
        """The bytes of each document of the test part."""
        self.times_D = np.zeros(len(test), dtype=np.int64)
        """How often each was scored."""
        self.boundary_nats = array("d")
        self.units = 0
        self.ended = self.shared_out = True
        """Whether each had one boundary, at its end; and symbols that share out all its bytes."""
        self._boundary, self._lossless = codec.boundary, codec.lossless

    @property
    def documents(self) -> int:
        """How many documents were scored."""
        return len(self.boundary_nats)

    def add(self, one: Surprisal) -> None:
        """Count a document."""
        units = int(one.units_T.sum())
        self.times_D[one.index] += 1
        self.units += units
        self.boundary_nats.append(float(one.nats_T[-1]))
        ends_T = np.flatnonzero(one.ids_T == self._boundary)
        self.ended &= len(one.nats_T) == len(one.ids_T) and ends_T.tolist() == [len(one.ids_T) - 1]
        # the lossy words of a text without words share out nothing
        excused = not self._lossless and len(one.ids_T) == 1
        self.shared_out &= excused or units == int(self.wanted_D[one.index])


class Notes:
    """Takes every document as it is scored, in any order; `seed` is one that all contestants share."""

    def __init__(self, codec: Codec, test: Documents, seed: int = 0) -> None:
        self.tally = Tally(codec, test)
        self.cut: set[int] = set()
        """Which of the documents kept are beginnings."""
        self._longest, self._wanted_D = _choice(self.tally.wanted_D, seed)
        self._kept: list[Surprisal] = []

    @property
    def scored(self) -> list[Surprisal]:
        """The documents kept, in the order of the test part."""
        return sorted(self._kept, key=lambda one: one.index)

    def take(self, one: Surprisal) -> None:
        """Note a document that was scored."""
        self.tally.add(one)
        if not self._wanted_D[one.index]:
            return
        raw = one.document.to_bytes()
        if len(raw) <= self._longest:
            self._kept.append(replace(one, nats_T=one.nats_T.copy()))  # else it holds those scored with it
        else:
            self._kept.append(_beginning(one, raw, self._longest))
            self.cut.add(one.index)


def _choice(units_D: NDArray[np.int64], seed: int) -> tuple[int, NDArray[np.bool_]]:
    """Return how many bytes are kept of a document at most, and of which documents: all, if they are few."""
    if units_D.sum() <= MOST_BYTES:
        return MOST_BYTES, np.ones(len(units_D), dtype=bool)
    longest = MOST_BYTES // min(len(units_D), FEWEST_KEPT)
    order_D = np.random.default_rng(seed).permutation(len(units_D))
    kept_D = np.minimum(units_D[order_D], longest).cumsum()
    wanted_D = np.zeros(len(units_D), dtype=bool)
    wanted_D[order_D[: np.searchsorted(kept_D, MOST_BYTES, side="right")]] = True
    return longest, wanted_D


def _beginning(one: Surprisal, raw: bytes, size: int) -> Surprisal:
    """Return about the first `size` bytes of a document, as if it ended there, with what its boundary cost.

    It ends at a character and so at the same byte for every codec. A symbol that lies over the end costs
    the share of its bytes inside.
    """
    end = character_start(raw, size)
    last = int(np.searchsorted(one.units_T[:-1].cumsum(), end)) + 1  # the first that reaches it is within
    whole_T = one.units_T[:-1][:last]
    inside_T = np.minimum(whole_T, end - (whole_T.cumsum() - whole_T))
    share_T = np.divide(inside_T, whole_T, out=np.ones(len(whole_T)), where=whole_T > 0)
    text = raw[:end].decode("utf-8", "surrogateescape")
    return Surprisal(
        index=one.index,
        document=Document(text, 0, one.document.name, given=one.document.given),
        ids_T=np.append(one.ids_T[:-1][:last], one.ids_T[-1]),
        units_T=np.append(inside_T, 0),
        counted=end,
        nats_T=np.append(one.nats_T[:-1][:last] * share_T, one.nats_T[-1]),
        rank_T=None,
    )
