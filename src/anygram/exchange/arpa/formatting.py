"""Lines of an ARPA file, compiled: `log10 p`, tab, the tokens with spaces between, tab, `log10 γ`.

Numbers are written as `format(number, ".8g")` writes them: as many digits as a float32 has.

Axes: G n-grams of a block, K symbols of each, U tokens, P bytes of all tokens, M bytes of the lines.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address, kernel, leading_zeros, load_64, part, prefetch_element, store_64
from anygram.protocols import Ids

Bytes = NDArray[np.uint8]
Logs = NDArray[np.float32]

WORD = 8
MARGIN = 2 * WORD
"""Bytes that lie past the end of whatever is read or written here, because whole words are."""
LONGEST_NUMBER = 16
_MOST_BESIDE_TOKENS = 2 * (LONGEST_NUMBER + 1) + MARGIN
_FAR, _NEAR = 16, 8
"""How many n-grams before its use a cache line is asked for: of where a token lies, then of the token."""
_LOG10_E = 0.4342944819032518
_DIGITS = 8
_LEAST, _LIMIT = np.uint64(10 ** (_DIGITS - 1)), np.uint64(10**_DIGITS)
_HIGHEST = 60
_POWERS = np.array([float(f"1e{exponent}") for exponent in range(-_HIGHEST, _HIGHEST + 1)])
_TAB, _NEWLINE, _SPACE, _MINUS, _PLUS, _POINT, _ZERO, _E = b"\t\n -+.0e"
_EIGHT_ZEROS = np.uint64(int.from_bytes(b"0" * WORD, "little"))
_ZERO_POINT_ZEROS = np.uint64(int.from_bytes(b"0.000000", "little"))
_LOG10_OF_NOTHING = -99.0
"""What SRILM writes for log 0."""


@kernel
def write_lines(
    symbols_GK: Ids,
    log_p_G: Logs,
    log_gamma_G: Logs,
    token_bytes_P: Bytes,
    token_starts_U: NDArray[np.int64],
    lines_M: Bytes,
) -> int:
    """Write n-grams as lines; return how many bytes they took, −1 where there is too little room.

    `log_gamma_G` may be empty. Token u lies from `token_starts_U[u]` to the next start. The last but one
    token is the boundary as what ends an n-gram, the last one as what begins it.
    """
    rows, length = symbols_GK.shape
    boundary, backs_off = len(token_starts_U) - 3, len(log_gamma_G) > 0
    place = address(lines_M)
    last = place + len(lines_M) - _MOST_BESIDE_TOKENS
    for row in range(rows):
        _ask_ahead(symbols_GK, row, token_bytes_P, token_starts_U)
        if place > last:
            return -1
        place = _put(_TAB, _put_number(log_p_G[row] * _LOG10_E, place))
        for at in range(length):
            token = np.int64(symbols_GK[row, at])
            token += token == boundary and at < length - 1
            start, size = token_starts_U[token], token_starts_U[token + 1] - token_starts_U[token]
            if place + size > last:
                return -1
            place = _put(_SPACE, _put_token(address(token_bytes_P) + start, size, place))
        if backs_off:
            place = _put_number(log_gamma_G[row] * _LOG10_E, _put(_TAB, place - 1)) + 1
        _put(_NEWLINE, place - 1)
    written: int = place - address(lines_M)
    return written


@part
def _ask_ahead(symbols_GK: Any, row: Any, token_bytes_P: Any, token_starts_U: Any) -> None:
    """Ask for the cache lines of the tokens of an n-gram to come, and for where those of a later one lie."""
    last = len(symbols_GK) - 1
    for place in range(symbols_GK.shape[1]):
        prefetch_element(token_starts_U, symbols_GK[min(row + _FAR, last), place])
        prefetch_element(token_bytes_P, token_starts_U[symbols_GK[min(row + _NEAR, last), place]])


@kernel
def write_number(number: float, text_M: Bytes, at: int) -> int:
    """Write `format(number, ".8g")` from byte `at` and return the end; 0 has no sign, −∞ is −99."""
    end: int = _put_number(number, address(text_M) + at) - address(text_M)
    return end


@part
def _put(byte: Any, place: Any) -> Any:
    """Write one byte, and anything into the seven after it, and return the end."""
    store_64(place, np.uint64(byte))
    return place + 1


@part
def _put_token(token: Any, size: Any, place: Any) -> Any:
    """Copy a token and return the end; few are longer than what is copied without asking."""
    store_64(place, load_64(token))
    store_64(place + WORD, load_64(token + WORD))
    for offset in range(2 * WORD, size, WORD):
        store_64(place + offset, load_64(token + offset))
    return place + size


@kernel
def _put_number(number: Any, place: Any) -> Any:
    if number == -np.inf:
        number = _LOG10_OF_NOTHING
    if number == 0:
        return _put(_ZERO, place)
    place = _put(_MINUS, place) - (number > 0)
    number = abs(number)
    exponent = _exponent(number)
    mantissa = np.uint64(np.int64(np.rint(number * _POWERS[_HIGHEST + _DIGITS - 1 - exponent])))
    if mantissa >= _LIMIT:
        mantissa, exponent = _LEAST, exponent + 1
    digits = _spread(mantissa)
    count = WORD - leading_zeros(digits) // 8
    if exponent > 0 or exponent < -4:
        return _put_unusual(digits + _EIGHT_ZEROS, count, exponent, place)
    # without a branch: one digit before the point and the others after it, or all of them after zeros
    whole = np.int64(exponent == 0)
    store_64(place, _ZERO_POINT_ZEROS + (digits & np.uint64(0xFF * whole)))
    store_64(place + 1 - exponent + whole, (digits + _EIGHT_ZEROS) >> np.uint64(8 * whole))
    return place + 1 - exponent + count - (whole & np.int64(count == 1))


@kernel
def _put_unusual(digits: Any, count: Any, exponent: Any, place: Any) -> Any:
    """Write a number that is at least 10, or less than 0.0001."""
    if exponent < 0 or exponent >= _DIGITS:
        return _put_exponent(exponent, _put_digits(digits, count, 1, place))
    return _put_digits(digits, count, exponent + 1, place)


@kernel
def _exponent(number: float) -> int:
    """Return the power of ten of a positive number's first digit."""
    if 1e-3 <= number < 1e2:  # what there is most of, without a branch
        return 1 - (number < 10) - (number < 1) - (number < 1e-1) - (number < 1e-2)
    exponent = 0
    while number >= _POWERS[_HIGHEST + exponent + 1]:
        exponent += 1
    while number < _POWERS[_HIGHEST + exponent]:
        exponent -= 1
    return exponent


