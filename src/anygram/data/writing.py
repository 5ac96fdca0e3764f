"""Rows of results as a table file: .parquet, .csv, .tsv or .jsonl, written atomically and streamed."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from anygram import storage
from anygram.errors import DataError, UsageError

Row = Mapping[str, Any]
ROWS_A_GROUP = 10_000

_SEPARATORS = re.compile(r"[\t\r\n]")


def check(path: Path) -> None:
    """Raise where the file's ending names no format (UsageError), or it could not be written."""
    if path.suffix not in _WRITERS:
        raise UsageError(f"cannot write {path.name}; name a file that ends in {', '.join(_WRITERS)}")
    if path.is_dir():
        raise UsageError(f"--out {path} is a folder; name a file")
    storage.require_writable(path)


def write(path: Path, rows: Iterable[Row]) -> int:
    """Write the rows and return how many; DataError where there are none."""
    check(path)
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None:
        raise DataError(f"there is nothing to write into {path.name}; name a source that holds documents")
    with storage.replacing(path) as temporary:
        return _WRITERS[path.suffix](temporary, chain([first], remaining), list(first))


def _jsonl(path: Path, rows: Iterator[Row], columns: list[str]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", errors="replace") as file:
        for row in rows:
            file.write(storage.to_json(row) + "\n")
            count += 1
    return count


def _csv(path: Path, rows: Iterator[Row], columns: list[str]) -> int:
    count = 0
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            count += 1
    return count


def _tsv(path: Path, rows: Iterator[Row], columns: list[str]) -> int:
    """Write rows without quoting (IANA text/tab-separated-values): tabs and line breaks become spaces."""
    count = 0
    with path.open("w", encoding="utf-8", errors="replace", newline="") as file:
        file.write("\t".join(columns) + "\n")
        for row in rows:
            cells = ("" if row[name] is None else str(row[name]) for name in columns)
            file.write("\t".join(_SEPARATORS.sub(" ", cell) for cell in cells) + "\n")
            count += 1
    return count


def _parquet(path: Path, rows: Iterator[Row], columns: list[str]) -> int:
    import pyarrow
    from pyarrow import parquet

    group = list(islice(rows, ROWS_A_GROUP))
    table = pyarrow.Table.from_pylist(group)
    count = 0
    with parquet.ParquetWriter(path, table.schema) as writer:
        while group:
            writer.write_table(pyarrow.Table.from_pylist(group, schema=table.schema))
            count += len(group)
            group = list(islice(rows, ROWS_A_GROUP))
    return count


_WRITERS: dict[str, Callable[[Path, Iterator[Row], list[str]], int]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _jsonl,
    ".tsv": _tsv,
}

ENDINGS = tuple(_WRITERS)
"""Of the files that can be written."""
