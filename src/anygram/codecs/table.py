"""Rows of tables as symbols of their columns: categories, bins of numbers, dates; digits and texts follow.

The types of columns are inferred from the training rows. First come the heads of all cells, so that what goes
together in a row stands close together: a category, a missing cell and the bin of a number are one symbol
each. Then come the digits that say where in its bin a number lies, and the bytes of texts and of values that
were not foreseen. Nothing is lost, however a row is quoted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import cells
from anygram.codecs import _columns
from anygram.codecs._columns import SPELLED, Column
from anygram.codecs._rows import FIRST, RowGuide, Walk
from anygram.codecs._spelling import END
from anygram.codecs._text import BYTES, check_range, readable, stored, to_bytes, to_text
from anygram.errors import DataError, UnknownName, UsageError
from anygram.protocols import Decoder, Encoded, Guide, Ids, Side, WithSides

KIND = "tables"

_REMEMBERED = 1 << 14


@dataclass(frozen=True)
class Config:
    """How cells become symbols."""

    bins: int | None = None
    """Quantile bins of a column of numbers; none: the square root of its cells, from 8 to 64."""
    digits: bool = True
    """Whether a number's digits follow its bin; without them a number becomes the middle one of its bin."""
    first: str = ""
    """Columns that come first in a row's symbols, their names with commas."""

    def __post_init__(self) -> None:
        if self.bins is not None and self.bins < 2:
            raise UsageError(f"bins must be at least 2, got {self.bins}; leave it out for as many as suit")


class TableCodec:
    """A symbol of its own for each value of a category, bin of numbers, part of a date, and missing cell."""

    unit = "cell"
    unknown: int | None = None

    def __init__(self, columns: Sequence[Column], side: Side | None, digits: bool = True) -> None:
        """`columns` are in the order of the symbols; `side` is that of the training part, the `usual` one."""
        self.columns, self.usual, self._digits = list(columns), side, digits
        self.firsts = np.cumsum([FIRST, *(column.size for column in columns)]).tolist()
        self.lossless = digits
        self._known: list[dict[str, tuple[list[int], list[int]]]] = [{} for _ in columns]

    @property
    def vocabulary_size(self) -> int:
        return self.boundary + 1

    @property
    def boundary(self) -> int:
        last: int = self.firsts[-1]
        return last

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the row's symbols; DataError where it is no row, or its columns are others."""
        written = self.parted(text, side)
        heads: list[int] = []
        tails: list[int] = []
        units: list[int] = []
        for place, cell in enumerate(written):
            head, tail = self.cell(place, cell)
            heads += head
            tails += tail
            units += [len(to_bytes(cell)) + (place > 0), *[0] * (len(head) - 1)]  # a delimiter between cells
        ids = np.array(heads + tails, dtype=np.int32)
        units_T = np.array(units + [0] * len(tails), dtype=np.int64)
        return Encoded(ids, units_T, side, len(written))

    def spans(self, text: str, side: Side | None = None) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where the cells of a row begin and end that its symbols tell of."""
        names, written = _cells(text, side)
        size_C = np.array([len(to_bytes(cell)) for cell in written])
        end_C = np.cumsum(size_C + 1) - 1  # a delimiter after each
        order = [names.index(column.name) for column in self.columns]
        symbols = [self.cell(place, written[cell]) for place, cell in enumerate(order)]
        told_T = np.concatenate(
            [np.repeat(order, [len(pair[part]) for pair in symbols]) for part in (0, 1)]
        ).astype(np.int64)
        return (end_C - size_C)[told_T], end_C[told_T]

    def parted(self, text: str, side: Side | None) -> list[str]:
        """Return a row's cells as they are written, in the order of the columns here."""
        to_bytes(text)
        names, written = _cells(text, side)
        own = [column.name for column in self.columns]
        if set(names) != set(own):
            gone, new = sorted(set(own) - set(names)), sorted(set(names) - set(own))
            raise DataError(
                f"not the columns of the training part: missing {', '.join(gone) or 'none'}, "
                f"new {', '.join(new) or 'none'}; give both the same"
            )
        found = dict(zip(names, written, strict=True))
        return [found[name] for name in own]

    def cell(self, place: int, written: str) -> tuple[list[int], list[int]]:
        """Return the symbols of a cell's head and tail; `place` is the column's, in the order here."""
        known = self._known[place]
        found = known.get(written)
        if found is None:
            first = self.firsts[place]
            head, tail = self.columns[place].encode(written)
            rest = [*to_bytes(written), END] if head[0] == SPELLED else [first + own for own in tail]
            found = [first + own for own in head], rest
            if len(known) < _REMEMBERED:
                known[written] = found
        return found

    def candidates(self, place: int) -> range:
        """Return the symbols of a column's categories or bins of numbers; none for dates and texts."""
        column = self.columns[place]
        first = self.firsts[place] + column.typed
        return range(first, first + column.type.choices)

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return the row; symbols that cannot come where they are are passed over."""
        ids = np.asarray(ids)
        check_range(ids, self.boundary)
        if not len(ids):
            return ""
        walk = Walk(self.columns, self.firsts)
        for symbol in ids.tolist():
            walk.push(symbol)
        written = {
            column.name: self._written(column, head, tail)
            for column, head, tail in zip(self.columns, walk.heads, walk.tails, strict=True)
        }
        if not written:
            return ""
        names, delimiter = cells.layout(side or self.usual)
        return delimiter.join(written.get(name, "") for name in names)

    def _written(self, column: Column, head: list[int], tail: list[int]) -> str:
        if not head:
            return ""
        return to_text(bytes(tail)) if head[0] == SPELLED else column.decode(head, tail)

    def decoder(self, side: Side | None = None) -> Decoder:
        return _TableDecoder(self, side)

    def guide(self, side: Side | None = None) -> Guide:
        """Return what holds a row to its columns: numbers that parse, dates that exist, cells of UTF-8.

        It allows the symbols of every row whose cells are what the training part had in their columns:
        a word among numbers, or a date of another layout, only where there was some such cell.
        """
        side = side or self.usual
        if side is None:
            raise UsageError("a row of which table? the codec knows no columns; train on files of tables")
        return RowGuide(self.columns, self.firsts, side, self.vocabulary_size)

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of a whole row, or of its first cells; DataError where others come first.

        The delimiter after the last may be left out. Cells whose digits or bytes come later are refused.
        """
        if not text:
            return np.empty(0, dtype=np.int32)
        names, delimiter = cells.layout(side or self.usual)
        written = cells.split(text, delimiter)
        if len(written) == len(names):
            return self.encode(text, side or self.usual).ids
        written = written[:-1] if not written[-1] else written
        first = [column.name for column in self.columns[: len(written)]]
        if set(first) != set(names[: len(written)]):
            raise DataError(
                f"a row's symbols begin with {first[0]}; train with --set first={names[0]} to begin so"
            )
        found = dict(zip(names, written, strict=False))
        ids: list[int] = []
        for place, name in enumerate(first):
            head, tail = self.cell(place, found[name])
            if tail:
                raise DataError(
                    f"'{found[name]}' of column {name} is told in full at the row's end only; "
                    "begin with categories, dates and missing cells"
                )
            ids += head
        return np.array(ids, dtype=np.int32)

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it: its column, and what it says of a cell."""
        if identifier == self.boundary:
            return "<boundary>"
        if identifier < END:
            return readable(BYTES[identifier])
        if identifier == END:
            return "<end of cell>"
        place = int(np.searchsorted(self.firsts, identifier, side="right")) - 1
        said = self.columns[place].symbol(identifier - self.firsts[place])
        return readable(said.encode("utf-8", "surrogateescape"))

    def describe(self) -> list[dict[str, Any]]:
        """Return what was found out about each column: its type, its values, the share that is missing."""
        return [
            {
                "column": column.name,
                "type": column.type.name,
                "values": column.distinct,
                "missing": column.absent / column.cells if column.cells else 0.0,
                "symbols": column.size,
            }
            for column in self.columns
        ]

    def to_json(self) -> dict[str, Any]:
        columns = [column.to_json() for column in self.columns]
        return {
            "columns": columns,
            "digits": self._digits,
            "side": None if self.usual is None else dict(self.usual),
        }


class _TableDecoder:
    """Holds everything back: a row's first cell is known when its last symbol is."""

    def __init__(self, codec: TableCodec, side: Side | None) -> None:
        self._codec, self._side = codec, side
        self._held: list[int] = []

    def push(self, symbol: int) -> str:
        check_range(np.array([symbol], dtype=np.int32), self._codec.boundary)
        self._held.append(symbol)
        return ""

    def finish(self) -> str:
        return self._codec.decode(np.array(self._held, dtype=np.int32), self._side)


