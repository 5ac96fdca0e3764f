"""What followed the last symbols in what was read lately: tables of counts that fade, and their kernels.

A context is the last 0 to K symbols, none past the boundary; its counts fade by the same factor whenever it
is met again, so that a symbol's share of them is its share of the recent visits. Contexts and their
symbols stand in the order in which they were met; an index finds either by its hash.

The longest stretch that was read before and ends like the text does now, if it is long enough, predicts one
symbol more: the one that came after it. `_weighing` says how much of all that is believed.

Axes: K orders, C contexts, E symbols of contexts, N symbols read, H slots of an index, B classes.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel

_LONGEST, _KEPT = 40, 64
"""The longest match that is told from longer ones; how many symbols stay where the rest is forgotten."""
_ROOM, _MOST_ROOM = 1 << 10, 1 << 22
"""How many contexts, symbols of contexts, or symbols read there is room for: at first, at most (200 MB)."""
_MATCHES = 1 << 18
_SURE = 8.0
"""How many symbols the weights are worth that learning begins with."""
_SPREAD = np.int64(-7046029254386353131)  # 2^64 / golden ratio, odd (Knuth 1998, section 6.4)


class Tables(NamedTuple):
    """All that is learnt; `used` holds how many contexts there are, symbols of contexts, symbols read, and
    symbols since the last boundary, that included."""

    used: NDArray[np.int64]
    context_index_H: NDArray[np.int32]
    context_key_C: NDArray[np.int64]
    total_C: NDArray[np.float64]
    visits_C: NDArray[np.int32]
    kinds_C: NDArray[np.int32]
    last_C: NDArray[np.int32]
    symbol_index_H: NDArray[np.int32]
    context_E: NDArray[np.int32]
    symbol_E: NDArray[np.int32]
    weight_E: NDArray[np.float64]
    visit_E: NDArray[np.int32]
    before_E: NDArray[np.int32]
    read_N: NDArray[np.int32]
    match_index_H: NDArray[np.int32]
    match: NDArray[np.int64]
    """Where the match goes on in read_N, and its length; 0 where there is none."""
    weight_KB: NDArray[np.float64]
    seen_KB: NDArray[np.float64]
    """λ of each order and class, the match's in the last row, and how often each was moved."""


def empty(weight_KB: NDArray[np.float64], boundary: int) -> Tables:
    """Return tables of a session that has read the boundary alone and begins with these weights."""
    tables = Tables(
        used=np.zeros(4, dtype=np.int64),
        context_index_H=np.zeros(2 * _ROOM, dtype=np.int32),
        context_key_C=np.zeros(_ROOM, dtype=np.int64),
        total_C=np.zeros(_ROOM, dtype=np.float64),
        visits_C=np.zeros(_ROOM, dtype=np.int32),
        kinds_C=np.zeros(_ROOM, dtype=np.int32),
        last_C=np.zeros(_ROOM, dtype=np.int32),
        symbol_index_H=np.zeros(2 * _ROOM, dtype=np.int32),
        context_E=np.zeros(_ROOM, dtype=np.int32),
        symbol_E=np.zeros(_ROOM, dtype=np.int32),
        weight_E=np.zeros(_ROOM, dtype=np.float64),
        visit_E=np.zeros(_ROOM, dtype=np.int32),
        before_E=np.zeros(_ROOM, dtype=np.int32),
        read_N=np.zeros(_ROOM, dtype=np.int32),
        match_index_H=np.zeros(_MATCHES, dtype=np.int32),
        match=np.zeros(2, dtype=np.int64),
        weight_KB=weight_KB.copy(),
        seen_KB=np.full_like(weight_KB, _SURE),
    )
    tables.read_N[0] = boundary
    tables.used[:] = (0, 0, 1, 1)
    return tables


def copied(tables: Tables) -> Tables:
    """Return the same tables anew."""
    return Tables._make(array.copy() for array in tables)


def with_room(tables: Tables) -> Tables:
    """Return the same tables with room for as many more of whatever is short of it, or emptied ones."""
    contexts, symbols, read, _ = tables.used.tolist()
    orders = len(tables.weight_KB) - 1
    if max(contexts, symbols, read) + orders > _MOST_ROOM:
        return _emptied(tables)
    if contexts + orders > len(tables.context_key_C):
        names = ("context_key_C", "total_C", "visits_C", "kinds_C", "last_C")
        tables = tables._replace(**{name: _doubled(getattr(tables, name)) for name in names})
        tables = tables._replace(context_index_H=np.zeros(2 * len(tables.total_C), dtype=np.int32))
        _index_contexts(tables)
    if symbols + orders > len(tables.symbol_E):
        names = ("context_E", "symbol_E", "weight_E", "visit_E", "before_E")
        tables = tables._replace(**{name: _doubled(getattr(tables, name)) for name in names})
        tables = tables._replace(symbol_index_H=np.zeros(2 * len(tables.symbol_E), dtype=np.int32))
        _index_symbols(tables)
    if read == len(tables.read_N):
        tables = tables._replace(read_N=_doubled(tables.read_N))
    return tables


