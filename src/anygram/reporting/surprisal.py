"""A heat-map of surprisal: each piece of a passage on a ground that is the darker the more bits it cost.

The darkness follows bits per byte of the piece: the same cost is the same ink however a codec cuts.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from collections.abc import Sequence

from anygram.reporting import amounts
from anygram.reporting.documents import Piece
from anygram.reporting.markup import Markup, element, escape, joined

LEVELS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
"""Bits per byte from which each darker ground begins."""

# between them text of any direction leaves the order of what is around it alone (UAX 9)
_ISOLATE, _END = "\u2068", "\u2069"
_BREAK = Markup("<br/>")
_MAY_BREAK = Markup("<wbr/>")


def level(piece: Piece) -> int:
    """Return how dark a piece's ground is, from 0 to the number of LEVELS: as it says, or by bits a byte.

    >>> level(Piece("t", 0.2)), level(Piece("th", 8.0)), level(Piece("t", 30.0))
    (0, 6, 8)
    """
    if piece.ground is not None:
        return piece.ground
    return bisect_right(LEVELS, piece.bits / byte_count(piece.text))


def byte_count(text: str) -> int:
    """Return the bytes of a text, at least one: a piece of a character counts as a byte."""
    return max(1, len(text.encode("utf-8", "replace")))


def heat(pieces: Sequence[Piece]) -> Markup:
    """Return the passage as HTML, white space made visible, each piece with its bits as a tooltip."""
    spans = [
        element("i", {"class": f"h{level(piece)}", "title": f"{piece.bits:.2f}"}, visible(piece.text))
        for piece in pieces
    ]
    # plain text decides the direction: right-to-left passages read from the right
    return element("div", {"class": "heat", "dir": "auto"}, joined(*spans))


def visible(text: str) -> Markup:
    """Return text whose white space can be seen, and whose lines break where they did.

    >>> visible("a b\\n")
    'a·<wbr/>b↵<br/>'
    """
    return joined(*(_sign(character) for character in text)) if text else escape("∅")


def scale() -> Markup:
    """Return the grounds with the bits per byte that they stand for."""
    spans = [
        element("i", {"class": f"h{number}"}, escape(f"{bound:g}"))
        for number, bound in enumerate((0.0, *LEVELS))
    ]
    return element(
        "p", {"class": "heat scale"}, escape("Bits per byte, from "), joined(*spans), escape(" on")
    )


def cut(pieces: Sequence[Piece], most_bytes: int) -> list[Piece]:
    """Return the pieces at the start that hold at least `most_bytes` together, or all."""
    kept, taken = [], 0
    for piece in pieces:
        if taken >= most_bytes:
            break
        kept.append(piece)
        taken += byte_count(piece.text)
    return kept


def mean_bits(pieces: Sequence[Piece]) -> float:
    """Return the bits per byte of a passage.

    >>> mean_bits([Piece("a", 1.0), Piece("bc", 5.0)])
    2.0
    """
    return sum(piece.bits for piece in pieces) / max(1, sum(byte_count(piece.text) for piece in pieces))


def hardest(pieces: Sequence[Piece], most: int = 5) -> str:
    """Return the pieces that cost most, with their bits, as text."""
    dearest = sorted(pieces, key=lambda piece: -piece.bits)[:most]
    return ", ".join(f"{_ISOLATE}{piece.text!r}{_END} {amounts.number(piece.bits)}" for piece in dearest)


def _sign(character: str) -> Markup:
    if character == "\n":
        return joined(escape("↵"), _BREAK)
    if character == "\t":
        return joined(escape("→"), _MAY_BREAK)
    if character == " ":
        return joined(escape("·"), _MAY_BREAK)
    if unicodedata.category(character) in ("Zs", "Zl", "Zp"):  # the other spaces, and line separators
        return joined(escape("␣"), _MAY_BREAK)
    return escape(character)
