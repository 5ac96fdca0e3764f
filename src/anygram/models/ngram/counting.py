"""Counting a text: its n-grams as a trie, and how often each was seen.

Where the n-grams start is sorted by what stands there, so that equal ones lie together and come out in
the trie's order. First into buckets: by first symbol, and frequent ones by the high bits of the second
too. A bucket fits into a core's cache; there its n-grams are copied side by side and sorted two symbols
at a time, only as deep as they are alike. Buckets do not touch each other: threads take them in runs.

Axes: V vocabulary, S positions of a stream that begins with a boundary, Q buckets, M positions of a run of
buckets, K = order, D = K − 1 levels from 2 on. Symbols that are only context are marked (`contexts`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import address, kernel, load_32, prefetch
from anygram.errors import UsageError
from anygram.models.ngram.sorting import sort
from anygram.models.ngram.trie import CountedTrie, Level, Scrambling, Words
from anygram.protocols import Ids

_BUCKET, _RUN = 1 << 14, 1 << 18
"""Positions of a bucket, few enough for a core's second cache with all that sorting them needs; of a run."""
_AHEAD = 16
"""How many positions before its use a cache line is asked for, so that it has come."""

Indices = NDArray[np.int64]


def count(stream_S: Ids, order: int, vocabulary_size: int) -> CountedTrie:
    """Return the n-grams of lengths 1 to `order` of documents that lie end to end, each with its boundary.

    The stream begins with a boundary, marked as context. Symbols marked so are counted where they stand
    before others, not where an n-gram ends with them. UsageError for 2^32 symbols and more.
    """
    if len(stream_S) >= 1 << 32:
        raise UsageError(f"{len(stream_S):,} symbols are too many to count at once; give --memory")
    starts_V, seen_V = _frequencies(stream_S, vocabulary_size)
    if order == 1:
        return CountedTrie(seen_V, [])
    # only the boundary before the text is not to be learnt, as a rule
    all_learnt = bool((starts_V[:-1] == seen_V[:-1]).all() and starts_V[-1] == seen_V[-1] + np.uint64(1))
    buckets = _Buckets.of(starts_V, Scrambling.of(vocabulary_size))
    return CountedTrie(seen_V, _levels(stream_S, order, vocabulary_size, buckets, all_learnt))


def _frequencies(stream_S: Ids, vocabulary_size: int) -> tuple[Indices, Words]:
    """Return how often each symbol stands in the stream, and how often to be learnt."""

    def of(span: tuple[int, int]) -> tuple[Indices, Words]:
        starts_V = np.zeros(vocabulary_size, dtype=np.int64)
        seen_V = np.zeros(vocabulary_size, dtype=np.uint32)
        _count_symbols(stream_S[slice(*span)], starts_V, seen_V)
        return starts_V, seen_V

    pieces = list(threads.side_by_side(of, threads.spans(len(stream_S), threads.cores())))
    starts_V, seen_V = pieces[0]
    for more_starts_V, more_seen_V in pieces[1:]:
        starts_V += more_starts_V
        seen_V += more_seen_V
    return starts_V, seen_V


@kernel
def _count_symbols(stream_S: Ids, starts_V: Indices, seen_V: Words) -> None:
    for symbol in stream_S:
        if symbol >= 0:
            starts_V[symbol] += 1
            seen_V[symbol] += np.uint32(1)
        else:
            starts_V[~symbol] += 1


@dataclass(frozen=True)
class _Buckets:
    """Symbol w's positions go to bucket b + (the first n bits of what follows, scrambled).

    `place_V` holds b · 32 + n, so that one look says both.
    """

    place_V: Words
    symbol_Q: Indices
    scrambling: Scrambling

    @classmethod
    def of(cls, starts_V: Indices, scrambling: Scrambling) -> _Buckets:
        """Return buckets of some thousand positions each, as far as two symbols can tell them apart."""
        heavy_V = starts_V > _BUCKET
        bits_V = np.zeros(len(starts_V), dtype=np.int64)
        bits_V[heavy_V] = np.ceil(np.log2(starts_V[heavy_V] / _BUCKET)).astype(np.int64)
        light_V = np.cumsum(np.where(heavy_V, 0, starts_V)) // _BUCKET
        # light symbols side by side share a bucket, until a heavy one or enough of them
        begins_V = np.diff(light_V, prepend=-1) > 0
        begins_V |= heavy_V | np.concatenate([[False], heavy_V[:-1]])
        sizes_V = np.where(begins_V, 1 << bits_V, 0)
        ends_V = np.cumsum(sizes_V)
        base_V = ends_V - (1 << bits_V)
        symbol_Q = np.repeat(np.arange(len(starts_V)), sizes_V)
        return cls((base_V << 5 | bits_V).astype(np.uint32), symbol_Q, scrambling)

    def __len__(self) -> int:
        return len(self.symbol_Q)