def _emptied(tables: Tables) -> Tables:
    """Return tables that hold the last symbols, and what each kind of context is worth, but no counts."""
    left = empty(tables.weight_KB, int(tables.read_N[0]))
    read, since = tables.used[2:].tolist()
    kept = min(since, _KEPT)
    left.read_N[1 : 1 + kept] = tables.read_N[read - kept : read]
    left.used[2:] = 1 + kept, kept
    left.seen_KB[:] = tables.seen_KB
    return left


def _doubled(array_N: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([array_N, np.zeros_like(array_N)])


@kernel
def find_contexts(tables: Any, key_K: Any, found_K: Any) -> None:
    """Write each order's key and its context: −1 where it is new, −2 where it would pass the boundary."""
    read, since = tables.used[2], tables.used[3]
    key = np.int64(1)
    for k in range(len(key_K)):
        if k > since:
            found_K[k:] = -2
            return
        if k > 0:
            key = (key ^ (tables.read_N[read - k] + np.int64(k) * 65599)) * _SPREAD
            key ^= (key >> 32) & 0xFFFFFFFF
        key_K[k] = key
        found_K[k] = tables.context_index_H[slot_of_context(tables, key)] - 1


@kernel
def count(tables: Any, decay_K: Any, key_K: Any, found_K: Any, symbol: int) -> None:
    """Count the symbol in its contexts, those that are new too."""
    for k in range(len(key_K)):
        context = found_K[k]
        if context == -2:
            continue
        if context < 0:
            context = tables.used[0]
            tables.used[0] += 1
            tables.context_index_H[slot_of_context(tables, key_K[k])] = context + 1
            tables.context_key_C[context] = key_K[k]
        tables.visits_C[context] += 1
        tables.total_C[context] = tables.total_C[context] * decay_K[k] + 1.0
        slot = slot_of_symbol(tables, context, symbol)
        place = tables.symbol_index_H[slot] - 1
        if place < 0:
            place = tables.used[1]
            tables.used[1] += 1
            tables.symbol_index_H[slot] = place + 1
            tables.context_E[place] = context
            tables.symbol_E[place] = symbol
            tables.before_E[place] = tables.last_C[context]
            tables.last_C[context] = place + 1
            tables.kinds_C[context] += 1
        passed = tables.visits_C[context] - tables.visit_E[place]
        tables.weight_E[place] = tables.weight_E[place] * decay_K[k] ** passed + 1.0
        tables.visit_E[place] = tables.visits_C[context]


@kernel
def go_on(tables: Any, shortest: int, symbol: int, closes: bool) -> None:
    """Append the symbol to what was read, and follow the match or look for one."""
    read, match = tables.used[2], tables.match
    follows = match[1] > 0 and tables.read_N[match[0]] == symbol
    tables.read_N[read] = symbol
    tables.used[2] = read + 1
    tables.used[3] = 1 if closes else tables.used[3] + 1
    match[0], match[1] = (match[0] + 1, min(match[1] + 1, _LONGEST)) if follows else (0, 0)
    if closes:
        match[0], match[1] = 0, 0
    if tables.used[3] < shortest:
        return
    key = np.int64(0)
    for back in range(shortest):
        key = (key ^ tables.read_N[read - back]) * _SPREAD
        key ^= (key >> 32) & 0xFFFFFFFF
    slot = key & (len(tables.match_index_H) - 1)
    place = tables.match_index_H[slot]
    tables.match_index_H[slot] = read + 1
    if match[1] == 0 and place > 0:
        length = 0
        most = min(_LONGEST, place, tables.used[3])
        while length < most and tables.read_N[place - 1 - length] == tables.read_N[read - length]:
            length += 1
        if length >= shortest:
            match[0], match[1] = place, length


@kernel
def slot_of_context(tables: Any, key: Any) -> Any:
    """Return where the index holds the context of this key, or would."""
    mask = len(tables.context_index_H) - 1
    slot = key & mask
    while tables.context_index_H[slot] and tables.context_key_C[tables.context_index_H[slot] - 1] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def slot_of_symbol(tables: Any, context: Any, symbol: Any) -> Any:
    """Return where the index holds this symbol of this context, or would."""
    mask = len(tables.symbol_index_H) - 1
    key = (np.int64(context) * 1000003 + symbol) * _SPREAD
    slot = (key ^ ((key >> 32) & 0xFFFFFFFF)) & mask
    while True:
        place = tables.symbol_index_H[slot] - 1
        if place < 0 or (tables.context_E[place] == context and tables.symbol_E[place] == symbol):
            return slot
        slot = (slot + 1) & mask


@kernel
def _index_contexts(tables: Any) -> None:
    for context in range(tables.used[0]):
        tables.context_index_H[slot_of_context(tables, tables.context_key_C[context])] = context + 1


@kernel
def _index_symbols(tables: Any) -> None:
    for place in range(tables.used[1]):
        slot = slot_of_symbol(tables, tables.context_E[place], tables.symbol_E[place])
        tables.symbol_index_H[slot] = place + 1
