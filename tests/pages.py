"""Reading drawings and pages strictly, as a test must: what a browser would mend is an error here."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from xml.etree import ElementTree

SVG = "{http://www.w3.org/2000/svg}"
_VOID = {"meta", "br", "wbr"}


@dataclass
class Page(HTMLParser):
    """What was found in a page: tags with attributes, text, and what was not closed."""

    tags: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    text: str = ""
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(set(names)) == len(names), f"<{tag}> has an attribute twice: {names}"
        self.tags.append((tag, dict(attrs)))
        self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        inside_drawing = "svg" in self.open
        assert inside_drawing or tag in _VOID, f"<{tag}/> is not closed, HTML says"
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of every element of this name."""
        return [attributes for name, attributes in self.tags if name == tag]


def read_page(text: str) -> Page:
    """Return the page; AssertionError where it is not well-formed, or has an id twice."""
    page = Page()
    page.feed(text)
    page.close()
    assert page.open == []
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    return page


def drawings(text: str) -> list[ElementTree.Element]:
    """Return every drawing of a page, each parsed as XML, with its text alternative checked."""
    found = [ElementTree.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]
    for svg in found:
        check_drawing(svg)
    return found


def check_drawing(svg: ElementTree.Element) -> None:
    """Assert that a drawing is an image with a title and a description, and scales."""
    assert svg.get("role") == "img" and svg.get("viewBox") and svg.get("width") is None
    parts = {part.get("id"): part for part in svg if part.get("id")}
    labelled = [parts[name] for name in (svg.get("aria-labelledby") or "").split()]
    assert [part.tag for part in labelled] == [f"{SVG}title", f"{SVG}desc"]
    assert all(part.text and part.text.strip() for part in labelled)


def description(svg: ElementTree.Element) -> str:
    """Return what the drawing says to who cannot see it."""
    return svg.findtext(f"{SVG}desc") or ""
