"""What the calendar says of a value's time, as a symbol: hour, weekday, month, or several of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import timeline
from anygram.errors import DataError, UsageError
from anygram.protocols import Side

_PARTS: dict[str, tuple[int, Callable[[timeline.Times], NDArray[np.int64]]]] = {
    "hour": (24, timeline.hours),
    "weekday": (7, timeline.weekdays),
    "month": (12, timeline.months),
}


@dataclass(frozen=True)
class Calendar:
    """Some parts of a time, numbered together."""

    parts: tuple[str, ...]

    @property
    def size(self) -> int:
        """How many symbols there are; 0 without parts."""
        sizes = [_PARTS[part][0] for part in self.parts]
        return int(np.prod(sizes)) if sizes else 0

    def ids(self, side: Side | None, count: int, after: int = 0) -> NDArray[np.int64]:
        """Return the symbols of `count` values after the first `after`; DataError where times are unknown."""
        times_N = timeline.moments(side or {}, count, after)
        if times_N is None:
            raise DataError("a calendar needs times, and the series has none; leave out calendar")
        ids_N = np.zeros(count, dtype=np.int64)
        for part in self.parts:
            size, number = _PARTS[part]
            ids_N = ids_N * size + number(times_N)
        return ids_N

    def name(self, identifier: int) -> str:
        """Return a symbol as a person reads it.

        >>> Calendar(("hour", "weekday")).name(8)
        'hour 1, weekday 1'
        """
        said = []
        for part in reversed(self.parts):
            size, first = _PARTS[part][0], int(part == "month")
            said.append(f"{part} {identifier % size + first}")
            identifier //= size
        return ", ".join(reversed(said))


def calendar_of(words: str) -> Calendar:
    """Return the calendar that names between commas ask for; UsageError for an unknown or repeated one."""
    parts = tuple(word.strip() for word in words.split(",") if word.strip())
    if not set(parts) <= set(_PARTS) or len(set(parts)) < len(parts):
        raise UsageError(f"calendar must be some of {', '.join(_PARTS)}, each once, got '{words}'")
    return Calendar(parts)
