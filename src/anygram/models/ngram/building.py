"""A model of n-grams that are given, in whatever order: each finds its context, then all are sorted.

An n-gram's context (all but its last symbol) is looked up in the levels built so far, many at a time so
that they wait for memory together. Then a level is distributed over buckets of neighbouring contexts,
and each bucket sorted by (context, scrambled last symbol): the trie's order.

Axes: V vocabulary, G k-grams of a level, P its contexts, P1 = P + 1, Q buckets, K symbols of a k-gram.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, load_32, prefetch
from anygram.errors import DataError
from anygram.models.ngram.hints import hinted
from anygram.models.ngram.lookup import find_at
from anygram.models.ngram.model import Config, NGram
from anygram.models.ngram.shorter import Links
from anygram.models.ngram.sorting import sort
from anygram.models.ngram.space import Memory
from anygram.models.ngram.tables import Logs, NGrams, Tables
from anygram.models.ngram.trie import Scrambling, Words, guess
from anygram.protocols import Ids

ABSENT = np.float32(-100 * np.log(10))
"""log P of a symbol that is not among the 1-grams: 10^−100, as KenLM sets it for a missing <unk>."""

_BUCKET = 1 << 15
_BLOCK = 256
_ALL = np.uint32(0xFFFFFFFF)
_GOOD, _OUTSIDE, _BOUNDARY_WITHIN, _NO_CONTEXT = range(4)

Indices = NDArray[np.int64]


class WrongNGram(DataError):
    """The n-gram of `length` symbols in `row` cannot be in a model; `twin` is the row that it repeats."""

    def __init__(self, length: int, row: int, reason: str, twin: int | None = None) -> None:
        super().__init__(length, row, reason, twin)
        self.length, self.row, self.reason, self.twin = length, row, reason, twin

    def __str__(self) -> str:
        return f"{self.length}-gram in row {self.row}: {self.reason}"


def from_ngrams(levels: Sequence[NGrams], vocabulary_size: int) -> NGram:
    """Return the model of these 1-grams, 2-grams, … up to its order, each level in any order.

    The boundary stands first (its log γ is that of a document's start) or last (its log P is that of the
    end; log γ is taken as 0). A symbol that is not among the 1-grams gets `ABSENT`. WrongNGram, a
    DataError, for what is there twice, whose context is not there, or that no text could hold.
    """
    model = NGram(Config(order=len(levels)), vocabulary_size)
    tables = hinted(_build(levels, vocabulary_size), Memory())
    tables = replace(tables, closed=Links(tables, Memory()).closed)
    model.restore(tables.to_tensors())
    return model


@dataclass(frozen=True)
class _Level:
    """A level in the trie's order; level 1 has no scrambled symbols."""

    scrambled_G: Words | None
    log_p_G: Logs
    log_gamma_G: Logs


def _build(levels: Sequence[NGrams], vocabulary_size: int) -> Tables:
    levels = [replace(level, symbols_GK=np.ascontiguousarray(level.symbols_GK, np.int32)) for level in levels]
    above = _unigrams(levels[0], vocabulary_size)
    packed: list[Words] = []
    lower: list[tuple[Words, Words]] = []
    for length, ngrams in enumerate(levels[1:], 2):
        contexts_G = _find_contexts(length, ngrams.symbols_GK, lower, vocabulary_size)
        level, first_P1 = _sort(length, ngrams, contexts_G, len(above.log_p_G), vocabulary_size)
        packed.append(_pack(above, first_P1))
        assert level.scrambled_G is not None, "only level 1 has none"
        lower.append((first_P1, level.scrambled_G))
        above = level
    if above.scrambled_G is None:
        first_G1 = np.zeros(vocabulary_size + 1, dtype=np.uint32)
        packed.append(_pack(above, first_G1))
    else:
        packed.append(_pack_highest(above.scrambled_G, above.log_p_G))
    return Tables(tuple(packed))


def _pack(level: _Level, first_G1: Words) -> Words:
    """Return words_GW of a level below the order (`tables`)."""
    words_GW = np.zeros((len(level.log_p_G) + 1, 4), dtype=np.uint32)
    if level.scrambled_G is not None:
        words_GW[:-1, 0] = level.scrambled_G
    words_GW[:-1, 1] = level.log_p_G.view(np.uint32)
    words_GW[:-1, 2] = level.log_gamma_G.view(np.uint32)
    words_GW[:, 3] = first_G1
    return words_GW


