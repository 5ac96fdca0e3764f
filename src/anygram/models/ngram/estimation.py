"""From counts to tables, level by level; what is no longer needed is let go of.

Axes: G k-grams of a level, G1 = G + 1, W words of a row.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from anygram import threads
from anygram.models.ngram import pruning, smoothing
from anygram.models.ngram.pruning import Pruning
from anygram.models.ngram.smoothing import Estimate, Method, Probabilities
from anygram.models.ngram.space import Space
from anygram.models.ngram.tables import Tables
from anygram.models.ngram.trie import CountedTrie, Words

_BYTES_OF_A_ROW = 32
_LEAST = np.finfo(np.float32).tiny


def estimate(
    trie: CountedTrie, method: Method, pruned: Pruning, space: Space
) -> tuple[Tables, dict[str, Any]]:
    """Return the tables of what was counted, and n-grams, what was pruned, discounts and fallbacks, by order.

    The trie cannot be used again. DataError where an order has no discounts.
    """
    if not pruned:
        return _tables(trie, smoothing.estimates(trie, method, space), space, let_go=True)
    exact = pruned.entropy > 0
    found: Iterable[Estimate] = smoothing.estimates(trie, method, space, pruned.thresholds, exact)
    kept = pruning.by_count(trie, pruned.thresholds, space)
    if exact:
        found = pruning.by_entropy(trie, list(found), kept, pruned.entropy, space)
    staying = pruning.with_contexts(trie, kept, space)
    tables, figures = _tables(trie, found, space)
    tables = pruning.compress(tables, staying, space)
    dropped = [before - after for before, after in zip(trie.counts, tables.counts, strict=True)]
    return tables, figures | {"ngrams": tables.counts, "pruned": dropped}


def _tables(
    trie: CountedTrie, estimates: Iterable[Estimate], space: Space, *, let_go: bool = False
) -> tuple[Tables, dict[str, Any]]:
    counts, packed, kept = trie.counts, [], []
    scrambled_G: Words | None = None
    p_G: Probabilities | None = None
    for length, found in enumerate(estimates, 1):
        if let_go:
            trie.let_go(length, seen_only=True)
        if p_G is not None:
            packed.append(_pack(scrambled_G, p_G, found.gamma_P, trie.levels[length - 2].first_P1, space))
            scrambled_G = trie.levels[length - 2].scrambled_G
            if let_go:
                trie.let_go(length - 1)
        kept.append((found.discounts, found.fell_back))
        p_G = found.p_G
    assert p_G is not None, "there is an estimate for every order"
    if trie.order == 1:
        none_G = np.ones(counts[0], dtype=np.float32)
        packed.append(_pack(None, p_G, none_G, np.zeros(counts[0] + 1, dtype=np.uint32), space))
    else:
        packed.append(_pack(scrambled_G, p_G, None, None, space))
    figures = {
        "ngrams": counts,
        "discounts": [list(discounts) for discounts, _ in kept],
        "discount_fallbacks": [order for order, (_, fell_back) in enumerate(kept, 1) if fell_back],
    }
    return Tables(tuple(packed), closed=let_go), figures


def _pack(
    scrambled_G: Words | None,
    p_G: Probabilities,
    gamma_G: Probabilities | None,
    first_G1: Words | None,
    space: Space,
) -> Words:
    """Return words_GW of a level (`tables`); level 1 has no scrambled symbols, the highest no contexts."""
    highest = gamma_G is None
    size = len(p_G)
    shape = (size, 2) if highest else (size + 1, 4)
    words_GW = space.empty(shape[0] * shape[1], np.uint32).reshape(shape)
    read = [array for array in (scrambled_G, p_G, gamma_G, first_G1) if array is not None]

    def fill(block: tuple[int, int]) -> None:
        rows = slice(*block)
        words_GW[rows, 0] = 0 if scrambled_G is None else scrambled_G[rows]
        words_GW[rows, 1] = _log(p_G[rows])
        if gamma_G is not None and first_G1 is not None:
            words_GW[rows, 2] = _log(gamma_G[rows])
            words_GW[rows, 3] = first_G1[rows]

    for _ in threads.side_by_side(fill, space.blocks(size, _BYTES_OF_A_ROW)):
        space.forget(words_GW, *read)
    if first_G1 is not None:
        words_GW[size] = 0, 0, 0, first_G1[size]
    return words_GW


def _log(p_G: Probabilities) -> Words:
    """Return log P as words; what is 0 in single precision becomes the least above: every log is finite."""
    return np.log(np.maximum(p_G, _LEAST)).astype(np.float32, copy=False).view(np.uint32)
