"""Vectors of the positions last read (an attention's keys, its values): a value outside, growable inside.

A cache is a buffer and where in it the window lies. Appending writes behind the window; only when
someone else has already written there, or the buffer is full, is the window copied to a new one.
Axes: B rows, H heads, S cached positions, T new ones, K width of a head.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

_CLAIMING = Lock()
"""Held while a buffer's positions are claimed, which is too short to let one buffer wait for another."""


class _Buffer:
    """Memory of axes B H (capacity) K, written from the front; `used` positions are taken."""

    def __init__(self, data: Tensor, used: int) -> None:
        self.data = data
        self._used = used

    def claim(self, first: int, stop: int) -> bool:
        """Return whether positions `first` to `stop` were free and next; then they are taken."""
        with _CLAIMING:
            free = self._used == first and stop <= self.data.shape[2]
            if free:
                self._used = stop
        return free


@dataclass(frozen=True)
class Cache:
    """The positions `start` to `stop` of a buffer; a row's own ones stand at the end (right-aligned)."""

    buffer: _Buffer
    start: int
    stop: int

    @classmethod
    def holding(cls, window_BHSK: Tensor) -> Cache:
        """Return a cache of these positions, which the caller no longer changes."""
        length = window_BHSK.shape[2]
        return cls(_Buffer(window_BHSK, length), 0, length)

    @property
    def length(self) -> int:
        return self.stop - self.start

    @property
    def window(self) -> Tensor:
        """The positions themselves, of axes B H S K."""
        return self.buffer.data[:, :, self.start : self.stop]

    def append(self, new_BHTK: Tensor, keep: int, past_B: Tensor | None = None) -> tuple[Tensor, Cache]:
        """Return the window with the new positions behind it, and a cache of its last `keep` positions.

        `past_B` is how many of the new ones lie past each row's end: they are not cached. Under
        gradient the window is joined anew; what is cached carries no gradient.
        """
        if torch.is_grad_enabled():
            joined = torch.cat([self.window, new_BHTK], dim=2) if self.length else new_BHTK
            grown = Cache.holding(joined.detach())
        else:
            grown = self._room_for(new_BHTK.shape[2], keep)
            joined = grown.window
            joined[:, :, self.length :] = new_BHTK
        if past_B is None:
            return joined, Cache(grown.buffer, max(grown.start, grown.stop - keep), grown.stop)
        return joined, grown._without(past_B, keep)

    @property
    def array(self) -> Tensor:
        """What to write down of it."""
        return self.window

    def with_array(self, array: Tensor) -> Cache:
        return Cache.holding(array)

    def select_rows(self, rows: NDArray[np.int64]) -> Cache:
        return Cache.holding(self.window[rows])

    def concatenate_rows(self, others: Sequence[Cache]) -> Cache:
        windows = [cache.window for cache in (self, *others)]
        longest = max(window.shape[2] for window in windows)
        return Cache.holding(
            torch.cat([pad(window, (0, 0, longest - window.shape[2], 0)) for window in windows])
        )

    def count_rows(self) -> int:
        return self.buffer.data.shape[0]

    @property
    def nbytes(self) -> int:
        """The bytes of the buffer, which several caches may share."""
        return self.buffer.data.nbytes

    def _without(self, past_B: Tensor, keep: int) -> Cache:
        """Return a cache of the last `keep` positions before each row's last `past_B`."""
        index_BS = torch.arange(-min(keep, self.length), 0, device=past_B.device) - past_B[:, None]
        # a row with fewer positions than kept gets any: its document is younger than they
        index_BS = (index_BS + self.length).clamp_min(0)
        index_BHSK = index_BS[:, None, :, None].expand(-1, self.window.shape[1], -1, self.window.shape[3])
        return Cache.holding(self.window.gather(2, index_BHSK))

    def _room_for(self, count: int, keep: int) -> Cache:
        """Return this window made longer by `count` positions that only the caller may write to."""
        if self.buffer.claim(self.stop, self.stop + count):
            return Cache(self.buffer, self.start, self.stop + count)
        length = self.length + count
        # room for as many again: then copying costs each appended position a constant
        capacity = length + min(length, keep)
        data = self.window.new_empty(*self.window.shape[:2], capacity, self.window.shape[3])
        data[:, :, : self.length] = self.window
        return Cache(_Buffer(data, length), 0, length)


def at_end(values_BT1: Tensor, lengths_B: Tensor | None) -> Tensor:
    """Return of values before the first position and after each one those after each row's length.

    Without lengths they are the last. Axes beyond the second are kept.
    """
    if lengths_B is None:
        return values_BT1[:, -1].clone()
    return values_BT1[torch.arange(len(lengths_B), device=lengths_B.device), lengths_B]
