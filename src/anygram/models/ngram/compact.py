"""Tables in fewer bytes: log P as one of 256 values of its level, backoffs made exact again.

Values are spread by k-means over log P (Lloyd 1982) and each log P takes the nearest, yet in no context
may the sum of P grow by more than a part of what is left to symbols not stored there; where it would,
the next smaller value is taken. Then backoffs are computed anew, from short contexts to long ones, in
double precision:

    γ(h) = (1 − Σ P(w | h)) / (1 − Σ P(w | h')),  both sums over the symbols w stored after h

where P is the compact model's own and h' the longest stored suffix of h. A level is left as it is, and
those below it, where the symbols stored after some context are all there are, or have all of P: nothing
could take what rounding leaves over. That happens in small vocabularies, and there where n-grams are few.

Axes: G k-grams of a level, P its contexts, W words of a row, C values, S of a sample.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anygram import threads
from anygram.compiled import kernel, load_double, load_float, part, prefetch
from anygram.errors import UsageError
from anygram.models.ngram.lookup import Directory, children, log_p_of
from anygram.models.ngram.shorter import Links, fall_back
from anygram.models.ngram.space import Space
from anygram.models.ngram.tables import ADDRESS, LOG_GAMMA, SIZE, STRIDE, Logs, Tables
from anygram.models.ngram.trie import Words
from anygram.protocols import FloatArray

LARGEST_VOCABULARY = 1 << 24
"""Above it, scrambled symbols leave no room in 32 bits for the number of a value."""

_ALL = np.uint32(0xFFFFFFFF)
_VALUES = 256
_SAMPLE = 1 << 18
_ITERATIONS = 30
_FREE_TO_GROW = 0.125
_LEAST_UNSEEN = 2.0**-30
"""P, after h', of the symbols not stored after h: below it, nothing is rounded."""
_LEAST_LEFT = 1e-6
"""What the symbols not stored after a context have at least: P that is nearly 1 is lowered for that."""
_AHEAD = 48


def require_room(vocabulary_size: int) -> None:
    """Raise UsageError for a vocabulary that is too large for the compact form."""
    if vocabulary_size > LARGEST_VOCABULARY:
        raise UsageError(
            f"quantize takes vocabularies of up to {LARGEST_VOCABULARY:,} symbols, got {vocabulary_size:,}; "
            "pass quantize=false or limit the vocabulary"
        )


