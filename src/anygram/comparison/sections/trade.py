"""What quality costs: time, memory, disk, energy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from anygram.comparison.sections.entrants import Entrants, Row, adaptive_label
from anygram.comparison.sections.verdict import axis_of
from anygram.comparison.yardstick import Yardstick
from anygram.reporting import amounts
from anygram.reporting.documents import Block, Figure, Paragraph, Section, Table
from anygram.reporting.scales import Axis
from anygram.reporting.scatter import Direction, Point, front, scatter

_FRONT = "The dashed line joins the models that no other beats in both directions; all others are beaten."


def trade(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return quality against training time, against the scoring rate, and against size."""
    asked: list[tuple[str, str, Axis, Direction]] = [
        ("train_seconds", "training time", Axis("seconds of training"), "less"),
        ("score_bytes_per_second", "scoring rate", Axis("bytes scored a second", form=amounts.rate), "more"),
        ("model_bytes", "size", Axis("size of the model", form=amounts.size), "less"),
    ]
    blocks: list[Block] = []
    for key, title, axis, better in asked:
        points = [_point(row, key, entrants) for row in entrants.drawn.values() if row[key] is not None]
        if len(points) > 1:
            blocks.append(_plot(key, title, points, axis, better, entrants.yardstick))
    if not blocks:
        return None
    return Section("trade", "Quality against cost", [Paragraph(f"{_FRONT}{entrants.left_out()}"), *blocks])


def _point(row: Row, key: str, entrants: Entrants) -> Point:
    who, yardstick = row["who"], entrants.yardstick
    figures = (row[name] for name in (yardstick.field, yardstick.low, yardstick.high))
    return Point(who, entrants.number(who), row[key], *figures)


def _plot(
    key: str, title: str, points: list[Point], axis: Axis, better: Direction, yardstick: Yardstick
) -> Figure:
    better_y = yardstick.better_way
    best = ", ".join(points[number].label for number in front(points, better, better_y))
    finding = f"Nothing beats {best} in both."
    name = f"trade-{key.replace('_', '-')}"
    against = f"{yardstick.title[0].upper()}{yardstick.title[1:]} against {title}"
    drawing = scatter(name, against, finding, points, axis, axis_of(yardstick), better, better_y)
    side = "left" if better == "less" else "right"
    way = "lower" if better_y == "less" else "higher"
    return Figure(drawing, f"{against}; {way} and further {side} is better. {finding}")


def costs(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return every cost that was measured, a row for each figure."""
    compressors = (row for row in entrants.adaptive if row["floor"])
    rows = [*entrants.ranked, *entrants.unmeasured, *entrants.lossy, *compressors]
    if not rows:
        return None
    shown = [
        (title, key, form) for title, key, form in _COSTS if any(row.get(key) is not None for row in rows)
    ]
    table = [[_name(row), *(form(row.get(key)) for _, key, form in shown)] for row in rows]
    return Section("costs", "What each costs", [Table(["model", *(title for title, _, _ in shown)], table)])


def _name(row: Row) -> str:
    return adaptive_label(row) if row["floor"] else row["who"]


def _energy(joules: float | None) -> str:
    return amounts.NONE if joules is None else f"{amounts.number(joules)} J"


_COSTS: list[tuple[str, str, Callable[[float | None], str]]] = [
    ("training", "train_seconds", amounts.duration),
    ("in all", "total_seconds", amounts.duration),
    ("symbols learnt", "train_symbols", amounts.number),
    ("passes over the data", "epochs", amounts.number),
    ("scoring", "score_bytes_per_second", amounts.rate),
    ("writes, symbols a second", "generate_symbols_per_second", amounts.number),
    ("first symbol after", "first_symbol_seconds", amounts.duration),
    ("state for 100 symbols", "state_bytes_per_100_symbols", amounts.size),
    ("size", "model_bytes", amounts.size),
    ("peak memory", "peak_memory_bytes", amounts.size),
    ("energy", "energy_joules", _energy),
]
