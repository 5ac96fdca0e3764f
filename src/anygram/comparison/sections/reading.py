"""Where models differ when they read: along documents, by context, by kind of symbol, in their sureness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anygram.comparison.sections.entrants import Entrants
from anygram.comparison.sections.verdict import BITS
from anygram.reporting import amounts
from anygram.reporting.documents import Block, Figure, Gallery, Listing, Listings, Paragraph, Section, Table
from anygram.reporting.drawing import Place
from anygram.reporting.excerpts import clipped
from anygram.reporting.lines import Line, lines
from anygram.reporting.reliability import Bin, reliability
from anygram.reporting.scales import Axis
from anygram.reporting.whiskers import Dot, whiskers
from anygram.reporting.whiskers import Row as DotRow

LONGEST_EXCERPT = 280
MOST_DOCUMENTS = 10
_PLACES = (
    "A model that remembers much falls along a document; one that sees a few symbols stays level after them."
)
_CONTEXTS = "The same symbols again, each model told only so much before them: what its long memory is worth."
_KINDS = "Which part of the text a model is good at: bits per byte by what the byte belongs to."
_CALIBRATION = (
    "A model that is 70 % sure should be right 7 times of 10. ECE, the expected calibration error, is how "
    "far it misses that on average: 0 is perfect, 5 % is to be five points too sure or too shy. Each dot "
    "stands for symbols of about one confidence, the larger the more; below the line a model is too sure."
)


def places(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return bits per byte by place in the document, and by how much context was told."""
    blocks: list[Block] = []
    positions = _series("by_position", lambda entry: float(entry["last"] + 1), entrants)
    if positions:
        axis = Axis("bytes into the document, up to", form=amounts.number)
        blocks.append(Paragraph(f"{_PLACES}{_looked_at(results)}{entrants.left_out()}"))
        blocks.append(_figure("by-position", "Bits per byte along documents", positions, axis))
    contexts = _series("by_context", lambda entry: float(entry["context"]), entrants)
    if contexts:
        axis = Axis("symbols told before each", form=amounts.number)
        blocks.append(Paragraph(_CONTEXTS))
        blocks.append(_figure("by-context", "Bits per byte by length of context", contexts, axis))
    return Section("places", "Where in a document, and how much context helps", blocks) if blocks else None


def _looked_at(results: Mapping[str, Any]) -> str:
    """Return a sentence that says how much of a large test part this was measured on; nothing if on all."""
    details = (results.get("details") or {}).values()
    looked_at = next((detail["looked_at"] for detail in details if "looked_at" in detail), None)
    if not looked_at or looked_at["bytes"] >= results["data"]["test_bytes"]:
        return ""
    documents = amounts.number(looked_at["documents"])
    return f" Measured on {amounts.size(looked_at['bytes'])} of the test part, from {documents} documents."


def _series(key: str, place: Callable[[Mapping[str, Any]], float], entrants: Entrants) -> list[Line]:
    """Return a line for each model, without what has no place on a logarithmic axis (no context)."""
    series = []
    for who, entries in entrants.measured(key):
        points: list[Place] = [
            (place(entry), entry["bits_per_byte"]) for entry in entries if entry["bits_per_byte"] is not None
        ]
        points = [point for point in points if point[0] > 0]
        if points and who not in entrants.far:
            series.append(Line(who, entrants.number(who), points))
    return series


def _figure(name: str, title: str, series: list[Line], axis: Axis) -> Figure:
    gains = [(one.points[0][1] - one.points[-1][1], one.label) for one in series]
    most, who = max(gains)
    finding = f"{who} gains most from first to last: {amounts.bits(most)} bits per byte."
    drawing = lines(name, title, finding, series, axis, BITS)
    across = sorted({x for one in series for x, _ in one.points})
    rows = []
    for one in series:
        known = dict(one.points)
        rows.append([one.label, *(amounts.bits(known.get(x)) for x in across)])
    header = ["model", *(axis.form(x) for x in across)]
    return Figure(drawing, f"{title}. {finding}", Table(header, rows, f"{title}, numbers", folded=True))


