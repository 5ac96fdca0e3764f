"""log P of the symbols of a text, in kernels.

A text is read in blocks of positions, one n-gram length at a time, and what a look-up needs is asked for
some look-ups before, so that they wait for memory together rather than one by one (`_read_longer`).
Positions whose symbol is negative stand before a document's start: nothing is known there.

Of a block, `links_WL` holds what is found below each k-gram that ends one position before (so column 0 is
the position before the block) and `logs_WL` the logarithms; their rows W are named below. What is passed on
from one length to the next changes places by turns. There are few arrays and no views: making them would
cost a short text more than scoring it.

Axes: B rows, S = K + T symbols of a row (its context, then its ids), K symbols of context, T positions,
L positions of a block and the one before, W rows of what a block needs.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address as address_of
from anygram.compiled import kernel, load_32, load_float, load_signed_16, part, prefetch
from anygram.models.ngram.lookup import Directory, end_of_children, free_bits, log_p_of, mask_of, walk_to
from anygram.models.ngram.tables import ADDRESS, CLOSED, FIRST, FORTH, HINTS, LOG_GAMMA, LOG_P, LOW, STRIDE
from anygram.models.ngram.trie import FEWEST_HINTED, PER_HINT, guess
from anygram.protocols import FloatArray, Ids

_BLOCK, _AHEAD = 512, 12
_NOTHING = np.zeros(1, dtype=np.int64)
"""Where to look for what there is not."""

_BEGIN, _END, _MATCHED, _ACTIVE, _NEAR, _LINKS = 0, 2, 4, 5, 6, 7
"""Rows of links_WL: where children begin and end (two rows each, by turns), how long an n-gram matched,
which positions are looked up, and where about; how many rows."""
_GAMMA, _LOG_P, _LOGS = 0, 2, 3
"""Rows of logs_WL: log γ (two rows, by turns) and log P; how many rows."""


@kernel
def score_row(
    directory: Directory, ids_S: Ids, skip: int, log_p_T: FloatArray, matched_T: NDArray[np.uint8]
) -> None:
    """Write log P of the symbols from position `skip` on, given all before, and what lengths matched.

    `matched_T` may be empty: then they are not written.
    """
    width = _width(ids_S)
    links_WL, logs_WL = _room(len(directory), width)
    for begin in range(0, len(ids_S), width):
        size = min(width, len(ids_S) - begin)
        _read_block(directory, ids_S, begin, size, width, links_WL, logs_WL)
        for place in range(max(0, skip - begin), size):
            log_p_T[begin + place - skip] = logs_WL[_LOG_P, place]
        if len(matched_T):
            for place in range(max(0, skip - begin), size):
                matched_T[begin + place - skip] = links_WL[_MATCHED, place]


@kernel
def score_all(directory: Directory, ids_S: Ids) -> float:
    """Return log P of all symbols after the first, given those before each."""
    width, total = _width(ids_S), 0.0
    links_WL, logs_WL = _room(len(directory), width)
    for begin in range(0, len(ids_S), width):
        size = min(width, len(ids_S) - begin)
        _read_block(directory, ids_S, begin, size, width, links_WL, logs_WL)
        for place in range(max(0, 1 - begin), size):
            total += logs_WL[_LOG_P, place]
    return total


@part
def _width(ids_S: Ids) -> int:
    """Return how many positions are read at once."""
    return max(1, min(_BLOCK, len(ids_S)))


@kernel
def _room(order: int, width: int) -> tuple[Any, FloatArray]:
    """Return links_WL and logs_WL; behind the columns of a block stand those before it, by length."""
    links_WL = np.empty((_LINKS, width + 1 + order), dtype=np.uint32)
    logs_WL = np.empty((_LOGS, width + 1 + order), dtype=np.float64)
    for column in range(width + 1, width + 1 + order):
        links_WL[_BEGIN, column], links_WL[_END, column], logs_WL[_GAMMA, column] = 0, 0, 0.0
    return links_WL, logs_WL


@kernel
def _read_block(
    directory: Directory,
    ids_S: Ids,
    begin: int,
    size: int,
    width: int,
    links_WL: Any,
    logs_WL: FloatArray,
) -> None:
    """Read a block's n-grams, length by length: log P and what matched stand in their rows after that."""
    _read_unigrams(directory, ids_S, begin, size, links_WL, logs_WL)
    for length in range(2, len(directory) + 1):
        above, column = length % 2, width + length - 1
        for row in (_BEGIN, _END):
            last = links_WL[row + above, size]
            links_WL[row + above, 0], links_WL[row, column] = links_WL[row, column], last
        gamma = logs_WL[_GAMMA + above, size]
        logs_WL[_GAMMA + above, 0], logs_WL[_GAMMA, column] = logs_WL[_GAMMA, column], gamma
        _read_longer(directory, length, ids_S, begin, size, links_WL, logs_WL)


