"""Tables as columns of text: CSV, TSV, JSON lines and Parquet, whole, each cell as it is written.

A table without a header names its columns by number, from 1.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anygram.data.rows import Split, parse_json, split_csv, split_tabs
from anygram.errors import BadRecord, DataError

Columns = Mapping[str, Sequence[str]]
"""A table by column."""

MISSING = ("", "na", "nan", "null", "none", "n/a", "<na>", "nat")
"""What is written for a missing value, in lower case."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_WHOLE_BELOW = 1e15


def is_number(cell: str) -> bool:
    """Return whether a cell is a decimal number."""
    return _NUMBER.fullmatch(cell.strip()) is not None


def _delimited(raw: bytes, name: str, split: Split) -> Columns:
    try:
        rows = list(split(io.StringIO(raw.decode("utf-8-sig"), newline="")))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}: not a table in UTF-8 ({error}); mend or convert it") from error
    alone = max(map(len, rows), default=0) == 1
    # of a column alone an empty line is a missing value
    rows = [row or [""] for row in rows if alone or row not in ([], [""])]
    if not rows:
        return {}
    header, body = rows[0], rows[1:]
    if all(is_number(cell) or cell.strip().lower() in MISSING for cell in header):
        header, body = [str(number) for number in range(1, len(header) + 1)], rows
    for number, row in enumerate(body, 1):
        if len(row) != len(header):
            raise DataError(
                f"{name}: row {number} has {len(row)} cells, the first line {len(header)}; mend it"
            )
    if len(set(header)) < len(header):
        raise DataError(f"{name}: two columns have one name; rename one of {', '.join(header)}")
    return {column: [row[place] for row in body] for place, column in enumerate(header)}


def _csv(raw: bytes, name: str) -> Columns:
    return _delimited(raw, name, split_csv)


def _tsv(raw: bytes, name: str) -> Columns:
    return _delimited(raw, name, split_tabs)


def _jsonl(raw: bytes, name: str) -> Columns:
    """Return the fields of JSON lines, numbers as they are written; what a line lacks is missing."""
    records: list[dict[str, Any]] = []
    for number, line in enumerate(raw.splitlines(), 1):
        if not line.strip():
            continue
        try:
            records.append(parse_json(line.decode("utf-8-sig"), f"{name} line {number}", real=str))
        except UnicodeDecodeError as error:
            raise DataError(f"{name} line {number}: not UTF-8 ({error}); mend or convert it") from error
        except BadRecord as error:
            raise DataError(str(error)) from error
    names = dict.fromkeys(field for record in records for field in record)
    return {field: [cell(record.get(field)) for record in records] for field in names}


def _parquet(raw: bytes, name: str) -> Columns:
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(io.BytesIO(raw))
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).partition("\n")[0]
        raise DataError(f"{name}: not a whole Parquet file ({reason}); fetch or write it again") from error
    return columns_of(table)


def columns_of(table: Any) -> Columns:
    """Return a pyarrow table's cells as text."""
    return {
        column: [cell(value) for value in table.column(column).to_pylist()] for column in table.column_names
    }


def cell(value: Any) -> str:
    """Return a value as text: a time as ISO 8601, a whole number without a point, nothing where missing."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE_BELOW:
        return str(int(value))
    return "" if value is None else value.isoformat() if hasattr(value, "isoformat") else str(value)


READERS: dict[str, Callable[[bytes, str], Columns]] = {
    ".csv": _csv,
    ".tsv": _tsv,
    ".jsonl": _jsonl,
    ".parquet": _parquet,
}
"""How a file of each ending is read, from its bytes and its name for errors."""
