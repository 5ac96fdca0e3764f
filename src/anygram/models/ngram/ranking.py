"""How many symbols are likelier than a given one, without predicting them all: O(order · log V).

What is stored after the longest context has a probability of its own; of the rest, what is stored after
the next shorter context; and so on down to the whole vocabulary. So a rank is a sum over contexts: the
children that come before the symbol, less those of them that the longest shorter match of the same
symbol (`shorter`) already counted. Each term is a binary search in children sorted by probability.

The sorted children take 16 bytes for each n-gram above the first level (17 on a level where the suffix
of some n-gram is missing), beside 5 while they are sorted.

Axes: B rows, T positions, S symbols of a row with its context, G k-grams of a level, M some children.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import threads
from anygram.compiled import kernel, load_8, load_32, load_float, part, prefetch
from anygram.models.ngram.lookup import Directory, backoffs, children, find, log_p_of, step
from anygram.models.ngram.shorter import Links, fall_back
from anygram.models.ngram.sorting import sort
from anygram.models.ngram.space import Memory
from anygram.models.ngram.tables import ADDRESS, CENTRES, FORTH, LOG_P, SIZE, STRIDE, Tables
from anygram.models.ngram.trie import Words, unscramble
from anygram.protocols import FloatArray, Ids, Lengths

_AHEAD = 48
_RUN = 4096
"""How many positions a thread ranks at a time."""

_OWN, _SHORTER, _LENGTHS = 0, 2, 4
"""Columns of the directory of sorted children: log P and symbols by their own log P; by that of their
longest stored suffix, and the length of that (0: everywhere one less than their own)."""

_SIGN = np.uint32(0x80000000)


class Ranking:
    """Places of symbols in the sorted predictions of these tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._arrays: list[NDArray[np.generic]] = []  # the directory has no more than their addresses
        self._directory = np.zeros((tables.order, 5), dtype=np.int64)
        log_p_V = tables.log_p(1)
        places_V = np.argsort(-log_p_V, kind="stable")
        self._keep(1, _OWN, log_p_V[places_V] + np.float32(0), places_V.astype(np.uint32))
        links = Links(tables, Memory())
        for length in range(2, tables.order + 1):
            self._sort(length, links)

    def __reduce__(self) -> tuple[type[Ranking], tuple[Tables]]:
        """Copy and pickle without the addresses: they hold in this process, of these arrays."""
        return Ranking, (self._tables,)

    def rank(self, context_BK: Ids, ids_BT: Ids, lengths: Lengths | None) -> NDArray[np.int64]:
        """Return rank_BT: how many symbols come before each id after its context; 0 past a row's length."""
        ids_BS = np.concatenate([context_BK, ids_BT], axis=1).astype(np.int32, copy=False)
        rank_BT = np.zeros(ids_BT.shape, dtype=np.int64)
        ends_B = np.full(len(ids_BT), ids_BT.shape[1]) if lengths is None else np.asarray(lengths)
        width = context_BK.shape[1]

        def run(task: tuple[int, int, int]) -> None:
            row, begin, end = task
            _rank(self._tables.directory, self._directory, ids_BS[row], width, begin, end, rank_BT[row])

        tasks = [
            (row, begin, min(begin + _RUN, end))
            for row, end in enumerate(ends_B.tolist())
            for begin in range(0, end, _RUN)
        ]
        list(threads.side_by_side(run, tasks))
        return rank_BT

    def _sort(self, length: int, links: Links) -> None:
        tables, count = self._tables, self._tables.counts[length - 1]
        back, shift = np.uint32(tables.scrambling.back), tables.scrambling.shift
        own, shorter = np.empty((2, count), dtype=np.uint32), np.empty((2, count), dtype=np.uint32)
        lengths_G = np.empty(count, dtype=np.uint8)

        def run(span: tuple[int, int]) -> bool:
            return _sort_children(
                tables.directory, links.directory, length, *span, back, shift, own, shorter, lengths_G
            )

        spans = threads.spans(tables.counts[length - 2], 4 * threads.cores())
        gaps = any(list(threads.side_by_side(run, spans)))
        self._keep(length, _OWN, *own)
        self._keep(length, _SHORTER, *shorter)
        if gaps:
            self._keep(length, _LENGTHS, lengths_G)

    def _keep(self, length: int, column: int, *arrays: NDArray[np.generic]) -> None:
        self._arrays.extend(arrays)
        for place, array in enumerate(arrays, column):
            self._directory[length - 1, place] = array.ctypes.data


