"""Lines of n-grams read by compiled kernels: `log10 p`, tab, words with spaces between, tab, `log10 γ`.

A kernel reads what is as it should be and stops at the first line that is not, for `lines.parse` to
understand or refuse. Fields are parted by spaces, tabs, carriage returns and zero bytes.

Lines are read in blocks: first what stands in all of them, then their words are looked up, so that these
wait for memory together. A word that also stands there in the line before, as most do in sorted files, is
not looked up again.

Axes: N bytes of a text of whole lines, which more bytes follow (`source.MARGIN`); G n-grams, K words of
each; U words; L lines of a block.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _slots
from anygram.compiled import address, kernel, load_8, load_64, part, prefetch, trailing_zeros
from anygram.exchange.arpa.vocabulary import Bytes, Places, words_of
from anygram.protocols import Ids

Logs = NDArray[np.float32]

_LN_10 = 2.302585092994046
_MOST_DIGITS = 18
_HIGHEST = 22
"""Powers of ten up to this one are exact in a float64."""
_POWERS = np.array([float(f"1e{exponent}") for exponent in range(_HIGHEST + 1)])
_WHOLE_POWERS = np.array([10**exponent for exponent in range(9)], dtype=np.uint64)
_NEWLINE, _MINUS, _PLUS, _POINT = b"\n-+."
_SMALL_E, _BIG_E = b"eE"
_EIGHT_ZEROS, _LOW_BITS, _TOP_BITS, _UP_FROM_TEN = (
    np.uint64(byte * 0x0101010101010101) for byte in (0x30, 0x7F, 0x80, 0x76)
)
_BLOCK = 64
_SAME = 0
"""In place of where a word starts: it is that of the line before."""


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
    text, rows = address(text_N), 0
    at, stop, last = text + position, text + end, text + len(text_N)
    while True:
        line: Any = _next_line(at, stop)
        if line >= stop:
            return end, rows
        log10_p, at = _number(line)
        start = _field(at)
        if not log10_p <= 0 or start <= at or load_8(start) == _NEWLINE:
            return line - text, rows
        word = _slots.read_word(start, stop, last)
        log10_gamma, at = _backoff(word[1])
        if np.isnan(log10_gamma) or (highest and log10_gamma != 0):
            return line - text, rows
        starts_U[rows], ends_U[rows] = start - text, word[1] - text
        log_p_G[rows], log_gamma_G[rows] = log10_p * _LN_10, log10_gamma * _LN_10
        rows += 1


@kernel
def parse_ngrams(
    text_N: Bytes,
    position: int,
    end: int,
    highest: bool,
    directory: Places,
    boundary: int,
    symbols_GK: Ids,
    log_p_G: Logs,
    log_gamma_G: Logs,
) -> tuple[int, int, int]:
    """Read n-grams from a position to the end, or to a line to be looked at.

    `directory` is that of the vocabulary. Return where that is, how many there were, and how many more
    reach over a boundary, which are left out.
    """
    length = symbols_GK.shape[1]
    text, rows, crossing = address(text_N), 0, 0
    at, stop, last = text + position, text + end, text + len(text_N)
    lines_L, logs_L2 = np.empty(_BLOCK + 1, dtype=np.int64), np.empty((_BLOCK, 2), dtype=np.float64)
    places_LK2 = np.empty((_BLOCK, length, 2), dtype=np.int64)
    keys_LK4 = np.empty((_BLOCK, length, 4), dtype=np.uint64)
    before_K, crosses_L = np.zeros(length, dtype=np.int64), np.empty(_BLOCK, dtype=np.bool_)
    while at < stop:
        read, at = _read(at, stop, last, highest, directory, lines_L, logs_L2, places_LK2, keys_LK4)
        known, crossed = _look_up(
            directory, last, boundary, read, rows, places_LK2, keys_LK4, before_K, crosses_L, symbols_GK
        )
        for line in range(known):
            log_p_G[rows], log_gamma_G[rows] = logs_L2[line, 0] * _LN_10, logs_L2[line, 1] * _LN_10
            rows += not crosses_L[line]
        crossing += crossed
        if known < read:
            return lines_L[known] - text, rows, crossing
        if read < _BLOCK:
            return at - text, rows, crossing
    return end, rows, crossing


@kernel
def _read(
    at: int,
    stop: int,
    last: int,
    highest: bool,
    directory: Places,
    lines_L: Places,
    logs_L2: NDArray[np.float64],
    places_LK2: NDArray[np.int64],
    keys_LK4: NDArray[np.uint64],
) -> tuple[Any, Any]:
    """Read lines from an address on, and ask for their words' slots; return how many, and where they end.

    It stops at a line to be looked at, or at `stop`. Writes where each begins, its logarithms, and of each
    word start and stop, or _SAME; and head, second, tail and hash (`codecs._slots`).
    """
    words = words_of(directory)
    for line in range(len(logs_L2)):
        begin: Any = _next_line(at, stop)
        if begin >= stop:
            return line, stop
        lines_L[line] = begin
        log10_p, at = _number(begin)
        if not log10_p <= 0:
            return line, begin
        for place in range(places_LK2.shape[1]):
            start: Any = _field(at)
            if start <= at or load_8(start) == _NEWLINE:
                return line, begin
            start, at, head, second, tail, hashed = _slots.read_word(start, stop, last)
            places_LK2[line, place, 0], places_LK2[line, place, 1] = start, at
            keys_LK4[line, place, 0], keys_LK4[line, place, 1] = head, second
            keys_LK4[line, place, 2], keys_LK4[line, place, 3] = tail, hashed
            if line > 0 and _as_before(keys_LK4, line, place):
                places_LK2[line, place, 0] = _SAME
            else:
                prefetch(_slots.slot_of(words, hashed))
        log10_gamma, at = _backoff(at)
        if np.isnan(log10_gamma) or (highest and log10_gamma != 0):
            return line, begin
        logs_L2[line, 0], logs_L2[line, 1] = log10_p, log10_gamma
    return len(logs_L2), at


@part
def _as_before(keys_LK4: Any, line: Any, place: Any) -> Any:
    """Return whether a word of 16 bytes at most is that of the line before."""
    if keys_LK4[line, place, 2] != 0 or keys_LK4[line - 1, place, 2] != 0:
        return False
    same_head = keys_LK4[line, place, 0] == keys_LK4[line - 1, place, 0]
    return same_head and keys_LK4[line, place, 1] == keys_LK4[line - 1, place, 1]


@kernel
def _look_up(
    directory: Places,
    last: int,
    boundary: int,
    read: int,
    row: int,
    places_LK2: NDArray[np.int64],
    keys_LK4: NDArray[np.uint64],
    before_K: Places,
    crosses_L: NDArray[np.bool_],
    symbols_GK: Ids,
) -> tuple[int, int]:
    """Write the symbols of lines from a row on; return how many have known words only, until one has not.

    And how many of them cross a boundary, as `crosses_L` tells: their rows are written over. `before_K` has
    the ids of the line before, and then of the last one.
    """
    words, length = words_of(directory), symbols_GK.shape[1]
    crossing = 0
    for line in range(read):
        crosses = False
        for place in range(length):
            symbol = before_K[place]
            start, end = places_LK2[line, place, 0], places_LK2[line, place, 1]
            if start != _SAME:
                head, second = keys_LK4[line, place, 0], keys_LK4[line, place, 1]
                tail, hashed = keys_LK4[line, place, 2], keys_LK4[line, place, 3]
                symbol = _slots.find(words, (start, end, head, second, tail, hashed), last)[1]
                if symbol < 0:
                    return line, crossing
                before_K[place] = symbol
            crosses |= (symbol == boundary and place < length - 1) or (symbol > boundary and place > 0)
            symbols_GK[row, place] = min(symbol, boundary)
        row += not crosses
        crossing += crosses
        crosses_L[line] = crosses
    return read, crossing


@kernel
def count_lines(text_N: Bytes) -> int:
    """Return how many newlines there are."""
    lines = 0
    for byte in text_N:
        lines += byte == _NEWLINE
    return lines


@kernel
def read_number(at: int) -> tuple[float, Any]:
    """Return the number that stands at an address and where it ends; NaN for what must be looked at."""
    negative = load_8(at) == _MINUS
    start: Any = at + (negative or load_8(at) == _PLUS)
    mantissa, at = _digits(np.uint64(0), start)
    digits: Any = at - start
    exponent: Any = np.int64(0)
    if load_8(at) == _POINT:
        point = at + 1
        mantissa, at = _digits(mantissa, point)
        exponent = point - at
        digits -= exponent
    if load_8(at) == _SMALL_E or load_8(at) == _BIG_E:
        written, at = _exponent(at + 1)
        exponent += written
    if not 0 < digits <= _MOST_DIGITS or not -_HIGHEST <= exponent <= _HIGHEST:
        return np.nan, at
    number = float(np.int64(mantissa))
    number = number / _POWERS[-exponent] if exponent < 0 else number * _POWERS[exponent]
    return -number if negative else number, at


@part
def _digits(mantissa: Any, at: Any) -> tuple[Any, Any]:
    """Return a whole number with the digits at an address behind it, and where they end.

    It is wrong, modulo 2^64, where there are too many.
    """
    count = 8
    while count == 8:
        values = load_64(at) ^ _EIGHT_ZEROS  # 0 to 9 in bytes that are digits
        count = trailing_zeros((((values & _LOW_BITS) + _UP_FROM_TEN) | values) & _TOP_BITS) >> 3
        if count > 0:
            values <<= np.uint64(8 * (8 - count))
            # neighbours joined: two digits, four, eight (the first digit stands in the lowest byte)
            values = (values * np.uint64(10 << 8 | 1)) >> np.uint64(8) & np.uint64(0x00FF00FF00FF00FF)
            values = (values * np.uint64(100 << 16 | 1)) >> np.uint64(16) & np.uint64(0x0000FFFF0000FFFF)
            values = (values * np.uint64(10_000 << 32 | 1)) >> np.uint64(32)
            mantissa = mantissa * _WHOLE_POWERS[count] + values
            at += count
    return mantissa, at


@kernel
def _exponent(at: int) -> tuple[Any, Any]:
    """Return the whole number after an e and where it ends; one out of bounds for what is none."""
    negative = load_8(at) == _MINUS
    at += negative or load_8(at) == _PLUS
    number, end = _digits(np.uint64(0), at)
    if not 0 < end - at <= 3:
        return 1000, end
    return (-np.int64(number) if negative else np.int64(number)), end


@kernel
def _number(at: int) -> tuple[float, Any]:
    """Return the number that is a whole field, and where it ends; NaN for what must be looked at."""
    number, end = read_number(at)
    return (number if _slots.is_space(load_8(end)) else np.nan), end


@kernel
def _backoff(at: int) -> tuple[float, Any]:
    """Return the number before the line's end (0 where there is none), and that end; NaN as above."""
    at = _field(at)
    number = 0.0
    if load_8(at) != _NEWLINE:
        number, at = _number(at)
        at = _field(at)
    return (number if load_8(at) == _NEWLINE else np.nan), at


@kernel
def _next_line(at: int, stop: int) -> Any:
    """Return where the next line begins that has something in it, after its spacing, or `stop`."""
    while at < stop and _slots.is_space(load_8(at)):
        at += 1
    return at


@kernel
def _field(at: int) -> Any:
    """Return where the spacing ends that begins there; a newline is none."""
    while load_8(at) != _NEWLINE and _slots.is_space(load_8(at)):
        at += 1
    return at
