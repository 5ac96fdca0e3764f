"""How models gain from more data, where their curves cross, and how training went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from anygram.comparison.sections.entrants import Entrants
from anygram.comparison.sections.verdict import BITS
from anygram.reporting import amounts
from anygram.reporting.documents import Block, Bullets, Figure, Paragraph, Section, Table
from anygram.reporting.drawing import Place
from anygram.reporting.lines import Crossing, Line, Span, lines
from anygram.reporting.scales import Axis

MOST_POINTS = 60
"""A training curve of more points shows the means of as many stretches."""
MOST_MARKED, MOST_CROSSINGS = 4, 12
"""How many crossings are drawn, and how many told."""

_CURVES = (
    "Each model was trained on parts of the data, under the same budget. The curves are a + b / Nᶜ, fitted "
    "to these points, N being bytes of training text; the bands hold 90 of 100 such "
    "trainings. Right of the last mark nothing was measured."
)
_UNFITTED = "No curve of this kind goes through the points."
_CHECK = "Held to account: a curve fitted to all points but the last must say the last in advance."


def curves(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return the learning curves, where they cross, and whether they foretold what was measured."""
    found = [curve for curve in map(_measured, results.get("curves") or []) if curve["points"]]
    if not found:
        return None
    # what was seen comes before what is guessed
    crossings = sorted(results.get("crossings") or [], key=lambda one: (not one["within"], one["bytes"]))
    blocks: list[Block] = [Paragraph(_CURVES), _curve_figure(found, crossings[:MOST_MARKED], entrants)]
    if crossings:
        blocks.append(Bullets(_crossings(crossings)))
    checks = [_check(curve) for curve in found if curve["check"]]
    if checks:
        blocks += [
            Paragraph(_CHECK),
            Table(["model", "", "predicted (90 %)", "measured", "trained on"], checks),
        ]
    missed = [f"{curve['who']}: {curve['why']}" for curve in found if curve.get("why")]
    if missed:
        blocks += [Paragraph("What there is to see of why a check did not hold:"), Bullets(missed)]
    fits = [_fit(curve) for curve in found if curve["fit"]]
    if fits:
        blocks.append(
            Table(["model", "a", "b", "c"], fits, "What was fitted: a is what more data cannot take away")
        )
    unfitted = [f"{curve['who']}: {curve.get('said') or _UNFITTED}" for curve in found if not curve["fit"]]
    if unfitted:
        blocks.append(Bullets(unfitted))
    return Section("curves", "How they gain from more data", blocks)


