"""A table's rows as a model reads them: the head of every cell, and which cells are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from anygram import cells
from anygram.codecs._columns import MISSING, TEXT
from anygram.codecs._numbers import Numbers
from anygram.codecs.table import TableCodec
from anygram.data.documents import Document
from anygram.errors import DataError, UnknownName, UsageError
from anygram.protocols import Codec
from anygram.tasks.imputation.choices import Choices
from anygram.tasks.imputation.joints import Gaps, Pieces


@dataclass(frozen=True)
class Place:
    """A cell: the row's number among those given, and the column's in the codec's order."""

    row: int
    column: int


class Grid:
    """Rows by the codec's columns: `written` cells, their symbols, and the `columns` asked for."""

    def __init__(self, codec: Codec, documents: Sequence[Document], columns: Sequence[str] | None) -> None:
        """`columns` are those asked for, by default all that had some value in training.

        UsageError where the codec is not of tables, or a column asked for had none.
        """
        if not isinstance(codec, TableCodec):
            raise UsageError("cells are those of tables; train a run with --codec table on files of tables")
        if not documents:
            raise DataError("the table has no rows; name one that has some")
        self.codec, self.documents = codec, list(documents)
        self.written = [codec.parted(document.text, document.side) for document in documents]
        spelled = [[codec.cell(column, cell) for column, cell in enumerate(row)] for row in self.written]
        self.heads: list[Pieces] = [[head for head, _ in row] for row in spelled]
        self.tails: list[Pieces] = [[tail for _, tail in row] for row in spelled]
        self.columns = _asked(codec, columns)

    def is_missing(self, place: Place) -> bool:
        """Return whether a cell is empty or says that it is missing, in whatever spelling."""
        known = self.codec.columns[place.column].missing
        return self.written[place.row][place.column] in known or self.meaning(place) in MISSING

    def unknown(self) -> list[str]:
        """Return the names of columns that had no value in training."""
        return [column.name for column in self.codec.columns if not column.distinct]

    def places(self, *, missing: bool) -> list[Place]:
        """Return the cells of the columns asked for that are missing, or those that are not, row by row."""
        every = (Place(row, column) for row in range(len(self.written)) for column in self.columns)
        return [place for place in every if self.is_missing(place) == missing]

    def choices(self, *, strange: bool = False) -> Choices:
        """Return what cells may be filled with; with `strange`, by any value that was not foreseen too."""
        return Choices(self.codec, cells.layout(self.documents[0].side)[1], strange=strange)

    def gaps(self, places: Sequence[Place]) -> Gaps:
        """Return a row, with these cells of it taken as missing; its tails too where one is of texts."""
        row, columns = places[0].row, [place.column for place in places]
        texts = any(self.codec.columns[column].type.name == TEXT for column in columns)
        return Gaps(self.heads[row], columns, self.tails[row] if texts else None, row)

    def is_whole(self, place: Place) -> bool:
        """Return whether a cell's column is of dates or texts, whose values have several symbols."""
        return not self.codec.candidates(place.column)

    def name(self, place: Place) -> str:
        """Return the name of a cell's column."""
        return self.codec.columns[place.column].name

    def numbers(self, place: Place) -> Numbers | None:
        """Return what a cell's column knows of its numbers; None for categories."""
        found = self.codec.columns[place.column].type
        return found if isinstance(found, Numbers) else None

    def is_date(self, place: Place) -> bool:
        """Return whether a cell's column is one of dates."""
        return self.codec.columns[place.column].type.name == "date"

    def meaning(self, place: Place, written: str | None = None) -> str:
        """Return what a cell holds, or what this would mean in it."""
        delimiter = cells.layout(self.documents[place.row].side)[1]
        return cells.meaning(self.written[place.row][place.column] if written is None else written, delimiter)

    def value(self, place: Place, candidate: int) -> str:
        """Return what a candidate of the cell's column means: a category, or the middle number of a bin."""
        numbers = self.numbers(place)
        if numbers is not None:
            return numbers.bins[candidate].middle
        column = self.codec.columns[place.column]
        written = column.decode([column.typed + candidate], ())
        return cells.meaning(written, cells.layout(self.documents[place.row].side)[1])

    def with_values(self, values: Mapping[Place, str]) -> list[Document]:
        """Return the rows with these values in their cells; all others stay as they are written."""
        written: dict[Place, str] = {}
        for place, value in values.items():
            delimiter = cells.layout(self.documents[place.row].side)[1]
            cell = cells.writing(value, delimiter)
            bare = self.codec.columns[place.column].quoted and not cells.is_quoted(cell, delimiter)
            written[place] = f'"{cell}"' if bare and value else cell
        return self.with_written(written)

    def with_written(self, written: Mapping[Place, str]) -> list[Document]:
        """Return the rows with these cells, as they are written here."""
        changed: dict[int, dict[str, str]] = {}
        for place, cell in written.items():
            changed.setdefault(place.row, {})[self.name(place)] = cell
        made = list(self.documents)
        for row, new in changed.items():
            names, delimiter = cells.layout(made[row].side)
            old = cells.split(made[row].text, delimiter)
            text = delimiter.join(new.get(name, cell) for name, cell in zip(names, old, strict=True))
            made[row] = replace(made[row], text=text)
        return made


def _asked(codec: TableCodec, columns: Sequence[str] | None) -> list[int]:
    """Return the columns that are asked for, by their places in the codec."""
    names = [column.name for column in codec.columns]
    able = [place for place, column in enumerate(codec.columns) if column.distinct]
    if columns is None:
        return able
    for name in columns:
        if name not in names:
            raise UnknownName("column", name, names)
        if names.index(name) not in able:
            raise UsageError(f"column '{name}' had no value in training; leave it out, or train on some")
    return [place for place in able if names[place] in columns]
