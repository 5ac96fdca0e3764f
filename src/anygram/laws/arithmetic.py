"""An arithmetic coder in exact fractions: quadratic, and too plain to be wrong.

Rissanen & Langdon (1979); Cover & Thomas, "Elements of Information Theory", section 13.3. Each symbol
narrows the interval [low, low + width) of [0, 1) to the part its frequency has of the total; the code
is the shortest binary fraction whose own interval lies inside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

import numpy as np

from anygram.protocols import FloatArray

# Fine enough that rounding to it costs nothing that shows, coarse enough that every symbol has a share
_RESOLUTION = 2.0**64


@dataclass(frozen=True)
class Code:
    """The binary fraction `digits` / 2^`length`."""

    digits: int
    length: int


def frequencies(log_p_V: FloatArray) -> list[int]:
    """Return a whole positive frequency for each symbol, in proportion to its probability."""
    return [1 + int(p * _RESOLUTION) for p in np.exp(np.asarray(log_p_V, dtype=np.float64))]


class Encoder:
    """Narrows its interval symbol by symbol."""

    def __init__(self) -> None:
        self._low, self._width = Fraction(0), Fraction(1)

    def push(self, symbol: int, frequencies_V: Sequence[int]) -> None:
        """Take in a symbol drawn from these frequencies."""
        share = self._width / sum(frequencies_V)
        self._low += share * sum(frequencies_V[:symbol])
        self._width = share * frequencies_V[symbol]

    def finish(self) -> Code:
        """Return a code at most two bits longer than −log2 of the interval's width."""
        length = (self._width.denominator // self._width.numerator).bit_length() + 1
        return Code(digits=-(-self._low * 2**length // 1), length=length)


class Decoder:
    """Finds the symbols again, given the frequencies that the encoder was given."""

    def __init__(self, code: Code) -> None:
        self._point = Fraction(code.digits, 2**code.length)

    def pull(self, frequencies_V: Sequence[int]) -> int:
        """Return the next symbol."""
        place = self._point * sum(frequencies_V)
        symbol = next(s for s, upper in enumerate(accumulate(frequencies_V)) if place < upper)
        self._point = (place - sum(frequencies_V[:symbol])) / frequencies_V[symbol]
        return symbol
