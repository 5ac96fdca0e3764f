"""Time series as documents: a document's text is its values as they stand in the file, a line each.

A missing value (nothing, NA, NaN, null) is an empty line. The side says `id`, `start` (ISO 8601) and `step`
(seconds, or a unit of the calendar: see `timeline`), both null where there are no times, and `first`, the
number of the first value: what is cut out of a series begins with a later one (`store.piece`). Columns asked
for `beside` the values are in it by name, as `covariates`: their cells, a line each, an empty one where one
is missing. They are those of the whole series, from its number 0 on, so that pieces share them.

A file is a long frame (columns unique_id, ds, y, as Nixtla has it: one series an id), or a wide one (a column
of times, or none, and columns of numbers: one series a column).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import timeline
from anygram.data import records, writing
from anygram.data.documents import Document
from anygram.data.frames import MISSING, READERS, Columns, is_number
from anygram.data.sources import Place, opened
from anygram.errors import BadRecord, DataError, UnknownName, UsageError
from anygram.protocols import Side

READABLE = FIELDS = True
ENDINGS = (".csv", ".tsv", ".jsonl", ".parquet")
ID, TIME, VALUE = "unique_id", "ds", "y"
"""The columns of a long frame."""

_TIMES = (TIME, "date", "time", "datetime", "timestamp", "month", "day", "quarter", "year")
_NEWLINE = ord("\n")
_REMEDY = "mend it"


def read(
    place: Place, field: str | None = None, beside: Sequence[str] = (), label: str | None = None
) -> Iterator[Document | BadRecord]:
    """Yield the series of a file, of one column alone if `field` names it, with those columns `beside`.

    The column of the `label` holds the same in all rows of a series of a long frame.
    """
    yield from documents_of(columns_of(place), place.name, field, beside, label)


def columns_of(place: Place) -> Columns:
    """Return the cells of a file by column; DataError where it is no table."""
    with opened(place, seekable=place.ending == ".parquet") as stream:
        return READERS[place.ending](stream.read(), place.name)


def documents_of(
    columns: Columns,
    name: str,
    field: str | None = None,
    beside: Sequence[str] = (),
    label: str | None = None,
) -> Iterator[Document | BadRecord]:
    """Yield the series of a frame, a BadRecord in place of one that cannot be used.

    UnknownName where a column is not there, DataError where columns of a long frame would be left over, or
    one `beside` the values, or of labels, is something else already.
    """
    for wanted in (field, *beside, label):
        if wanted is not None and wanted not in columns:
            raise UnknownName(f"column of {name}", wanted, columns)
    if not columns or not len(next(iter(columns.values()))):
        raise DataError(f"{name}: there are no values in it; name a file that holds some")
    if ID in columns:
        yield from _long(columns, name, field, beside, label)
        return
    if label is not None:
        raise DataError(
            f"{name}: labels are of series in a long frame; give it columns {ID}, {TIME}, {VALUE}"
        )
    time = time_column(columns, field)
    _require_free(beside, (time, field), name)
    values = [column for column in columns if column not in (time, *beside)] if field is None else [field]
    if not values:
        raise DataError(f"{name}: there is no other column than {_quoted((time, *beside))}; add values")
    rows = np.arange(len(next(iter(columns.values()))))
    for column in values:
        yield _series(column, _Frame(columns, name, column, time, beside), rows)


def document(values: Sequence[str], side: Side, name: str = "") -> Document:
    """Return values as they are written, and when they stand, as a document."""
    return Document("".join(f"{value}\n" for value in values), name=name, side=side)


def write(path: Path, documents: Sequence[Document]) -> list[Path]:
    """Write all documents as one long frame, CSV; where there are no times, numbers stand for them."""
    if path.suffix.lower() != ".csv":
        raise UsageError(f"{path}: series are written as .csv; let the name end so")
    writing.write(
        path, (row for number, document in enumerate(documents, 1) for row in _rows(document, number))
    )
    return [path]


def times(side: Side, count: int, after: int = 0) -> list[str]:
    """Return the times of values, or their numbers where the side knows no times, as text."""
    found = timeline.moments(side, count, after)
    if found is not None:
        return timeline.written(side, found)
    first = int(side.get("first", 0)) + after
    return [str(number) for number in range(first, first + count)]


def place_of(document: Document, byte: int) -> str:
    """Return the time of the value where a byte stands, or its number.

    >>> place_of(document(["7", "9"], {"start": "2024-01-31", "step": 86400}), 2)
    '2024-02-01'
    """
    before = document.to_bytes()[:byte].count(b"\n")
    return times(document.side or {}, 1, min(before, document.text.count("\n") - 1))[0]


def parted(raw: NDArray[Any], side: Side | None, offset: int) -> tuple[int, int]:
    """Return the starts of lines at or before, and at or after, a byte; the end is one."""
    if offset in (0, len(raw)) or raw[offset - 1] == _NEWLINE:
        return offset, offset
    ends = np.flatnonzero(raw == _NEWLINE) + 1
    place = int(np.searchsorted(ends, offset))
    return int(ends[place - 1]) if place else 0, int(ends[place]) if place < len(ends) else len(raw)


def _rows(document: Document, number: int) -> Iterator[Mapping[str, str]]:
    """Yield a series' rows; one without an id is called by its number."""
    side = document.side or {}
    values = document.text.split("\n")[:-1]
    first = int(side.get("first", 0))
    beside = {name: cells.split("\n")[first:] for name, cells in side.get("covariates", {}).items()}
    for row, (time, value) in enumerate(zip(times(side, len(values)), values, strict=True)):
        known = {name: cells[row] for name, cells in beside.items()}
        yield {ID: str(side.get("id") or document.name or number), TIME: time, VALUE: value, **known}