def _pack_highest(scrambled_G: Words, log_p_G: Logs) -> Words:
    """Return words_GW of the level of the order itself, if that is above 1."""
    return np.stack([scrambled_G, log_p_G.view(np.uint32)], axis=1)


def _unigrams(ngrams: NGrams, vocabulary_size: int) -> _Level:
    symbols_G = ngrams.symbols_GK[:, 0]
    _refuse_first(1, np.flatnonzero((symbols_G < 0) | (symbols_G >= vocabulary_size)), _OUTSIDE)
    _, first_rows, places_G = np.unique(symbols_G, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first_rows[places_G] != np.arange(len(symbols_G)))
    if len(repeated):
        raise _repeated(1, int(repeated[0]), int(first_rows[places_G[repeated[0]]]))
    log_p_V = np.full(vocabulary_size, ABSENT, dtype=np.float32)
    log_p_V[symbols_G] = ngrams.log_p_G
    log_gamma_V = np.zeros(vocabulary_size, dtype=np.float32)
    if ngrams.log_gamma_G is not None:
        log_gamma_V[symbols_G] = ngrams.log_gamma_G
    return _Level(None, log_p_V, log_gamma_V)


def _refuse_first(length: int, rows: Indices, flaw: int) -> None:
    if len(rows) and flaw != _GOOD:
        reason = {
            _OUTSIDE: "a symbol lies outside of the vocabulary",
            _BOUNDARY_WITHIN: "a boundary stands within; it may only stand first or last",
            _NO_CONTEXT: f"its first {length - 1} symbols are not a {length - 1}-gram; add that",
        }[flaw]
        raise WrongNGram(length, int(rows[0]), reason)


def _repeated(length: int, row: int, twin: int) -> WrongNGram:
    return WrongNGram(length, row, f"the same as row {twin}; keep one of them", twin)


def _find_contexts(
    length: int, symbols_GK: Ids, lower: Sequence[tuple[Words, Words]], vocabulary_size: int
) -> Words:
    """Return each n-gram's context; `lower` has for the levels from 2 on first_P1 and scrambled_G."""
    addresses = [(first.ctypes.data, scrambled.ctypes.data) for first, scrambled in lower]
    directory = np.array(addresses, dtype=np.int64).reshape(-1, 2)
    forth = np.uint32(Scrambling.of(vocabulary_size).forth)
    contexts_G = np.empty(len(symbols_GK), dtype=np.uint32)

    def walk(span: tuple[int, int]) -> tuple[int, int]:
        return _walk(directory, symbols_GK, *span, forth, vocabulary_size, contexts_G)

    for row, flaw in threads.side_by_side(walk, threads.spans(len(symbols_GK), 4 * threads.cores())):
        _refuse_first(length, np.array([row]), flaw)
    return contexts_G


@kernel
def _walk(
    directory: Indices,
    symbols_GK: Ids,
    begin: int,
    end: int,
    forth: np.uint32,
    vocabulary_size: int,
    contexts_G: Words,
) -> tuple[int, int]:
    """Find the contexts of rows `begin` to `end`; return the first row with a flaw, and which."""
    row, flaw = begin, _GOOD
    nodes = np.empty((3, _BLOCK), dtype=np.int64)
    for start in range(begin, end, _BLOCK):
        symbols_LK = symbols_GK[start : min(start + _BLOCK, end)]
        row, flaw = _check(symbols_LK, vocabulary_size)
        if flaw != _GOOD:
            return start + row, flaw
        for place in range(len(symbols_LK)):
            nodes[0, place] = symbols_LK[place, 0]
        for depth in range(len(directory)):
            _descend(directory[depth], symbols_LK[:, depth + 1], forth, nodes)
        for place in range(len(symbols_LK)):
            if nodes[0, place] < 0:
                return start + place, _NO_CONTEXT
            contexts_G[start + place] = nodes[0, place]
    return row, flaw


@kernel
def _check(symbols_LK: Ids, vocabulary_size: int) -> tuple[int, int]:
    last = symbols_LK.shape[1] - 1
    for place in range(len(symbols_LK)):
        for column in range(last + 1):
            symbol = symbols_LK[place, column]
            if symbol < 0 or symbol >= vocabulary_size:
                return place, _OUTSIDE
            if 0 < column < last and symbol == vocabulary_size - 1:
                return place, _BOUNDARY_WITHIN
    return 0, _GOOD