def _levels(
    stream_S: Ids, order: int, vocabulary_size: int, buckets: _Buckets, all_learnt: bool
) -> list[Level]:
    """Return the levels from 2 on."""
    positions_S, edges_Q1 = _distribute(stream_S, buckets)
    runs = list(_runs(edges_Q1))
    longest = max(int(edges_Q1[last] - edges_Q1[first]) for first, last in runs)
    scrambling = buckets.scrambling
    boundary, forth, shift = vocabulary_size - 1, np.uint32(scrambling.forth), scrambling.shift
    free: list[_Scratch] = []

    def count_run(run: tuple[int, int]) -> tuple[_Scratch, Indices, int, Indices]:
        first, last = run
        low = int(buckets.symbol_Q[first])
        high = int(buckets.symbol_Q[last]) if last < len(buckets) else vocabulary_size - 1
        children = np.zeros(high + 1 - low, dtype=np.int64)
        scratch = free.pop() if free else _Scratch.of(order, longest)
        arrays = (*scratch.arrays(), children)
        found_D = _count_run(
            stream_S, positions_S, edges_Q1, first, last, low, boundary, forth, shift, all_learnt, arrays
        )
        return scratch, found_D, low, children

    collected = _Collected(order, len(stream_S), vocabulary_size)
    for scratch, found_D, low, children in threads.side_by_side(count_run, runs):
        collected.add(scratch, found_D, low, children)
        free.append(scratch)
    return collected.levels()


def _runs(edges_Q1: Indices) -> Iterator[tuple[int, int]]:
    """Yield ranges of buckets, first and one past the last, of about `_RUN` positions each."""
    first = 0
    while first < len(edges_Q1) - 1:
        last = max(first + 1, int(np.searchsorted(edges_Q1, edges_Q1[first] + _RUN, side="right")) - 1)
        yield first, last
        first = last


class _Collected:
    """The levels as runs of buckets are added, in their order."""

    def __init__(self, order: int, positions: int, vocabulary_size: int) -> None:
        # pages that are never written to take no memory, so all may be as long as the text
        self._arrays_D = [
            tuple(np.empty(positions + 1, dtype=np.uint32) for _ in ("scrambled", "first child", "seen"))
            for _ in range(2, order + 1)
        ]
        self._sizes_D = np.zeros(order - 1, dtype=np.int64)
        self._children_V = np.zeros(vocabulary_size, dtype=np.int64)

    def add(self, scratch: _Scratch, found_D: Indices, low: int, children: Indices) -> None:
        """Append what a run gave; `children` are those of the symbols from `low` on."""
        self._children_V[low : low + len(children)] += children
        for depth, (scrambled, first_child, seen) in enumerate(self._arrays_D):
            begin, more = int(self._sizes_D[depth]), int(found_D[depth])
            scrambled[begin : begin + more] = scratch.scrambled_DM[depth, :more]
            seen[begin : begin + more] = scratch.seen_DM[depth, :more]
            if depth + 1 < len(self._arrays_D):
                shift = np.uint32(self._sizes_D[depth + 1])
                np.add(scratch.first_DM[depth, :more], shift, out=first_child[begin : begin + more])
        self._sizes_D += found_D

    def levels(self) -> list[Level]:
        """Return the levels, each with where its contexts' children begin and, last, with their number."""
        first_P1 = np.concatenate([[0], np.cumsum(self._children_V)]).astype(np.uint32)
        levels: list[Level] = []
        sizes = self._sizes_D.tolist()
        for depth, (scrambled, first_child, seen) in enumerate(self._arrays_D):
            levels.append(Level(scrambled[: sizes[depth]], first_P1, seen[: sizes[depth]]))
            if depth + 1 < len(sizes):
                first_child[sizes[depth]] = sizes[depth + 1]
                first_P1 = first_child[: sizes[depth] + 1]
        return levels


