"""Which contexts to mix for which kind of data, and how to tell the kind by looking.

Axes: N symbols.
"""

from __future__ import annotations

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


def chosen(kind: Kind, size: Size, vocabulary_size: int) -> NDArray[np.int64]:
    """Return contexts_C in the order in which chains go through them; "auto" is text for bytes."""
    if kind == "auto":
        kind = "text" if vocabulary_size == 257 else "symbols"
    return np.array([int(context) for context in _CHOSEN[kind, size]], dtype=np.int64)


def look(ids_N: Ids, vocabulary_size: int) -> tuple[Kind, int]:
    """Return what kind of data this is, and the length of a record where it has records.

    Bytes are columns where the lines are short and full of digits, as logs and tables are, text where
    few of them are what no text holds, else records if they repeat at some distance, else symbols.
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
    """Return the distance from 2 to 256 at which symbols agree clearly the most often, 0 where none is."""
    distances = range(2, min(LONGEST_RECORD, len(ids_N) - 1) + 1)
    agreed = np.array([(ids_N[distance:] == ids_N[:-distance]).mean() for distance in distances])
    if not len(agreed) or agreed.max() < 2 * np.median(agreed) or agreed.max() < 0.05:
        return 0
    # the shortest that is nearly as good as the best: its multiples agree as often
    return 2 + int(np.flatnonzero(agreed > 0.95 * agreed.max())[0])
