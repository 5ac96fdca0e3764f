"""A column of a table: what its cells were found to hold, and how a cell becomes symbols of the column's own.

The first symbol says that a cell is spelled, the next that it is missing, in each of its spellings; then come
those of its type. A cell has a head, which says the most, and a tail, which says the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from anygram import cells
from anygram.codecs import _dates, _numbers
from anygram.errors import RunError

SPELLED = 0
MISSING = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "<NA>")
"""Spellings of what is missing, with quotation marks or without."""
TEXT = "text"
_MOST_CATEGORIES = 1000
_NUMBERED_CATEGORIES = 10
"""A column of at most so many different numbers, each often, is one of categories."""
_TYPED = 0.95
"""A column has a type where this share of its cells has; the others are spelled."""

Symbols = tuple[int, ...]


class Type(Protocol):
    """What tells the values of a column apart, in symbols from 0 on."""

    name: str

    @property
    def size(self) -> int: ...
    @property
    def choices(self) -> int:
        """How many of the first symbols are the head of a value each; 0 where heads have several symbols."""
        ...

    def encode(self, text: str) -> tuple[Symbols, Symbols] | None: ...
    def decode(self, head: Sequence[int], tail: Sequence[int]) -> str: ...
    def after_head(self, head: Sequence[int]) -> Sequence[int]: ...
    def after_tail(self, head: Sequence[int], tail: Sequence[int]) -> Sequence[int]: ...
    def symbol(self, local: int) -> str: ...
    def to_json(self) -> dict[str, Any]: ...


class Categories:
    """A column of few values, the most frequent first; the type of text is that of no categories."""

    def __init__(self, counts: Mapping[str, int]) -> None:
        self.counts = dict(counts)
        self.values = list(counts)
        self.name = "category" if counts else TEXT
        self._place = {value: place for place, value in enumerate(self.values)}

    @property
    def size(self) -> int:
        return len(self.values)

    @property
    def choices(self) -> int:
        return len(self.values)

    def encode(self, text: str) -> tuple[Symbols, Symbols] | None:
        place = self._place.get(text)
        return None if place is None else ((place,), ())

    def decode(self, head: Sequence[int], tail: Sequence[int]) -> str:
        return self.values[head[0]]

    def after_head(self, head: Sequence[int]) -> Sequence[int]:
        return () if head else range(self.size)

    def after_tail(self, head: Sequence[int], tail: Sequence[int]) -> Sequence[int]:
        return ()

    def symbol(self, local: int) -> str:
        return self.values[local]

    def to_json(self) -> dict[str, Any]:
        return {"values": self.counts}


@dataclass(frozen=True)
class Column:
    """A column: its type, the spellings of what is missing, and what was seen of it in the training part.

    `quoted`: its cells have quotation marks around them. `strange` cells were spelled though the column has a
    type. `distinct` counts the values, `absent` the missing cells of `cells`, `longest` is in bytes.
    """

    name: str
    type: Type
    missing: tuple[str, ...]
    quoted: bool
    strange: int
    distinct: int
    absent: int
    cells: int
    longest: int

    @property
    def typed(self) -> int:
        """The first symbol of the type."""
        return 1 + len(self.missing)

    @property
    def size(self) -> int:
        return self.typed + self.type.size

    def encode(self, written: str) -> tuple[Symbols, Symbols]:
        """Return the symbols of a cell's head and tail; a spelled cell's tail is left to the codec."""
        if written in self.missing:
            return (1 + self.missing.index(written),), ()
        inside = written
        if self.quoted:
            inside = written[1:-1] if cells.is_quoted(written, cells.COMMA) else ""
        found = self.type.encode(inside)
        if found is None:
            return (SPELLED,), ()
        head, tail = found
        return tuple(self.typed + one for one in head), tuple(self.typed + one for one in tail)

    def decode(self, head: Sequence[int], tail: Sequence[int]) -> str:
        """Return a cell that is not spelled as it is written."""
        if head[0] < self.typed:
            return self.missing[head[0] - 1]
        text = self.type.decode(self._locals(head), self._locals(tail))
        return f'"{text}"' if self.quoted else text

    def after_head(self, head: Sequence[int]) -> Sequence[int]:
        """Return the symbols that may go on with a head; none where it is whole."""
        if not head:
            return [*range(self.typed), *self._shifted(self.type.after_head(()))]
        return () if head[0] < self.typed else self._shifted(self.type.after_head(self._locals(head)))

    def after_tail(self, head: Sequence[int], tail: Sequence[int]) -> Sequence[int]:
        """Return the symbols that may go on with the tail of a cell that is not spelled."""
        if head[0] < self.typed:
            return ()
        return self._shifted(self.type.after_tail(self._locals(head), self._locals(tail)))

    def symbol(self, local: int) -> str:
        """Return how a person reads a symbol."""
        if local == SPELLED:
            return f"{self.name}: spelled"
        if local < self.typed:
            return f"{self.name}: missing {self.missing[local - 1]}".rstrip()
        return f"{self.name}: {self.type.symbol(local - self.typed)}"

    def to_json(self) -> dict[str, Any]:
        fields = {"name": self.name, "type": self.type.name, **self.type.to_json()}
        seen = {"distinct": self.distinct, "absent": self.absent, "cells": self.cells}
        kept = {"quoted": self.quoted, "strange": self.strange, "longest": self.longest}
        return {**fields, "missing": list(self.missing), **seen, **kept}

    def _locals(self, symbols: Sequence[int]) -> list[int]:
        return [symbol - self.typed for symbol in symbols]

    def _shifted(self, symbols: Sequence[int]) -> Sequence[int]:
        return [self.typed + symbol for symbol in symbols]


def fit(name: str, counts: Mapping[str, int], bins: int | None, digits: bool, delimiter: str) -> Column:
    """Return the column of these cells, as they are written, each so many times."""
    absent = {cell: n for cell, n in counts.items() if cells.meaning(cell, delimiter) in MISSING}
    present = {cell: n for cell, n in counts.items() if cell not in absent}
    quoted = len(present) > 0 and all(cells.is_quoted(cell, delimiter) for cell in present)
    values = {(cell[1:-1] if quoted else cell): count for cell, count in present.items()}
    found = _type_of(values, bins, digits)
    strange = sum(count for value, count in values.items() if found.encode(value) is None)
    return Column(
        name,
        found,
        missing=("", *sorted(cell for cell in absent if cell)),
        quoted=quoted,
        strange=0 if found.name == TEXT else strange,
        distinct=len(values),
        absent=sum(absent.values()),
        cells=sum(counts.values()),
        longest=max((len(cell.encode("utf-8", "surrogateescape")) for cell in counts), default=0),
    )


def _type_of(values: Mapping[str, int], bins: int | None, digits: bool) -> Type:
    """Return the type that fits these values; text where none does."""
    total = sum(values.values())
    dates = {value: count for value, count in values.items() if _dates.parse(value)}
    if dates and sum(dates.values()) >= _TYPED * total:
        return _dates.fit(dates)
    few = len(values) <= total / 2
    numbers = {value: count for value, count in values.items() if _numbers.parse(value)}
    many = not few or len(numbers) > _NUMBERED_CATEGORIES
    if many and numbers and sum(numbers.values()) >= _TYPED * total:
        return _numbers.fit(numbers, bins, digits)
    if few and len(values) <= _MOST_CATEGORIES:
        return Categories(dict(sorted(values.items(), key=lambda item: (-item[1], item[0]))))
    return Categories({})


def from_json(fields: Mapping[str, Any]) -> Column:
    """Return the column that `to_json` described; RunError where it is damaged."""
    try:
        kind = fields["type"]
        found: Type
        if kind == "number":
            found = _numbers.from_json(fields)
        elif kind == "date":
            found = _dates.Dates(fields["layouts"])
        else:
            found = Categories(fields["values"])
        names = ("name", "quoted", "strange", "distinct", "absent", "cells", "longest")
        return Column(type=found, missing=tuple(fields["missing"]), **{name: fields[name] for name in names})
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"codec.json has a damaged column ({error!r}); restore it or train again") from error