def _distribute(stream_S: Ids, buckets: _Buckets) -> tuple[Words, Indices]:
    """Return all positions, bucket by bucket and in order within each, and the buckets' edges."""
    pieces = threads.spans(len(stream_S), threads.cores())
    place = buckets.place_V, np.uint32(buckets.scrambling.forth)
    count_piece = partial(_count_positions, stream_S, *place, len(buckets))
    sizes_piece_Q = np.stack(list(threads.side_by_side(lambda piece: count_piece(*piece), pieces)))
    edges_Q1 = np.concatenate([[0], np.cumsum(sizes_piece_Q.sum(axis=0))])
    next_piece_Q = edges_Q1[:-1] + np.cumsum(sizes_piece_Q, axis=0) - sizes_piece_Q
    positions_S = np.empty(len(stream_S), dtype=np.uint32)

    def scatter(piece: int) -> None:
        _scatter_positions(stream_S, *place, *pieces[piece], next_piece_Q[piece], positions_S)

    list(threads.side_by_side(scatter, range(len(pieces))))
    return positions_S, edges_Q1


@kernel
def _bucket_of(stream_S: Ids, place_V: Words, forth: np.uint32, position: int) -> Any:
    symbol = stream_S[position]
    place = place_V[symbol if symbol >= 0 else ~symbol]
    base, bits = np.int64(place >> np.uint32(5)), place & np.uint32(31)
    if bits == 0 or position + 1 == len(stream_S):
        return base
    after = stream_S[position + 1]
    after = after if after >= 0 else ~after
    return base + np.int64(np.uint32(np.uint32(after) * forth) >> np.uint32(32 - bits))


@kernel
def _count_positions(
    stream_S: Ids, place_V: Words, forth: np.uint32, buckets: int, begin: int, end: int
) -> Indices:
    sizes_Q = np.zeros(buckets, dtype=np.int64)
    for position in range(begin, end):
        sizes_Q[_bucket_of(stream_S, place_V, forth, position)] += 1
    return sizes_Q


@kernel
def _scatter_positions(
    stream_S: Ids,
    place_V: Words,
    forth: np.uint32,
    begin: int,
    end: int,
    next_Q: Indices,
    positions_S: Words,
) -> None:
    for position in range(begin, end):
        bucket = _bucket_of(stream_S, place_V, forth, position)
        positions_S[next_Q[bucket]] = position
        next_Q[bucket] += 1


@dataclass(frozen=True)
class _Scratch:
    """What counting one run of buckets needs and what comes of it, used again for the next run.

    `symbols_KM` are the n-grams of a bucket, column by column: the first symbol as it is, the others
    scrambled; `lengths_M` how much of each counts, `alike_M` how many symbols each shares with the one
    sorted before it.
    """

    symbols_KM: Words
    lengths_M: NDArray[np.uint16]
    alike_M: NDArray[np.uint16]
    keys_M: NDArray[np.uint64]
    rows_M: Words
    spare_keys_M: NDArray[np.uint64]
    spare_rows_M: Words
    scrambled_DM: Words
    first_DM: Words
    seen_DM: Words

    @classmethod
    def of(cls, order: int, positions: int) -> _Scratch:
        """Return scratch for runs of up to that many positions."""
        kinds = {"symbols_KM": order, "scrambled_DM": order - 1, "first_DM": order - 1, "seen_DM": order - 1}
        wide = {name: np.empty((rows, positions), dtype=np.uint32) for name, rows in kinds.items()}
        return cls(
            lengths_M=np.empty(positions, dtype=np.uint16),
            alike_M=np.empty(positions, dtype=np.uint16),
            keys_M=np.empty(positions, dtype=np.uint64),
            rows_M=np.empty(positions, dtype=np.uint32),
            spare_keys_M=np.empty(positions, dtype=np.uint64),
            spare_rows_M=np.empty(positions, dtype=np.uint32),
            **wide,
        )

    def arrays(self) -> tuple[NDArray[Any], ...]:
        """Return them in the order in which the kernel takes them."""
        return tuple(vars(self).values())


@kernel
def _count_run(
    stream_S: Ids,
    positions_S: Words,
    edges_Q1: Indices,
    first: int,
    last: int,
    low: int,
    boundary: int,
    forth: np.uint32,
    shift: int,
    all_learnt: bool,
    scratch: Any,
) -> Indices:
    """Count buckets `first` to `last`, of symbols from `low` on; return how many nodes each level has."""
    (symbols, lengths, alike, keys, rows, spare_keys, spare_rows, scrambled, first_child, seen, children) = (
        scratch
    )
    found_D = np.zeros(len(scrambled), dtype=np.int64)
    for bucket in range(first, last):
        positions_M = positions_S[edges_Q1[bucket] : edges_Q1[bucket + 1]]
        _gather(stream_S, positions_M, boundary, forth, symbols, lengths)
        _sort(symbols, len(positions_M), shift, alike, keys, rows, spare_keys, spare_rows)
        _emit(
            stream_S,
            positions_M,
            all_learnt,
            symbols,
            lengths,
            alike,
            rows,
            low,
            found_D,
            scrambled,
            first_child,
            seen,
            children,
        )
    return found_D