def _long(
    columns: Columns, name: str, field: str | None, beside: Sequence[str], label: str | None
) -> Iterator[Document | BadRecord]:
    value = field or VALUE
    if value not in columns:
        raise DataError(f"{name}: no column '{VALUE}' beside '{ID}'; name the values with --text-field")
    _require_free(beside, (value,), name)
    if label is not None:
        _require_free([label], (value, *beside), name, "label")
    left = [column for column in columns if column not in (ID, TIME, value, *beside, label)]
    if left and field is None:
        raise DataError(
            f"{name}: columns {', '.join(left)} are not read; pass --text-field {VALUE} to leave them "
            f"out, or train with --set covariates={','.join([*beside, *left])} to know them ahead"
        )
    frame = _Frame(columns, name, value, TIME if TIME in columns else None, beside, label)
    for identifier, rows in rows_of(columns).items():
        yield _series(identifier, frame, rows)


def rows_of(columns: Columns) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each id of a long frame."""
    found: dict[str, list[int]] = {}
    for row, identifier in enumerate(columns[ID]):
        found.setdefault(identifier, []).append(row)
    return {identifier: np.array(rows) for identifier, rows in found.items()}


def _require_free(
    beside: Sequence[str], taken: Sequence[str | None], name: str, what: str = "covariate"
) -> None:
    """Raise DataError where a column that is to stand beside the values is another thing already."""
    for column in beside:
        if column in (ID, TIME, VALUE, *taken):
            raise DataError(
                f"{name}: column '{column}' holds ids, times or values, so it is no {what}; leave it out"
            )


def _quoted(columns: Sequence[str | None]) -> str:
    return " and ".join(f"'{column}'" for column in columns if column is not None)


def time_column(columns: Columns, field: str | None = None) -> str | None:
    """Return the column of times: one called so, else the first whose every cell is a time and no number."""
    called = [column for column in columns if column.strip().lower() in _TIMES and column != field]
    if called:
        return called[0]
    for column, cells in columns.items():
        if column != field and all(not is_number(cell) and timeline.parsed(cell) for cell in cells):
            return column
    return None


@dataclass(frozen=True)
class _Frame:
    """A frame's cells by column, and which of the columns are values, times, beside these, and labels."""

    columns: Columns
    name: str
    value: str
    time: str | None
    beside: Sequence[str]
    label: str | None = None


