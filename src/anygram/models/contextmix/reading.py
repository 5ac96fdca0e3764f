"""Kernels that read symbols: learning or not, asking for one or all probabilities, coding.

A symbol is read as the path from the root of a binary tree to its leaf, four bits a bucket. Where a
node has but one child that leads to a symbol, its bit is certain and costs nothing, so that the
probabilities of all symbols add up to one by construction.

The code is that of a binary arithmetic coder with 32-bit bounds that are shifted out byte by byte once
their leading bytes agree (Mahoney, "Data Compression Explained", section 3.2).

Axes: N symbols or numbers of a row, B rows, T positions, V vocabulary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import borrowing, kernel, part
from anygram.logarithms import logarithm
from anygram.models.contextmix import contexts, matching
from anygram.models.contextmix.contexts import Numbers
from anygram.models.contextmix.fixed import FINE, ONE, RATES, Whole, folded
from anygram.models.contextmix.mixing import (
    Work,
    begin_half,
    begin_symbol,
    learn_symbol,
    predict_bit,
    workspace,
)
from anygram.models.contextmix.tables import Tables
from anygram.protocols import FloatArray, Ids

_Bytes = NDArray[np.uint8]
_ESCAPES_MOST = 1000
NOTHING, ENCODE, DECODE = 0, 1, 2
LOW, HIGH, VALUE, AT = 0, 1, 2, 3
"""The coder's numbers: bounds, what is read of the code, and the place in it."""


@kernel
def score_rows(
    t: Tables, numbers_BN: Numbers, ids_BT: Ids, lengths_B: Numbers, begin_N: Numbers, log_p_BT: FloatArray
) -> None:
    """Read rows without learning; log P of each id goes to log_p_BT."""
    bits, boundary = spelling(t), boundary_of(begin_N)
    w, coder, code = workspace(t, bits), np.zeros(4, np.int64), np.zeros(0, np.uint8)
    for row in range(len(ids_BT)):
        for position in range(lengths_B[row]):
            n, symbol = numbers_BN[row], np.int64(ids_BT[row, position])
            _, probability = read_symbol(t, n, w, bits, boundary, symbol, False, NOTHING, coder, code)
            log_p_BT[row, position] = logarithm(probability)
            pass_symbol(t, n, begin_N, boundary, symbol, False)


@kernel
def advance_rows(t: Tables, numbers_BN: Numbers, ids_BT: Ids, lengths_B: Numbers, begin_N: Numbers) -> None:
    """Read rows without learning and without asking what their symbols cost."""
    boundary = boundary_of(begin_N)
    for row in range(len(ids_BT)):
        for position in range(lengths_B[row]):
            symbol = np.int64(ids_BT[row, position])
            pass_symbol(t, numbers_BN[row], begin_N, boundary, symbol, False)


@kernel
def learn_symbols(t: Tables, n: Numbers, ids_N: Ids, begin_N: Numbers, log_p_N: FloatArray) -> None:
    """Read symbols and learn each when it is known; log P of each before that goes to log_p_N."""
    bits, boundary = spelling(t), boundary_of(begin_N)
    w, coder, code = workspace(t, bits), np.zeros(4, np.int64), np.zeros(0, np.uint8)
    for position in range(len(ids_N)):
        symbol = np.int64(ids_N[position])
        _, probability = read_symbol(t, n, w, bits, boundary, symbol, True, NOTHING, coder, code)
        log_p_N[position] = logarithm(probability)
        pass_symbol(t, n, begin_N, boundary, symbol, True)


@kernel
def encode_symbols(
    t: Tables, n: Numbers, ids_N: Ids, begin_N: Numbers, coder: Numbers, code: _Bytes
) -> Whole:
    """Read symbols as `learn_symbols` does and write their code; return how many were read.

    It stops early where the code might not have room for a symbol more.
    """
    bits, boundary = spelling(t), boundary_of(begin_N)
    w = workspace(t, bits)
    for position in range(len(ids_N)):
        if coder[AT] + 4 * (bits + 1) > len(code):  # a bit settles four bytes at most
            return position
        symbol = np.int64(ids_N[position])
        read_symbol(t, n, w, bits, boundary, symbol, True, ENCODE, coder, code)
        pass_symbol(t, n, begin_N, boundary, symbol, True)
    return len(ids_N)


