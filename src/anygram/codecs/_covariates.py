"""Columns known beside the values of a series, as symbols: numbers by bin, anything else by its text.

The side says by `covariates` the cells of each column, as they are written, a line each, from the series'
number 0 on; an empty one is missing. What becomes of them is found in the training part alone.

Axes: N values.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError, RunError
from anygram.protocols import Side

KEY = "covariates"
"""What a side calls them."""
_MOST_CATEGORIES = 1024
_SHOWN = 12
_MOST_USUAL = 1024


@dataclass(frozen=True)
class Numbers:
    """Bins by the edges between them."""

    edges: tuple[float, ...]

    def __len__(self) -> int:
        return len(self.edges) + 1

    def of(self, cell: str) -> int | None:
        """Return the bin of a number, None of what is none."""
        number = _number(cell)
        return None if number is None else bisect_right(self.edges, number)

    def said(self, place: int) -> str:
        """Return a bin as a person reads it.

        >>> Numbers((0.5, 2.0)).said(1)
        '0.5 to 2'
        """
        ends = ("-inf", *(f"{edge:.4g}" for edge in self.edges), "inf")
        return f"{ends[place]} to {ends[place + 1]}"

    def to_json(self) -> dict[str, Any]:
        return {"edges": list(self.edges)}


@dataclass(frozen=True)
class Categories:
    """Texts, and after them a place for all that are not among them."""

    texts: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.texts) + 1

    def of(self, cell: str) -> int:
        """Return the place of a text."""
        return self._place.get(cell, len(self.texts))

    def said(self, place: int) -> str:
        """Return a category as a person reads it."""
        return self.texts[place] if place < len(self.texts) else "unseen"

    def to_json(self) -> dict[str, Any]:
        return {"categories": list(self.texts)}

    @cached_property
    def _place(self) -> dict[str, int]:
        return {text: place for place, text in enumerate(self.texts)}


@dataclass(frozen=True)
class Covariate:
    """A column by its name: the symbols of what its cells hold, then one for a missing cell."""

    column: str
    table: Numbers | Categories

    @property
    def size(self) -> int:
        """How many symbols there are."""
        return len(self.table) + 1

    @property
    def found(self) -> str:
        """What the cells of the training part were found to be, as a person reads it."""
        kind = "numbers" if isinstance(self.table, Numbers) else "categories"
        said = [self.table.said(place) for place in range(len(self.table))]
        return f"{kind}: {', '.join(said[:_SHOWN])}{', …' if len(said) > _SHOWN else ''}"

    def known(self, side: Side | None) -> int:
        """Return for how many values of a series the side has cells; DataError where it lacks the column."""
        return max(0, len(cells_of(side, self.column)) - _first(side))

    def ids(self, side: Side | None, count: int, after: int = 0) -> NDArray[np.int64]:
        """Return the symbols of `count` values after the first `after`; DataError where one is not known.

        >>> Covariate("price", Numbers((2.5,))).ids({"covariates": {"price": "2\\n3\\n\\n"}}, 3)
        array([0, 1, 2])
        """
        cells, first = cells_of(side, self.column), _first(side) + after
        if len(cells) < first + count:
            raise DataError(
                f"covariate '{self.column}' is known for {len(cells)} values and asked for {first + count}; "
                "give it for those to come too (forecast: --future FILE)"
            )
        ids = [self._id(cell) for cell in cells[first : first + count]]
        return np.array(ids, dtype=np.int64)

    def name(self, identifier: int) -> str:
        """Return a symbol as a person reads it."""
        missing = identifier == len(self.table)
        return f"{self.column} {'missing' if missing else self.table.said(identifier)}"

    def to_json(self) -> dict[str, Any]:
        return {"name": self.column, **self.table.to_json()}

    def _id(self, cell: str) -> int:
        if not cell:
            return len(self.table)
        found = self.table.of(cell)
        if found is None:
            raise DataError(
                f"covariate '{self.column}' was numbers in training and now has {cell[:40]!r}; mend the cell"
            )
        return found


def cells_of(side: Side | None, column: str) -> list[str]:
    """Return the cells of a column, from the series' number 0 on; DataError where the side has none."""
    given = (side or {}).get(KEY)
    text = given.get(column) if isinstance(given, Mapping) else None
    if not isinstance(text, str):
        raise DataError(
            f"the series has no covariate '{column}' beside it, and the codec reads one; "
            f"give the column, or in Python side={{'{KEY}': {{'{column}': a line each}}}}"
        )
    return text.split("\n")[:-1]


def fit(column: str, data: Iterable[tuple[str, Side | None]], bins: int) -> Covariate:
    """Return what the cells beside these texts of series are: numbers if all are, else categories.

    Cells past a text's last value do not count. Numbers have at most so many `bins`. DataError where a side
    lacks the column or there are too many different texts.
    """
    cells: list[str] = []
    for text, side in data:
        first = _first(side)
        cells += cells_of(side, column)[first : first + text.count("\n")]
    known = [cell for cell in cells if cell]
    numbers = [_number(cell) for cell in known]
    if known and None not in numbers:
        return Covariate(column, Numbers(_edges(np.array(numbers, dtype=np.float64), bins)))
    texts = sorted(set(known))
    if len(texts) > _MOST_CATEGORIES:
        raise DataError(
            f"covariate '{column}' has {len(texts)} different texts, more than {_MOST_CATEGORIES}; "
            "leave it out, or group them"
        )
    return Covariate(column, Categories(tuple(texts)))


def beginning(columns: Sequence[str], text: str, side: Side | None) -> dict[str, Any]:
    """Return a side of the cells beside the first values of a series, 1,024 at most."""
    first, count = _first(side), min(text.count("\n"), _MOST_USUAL)
    cells = {column: cells_of(side, column)[first : first + count] for column in columns}
    return {KEY: {column: "".join(f"{cell}\n" for cell in found) for column, found in cells.items()}}


def from_json(fields: Any) -> Covariate:
    """Return the covariate that `to_json` described; RunError where it is damaged."""
    try:
        if "edges" in fields:
            return Covariate(str(fields["name"]), Numbers(tuple(map(float, fields["edges"]))))
        return Covariate(str(fields["name"]), Categories(tuple(map(str, fields["categories"]))))
    except (TypeError, KeyError, ValueError) as error:
        raise RunError("codec.json has a damaged covariate; restore it or train again") from error


def _edges(numbers_N: NDArray[np.float64], bins: int) -> tuple[float, ...]:
    """Return edges halfway between numbers, so that bins hold about equally many, or a single number each."""
    distinct_N = np.unique(numbers_N)
    after_E = np.arange(1, len(distinct_N))
    if len(distinct_N) > bins:
        quantile_E = np.quantile(numbers_N, np.linspace(0, 1, bins + 1)[1:-1])
        after_E = np.unique(np.searchsorted(distinct_N, quantile_E, "right"))
        after_E = after_E[after_E < len(distinct_N)]
    below_E, above_E = distinct_N[after_E - 1], distinct_N[after_E]
    between_E = below_E / 2 + above_E / 2
    return tuple(np.where(between_E > below_E, between_E, above_E).tolist())  # none lies between neighbours


def _number(cell: str) -> float | None:
    """Return a finite number, None for anything else."""
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in cell else None  # Python would read 1_000


def _first(side: Side | None) -> int:
    return int((side or {}).get("first", 0))
