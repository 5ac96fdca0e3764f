"""A report as one HTML page that needs nothing beside it: no script, no font, no other file."""

from __future__ import annotations

from collections.abc import Sequence

from anygram.reporting import surprisal, tables
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
from anygram.reporting.markup import NOTHING, Markup, element, escape, joined
from anygram.reporting.style_sheet import style_sheet

LONG_CELL = 40
"""Characters from which a cell may break anywhere and has a column of some width."""


def render(document: Document) -> str:
    """Return the page."""
    head = element(
        "head",
        {},
        Markup('<meta charset="utf-8"/><meta name="viewport" content="width=device-width,initial-scale=1"/>'),
        element("title", {}, escape(document.title)),
        element("style", {}, Markup(style_sheet())),
    )
    header = element(
        "header",
        {},
        element("h1", {}, escape(document.title)),
        element("p", {"class": "subtitle"}, escape(document.subtitle)),
    )
    main = element("main", {}, *(_section(section) for section in document.sections))
    body = element("body", {}, header, _contents(document.sections), main)
    return f"<!DOCTYPE html>\n{element('html', {'lang': 'en'}, head, body)}\n"


def _contents(sections: Sequence[Section]) -> Markup:
    items = [
        element("li", {}, element("a", {"href": f"#{section.name}"}, escape(section.title)))
        for section in sections
    ]
    summary = element("summary", {}, escape("Contents"))
    listed = element("details", {"open": "open"}, summary, element("ol", {}, *items))
    return element("nav", {"aria-label": "Contents"}, listed)


def _section(section: Section) -> Markup:
    heading = element("h2", {}, escape(section.title))
    blocks = [block(one) for one in section.blocks]
    return Markup(f"\n{element('section', {'id': section.name}, heading, *blocks)}")


def block(one: Block) -> Markup:
    """Return one part of a section as HTML."""
    match one:
        case Paragraph():
            return element("p", {"class": "strong"} if one.strong else {}, escape(one.text))
        case Bullets():
            return element("ul", {}, *(element("li", {}, escape(item)) for item in one.items))
        case Table():
            return _table(one)
        case Figure():
            caption = element("figcaption", {}, escape(one.caption))
            return joined(element("figure", {}, one.drawing, caption), _numbers(one.table))
        case Gallery():
            return joined(
                element("div", {"class": "gallery"}, *map(_small, one.figures)), _numbers(one.table)
            )
        case Listings():
            return element("div", {"class": "passages"}, *map(_listing, one.items))
        case Passages():
            return _passages(one)


def _table(table: Table) -> Markup:
    """Return the table in a box of its own, which scrolls where the page is narrow."""
    right = [_is_numeric([row[column] for row in table.rows]) for column in range(len(table.header))]
    head = element(
        "tr", {}, *(_cell("th", cell, to_right) for cell, to_right in zip(table.header, right, strict=True))
    )
    rows = [
        element("tr", {}, *(_cell("td", cell, to_right) for cell, to_right in zip(row, right, strict=True)))
        for row in table.rows
    ]
    whole = element("table", {}, element("thead", {}, head), element("tbody", {}, *rows))
    # a box that scrolls must be reached by the keyboard
    box = element(
        "div", {"class": "box", "tabindex": "0", "role": "region", "aria-label": _name(table)}, whole
    )
    if not table.folded:
        # above the box, not in it: there it would be cut off where the page is narrow
        return (
            joined(element("p", {"class": "caption"}, escape(table.caption)), box) if table.caption else box
        )
    return element("details", {}, element("summary", {}, escape(_name(table))), box)


def _is_numeric(cells: Sequence[str]) -> bool:
    return tables.is_numeric(cells) and max(map(len, cells)) <= LONG_CELL


def _cell(tag: str, text: str, to_right: bool) -> Markup:
    style = "number" if to_right else "long" if len(text) > LONG_CELL else ""
    attributes = {"class": style} if style else {}
    if tag == "th":
        attributes["scope"] = "col"
    elif not to_right:
        attributes["dir"] = "auto"
    return element(tag, attributes, escape(text))


def _name(table: Table) -> str:
    return table.caption or ", ".join(cell for cell in table.header if cell)


def _numbers(table: Table | None) -> Markup:
    return NOTHING if table is None else _table(table)


def _small(figure: tuple[str, Markup]) -> Markup:
    caption, drawing = figure
    return element("figure", {}, drawing, element("figcaption", {}, escape(caption)))


def _listing(one: Listing) -> Markup:
    return _titled(one.title, element("pre", {"dir": "auto"}, escape(one.text)), one.note)


def _titled(title: str, shown: Markup, note: str) -> Markup:
    below = element("p", {"class": "note"}, escape(note)) if note else NOTHING
    return element("section", {}, element("h3", {}, escape(title)), shown, below)


def _passages(passages: Passages) -> Markup:
    read = [_titled(one.label, surprisal.heat(one.pieces), one.note) for one in passages.read]
    scale = surprisal.scale() if passages.by_bits else NOTHING
    return joined(scale, element("div", {"class": "passages"}, *read))
