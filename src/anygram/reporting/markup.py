"""Elements of HTML and SVG as text; what comes from outside becomes markup here, escaped, and only here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NewType

Markup = NewType("Markup", str)
"""Text that may stand in a page as it is: the type checker keeps other text from being taken for it."""

NOTHING = Markup("")

# what XML 1.0 (section 2.2) has no place for, carriage returns (parsers make newlines of them), C1 controls
_UNSHOWN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"})
_CONTROL_PICTURES = 0x2400
_DELETE_PICTURE = "\u2421"


def shown(text: str) -> str:
    """Return the text with a visible sign for each character that a page cannot hold.

    >>> shown("a\\x00b\\ud800")
    'a␀b�'
    """
    return _UNSHOWN.sub(_sign, text)


def escape(text: str) -> Markup:
    """Return the text as it may stand between tags and in quoted attributes.

    >>> escape('<b a="1">&')
    '&lt;b a=&quot;1&quot;&gt;&amp;'
    """
    return Markup(shown(text).translate(_ESCAPES))


def element(tag: str, attributes: Mapping[str, str | float], *children: Markup) -> Markup:
    """Return one element; numbers among the attributes are rounded as coordinates.

    >>> element("circle", {"r": 2.04, "class": "c1"})
    '<circle r="2" class="c1"/>'
    >>> element("p", {}, escape("1 < 2"))
    '<p>1 &lt; 2</p>'
    """
    opening = "".join(f' {name}="{_attribute(value)}"' for name, value in attributes.items())
    if not children:
        return Markup(f"<{tag}{opening}/>")
    return Markup(f"<{tag}{opening}>{''.join(children)}</{tag}>")


def joined(*parts: Markup) -> Markup:
    """Return the parts one after another."""
    return Markup("".join(parts))


def coordinate(value: float) -> str:
    """Return a length of a drawing in its tenths, as short as can be.

    >>> coordinate(12.04), coordinate(-0.01), coordinate(3.25)
    ('12', '0', '3.2')
    """
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def _attribute(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else coordinate(value)


def _sign(match: re.Match[str]) -> str:
    code = ord(match[0])
    if code == 0x7F:
        return _DELETE_PICTURE
    return chr(_CONTROL_PICTURES + code) if code < 0x20 else "\ufffd"
