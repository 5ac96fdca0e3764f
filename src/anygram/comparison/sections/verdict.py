"""The answer and the table, and which differences are real."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from anygram.comparison.sections.entrants import Entrants, Row, adaptive_label
from anygram.comparison.yardstick import Yardstick
from anygram.reporting import amounts
from anygram.reporting.documents import Block, Figure, Paragraph, Section, Table
from anygram.reporting.scales import Axis
from anygram.reporting.whiskers import Dot, whiskers
from anygram.reporting.whiskers import Row as Line

BITS = Axis("bits per byte (less is better)", logarithmic=False, form=amounts.tick)
MOST_PAIRS = 150
_YARDSTICK = (
    "Bits per byte say how many bits each byte of text that was never seen in training costs: less is "
    "better, and 8 is to know nothing. Were other documents of the same kind drawn, 95 of 100 such intervals "
    "would hold the true figure."
)
_TASK = (
    "Models are ranked by {title}, of which {way} is better, of what they do on data that were never seen in "
    "training{how}. Were other such data drawn, 95 of 100 such intervals would hold the true figure."
)
_ADAPTIVE = (
    "These go on learning while they read the test part, as every compressor does. They are not ranked with "
    "the others, which stay as training left them."
)
_LOSSY = (
    "These codecs lose part of the text (an unknown word becomes one sign), so they have no bits per byte. "
    "Perplexities can be compared within one codec alone, bits per unit, which are those of a density, among "
    "all that have them."
)


def answer(results: Mapping[str, Any], entrants: Entrants) -> Section:
    """Return the recommendation, the table with intervals, and beside it what may not be ranked."""
    blocks: list[Block] = []
    told = (results.get("answer") or {}).get("text") or ""
    first, rest = _first_sentence(told)
    blocks += [Paragraph(text, strong=text is first) for text in (first, rest) if text]
    blocks.append(Paragraph(f"{_setting(results)} {_explained(entrants)}"))
    if entrants.ranked:
        blocks += [_ranking(results, entrants), _intervals(entrants)]
    if entrants.lossy:
        blocks += [Paragraph(_LOSSY), _lossy(entrants)]
    if entrants.adaptive:
        blocks += [Paragraph(_ADAPTIVE), _adaptive(entrants)]
    return Section("answer", "The answer", blocks)


def axis_of(yardstick: Yardstick) -> Axis:
    """Return the axis of what contestants are ranked by."""
    title = f"{yardstick.title} ({yardstick.better_way} is better)"
    return Axis(title, logarithmic=False, form=amounts.tick)


def _explained(entrants: Entrants) -> str:
    """Return what the figure is that is ranked by."""
    yardstick = entrants.yardstick
    if yardstick.field != "metric":
        return _YARDSTICK
    how = next((row["metric_how"] for row in entrants.ranked if row.get("metric_how")), "")
    return _TASK.format(title=yardstick.title, way=yardstick.better_way, how=f" ({how})" if how else "")


def _first_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence, for readers in a hurry, and the others.

    >>> _first_sentence("Choose lstm: it costs 1.5 bits. It is slow. Yes.")
    ('Choose lstm: it costs 1.5 bits.', 'It is slow. Yes.')
    """
    end = re.search(r"\.\s+(?=[A-Z])", text)
    return (text[: end.start() + 1], text[end.end() :]) if end else (text, "")


def budget_in_words(budget: Mapping[str, Any]) -> str:
    """Return the limits of a budget as people say them.

    >>> budget_in_words({"seconds": 120.0, "steps": None})
    '120 s'
    """
    said = [
        amounts.duration(limit) if name == "seconds" else f"{amounts.number(limit)} {name}"
        for name, limit in budget.items()
        if limit
    ]
    return ", ".join(said) or "no limit"


def _setting(results: Mapping[str, Any]) -> str:
    data = results["data"]
    learnt = amounts.counted(data.get("train_documents"), "document")
    held_out = amounts.counted(data.get("test_documents"), "held-out document")
    size = data.get("test_bytes")
    return (
        f"Each model had the same {learnt} to learn from, the same budget "
        f"({budget_in_words(results['question']['budget'])}), and was scored on the same "
        f"{held_out}{f' ({amounts.size(size)})' if size else ''}."
    )


def _ranking(results: Mapping[str, Any], entrants: Entrants) -> Table:
    told = results.get("answer") or {}
    yardstick = entrants.yardstick
    by_task = yardstick.field == "metric"
    beside = ["bits"] if by_task else []
    header = ["model", "codec", yardstick.title, "95 % interval", *beside, "training", "scoring", "size", ""]
    rows = [
        [
            row["who"],
            row["codec"],
            amounts.bits(row[yardstick.field]),
            amounts.interval(row[yardstick.low], row[yardstick.high]),
            *([_bits(row)] if by_task else []),
            amounts.duration(row["train_seconds"]),
            amounts.rate(row["score_bytes_per_second"]),
            amounts.size(row["model_bytes"]),
            _standing(row["who"], told),
        ]
        for row in entrants.ranked
    ]
    return Table(header, rows, "Best first")


def _bits(row: Row) -> str:
    """Return bits per byte, or of a lossy codec those of its density, to stand beside a task's figure."""
    if row["bits_per_byte"] is not None:
        return f"{amounts.bits(row['bits_per_byte'])} per byte"
    if row.get("bits_per_unit") is None:
        return amounts.NONE
    return f"{amounts.bits(row['bits_per_unit'])} per {row['unit']}"


