"""Lines of n-grams read by compiled kernels: `log10 p`, tab, words with spaces between, tab, `log10 γ`.

A kernel reads what is as it should be and stops at the first line that is not, for `lines.parse` to
understand or refuse. Fields are parted by spaces, tabs and carriage returns.

Axes: N bytes of a text of whole lines, G n-grams, K words of each, U words, P their bytes, S slots.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address, kernel, load_64, trailing_zeros
from anygram.exchange.arpa.vocabulary import MISSING, WORD, Bytes, Places, Slots, find
from anygram.protocols import Ids

Logs = NDArray[np.float32]

_LN_10 = 2.302585092994046
_MOST_DIGITS = 18
_HIGHEST = 22
"""Powers of ten up to this one are exact in a float64."""
_POWERS = np.array([float(f"1e{exponent}") for exponent in range(_HIGHEST + 1)])
_TAB, _NEWLINE, _RETURN, _SPACE, _MINUS, _PLUS, _POINT, _ZERO = b"\t\n\r -+.0"
_SMALL_E, _BIG_E = b"eE"
_SPACES = 1 << _SPACE | 1 << _TAB | 1 << _NEWLINE | 1 << _RETURN
_ONES = np.uint64(0x0101010101010101)
_TOPS = np.uint64(0x8080808080808080)
_LEAST_OF_WORDS = np.uint64(0x21) * _ONES


@kernel
def parse_words(
    text_N: Bytes,
    position: int,
    end: int,
    highest: bool,
    starts_U: Places,
    ends_U: Places,
    log_p_G: Logs,
    log_gamma_G: Logs,
) -> tuple[int, int]:
    """Read 1-grams from a position to the end, or to a line to be looked at; return where, and how many.

    Word u goes from byte `starts_U[u]` to `ends_U[u]`. Each line gives one 1-gram.
    """
    rows = 0
    while True:
        line = _next_line(text_N, position, end)
        if line >= end:
            return end, rows
        log10_p, position = _number(text_N, line)
        start = _field(text_N, position)
        if not log10_p <= 0 or start <= position or text_N[start] == _NEWLINE:
            return line, rows
        stop = _word_end(text_N, start)
        log10_gamma, position = _backoff(text_N, stop)
        if np.isnan(log10_gamma) or (highest and log10_gamma != 0):
            return line, rows
        starts_U[rows], ends_U[rows] = start, stop
        log_p_G[rows], log_gamma_G[rows] = log10_p * _LN_10, log10_gamma * _LN_10
        rows += 1


@kernel
def parse_ngrams(
    text_N: Bytes,
    position: int,
    end: int,
    highest: bool,
    bytes_P: Bytes,
    starts_U: Places,
    slots_S2: Slots,
    ids_U: Ids,
    boundary: int,
    symbols_GK: Ids,
    log_p_G: Logs,
    log_gamma_G: Logs,
) -> tuple[int, int, int]:
    """Read n-grams from a position to the end, or to a line to be looked at.

    Return where that is, how many there were, and how many more reach over a boundary, which are left out.
    """
    length = symbols_GK.shape[1]
    rows = crossing = 0
    while True:
        line = _next_line(text_N, position, end)
        if line >= end:
            return end, rows, crossing
        log10_p, position = _number(text_N, line)
        if not log10_p <= 0:
            return line, rows, crossing
        crosses = False
        for place in range(length):
            start = _field(text_N, position)
            if start <= position:
                return line, rows, crossing
            position = _word_end(text_N, start)
            word = find(text_N, start, position, bytes_P, starts_U, slots_S2)
            if word == MISSING:
                return line, rows, crossing
            symbol = ids_U[word]
            crosses |= (symbol == boundary and place < length - 1) or (symbol > boundary and place > 0)
            symbols_GK[rows, place] = min(symbol, boundary)
        log10_gamma, position = _backoff(text_N, position)
        if np.isnan(log10_gamma) or (highest and log10_gamma != 0):
            return line, rows, crossing
        log_p_G[rows], log_gamma_G[rows] = log10_p * _LN_10, log10_gamma * _LN_10
        rows += not crosses
        crossing += crosses


@kernel
def count_lines(text_N: Bytes) -> int:
    """Return how many newlines there are."""
    lines = 0
    for byte in text_N:
        lines += byte == _NEWLINE
    return lines


@kernel
def read_number(text_N: Bytes, position: int) -> tuple[float, int]:
    """Return the number that stands there and where it ends; NaN for what must be looked at."""
    negative = text_N[position] == _MINUS
    position += negative or text_N[position] == _PLUS
    digits_start, point = position, -1
    mantissa = np.int64(0)
    while True:
        digit = int(text_N[position]) - _ZERO
        if 0 <= digit <= 9:
            mantissa = mantissa * 10 + digit  # may overflow where there are too many, which is seen below
        elif text_N[position] == _POINT and point < 0:
            point = position
        else:
            break
        position += 1
    digits = position - digits_start - (point >= 0)
    exponent = np.int64(0) if point < 0 else point + 1 - position
    if text_N[position] == _SMALL_E or text_N[position] == _BIG_E:
        written, position = _exponent(text_N, position + 1)
        exponent += written
    if not 0 < digits <= _MOST_DIGITS or not -_HIGHEST <= exponent <= _HIGHEST:
        return np.nan, position
    number = float(mantissa)
    number = number / _POWERS[-exponent] if exponent < 0 else number * _POWERS[exponent]
    return -number if negative else number, position


@kernel
def _exponent(text_N: Bytes, position: int) -> tuple[int, int]:
    """Return the whole number after an e and where it ends; one out of bounds for what is none."""
    negative = text_N[position] == _MINUS
    position += negative or text_N[position] == _PLUS
    start = position
    exponent = 0
    while 0 <= int(text_N[position]) - _ZERO <= 9 and position - start < 3:
        exponent = exponent * 10 + int(text_N[position]) - _ZERO
        position += 1
    if position == start:
        return 1000, position
    return -exponent if negative else exponent, position


@kernel
def _number(text_N: Bytes, position: int) -> tuple[float, int]:
    """Return the number that is a whole field, and where it ends; NaN for what must be looked at."""
    number, end = read_number(text_N, position)
    return (number if _is_space(text_N[end]) else np.nan), end


@kernel
def _backoff(text_N: Bytes, position: int) -> tuple[float, int]:
    """Return the number before the line's end (0 where there is none), and that end; NaN as above."""
    position = _field(text_N, position)
    number = 0.0
    if text_N[position] != _NEWLINE:
        number, position = _number(text_N, position)
        position = _field(text_N, position)
    return (number if text_N[position] == _NEWLINE else np.nan), position


@kernel
def _next_line(text_N: Bytes, position: int, end: int) -> int:
    """Return where the next line begins that has something in it, after its spacing, or `end`."""
    while position < end and _is_space(text_N[position]):
        position += 1
    return position


@kernel
def _field(text_N: Bytes, position: int) -> int:
    """Return where the spacing ends that begins there; a newline is none."""
    while text_N[position] != _NEWLINE and _is_space(text_N[position]):
        position += 1
    return position


@kernel
def _is_space(byte: int) -> bool:
    return byte <= _SPACE and (_SPACES >> byte) & 1 == 1


@kernel
def _word_end(text_N: Bytes, position: int) -> int:
    """Return where the word ends that begins there: eight bytes at once, the first below 0x21 may end it."""
    while True:
        chunk = load_64(address(text_N) + position)
        low = (chunk - _LEAST_OF_WORDS) & ~chunk & _TOPS
        if low == np.uint64(0):
            position += WORD
            continue
        position += trailing_zeros(low) >> 3
        if _is_space(text_N[position]):
            return position
        position += 1
