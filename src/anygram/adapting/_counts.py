"""What followed the last symbols in what was read lately: tables of counts that fade, and their kernels.

A context is the last 0 to K symbols, none past the boundary; its counts fade by the same factor whenever it
is met again, so that a symbol's share of them is its share of the recent visits. Contexts and their
symbols stand in the order in which they were met; an index finds either by its hash.

The longest stretch that was read before and ends like the text does now, if it is long enough, predicts one
symbol more: the one that came after it.

What contexts say is mixed into what the model says from the shortest to the longest, then the match:

    P ← (1 − λ) P + λ P_context          λ by the context's length, its visits, and its different symbols

and each λ is moved towards the part that the context had in the symbol read: on-line EM (Cappé & Moulines
2009). A mixture is kept as P = s · P_model + a, so that no logarithm is taken before the end.

Axes: K orders, C contexts, E symbols of contexts, N symbols read, T positions, V vocabulary, H slots of an
index, B classes.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel

VISITS, KINDS, LENGTHS = 8, 4, 16
"""How many classes of visits, of different symbols and of lengths of matches have weights of their own."""
_LONGEST = 40
_KEPT = 64
_ROOM, _MOST_ROOM = 1 << 10, 1 << 22
"""How many contexts, symbols of contexts, or symbols read there is room for: at first, at most (200 MB)."""
_MATCHES = 1 << 18
_SURE = 8.0
"""How many symbols the weights are worth that learning begins with."""
_LEAST, _MOST, _FLOOR = 1e-4, 0.999, 0.01
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


def empty(orders: int, boundary: int) -> Tables:
    """Return tables of a session that has read the boundary alone, for contexts of 0 to `orders` symbols."""
    rows = orders + 2
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
        weight_KB=_first_weights(rows),
        seen_KB=np.full((rows, VISITS * KINDS), _SURE),
    )
    tables.read_N[0] = boundary
    tables.used[:] = (0, 0, 1, 1)
    return tables


def _first_weights(rows: int) -> NDArray[np.float64]:
    """Return λ before anything was read: (1 − ¾ d/n) / 4d of a context with d symbols in n visits.

    So a context weighs the more the oftener it was met and the fewer symbols came; a match by its length.
    """
    visits_B1 = np.array([1.0, *(1.25 * 2.0 ** np.arange(1, VISITS))])[:, None]
    kinds_B = np.array([1.0, 2.0, 3.5, 8.0])
    weight_KB = np.tile(((1 - 0.75 * kinds_B / visits_B1) / (4 * kinds_B)).ravel(), (rows, 1))
    weight_KB[-1, :LENGTHS] = np.minimum(0.02 * np.arange(1, LENGTHS + 1), 0.3)
    return np.maximum(weight_KB, _FLOOR)


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
    left = empty(len(tables.weight_KB) - 2, int(tables.read_N[0]))
    read, since = tables.used[2:].tolist()
    kept = min(since, _KEPT)
    left.read_N[1 : 1 + kept] = tables.read_N[read - kept : read]
    left.used[2:] = 1 + kept, kept
    left.weight_KB[:], left.seen_KB[:] = tables.weight_KB, tables.seen_KB
    return left


def _doubled(array_N: NDArray[Any]) -> NDArray[Any]:
    return np.concatenate([array_N, np.zeros_like(array_N)])


@kernel
def read(
    tables: Tables,
    decay_K: Any,
    shortest: int,
    rate: float,
    base_T: Any,
    ids_T: Any,
    log_p_T: Any,
    first: int,
) -> int:
    """Write log P of the ids from `first` on, given the model's as base_T, and learn each; return where it
    stopped, before the end for want of room."""
    orders = len(decay_K)
    found_K = np.empty(orders, dtype=np.int64)
    key_K = np.empty(orders, dtype=np.int64)
    for t in range(first, len(ids_T)):
        if (
            tables.used[0] + orders > len(tables.context_key_C)
            or tables.used[1] + orders > len(tables.symbol_E)
            or tables.used[2] == len(tables.read_N)
        ):
            return t
        _find_contexts(tables, key_K, found_K)
        log_p_T[t] = _judge(tables, decay_K, shortest, rate, found_K, base_T[t], ids_T[t])
        _count(tables, decay_K, key_K, found_K, ids_T[t])
        _go_on(tables, shortest, ids_T[t], ids_T[t] == tables.read_N[0])
    return len(ids_T)


@kernel
def distribution(tables: Tables, decay_K: Any, shortest: int, log_p_V: Any) -> None:
    """Write over the model's log P of every next symbol the mixture's."""
    orders = len(decay_K)
    found_K = np.empty(orders, dtype=np.int64)
    _find_contexts(tables, np.empty(orders, dtype=np.int64), found_K)
    added_V = np.zeros(len(log_p_V))
    kept = 1.0
    if tables.match[1] > 0:
        weight = tables.weight_KB[orders, _length_class(tables.match[1], shortest)]
        added_V[tables.read_N[tables.match[0]]] += weight
        kept -= weight
    for k in range(orders - 1, -1, -1):
        context = found_K[k]
        if context < 0:
            continue
        weight = tables.weight_KB[k, _context_class(tables, context)]
        place = tables.last_C[context] - 1
        while place >= 0:
            share = _share(tables, decay_K[k], context, place)
            added_V[tables.symbol_E[place]] += kept * weight * share
            place = tables.before_E[place] - 1
        kept *= 1.0 - weight
    for symbol in range(len(log_p_V)):
        log_p_V[symbol] = _logarithm(kept, added_V[symbol], log_p_V[symbol])


@kernel
def _judge(
    tables: Any, decay_K: Any, shortest: int, rate: float, found_K: Any, base: float, symbol: int
) -> float:
    """Return log P of the symbol, and move the weights towards what would have said it better."""
    kept, added, base_p = 1.0, 0.0, math.exp(base)
    for k in range(len(found_K)):
        context = found_K[k]
        if context >= 0:
            place = tables.symbol_index_H[_slot_of_symbol(tables, context, symbol)] - 1
            share = _share(tables, decay_K[k], context, place) if place >= 0 else 0.0
            kind = _context_class(tables, context)
            weight = tables.weight_KB[k, kind]
            _move(tables, rate, k, kind, share, kept * base_p + added)
            kept, added = (1.0 - weight) * kept, (1.0 - weight) * added + weight * share
    if tables.match[1] > 0:
        share = 1.0 if tables.read_N[tables.match[0]] == symbol else 0.0
        kind = _length_class(tables.match[1], shortest)
        weight = tables.weight_KB[len(found_K), kind]
        _move(tables, rate, len(found_K), kind, share, kept * base_p + added)
        kept, added = (1.0 - weight) * kept, (1.0 - weight) * added + weight * share
    return _logarithm(kept, added, base)


@kernel
def _move(tables: Any, rate: float, k: int, kind: int, share: float, rest: float) -> None:
    """Move λ towards the probability that the symbol came from the context and not from the rest."""
    weight = tables.weight_KB[k, kind]
    part = weight * share
    total = part + (1.0 - weight) * rest
    responsible = part / total if total > 0.0 else 0.0
    tables.seen_KB[k, kind] += 1.0
    weight += max(1.0 / tables.seen_KB[k, kind], rate) * (responsible - weight)
    tables.weight_KB[k, kind] = min(max(weight, _LEAST), _MOST)


@kernel
def _logarithm(kept: float, added: float, base: float) -> float:
    """Return log(kept · e^base + added), finite where base is so small that e^base is 0."""
    if added <= 0.0:
        return math.log(kept) + base
    return math.log(kept * math.exp(base) + added)


@kernel
def _find_contexts(tables: Any, key_K: Any, found_K: Any) -> None:
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
        found_K[k] = tables.context_index_H[_slot_of_context(tables, key)] - 1


@kernel
def _count(tables: Any, decay_K: Any, key_K: Any, found_K: Any, symbol: int) -> None:
    """Count the symbol in its contexts, those that are new too."""
    for k in range(len(key_K)):
        context = found_K[k]
        if context == -2:
            continue
        if context < 0:
            context = tables.used[0]
            tables.used[0] += 1
            tables.context_index_H[_slot_of_context(tables, key_K[k])] = context + 1
            tables.context_key_C[context] = key_K[k]
        tables.visits_C[context] += 1
        tables.total_C[context] = tables.total_C[context] * decay_K[k] + 1.0
        slot = _slot_of_symbol(tables, context, symbol)
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
def _go_on(tables: Any, shortest: int, symbol: int, closes: bool) -> None:
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
def _share(tables: Any, decay: float, context: int, place: int) -> float:
    """Return a symbol's part of what its context counts."""
    passed = tables.visits_C[context] - tables.visit_E[place]
    share: float = tables.weight_E[place] * decay**passed / tables.total_C[context]
    return share


