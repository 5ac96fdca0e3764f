"""What may fill a cell, symbol by symbol: categories, bins, parts of dates, digits, bytes of texts."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from anygram.codecs._columns import SPELLED, TEXT
from anygram.codecs._rows import speller
from anygram.codecs._spelling import END, NumberSpelling, TextSpelling
from anygram.codecs._text import to_text
from anygram.codecs.table import TableCodec


@dataclass(frozen=True)
class Cell:
    """A cell as far as it was filled: the column's own symbols, of what is spelled the bytes so far."""

    head: tuple[int, ...] = ()
    tail: tuple[int, ...] = ()
    spelling: NumberSpelling | TextSpelling | None = None
    closed: bool = False


class Choices:
    """Goes on with cells of a table's columns.

    `strange` ends with a cell that is any value that was not foreseen; `free` lets cells be missing, or be
    spelled where some were.
    """

    def __init__(
        self, codec: TableCodec, delimiter: str, *, strange: bool = False, free: bool = False
    ) -> None:
        self.codec = codec
        self._delimiter, self._strange, self.free = delimiter, strange, free

    def firsts(self, place: int) -> list[int]:
        """Return the symbols that a column's cell may begin with."""
        column, first = self.codec.columns[place], self.codec.firsts[place]
        if self.free:
            spelled = column.strange or column.type.name == TEXT
            return [first + own for own in column.after_head(()) if own != SPELLED or spelled]
        if column.type.name == "date":
            return [first + own for own in column.after_head(()) if own >= column.typed]
        known = [*self.codec.candidates(place)]
        return [*known, first + SPELLED] if self._strange or not known else known

    def head(self, place: int, cell: Cell) -> Sequence[int]:
        """Return the symbols that may go on with the head of a cell; none where it is whole."""
        if not cell.head:
            return self.firsts(place)
        if cell.head[0] == SPELLED:
            return ()
        return [self.codec.firsts[place] + own for own in self.codec.columns[place].after_head(cell.head)]

    def tail(self, place: int, cell: Cell) -> Sequence[int]:
        """Return the symbols that may go on with the tail of a cell whose head is whole."""
        if cell.closed:
            return ()
        if cell.head[0] == SPELLED:
            spelling = cell.spelling or speller(self.codec.columns[place], self._delimiter)
            allowed: list[int] = np.flatnonzero(spelling.allowed()).tolist()
            return allowed
        own = self.codec.columns[place].after_tail(cell.head, cell.tail)
        return [self.codec.firsts[place] + one for one in own]

    def pushed(self, place: int, cell: Cell, symbol: int, *, tail: bool) -> Cell:
        """Return the cell with one more symbol."""
        own = symbol - self.codec.firsts[place]
        if not tail:
            return Cell((*cell.head, own))
        if cell.head[0] != SPELLED:
            return Cell(cell.head, (*cell.tail, own))
        if symbol == END:
            return Cell(cell.head, cell.tail, closed=True)
        spelling = copy.copy(cell.spelling) or speller(self.codec.columns[place], self._delimiter)
        spelling.push(symbol)
        return Cell(cell.head, (*cell.tail, symbol), spelling)

    def written(self, place: int, cell: Cell) -> str:
        """Return a cell as it is written; digits that it has not are zeros."""
        if cell.head[0] == SPELLED:
            return to_text(bytes(cell.tail))
        return self.codec.columns[place].decode(cell.head, cell.tail)
