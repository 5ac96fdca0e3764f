"""N-grams whose contexts are known, put into the trie's order: a level of the tables.

They are distributed over buckets of neighbouring contexts, so small that what is done to one stays in the
caches; a bucket is distributed by context, and the children of each sorted by scrambled last symbol.

Axes: G k-grams of a level, P its contexts, P1 = P + 1, Q buckets, M k-grams of a bucket, C its contexts,
W words of a row, K symbols of a k-gram.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, prefetch_element
from anygram.models.ngram.sorting import sort
from anygram.models.ngram.tables import Logs, NGrams
from anygram.models.ngram.trie import Scrambling, Words
from anygram.protocols import Ids

Indices = NDArray[np.int64]

_BUCKET = 1 << 15
_AHEAD = 24
"""How many rows before its use a cache line is asked for, so that it has come."""
_ALL = np.uint64(0xFFFFFFFF)


def arrange(
    ngrams: NGrams, contexts_G: Words, contexts: int, vocabulary_size: int, *, highest: bool
) -> tuple[Words, Words, tuple[int, int] | None]:
    """Return words_GW of a level (`tables`), but for its last column, and where contexts' children begin.

    And the first row that repeats an earlier one, and that one; None where there is none.
    """
    size, last_G = len(ngrams.symbols_GK), ngrams.symbols_GK[:, -1]
    scrambling = Scrambling.of(vocabulary_size)
    keys_G, rows_G, edges_Q1 = _distribute(contexts_G, contexts, last_G, np.uint32(scrambling.forth))
    # rows of the order itself take the place of their keys, bucket by bucket: less memory to be cleared
    words_GW = keys_G.view(np.uint32).reshape(-1, 2) if highest else np.empty((size + 1, 4), np.uint32)
    words_GW[size:] = 0
    log_gamma_G = np.zeros(0 if highest else size) if ngrams.log_gamma_G is None else ngrams.log_gamma_G
    given = (np.asarray(ngrams.log_p_G, dtype=np.float32), np.asarray(log_gamma_G, dtype=np.float32))
    first_P1 = np.empty(contexts + 1, dtype=np.uint32)
    first_P1[-1] = size
    ending = scrambling.scramble(np.array([vocabulary_size - 1]))[0]

    def order(buckets: tuple[int, int]) -> tuple[int, int]:
        return _order(keys_G, rows_G, edges_Q1, *buckets, ending, *given, words_GW, first_P1)

    spans = threads.spans(len(edges_Q1) - 1, min(len(edges_Q1) - 1, 4 * threads.cores()))
    repeated = [(row, twin) for row, twin in threads.side_by_side(order, spans) if row >= 0]
    return words_GW, first_P1, min(repeated, default=None)


def _distribute(
    contexts_G: Words, contexts: int, last_G: Ids, forth: np.uint32
) -> tuple[NDArray[np.uint64], Words, Indices]:
    """Return keys (context, scrambled last symbol) and rows by buckets of contexts, and their edges."""
    buckets = max(1, len(contexts_G) // _BUCKET)
    pieces = threads.spans(len(contexts_G), threads.cores())
    count = partial(_count, contexts_G, contexts, buckets)
    sizes_piece_Q = np.stack(list(threads.side_by_side(lambda piece: count(*piece), pieces)))
    edges_Q1 = np.concatenate([[0], np.cumsum(sizes_piece_Q.sum(axis=0))])
    next_piece_Q = edges_Q1[:-1] + np.cumsum(sizes_piece_Q, axis=0) - sizes_piece_Q
    keys_G = np.empty(len(contexts_G), dtype=np.uint64)
    rows_G = np.empty(len(contexts_G), dtype=np.uint32)

    def scatter(piece: int) -> None:
        _scatter(contexts_G, contexts, last_G, forth, *pieces[piece], next_piece_Q[piece], keys_G, rows_G)

    list(threads.side_by_side(scatter, range(len(pieces))))
    return keys_G, rows_G, edges_Q1


@kernel
def _count(contexts_G: Words, contexts: int, buckets: int, begin: int, end: int) -> Indices:
    sizes_Q = np.zeros(buckets, dtype=np.int64)
    for row in range(begin, end):
        sizes_Q[np.int64(contexts_G[row]) * buckets // contexts] += 1
    return sizes_Q


@kernel
def _scatter(
    contexts_G: Words,
    contexts: int,
    last_G: Ids,
    forth: np.uint32,
    begin: int,
    end: int,
    next_Q: Indices,
    keys_G: NDArray[np.uint64],
    rows_G: Words,
) -> None:
    buckets = len(next_Q)
    for row in range(begin, end):
        bucket = np.int64(contexts_G[row]) * buckets // contexts
        scrambled = np.uint32(np.uint32(last_G[row]) * forth)
        keys_G[next_Q[bucket]] = np.uint64(contexts_G[row]) << np.uint64(32) | np.uint64(scrambled)
        rows_G[next_Q[bucket]] = row
        next_Q[bucket] += 1


@kernel
def _order(
    keys_G: NDArray[np.uint64],
    rows_G: Words,
    edges_Q1: Indices,
    first_bucket: int,
    last_bucket: int,
    ending: np.uint32,
    log_p_G: Logs,
    log_gamma_G: Logs,
    words_GW: Words,
    first_P1: Words,
) -> tuple[int, int]:
    """Sort buckets, write their n-grams, and where the children of each context begin.

    Return the first row that repeats another, and that one; −1 where there is none.
    """
    row: Any = np.int64(-1)
    twin: Any = np.int64(-1)
    for bucket in range(first_bucket, last_bucket):
        begin, end = edges_Q1[bucket], edges_Q1[bucket + 1]
        keys_M, rows_M = _by_context(keys_G, rows_G, begin, end, bucket, len(edges_Q1) - 1, first_P1)
        for place in range(1, end - begin):
            if keys_M[place] == keys_M[place - 1] and (row < 0 or rows_M[place] < row):
                row, twin = np.int64(rows_M[place]), np.int64(rows_M[place - 1])
        _write(keys_M, rows_M, ending, log_p_G, log_gamma_G, words_GW[begin:end])
    return row, twin


@kernel
def _by_context(
    keys_G: NDArray[np.uint64],
    rows_G: Words,
    begin: int,
    end: int,
    bucket: int,
    buckets: int,
    first_P1: Words,
) -> tuple[NDArray[np.uint64], Words]:
    """Return a bucket's keys and rows sorted, and write where the children of each of its contexts begin."""
    contexts = len(first_P1) - 1
    low, high = -(-bucket * contexts // buckets), -(-(bucket + 1) * contexts // buckets)
    next_C = np.zeros(high - low, dtype=np.int64)
    for place in range(begin, end):
        next_C[np.int64(keys_G[place] >> np.uint64(32)) - low] += 1
    position: Any = np.int64(0)
    for context in range(high - low):
        first_P1[low + context] = begin + position
        position, next_C[context] = position + next_C[context], position
    keys_M, rows_M = np.empty(end - begin, dtype=np.uint64), np.empty(end - begin, dtype=np.uint32)
    for place in range(begin, end):
        parent = np.int64(keys_G[place] >> np.uint64(32)) - low
        keys_M[next_C[parent]], rows_M[next_C[parent]] = keys_G[place], rows_G[place]
        next_C[parent] += 1
    spare_keys_M, spare_rows_M = keys_G[begin:end], rows_G[begin:end]
    first: Any = np.int64(0)
    for context in range(high - low):
        if next_C[context] - first > 1:
            sort(keys_M, rows_M, spare_keys_M, spare_rows_M, first, next_C[context])
        first = next_C[context]
    return keys_M, rows_M


@kernel
def _write(
    keys_M: NDArray[np.uint64],
    rows_M: Words,
    ending: np.uint32,
    log_p_G: Logs,
    log_gamma_G: Logs,
    words_MW: Words,
) -> None:
    """Write rows of the level (`tables`)."""
    bits_p_G, bits_gamma_G = log_p_G.view(np.uint32), log_gamma_G.view(np.uint32)
    for place in range(len(rows_M)):
        if place + _AHEAD < len(rows_M):
            prefetch_element(log_p_G, rows_M[place + _AHEAD])
            if words_MW.shape[1] > 2:
                prefetch_element(log_gamma_G, rows_M[place + _AHEAD])
        scrambled = np.uint32(keys_M[place] & _ALL)
        words_MW[place, 0], words_MW[place, 1] = scrambled, bits_p_G[rows_M[place]]
        if words_MW.shape[1] > 2:
            # nothing stands after the boundary that ends a document
            words_MW[place, 2] = np.uint32(0) if scrambled == ending else bits_gamma_G[rows_M[place]]