@kernel
def _context_class(tables: Any, context: int) -> int:
    """Return the class of a context: by the logarithm of its visits, and its different symbols."""
    visits, high = tables.visits_C[context], 0
    while visits > 1 and high < VISITS - 1:
        visits >>= 1
        high += 1
    kinds = tables.kinds_C[context]
    few = 0 if kinds == 1 else 1 if kinds == 2 else 2 if kinds <= 4 else 3
    return high * KINDS + few


@kernel
def _length_class(length: int, shortest: int) -> int:
    return min((length - shortest) // 2, LENGTHS - 1)


@kernel
def _slot_of_context(tables: Any, key: Any) -> Any:
    """Return where the index holds the context of this key, or would."""
    mask = len(tables.context_index_H) - 1
    slot = key & mask
    while tables.context_index_H[slot] and tables.context_key_C[tables.context_index_H[slot] - 1] != key:
        slot = (slot + 1) & mask
    return slot


@kernel
def _slot_of_symbol(tables: Any, context: Any, symbol: Any) -> Any:
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
        tables.context_index_H[_slot_of_context(tables, tables.context_key_C[context])] = context + 1


@kernel
def _index_symbols(tables: Any) -> None:
    for place in range(tables.used[1]):
        slot = _slot_of_symbol(tables, tables.context_E[place], tables.symbol_E[place])
        tables.symbol_index_H[slot] = place + 1
