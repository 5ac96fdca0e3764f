"""Counts to probabilities: interpolated with what the shorter context says, or backed off to it.

With c the counts, h a context and h' the same without its first symbol, all methods but two are

    P(w | h) = (c(h w) − D) / Z(h) + γ(h) P(w | h')
    Z(h) = (1 + r) c(h ·) + a N1+(h ·) + b
    γ(h) = (Σ D + r c(h ·) + a N1+(h ·) + b) / Z(h)

where D depends on the count (D = 0 for what was not seen), Σ D is over the symbols seen after h, and N1+(h ·)
is their number:

    kneser_ney          D1, D2, D3+ for 1, 2, 3 and more; c of `links.continuations`   (Chen & Goodman 1999,
                        eq. 24 to 26)
    absolute            one D                                   (Ney, Essen & Kneser 1994)
    witten_bell         a = 1                                   (Witten & Bell 1991, method C)
    jelinek_mercer      r = λ / (1 − λ): γ = λ everywhere       (Jelinek & Mercer 1980)
    maximum_likelihood  the same, of the longest contexts alone, over the uniform distribution
    add_k               b = k V, so too: (c + k) / (c(h ·) + k V)   (Lidstone 1920)

and katz and stupid_backoff are in `backing_off`. Below order 1 stands the uniform distribution. λ is the
setting `weight`.

Where n-grams are pruned by count, they are as if not seen, and their counts go to γ (as in KenLM).

Axes: G k-grams of a level, P its contexts.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel
from anygram.errors import DataError, UsageError
from anygram.models.ngram import discounting, links
from anygram.models.ngram.backing_off import back_off
from anygram.models.ngram.discounting import Discounts
from anygram.models.ngram.space import Space
from anygram.models.ngram.trie import CountedTrie, Words
from anygram.protocols import FloatArray

Smoothing = Literal[
    "kneser_ney",
    "absolute",
    "witten_bell",
    "jelinek_mercer",
    "katz",
    "add_k",
    "maximum_likelihood",
    "stupid_backoff",
]
Probabilities = NDArray[np.floating]

WEIGHTS = {"jelinek_mercer": 0.5, "maximum_likelihood": 0.01, "stupid_backoff": 0.4}
"""What `weight` is unless given, where it is used; Brants et al. (2007) set 0.4."""
K = 0.03
"""What `k` is unless given."""

_DISCOUNTS = {
    "kneser_ney": discounting.modified,
    "absolute": discounting.absolute,
    "katz": discounting.good_turing,
}
_LONGEST_ALONE = ("add_k", "maximum_likelihood")


@dataclass(frozen=True)
class Method:
    """A smoothing by name, and its settings."""

    name: Smoothing
    k: float | None
    weight: float | None
    discount_fallback: bool

    def check(self) -> None:
        """Raise UsageError for a setting that cannot be, or that this smoothing does not use."""
        self._refuse("k", self.k is not None, ["add_k"])
        self._refuse("weight", self.weight is not None, WEIGHTS)
        self._refuse("discount_fallback", not self.discount_fallback, _DISCOUNTS)
        if self.k is not None and not 0 < self.k <= 1e9:
            raise UsageError(f"k must be more than 0 and at most 1e9, got {self.k}; for example 0.03")
        if self.weight is not None and not 0 < self.weight < 1:
            raise UsageError(f"weight must be between 0 and 1, got {self.weight}; for example 0.4")

    def _refuse(self, setting: str, given: bool, users: Collection[str]) -> None:
        if given and self.name not in users:
            raise UsageError(
                f"{setting} is of no use to smoothing={self.name}; leave it out, or choose "
                + " or ".join(users)
            )

    @property
    def backs_off(self) -> bool:
        """Whether symbols that were seen get no share of what the shorter context says."""
        return self.name in ("katz", "stupid_backoff")

    @property
    def scale(self) -> float:
        """The setting `weight`; 0 where it is not used."""
        return WEIGHTS.get(self.name, 0.0) if self.weight is None else self.weight

    def held_back(self, vocabulary_size: int) -> tuple[float, float, float]:
        """Return r, a, b: what Z holds beside the counts, per count, per symbol seen, and at all."""
        if self.name in ("jelinek_mercer", "maximum_likelihood"):
            return self.scale / (1 - self.scale), 0.0, 0.0
        if self.name == "add_k":
            return 0.0, 0.0, (K if self.k is None else self.k) * vocabulary_size
        return 0.0, float(self.name == "witten_bell"), 0.0

    def discounts(self, counts_G: Words, length: int) -> tuple[Discounts, bool]:
        """Return an order's discounts, and whether they are the fallback; DataError where it is forbidden."""
        if self.name not in _DISCOUNTS:
            return (), False
        discounts = _DISCOUNTS[self.name](counts_G)
        if discounts is None and counts_G.any() and not self.discount_fallback:
            raise DataError(
                f"counts of counts give no discounts at order {length}; pass discount_fallback=true, "
                "lower the order, or train on more text"
            )
        return discounts or discounting.FALLBACK[self.name], discounts is None


