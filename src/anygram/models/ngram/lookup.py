"""Asking the tables, in kernels: where an n-gram stands, and log P of all symbols after a context.

Axes: K symbols of context, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel, load_32, load_float, load_signed_16, part
from anygram.models.ngram.tables import (
    ADDRESS,
    CENTRES,
    FIRST,
    FORTH,
    HINTS,
    LOG_GAMMA,
    LOG_P,
    LOW,
    MASK,
    STRIDE,
)
from anygram.models.ngram.trie import FEWEST_HINTED, PER_HINT, guess, unscramble
from anygram.protocols import FloatArray, Ids

Directory = NDArray[np.int64]

_FAR = 128
"""The fewest children for which waiting for a hint is better than for another row."""


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
    return walk_to(address, stride, mask, first, last, wanted, place)


@kernel
def find(level: Directory, first: int, last: int, wanted: np.uint32) -> Any:
    """Return the same of a level, by its hints if it has any."""
    if level[HINTS] == 0 or last - first < _FAR:
        return find_at(level[ADDRESS], level[STRIDE], mask_of(level), first, last, wanted)
    place = _hinted_guess(level[HINTS], first, last, wanted)
    return walk_to(level[ADDRESS], level[STRIDE], mask_of(level), first, last, wanted, place)


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
def walk_to(
    address: int, stride: int, mask: np.uint32, first: Any, last: Any, wanted: np.uint32, place: Any
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
    return np.uint32(level[MASK])


@part
def end_of_children(entry: int, stride: int, to_first: int, first: Any, free: Any, low: int) -> Any:
    """Return where the children of the row at an address end, without a look at the next row if possible.

    `free` says which bits of its first word hold how many there are, `low` what stands below these.
    """
    size = (np.int64(load_32(entry)) & free) >> low
    if size > 0:
        return first + size - 1
    return np.int64(load_32(entry + stride + to_first))


@part
def free_bits(level: Directory) -> Any:
    """Return which bits of a row's first word are not the scrambled symbol nor the number of a value."""
    return ((np.int64(0xFFFFFFFF) & ~level[MASK]) >> level[LOW]) << level[LOW]


@part
def log_p_of(level: Directory, entry: int) -> Any:
    """Return log P of the n-gram in the row at an address."""
    if level[LOG_P] == 0:
        return load_float(level[CENTRES] + 4 * np.int64(load_32(entry) & np.uint32(255)))
    return load_float(entry + level[LOG_P])


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
