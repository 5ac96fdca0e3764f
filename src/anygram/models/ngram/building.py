"""A model of n-grams that are given, in whatever order: each finds its context, then all are sorted.

An n-gram's context (all but its last symbol) is looked up in the levels built so far, many at a time so
that they wait for memory together; so is its suffix (all but its first), of which it need only be known
whether it is there. Then the level is put into the trie's order (`arranging`).

Axes: V vocabulary, G k-grams of a level, L those of a block, P their contexts, P1 = P + 1, K symbols of a
k-gram, W words of a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, load_32, load_signed_16, prefetch
from anygram.errors import DataError
from anygram.models.ngram.arranging import arrange
from anygram.models.ngram.hints import Hints, hinted, measure
from anygram.models.ngram.model import Config, NGram
from anygram.models.ngram.space import Memory
from anygram.models.ngram.tables import NGrams, Tables
from anygram.models.ngram.trie import FEWEST_HINTED, PER_HINT, Scrambling, Words, guess
from anygram.protocols import Ids

ABSENT = np.float32(-100 * np.log(10))
"""log P of a symbol that is not among the 1-grams: 10^−100, as KenLM sets it for a missing <unk>."""

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
    model.restore(hinted(_build(levels, vocabulary_size), Memory()).to_tensors())
    return model


def _build(levels: Sequence[NGrams], vocabulary_size: int) -> Tables:
    """Return the tables: levels one by one, each of the one above."""
    packed = [_unigrams(levels[0], vocabulary_size)]
    lower: list[tuple[Words, Words, Hints]] = []
    closed = True
    for length, ngrams in enumerate(levels[1:], 2):
        symbols_GK = np.ascontiguousarray(ngrams.symbols_GK, np.int32)
        contexts_G, complete = _find_contexts(length, symbols_GK, lower, vocabulary_size)
        level = replace(ngrams, symbols_GK=symbols_GK)
        highest, contexts = length == len(levels), len(packed[-1]) - 1
        words_GW, first_P1, again = arrange(level, contexts_G, contexts, vocabulary_size, highest=highest)
        if again is not None:
            raise _repeated(length, *again)
        packed[-1][:, -1] = first_P1
        if not highest:
            scrambled_G = np.ascontiguousarray(words_GW[:-1, 0])
            lower.append((first_P1, scrambled_G, measure(first_P1, scrambled_G, int(_ALL), Memory())))
        packed.append(words_GW)
        closed &= complete
    return Tables(tuple(packed), closed=closed)


def _unigrams(ngrams: NGrams, vocabulary_size: int) -> Words:
    """Return words_VW of level 1 (`tables`)."""
    symbols_G = ngrams.symbols_GK[:, 0]
    _refuse_first(1, np.flatnonzero((symbols_G < 0) | (symbols_G >= vocabulary_size)), _OUTSIDE)
    _, first_rows, places_G = np.unique(symbols_G, return_index=True, return_inverse=True)
    repeated = np.flatnonzero(first_rows[places_G] != np.arange(len(symbols_G)))
    if len(repeated):
        raise _repeated(1, int(repeated[0]), int(first_rows[places_G[repeated[0]]]))
    words_VW = np.zeros((vocabulary_size + 1, 4), dtype=np.uint32)
    log_p_V, log_gamma_V = (words_VW[:-1, column].view(np.float32) for column in (1, 2))
    log_p_V[:] = ABSENT
    log_p_V[symbols_G] = ngrams.log_p_G
    if ngrams.log_gamma_G is not None:
        log_gamma_V[symbols_G] = ngrams.log_gamma_G
    return words_VW


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
    length: int, symbols_GK: Ids, lower: Sequence[tuple[Words, Words, Hints]], vocabulary_size: int
) -> tuple[Words, bool]:
    """Return each n-gram's context, and whether all but the first symbol of every n-gram is stored too.

    `lower` has for the levels from 2 on first_P1, scrambled_G and hints_J.
    """
    addresses = [[array.ctypes.data for array in arrays] for arrays in lower]
    directory = np.array(addresses, dtype=np.int64).reshape(-1, 3)
    forth = np.uint32(Scrambling.of(vocabulary_size).forth)
    contexts_G = np.empty(len(symbols_GK), dtype=np.uint32)

    def walk(span: tuple[int, int]) -> tuple[int, int, bool]:
        return _walk(directory, symbols_GK, *span, forth, vocabulary_size, contexts_G)

    closed = True
    for row, flaw, complete in threads.side_by_side(
        walk, threads.spans(len(symbols_GK), 4 * threads.cores())
    ):
        _refuse_first(length, np.array([row]), flaw)
        closed &= complete
    return contexts_G, closed


@kernel
def _walk(
    directory: Indices,
    symbols_GK: Ids,
    begin: int,
    end: int,
    forth: np.uint32,
    vocabulary_size: int,
    contexts_G: Words,
) -> tuple[int, int, bool]:
    """Find the contexts of rows `begin` to `end`; return the first row with a flaw, and which.

    And whether all but the first symbol of each is stored, as far as rows were looked at.
    """
    row, flaw, complete = begin, _GOOD, True
    rows_L, nodes = np.empty(_BLOCK, dtype=np.int64), np.empty((4, _BLOCK), dtype=np.int64)
    for start in range(begin, end, _BLOCK):
        stop = min(start + _BLOCK, end)
        row, flaw = _check(symbols_GK[start:stop], vocabulary_size)
        if flaw != _GOOD:
            return start + row, flaw, complete
        found, place = _find(directory, symbols_GK, start, stop, 0, forth, rows_L, nodes), -1
        for row in range(start, stop):
            place += place + 1 < found and rows_L[place + 1] == row
            if nodes[0, place] < 0:
                return row, _NO_CONTEXT, complete
            contexts_G[row] = nodes[0, place]
        if complete:
            found = _find(directory, symbols_GK, start, stop, 1, forth, rows_L, nodes)
            for place in range(found):
                complete &= nodes[0, place] >= 0
    return row, flaw, complete


@kernel
def _find(
    directory: Indices,
    symbols_GK: Ids,
    start: int,
    stop: int,
    skipped: int,
    forth: np.uint32,
    rows_L: Indices,
    nodes: Indices,
) -> int:
    """Find what rows `start` to `stop` are without their first symbol (`skipped` 1) or without the last (0).

    Neighbours that share it, as in most files, are looked up once: rows_L tells which rows were, nodes[0]
    what was found, and the number returned how many that are.
    """
    shared = symbols_GK.shape[1] - 1
    found = 0
    for row in range(start, stop):
        column = 0
        while row > start and column < shared:
            if symbols_GK[row, skipped + column] != symbols_GK[row - 1, skipped + column]:
                break
            column += 1
        if column < shared:
            rows_L[found], nodes[0, found] = row, symbols_GK[row, skipped]
            found += 1
    for depth in range(len(directory)):
        _descend(directory[depth], symbols_GK[:, skipped + depth + 1], rows_L[:found], forth, nodes)
    return found


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
def _descend(level: Indices, symbols_G: Ids, rows_L: Indices, forth: np.uint32, nodes: Indices) -> None:
    """Replace the nodes in row 0 by their children, −1 where there is none; rows 1 to 3 are scratch.

    First it is asked for where all nodes' children are, then for the hints to where among them each stands,
    then for what stands there.
    """
    first_address, address, hints = level[0], level[1], level[2]
    for place in range(len(rows_L)):
        prefetch(first_address + 4 * max(nodes[0, place], np.int64(0)))
    for place in range(len(rows_L)):
        first: Any = np.int64(0)
        last: Any = np.int64(0)
        if nodes[0, place] >= 0:
            entry = first_address + 4 * nodes[0, place]
            first, last = np.int64(load_32(entry)), np.int64(load_32(entry + 4))
        wanted = np.uint32(np.uint32(symbols_G[rows_L[place]]) * forth)
        nodes[1, place], nodes[2, place] = first, last
        nodes[3, place] = guess(first, last - first, wanted)
        if last - first < FEWEST_HINTED:
            prefetch(address + 4 * nodes[3, place])
        else:
            prefetch(hints + 2 * guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted))
    for place in range(len(rows_L)):
        first, last = nodes[1, place], nodes[2, place]
        if last - first >= FEWEST_HINTED:
            wanted = np.uint32(np.uint32(symbols_G[rows_L[place]]) * forth)
            hint = hints + 2 * guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted)
            nodes[3, place] = min(max(nodes[3, place] + load_signed_16(hint), first), last - 1)
            prefetch(address + 4 * nodes[3, place])
    for place in range(len(rows_L)):
        wanted = np.uint32(np.uint32(symbols_G[rows_L[place]]) * forth)
        nodes[0, place] = _walk_to(address, nodes[1, place], nodes[2, place], nodes[3, place], wanted)


@kernel
def _walk_to(address: int, first: int, last: int, near: int, wanted: np.uint32) -> Any:
    """Return which of the children `first` to `last` is that scrambled symbol, −1 for none; it is `near`."""
    if first >= last:
        return -1
    place: Any = near
    while place > first and load_32(address + 4 * place) > wanted:
        place -= 1
    while place < last - 1 and load_32(address + 4 * place) < wanted:
        place += 1
    return place if load_32(address + 4 * place) == wanted else -1