@dataclass(frozen=True)
class Estimate:
    """One order's probabilities: P of each k-gram, γ of each of its contexts (those of level k − 1)."""

    p_G: Probabilities
    gamma_P: Probabilities
    discounts: Discounts
    fell_back: bool


def estimates(
    trie: CountedTrie,
    method: Method,
    space: Space,
    thresholds: Sequence[int] | None = None,
    exact: bool = False,
) -> Iterator[Estimate]:
    """Yield the estimate of every order; DataError where one has no discounts and may not fall back.

    N-grams seen no more often than their order's threshold are pruned. Probabilities are held in double
    precision if `exact`, and where backing off subtracts sums of them from 1.
    """
    vocabulary_size, held_back = trie.vocabulary_size, method.held_back(trie.vocabulary_size)
    precision = np.float64 if exact or method.backs_off else np.float32
    lower_p_G: Probabilities = np.full(vocabulary_size, 1.0 / vocabulary_size, dtype=precision)
    first_P1 = np.array([0, vocabulary_size], dtype=np.uint32)
    suffixes = links.suffixes(trie, space)
    for length in range(1, trie.order + 1):
        longer = next(suffixes, None)
        counts_G = _counts(trie, method, length, longer, space)
        discounts, fell_back = method.discounts(counts_G, length)
        pruned_P: FloatArray = np.empty(0)
        if threshold := thresholds[length - 1] if thresholds else 0:
            seen_G = _seen(trie, length)
            counts_G, pruned_P = _prune(first_P1, counts_G, seen_G, threshold, held_back, space)
        level = first_P1, counts_G, lower_p_G
        if method.backs_off:
            p_G, gamma_P = back_off(*level, discounts, method.scale, vocabulary_size, pruned_P, space)
        else:
            p_G, gamma_P = interpolate(*level, discounts, held_back, pruned_P, space)
        del counts_G, level  # whoever asks may let go of them now
        yield Estimate(p_G, gamma_P, discounts, fell_back)
        if longer is not None:
            lower_p_G, first_P1 = links.gather(p_G, longer, space), trie.levels[length - 1].first_P1


def _counts(trie: CountedTrie, method: Method, length: int, longer: Words | None, space: Space) -> Words:
    """Return counts_G of the n-grams of this length as the method counts them."""
    if method.name == "kneser_ney" and longer is not None:
        return links.continuations(trie, length, longer, space)
    seen_G = _seen(trie, length)
    if method.name not in _LONGEST_ALONE or length == trie.order:
        return seen_G
    # contexts that the boundary begins are as long as they can be
    begin = trie.first_with_boundary[length - 1] if length > 1 else len(seen_G)
    counts_G = space.empty(len(seen_G), np.uint32)
    counts_G[:begin], counts_G[begin:] = 0, seen_G[begin:]
    return counts_G


def _seen(trie: CountedTrie, length: int) -> Words:
    return trie.levels[length - 2].seen_G if length > 1 else trie.seen_V