@kernel
def _read_unigrams(
    directory: Directory, ids_S: Ids, begin: int, size: int, links_WL: Any, logs_WL: FloatArray
) -> None:
    """Read where the children of each unigram lie, its log γ and log P."""
    address, stride = directory[0, ADDRESS], directory[0, STRIDE]
    to_log_p, to_gamma, to_first = directory[0, LOG_P], directory[0, LOG_GAMMA], directory[0, FIRST]
    free, low = free_bits(directory[0]), directory[0, LOW]
    for place in range(size):
        prefetch(address + stride * max(np.int64(ids_S[begin + place]), 0))
    for place in range(size):
        symbol = np.int64(ids_S[begin + place])
        links_WL[_MATCHED, place] = 1
        if symbol < 0:
            logs_WL[_LOG_P, place], logs_WL[_GAMMA, place + 1] = 0.0, 0.0
            links_WL[_BEGIN, place + 1], links_WL[_END, place + 1] = 0, 0
            continue
        entry = address + stride * symbol
        logs_WL[_LOG_P, place] = load_float(entry + to_log_p)
        logs_WL[_GAMMA, place + 1] = load_float(entry + to_gamma)
        first = load_32(entry + to_first)
        links_WL[_BEGIN, place + 1] = first
        links_WL[_END, place + 1] = end_of_children(entry, stride, to_first, np.int64(first), free, low)


@kernel
def _read_longer(
    directory: Directory,
    length: int,
    ids_S: Ids,
    begin: int,
    size: int,
    links_WL: Any,
    logs_WL: FloatArray,
) -> None:
    """Look up the k-grams that end at each place, below the contexts that end one before.

    Each is guessed and its hint asked for, some places later its row, some more later the row is read: so
    that memory works all the time, and what it is asked for has come when it is needed.
    """
    level, above, now = directory[length - 1], length % 2, (length - 1) % 2
    address, stride, mask, forth = level[ADDRESS], level[STRIDE], mask_of(level), np.uint32(level[FORTH])
    hints, nothing, free, low = level[HINTS], address_of(_NOTHING), free_bits(level), level[LOW]
    to_log_p, to_gamma, to_first = level[LOG_P], level[LOG_GAMMA], level[FIRST]
    highest = length == len(directory)
    # where a shorter n-gram is not stored, no longer one is: if the tables are closed
    known, active = np.uint32(length - 1 if level[CLOSED] else 0), 0
    for place in range(size):
        logs_WL[_LOG_P, place] += logs_WL[_GAMMA + above, place]
        logs_WL[_GAMMA + now, place + 1] = 0.0
        links_WL[_BEGIN + now, place + 1], links_WL[_END + now, place + 1] = 0, 0
        links_WL[_ACTIVE, active] = place
        parent = links_WL[_BEGIN + above, place] < links_WL[_END + above, place]
        active += parent & (links_WL[_MATCHED, place] >= known)
    ahead = min(active, _AHEAD)
    # choices of an address, not of what to do: a processor guesses the latter, and guesses wrong
    for turn in range(0 if active > ahead else ahead, active + 2 * ahead):
        if turn < active:
            place = links_WL[_ACTIVE, turn]
            first = np.int64(links_WL[_BEGIN + above, place])
            children = np.int64(links_WL[_END + above, place]) - first
            wanted = np.uint32(np.uint32(ids_S[np.uint32(begin) + place]) * forth)
            hint = hints + 2 * guess(first >> PER_HINT, children >> PER_HINT, wanted)
            prefetch(hint if children >= FEWEST_HINTED else address + stride * guess(first, children, wanted))
        if turn >= ahead and turn < active + ahead:
            place = links_WL[_ACTIVE, turn - ahead]
            first, last = np.int64(links_WL[_BEGIN + above, place]), np.int64(links_WL[_END + above, place])
            wanted = np.uint32(np.uint32(ids_S[np.uint32(begin) + place]) * forth)
            hint = hints + 2 * guess(first >> PER_HINT, (last - first) >> PER_HINT, wanted)
            off = load_signed_16(hint if last - first >= FEWEST_HINTED and hints != 0 else nothing)
            near = min(max(guess(first, last - first, wanted) + off, first), last - 1)
            links_WL[_NEAR, turn - ahead] = near
            prefetch(address + stride * near)
            prefetch(address + stride * near + stride)
        if turn >= 2 * ahead:
            place = links_WL[_ACTIVE, turn - 2 * ahead]
            first, last = np.int64(links_WL[_BEGIN + above, place]), np.int64(links_WL[_END + above, place])
            wanted = np.uint32(np.uint32(ids_S[np.uint32(begin) + place]) * forth)
            near = np.int64(links_WL[_NEAR, turn - 2 * ahead])
            node = walk_to(address, stride, mask, first, last, wanted, near)
            if node >= 0:
                entry, after = address + stride * node, place + np.uint32(1)
                logs_WL[_LOG_P, place] = load_float(entry + to_log_p) if to_log_p else log_p_of(level, entry)
                links_WL[_MATCHED, place] = length
                if not highest:
                    logs_WL[_GAMMA + now, after] = load_float(entry + to_gamma)
                    first = np.int64(load_32(entry + to_first))
                    links_WL[_BEGIN + now, after] = first
                    links_WL[_END + now, after] = end_of_children(entry, stride, to_first, first, free, low)


@kernel
def score_rows(
    directory: Directory, ids_BS: Ids, skip: int, ends_B: NDArray[np.int64], log_p_BT: FloatArray
) -> None:
    """Write log P of each row's symbols from position `skip` on, up to where the row ends."""
    no_lengths = np.empty(0, dtype=np.uint8)
    for row in range(len(ids_BS)):
        score_row(directory, ids_BS[row, : ends_B[row]], skip, log_p_BT[row], no_lengths)
