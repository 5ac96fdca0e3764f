"""A page of translations: how good they are, and where the model looked for the symbols of the first ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anygram import storage
from anygram.errors import UsageError
from anygram.reporting import pages
from anygram.reporting.alignments import alignment
from anygram.reporting.amounts import counted
from anygram.reporting.documents import Document, Figure, Paragraph, Section, Table
from anygram.tasks.translation.results import Translations
from anygram.tasks.translation.translating import Alignment, Translation

SHOWN = 20
"""So many translations have a section of their own."""

_LONGEST = 80
"""Symbols of either side that a heat map shows."""


def check(path: Path) -> None:
    """Raise UsageError where no page could be written so."""
    if path.suffix.lower() != ".html":
        raise UsageError(f"{path}: a report is one .html page; let the name end so")
    storage.require_writable(path)


def write(path: Path, title: str, made: Translations, first: Sequence[Translation]) -> None:
    """Write the page of what was made, of which these came first."""
    storage.write_text(path, pages.render(_page(title, made, first)))


def _page(title: str, made: Translations, first: Sequence[Translation]) -> Document:
    sections = []
    header, rows = made.table()
    if rows:
        told = [Table(header, rows), Table(["metric", "signature"], [*map(list, made.signatures.items())])]
        sections.append(Section("figures", "How good they are", told))
    sections += [_section(number, one) for number, one in enumerate(first[:SHOWN])]
    if len(made) > SHOWN:
        more = Paragraph(f"{counted(len(made) - SHOWN, 'more document')}; --out FILE writes all.")
        sections.append(Section("more", "More", [more]))
    return Document(title, counted(len(made), "document"), sections)


def _section(number: int, one: Translation) -> Section:
    rows = [["source", one.source], ["target", one.text]]
    rows += [["truth", reference] for reference in one.references]
    rows += [[f"or {place}", other.text] for place, other in enumerate(one.alternatives[1:], 2)]
    blocks: list[Table | Figure] = [Table(["", "text"], rows)]
    if one.alignment is not None and one.alignment.target:
        blocks.append(_heat_map(f"alignment{number}", one.alignment))
    return Section(f"document{number}", one.name or f"document {number + 1}", blocks)


def _heat_map(name: str, found: Alignment) -> Figure:
    target, source = found.target[:_LONGEST], found.source[:_LONGEST]
    cut = len(found.target) > _LONGEST or len(found.source) > _LONGEST
    drawing = alignment(
        name,
        "Where each symbol was looked for",
        target,
        source,
        found.weights_TS[:_LONGEST, :_LONGEST].tolist(),
    )
    left_out = f" Only the first {_LONGEST} symbols of each side are shown." if cut else ""
    said = "A row is a target symbol, a column a source symbol; the stronger, the more was looked there."
    return Figure(drawing, said + left_out)