def _prune(
    first_P1: Words,
    counts_G: Words,
    seen_G: Words,
    threshold: int,
    held_back: tuple[float, float, float],
    space: Space,
) -> tuple[Words, FloatArray]:
    """Return the counts with those of pruned n-grams 0, and what these are of each context's Z."""
    kept_G = space.empty(len(counts_G), np.uint32)
    pruned_P = space.empty(len(first_P1) - 1, np.float64)

    def run(block: tuple[int, int]) -> None:
        _set_aside(first_P1, counts_G, seen_G, threshold, held_back, *block, kept_G, pruned_P)

    for _ in threads.side_by_side(run, space.blocks(len(pruned_P), 16)):
        space.forget(first_P1, counts_G, seen_G, kept_G, pruned_P)
    return kept_G, pruned_P


@kernel
def _set_aside(
    first_P1: Words,
    counts_G: Words,
    seen_G: Words,
    threshold: int,
    held_back: tuple[float, float, float],
    begin: int,
    end: int,
    kept_G: Words,
    pruned_P: FloatArray,
) -> None:
    per_count, per_symbol, _ = held_back
    for context in range(begin, end):
        pruned, symbols = 0, 0
        for child in range(first_P1[context], first_P1[context + 1]):
            count = counts_G[child]
            if seen_G[child] > threshold:
                kept_G[child] = count
            else:
                kept_G[child] = 0
                pruned += count
                symbols += count > 0
        pruned_P[context] = (1.0 + per_count) * pruned + per_symbol * symbols


def interpolate(
    first_P1: Words,
    counts_G: Words,
    lower_p_G: Probabilities,
    discounts: Discounts,
    held_back: tuple[float, float, float],
    pruned_P: FloatArray,
    space: Space,
) -> tuple[Probabilities, Probabilities]:
    """Return P of each k-gram and γ of each context (the module's equations); γ = 1 after one never learnt.

    `lower_p_G` is P(w | h') of each, and is overwritten. Discounts are those of counts 1, 2, ... and the last
    of all above; `held_back` are r, a, b; `pruned_P` may be empty.
    """
    discount_of = np.array([0.0, *(discounts or (0.0,))])
    gamma_P = space.empty(len(first_P1) - 1, lower_p_G.dtype.type)

    def run(block: tuple[int, int]) -> None:
        _interpolate(first_P1, counts_G, discount_of, held_back, pruned_P, *block, lower_p_G, gamma_P)

    for _ in threads.side_by_side(run, space.blocks(len(gamma_P), 16)):
        space.forget(first_P1, counts_G, pruned_P, lower_p_G, gamma_P)
    return lower_p_G, gamma_P


@kernel
def _interpolate(
    first_P1: Words,
    counts_G: Words,
    discount_of: FloatArray,
    held_back: tuple[float, float, float],
    pruned_P: FloatArray,
    begin: int,
    end: int,
    p_G: Probabilities,
    gamma_P: Probabilities,
) -> None:
    """Turn lower probabilities into those of the children of contexts `begin` to `end`."""
    per_count, per_symbol, at_all = held_back
    most = np.uint32(len(discount_of) - 1)
    for context in range(begin, end):
        first, last = np.int64(first_P1[context]), np.int64(first_P1[context + 1])
        total, reserve, symbols = 0.0, 0.0, 0
        for child in range(first, last):
            count = counts_G[child]
            total += count
            reserve += discount_of[min(count, most)]
            symbols += count > 0
        beside = per_count * total + per_symbol * symbols + at_all
        if len(pruned_P):
            beside += pruned_P[context]
        whole = total + beside
        gamma = (reserve + beside) / whole if whole > 0 else 1.0
        scale = 1.0 / whole if whole > 0 else 0.0
        gamma_P[context] = gamma
        for child in range(first, last):
            count = counts_G[child]
            own = (count - discount_of[min(count, most)]) * scale
            p_G[child] = own + gamma * p_G[child]
