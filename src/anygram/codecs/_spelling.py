"""Which bytes may spell a cell of a table, so that it is UTF-8, one cell, and of a bounded length."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

END = 256
"""Ends a spelled cell; the bytes are 0 to 255."""
_TAB = "\t"
_LONGEST_NUMBER = 40
_DIGITS = b"0123456789"
_STEPS: tuple[dict[bytes, int], ...] = (
    {b"+-": 1, _DIGITS: 2, b".": 3},
    {_DIGITS: 2, b".": 3},
    {_DIGITS: 2, b".": 4, b"eE": 5},
    {_DIGITS: 4},
    {_DIGITS: 4, b"eE": 5},
    {b"+-": 6, _DIGITS: 7},
    {_DIGITS: 7},
    {_DIGITS: 8},
    {_DIGITS: 9},
    {},
)
"""Where each byte of a number leads: 0 begin, 1 sign, 2 whole part, 3 point, 4 fraction, 5 to 9 exponent."""
_NUMBERS_END = (2, 4, 7, 8, 9)
_FIRST_CONTINUATION = {0xE0: (0xA0, 0xBF), 0xED: (0x80, 0x9F), 0xF0: (0x90, 0xBF), 0xF4: (0x80, 0x8F)}
"""What may follow a leading byte at once, where it is less than 80 to BF (RFC 3629)."""


class NumberSpelling:
    """Follows the bytes of a number that Python and others parse."""

    def __init__(self) -> None:
        self._state = self._length = 0

    def allowed(self) -> NDArray[np.bool_]:
        """Return allowed_V of the 256 bytes and END."""
        allowed_V = np.zeros(END + 1, dtype=bool)
        allowed_V[END] = self._state in _NUMBERS_END
        long = self._length >= _LONGEST_NUMBER
        for spelled in _STEPS[self._state]:
            if not long or (spelled == _DIGITS and not allowed_V[END]):
                allowed_V[list(spelled)] = True
        return allowed_V

    def push(self, byte: int) -> None:
        self._length += 1
        steps = _STEPS[self._state].items()
        self._state = next((state for spelled, state in steps if byte in spelled), self._state)


class TextSpelling:
    """Follows the bytes of one cell, quoted or not, which has one byte at least."""

    def __init__(self, delimiter: str, longest: int) -> None:
        """`longest` bytes are reached at most, but for what then closes the cell."""
        self._tabs, self._longest = delimiter == _TAB, longest
        self._length = 0
        self._where = "start"
        self._continuation = 0
        self._span = (0x80, 0xBF)

    def allowed(self) -> NDArray[np.bool_]:
        """Return allowed_V of the 256 bytes and END."""
        allowed_V = np.zeros(END + 1, dtype=bool)
        if self._continuation:
            allowed_V[self._span[0] : self._span[1] + 1] = True
            return allowed_V
        full = self._length >= self._longest
        if full or self._where == "closed":
            allowed_V[END] = self._where != "quoted"
            allowed_V[ord('"')] = self._where == "quoted" or not full
            return allowed_V
        allowed_V[:0x80] = allowed_V[0xC2:0xF5] = True
        if self._where != "quoted":
            allowed_V[list(b"\t\r\n" if self._tabs else b",\r\n")] = False
        allowed_V[END] = self._where == "plain"
        return allowed_V

    def push(self, byte: int) -> None:
        self._length += 1
        if self._continuation:
            self._continuation, self._span = self._continuation - 1, (0x80, 0xBF)
            return
        if byte >= 0xC2:
            self._continuation = 1 + (byte >= 0xE0) + (byte >= 0xF0)
            self._span = _FIRST_CONTINUATION.get(byte, (0x80, 0xBF))
        quote = byte == ord('"') and not self._tabs
        if self._where == "start":
            self._where = "quoted" if quote else "plain"
        elif quote and self._where != "plain":
            self._where = "closed" if self._where == "quoted" else "quoted"