@part
def _falling(bits: np.uint32) -> np.uint32:
    """Return a whole number for a float's bits, and bits for it, that grows as the float falls; −0 is 0."""
    if bits == _SIGN:
        bits = np.uint32(0)
    return bits if bits & _SIGN else np.uint32(_SIGN - np.uint32(1) - bits)


@part
def _key(level: Directory, entry: int, symbol: int) -> np.uint64:
    """Return what sorts n-grams by falling log P, then by symbol."""
    if level[LOG_P] == 0:
        bits = np.uint32(load_32(level[CENTRES] + 4 * np.int64(load_32(entry) & np.uint32(255))))
    else:
        bits = np.uint32(load_32(entry + level[LOG_P]))
    return np.uint64(_falling(bits)) << np.uint64(32) | np.uint64(symbol)


@kernel
def _sort_children(
    directory: Directory,
    links: Directory,
    length: int,
    begin: int,
    end: int,
    back: np.uint32,
    shift: int,
    own: Words,
    shorter: Words,
    lengths_G: NDArray[np.uint8],
) -> bool:
    """Sort the children of contexts `begin` to `end`; return whether the suffix of one is missing.

    `own` and `shorter` take log P and symbols by the children's own log P and by their suffix's.
    """
    upper, level = directory[length - 2], directory[length - 1]
    most, gaps = 0, False
    if begin == end:
        return gaps
    for context in range(begin, end):
        first, last = children(upper, context)
        most = max(most, last - first)
    keys_M, spare_keys_M = np.empty(most, dtype=np.uint64), np.empty(most, dtype=np.uint64)
    rows_M, spare_rows_M = np.zeros(most, dtype=np.uint32), np.empty(most, dtype=np.uint32)
    _, stop = children(upper, end - 1)
    for context in range(begin, end):
        first, last = children(upper, context)
        for child in range(first, last):
            entry = level[ADDRESS] + level[STRIDE] * child
            keys_M[child - first] = _key(level, entry, unscramble(load_32(entry), back, shift))
        sort(keys_M, rows_M, spare_keys_M, spare_rows_M, 0, last - first)
        _write(keys_M, first, last, own)
        for child in range(first, last):
            if child + _AHEAD < stop:
                coming_length, coming = fall_back(links, length, child + _AHEAD)
                prefetch(
                    directory[coming_length - 1, ADDRESS] + directory[coming_length - 1, STRIDE] * coming
                )
            shorter_length, node = fall_back(links, length, child)
            lower = directory[shorter_length - 1]
            word = load_32(level[ADDRESS] + level[STRIDE] * child)
            entry = lower[ADDRESS] + lower[STRIDE] * node
            keys_M[child - first] = _key(lower, entry, unscramble(word, back, shift))
            rows_M[child - first] = shorter_length
        sort(keys_M, rows_M, spare_keys_M, spare_rows_M, 0, last - first)
        gaps |= _group(keys_M, rows_M, spare_keys_M, spare_rows_M, last - first, length - 1)
        _write(keys_M, first, last, shorter)
        for child in range(first, last):
            lengths_G[child] = rows_M[child - first]
    return gaps


@part
def _write(keys_M: NDArray[np.uint64], first: int, last: int, sorted_2G: Words) -> None:
    for child in range(first, last):
        key = keys_M[child - first]
        sorted_2G[0, child] = _falling(np.uint32(key >> np.uint64(32)))
        sorted_2G[1, child] = np.uint32(key & np.uint64(0xFFFFFFFF))


@kernel
def _group(
    keys_M: NDArray[np.uint64],
    lengths_M: Words,
    spare_keys_M: NDArray[np.uint64],
    spare_lengths_M: Words,
    size: int,
    expected: int,
) -> bool:
    """Put longer ones first, otherwise in the order in which they are; return whether they differ."""
    differ = False
    for place in range(size):
        differ |= lengths_M[place] != expected
    if not differ:
        return False
    taken = 0
    for length in range(expected, 0, -1):
        for place in range(size):
            if lengths_M[place] == length:
                spare_keys_M[taken], spare_lengths_M[taken] = keys_M[place], length
                taken += 1
    keys_M[:size], lengths_M[:size] = spare_keys_M[:size], spare_lengths_M[:size]
    return True


