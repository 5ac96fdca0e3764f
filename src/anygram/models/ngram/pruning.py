"""Leaving n-grams out: those seen seldom, and those whose loss would hardly be noticed.

By count, as `lmplz --prune`: what was seen no more often than its order's threshold goes, and its counts to γ
of its context (`smoothing`).

By relative entropy (Stolcke 1998): without h w, perplexity is exp(D) times what it was,

    D = −P(h) (P(w | h) (log P(w | h') + log γ'(h) − log P(w | h)) + (log γ'(h) − log γ(h)) (1 − Σ P(v | h)))
    γ'(h) = (1 − Σ P(v | h) + P(w | h)) / (1 − Σ P(v | h') + P(w | h'))

with the sums over all n-grams h v there are. It goes if exp(D) − 1 is less than the threshold. Every n-gram
is judged as if it alone went; P(h) is the chain of what the model says of its symbols. The lower orders of
Kneser-Ney are made for what the higher ones do not say, so they misjudge P(h): heavy pruning costs it more
than other smoothings (Chelba et al. 2010).

What a longer n-gram that stays needs as context stays too, and says what it would if it were not there.
Single symbols all stay.

Axes: G k-grams of a level, G1 = G + 1, P its contexts, C the (k + 1)-grams, W words of a row.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel
from anygram.errors import UsageError
from anygram.models.ngram import links
from anygram.models.ngram.smoothing import Estimate
from anygram.models.ngram.space import Space
from anygram.models.ngram.tables import Tables
from anygram.models.ngram.trie import CountedTrie, Words
from anygram.protocols import FloatArray

Flags = NDArray[np.bool_]

_LEAST = 1e-12
"""The least that can be left: what rounding leaves of nothing is smaller."""


@dataclass(frozen=True)
class Pruning:
    """What is asked for: counts that n-grams of lengths 1 .. order must exceed, a share of perplexity."""

    thresholds: Sequence[int]
    entropy: float

    def __bool__(self) -> bool:
        """Whether anything is to be pruned."""
        return any(self.thresholds) or self.entropy > 0


def read(prune: str | None, entropy: float, order: int) -> Pruning:
    """Return the settings `prune` and `prune_entropy` understood; the last threshold is repeated.

    UsageError where thresholds do not begin with 0, decrease or are more than the order.

    >>> read("0 0 1", 0.0, order=5).thresholds
    [0, 0, 1, 1, 1]
    """
    if not 0 <= entropy < math.inf:
        raise UsageError(f"prune_entropy must be at least 0 and finite, got {entropy}; for example 1e-8")
    words = ["0"] if prune is None else prune.split()
    if not words or not all(word.isdecimal() and word.isascii() for word in words):
        _refuse(prune, "be whole numbers, one for each length from 1 on")
    counts = [int(word) for word in words]
    if counts[0] != 0:
        _refuse(prune, "begin with 0 (single symbols all stay)")
    if counts != sorted(counts):
        _refuse(prune, "not decrease (n-grams need their contexts)")
    if len(counts) > order:
        _refuse(prune, f"be no more numbers than order={order}")
    return Pruning([*counts, *[counts[-1]] * (order - len(counts))], entropy)


def _refuse(prune: str | None, wanted: str) -> NoReturn:
    raise UsageError(f"prune must {wanted}, got '{prune}'; for example '0 0 1'")


def by_count(trie: CountedTrie, thresholds: Sequence[int], space: Space) -> list[Flags]:
    """Return for the levels from 2 on which n-grams were seen more often than that."""
    kept = []
    for level, threshold in zip(trie.levels, thresholds[1:], strict=True):
        kept_G = space.empty(len(level), np.bool_)
        for begin, end in space.blocks(len(level), 5):
            np.greater(level.seen_G[begin:end], threshold, out=kept_G[begin:end])
            space.forget(level.seen_G, kept_G)
        kept.append(kept_G)
    return kept


def by_entropy(
    trie: CountedTrie, estimates: Sequence[Estimate], kept: Sequence[Flags], threshold: float, space: Space
) -> list[Estimate]:
    """Return the estimates without n-grams that change perplexity by less than a share `threshold` each.

    Of the n-grams kept so far, `kept` then says which still are. The estimates must be `exact`.
    """
    suffixes = list(links.suffixes(trie, space))
    histories_P = estimates[0].p_G
    doomed = []
    for depth, level in enumerate(trie.levels):
        lower_p_G = links.gather(estimates[depth].p_G, suffixes[depth], space)
        found = estimates[depth + 1]
        doomed.append(_judge(level.first_P1, kept[depth], found, lower_p_G, histories_P, threshold, space))
        histories_P = lower_p_G  # written over
    _spare_contexts(trie, kept, doomed, space)
    renewed = [estimates[0]]
    for level, kept_G, suffixes_G, found in zip(trie.levels, kept, suffixes, estimates[1:], strict=True):
        lower_p_G = links.gather(renewed[-1].p_G, suffixes_G, space)
        renewed.append(_renormalise(level.first_P1, kept_G, found, lower_p_G, space))
    return renewed


def _judge(
    first_P1: Words,
    kept_G: Flags,
    found: Estimate,
    lower_p_G: FloatArray,
    histories_P: FloatArray,
    threshold: float,
    space: Space,
) -> Flags:
    """Return which n-grams are to go; `lower_p_G`, P(w | h') of each, becomes P(h w)."""
    doomed_G = space.empty(len(kept_G), np.bool_)

    def run(block: tuple[int, int]) -> None:
        _weigh(
            first_P1, kept_G, found.p_G, found.gamma_P, histories_P, threshold, *block, lower_p_G, doomed_G
        )

    for _ in threads.side_by_side(run, space.blocks(len(found.gamma_P), 32)):
        space.forget(first_P1, kept_G, found.p_G, found.gamma_P, histories_P, lower_p_G, doomed_G)
    return doomed_G


@kernel
def _weigh(
    first_P1: Words,
    kept_G: Flags,
    p_G: FloatArray,
    gamma_P: FloatArray,
    histories_P: FloatArray,
    threshold: float,
    begin: int,
    end: int,
    lower_p_G: FloatArray,
    doomed_G: Flags,
) -> None:
    for context in range(begin, end):
        first, last = np.int64(first_P1[context]), np.int64(first_P1[context + 1])
        left, unseen = _left(p_G, lower_p_G, kept_G, first_P1[context], first_P1[context + 1])
        log_gamma = np.log(gamma_P[context])
        for child in range(first, last):
            p, lower = p_G[child], lower_p_G[child]
            log_after = np.log((left + p) / (unseen + lower))
            change = p * (np.log(lower) + log_after - np.log(p)) + left * (log_after - log_gamma)
            loss = -histories_P[context] * change
            doomed_G[child] = kept_G[child] and np.expm1(loss) < threshold
            lower_p_G[child] = histories_P[context] * p


@kernel
def _left(
    p_G: FloatArray, lower_p_G: FloatArray, kept_G: Flags, first: np.uint32, last: np.uint32
) -> tuple[float, float]:
    """Return what a context's kept n-grams leave of 1 there, and after the shorter context."""
    left, unseen = 1.0, 1.0
    for child in range(first, last):
        if kept_G[child]:
            left -= p_G[child]
            unseen -= lower_p_G[child]
    return max(left, _LEAST), max(unseen, _LEAST)


def _spare_contexts(trie: CountedTrie, kept: Sequence[Flags], doomed: Sequence[Flags], space: Space) -> None:
    """Take from the kept the doomed, except contexts of n-grams that stay."""
    staying_C: Flags | None = None
    for depth in range(len(kept) - 1, -1, -1):
        needed_G = _needed(trie, depth, staying_C, space)
        kept[depth][:] &= needed_G | ~doomed[depth]
        staying_C = needed_G | kept[depth]


def with_contexts(trie: CountedTrie, kept: Sequence[Flags], space: Space) -> list[Flags]:
    """Return for the levels from 2 on which n-grams are kept or contexts of such."""
    staying: list[Flags] = []
    for depth in range(len(kept) - 1, -1, -1):
        needed_G = _needed(trie, depth, staying[-1] if staying else None, space)
        needed_G |= kept[depth]
        staying.append(needed_G)
    return staying[::-1]


def _needed(trie: CountedTrie, depth: int, staying_C: Flags | None, space: Space) -> Flags:
    """Return which n-grams of a level have children that stay; none at the highest."""
    needed_G = space.empty(len(trie.levels[depth]), np.bool_)
    if staying_C is None:
        needed_G[:] = False
        return needed_G
    first_G1 = trie.levels[depth + 1].first_P1
    for begin, end in space.blocks(len(needed_G), 16):
        _find_contexts(first_G1, staying_C, begin, end, needed_G)
        space.forget(first_G1, staying_C, needed_G)
    return needed_G


@kernel
def _find_contexts(first_G1: Words, staying_C: Flags, begin: int, end: int, needed_G: Flags) -> None:
    for context in range(begin, end):
        needed_G[context] = False
        for child in range(first_G1[context], first_G1[context + 1]):
            needed_G[context] |= staying_C[child]


def _renormalise(
    first_P1: Words, kept_G: Flags, found: Estimate, lower_p_G: FloatArray, space: Space
) -> Estimate:
    """Return a level's estimate with what backing off gives where nothing is kept, and γ for sums of 1."""
    gamma_P = space.empty(len(found.gamma_P), np.float64)

    def run(block: tuple[int, int]) -> None:
        _back_off(first_P1, kept_G, found.p_G, *block, lower_p_G, gamma_P)

    for _ in threads.side_by_side(run, space.blocks(len(gamma_P), 32)):
        space.forget(first_P1, kept_G, found.p_G, lower_p_G, gamma_P)
    return Estimate(lower_p_G, gamma_P, found.discounts, found.fell_back)


@kernel
def _back_off(
    first_P1: Words,
    kept_G: Flags,
    p_G: FloatArray,
    begin: int,
    end: int,
    lower_p_G: FloatArray,
    gamma_P: FloatArray,
) -> None:
    """Turn lower probabilities into those of the children of contexts `begin` to `end`."""
    for context in range(begin, end):
        first, last = np.int64(first_P1[context]), np.int64(first_P1[context + 1])
        left, unseen = _left(p_G, lower_p_G, kept_G, first_P1[context], first_P1[context + 1])
        gamma_P[context] = left / unseen
        for child in range(first, last):
            lower_p_G[child] = p_G[child] if kept_G[child] else left / unseen * lower_p_G[child]


def compress(tables: Tables, staying: Sequence[Flags], space: Space) -> Tables:
    """Return the tables of what stays of each level from 2 on; the given ones are not to be used again."""
    compressed = []
    before_C1: Words | None = None
    for words_GW, staying_G in zip(tables.levels[::-1], [*staying[::-1], None], strict=True):
        if before_C1 is not None:
            for begin, end in space.blocks(len(words_GW), 16):
                words_GW[begin:end, -1] = before_C1[words_GW[begin:end, -1]]
                space.forget(words_GW, before_C1)
        if staying_G is not None:
            before_C1 = _number(staying_G, space)
            words_GW = _select(words_GW, staying_G, before_C1, space)
        compressed.append(words_GW)
    return Tables(tuple(compressed[::-1]))


def _number(staying_G: Flags, space: Space) -> Words:
    """Return how many n-grams stay before each, and, last, in all."""
    before_G1 = space.empty(len(staying_G) + 1, np.uint32)
    before_G1[0] = 0
    for begin, end in space.blocks(len(staying_G), 5):
        np.cumsum(staying_G[begin:end], out=before_G1[begin + 1 : end + 1])
        before_G1[begin + 1 : end + 1] += before_G1[begin]
        space.forget(staying_G, before_G1)
    return before_G1


def _select(words_GW: Words, staying_G: Flags, before_G1: Words, space: Space) -> Words:
    """Return the rows that stay, and the last one below the order, where it only ends the children."""
    size, width = int(before_G1[-1]), words_GW.shape[1]
    ends = len(words_GW) - len(staying_G)
    selected_GW = space.empty((size + ends) * width, np.uint32).reshape(-1, width)
    for begin, end in space.blocks(len(staying_G), 32):
        rows = slice(before_G1[begin], before_G1[end])
        selected_GW[rows] = words_GW[begin:end][staying_G[begin:end]]
        space.forget(words_GW, selected_GW)
    selected_GW[size:] = words_GW[len(staying_G) :]
    return selected_GW
