"""A row's symbols, one after another: the heads of all its cells, then the tails of those that have one.

The same walk reads any sequence of symbols as a row and knows which may come next.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._columns import SPELLED, Column
from anygram.codecs._spelling import END, NumberSpelling, TextSpelling
from anygram.protocols import Side

FIRST = END + 1
"""The first symbol of the first column, behind the 256 bytes and the end of what they spell."""
_LEAST_LONGEST = 256


class Walk:
    """Where a row stands: the heads and tails of its cells so far, and what comes next.

    `heads` and `tails` hold each column's own symbols, of spelled cells bytes.
    """

    def __init__(self, columns: Sequence[Column], firsts: Sequence[int]) -> None:
        self._columns, self._firsts = columns, firsts
        self.heads: list[list[int]] = [[] for _ in columns]
        self.tails: list[list[int]] = [[] for _ in columns]
        self.at = 0
        self.in_tails = False
        self._ended = False
        self._settle()

    @property
    def finished(self) -> bool:
        """Whether the row is whole."""
        return self.at == len(self._columns)

    @property
    def spells(self) -> bool:
        """Whether a byte comes next, or the end of what bytes spell."""
        return not self.finished and self.in_tails and self.heads[self.at][0] == SPELLED

    def options(self) -> Sequence[int]:
        """Return which of the current column's own symbols may come next."""
        column = self._columns[self.at]
        if self.in_tails:
            return column.after_tail(self.heads[self.at], self.tails[self.at])
        return column.after_head(self.heads[self.at])

    def push(self, symbol: int) -> bool:
        """Go on by a symbol and return True; False where it cannot come here and is passed over."""
        if self.finished:
            return False
        if self.spells:
            if symbol > END:
                return False
            self._ended = symbol == END
            self.tails[self.at] += [] if self._ended else [symbol]
        else:
            own = symbol - self._firsts[self.at]
            if own not in self.options():
                return False
            (self.tails if self.in_tails else self.heads)[self.at].append(own)
        self._settle()
        return True

    def _settle(self) -> None:
        """Go to the next cell that is not whole."""
        while not self.finished:
            if self.spells:
                if not self._ended:
                    return
                self._ended = False
            elif self.options():
                return
            self.at += 1
            if self.finished and not self.in_tails:
                self.in_tails, self.at = True, 0


def speller(column: Column, delimiter: str) -> NumberSpelling | TextSpelling:
    """Return what follows the spelling of a cell: a number's where the column has no others."""
    if column.type.name == "number" and not column.strange:
        return NumberSpelling()
    return TextSpelling(delimiter, max(_LEAST_LONGEST, 2 * column.longest))


class RowGuide:
    """Allows the symbols of rows whose cells are what their columns are: a guide of the codec."""

    def __init__(
        self, columns: Sequence[Column], firsts: Sequence[int], side: Side, vocabulary_size: int
    ) -> None:
        self.side = side
        self._columns, self._firsts = columns, firsts
        self._walk = Walk(columns, firsts)
        self._vocabulary_size = vocabulary_size
        self._spelling: NumberSpelling | TextSpelling | None = None

    def allowed(self) -> NDArray[np.bool_]:
        allowed_V = np.zeros(self._vocabulary_size, dtype=bool)
        if self._walk.finished:
            allowed_V[-1] = True
        elif self._walk.spells:
            allowed_V[:FIRST] = self._speller().allowed()
        else:
            column, first = self._columns[self._walk.at], self._firsts[self._walk.at]
            allowed_V[[first + own for own in self._walk.options()]] = True
            if not self._walk.in_tails and column.type.name == "date" and not column.strange:
                allowed_V[first + SPELLED] = False
        return allowed_V

    def push(self, symbol: int) -> None:
        spelling = self._speller() if self._walk.spells else None
        taken = self._walk.push(symbol)
        if spelling is not None and taken:
            if symbol == END:
                self._spelling = None
            else:
                spelling.push(symbol)

    def _speller(self) -> NumberSpelling | TextSpelling:
        """Return what follows the spelling of the current cell: a number's where the column has no others."""
        if self._spelling is None:
            self._spelling = speller(self._columns[self._walk.at], self.side["delimiter"])
        return self._spelling