def _standing(who: str, told: Mapping[str, Any]) -> str:
    if who == told.get("winner"):
        return "recommended"
    return "not distinguishable from it" if who in (told.get("beside") or ()) else ""


def _intervals(entrants: Entrants) -> Figure:
    rows = [Line(row["who"], [_dot(row, entrants)]) for row in entrants.drawn.values()]
    best, yardstick = entrants.ranked[0], entrants.yardstick
    most = "most" if yardstick.more_is_better else "least"
    finding = f"{best['who']} has the {most}, {amounts.bits(best[yardstick.field])}."
    title = f"{yardstick.title[0].upper()}{yardstick.title[1:]} with 95 % intervals"
    drawing = whiskers("intervals", title, finding, rows, axis_of(yardstick))
    side = "right" if yardstick.more_is_better else "left"
    caption = f"{title}; further {side} is better.{entrants.left_out()}"
    return Figure(drawing, caption)


def _dot(row: Row, entrants: Entrants) -> Dot:
    who, yardstick = row["who"], entrants.yardstick
    figures = (row[name] for name in (yardstick.field, yardstick.low, yardstick.high))
    return Dot(who, entrants.number(who), *figures)


def _lossy(entrants: Entrants) -> Table:
    header = ["model, lossy", "codec", "bits per unit", "perplexity", "training"]
    rows = [
        [
            row["who"],
            row["codec"],
            amounts.bits(row.get("bits_per_unit")),
            amounts.number(row["perplexity"]),
            amounts.duration(row["train_seconds"]),
        ]
        for row in entrants.lossy
    ]
    return Table(header, rows, "Beside the ranking: lossy codecs")


def _adaptive(entrants: Entrants) -> Table:
    header = ["learns while it reads", "codec", "bits per byte", "95 % interval", "reading"]
    rows = [
        [
            adaptive_label(row),
            row["codec"],
            amounts.bits(row["bits_per_byte"]),
            amounts.interval(row["ci_low"], row["ci_high"]),
            amounts.rate(row["score_bytes_per_second"]),
        ]
        for row in entrants.adaptive
    ]
    known = [
        column
        for column in range(len(header))
        if any(row[column] not in ("", amounts.NONE) for row in rows)  # of compressors little is known
    ]
    shown = [[row[column] for column in known] for row in rows]
    return Table([header[column] for column in known], shown, "Apart from the ranking: adaptive figures")


def pairs(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return which differences are more than chance."""
    found = results.get("pairs") or []
    if not found:
        return None
    apart = sum(pair["distinguishable"] for pair in found)
    said = (
        f"{apart} of {len(found)} pairs of models can be told apart: the interval of their difference, over "
        "the same documents drawn anew many times, leaves out zero. Intervals hold for all pairs together."
    )
    blocks: list[Block] = [Paragraph(said)]
    winner: str = (results.get("answer") or {}).get("winner") or ""
    against = [_against(pair, winner, entrants) for pair in found if _rival(pair, winner) in entrants.drawn]
    if against:
        blocks.append(_differences(against, winner, entrants))
    blocks.append(_pair_table(found))
    return Section("pairs", "Which differences are real", blocks)


def _rival(pair: Mapping[str, Any], winner: str) -> str | None:
    """Return the other one of a pair in which the winner is."""
    return {pair["one"]: pair["other"], pair["other"]: pair["one"]}.get(winner)


def _against(pair: Mapping[str, Any], winner: str, entrants: Entrants) -> Dot:
    """Return by how much the figure of the winner's rival is worse than the winner's."""
    rival = pair["other"] if pair["one"] == winner else pair["one"]
    more, low, high = pair["difference"], pair["ci_low"], pair["ci_high"]
    if rival == pair["one"]:
        more, low, high = -more, _negated(high), _negated(low)
    return Dot(rival, entrants.number(rival), more, low, high)


def _negated(value: float | None) -> float | None:
    return None if value is None else -value


def _differences(against: Sequence[Dot], winner: str, entrants: Entrants) -> Figure:
    rows = [Line(dot.series, [dot]) for dot in sorted(against, key=lambda dot: dot.value)]
    yardstick = entrants.yardstick
    way = "less" if yardstick.more_is_better else "more"
    axis = Axis(f"{yardstick.title} {way} than {winner}", logarithmic=False)
    finding = "Where an interval crosses the line at zero, the two cannot be told apart."
    drawing = whiskers("differences", f"Difference from {winner}", finding, rows, axis, zero=0.0)
    return Figure(drawing, f"Difference from {winner} with 95 % intervals. {finding}{entrants.left_out()}")


def _pair_table(found: Sequence[Mapping[str, Any]]) -> Table:
    rows = [
        [
            pair["one"],
            pair["other"],
            amounts.bits(pair["difference"]),
            amounts.interval(pair["ci_low"], pair["ci_high"]),
            "yes" if pair["distinguishable"] else "not distinguishable",
        ]
        for pair in found[:MOST_PAIRS]
    ]
    left_out = len(found) - len(rows)
    caption = f"Every pair{f', without the last {left_out}' if left_out else ''}"
    return Table(
        ["one", "other", "other worse by", "95 % interval", "told apart"], rows, caption, folded=True
    )
