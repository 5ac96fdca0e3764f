"""Asking the tables, in kernels: log P of the symbols of a text, and of all symbols after a context.

A text is read in blocks of positions, one n-gram length at a time: first every look-up's cache line is
asked for, then every look-up is made, so that they wait for memory together rather than one by one.
Positions whose symbol is negative stand before a document's start: nothing is known there.

Axes: B rows, S = K + T symbols of a row (its context, then its ids), K symbols of context, T positions,
V vocabulary, L positions of a block and the one before.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel, load_32, load_float, part, prefetch
from anygram.models.ngram.tables import ADDRESS, CENTRES, FIRST, FORTH, LOG_GAMMA, LOG_P, STRIDE
from anygram.models.ngram.trie import guess, unscramble
from anygram.protocols import FloatArray, Ids

Directory = NDArray[np.int64]

_BLOCK = 256
_TOP = np.uint32(0xFFFFFFFF)


@kernel
def find(address: int, stride: int, mask: np.uint32, first: int, last: int, wanted: np.uint32) -> int:
    """Return the row, from `first` to `last`, of a scrambled symbol, −1 where there is none (`trie.find`)."""
    size = last - first
    if size <= 0:
        return -1
    place: Any = guess(first, size, wanted)
    if size > 32:
        for _ in range(3):
            step = (np.int64(wanted) - np.int64(load_32(address + stride * place))) * size >> 32
            place = min(max(place + step, first), last - 1)
            if -4 < step < 4:
                break
    found = load_32(address + stride * place) & mask
    while found > wanted and place > first:
        place -= 1
        found = load_32(address + stride * place) & mask
    while found < wanted and place < last - 1:
        place += 1
        found = load_32(address + stride * place) & mask
    return place if found == wanted else -1


@part
def mask_of(level: Directory) -> np.uint32:
    """Return which bits of a row's first word are the scrambled symbol."""
    return np.uint32(0xFFFFFF00) if level[LOG_P] == 0 else np.uint32(0xFFFFFFFF)


@part
def log_p_of(level: Directory, entry: int) -> Any:
    """Return log P of the n-gram in the row at an address."""
    if level[LOG_P] == 0:
        return load_float(level[CENTRES] + 4 * np.int64(load_32(entry) & np.uint32(255)))
    return load_float(entry + level[LOG_P])


@kernel
def score_row(
    directory: Directory, ids_S: Ids, skip: int, log_p_T: FloatArray, matched_T: NDArray[np.uint8]
) -> None:
    """Write log P of the symbols from position `skip` on, given all before, and what lengths matched.

    `matched_T` may be empty: then they are not written.
    """
    order = len(directory)
    width = max(1, min(_BLOCK, len(ids_S)))
    # of the (k − 1)-grams and the k-grams that end at each position: where children begin and end, log γ
    first = np.zeros((2, width + 1), dtype=np.int64)
    last = np.zeros((2, width + 1), dtype=np.int64)
    gamma = np.zeros((2, width + 1), dtype=np.float64)
    # the same of those that end before the block, by length
    first_before = np.zeros(order, dtype=np.int64)
    last_before = np.zeros(order, dtype=np.int64)
    gamma_before = np.zeros(order, dtype=np.float64)
    log_p_L = np.empty(width, dtype=np.float64)
    matched_L = np.empty(width, dtype=np.uint8)
    for begin in range(0, len(ids_S), width):
        ids_L = ids_S[begin : begin + width]
        _read_unigrams(directory[0], order == 1, ids_L, first[0], last[0], gamma[0], log_p_L)
        matched_L[:] = 1
        for length in range(2, order + 1):
            now, above = (length - 1) % 2, length % 2
            first[above, 0], first_before[length - 2] = first_before[length - 2], first[above, len(ids_L)]
            last[above, 0], last_before[length - 2] = last_before[length - 2], last[above, len(ids_L)]
            gamma[above, 0], gamma_before[length - 2] = gamma_before[length - 2], gamma[above, len(ids_L)]
            _prefetch_children(directory[length - 1], ids_L, first[above], last[above])
            _read_longer(
                directory[length - 1],
                length,
                length == order,
                ids_L,
                first[above],
                last[above],
                gamma[above],
                first[now],
                last[now],
                gamma[now],
                log_p_L,
                matched_L,
            )
        for place in range(max(0, skip - begin), len(ids_L)):
            log_p_T[begin + place - skip] = log_p_L[place]
        if len(matched_T):
            for place in range(max(0, skip - begin), len(ids_L)):
                matched_T[begin + place - skip] = matched_L[place]