@kernel
def _descend(level: Indices, symbols_L: Ids, forth: np.uint32, nodes: Indices) -> None:
    """Replace the nodes in row 0 by their children, −1 where there is none; rows 1 and 2 are scratch."""
    first_address, address = level[0], level[1]
    for place in range(len(symbols_L)):
        prefetch(first_address + 4 * max(nodes[0, place], np.int64(0)))
    for place in range(len(symbols_L)):
        nodes[1, place], nodes[2, place] = 0, 0
        if nodes[0, place] >= 0:
            entry = first_address + 4 * nodes[0, place]
            nodes[1, place], nodes[2, place] = load_32(entry), load_32(entry + 4)
            wanted = np.uint32(np.uint32(symbols_L[place]) * forth)
            prefetch(address + 4 * guess(nodes[1, place], nodes[2, place] - nodes[1, place], wanted))
    for place in range(len(symbols_L)):
        wanted = np.uint32(np.uint32(symbols_L[place]) * forth)
        nodes[0, place] = find_at(address, 4, _ALL, nodes[1, place], nodes[2, place], wanted)


def _sort(
    length: int, ngrams: NGrams, contexts_G: Words, contexts: int, vocabulary_size: int
) -> tuple[_Level, Words]:
    """Return the level in the trie's order, and where the children of each context begin."""
    last_G = np.ascontiguousarray(ngrams.symbols_GK[:, -1])
    scrambling = Scrambling.of(vocabulary_size)
    keys_G, rows_G, edges_Q1 = _distribute(contexts_G, contexts, last_G, np.uint32(scrambling.forth))
    size = len(keys_G)
    log_gamma_G = ngrams.log_gamma_G if ngrams.log_gamma_G is not None else np.zeros(size, dtype=np.float32)
    given = (np.asarray(ngrams.log_p_G, dtype=np.float32), np.asarray(log_gamma_G, dtype=np.float32))
    made = np.empty(size, np.uint32), np.empty(size, np.float32), np.empty(size, np.float32)
    first_P1 = np.zeros(contexts + 1, dtype=np.uint32)
    arrays: tuple[Any, ...] = (*given, *made, first_P1)
    ending = scrambling.scramble(np.array([vocabulary_size - 1]))[0]

    def order(buckets: tuple[int, int]) -> tuple[int, int]:
        return _order(keys_G, rows_G, edges_Q1, *buckets, ending, *arrays)

    spans = threads.spans(len(edges_Q1) - 1, min(len(edges_Q1) - 1, 4 * threads.cores()))
    repeated = [(row, twin) for row, twin in threads.side_by_side(order, spans) if row >= 0]
    if repeated:
        raise _repeated(length, *min(repeated))
    np.cumsum(first_P1, out=first_P1)
    return _Level(*made), first_P1


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
    given_log_p_G: Logs,
    given_log_gamma_G: Logs,
    scrambled_G: Words,
    log_p_G: Logs,
    log_gamma_G: Logs,
    first_P1: Words,
) -> tuple[int, int]:
    """Sort buckets, write their n-grams, and how many children a context has behind it in first_P1.

    Return the first row that repeats another, and that one; −1 where there is none.
    """
    row: Any = np.int64(-1)
    twin: Any = np.int64(-1)
    for bucket in range(first_bucket, last_bucket):
        begin, end = edges_Q1[bucket], edges_Q1[bucket + 1]
        keys_M, rows_M = keys_G[begin:end], rows_G[begin:end]
        sort(keys_M, rows_M, np.empty_like(keys_M), np.empty_like(rows_M), 0, end - begin)
        for place in range(begin, end):
            if place > begin and keys_G[place] == keys_G[place - 1] and (row < 0 or rows_G[place] < row):
                row, twin = np.int64(rows_G[place]), np.int64(rows_G[place - 1])
            scrambled_G[place] = np.uint32(keys_G[place] & np.uint64(_ALL))
            log_p_G[place] = given_log_p_G[rows_G[place]]
            # nothing stands after the boundary that ends a document
            ends = scrambled_G[place] == ending
            log_gamma_G[place] = np.float32(0) if ends else given_log_gamma_G[rows_G[place]]
            first_P1[np.int64(keys_G[place] >> np.uint64(32)) + 1] += np.uint32(1)
    return row, twin