@kernel
def decode_symbols(t: Tables, n: Numbers, ids_N: Ids, begin_N: Numbers, coder: Numbers, code: _Bytes) -> None:
    """Fill ids_N with the symbols whose code this is, and learn them."""
    bits, boundary = spelling(t), boundary_of(begin_N)
    w = workspace(t, bits)
    for position in range(len(ids_N)):
        symbol, _ = read_symbol(t, n, w, bits, boundary, np.int64(0), True, DECODE, coder, code)
        ids_N[position] = symbol
        pass_symbol(t, n, begin_N, boundary, symbol, True)


@kernel
def predict_rows(t: Tables, numbers_BN: Numbers, begin_N: Numbers, log_p_BV: FloatArray) -> None:
    """Set log_p_BV to log P of every symbol that may come next."""
    bits, boundary = spelling(t), boundary_of(begin_N)
    w, reached = workspace(t, bits), np.zeros(2 << bits, np.float64)
    for row in range(len(numbers_BN)):
        _predict_all(t, numbers_BN[row], w, bits, boundary, reached, log_p_BV[row])


@kernel
def distribute_symbols(t: Tables, n: Numbers, ids_N: Ids, begin_N: Numbers, log_p_NV: FloatArray) -> None:
    """Read and learn symbols as `learn_symbols` does, and set log_p_NV to what each was predicted from."""
    bits, boundary = spelling(t), boundary_of(begin_N)
    w, reached = workspace(t, bits), np.zeros(2 << bits, np.float64)
    coder, code = np.zeros(4, np.int64), np.zeros(0, np.uint8)
    for position in range(len(ids_N)):
        symbol = np.int64(ids_N[position])
        _predict_all(t, n, w, bits, boundary, reached, log_p_NV[position])
        read_symbol(t, n, w, bits, boundary, symbol, True, NOTHING, coder, code)
        pass_symbol(t, n, begin_N, boundary, symbol, True)


@borrowing
def _predict_all(
    t: Tables, n: Numbers, w: Work, bits: Whole, boundary: Whole, reached: FloatArray, log_p_V: FloatArray
) -> None:
    leaves = 1 << bits
    begin_symbol(t, n, w, bits, boundary)
    reached[1] = 1.0
    for base_depth in range(0, bits, 4):
        for base in range(1 << base_depth, 2 << base_depth):
            _reach_nibble(t, n, w, bits, base, base_depth, reached)
    for symbol in range(min(boundary, leaves)):
        log_p_V[symbol] = logarithm(reached[leaves + symbol])
    last = reached[2 * leaves - 1]
    if boundary == leaves:
        escape = np.float64(_escape(t, n)) / ONE
        log_p_V[boundary - 1] = logarithm(last * (1.0 - escape))
        last *= escape
    log_p_V[boundary] = logarithm(last)


@borrowing
def _reach_nibble(
    t: Tables, n: Numbers, w: Work, bits: Whole, base: Whole, base_depth: Whole, reached: FloatArray
) -> None:
    """Spread the probability of a path over the sixteen that go four bits farther."""
    if reached[base] > 0.0:
        begin_half(t, w, base, base_depth >> 2)
    for depth in range(base_depth, base_depth + 4):
        first = base << (depth - base_depth)
        for path in range(first, first + (1 << (depth - base_depth))):
            one = np.float64(0.0)
            if t.forced[path] < 0 and reached[path] > 0.0:
                one = np.float64(predict_bit(t, n, w, path, depth, bits)) / ONE
            elif t.forced[path] == 1:
                one = np.float64(1.0)
            reached[2 * path] = reached[path] * (1.0 - one)
            reached[2 * path + 1] = reached[path] * one