def _series(identifier: str, frame: _Frame, rows: NDArray[Any]) -> Document | BadRecord:
    """Return the series that stands in these rows; BadRecord where it is none."""
    called = f"{frame.name}: series '{identifier}'"
    cells = frame.columns[frame.value]
    try:
        values = [_value(cells[row].strip(), called, row) for row in rows]
        if not any(values):
            raise BadRecord(f"{called} has no value at all; {_REMEDY}")
        times = None if frame.time is None else frame.columns[frame.time]
        start, step = (None, None) if times is None else _start_and_step(times, rows, called)
        known = {column: cells_of(frame.columns[column], rows, called) for column in frame.beside}
        given = None if frame.label is None else _label(frame.columns[frame.label], frame.label, rows, called)
    except BadRecord as error:
        return error
    side: dict[str, Any] = {"id": identifier, "start": start, "step": step, "first": 0}
    if known:
        side["covariates"] = known
    return replace(document(values, side, f"{frame.name}:{identifier}"), given=given)


def _label(cells: Sequence[str], label: str, rows: NDArray[Any], called: str) -> str:
    """Return what stands in these rows; BadRecord where that is not one and the same."""
    for row in rows:
        if cells[row] != cells[rows[0]]:
            raise BadRecord(
                f"{called} has the labels {_short(cells[rows[0]])} and {_short(cells[row])} (row {row + 1}); "
                "let one stand in all its rows"
            )
    return records.label_of(cells[rows[0]], label, called)


def cells_of(cells: Sequence[str], rows: NDArray[Any], called: str) -> str:
    """Return the cells of these rows, a line each, nothing where one is missing; BadRecord for one of two."""
    found = ["" if cells[row].strip().lower() in MISSING else cells[row].strip() for row in rows]
    for cell, row in zip(found, rows, strict=True):
        if "\n" in cell:
            raise BadRecord(f"{called} has {_short(cell)} in row {row + 1}, which is of two lines; {_REMEDY}")
    return "".join(f"{cell}\n" for cell in found)


def _value(cell: str, called: str, row: int) -> str:
    """Return a cell as it is written, nothing where it is missing; BadRecord where it is no finite number."""
    if cell.lower() in MISSING:
        return ""
    if not is_number(cell) or not np.isfinite(float(cell)):
        raise BadRecord(f"{called} has {_short(cell)} in row {row + 1}, which is no finite number; {_REMEDY}")
    return cell


def _start_and_step(
    cells: Sequence[str], rows: NDArray[Any], called: str
) -> tuple[str | None, timeline.Step | None]:
    """Return when a series begins and its step; neither where its times are numbers that rise by one step."""
    years = all(re.fullmatch(r"[12]\d{3}", cells[row]) for row in rows)
    if not years and all(is_number(cells[row]) for row in rows):
        numbers = [float(cells[row]) for row in rows]
        _require_even(np.array(numbers), [cells[row] for row in rows], called)
        return None, None
    found = [timeline.parsed(year_as_date(cells[row].strip())) for row in rows]
    for time, row in zip(found, rows, strict=True):
        if time is None:
            raise BadRecord(
                f"{called} has the time {_short(cells[row])} in row {row + 1}, which is not ISO 8601; "
                "write it as 2024-01-31 or 2024-01-31 23:00:00"
            )
    times_N = timeline.as_times([time for time in found if time is not None])
    date = all(":" not in cells[row] for row in rows)
    start = str(times_N[0].astype("M8[D]" if date else "M8[s]"))
    if len(rows) == 1:
        return start, None
    step = timeline.step_of(times_N)
    if step is None:
        _require_even(times_N.astype(np.int64), [cells[row] for row in rows], called)
    return start, step


def _require_even(places_N: NDArray[Any], cells: Sequence[str], called: str) -> None:
    """Raise BadRecord, naming the first wrong place, where these numbers do not rise by one step."""
    apart = np.diff(places_N)
    steps, counts = np.unique(apart, return_counts=True)
    for wrong, what in (
        (apart == 0, "stands twice; keep one of the two rows"),
        (apart < 0, "comes after a later one; sort the rows by time"),
        (
            apart != steps[counts.argmax()],
            "is not one step after the last; add the rows between, values empty",
        ),
    ):
        if wrong.any():
            raise BadRecord(f"{called}: the time {_short(cells[int(wrong.argmax()) + 1])} {what}")


def year_as_date(cell: str) -> str:
    """Return a year of four digits as its first day, anything else as it is."""
    return f"{cell}-01-01" if re.fullmatch(r"[12]\d{3}", cell) else cell


def _short(cell: str) -> str:
    return repr(cell if len(cell) <= 40 else f"{cell[:40]}…")
