"""A report as its parts, before it is a page or Markdown: paragraphs, tables, charts, passages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from anygram.reporting.markup import Markup


@dataclass(frozen=True)
class Paragraph:
    """Running text."""

    text: str
    strong: bool = False
    """Whether it is what a reader in a hurry shall read."""


@dataclass(frozen=True)
class Bullets:
    """Short lines of text."""

    items: Sequence[str]


@dataclass(frozen=True)
class Table:
    """Rows of cells as text; `folded` ones are opened by the reader, for they repeat a chart or are long."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Figure:
    """A chart and the numbers that it shows."""

    drawing: Markup
    caption: str
    table: Table | None = None


@dataclass(frozen=True)
class Gallery:
    """Small charts side by side, of one kind."""

    figures: Sequence[tuple[str, Markup]]
    table: Table | None = None


@dataclass(frozen=True)
class Listing:
    """A text as it is, line by line, with a title above and perhaps a sentence below."""

    title: str
    text: str
    note: str = ""


@dataclass(frozen=True)
class Listings:
    """Texts side by side where there is room."""

    items: Sequence[Listing]


@dataclass(frozen=True)
class Piece:
    """A symbol as it stands in a text, and what it cost, in bits; how dark its ground is where it says so."""

    text: str
    bits: float
    ground: int | None = None


@dataclass(frozen=True)
class Passage:
    """A passage as one model read it, and a sentence about that."""

    label: str
    pieces: Sequence[Piece]
    note: str


@dataclass(frozen=True)
class Passages:
    """One passage as each of several models read it, by pieces; grounds are `by_bits` per byte or not."""

    read: Sequence[Passage]
    by_bits: bool = True


Block = Paragraph | Bullets | Table | Figure | Gallery | Listings | Passages


@dataclass(frozen=True)
class Section:
    """A part with a heading; `name` is its anchor, unlike any other's."""

    name: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    sections: Sequence[Section]