@kernel
def _read_unigrams(
    level: Directory,
    alone: bool,
    ids_L: Ids,
    first_L: Directory,
    last_L: Directory,
    gamma_L: FloatArray,
    log_p_L: FloatArray,
) -> None:
    address, stride = level[ADDRESS], level[STRIDE]
    for place in range(len(ids_L)):
        prefetch(address + stride * max(np.int64(ids_L[place]), 0))
    for place in range(len(ids_L)):
        symbol = np.int64(ids_L[place])
        if symbol < 0:
            log_p_L[place], gamma_L[place + 1], first_L[place + 1], last_L[place + 1] = 0.0, 0.0, 0, 0
            continue
        entry = address + stride * symbol
        log_p_L[place] = load_float(entry + level[LOG_P])
        gamma_L[place + 1] = load_float(entry + level[LOG_GAMMA])
        first_L[place + 1] = load_32(entry + level[FIRST])
        last_L[place + 1] = load_32(entry + stride + level[FIRST])


@kernel
def _prefetch_children(level: Directory, ids_L: Ids, first_L: Directory, last_L: Directory) -> None:
    for place in range(len(ids_L)):
        size = last_L[place] - first_L[place]
        if size > 0:
            wanted = np.uint32(ids_L[place]) * np.uint32(level[FORTH])
            prefetch(level[ADDRESS] + level[STRIDE] * guess(first_L[place], size, np.uint32(wanted)))


@kernel
def _read_longer(
    level: Directory,
    length: int,
    highest: bool,
    ids_L: Ids,
    first_above_L: Directory,
    last_above_L: Directory,
    gamma_above_L: FloatArray,
    first_L: Directory,
    last_L: Directory,
    gamma_L: FloatArray,
    log_p_L: FloatArray,
    matched_L: NDArray[np.uint8],
) -> None:
    """Look up the k-grams that end at each place, below the contexts that end one before."""
    address, stride, mask, forth = level[ADDRESS], level[STRIDE], mask_of(level), np.uint32(level[FORTH])
    for place in range(len(ids_L)):
        wanted = np.uint32(np.uint32(ids_L[place]) * forth)
        node = find(address, stride, mask, first_above_L[place], last_above_L[place], wanted)
        if node < 0:
            log_p_L[place] += gamma_above_L[place]
            gamma_L[place + 1], first_L[place + 1], last_L[place + 1] = 0.0, 0, 0
            continue
        entry = address + stride * node
        log_p_L[place] = log_p_of(level, entry)
        matched_L[place] = length
        if not highest:
            gamma_L[place + 1] = load_float(entry + level[LOG_GAMMA])
            first_L[place + 1] = load_32(entry + level[FIRST])
            last_L[place + 1] = load_32(entry + stride + level[FIRST])


@kernel
def score_rows(
    directory: Directory, ids_BS: Ids, skip: int, ends_B: NDArray[np.int64], log_p_BT: FloatArray
) -> None:
    """Write log P of each row's symbols from position `skip` on, up to where the row ends."""
    no_lengths = np.empty(0, dtype=np.uint8)
    for row in range(len(ids_BS)):
        score_row(directory, ids_BS[row, : ends_B[row]], skip, log_p_BT[row], no_lengths)


@part
def children(level: Directory, node: int) -> tuple[Any, Any]:
    """Return where the children of a node of a level below the order begin and end."""
    entry = level[ADDRESS] + level[STRIDE] * node + level[FIRST]
    return np.int64(load_32(entry)), np.int64(load_32(entry + level[STRIDE]))


