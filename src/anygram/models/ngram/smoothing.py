"""Counts to probabilities: interpolated modified Kneser-Ney (Chen & Goodman 1999, section 3.1).

With c the counts of `links.continuations`, h a context and h' the same without its first symbol:

    P(w | h) = (c(h w) − D(c(h w))) / c(h ·) + γ(h) P(w | h')                          (eq. 24)
    D(c) = 0, D1, D2, D3+ for c = 0, 1, 2, 3 and more                                  (eq. 25)
    γ(h) = (D1 N1(h ·) + D2 N2(h ·) + D3+ N3+(h ·)) / c(h ·)
    Y = n1 / (n1 + 2 n2),  Dj = j − (j + 1) Y n(j+1) / nj                              (eq. 26)

Nj(h ·) is the number of symbols that followed h with count j, nj the number of n-grams of one order
with count j. Below order 1 stands the uniform distribution.

Axes: G k-grams of a level, P its contexts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel
from anygram.errors import DataError
from anygram.models.ngram import links
from anygram.models.ngram.space import Space
from anygram.models.ngram.trie import CountedTrie, Words
from anygram.protocols import FloatArray

FALLBACK = (0.5, 1.0, 1.5)
"""D1, D2, D3+ where counts of counts give none: as KenLM's `--discount_fallback`."""

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class Estimate:
    """One order's probabilities: P of each k-gram, γ of each of its contexts (those of level k − 1)."""

    p_G: Probabilities
    gamma_P: Probabilities
    discounts: tuple[float, float, float]
    fell_back: bool


def estimates(trie: CountedTrie, discount_fallback: bool, space: Space) -> Iterator[Estimate]:
    """Yield the estimate of every order; DataError where one has no discounts and may not fall back."""
    vocabulary_size = trie.vocabulary_size
    lower_p_G = np.full(vocabulary_size, 1.0 / vocabulary_size, dtype=np.float32)
    first_P1 = np.array([0, vocabulary_size], dtype=np.uint32)
    suffixes = links.suffixes(trie, space)
    for length in range(1, trie.order + 1):
        longer = next(suffixes, None)
        if longer is not None:
            counts_G = links.continuations(trie, length, longer, space)
        else:
            counts_G = trie.levels[-1].seen_G if length > 1 else trie.seen_V
        discounts = modified_discounts(counts_G)
        if discounts is None and counts_G.any() and not discount_fallback:
            raise DataError(
                f"counts of counts give no discounts at order {length}; pass discount_fallback=true, "
                "lower the order, or train on more text"
            )
        used = discounts or FALLBACK
        p_G, gamma_P = interpolate(first_P1, counts_G, lower_p_G, used, space)
        yield Estimate(p_G, gamma_P, used, fell_back=discounts is None)
        if longer is not None:
            lower_p_G, first_P1 = links.gather(p_G, longer, space), trie.levels[length - 1].first_P1


def modified_discounts(counts_G: Words) -> tuple[float, float, float] | None:
    """Return D1, D2, D3+ (eq. 26), or None where one of them is undefined or not in 0 < Dj <= j."""
    n = _counts_of_counts(counts_G)
    if not n[1:4].all():
        return None
    # in single precision, as KenLM does: a discount is a figure to compare
    n = n.astype(np.float32)
    y = n[1] / (n[1] + 2 * n[2])
    first, second, third = (float(j - np.float32(j + 1) * y * n[j + 1] / n[j]) for j in (1, 2, 3))
    # none may be 0: γ of a context whose successors all had that count would be 0, and log γ infinite
    return (first, second, third) if min(first, second, third) > 0 else None


@kernel
def _counts_of_counts(counts_G: Words) -> NDArray[np.int64]:
    """Return how many counts are 0, 1, 2, 3, 4, and more."""
    n = np.zeros(6, dtype=np.int64)
    for count in counts_G:
        n[min(count, np.uint32(5))] += 1
    return n


def interpolate(
    first_P1: Words,
    counts_G: Words,
    lower_p_G: Probabilities,
    discounts: tuple[float, float, float],
    space: Space,
) -> tuple[Probabilities, Probabilities]:
    """Return P of each k-gram (eq. 24) and γ of each context; a context never learnt gets γ = 1.

    `lower_p_G` is P(w | h') of each, and is overwritten.
    """
    gamma_P = space.empty(len(first_P1) - 1, np.float32)
    discount_of = np.array([0.0, *discounts])

    def run(block: tuple[int, int]) -> None:
        _interpolate(first_P1, counts_G, discount_of, *block, lower_p_G, gamma_P)

    for _ in threads.side_by_side(run, space.blocks(len(gamma_P), 16)):
        space.forget(first_P1, counts_G, lower_p_G, gamma_P)
    return lower_p_G, gamma_P


@kernel
def _interpolate(
    first_P1: Words,
    counts_G: Words,
    discounts: FloatArray,
    begin: int,
    end: int,
    p_G: Probabilities,
    gamma_P: Probabilities,
) -> None:
    """Turn lower probabilities into those of the children of contexts `begin` to `end`."""
    for context in range(begin, end):
        first, last = np.int64(first_P1[context]), np.int64(first_P1[context + 1])
        total, reserve = 0.0, 0.0
        for child in range(first, last):
            count = counts_G[child]
            total += count
            reserve += discounts[min(count, np.uint32(3))]
        gamma = reserve / total if total > 0 else 1.0
        scale = 1.0 / total if total > 0 else 0.0
        gamma_P[context] = gamma
        for child in range(first, last):
            count = counts_G[child]
            own = (count - discounts[min(count, np.uint32(3))]) * scale
            p_G[child] = own + gamma * p_G[child]
