"""Lines of an ARPA file, compiled: `log10 p`, tab, the tokens with spaces between, tab, `log10 γ`.

Numbers are written as `format(number, ".8g")` writes them: as many digits as a float32 has.

Axes: G n-grams of a block, K symbols of each, U tokens, P bytes of all tokens, M bytes of the lines.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import address, kernel, leading_zeros, load_64, store_64
from anygram.protocols import Ids

Bytes = NDArray[np.uint8]
Logs = NDArray[np.float32]

WORD = 8
"""Bytes written at once: as many lie past the end of whatever is read or written here."""
LONGEST_NUMBER = 16
_LOG10_E = 0.4342944819032518
_DIGITS = 8
_LEAST, _LIMIT = np.uint64(10 ** (_DIGITS - 1)), np.uint64(10**_DIGITS)
_HIGHEST = 60
_POWERS = np.array([float(f"1e{exponent}") for exponent in range(-_HIGHEST, _HIGHEST + 1)])
_TAB, _NEWLINE, _SPACE, _MINUS, _PLUS, _POINT, _ZERO, _E = b"\t\n -+.0e"
_EIGHT_ZEROS = np.uint64(int.from_bytes(b"0" * WORD, "little"))
_LOG10_OF_NOTHING = -99.0
"""What SRILM writes for log 0."""


@kernel
def measure(symbols_GK: Ids, token_starts_U: NDArray[np.int64]) -> int:
    """Return how many bytes `write_lines` needs for these n-grams at most."""
    rows, length = symbols_GK.shape
    size: int = rows * (2 * (LONGEST_NUMBER + 1) + length + 1) + WORD
    for row in range(rows):
        for place in range(length):
            # the `<s>` that the boundary may become is no longer than its `</s>`
            symbol = symbols_GK[row, place]
            size += int(token_starts_U[symbol + 1] - token_starts_U[symbol])
    return size


@kernel
def write_lines(
    symbols_GK: Ids,
    log_p_G: Logs,
    log_gamma_G: Logs,
    token_bytes_P: Bytes,
    token_starts_U: NDArray[np.int64],
    lines_M: Bytes,
) -> int:
    """Write n-grams as lines and return how many bytes they took; `log_gamma_G` may be empty.

    Token u lies from `token_starts_U[u]` to the next start. The last but one token is the boundary as
    what ends an n-gram, the last one as what begins it.
    """
    rows, length = symbols_GK.shape
    boundary = len(token_starts_U) - 3
    at = 0
    for row in range(rows):
        at = write_number(log_p_G[row] * _LOG10_E, lines_M, at)
        lines_M[at] = _TAB
        at += 1
        for place in range(length):
            token = np.int64(symbols_GK[row, place])
            if token == boundary and place < length - 1:
                token += 1
            start, end = token_starts_U[token], token_starts_U[token + 1]
            for offset in range(0, end - start, WORD):
                store_64(address(lines_M) + at + offset, load_64(address(token_bytes_P) + start + offset))
            at += end - start
            lines_M[at] = _SPACE
            at += 1
        if len(log_gamma_G):
            lines_M[at - 1] = _TAB
            at = write_number(log_gamma_G[row] * _LOG10_E, lines_M, at)
            at += 1
        lines_M[at - 1] = _NEWLINE
    return at


@kernel
def write_number(number: float, text_M: Bytes, at: int) -> int:
    """Write `format(number, ".8g")` from byte `at` and return the end; 0 has no sign, −∞ is −99."""
    if number == -np.inf:
        number = _LOG10_OF_NOTHING
    if number == 0:
        text_M[at] = _ZERO
        return at + 1
    text_M[at] = _MINUS
    at += number < 0
    number = abs(number)
    exponent = _exponent(number)
    mantissa = np.uint64(np.int64(np.rint(number * _POWERS[_HIGHEST + _DIGITS - 1 - exponent])))
    if mantissa >= _LIMIT:
        mantissa, exponent = _LEAST, exponent + 1
    digits = _spread(mantissa)
    count: int = WORD - leading_zeros(digits) // 8
    digits += _EIGHT_ZEROS
    if exponent < -4 or exponent >= _DIGITS:
        return _write_exponent(exponent, text_M, _write_digits(digits, count, 1, text_M, at))
    if exponent >= 0:
        return _write_digits(digits, count, exponent + 1, text_M, at)
    store_64(address(text_M) + at, _EIGHT_ZEROS)
    text_M[at + 1] = _POINT
    at += 1 - exponent
    store_64(address(text_M) + at, digits)
    return at + count


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


@kernel
def _write_digits(digits: np.uint64, count: int, whole: int, text_M: Bytes, at: int) -> int:
    """Write the first digits, at least `whole`, with a point after those; return the end."""
    store_64(address(text_M) + at, digits)
    if count <= whole:
        return at + whole
    store_64(address(text_M) + at + whole + 1, digits >> np.uint64(8 * whole))
    text_M[at + whole] = _POINT
    return at + count + 1


@kernel
def _write_exponent(exponent: int, text_M: Bytes, at: int) -> int:
    """Write `e`, a sign and the two digits of an exponent."""
    text_M[at] = _E
    text_M[at + 1] = _MINUS if exponent < 0 else _PLUS
    text_M[at + 2] = _ZERO + abs(exponent) // 10
    text_M[at + 3] = _ZERO + abs(exponent) % 10
    return at + 4