@kernel
def _gather(
    stream_S: Ids,
    positions_M: Words,
    boundary: int,
    forth: np.uint32,
    symbols_KM: Words,
    lengths_M: NDArray[np.uint16],
) -> None:
    """Copy the n-grams at these positions; past a boundary they hold 0 and do not count."""
    order, stream, size = len(symbols_KM), address(stream_S), len(stream_S)
    for row in range(len(positions_M)):
        if row + _AHEAD < len(positions_M):
            prefetch(stream + 4 * np.int64(positions_M[row + _AHEAD]))
        position = np.int64(positions_M[row])
        symbol = np.int32(load_32(stream + 4 * position))
        symbols_KM[0, row] = symbol if symbol >= 0 else ~symbol
        length, column = 1, 1
        columns: Any = min(order, size - position)
        while column < columns:
            symbol = np.int32(load_32(stream + 4 * (position + column)))
            if symbol >= 0:
                length = column + 1
            else:
                symbol = ~symbol
            symbols_KM[column, row] = np.uint32(symbol) * forth
            column += 1
            if symbol == boundary:
                break
        for rest in range(column, order):
            symbols_KM[rest, row] = 0
        lengths_M[row] = length


@kernel
def _sort(
    symbols_KM: Words,
    length: int,
    shift: int,
    alike_M: NDArray[np.uint16],
    keys_M: NDArray[np.uint64],
    rows_M: Words,
    spare_keys_M: NDArray[np.uint64],
    spare_rows_M: Words,
) -> None:
    """Sort rows by their n-grams, two columns at a time, and note how many symbols neighbours share.

    The lowest `shift` bits of scrambled symbols are 0: keys leave them out.
    """
    order, unused, bits = len(symbols_KM), np.uint32(shift), np.uint64(32 - shift)
    for row in range(length):
        rows_M[row] = row
        alike_M[row] = 0
    for column in range(0, order, 2):
        begin = 0
        while begin < length:
            end = begin + 1
            while end < length and (column == 0 or alike_M[end] >= column):
                end += 1
            if end - begin > 1:
                for place in range(begin, end):
                    row = rows_M[place]
                    symbol = symbols_KM[column, row]
                    key = np.uint64(symbol if column == 0 else symbol >> unused) << bits
                    if column + 1 < order:
                        key |= np.uint64(symbols_KM[column + 1, row] >> unused)
                    keys_M[place] = key
                sort(keys_M, rows_M, spare_keys_M, spare_rows_M, begin, end)
                for place in range(begin + 1, end):
                    differing = keys_M[place] ^ keys_M[place - 1]
                    if differing == 0:
                        alike_M[place] = column + 2
                    elif differing >> bits == 0:
                        alike_M[place] = column + 1
                    else:
                        alike_M[place] = column
            begin = end


@kernel
def _emit(
    stream_S: Ids,
    positions_M: Words,
    all_learnt: bool,
    symbols_KM: Words,
    lengths_M: NDArray[np.uint16],
    alike_M: NDArray[np.uint16],
    rows_M: Words,
    low: int,
    found_D: Indices,
    scrambled_DM: Words,
    first_DM: Words,
    seen_DM: Words,
    children_V: Indices,
) -> None:
    """Add the nodes of a sorted bucket; children come right after their contexts, level by level."""
    deepest = len(scrambled_DM) - 1
    depth: Any = 0
    for place in range(len(positions_M)):
        row = np.int64(rows_M[place])
        depth = min(depth, np.int64(alike_M[place]))
        length = np.int64(lengths_M[row])
        if depth == 0:
            depth = 1
        while depth < length:
            node = found_D[depth - 1]
            scrambled_DM[depth - 1, node] = symbols_KM[depth, row]
            seen_DM[depth - 1, node] = 0
            if depth - 1 < deepest:
                first_DM[depth - 1, node] = found_D[depth]
            if depth == 1:
                children_V[np.int64(symbols_KM[0, row]) - low] += 1
            found_D[depth - 1] = node + 1
            depth += 1
        for column in range(1, length):
            if all_learnt or stream_S[np.int64(positions_M[row]) + column] >= 0:
                seen_DM[column - 1, found_D[column - 1] - 1] += np.uint32(1)
