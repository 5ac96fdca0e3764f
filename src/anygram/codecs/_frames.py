"""What the codecs of pictures share: sizes as sides, and a guide that holds a picture to its size."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.protocols import Side

SIZE = ("width", "height", "channels")
"""What the side of every picture says."""


def _is_size(side: Side | None) -> bool:
    return side is not None and all(isinstance(side.get(name), int) and side[name] > 0 for name in SIZE)


def values_of(side: Side) -> int:
    """Return how many values a picture of this side has, all its frames together."""
    return math.prod(int(side[name]) for name in SIZE) * int(side.get("frames", 1))


def checked(side: Side | None, values: int) -> int:
    """Return the channels of a picture of so many values; DataError where the side does not say that."""
    if not _is_size(side):
        raise DataError("no picture: its width, height and channels are unknown; name files of pictures")
    assert side is not None
    if values_of(side) != values:
        size = " × ".join(str(side[name]) for name in SIZE)
        raise DataError(f"a picture of {size} has {values_of(side)} values, got {values}; read it again")
    return int(side["channels"])


def usual_of(sides: Iterable[Side | None], names: tuple[str, ...] = SIZE) -> dict[str, Any] | None:
    """Return what most of these sides say by these names, None where none does."""
    known = Counter(tuple(side.get(name, 1) for name in names) for side in sides if side and _is_size(side))
    return dict(zip(names, known.most_common(1)[0][0], strict=True)) if known else None


class Sized:
    """Allows so many symbols, and then the boundary alone."""

    def __init__(self, side: Side, symbols: int, vocabulary_size: int) -> None:
        self.side = side
        self._left = symbols
        self._vocabulary_size = vocabulary_size

    def allowed(self) -> NDArray[np.bool_]:
        allowed_V = np.full(self._vocabulary_size, self._left > 0)
        allowed_V[-1] = self._left <= 0
        return allowed_V

    def push(self, symbol: int) -> None:
        self._left -= 1