def kinds(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return bits per byte by kind of symbol."""
    found = _bits_by_kind(entrants)
    if not found:
        return None
    best = "; ".join(f"{kind}: {min(by_who, key=lambda who: by_who[who])}" for kind, by_who in found.items())
    finding = f"The best by kind: {best}."
    rows = [DotRow(kind, dots) for kind, by_who in found.items() if (dots := _dots(by_who, entrants))]
    axis = Axis(BITS.title)  # the ends of documents, a byte or none each, may cost far more than letters
    everyone = dict.fromkeys(who for by_who in found.values() for who in by_who)
    table = [[who, *(amounts.bits(by_who.get(who)) for by_who in found.values())] for who in everyone]
    numbers = Table(["model", *found], table, "Bits per byte by kind, numbers", folded=True)
    said = Paragraph(f"{_KINDS}{_looked_at(results)}{entrants.left_out()}")
    title = "Bits per byte by kind of symbol"
    shown = Figure(whiskers("kinds", title, finding, rows, axis), finding, numbers) if rows else numbers
    return Section("kinds", "By kind of symbol", [said, shown])


def _bits_by_kind(entrants: Entrants) -> dict[str, dict[str, float]]:
    """Return bits per byte of each kind, by contestant."""
    found: dict[str, dict[str, float]] = {}
    for who, entries in entrants.measured("by_kind"):
        for entry in entries:
            if entry["bits_per_byte"] is not None:
                found.setdefault(entry["kind"], {})[who] = entry["bits_per_byte"]
    return found


def _dots(by_who: Mapping[str, float], entrants: Entrants) -> list[Dot]:
    return [Dot(who, entrants.number(who), value) for who, value in by_who.items() if who not in entrants.far]


def disagreements(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return the documents where the models differ most."""
    found = (results.get("disagreements") or [])[:MOST_DOCUMENTS]
    if not found:
        return None
    said = f"The {len(found)} documents on which the models differ most, each with the best model first."
    quoted = any(one["excerpt"] for one in found)
    shown = Listings([_document(one, entrants) for one in found]) if quoted else _numbered(found, entrants)
    blocks: list[Block] = [Paragraph(f"{said}{entrants.left_out()}"), shown]
    return Section("documents", "Where the models differ most", blocks)


def _numbered(found: Sequence[Mapping[str, Any]], entrants: Entrants) -> Table:
    """Return a row for each document of a comparison that quotes none."""
    everyone = [who for who in found[0]["bits_per_byte"] if who not in entrants.far]
    rows = [
        [
            one["document"],
            *(amounts.bits(one["bits_per_byte"].get(who)) for who in everyone),
            amounts.size(one["bytes"]),
        ]
        for one in found
    ]
    return Table(["", *everyone, "size"], rows, "Bits per byte; texts are left out")


def _document(one: Mapping[str, Any], entrants: Entrants) -> Listing:
    """Return how a document begins, and the bits per byte of everyone who is not far behind."""
    title = f"{clipped(str(one['document']), 60)} ({amounts.size(one['bytes'])})"
    figures = {who: bits for who, bits in one["bits_per_byte"].items() if bits is not None}
    ordered = sorted(figures.keys() - entrants.far.keys(), key=lambda who: (figures[who], who))
    said = ", ".join(f"{who} {figures[who]:.2f}" for who in ordered)
    return Listing(title, clipped(one["excerpt"], LONGEST_EXCERPT), f"Bits per byte: {said}")


def calibration(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return a reliability diagram for each model, and its expected calibration error."""
    figures, rows = [], []
    for who, found in entrants.measured("calibration"):
        bins = [
            Bin(one["confidence"], one["accuracy"], one["symbols"]) for one in found["bins"] if one["symbols"]
        ]
        if not bins:
            continue
        label, ece = who, amounts.share(found["ece"])
        finding = f"{label}: expected calibration error {ece}."
        name = f"reliability-{entrants.number(who)}"
        drawing = reliability(name, f"Reliability of {label}", finding, bins, entrants.number(who))
        figures.append((f"{label}: ECE {ece}", drawing))
        rows.append([label, ece, amounts.number(found["symbols"])])
    if not figures:
        return None
    table = Table(["model", "ECE", "symbols"], rows, "Calibration, numbers", folded=True)
    blocks: list[Block] = [Paragraph(_CALIBRATION), Gallery(figures, table)]
    return Section("calibration", "Can their probabilities be trusted?", blocks)
