"""N-grams that longer ones extend, put in where they are missing.

SRILM prunes without regard to them. A stored n-gram needs its first symbols, as what it follows in a trie,
and its last ones, as what stands in when its first symbol is not known. Put in with the probability that
backing off gives them and a γ of 1, they change no probability.

Axes: G n-grams of one length, K symbols of each, J of a shorter one, X any queries, T tables, S their slots.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, prefetch_element
from anygram.models.ngram.tables import NGrams
from anygram.protocols import Ids

Rows = NDArray[np.int64]

MISSING = -1
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)
_SHIFT, _ROW_BITS = np.uint64(32), np.uint64(40)
_ROW_MASK = np.uint64((1 << 40) - 1)
_EMPTY = np.uint64(0)
_BATCH = 32


@dataclass(frozen=True)
class Table:
    """The rows of n-grams by hash: a table a thread, so that no two write into the same."""

    symbols_GK: Ids
    slots_TS: NDArray[np.uint64]
    """0, or 24 bits of the hash above 40 bits of the row + 1."""

    @classmethod
    def of(cls, symbols_GK: Ids) -> Table:
        """Return the table; of equal rows it has the first."""
        tables = threads.cores()
        expected = 1 + len(symbols_GK) // tables
        slots = 1 << (2 * expected + 64).bit_length()
        table = cls(symbols_GK, np.zeros((tables, slots), dtype=np.uint64))
        fill = partial(_fill, symbols_GK, table.slots_TS)
        list(threads.side_by_side(fill, range(tables)))
        return table

    def find(self, symbols_XK: Ids) -> Rows:
        """Return the row of each n-gram, MISSING where there is none."""
        rows_X = np.empty(len(symbols_XK), dtype=np.int64)
        _find(self.symbols_GK, self.slots_TS, symbols_XK, rows_X)
        return rows_X


def close(levels: Sequence[NGrams]) -> tuple[list[NGrams], list[int]]:
    """Return levels that hold what longer n-grams extend, and how many were put into each, at its end.

    `levels` are those of lengths 1, 2, …; the first holds all symbols by id.
    """
    closed, inserted = list(levels), [0] * len(levels)
    tables = [None, *(Table.of(level.symbols_GK) for level in levels[1:-1]), None]
    for upper in range(len(levels) - 1, 1, -1):
        table = tables[upper - 1]
        assert table is not None
        missing_XJ = _missing(closed[upper].symbols_GK, table)
        if len(missing_XJ):
            inserted[upper - 1] = len(missing_XJ)
            closed[upper - 1] = _extended(closed[upper - 1], missing_XJ)
            tables[upper - 1] = Table.of(closed[upper - 1].symbols_GK)
    for index, count in enumerate(inserted):
        if count:
            _estimate(closed, tables, index, first=len(closed[index].log_p_G) - count)
    return closed, inserted


def _missing(symbols_GK: Ids, table: Table) -> Ids:
    """Return what these n-grams are without their last symbol, or without their first, and is not there."""
    task = partial(_incomplete, symbols_GK, table)
    spans = threads.spans(len(symbols_GK), 4 * threads.cores())
    found = [missing for missing in threads.side_by_side(task, spans) if len(missing)]
    return np.unique(np.concatenate(found), axis=0) if found else np.empty((0, 0), dtype=np.int32)


def _incomplete(symbols_GK: Ids, table: Table, span: tuple[int, int]) -> Ids:
    some_GK = symbols_GK[span[0] : span[1]]
    missing = [part_GJ[table.find(part_GJ) == MISSING] for part_GJ in (some_GK[:, :-1], some_GK[:, 1:])]
    return np.concatenate(missing)


def _extended(level: NGrams, symbols_XK: Ids) -> NGrams:
    """Return the level with more n-grams, their probability open, their γ 1."""
    assert level.log_gamma_G is not None
    nothing_X = np.zeros(len(symbols_XK), dtype=np.float32)
    return NGrams(
        np.concatenate([level.symbols_GK, symbols_XK]),
        np.concatenate([level.log_p_G, nothing_X]),
        np.concatenate([level.log_gamma_G, nothing_X]),
    )


def _estimate(levels: Sequence[NGrams], tables: Sequence[Table | None], index: int, first: int) -> None:
    """Set log P of a level's rows from `first` on: what backing off to the levels below gives.

    log P(w | h) = log γ(h) + log P(w | h without its first symbol), γ being 1 where h is not there.
    """
    symbols_XK = levels[index].symbols_GK[first:]
    log_p_X = levels[0].log_p_G[symbols_XK[:, -1]].astype(np.float64)
    for lower in range(1, index + 1):
        last_XJ = symbols_XK[:, index - lower :]
        log_p_X += _found(levels[lower - 1].log_gamma_G, _rows(tables, lower - 1, last_XJ[:, :-1]), 0.0)
        if lower < index:
            log_p_X = _found(levels[lower].log_p_G, _rows(tables, lower, last_XJ), log_p_X)
    levels[index].log_p_G[first:] = log_p_X


def _rows(tables: Sequence[Table | None], index: int, symbols_XJ: Ids) -> Rows:
    table = tables[index]
    if index == 0:
        return symbols_XJ[:, 0].astype(np.int64)
    assert table is not None
    return table.find(symbols_XJ)


def _found(
    logs_G: NDArray[np.float32] | None, rows_X: Rows, otherwise: NDArray[np.float64] | float
) -> NDArray[np.float64]:
    assert logs_G is not None
    return np.where(rows_X == MISSING, otherwise, logs_G[np.maximum(rows_X, 0)])


@kernel
def _fill(symbols_GK: Ids, slots_TS: NDArray[np.uint64], mine: int) -> None:
    """Enter the rows that belong into one table.

    Rows are taken in batches, so that the slots of a batch come from memory together.
    """
    tables, slots_S = len(slots_TS), slots_TS[mine]
    mask = np.int64(len(slots_S) - 1)
    rows_B, hashes_B = np.empty(_BATCH, dtype=np.int64), np.empty(_BATCH, dtype=np.uint64)
    row = 0
    while row < len(symbols_GK):
        taken = 0
        while taken < _BATCH and row < len(symbols_GK):
            hashed = _hash(symbols_GK, row)
            if np.int64(hashed >> _SHIFT) % tables == mine:
                rows_B[taken], hashes_B[taken] = row, hashed
                prefetch_element(slots_S, np.int64(hashed) & mask)
                taken += 1
            row += 1
        for batched in range(taken):
            _enter(symbols_GK, slots_S, rows_B[batched], hashes_B[batched])


@kernel
def _enter(symbols_GK: Ids, slots_S: NDArray[np.uint64], row: int, hashed: np.uint64) -> None:
    """Enter a row into a table, unless an earlier one equals it."""
    mask = np.int64(len(slots_S) - 1)
    slot = np.int64(hashed) & mask
    tag = hashed >> _ROW_BITS
    while slots_S[slot] != _EMPTY:
        entry = slots_S[slot]
        if entry >> _ROW_BITS == tag and _equal(symbols_GK, int(entry & _ROW_MASK) - 1, symbols_GK, row):
            return
        slot = (slot + 1) & mask
    slots_S[slot] = (tag << _ROW_BITS) | np.uint64(row + 1)


@kernel
def _find(symbols_GK: Ids, slots_TS: NDArray[np.uint64], symbols_XK: Ids, rows_X: Rows) -> None:
    """Set the row of each n-gram, or MISSING; in batches, as above."""
    tables, slots = slots_TS.shape
    mask = np.int64(slots - 1)
    flat_F, flat_M = slots_TS.reshape(-1), symbols_GK.reshape(-1)
    first_B, hashes_B = np.empty(_BATCH, dtype=np.int64), np.empty(_BATCH, dtype=np.uint64)
    for start in range(0, len(symbols_XK), _BATCH):
        taken = min(_BATCH, len(symbols_XK) - start)
        for batched in range(taken):
            hashes_B[batched] = _hash(symbols_XK, start + batched)
            table = np.int64(hashes_B[batched] >> _SHIFT) % tables
            first_B[batched] = table * slots
            prefetch_element(flat_F, first_B[batched] + (np.int64(hashes_B[batched]) & mask))
        for batched in range(taken):
            entry = flat_F[first_B[batched] + (np.int64(hashes_B[batched]) & mask)]
            prefetch_element(flat_M, max(np.int64(entry & _ROW_MASK) - 1, 0) * symbols_GK.shape[1])
        for batched in range(taken):
            slot = np.int64(hashes_B[batched]) & mask
            tag = hashes_B[batched] >> _ROW_BITS
            rows_X[start + batched] = MISSING
            while flat_F[first_B[batched] + slot] != _EMPTY:
                entry = flat_F[first_B[batched] + slot]
                row = int(entry & _ROW_MASK) - 1
                if entry >> _ROW_BITS == tag and _equal(symbols_GK, row, symbols_XK, start + batched):
                    rows_X[start + batched] = row
                    break
                slot = (slot + 1) & mask


@kernel
def _hash(symbols_XK: Ids, row: int) -> np.uint64:
    hashed = _EMPTY
    for place in range(symbols_XK.shape[1]):
        hashed = (hashed ^ np.uint64(symbols_XK[row, place] + 1)) * _MULTIPLIER
        hashed ^= hashed >> _SHIFT
    return hashed


@kernel
def _equal(one_GK: Ids, row: int, other_XK: Ids, query: int) -> bool:
    place = 0
    while place < one_GK.shape[1] and one_GK[row, place] == other_XK[query, place]:
        place += 1
    return bool(place == one_GK.shape[1])