def fit(data: Iterable[str], config: Config) -> TableCodec:
    """Return the codec; DataError where rows are of tables with different columns, or are no rows.

    Fitted on what is no table it knows no columns and refuses every row.
    """
    sides = list(data.sides()) if isinstance(data, WithSides) else []
    usual = next((side for side in sides if side is not None), None)
    if usual is None:
        return TableCodec([], None, config.digits)
    names, delimiter = cells.layout(usual)
    counts: dict[str, Counter[str]] = {name: Counter() for name in names}
    for text, side in zip(data, sides, strict=True):
        own, written = _cells(text, side)
        if set(own) != counts.keys():
            other = sorted(set(own) ^ counts.keys())
            raise DataError(f"tables with columns of their own ({', '.join(other)}); train on one table")
        for name, cell in zip(own, written, strict=True):
            counts[name][cell] += 1
    columns = [
        _columns.fit(name, counts[name], config.bins, config.digits, delimiter)
        for name in _ordered(names, config.first)
    ]
    return TableCodec(columns, {"columns": names, "delimiter": delimiter}, config.digits)


def _cells(text: str, side: Side | None) -> tuple[list[str], list[str]]:
    """Return the names of a row's columns, and its cells as written; DataError where they are not as many."""
    names, delimiter = cells.layout(side)
    written = cells.split(text, delimiter)
    if len(written) != len(names):
        raise DataError(f"a row of {len(written)} cells in a table of {len(names)} columns; mend it")
    return names, written


def _ordered(names: Sequence[str], first: str) -> list[str]:
    """Return the names, those first that come first; UnknownName for one that there is not."""
    wanted = [cells.meaning(name, cells.COMMA) for name in cells.split(first, cells.COMMA)] if first else []
    for name in wanted:
        if name not in names:
            raise UnknownName("column", name, names)
    if len(set(wanted)) < len(wanted):
        raise UsageError(f"first names a column twice: {first}; name each once")
    return [*wanted, *(name for name in names if name not in wanted)]


def from_json(fields: Mapping[str, Any]) -> TableCodec:
    """Return the codec that `to_json` described; RunError where it is damaged."""
    columns = [_columns.from_json(one) for one in stored(fields, "columns", list)]
    side = None if fields.get("side") is None else stored(fields, "side", dict)
    return TableCodec(columns, side, stored(fields, "digits", bool))