def _measured(curve: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the curve without points that were not reached: a training on a part may fail too."""
    return {**curve, "points": [one for one in curve["points"] if one["bits_per_byte"] is not None]}


def _curve_figure(
    found: Sequence[Mapping[str, Any]], crossings: Sequence[Mapping[str, Any]], entrants: Entrants
) -> Figure:
    drawn = [curve for curve in found if curve["who"] not in entrants.far] or found
    series = [_curve(curve, entrants) for curve in drawn]
    marks = [Crossing(one["bytes"], amounts.size(one["bytes"])) for one in crossings]
    axis = Axis("bytes of training text", form=amounts.size)
    finding = _leaders(found)
    drawing = lines("learning-curves", "Bits per byte by training data", finding, series, axis, BITS, marks)
    rows = [
        [
            curve["who"],
            amounts.size(point["bytes"]),
            amounts.bits(point["bits_per_byte"]),
            amounts.interval(point["ci_low"], point["ci_high"]),
            amounts.duration(point["train_seconds"]),
        ]
        for curve in found
        for point in curve["points"]
    ]
    header = ["model", "trained on", "bits per byte", "95 % interval", "training"]
    caption = f"{finding}{entrants.left_out()}"
    return Figure(drawing, caption, Table(header, rows, "The points of the learning curves", folded=True))


def _curve(curve: Mapping[str, Any], entrants: Entrants) -> Line:
    points = [(point["bytes"], point["bits_per_byte"]) for point in curve["points"]]
    whiskers = [
        Span(point["bytes"], point["ci_low"], point["ci_high"])
        for point in curve["points"]
        if point["ci_low"] is not None and point["ci_high"] is not None
    ]
    fitted = (curve["fit"] or {}).get("band") or []
    middle = [(one["bytes"], one["middle"]) for one in fitted]
    band = [Span(one["bytes"], one["low"], one["high"]) for one in fitted]
    who = curve["who"]
    return Line(who, entrants.number(who), points, middle, band, whiskers)


def _leaders(found: Sequence[Mapping[str, Any]]) -> str:
    """Return who is best on the least data and on the most."""
    said = []
    for which, end in (("least", 0), ("most", -1)):
        best = min(found, key=lambda curve: curve["points"][end]["bits_per_byte"])
        point = best["points"][end]
        said.append(
            f"{best['who']} with the {which} data ({amounts.size(point['bytes'])}: "
            f"{amounts.bits(point['bits_per_byte'])} bits per byte)"
        )
    return f"The best is {said[0]}, and {said[1]}."


def _crossings(crossings: Sequence[Mapping[str, Any]]) -> list[str]:
    left_out = len(crossings) - MOST_CROSSINGS
    more = [f"and {amounts.counted(left_out, 'crossing')} more, in results.json"] if left_out > 0 else []
    return [*map(_crossing, crossings[:MOST_CROSSINGS]), *more]


def _crossing(one: Mapping[str, Any]) -> str:
    below, above = one["below"], one["above"]
    where = f"about {amounts.size(one['bytes'])} of training text{_between(one['low'], one['high'])}"
    beyond = "" if one["within"] else "; that lies outside the data, so it is a guess"
    return f"{below} is better below {where}, {above} above{beyond}"


def _between(low: float | None, high: float | None) -> str:
    """Return an interval of sizes, one end of which may be open."""
    if low is None:
        return "" if high is None else f" (90 %: {amounts.size(high)} or less)"
    end = "or more, if at all" if high is None else f"to {amounts.size(high)}"
    return f" (90 %: {amounts.size(low)} {end})"


def _check(curve: Mapping[str, Any]) -> list[str]:
    check = curve["check"]
    return [
        curve["who"],
        "held" if check["held"] else "did not hold",
        amounts.interval(check["low"], check["high"]),
        amounts.bits(check["measured"]),
        amounts.size(check["bytes"]),
    ]


def _fit(curve: Mapping[str, Any]) -> list[str]:
    fit = curve["fit"]
    return [curve["who"], *(amounts.number(fit[letter]) for letter in "abc")]


def training(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return how far each model was while it was trained: a chart for each codec, whose symbols are alike."""
    codecs: dict[str, list[Line]] = {}
    for who, entries in entrants.measured("training"):
        points = _progress(entries)
        if len(points) > 1 and who not in entrants.far:
            codec = next((row["codec"] for row in results["results"] if row["who"] == who), "")
            codecs.setdefault(codec, []).append(Line(who, entrants.number(who), points))
    if not codecs:
        return None
    said = (
        "Bits per symbol on the validation part where a model has one, else on what it was just learning. "
        "A curve that still falls at its end would gain from a larger budget. Codecs differ in their symbols."
    )
    figures = [
        _training_figure(number, codec, series) for number, (codec, series) in enumerate(codecs.items())
    ]
    return Section("training", "How training went", [Paragraph(f"{said}{entrants.left_out()}"), *figures])


def _training_figure(number: int, codec: str, series: Sequence[Line]) -> Figure:
    title = f"Bits per symbol of {codec or 'the codec'} while training"
    best = min(series, key=lambda one: one.points[-1][1])
    finding = f"{best.label} ends lowest, at {amounts.bits(best.points[-1][1])}."
    x = Axis("seconds of training")
    y = Axis("bits per symbol", logarithmic=False)
    drawing = lines(f"training-{number}", title, finding, series, x, y)
    rows = [[one.label, *_seen(one.points[0]), *_seen(one.points[-1])] for one in series]
    header = ["model", "first seen after", "bits per symbol", "last seen after", "bits per symbol"]
    numbers = Table(header, rows, f"Training curves, {codec}", folded=True)
    return Figure(drawing, f"{title}. {finding}", numbers)


def _seen(point: Place) -> list[str]:
    return [amounts.duration(point[0]), amounts.bits(point[1])]


def _progress(entries: Sequence[Mapping[str, Any]]) -> list[Place]:
    """Return (seconds, bits per symbol), on validation where that was measured, MOST_POINTS at most."""
    for key in ("valid_nats_per_symbol", "nats_per_symbol"):
        points = [
            (entry["seconds"], entry[key] / math.log(2))
            for entry in entries
            if entry.get(key) is not None and entry["seconds"] > 0  # for a logarithmic axis
        ]
        if len(points) > 1:
            return _thinned(points)
    return []


def _thinned(points: Sequence[Place]) -> list[Place]:
    if len(points) <= MOST_POINTS:
        return list(points)
    bounds = [len(points) * number // MOST_POINTS for number in range(MOST_POINTS + 1)]
    stretches = [points[first:end] for first, end in pairwise(bounds)]
    return [
        (math.fsum(x for x, _ in some) / len(some), math.fsum(y for _, y in some) / len(some))
        for some in stretches
    ]
