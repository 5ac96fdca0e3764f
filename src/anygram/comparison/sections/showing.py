"""Models at work: one passage under all of them, and what each writes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from anygram.comparison.sections.entrants import Entrants
from anygram.reporting import amounts, surprisal
from anygram.reporting.documents import (
    Gallery,
    Listing,
    Listings,
    Paragraph,
    Passage,
    Passages,
    Piece,
    Section,
)
from anygram.reporting.excerpts import clipped
from anygram.reporting.markup import Markup, element, joined

PASSAGE_BYTES = 400
MOST_SAMPLES = 3
LONGEST_SAMPLE = 600


def passage(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return one passage as each model read it."""
    lossy = {row["who"] for row in entrants.lossy}
    read = []
    shortened = False
    for who, found in entrants.measured("passage"):
        pieces = [Piece(one["text"], one["bits"]) for one in found]
        kept = surprisal.cut(pieces, PASSAGE_BYTES)
        shortened = shortened or len(kept) < len(pieces)
        read.append(Passage(who, kept, _note(kept, lossy=who in lossy)))
    if not read:
        return None
    said = (
        "The same passage of the test part under each model. The darker a piece, the less the model expected "
        "it; rest the pointer on one for its bits. A piece is what the model's codec makes one symbol."
    )
    if shortened:
        said += f" Shown are the first {PASSAGE_BYTES} bytes or so."
    return Section("passage", "One passage, piece by piece", [Paragraph(said), Passages(read)])


def _note(pieces: Sequence[Piece], *, lossy: bool) -> str:
    """Return what a passage cost and where most; a lossy codec leaves part of it out, so only where."""
    mean = (
        "lossy, so no bits per byte"
        if lossy
        else f"{amounts.bits(surprisal.mean_bits(pieces))} bits per byte"
    )
    return f"{mean}; most surprising: {surprisal.hardest(pieces)}"


def samples(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return a few texts from each model, drawn from its own distribution."""
    items = []
    for who, texts in entrants.measured("samples"):
        for number, text in enumerate(texts[:MOST_SAMPLES], 1):
            title = f"{who}{f' ({number})' if len(texts) > 1 else ''}"
            items.append(Listing(title, clipped(text, LONGEST_SAMPLE)))
    if not items:
        return None
    said = "What each model writes when its own distribution is drawn from, symbol by symbol, from nothing."
    return Section("samples", "What they write", [Paragraph(said), Listings(items)])


def drawings(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return a few pictures from each model, drawn from its own distribution."""
    figures = [
        (who, joined(*(_image(one, f"made by {who}") for one in made)))
        for who, made in entrants.measured("drawings")
    ]
    if not figures:
        return None
    said = "What each model draws when its own distribution is drawn from, value by value, from nothing."
    return Section("drawings", "What they draw", [Paragraph(said), Gallery(figures)])


def _image(png: str, text: str) -> Markup:
    return element("img", {"class": "pixels", "alt": text, "src": f"data:image/png;base64,{png}"})