@kernel
def step(directory: Directory, nodes: NDArray[np.int64], symbol: Any) -> None:
    """Turn the nodes of the last 1 .. K symbols, −1 where there is none, into those once `symbol` is read."""
    for length in range(len(nodes), 1, -1):
        above = nodes[length - 2]
        nodes[length - 1] = -1
        if above >= 0 and symbol >= 0:
            level = directory[length - 1]
            first, last = children(directory[length - 2], above)
            wanted = np.uint32(np.uint32(symbol) * np.uint32(level[FORTH]))
            nodes[length - 1] = find(level[ADDRESS], level[STRIDE], mask_of(level), first, last, wanted)
    if len(nodes):
        nodes[0] = symbol


@kernel
def walk(directory: Directory, context_K: Ids, nodes: NDArray[np.int64]) -> None:
    """Write for k = 1 .. K the node of the last k symbols of a context, −1 where there is none."""
    nodes[:] = -1
    for place in range(len(context_K)):
        step(directory, nodes, np.int64(context_K[place]))


@kernel
def backoffs(directory: Directory, nodes: NDArray[np.int64], log_gamma_K1: FloatArray) -> None:
    """Write for k = 0 .. K what a match after the last k symbols pays: log γ of the longer contexts."""
    paid = 0.0
    for length in range(len(nodes), 0, -1):
        log_gamma_K1[length] = paid
        if nodes[length - 1] >= 0:
            level = directory[length - 1]
            paid += load_float(level[ADDRESS] + level[STRIDE] * nodes[length - 1] + level[LOG_GAMMA])
    log_gamma_K1[0] = paid


@kernel
def predict_row(
    directory: Directory,
    back: np.uint32,
    shift: int,
    context_K: Ids,
    log_p_V: FloatArray,
    matched_V: NDArray[np.uint8],
) -> None:
    """Write log P of every symbol after a context, and what lengths matched unless `matched_V` is empty."""
    nodes = np.empty(len(context_K), dtype=np.int64)
    walk(directory, context_K, nodes)
    log_gamma_K1 = np.empty(len(nodes) + 1, dtype=np.float64)
    backoffs(directory, nodes, log_gamma_K1)
    level = directory[0]
    for symbol in range(len(log_p_V)):
        entry = level[ADDRESS] + level[STRIDE] * symbol
        log_p_V[symbol] = load_float(entry + level[LOG_P]) + log_gamma_K1[0]
    if len(matched_V):
        matched_V[:] = 1
    for length in range(1, len(directory)):
        if nodes[length - 1] < 0:
            continue
        level = directory[length]
        first, last = children(directory[length - 1], nodes[length - 1])
        for node in range(first, last):
            child = level[ADDRESS] + level[STRIDE] * node
            symbol = unscramble(load_32(child), back, shift)
            log_p_V[symbol] = log_p_of(level, child) + log_gamma_K1[length]
            if len(matched_V):
                matched_V[symbol] = length + 1


@kernel
def read(
    directory: Directory,
    symbol: int,
    first: NDArray[np.int64],
    last: NDArray[np.int64],
    gamma: FloatArray,
) -> float:
    """Return log P of a symbol and move on past it: for texts too short to be read in blocks.

    `first`, `last` and `gamma` say of the n-grams that end at the last symbol, by length from 1 on, where
    their children begin and end, and log γ; all 0 where there is no such n-gram.
    """
    order, log_p, longest = len(directory), 0.0, 0
    for length in range(order, 1, -1):
        level, above = directory[length - 1], length - 2
        wanted = np.uint32(np.uint32(symbol) * np.uint32(level[FORTH]))
        node = find(level[ADDRESS], level[STRIDE], mask_of(level), first[above], last[above], wanted)
        if longest == 0 and node < 0:
            log_p += gamma[above]
        first[length - 1], last[length - 1], gamma[length - 1] = 0, 0, 0.0
        if node >= 0:
            entry = level[ADDRESS] + level[STRIDE] * node
            if longest == 0:
                log_p, longest = log_p + log_p_of(level, entry), length
            if length < order:
                gamma[length - 1] = load_float(entry + level[LOG_GAMMA])
                first[length - 1], last[length - 1] = children(level, node)
    level = directory[0]
    entry = level[ADDRESS] + level[STRIDE] * symbol
    if longest == 0:
        log_p += load_float(entry + level[LOG_P])
    gamma[0] = load_float(entry + level[LOG_GAMMA])
    first[0], last[0] = children(level, symbol)
    return log_p