@kernel
def _spread(mantissa: np.uint64) -> np.uint64:
    """Return eight decimal digits as eight bytes 0 .. 9, the first digit lowest: in halves, all at once.

    10486 / 2^20 and 103 / 2^10 are 1 / 100 and 1 / 10, near enough below 10,000 and 100.
    """
    high = mantissa // np.uint64(10000)
    fours = high | (mantissa - high * np.uint64(10000)) << np.uint64(32)
    hundreds = (fours * np.uint64(10486) >> np.uint64(20)) & np.uint64(0x7F0000007F)
    twos = hundreds | (fours - hundreds * np.uint64(100)) << np.uint64(16)
    tens = (twos * np.uint64(103) >> np.uint64(10)) & np.uint64(0x000F000F000F000F)
    return tens | (twos - tens * np.uint64(10)) << np.uint64(8)


@part
def _put_digits(digits: Any, count: Any, whole: Any, place: Any) -> Any:
    """Write the first digits, at least `whole`, with a point after those; return the end."""
    store_64(place, digits)
    if count <= whole:
        return place + whole
    _put(_POINT, place + whole)
    store_64(place + whole + 1, digits >> np.uint64(8 * whole))
    return place + count + 1


@part
def _put_exponent(exponent: Any, place: Any) -> Any:
    """Write `e`, a sign and the two digits of an exponent."""
    place = _put(_MINUS if exponent < 0 else _PLUS, _put(_E, place))
    return _put(_ZERO + abs(exponent) % 10, _put(_ZERO + abs(exponent) // 10, place))
