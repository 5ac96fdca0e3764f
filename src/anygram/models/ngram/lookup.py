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

from anygram.compiled import address as address_of
from anygram.compiled import kernel, load_32, load_float, load_signed_16, part, prefetch
from anygram.models.ngram.tables import (
    ADDRESS,
    CENTRES,
    CLOSED,
    FIRST,
    FORTH,
    HINTS,
    LOG_GAMMA,
    LOG_P,
    STRIDE,
)
from anygram.models.ngram.trie import FEWEST_HINTED, PER_HINT, guess, unscramble
from anygram.protocols import FloatArray, Ids

Directory = NDArray[np.int64]

_BLOCK = 512
_FAR = 128
"""The fewest children for which waiting for a hint is better than for another row."""
_NO_HINT = np.zeros(1, dtype=np.int16)


@kernel
def find_at(address: int, stride: int, mask: np.uint32, first: int, last: int, wanted: np.uint32) -> Any:
    """Return the row, from `first` to `last`, of a scrambled symbol, −1 where there is none.

    Guesses by interpolation, thrice where there are many, and walks the rest of the way.
    """
    if first >= last:
        return -1
    place: Any = guess(first, last - first, wanted)
    if last - first > FEWEST_HINTED:
        for _ in range(2):
            place = _nearer(address, stride, first, last, wanted, place)
    return _walk_to(address, stride, mask, first, last, wanted, place)


@kernel
def find(level: Directory, first: int, last: int, wanted: np.uint32) -> Any:
    """Return the same of a level, by its hints if it has any."""
    if level[HINTS] == 0 or last - first < _FAR:
        return find_at(level[ADDRESS], level[STRIDE], mask_of(level), first, last, wanted)
    place = _hinted_guess(level[HINTS], first, last, wanted)
    return _walk_to(level[ADDRESS], level[STRIDE], mask_of(level), first, last, wanted, place)


@part
def _hinted_guess(hints: int, first: int, last: int, wanted: np.uint32) -> Any:
    """Return where a scrambled symbol stands, about, by its hint if there is one."""
    place: Any = guess(first, last - first, wanted)
    if last - first >= FEWEST_HINTED and hints != 0:
        place += load_signed_16(_hint(hints, first, last, wanted))
        place = min(max(place, first), last - 1)
    return place


@part
def _hint(hints: int, first: int, last: int, wanted: np.uint32) -> Any:
    """Return the address of a scrambled symbol's hint."""
    return hints + 2 * guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted)


@part
def _nearer(address: int, stride: int, first: int, last: int, wanted: np.uint32, place: int) -> Any:
    """Return a better guess than `place`, by what stands there."""
    step = (np.int64(wanted) - np.int64(load_32(address + stride * place))) * (last - first) >> 32
    return min(max(place + step, first), last - 1)


@part
def _walk_to(
    address: int, stride: int, mask: np.uint32, first: int, last: int, wanted: np.uint32, place: Any
) -> Any:
    """Return the row of a scrambled symbol, from `place` on in either direction, −1 where there is none."""
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
    active_L, near_L = np.empty(width + 1, dtype=np.uint32), np.empty(width, dtype=np.int64)
    for begin in range(0, len(ids_S), width):
        ids_L = ids_S[begin : begin + width]
        _read_unigrams(directory[0], order == 1, ids_L, first[0], last[0], gamma[0], log_p_L)
        matched_L[:] = 1
        for length in range(2, order + 1):
            now, above = (length - 1) % 2, length % 2
            first[above, 0], first_before[length - 2] = first_before[length - 2], first[above, len(ids_L)]
            last[above, 0], last_before[length - 2] = last_before[length - 2], last[above, len(ids_L)]
            gamma[above, 0], gamma_before[length - 2] = gamma_before[length - 2], gamma[above, len(ids_L)]
            # where a shorter n-gram is not stored, no longer one is: if the tables are closed
            known = length - 1 if directory[0, CLOSED] else 0
            active = _approach(
                directory[length - 1], ids_L, first[above], last[above], matched_L, known, active_L, near_L
            )
            _read_longer(
                directory[length - 1],
                length,
                length == order,
                ids_L,
                active_L[:active],
                near_L,
                first[above],
                last[above],
                gamma[above],
                first[now, 1:],
                last[now, 1:],
                gamma[now, 1:],
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
def _approach(
    level: Directory,
    ids_L: Ids,
    first_L: Directory,
    last_L: Directory,
    matched_L: NDArray[np.uint8],
    known: int,
    active_L: Any,
    near_L: Directory,
) -> int:
    """Write which places have a context with children, and where among these the symbol may stand.

    Only where at least `known` symbols matched. Return how many. What is there is asked for, in two
    rounds, so that neither waits for the other.
    """
    address, stride, forth = level[ADDRESS], level[STRIDE], np.uint32(level[FORTH])
    hints, active, no_hint = level[HINTS], 0, address_of(_NO_HINT)
    for place in range(len(ids_L)):
        active_L[active] = place
        active += (first_L[place] < last_L[place]) & (matched_L[place] >= known)
    # choices of an address, not of what to do: a processor guesses the latter, and guesses wrong
    for turn in range(active):
        place = active_L[turn]
        first, size = first_L[place], last_L[place] - first_L[place]
        wanted = np.uint32(np.uint32(ids_L[place]) * forth)
        near_L[turn] = guess(first, size, wanted)
        hint = hints + 2 * guess(first >> PER_HINT, size >> PER_HINT, wanted)
        prefetch(hint if size >= FEWEST_HINTED else address + stride * near_L[turn])
    for turn in range(active):
        place = active_L[turn]
        first, last = first_L[place], last_L[place]
        wanted = np.uint32(np.uint32(ids_L[place]) * forth)
        hint = hints + 2 * guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted)
        off = load_signed_16(hint if last - first >= FEWEST_HINTED and hints != 0 else no_hint)
        near_L[turn] = min(max(near_L[turn] + off, first), last - 1)
        prefetch(address + stride * near_L[turn])
        prefetch(address + stride * near_L[turn] + stride)
    return active


@kernel
def _read_longer(
    level: Directory,
    length: int,
    highest: bool,
    ids_L: Ids,
    active_L: Any,
    near_L: Directory,
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
    to_log_p, to_gamma, to_first = level[LOG_P], level[LOG_GAMMA], level[FIRST]
    for place in range(len(ids_L)):
        log_p_L[place] += gamma_above_L[place]
        gamma_L[place], first_L[place], last_L[place] = 0.0, 0, 0
    for turn in range(len(active_L)):
        place = active_L[turn]
        first, last = first_above_L[place], last_above_L[place]
        wanted = np.uint32(np.uint32(ids_L[place]) * forth)
        node = _walk_to(address, stride, mask, first, last, wanted, near_L[turn])
        if node >= 0:
            entry = address + stride * node
            log_p_L[place] = load_float(entry + to_log_p) if to_log_p else log_p_of(level, entry)
            matched_L[place] = length
            if not highest:
                gamma_L[place] = load_float(entry + to_gamma)
                first_L[place] = load_32(entry + to_first)
                last_L[place] = load_32(entry + stride + to_first)


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
            nodes[length - 1] = find(level, first, last, wanted)
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
