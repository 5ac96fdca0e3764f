"""A report in Markdown: the same words and tables, and for each chart the numbers that it shows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from anygram.reporting import tables
from anygram.reporting.documents import (
    Block,
    Bullets,
    Document,
    Figure,
    Gallery,
    Listing,
    Listings,
    Paragraph,
    Passages,
    Section,
    Table,
)
from anygram.reporting.markup import shown

# signs that Markdown reads; < and & begin HTML, which it lets through
_READ = re.compile(r"[\\`*\[\]]")


def render(document: Document) -> str:
    """Return the report as Markdown."""
    parts = [f"# {literal(document.title)}", literal(document.subtitle)]
    for section in document.sections:
        parts += _section(section)
    return "\n\n".join(part for part in parts if part) + "\n"


def literal(text: str) -> str:
    """Return text that Markdown shows as it is, on one line.

    >>> literal("*a*\\n<b> & [c]")
    '\\\\*a\\\\* &lt;b> &amp; \\\\[c\\\\]'
    """
    line = re.sub(r"\s*\n\s*", " ", shown(text))
    return _READ.sub(r"\\\g<0>", line).replace("&", "&amp;").replace("<", "&lt;")


def _section(section: Section) -> list[str]:
    return [f"## {literal(section.title)}", *(block(one) for one in section.blocks)]


def block(one: Block) -> str:
    """Return one part of a section as Markdown."""
    match one:
        case Paragraph():
            return literal(one.text)
        case Bullets():
            return "\n".join(f"- {literal(item)}" for item in one.items)
        case Table():
            return _table(one)
        case Figure():
            return _spaced(literal(one.caption), _table(one.table))
        case Gallery():
            return _table(one.table) or _spaced(*(literal(caption) for caption, _ in one.figures))
        case Listings():
            return _spaced(*map(_listing, one.items))
        case Passages():
            return _table(Table(["model", "here"], [[passage.label, passage.note] for passage in one.read]))


def _table(table: Table | None) -> str:
    if table is None:
        return ""
    drawn = tables.markdown(_literals(table.header), [_literals(row) for row in table.rows])
    return _spaced(literal(table.caption), drawn)


def _literals(cells: Sequence[str]) -> list[str]:
    return [literal(cell) for cell in cells]


def _listing(one: Listing) -> str:
    return _spaced(f"### {literal(one.title)}", _fenced(one.text), literal(one.note))


def _fenced(text: str) -> str:
    """Return the text between fences longer than any run of backticks in it."""
    runs = [len(run) for run in re.findall("`+", text)]
    fence = "`" * max([3, *(length + 1 for length in runs)])
    return f"{fence}text\n{shown(text)}\n{fence}"


def _spaced(*parts: str) -> str:
    return "\n\n".join(part for part in parts if part)