def quantize(tables: Tables, space: Space) -> Tables:
    """Return the compact form of tables that are not; UsageError where the vocabulary is too large."""
    require_room(tables.vocabulary_size)
    links, totals = Links(tables, space), _Totals(tables, space)
    compact = _prepare(tables, 1, space)
    for length in range(2, tables.order + 1):
        log_p_G = tables.log_p(length)
        values_C = _choose(log_p_G[:: 1 + len(log_p_G) // _SAMPLE], log_p_G.min(initial=0))
        compact.centres[length - 2][:] = values_C
        if _round(tables, compact, links, totals, length) < _LEAST_UNSEEN:
            compact = _prepare(tables, length, space)
            for kept in range(2, length + 1):
                _measure(tables, links, totals, kept)
    return compact


class _Totals:
    """Σ P over all symbols after each context: 1, but for what rounding to 32 bits did; 8 bytes each."""

    def __init__(self, tables: Tables, space: Space) -> None:
        p_V = np.exp(tables.log_p(1).astype(np.float64))
        self.levels = [
            np.array([p_V.sum()]),
            *(space.empty(count, np.float64) for count in tables.counts[:-1]),
        ]
        self.directory = np.array([totals_P.ctypes.data for totals_P in self.levels], dtype=np.int64)


def _prepare(tables: Tables, kept: int, space: Space) -> Tables:
    """Return tables whose levels above `kept` lack log P and whose values are still to be chosen."""
    levels = list(tables.levels[: kept - 1])
    levels.append(_copy(tables, kept, [0, 1, 2, 3], space))
    levels += [_copy(tables, length, [0, 2, 3], space) for length in range(kept + 1, tables.order + 1)]
    sizes = [0 if length <= kept else _VALUES for length in range(2, tables.order + 1)]
    centres = tuple(np.empty(size, dtype=np.float32) for size in sizes)
    return Tables(tuple(levels), centres, closed=tables.closed)


def _copy(tables: Tables, length: int, columns: list[int], space: Space) -> Words:
    """Return a level of those columns that there are, the first without how many children there are."""
    words_GW, mask = tables.levels[length - 1], np.uint32(tables.mask(length))
    columns = [column for column in columns if column < words_GW.shape[1]]
    copied_GW = space.empty(len(words_GW) * len(columns), np.uint32).reshape(len(words_GW), len(columns))
    for begin, end in space.blocks(len(words_GW), 32):
        for column, old in enumerate(columns):
            copied_GW[begin:end, column] = words_GW[begin:end, old] & (mask if old == 0 else _ALL)
        space.forget(words_GW, copied_GW)
    return copied_GW


def _choose(log_p_S: Logs, least: float) -> Logs:
    """Return rising values that lie near those of a sample, the first below all there are.

    >>> _choose(np.float32([-1, -2, -1]), -2)[[0, 1, 2, -1]].tolist()
    [-2.009999990463257, -2.0, -1.0, -1.0]
    """
    distinct = np.unique(log_p_S).astype(np.float64)
    if len(distinct) >= _VALUES:
        sorted_S = np.sort(log_p_S).astype(np.float64)
        sums_S1 = np.concatenate([[0], np.cumsum(sorted_S)])
        distinct = sorted_S[(np.arange(_VALUES - 1) + 0.5).astype(np.int64) * len(sorted_S) // (_VALUES - 1)]
        for _ in range(_ITERATIONS):
            edges = np.searchsorted(sorted_S, (distinct[1:] + distinct[:-1]) / 2)
            edges = np.concatenate([[0], edges, [len(sorted_S)]])
            sizes = np.diff(edges)
            means = np.diff(sums_S1[edges]) / np.maximum(sizes, 1)
            distinct = np.where(sizes > 0, means, distinct)
    values_C = np.full(_VALUES, distinct[-1] if len(distinct) else least, dtype=np.float32)
    values_C[0] = least - 0.01
    values_C[1 : 1 + len(distinct)] = distinct
    return np.sort(values_C)


def _spans(tables: Tables, length: int) -> list[tuple[int, int]]:
    return threads.spans(tables.counts[length - 1], 4 * threads.cores())


def _measure(tables: Tables, links: Links, totals: _Totals, length: int) -> None:
    """Write the totals of the contexts of a level that stays as it is."""

    def run(span: tuple[int, int]) -> None:
        directories = tables.directory, links.directory, totals.directory
        _measure_contexts(*directories, length, *span, totals.levels[length - 1])

    list(threads.side_by_side(run, _spans(tables, length - 1)))


@kernel
def _measure_contexts(
    directory: Directory,
    links: Directory,
    totals: Directory,
    length: int,
    begin: int,
    end: int,
    total_P: FloatArray,
) -> None:
    upper, level = directory[length - 2], directory[length - 1]
    for context in range(begin, end):
        first, last = children(upper, context)
        seen = 0.0
        for child in range(first, last):
            seen += np.exp(np.float64(log_p_of(level, level[ADDRESS] + level[STRIDE] * child)))
        log_gamma = np.float64(load_float(upper[ADDRESS] + upper[STRIDE] * context + upper[LOG_GAMMA]))
        unseen = _unseen(directory, links, totals, length, context, first, last)
        total_P[context] = seen + np.exp(log_gamma) * unseen


@kernel
def _unseen(
    directory: Directory,
    links: Directory,
    totals: Directory,
    length: int,
    context: int,
    first: int,
    last: int,
) -> Any:
    """Return Σ P(w | h') over the symbols that are not stored after a context h of `length` − 1 symbols."""
    shorter_length, shorter = fall_back(links, length - 1, context)
    total = load_double(totals[shorter_length] + 8 * shorter)
    return total - _shorter_sum(directory, links, length, context, first, last)


@kernel
def _shorter_sum(
    directory: Directory, links: Directory, length: int, context: int, first: int, last: int
) -> float:
    """Return Σ P(w | h') over the children of a context h of `length` − 1 symbols."""
    total = 0.0
    for child in range(first, last):
        if child + _AHEAD < directory[length - 1, SIZE]:
            coming_length, coming = fall_back(links, length, child + _AHEAD)
            lower = directory[coming_length - 1]
            prefetch(lower[ADDRESS] + lower[STRIDE] * coming)
        matched, node = fall_back(links, length, child)
        level = directory[matched - 1]
        log_p = np.float64(log_p_of(level, level[ADDRESS] + level[STRIDE] * node))
        # suffixes of h between h itself and what matched, where w is not stored
        shorter_length, shorter = fall_back(links, length - 1, context)
        while shorter_length >= matched:
            level = directory[shorter_length - 1]
            log_p += load_float(level[ADDRESS] + level[STRIDE] * shorter + level[LOG_GAMMA])
            shorter_length, shorter = fall_back(links, shorter_length, shorter)
        total += np.exp(log_p)
    return total


def _round(tables: Tables, compact: Tables, links: Links, totals: _Totals, length: int) -> float:
    """Write the numbers of a level's values, and log γ and totals of its contexts.

    Return the least P, after h', of the symbols not stored after some h.
    """
    values_C = compact.centres[length - 2]
    log_gamma_P = compact.log_gamma(length - 1)

    def run(span: tuple[int, int]) -> float:
        return _round_children(
            tables.directory,
            compact.directory,
            links.directory,
            totals.directory,
            length,
            *span,
            values_C,
            np.exp(values_C.astype(np.float64)),
            compact.levels[length - 1],
            log_gamma_P,
            totals.levels[length - 1],
        )

    return min(threads.side_by_side(run, _spans(tables, length - 1)))


@kernel
def _round_children(
    directory: Directory,
    compact_directory: Directory,
    links: Directory,
    totals: Directory,
    length: int,
    begin: int,
    end: int,
    values_C: Logs,
    p_C: FloatArray,
    words_GW: Words,
    log_gamma_P: Logs,
    total_P: FloatArray,
) -> float:
    """Round log P of the children of contexts `begin` to `end`, and set their log γ and totals."""
    upper, level = directory[length - 2], directory[length - 1]
    least = 1.0
    for context in range(begin, end):
        first, last = children(upper, context)
        unseen = _unseen(compact_directory, links, totals, length, context, first, last)
        if first == last:
            log_gamma_P[context], total_P[context] = 0, unseen
            continue
        least = min(least, unseen)
        left = _round_some(level, first, last, values_C, p_C, words_GW)
        log_gamma_P[context] = np.log(left / max(unseen, _LEAST_UNSEEN))
        total_P[context] = 1 - left + np.exp(np.float64(log_gamma_P[context])) * unseen
    return least


@kernel
def _round_some(
    level: Directory, first: int, last: int, values_C: Logs, p_C: FloatArray, words_GW: Words
) -> float:
    """Round log P of the children of one context; return what is left for symbols not stored after it."""
    total = 0.0
    for child in range(first, last):
        total += np.exp(np.float64(log_p_of(level, level[ADDRESS] + level[STRIDE] * child)))
    free, left = max(0.0, 1 - total) * _FREE_TO_GROW, 1.0
    for child in range(first, last):
        log_p = log_p_of(level, level[ADDRESS] + level[STRIDE] * child)
        p = np.exp(np.float64(log_p))
        value = _last_not_above(values_C, log_p)
        if value + 1 < len(values_C):
            nearer = values_C[value + 1] - log_p < log_p - values_C[value]
            value += nearer and p_C[value + 1] - p <= free
        free += p - p_C[value]
        left -= p_C[value]
        words_GW[child, 0] |= np.uint32(value)
    for child in range(first, last):
        while left < _LEAST_LEFT and words_GW[child, 0] & np.uint32(255) > 0:
            value = np.int64(words_GW[child, 0] & np.uint32(255))
            words_GW[child, 0] -= np.uint32(1)
            left += p_C[value] - p_C[value - 1]
    return left


@part
def _last_not_above(values_C: Logs, log_p: Any) -> Any:
    """Return the number of the largest of 256 rising values that is not above log P; 0 if all are."""
    found, step = np.int64(0), np.int64(_VALUES // 2)
    while step > 0:
        found += step if values_C[found + step] <= log_p else 0
        step >>= 1
    return found
