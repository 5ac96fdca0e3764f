"""Counting a text that is read piece by piece, in shards where memory is limited.

A shard may begin anywhere: the last order − 1 symbols before it stand at its beginning once more, as
context that is not learnt, so every n-gram is counted in exactly one shard.

Axes: N symbols of a piece, S positions of a shard's stream.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anygram.errors import UsageError
from anygram.models.ngram import counting, merging
from anygram.models.ngram.space import Disk, Memory, Space, resident_bytes
from anygram.models.ngram.trie import CountedTrie, Level
from anygram.protocols import Ids, Tensors

_BASE_BYTES = 400 << 20
"""What the program, its kernels and the blocks under way take, whatever is counted."""
_SCRATCH_BYTES = 96 << 20
"""What counting takes beside, whatever is counted."""
_SMALLEST_SHARD = 1 << 18
_ROOM_AHEAD = 1 << 22
"""Symbols for which room is made at once, at the most."""


class Counter:
    """What was read of a text and what of it is already counted."""

    def __init__(self, order: int, vocabulary_size: int) -> None:
        self._order, self._vocabulary_size = order, vocabulary_size
        # ids, positions, and at worst a new n-gram of every length at every position
        self._bytes_each = 8 + 12 * (order - 1)
        self._space: Space = Memory()
        self._limit: int | None = None
        self._shard_symbols: int | None = None
        self._begin()

    def _begin(self) -> None:
        # a boundary that is not to be learnt stands before the text
        self._hold(np.array([~(self._vocabulary_size - 1)], dtype=np.int32))
        self._tries: list[CountedTrie] = []

    def _hold(self, marked_S: Ids) -> None:
        """Let the text that is not counted yet begin with these."""
        self._room_S, self._held, self._waiting = marked_S, len(marked_S), 0

    def begin_with(self, trie: CountedTrie) -> None:
        """Forget all but these counts of an earlier text."""
        self._begin()
        self._tries = [trie]

    def limit_memory(self, limit: int, folder: Path) -> None:
        """Use about that many bytes, and files below `folder`; UsageError where they are too few."""
        symbols = (limit - _BASE_BYTES) // self._bytes_each
        if symbols < _SMALLEST_SHARD:
            least = _BASE_BYTES + _SMALLEST_SHARD * self._bytes_each
            raise UsageError(f"memory must be at least {least / 1e6:,.0f} MB for order {self._order}")
        self._limit, self._shard_symbols = limit, symbols
        self._space = Disk(folder, (limit - _BASE_BYTES) // 3)

    def add(self, marked_N: Ids) -> None:
        """Take in a piece of text; what is only context is marked (`contexts`)."""
        wanted = self._held + len(marked_N)
        if wanted > len(self._room_S):
            # grown where it lies: what is held is not copied, as it would be into an array of its own
            self._room_S.resize(wanted + min(wanted, _ROOM_AHEAD), refcheck=False)
        self._room_S[self._held : wanted] = marked_N
        self._held, self._waiting = wanted, self._waiting + len(marked_N)
        if (self._shard_symbols is not None and self._waiting >= self._shard_symbols) or self._is_full():
            self._count_shard()

    def _is_full(self) -> bool:
        """Return whether counting what waits may take what is left, beside what else this process holds."""
        if self._limit is None or self._waiting < _SMALLEST_SHARD:
            return False
        return resident_bytes() + self._waiting * self._bytes_each + _SCRATCH_BYTES > self._limit

    def finish(self) -> tuple[CountedTrie, Space]:
        """Return the counts of the whole text, and the space in which to go on; forget the text."""
        if self._waiting or not self._tries:
            self._count_shard()
        tries, space = self._tries, self._space
        if len(tries) == 1:
            space = Memory()
        self._begin()
        return merging.merge_all(tries, space), space

    def _count_shard(self) -> None:
        stream_S = self._room_S[: self._held]
        trie = counting.count(stream_S, self._order, self._vocabulary_size)
        self._tries.append(_copied(trie, self._space))
        before_N = stream_S[max(0, len(stream_S) - self._order + 1) :]
        self._hold(np.where(before_N < 0, before_N, ~before_N))

    def tensors(self) -> Tensors:
        """Return what `restore` needs."""
        tensors: Tensors = {"ids": self._room_S[: self._held].copy()}
        for number, trie in enumerate(self._tries):
            tensors[f"shard_{number}.seen_1"] = trie.seen_V
            for length, level in enumerate(trie.levels, 2):
                tensors |= {
                    f"shard_{number}.scrambled_{length}": level.scrambled_G,
                    f"shard_{number}.first_{length}": level.first_P1,
                    f"shard_{number}.seen_{length}": level.seen_G,
                }
        return tensors

    def restore(self, tensors: Tensors) -> None:
        """Become the counter whose `tensors` these are; nothing was read where there are none."""
        self._begin()
        if not tensors:
            return
        self._hold(np.array(tensors["ids"]))
        self._waiting = self._held - (self._order - 1)
        for number in range(sum(name.endswith(".seen_1") for name in tensors)):
            levels = [
                Level(*(tensors[f"shard_{number}.{part}_{k}"] for part in ("scrambled", "first", "seen")))
                for k in range(2, self._order + 1)
            ]
            self._tries.append(CountedTrie(tensors[f"shard_{number}.seen_1"], levels))


def _copied(trie: CountedTrie, space: Space) -> CountedTrie:
    """Return a trie whose levels lie in a space; in memory they are already."""
    if isinstance(space, Memory):
        return trie
    levels = []
    for level in trie.levels:
        copies = []
        for array in (level.scrambled_G, level.first_P1, level.seen_G):
            copy = space.empty(len(array), np.uint32)
            copy[:] = array
            space.forget(copy)
            copies.append(copy)
        levels.append(Level(*copies))
    return CountedTrie(trie.seen_V, levels)
