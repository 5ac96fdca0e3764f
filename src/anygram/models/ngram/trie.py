"""Which n-grams there are: a prefix trie of packed levels, sorted so that any child is found at once.

Level k holds the distinct k-grams. Level 1 is the vocabulary: a symbol's node is its id. From level 2 on
a node stands under its first k − 1 symbols (its context, a node of level k − 1); the children of one
context lie side by side, sorted by their last symbol, scrambled. `first_P1` says where the children of
each context begin; the next one's beginning ends them.

Scrambling multiplies a symbol by an odd number modulo a power of two that reaches the vocabulary's size:
a bijection, whose values, moved to the top of 32 bits, lie evenly from 0 to 2^32 for any set of symbols
(multiplicative hashing: Knuth, The Art of Computer Programming 3, section 6.4). So a child is found by
interpolation, in a step or two however many there are. The bits below are 0, and free for other use.

No n-gram reaches over a boundary: that symbol stands first (before a document), last (after it), or not
at all.

Axes: V vocabulary, G distinct k-grams of a level, P its contexts (the nodes of the level above), and
P1 = P + 1.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import part

Words = NDArray[np.uint32]

FEWEST_HINTED, PER_HINT = 16, 3
"""The fewest children of a context that have hints (`hints`); how many share one, as a power of two."""

_GOLDEN = 0x9E3779B97F4A7C15
"""2^64 over the golden ratio: the multiplier that spreads consecutive numbers best (Knuth, same place)."""


@dataclass(frozen=True)
class Scrambling:
    """How the symbols of a vocabulary are scrambled, as two multiplications that kernels do themselves.

    scrambled = symbol · `forth` mod 2^32; symbol = (scrambled >> `shift`) · `back` mod 2^(32 − shift).
    """

    forth: int
    back: int
    shift: int

    @classmethod
    def of(cls, vocabulary_size: int) -> Scrambling:
        """Return the scrambling of a vocabulary of that size.

        >>> s = Scrambling.of(1000)
        >>> s.symbols(s.scramble(np.array([0, 1, 999]))).tolist()
        [0, 1, 999]
        """
        bits = max(1, (vocabulary_size - 1).bit_length())
        multiplier = _GOLDEN >> (64 - bits) | 1
        return cls((multiplier << (32 - bits)) & 0xFFFFFFFF, pow(multiplier, -1, 1 << bits), 32 - bits)

    def scramble(self, symbols: NDArray[np.integer]) -> Words:
        """Return symbols scrambled."""
        return (symbols.astype(np.uint64) * np.uint64(self.forth)).astype(np.uint32)

    def symbols(self, scrambled: Words) -> NDArray[np.int32]:
        """Return the symbols that these were; bits below `shift` do not matter."""
        places = scrambled.astype(np.uint64) >> np.uint64(self.shift)
        mask = np.uint64((1 << (32 - self.shift)) - 1)
        return (places * np.uint64(self.back) & mask).astype(np.int32)


@dataclass(frozen=True)
class Level:
    """The k-grams of one k ≥ 2: scrambled last symbols, where contexts' children begin, how often seen.

    What only serves as context was seen 0 times.
    """

    scrambled_G: Words
    first_P1: Words
    seen_G: Words

    def __len__(self) -> int:
        return len(self.scrambled_G)


@dataclass(frozen=True)
class CountedTrie:
    """How often each symbol was seen as seen_V, and the levels from 2 on."""

    seen_V: Words
    levels: list[Level]

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return 1 + len(self.levels)

    @property
    def vocabulary_size(self) -> int:
        """V."""
        return len(self.seen_V)

    @property
    def seen(self) -> list[Words]:
        """How often each n-gram was seen, for k = 1 .. order."""
        return [self.seen_V, *(level.seen_G for level in self.levels)]

    @cached_property
    def counts(self) -> list[int]:
        """How many k-grams there are for k = 1 .. order."""
        return [self.vocabulary_size, *map(len, self.levels)]

    @cached_property
    def first_with_boundary(self) -> list[int]:
        """For k = 1 .. order the first k-gram that begins with the boundary: all from there on do."""
        nodes = [self.vocabulary_size - 1]
        for level in self.levels:
            nodes.append(int(level.first_P1[nodes[-1]]))
        return nodes

    def let_go(self, length: int, *, seen_only: bool = False) -> None:
        """Free the memory of a level, or of how often its n-grams were seen; its size stays known.

        The trie can be walked no more.
        """
        _ = self.counts, self.first_with_boundary
        if length > 1:
            level, nothing = self.levels[length - 2], np.empty(0, dtype=np.uint32)
            kept = replace(level, seen_G=nothing) if seen_only else Level(nothing, nothing, nothing)
            self.levels[length - 2] = kept


@part
def guess(begin: Any, size: Any, wanted: Any) -> Any:
    """Return where a scrambled symbol stands among `size` evenly spread ones from `begin` on, about."""
    return begin + np.int64(np.uint64(wanted) * np.uint64(size) >> np.uint64(32))


@part
def unscramble(scrambled: np.uint32, back: np.uint32, shift: int) -> Any:
    """Return the symbol that this was; bits below `shift` do not matter (`Scrambling.symbols`)."""
    mask = np.uint32(np.uint32(0xFFFFFFFF) >> np.uint32(shift))
    return np.int64(((scrambled >> np.uint32(shift)) * back) & mask)
