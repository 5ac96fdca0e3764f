"""Dates and times of a table's column, as ISO 8601 writes them: a symbol for the layout and for each part.

Four symbols spell the year, one each the month, the day, the hour, the minute and the second.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LAYOUTS = (
    "YYYY-MM-DD",
    *(f"YYYY-MM-DD{joint}{time}" for joint in " T" for time in ("hh:mm", "hh:mm:ss", "hh:mm:ssZ")),
)
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:([ T])([0-9]{2}):([0-9]{2})(?::([0-9]{2})(Z?))?)?")
_YEAR = 4
_OF_DAY = ((24, 0), (60, 0), (60, 0))


def parse(text: str) -> tuple[str, list[int]] | None:
    """Return the layout and the parts of a date; None where it is none that exists.

    >>> parse("2024-02-29 07:30"), parse("2023-02-29")
    (('YYYY-MM-DD hh:mm', [2024, 2, 29, 7, 30]), None)
    """
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    year, month, day, joint, hour, minute, second, zone = found.groups()
    parts = [int(part) for part in (year, month, day, hour, minute, second) if part is not None]
    exists = parts[0] > 0 and 1 <= parts[1] <= 12 and 1 <= parts[2] <= monthrange(parts[0], parts[1])[1]
    if not exists or any(part >= limit for part, (limit, _) in zip(parts[3:], _OF_DAY, strict=False)):
        return None
    layout = "YYYY-MM-DD" + (f"{joint}hh:mm" if joint else "") + (f":ss{zone}" if second else "")
    return layout, parts


class Dates:
    """What tells dates apart: the whole of each is in its head."""

    name = "date"

    def __init__(self, layouts: Iterable[str]) -> None:
        self._layouts = list(layouts)
        self._starts = [len(self._layouts)]
        for count in (*[10] * _YEAR, 12, 31, 24, 60, 60):
            self._starts.append(self._starts[-1] + count)

    choices = 0

    @property
    def size(self) -> int:
        return self._starts[_YEAR + max(map(_parts, self._layouts)) - 1]

    def encode(self, text: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Return the symbols of a date, none behind its head; None where its layout is unknown."""
        found = parse(text)
        if found is None or found[0] not in self._layouts:
            return None
        layout, (year, month, day, *time) = found
        fields = [*map(int, f"{year:04}"), month - 1, day - 1, *time]
        symbols = (start + field for start, field in zip(self._starts, fields, strict=False))
        return (self._layouts.index(layout), *symbols), ()

    def decode(self, head: Sequence[int], tail: Sequence[int]) -> str:
        """Return the date; parts that are missing are the first there are."""
        layout = self._layouts[head[0]]
        fields = [symbol - start for symbol, start in zip(head[1:], self._starts, strict=False)]
        fields += [0, 0, 0, 1, 0, 0, 0, 0, 0][len(fields) :]
        names = zip(("MM", "DD", "hh", "mm", "ss"), (fields[4] + 1, fields[5] + 1, *fields[6:]), strict=True)
        text = layout.replace("YYYY", "".join(map(str, fields[:_YEAR])))
        for name, field in names:
            text = text.replace(name, f"{field:02}")
        return text

    def after_head(self, head: Sequence[int]) -> Sequence[int]:
        """Return the symbols that may go on with a date; none where it is whole."""
        if not head:
            return range(len(self._layouts))
        at = len(head) - 1
        if at >= _YEAR + _parts(self._layouts[head[0]]) - 1:
            return ()
        start, end = self._starts[at], self._starts[at + 1]
        fields = [symbol - first for symbol, first in zip(head[1:], self._starts, strict=False)]
        if at == _YEAR - 1 and not any(fields):
            start += 1  # there is no year 0
        if at == _YEAR + 1:
            year = int("".join(map(str, fields[:_YEAR])))
            end = start + monthrange(year, fields[_YEAR] + 1)[1]
        return range(start, end)

    def after_tail(self, head: Sequence[int], tail: Sequence[int]) -> Sequence[int]:
        """Return nothing: a date has no tail."""
        return ()

    def symbol(self, local: int) -> str:
        """Return how a person reads a symbol: a layout, or a part of a date by its letters."""
        if local < len(self._layouts):
            return self._layouts[local]
        at = next(at for at, end in enumerate(self._starts[1:]) if local < end)
        field = local - self._starts[at]
        name = "YYYYMDhms"[at]
        return f"{name}{field + 1 if name in 'MD' else field}"

    def to_json(self) -> dict[str, Any]:
        return {"layouts": self._layouts}


def fit(values: Mapping[str, int]) -> Dates:
    """Return the column of these dates."""
    found = {layout for text in values for layout, _ in [parse(text) or ("", [])] if layout}
    return Dates(layout for layout in LAYOUTS if layout in found)


def _parts(layout: str) -> int:
    """Return how many numbers a layout has."""
    return 1 + layout.count("-") + ("hh" in layout) + layout.count(":")
