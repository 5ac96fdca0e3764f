"""A table's rows as a model reads them: the head of every cell, and which cells are missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from anygram import cells
from anygram.codecs._numbers import Numbers
from anygram.codecs.table import TableCodec
from anygram.data.documents import Document
from anygram.errors import DataError, UnknownName, UsageError
from anygram.protocols import Codec
from anygram.tasks.imputation.joints import Gaps, Heads


@dataclass(frozen=True)
class Place:
    """A cell: the row's number among those given, and the column's in the codec's order."""

    row: int
    column: int


class Grid:
    """Rows by the codec's columns: `written` cells, `heads` as symbols, and the `columns` asked for."""

    def __init__(self, codec: Codec, documents: Sequence[Document], columns: Sequence[str] | None) -> None:
        """`columns` are those asked for, by default all of categories and numbers.

        UsageError where the codec is not of tables, or a column holds neither categories nor numbers.
        """
        if not isinstance(codec, TableCodec):
            raise UsageError("cells are those of tables; train a run with --codec table on files of tables")
        if not documents:
            raise DataError("the table has no rows; name one that has some")
        self.codec, self.documents = codec, list(documents)
        self.written = [codec.parted(document.text, document.side) for document in documents]
        self.heads: list[Heads] = [
            [codec.cell(column, cell)[0] for column, cell in enumerate(row)] for row in self.written
        ]
        self.columns = _asked(codec, columns)

    def is_missing(self, place: Place) -> bool:
        """Return whether a cell is empty, or says that it is missing."""
        return self.written[place.row][place.column] in self.codec.columns[place.column].missing

    def places(self, *, missing: bool) -> list[Place]:
        """Return the cells of the columns asked for that are missing, or those that are not, row by row."""
        every = (Place(row, column) for row in range(len(self.written)) for column in self.columns)
        return [place for place in every if self.is_missing(place) == missing]

    def gaps(self, places: Sequence[Place]) -> Gaps:
        """Return a row, with these cells of it taken as missing."""
        return Gaps(self.heads[places[0].row], [place.column for place in places])

    def name(self, place: Place) -> str:
        """Return the name of a cell's column."""
        return self.codec.columns[place.column].name

    def numbers(self, place: Place) -> Numbers | None:
        """Return what a cell's column knows of its numbers; None for categories."""
        found = self.codec.columns[place.column].type
        return found if isinstance(found, Numbers) else None

    def meaning(self, place: Place) -> str:
        """Return what a cell holds."""
        delimiter = cells.layout(self.documents[place.row].side)[1]
        return cells.meaning(self.written[place.row][place.column], delimiter)

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
        changed: dict[int, dict[str, str]] = {}
        for place, value in values.items():
            delimiter = cells.layout(self.documents[place.row].side)[1]
            written = cells.writing(value, delimiter)
            if self.codec.columns[place.column].quoted and not cells.is_quoted(written, delimiter):
                written = f'"{written}"' if value else written
            changed.setdefault(place.row, {})[self.name(place)] = written
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
    able = [place for place in range(len(names)) if len(codec.candidates(place))]
    if columns is None:
        return able
    for name in columns:
        if name not in names:
            raise UnknownName("column", name, names)
        if names.index(name) not in able:
            kind = codec.columns[names.index(name)].type.name
            told = ", ".join(names[place] for place in able) or "none"
            raise UsageError(
                f"column '{name}' holds {kind}s, not categories or numbers; ask for some of: {told}"
            )
    return [place for place in able if names[place] in columns]
