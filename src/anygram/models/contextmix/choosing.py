"""Which contexts to mix for which kind of data, and how to tell the kind by looking.

Axes: N symbols.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from anygram.models.contextmix.contexts import Context
from anygram.protocols import Ids

Size = Literal["fast", "strong"]
Kind = Literal["auto", "text", "columns", "records", "symbols"]

_C = Context
_TEXT_FAST = (1, 2, _C.SHAPE, 3, 4, _C.WORD, _C.WORDS_2, 6)
_TEXT_STRONG = (
    *(_C.COLUMN, 0, 1, _C.SKIP, _C.COARSE, 2, _C.SHAPE, _C.ABOVE, 3, _C.FOLLOWED, 4, _C.WORD, _C.SENTENCE),
    *(_C.LINE_START, _C.LINE_WORD, 5, _C.WORDS_2, 6, _C.WORDS_SKIP, 8, _C.WORDS_3),
)
_COLUMNS_FAST = (1, 2, _C.SHAPE, _C.ABOVE, 3, _C.TEMPLATE, 4, _C.FIELD_ABOVE, _C.FIELD, 6)
_COLUMNS_STRONG = (
    *(_C.COLUMN, 0, 1, _C.SKIP, _C.COARSE, 2, _C.SHAPE, _C.ABOVE, _C.FIELD_SO_FAR, 3, _C.TEMPLATE),
    *(_C.FOLLOWED_2, 4, _C.WORD, _C.FIELD_ABOVE, _C.FIELD_BEFORE, _C.FIELD, 5, _C.WORDS_2, 6),
)
_RECORDS_FAST = (0, _C.RECORD, 1, _C.RECORD_ABOVE, 2, _C.SKIP, 3, 4)
_RECORDS_STRONG = (
    *(0, _C.RECORD, 1, _C.RECORD_ABOVE, _C.PAIR, _C.SKIP, _C.COARSE, 2, _C.FOLLOWED, 3, _C.FOLLOWED_2),
    *(4, 5, 6),
)
_SYMBOLS_FAST = (0, 1, 2, _C.SKIP, 3, 4, 5, 6)
_SYMBOLS_STRONG = (0, 1, _C.PAIR, _C.SKIP, 2, _C.FOLLOWED, 3, _C.FOLLOWED_2, 4, 5, 6, 7, 8)

_CHOSEN: dict[tuple[str, str], tuple[int, ...]] = {
    ("text", "fast"): _TEXT_FAST,
    ("text", "strong"): _TEXT_STRONG,
    ("columns", "fast"): _COLUMNS_FAST,
    ("columns", "strong"): _COLUMNS_STRONG,
    ("records", "fast"): _RECORDS_FAST,
    ("records", "strong"): _RECORDS_STRONG,
    ("symbols", "fast"): _SYMBOLS_FAST,
    ("symbols", "strong"): _SYMBOLS_STRONG,
}
MIXERS: dict[str, int] = {"fast": 4, "strong": 6}
LONGEST_RECORD = 256

_LOOKED_AT = 1 << 16
_DIGITS, _NOT_TEXT = 0.06, 0.02
_LIKELIEST = 8
_CLEARLY, _NEARLY = 0.98, 1 / 3
_BEGUN = 0.05


def chosen(kind: Kind, size: Size, vocabulary_size: int) -> NDArray[np.int64]:
    """Return contexts_C in the order in which chains go through them; "auto" is text for bytes."""
    if kind == "auto":
        kind = "text" if vocabulary_size == 257 else "symbols"
    return np.array([int(context) for context in _CHOSEN[kind, size]], dtype=np.int64)


def look(ids_N: Ids, vocabulary_size: int) -> tuple[Kind, int]:
    """Return what kind of data this is, and the length of a record where it has records.

    Bytes are columns where the lines are short and full of digits, as logs and tables are, text where
    few of them are what no text holds, else records if what stands at some distance says more of a
    symbol than the one before it does, else symbols.
    """
    ids_N = ids_N[:_LOOKED_AT]
    if vocabulary_size != 257 or not len(ids_N):
        return ("symbols" if vocabulary_size != 257 else "text"), 0
    counts_V = np.bincount(ids_N, minlength=257)[:256] / len(ids_N)
    control = counts_V[:9].sum() + counts_V[14:32].sum() + counts_V[127]
    if control > _NOT_TEXT:
        period = _period(ids_N)
        return ("records", period) if period else ("symbols", 0)
    lined = counts_V[10] * 400 > 1
    return ("columns" if lined and counts_V[48:58].sum() > _DIGITS else "text"), 0


def _period(ids_N: Ids) -> int:
    """Return the distance from 2 to 256 whose symbol says clearly more of the next than the last one does.

    That is: a code learnt by the symbol at that distance alone is 2 % shorter than one by the last symbol,
    or by none. Of those that gain two thirds of what the best one does it is the shortest, for the multiples
    of a record's length gain too; 0 where there is none.
    """
    last = min(LONGEST_RECORD, len(ids_N) // 2)
    if last < 2:
        return 0
    next_N = ids_N[last:]
    bits = {
        distance: _bits(next_N, ids_N[last - distance : len(ids_N) - distance])
        for distance in _candidates(ids_N, last)
    }
    known = min(_bits(next_N, np.zeros_like(next_N)), _bits(next_N, ids_N[last - 1 : -1]))
    best = min(bits.values())
    if best > _CLEARLY * known:
        return 0
    return min(distance for distance, cost in bits.items() if cost <= best + _NEARLY * (known - best))


def _candidates(ids_N: Ids, last: int) -> set[int]:
    """Return the distances at which symbols agree most, and what divides them; with the most frequent
    symbol counted, and without."""
    frequent = np.bincount(ids_N).argmax()
    agreed_D2 = np.empty((last - 1, 2))
    for distance in range(2, last + 1):
        agree_N = ids_N[distance:] == ids_N[:-distance]
        agreed_D2[distance - 2] = agree_N.mean(), (agree_N & (ids_N[distance:] != frequent)).mean()
    likeliest = {int(distance) + 2 for distance in np.argsort(-agreed_D2, axis=0)[:_LIKELIEST].ravel()}
    return {part for distance in likeliest for part in range(2, distance + 1) if distance % part == 0}


def _bits(ids_N: Ids, contexts_N: Ids) -> float:
    """Return how long a code of these symbols is that learns each one's counts in its context.

    Each symbol's share begins with 1/20: the Dirichlet-multinomial of that parameter, whose code length is
    a sum of ln Γ (Krichevsky & Trofimov 1981 have 1/2).
    """
    symbols = 257
    log_rising = [
        np.append(0.0, np.log(np.arange(len(ids_N)) + begun).cumsum()) for begun in (_BEGUN, _BEGUN * symbols)
    ]
    counts = np.unique(contexts_N.astype(np.int64) * symbols + ids_N, return_counts=True)[1]
    totals = np.unique(contexts_N, return_counts=True)[1]
    return float(log_rising[1][totals].sum() - log_rising[0][counts].sum()) / math.log(2)
