"""Bits per byte by kind of symbol: letters, digits, punctuation, spacing; frequent and rare words.

A symbol's nats are shared equally among its bytes, and each byte belongs to the kind of its character.
Axes: C characters, N bytes, K kinds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import information
from anygram.comparison import bytecosts
from anygram.comparison.bytecosts import ByteCosts
from anygram.comparison.characters import KINDS, Characters, WordCounts
from anygram.evaluation import Surprisal
from anygram.protocols import FloatArray

ROWS = (*KINDS, "ends", "frequent words", "rare words")
FEWEST_BYTES = 100
_ENDS, _FREQUENT, _RARE, _NO_WORD = range(len(KINDS), len(KINDS) + 4)


def by_kind(
    scored: Sequence[Surprisal], words: WordCounts, fewest: int = FEWEST_BYTES
) -> list[dict[str, Any]]:
    """Return bits per byte of each kind that has at least so many bytes: of fewer, they say little.

    The kinds of characters and the ends of documents (what separated them) add up to the whole. Words, which
    are runs of letters where spaces set words apart, count a second time: the frequent make up half of the
    training part's, the rare come fewer than ten times there.
    """
    nats_K, bytes_K = sums(scored, words)
    return [
        {
            "kind": ROWS[k],
            "bytes": int(bytes_K[k]),
            "bits_per_byte": information.bits_per_unit(float(nats_K[k]), int(bytes_K[k])),
        }
        for k in np.flatnonzero(bytes_K >= max(1, fewest)).tolist()
    ]


def sums(scored: Sequence[Surprisal], words: WordCounts) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return nats and bytes of each of ROWS; ends that cover no byte cost nats too."""
    nats_K, bytes_K = np.zeros(_NO_WORD + 1), np.zeros(_NO_WORD + 1, dtype=np.int64)
    for costs in bytecosts.windows(scored):
        for label_N in _labels(costs, words):
            nats_K += np.bincount(label_N, weights=costs.nats_N, minlength=len(nats_K))
            bytes_K += np.bincount(label_N, minlength=len(bytes_K))
        nats_K[_ENDS] += costs.bare_nats_E.sum()
    return nats_K[:_NO_WORD], bytes_K[:_NO_WORD]


def _labels(costs: ByteCosts, words: WordCounts) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the kind of each byte, and whether it is of a frequent, a rare or no such word."""
    characters = Characters(costs.texts)
    kind_N = np.full(len(costs.nats_N), _ENDS)
    kind_N[~costs.separator_N] = np.repeat(characters.kind_C, characters.bytes_C)
    word_C = np.full(len(characters.codes_C), _NO_WORD)
    for (first, last), word in zip(characters.spans_W2.tolist(), characters.words(), strict=True):
        if word in words.frequent:
            word_C[first:last] = _FREQUENT
        elif words.is_rare(word):
            word_C[first:last] = _RARE
    word_N = np.full(len(costs.nats_N), _NO_WORD)
    word_N[~costs.separator_N] = np.repeat(word_C, characters.bytes_C)
    return kind_N, word_N