@borrowing
def read_symbol(
    t: Tables,
    n: Numbers,
    w: Work,
    bits: Whole,
    boundary: Whole,
    symbol: Whole,
    learn: bool,
    coding: Whole,
    coder: Numbers,
    code: _Bytes,
) -> tuple[Whole, float]:
    """Return the symbol, which is the given one or the code's, and its probability before it was learnt."""
    leaf = min(symbol, (1 << bits) - 1)
    if symbol == boundary:
        leaf = (1 << bits) - 1
    begin_symbol(t, n, w, bits, boundary)
    path, probability = np.int64(1), 1.0
    for depth in range(bits):
        if depth & 3 == 0:
            begin_half(t, w, path, depth >> 2)
        bit = np.int64(t.forced[path])
        if bit < 0:
            one = predict_bit(t, n, w, path, depth, bits)
            bit = (leaf >> (bits - 1 - depth)) & 1
            bit = _code_bit(one, bit, coding, coder, code)
            probability *= np.float64(one) / ONE if bit == 1 else 1.0 - np.float64(one) / ONE
        path = path << 1 | bit
    leaf = path - (1 << bits)
    if learn:
        learn_symbol(t, w, leaf, bits)
    if leaf < (1 << bits) - 1:
        return leaf, probability
    if boundary < 1 << bits:
        return np.int64(boundary), probability
    one = _escape(t, n)
    bit = _code_bit(one, np.int64(symbol == boundary), coding, coder, code)
    probability *= np.float64(one) / ONE if bit == 1 else 1.0 - np.float64(one) / ONE
    if learn:
        _learn_escape(t, n, bit)
    return boundary - 1 + bit, probability


@borrowing
def pass_symbol(t: Tables, n: Numbers, begin_N: Numbers, boundary: Whole, symbol: Whole, learn: bool) -> None:
    """Bring the row past a symbol, and the history where it is learnt."""
    matching.go_on(t, n, symbol)
    if learn:
        t.history[t.clock[0] & (len(t.history) - 1)] = np.int32(symbol)
        t.clock[0] += 1
    if symbol == boundary:
        for place in range(len(n)):
            n[place] = begin_N[place]
    else:
        contexts.follow(n, symbol)
        matching.find(t, n, learn)
        if learn:
            _follow_pairs(t, n, symbol)
        n[contexts.FOLLOWED] = t.followed[n[0] & 255]
        n[contexts.FOLLOWED_2] = t.followed[_pair(n[1], n[0])]


@part
def _pair(first: Whole, second: Whole) -> Whole:
    """Return where it stands what followed two symbols."""
    return 256 + ((folded(first, second) >> 40) & 0xFFFF)


@borrowing
def _follow_pairs(t: Tables, n: Numbers, symbol: Whole) -> None:
    """Note that this symbol followed the ones before it."""
    for place in (n[1] & 255, _pair(n[2], n[1])):
        t.followed[place] = np.int32((t.followed[place] << 8 | (symbol & 255)) & 0xFFFF)


@part
def spelling(t: Tables) -> Whole:
    """Return how many bits spell a symbol."""
    bits = np.int64(0)
    while len(t.forced) > 1 << bits:
        bits += 1
    return bits


@part
def boundary_of(begin_N: Numbers) -> Whole:
    """Return the boundary's id: at the beginning it is all that was read."""
    return begin_N[contexts.SYMBOLS]


@part
def _escape(t: Tables, n: Numbers) -> Whole:
    """Return the probability that the highest leaf means the boundary."""
    return min(max(t.escapes[n[0] & 255] >> (10 + FINE - 16), 1), ONE - 1)


@borrowing
def _learn_escape(t: Tables, n: Numbers, bit: Whole) -> None:
    kept = t.escapes[n[0] & 255]
    probability, seen = kept >> 10, kept & 1023
    probability += ((((bit << FINE) - probability) >> 3) * np.int64(RATES[seen])) >> 13
    t.escapes[n[0] & 255] = probability << 10 | (seen + (seen < _ESCAPES_MOST))


@part
def _code_bit(one: Whole, bit: Whole, coding: Whole, coder: Numbers, code: _Bytes) -> Whole:
    """Write a bit of this probability, or read it; return it."""
    if coding == NOTHING:
        return bit
    middle = coder[LOW] + ((coder[HIGH] - coder[LOW]) * one >> 16)
    if coding == DECODE:
        bit = np.int64(coder[VALUE] <= middle)
    if bit == 1:
        coder[HIGH] = middle
    else:
        coder[LOW] = middle + 1
    while (coder[LOW] ^ coder[HIGH]) & 0xFF000000 == 0:
        if coding == ENCODE:
            code[coder[AT]] = coder[HIGH] >> 24
        else:
            coming = np.int64(code[coder[AT]]) if coder[AT] < len(code) else np.int64(0)
            coder[VALUE] = (coder[VALUE] << 8 & 0xFFFFFFFF) | coming
        coder[AT] += 1
        coder[LOW] = coder[LOW] << 8 & 0xFFFFFFFF
        coder[HIGH] = (coder[HIGH] << 8 & 0xFFFFFFFF) | 255
    return bit
