"""Rows: penguins of one species, where others are odd; and passengers, of whom odd ones had cells exchanged.

Faults to choose by are made by exchanging cells: a row gets another's value in one column.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from anygram import api
from outliers.search import Candidate, Features, Search

PENGUINS, TITANIC = "seaborn/penguins.csv", "seaborn/titanic.csv"
NEEDED = (PENGUINS, TITANIC)
CANDIDATES = [
    *(
        Candidate("ngram", "table", {"order": order, "bins": 5, "digits": digits})
        for order in (1, 2, 3)
        for digits in (False, True)
    ),
    Candidate("gru", "table", {"bins": 5, "digits": False}, "100steps"),
]
EXCHANGED = "passengers: a cell exchanged"
_SPECIES = "species"

Row = dict[str, str]


def searches(data: Path, seed: int) -> Iterator[Search[Row]]:
    """Yield one search a species, and one of passengers."""
    penguins = _read(data / PENGUINS)
    for species in sorted({row[_SPECIES] for row in penguins}):
        like = [_without(row) for row in penguins if row[_SPECIES] == species]
        unlike = [_without(row) for row in penguins if row[_SPECIES] != species]
        generator = np.random.default_rng(seed)
        trained, kept, normal = _parted(like, generator)
        faulty = [exchanged(row, kept, generator)[0] for row in kept]
        yield Search(f"penguins: {species}", trained, kept, faulty, normal, unlike)
    generator = np.random.default_rng(seed)
    trained, kept, normal = _parted(_read(data / TITANIC), generator)
    faulty, odd = ([exchanged(row, rows, generator)[0] for row in rows] for rows in (kept, normal))
    yield Search(EXCHANGED, trained, kept, faulty, normal, odd)


def named_rightly(run: api.Run, search: Search[Row], folder: Path) -> float:
    """Return in which share of the alarms for rows with a cell exchanged that cell's column is told."""
    normal, odd = write(search.kept, folder / "normal"), write(search.odd, folder / "odd")
    found = run.anomalies(odd, normal=normal, by="max", false_alarms=0.05)
    told = [
        one.place == next(name for name in row if row[name] != before[name])
        for one, row, before in zip(found, search.odd, search.normal, strict=True)
        if one.anomalous
    ]
    return float(np.mean(told))


def exchanged(row: Row, rows: Sequence[Row], generator: np.random.Generator) -> tuple[Row, str]:
    """Return the row with another value of one column, and the column."""
    while True:
        column = str(generator.choice(list(row)))
        value = rows[int(generator.integers(len(rows)))][column]
        if value != row[column]:
            return {**row, column: value}, column


def write(rows: Sequence[Row], path: Path) -> Path:
    """Write rows as CSV."""
    file = path.with_suffix(".csv")
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return file


def features_for(search: Search[Row]) -> Features[Row]:
    """Return how rows become numbers: those of a column of numbers, 0 where missing, and a 0 or 1 a word.

    The words are those of the rows that are learnt from and chosen on.
    """
    known = [*search.trained, *search.kept]
    numbers = [name for name in known[0] if all(_is_number(row[name]) for row in known)]
    words = sorted({(name, row[name]) for row in known for name in row if name not in numbers})
    words += [(name, "") for name in numbers]

    def flat(row: Row) -> list[float]:
        return [
            *(float(row[name] or 0) for name in numbers),
            *(float(row[name] == word) for name, word in words),
        ]

    return lambda rows: np.array([flat(row) for row in rows])


def _is_number(cell: str) -> bool:
    return not cell or cell.replace(".", "", 1).isdecimal()


def _read(path: Path) -> list[Row]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def _without(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != _SPECIES}


def _parted(rows: Sequence[Row], generator: np.random.Generator) -> tuple[list[Row], list[Row], list[Row]]:
    """Return a half, a quarter and a quarter."""
    order = generator.permutation(len(rows))
    cuts = len(rows) // 2, len(rows) * 3 // 4
    first, second, third = ([rows[place] for place in part] for part in np.split(order, cuts))
    return first, second, third
