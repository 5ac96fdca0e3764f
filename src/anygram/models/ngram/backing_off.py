"""Backing off: what was seen keeps its share, and only what was not is asked of the shorter context.

    P(w | h) = d c(h w) / Z(h)           where c(h w) > 0
             = α(h) P(w | h')            elsewhere

Katz (1987): d as in `discounting`, Z = c(h ·), and α shares out what the discounts leave among the symbols
not seen: α = (1 − Σ P(w | h)) / (1 − Σ P(w | h')), both sums over those that were. Where that is nothing (all
counts are above 5), Z = c(h ·) + 1, as in SRILM.

Stupid backoff (Brants et al. 2007, eq. 5): d = 1, and scores that sum to more than 1 are divided by their
sum, order by order: Z = c(h ·) (1 + w (1 − Σ P(w | h'))), α = w c(h ·) / Z with w the setting `weight`.

A context after which every symbol was seen backs off to nothing: what Katz's discounts leave goes to all in
proportion.

Axes: G k-grams of a level, P its contexts.
"""

from __future__ import annotations

import numpy as np

from anygram import threads
from anygram.compiled import kernel
from anygram.models.ngram.discounting import Discounts
from anygram.models.ngram.space import Space
from anygram.models.ngram.trie import Words
from anygram.protocols import FloatArray

_LEAST = 1e-12
"""The least that can be left: what rounding leaves of nothing is smaller."""


def back_off(
    first_P1: Words,
    counts_G: Words,
    lower_p_G: FloatArray,
    ratios: Discounts,
    weight: float,
    vocabulary_size: int,
    pruned_P: FloatArray,
    space: Space,
) -> tuple[FloatArray, FloatArray]:
    """Return P of each k-gram and α of each context; 1 after one never learnt.

    `lower_p_G` is P(w | h') of each, and is overwritten. Ratios are those of counts 1, 2, ...; counts above
    keep all. `weight` 0: Katz. `pruned_P`, the counts taken from each context's symbols, may be empty.
    """
    ratio_of = np.array([0.0, *ratios, 1.0])
    alpha_P = space.empty(len(first_P1) - 1, np.float64)

    def run(block: tuple[int, int]) -> None:
        _back_off(first_P1, counts_G, ratio_of, weight, vocabulary_size, pruned_P, *block, lower_p_G, alpha_P)

    for _ in threads.side_by_side(run, space.blocks(len(alpha_P), 32)):
        space.forget(first_P1, counts_G, pruned_P, lower_p_G, alpha_P)
    return lower_p_G, alpha_P


@kernel
def _back_off(
    first_P1: Words,
    counts_G: Words,
    ratio_of: FloatArray,
    weight: float,
    vocabulary_size: int,
    pruned_P: FloatArray,
    begin: int,
    end: int,
    p_G: FloatArray,
    alpha_P: FloatArray,
) -> None:
    """Turn lower probabilities into those of the children of contexts `begin` to `end`."""
    most = np.uint32(len(ratio_of) - 1)
    for context in range(begin, end):
        first, last = np.int64(first_P1[context]), np.int64(first_P1[context + 1])
        total, given, below, symbols = 0.0, 0.0, 0.0, 0
        for child in range(first, last):
            count = counts_G[child]
            if count > 0:
                total += count
                given += ratio_of[min(count, most)] * count
                below += p_G[child]
                symbols += 1
        if len(pruned_P):
            total += pruned_P[context]
        unseen = max(1.0 - below, _LEAST) if symbols < vocabulary_size else 0.0
        whole, alpha = _shares(total, given, unseen, weight)
        alpha_P[context] = alpha
        for child in range(first, last):
            count = counts_G[child]
            if count > 0:
                p_G[child] = ratio_of[min(count, most)] * count / whole
            else:
                p_G[child] *= alpha


@kernel
def _shares(total: float, given: float, unseen: float, weight: float) -> tuple[float, float]:
    """Return Z and α of a context: `given` of `total` counts are kept, `unseen` may be backed off to."""
    if total == 0:
        return 1.0, 1.0
    if weight > 0:
        whole = given + weight * unseen * total
        return whole, weight * total / whole
    if unseen == 0:
        return given, 1.0
    whole = total if given < total else total + 1
    return whole, (whole - given) / whole / unseen
