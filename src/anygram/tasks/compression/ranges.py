"""A range coder over whole frequencies, in kernels: symbols to bytes and back.

Martin, "Range encoding" (1979); Rissanen & Langdon (1979). What is left of the interval [0, 1) is kept as
`low` and `width`, whole multiples of 2^-56 of what bytes already written leave open; a symbol narrows it to
its frequency's part of the total. Once the width is below 2^48 the first byte is settled, but for a carry,
which runs back through the bytes written. The width is always 2^16 times the total at least, so that its
rounding costs less than 2^-16 of a symbol's share.

Axes: B rows coded one after the other, V vocabulary, N bytes of a code.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.compiled import kernel, part
from anygram.protocols import FloatArray, Ids
from anygram.tasks.compression.frequencies import MOST, frequency

_WHOLE = 1 << 56
_NARROW = 1 << 48
_REST = _NARROW - 1
_BYTES_OF_A_SYMBOL = 5
"""The rarest symbol has 1 of less than 2^32 and costs at most 32 bits and what rounding adds."""
_FIRST_ROOM = 1 << 12

_LOW, _WIDTH, _SIZE = range(3)
"""Places in the state of an encoder; a decoder has how far into its interval the code points in _LOW."""


class Encoder:
    """Takes in symbols with their distributions, gives a code of them."""

    def __init__(self) -> None:
        self._state = np.array([0, _WHOLE, 0], dtype=np.int64)
        self._code_N = np.empty(_FIRST_ROOM, dtype=np.uint8)

    def push(self, log_p_BV: FloatArray, ids_B: Ids) -> None:
        """Take in a symbol from each of these distributions, in the order of the rows."""
        needed = int(self._state[_SIZE]) + _BYTES_OF_A_SYMBOL * (len(ids_B) + 1)
        if needed > len(self._code_N):
            self._code_N = np.concatenate([self._code_N, np.empty(needed, dtype=np.uint8)])
        _encode(log_p_BV, ids_B, self._state, self._code_N)

    def finish(self) -> bytes:
        """Return the shortest code of all that was taken in; bytes of 0 at its end are left out."""
        low, width, size = (int(number) for number in self._state)
        point = low
        for kept in range(8):
            open_bits = 56 - 8 * kept
            point = -(-low >> open_bits) << open_bits
            if point < low + width:
                break
        number = (int.from_bytes(self._code_N[:size].tobytes(), "big") << 56) + point
        return number.to_bytes(size + 7, "big").rstrip(b"\0")


class Decoder:
    """Gives the symbols of a code back, if it is told the same distributions."""

    def __init__(self, code: bytes) -> None:
        self._code_N = np.frombuffer(code + bytes(7), dtype=np.uint8)
        first = int.from_bytes(self._code_N[:7].tobytes(), "big")
        self._state = np.array([first, _WHOLE, 7], dtype=np.int64)

    def pull(self, log_p_BV: FloatArray) -> Ids:
        """Return the next symbol of each of these distributions; any symbol where the code is wrong."""
        rows, vocabulary_size = log_p_BV.shape
        ids_B = np.empty(rows, dtype=np.int32)
        _decode(log_p_BV, self._state, self._code_N, np.empty(vocabulary_size, dtype=np.int64), ids_B)
        return ids_B


@kernel
def _encode(log_p_BV: Any, ids_B: Any, state: Any, code_N: Any) -> None:
    low, width, size = state[_LOW], state[_WIDTH], state[_SIZE]
    for row in range(len(ids_B)):
        before, total = np.int64(0), np.int64(0)
        for symbol in range(log_p_BV.shape[1]):
            if symbol == ids_B[row]:
                before = total
            total += frequency(log_p_BV[row, symbol])
        assert total < MOST
        share = width // total
        low += share * before
        width = share * frequency(log_p_BV[row, ids_B[row]])
        if low >= _WHOLE:
            low -= _WHOLE
            _carry(code_N, size)
        while width < _NARROW:
            code_N[size] = low >> 48
            size += 1
            low, width = (low & _REST) << 8, width << 8
    state[_LOW], state[_WIDTH], state[_SIZE] = low, width, size


@part
def _carry(code_N: Any, size: Any) -> None:
    """Add one to the number that the bytes written are."""
    place = size - 1
    while code_N[place] == 255:
        code_N[place] = 0
        place -= 1
    code_N[place] += 1


@kernel
def _decode(log_p_BV: Any, state: Any, code_N: Any, frequencies_V: NDArray[np.int64], ids_B: Any) -> None:
    ahead, width, place = state[_LOW], state[_WIDTH], state[_SIZE]
    for row in range(len(ids_B)):
        total = np.int64(0)
        for symbol in range(len(frequencies_V)):
            frequencies_V[symbol] = frequency(log_p_BV[row, symbol])
            total += frequencies_V[symbol]
        assert total < MOST
        share = width // total
        target = ahead // share
        symbol, before = 0, np.int64(0)
        while symbol < len(frequencies_V) - 1 and before + frequencies_V[symbol] <= target:
            before += frequencies_V[symbol]
            symbol += 1
        ids_B[row] = symbol
        ahead -= share * before
        width = share * frequencies_V[symbol]
        while width < _NARROW:
            byte = np.int64(code_N[place]) if place < len(code_N) else np.int64(0)
            ahead, width, place = (ahead & _REST) << 8 | byte, width << 8, place + 1
    state[_LOW], state[_WIDTH], state[_SIZE] = ahead, width, place
