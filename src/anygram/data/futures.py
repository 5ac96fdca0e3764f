"""What is known of the time to come: the cells of covariates for values that nobody knows yet.

They come as a frame of rows that go on from the series: long, with the ids of `unique_id`, or without it, the
same rows for every series.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import timeline
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.frames import Columns
from anygram.data.sources import locate
from anygram.errors import DataError, UnknownName, UsageError


@dataclass(frozen=True)
class Future:
    """A frame of what is to come, and what it is called in errors."""

    columns: Columns
    name: str


def read(source: str) -> Future:
    """Return the frame of one file; DataError where it is none."""
    places = locate(source, series.ENDINGS)
    if len(places) != 1 or places[0].ending not in series.ENDINGS:
        raise DataError(f"{source}: what is to come is one file; name one of {', '.join(series.ENDINGS)}")
    return Future(series.columns_of(places[0]), places[0].name)


def check(beside: Sequence[str], *, given: bool, ahead: bool) -> None:
    """Raise UsageError where covariates of the time to come are missing, or given for nothing.

    `ahead` says whether what nobody knows is forecast, and not what the source itself goes on with.
    """
    if given and not beside:
        raise UsageError("the run reads no covariates; leave out --future")
    if given and not ahead:
        raise UsageError("windows of known values have their covariates in the source; leave out --future")
    if beside and ahead and not given:
        raise UsageError(
            f"beside the values {', '.join(beside)} are read; say what they will be (--future, X_df)"
        )


def followed(
    documents: Iterable[Document], future: Future, beside: Sequence[str], horizon: int
) -> Iterator[Document]:
    """Yield the series with the cells of `horizon` more values beside them.

    UnknownName where a column is not there. DataError where a series has too few rows, or ones that do not
    go on from its last value, or where rows are of no series.
    """
    for column in beside:
        if column not in future.columns:
            raise UnknownName(f"column of {future.name}", column, future.columns)
    long = series.ID in future.columns
    rows_of = series.rows_of(future.columns) if long else {}
    every = np.arange(len(next(iter(future.columns.values()), ())))
    met = set()
    for document in documents:
        identifier = str((document.side or {}).get("id", ""))
        met.add(identifier)
        rows = rows_of.get(identifier, np.arange(0)) if long else every
        yield _followed(document, future, rows[:horizon], beside, horizon)
    if left := sorted(rows_of.keys() - met):
        raise DataError(f"{future.name}: '{left[0]}' is no series of the source; leave its rows out")


def _followed(
    document: Document, future: Future, rows: NDArray[Any], beside: Sequence[str], horizon: int
) -> Document:
    side = dict(document.side or {})
    called = f"{future.name}: series '{side.get('id')}'"
    if len(rows) < horizon:
        raise DataError(f"{called} has {len(rows)} rows, and {horizon} values are asked for; add rows")
    _require_next(document, future, rows, called)
    last = int(side.get("first", 0)) + document.text.count("\n")
    known = dict(side["covariates"])
    for column in beside:
        before = known[column].split("\n")[:last]
        known[column] = "".join(f"{cell}\n" for cell in before) + series.cells_of(
            future.columns[column], rows, called
        )
    return replace(document, side={**side, "covariates": known})


def _require_next(document: Document, future: Future, rows: NDArray[Any], called: str) -> None:
    """Raise DataError where rows are not those of the next values of a series that has times."""
    side = document.side or {}
    expected_N = timeline.moments(side, len(rows), document.text.count("\n"))
    if expected_N is None:
        return
    time = series.TIME if series.ID in future.columns else series.time_column(future.columns)
    if time is None or time not in future.columns:
        raise DataError(f"{future.name}: there is no column of times, and the series has times; add one")
    said = timeline.written(side, expected_N)
    for row, expected, due in zip(rows, expected_N, said, strict=True):
        cell = future.columns[time][row].strip()
        found = timeline.parsed(series.year_as_date(cell))
        if found is None or np.datetime64(found, "us") != expected:
            raise DataError(
                f"{called} has the time {cell[:40]!r} in row {row + 1}, and {due} comes next; mend it"
            )