@kernel
def _rank(
    directory: Directory,
    sorted_directory: Directory,
    ids_S: Ids,
    skip: int,
    begin: int,
    end: int,
    rank_T: NDArray[np.int64],
) -> None:
    """Write the ranks of positions `begin` to `end`; position 0 stands at ids_S[skip]."""
    width = len(directory) - 1
    nodes = np.full(width, -1, dtype=np.int64)
    log_gamma_K1 = np.empty(width + 1, dtype=np.float64)
    for place in range(max(0, skip + begin - width), skip + begin):
        step(directory, nodes, np.int64(ids_S[place]))
    for position in range(begin, end):
        symbol = np.int64(ids_S[skip + position])
        backoffs(directory, nodes, log_gamma_K1)
        rank_T[position] = _rank_one(directory, sorted_directory, nodes, log_gamma_K1, symbol)
        step(directory, nodes, symbol)


@kernel
def _rank_one(
    directory: Directory,
    sorted_directory: Directory,
    nodes: NDArray[np.int64],
    log_gamma_K1: FloatArray,
    symbol: Any,
) -> int:
    """Return a symbol's rank, given the nodes of its context and what `backoffs` says of them."""
    log_p = _predict(directory, nodes, log_gamma_K1, symbol)
    row = sorted_directory[0]
    rank = _before(row[_OWN], row[_OWN + 1], 0, directory[0, SIZE], log_gamma_K1[0], log_p, symbol)
    for length in range(1, len(directory)):
        if nodes[length - 1] < 0:
            continue
        first, last = children(directory[length - 1], nodes[length - 1])
        row = sorted_directory[length]
        rank += _before(row[_OWN], row[_OWN + 1], first, last, log_gamma_K1[length], log_p, symbol)
        while first < last:
            matched: Any = length
            end = last
            if row[_LENGTHS] != 0:
                matched = np.int64(load_8(row[_LENGTHS] + first))
                end = _end_of(row[_LENGTHS], first, last, matched)
            paid = log_gamma_K1[matched - 1]
            rank -= _before(row[_SHORTER], row[_SHORTER + 1], first, end, paid, log_p, symbol)
            first = end
    return rank


@kernel
def _predict(directory: Directory, nodes: NDArray[np.int64], log_gamma_K1: FloatArray, symbol: int) -> Any:
    """Return what `lookup.predict_row` does for one symbol, to the last bit."""
    for length in range(len(nodes), 0, -1):
        if nodes[length - 1] >= 0:
            level = directory[length]
            first, last = children(directory[length - 1], nodes[length - 1])
            wanted = np.uint32(np.uint32(symbol) * np.uint32(level[FORTH]))
            node = find(level, first, last, wanted)
            if node >= 0:
                return log_p_of(level, level[ADDRESS] + level[STRIDE] * node) + log_gamma_K1[length]
    level = directory[0]
    return load_float(level[ADDRESS] + level[STRIDE] * symbol + level[LOG_P]) + log_gamma_K1[0]


@part
def _end_of(lengths: int, first: int, last: int, length: int) -> int:
    """Return where falling lengths (at this address) fall below one."""
    while first < last:
        middle = (first + last) // 2
        if load_8(lengths + middle) < length:
            last = middle
        else:
            first = middle + 1
    return first


@part
def _end_above(log_p: int, first: int, last: int, paid: float, least: float, or_equal: bool) -> int:
    """Return where falling log P (at this address), with what is paid, are no longer above `least`."""
    while first < last:
        middle = (first + last) // 2
        other = load_float(log_p + 4 * middle) + paid
        if other > least or (or_equal and other == least):
            first = middle + 1
        else:
            last = middle
    return first


@kernel
def _before(log_p: int, symbols: int, first: int, last: int, paid: float, least: float, symbol: int) -> int:
    """Return how many of some sorted children, with what is paid, come before a symbol of log P `least`."""
    place = _end_above(log_p, first, last, paid, least, False)
    before = place - first
    last = _end_above(log_p, place, last, paid, least, True)
    while place < last:  # equal sums: as a rule of equal log P, and then sorted by symbol
        end = _end_above(log_p, place, last, 0.0, load_float(log_p + 4 * place), True)
        low, high = place, end
        while low < high:
            middle = (low + high) // 2
            if np.int64(load_32(symbols + 4 * middle)) < symbol:
                low = middle + 1
            else:
                high = middle
        before += low - place
        place = end
    return before
