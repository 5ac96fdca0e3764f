"""How much is believed of what contexts say beside a model, and what they say together.

From the shortest context to the longest, then the match, each is mixed into what was said so far:

    P ← (1 − λ) P + λ P_context          λ by the context's length, its visits, and its different symbols

and λ is moved towards the part that the context had in the symbol read: on-line EM (Cappé & Moulines 2009).
A mixture is kept as P = s · P_model + a, so that no logarithm is taken before the end.

Axes: K orders and then the match, B classes, T positions, V vocabulary.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.adapting._counts import Tables, count, find_contexts, go_on, slot_of_symbol
from anygram.compiled import kernel

VISITS, KINDS, LENGTHS = 8, 4, 16
"""How many classes of visits, of different symbols and of lengths of matches have weights of their own."""
_LEAST, _MOST, _FLOOR = 1e-4, 0.999, 0.01


def first_weights(orders: int) -> NDArray[np.float64]:
    """Return λ of each order and class before anything was read.

    It is (1 − ¾ d/n) / 4d of a context with d symbols in n visits: the oftener it was met
    and the fewer symbols came, the more it weighs. A match weighs by its length.
    """
    visits_B1 = np.array([1.0, *(1.25 * 2.0 ** np.arange(1, VISITS))])[:, None]
    kinds_B = np.array([1.0, 2.0, 3.5, 8.0])
    weight_KB = np.tile(((1 - 0.75 * kinds_B / visits_B1) / (4 * kinds_B)).ravel(), (orders + 2, 1))
    weight_KB[-1, :LENGTHS] = np.minimum(0.02 * np.arange(1, LENGTHS + 1), 0.3)
    floored_KB: NDArray[np.float64] = np.maximum(weight_KB, _FLOOR)
    return floored_KB


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
        find_contexts(tables, key_K, found_K)
        log_p_T[t] = _judge(tables, decay_K, shortest, rate, found_K, base_T[t], ids_T[t])
        count(tables, decay_K, key_K, found_K, ids_T[t])
        go_on(tables, shortest, ids_T[t], ids_T[t] == tables.read_N[0])
    return len(ids_T)


@kernel
def distribution(tables: Tables, decay_K: Any, shortest: int, log_p_V: Any) -> None:
    """Write over the model's log P of every next symbol the mixture's."""
    orders = len(decay_K)
    found_K = np.empty(orders, dtype=np.int64)
    find_contexts(tables, np.empty(orders, dtype=np.int64), found_K)
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
            place = tables.symbol_index_H[slot_of_symbol(tables, context, symbol)] - 1
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
