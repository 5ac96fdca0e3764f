"""Charts: axes are round and cover, drawings say in words what they show, names never collide."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import combinations, pairwise
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from anygram.reporting import clouds, drawing, scatter, styles, surprisal
from anygram.reporting.documents import Piece
from anygram.reporting.drawing import FONT_SIZE, Box, spread, text_width
from anygram.reporting.lines import Crossing, Line, Span, lines
from anygram.reporting.markup import Markup, coordinate, element, escape, shown
from anygram.reporting.reliability import Bin, reliability
from anygram.reporting.scales import (
    Axis,
    is_logarithmic,
    lay_out,
    linear_ticks,
    logarithmic_ticks,
    thinned,
)
from anygram.reporting.scatter import Point, front
from anygram.reporting.whiskers import Dot, Row, whiskers
from tests.pages import SVG, check_drawing, description

EXTREMES = [
    [1.0],
    [2.0, 2.0],
    [0.0, 0.0],
    [-3.0, 5.0],
    [1e-12, 1e12],
    [1e300, -1e300],
    [5e-324, 1e-300],
    [1e15, 1e15 + 1],
]
anything = st.text(st.characters(), max_size=20)
# no smaller than the widest scale can tell apart
values = st.floats(-1e250, 1e250, allow_subnormal=False)
positive = st.floats(1e-100, 1e100)


# Ticks


def _is_round(step: Fraction) -> bool:
    """Return whether this is 1, 2 or 5 times a power of ten."""
    numerator, denominator = step.numerator, step.denominator
    while numerator % 10 == 0:
        numerator //= 10
    while denominator % 10 == 0:
        denominator //= 10
    return (numerator, denominator) in [(1, 1), (2, 1), (5, 1), (1, 2), (1, 5)]


@given(low=values, high=values, wanted=st.integers(2, 10))
def test_linear_ticks_cover_the_span_ascend_and_are_few(low: float, high: float, wanted: int) -> None:
    low, high = min(low, high), max(low, high)
    ticks = linear_ticks(low, high, wanted)
    assert ticks[0] <= low and high <= ticks[-1]
    assert all(one < other for one, other in pairwise(ticks))
    assert 2 <= len(ticks) <= wanted + 2


@given(
    first=st.integers(-5000, 5000),
    last=st.integers(-5000, 5000),
    power=st.integers(-6, 6),
    wanted=st.integers(2, 10),
)
def test_linear_ticks_are_multiples_of_a_round_step(first: int, last: int, power: int, wanted: int) -> None:
    assume(first != last)
    low, high = sorted([float(first * Fraction(10) ** power), float(last * Fraction(10) ** power)])
    exact = [
        Fraction(repr(tick)) for tick in linear_ticks(low, high, wanted)
    ]  # a tick reads as its round number
    steps = {other - one for one, other in pairwise(exact)}
    assert len(steps) == 1
    (step,) = steps
    assert _is_round(step) and all((tick / step).denominator == 1 for tick in exact)
    # the next finer step would give too many
    assert wanted * step >= Fraction(high) - Fraction(low)


@given(low=positive, high=positive, wanted=st.integers(3, 9))
def test_logarithmic_ticks_cover_the_span_and_are_few(low: float, high: float, wanted: int) -> None:
    low, high = min(low, high), max(low, high)
    ticks = logarithmic_ticks(low, high, wanted)
    assert 0 < ticks[0] <= low and high <= ticks[-1]
    assert all(one < other for one, other in pairwise(ticks))
    assert 2 <= len(ticks) <= max(wanted, 3)
    assert all(re.fullmatch(r"[125]0*(\.0)?|0\.0*[125]|[125]e[+-]\d+", repr(tick)) for tick in ticks)


@pytest.mark.parametrize("shown_values", EXTREMES)
def test_a_scale_keeps_extremes_inside(shown_values: list[float]) -> None:
    scale = lay_out(Axis("x"), shown_values, 10, 200)
    places = [scale.place(value) for value in sorted(shown_values)]
    assert all(10 <= place <= 200 for place in places)
    assert places == sorted(places)


@given(shown_values=st.lists(st.floats(1e-9, 1e9), min_size=2, max_size=8), logarithmic=st.booleans())
def test_a_scale_keeps_order_and_ends(shown_values: list[float], logarithmic: bool) -> None:
    scale = lay_out(Axis("x", logarithmic), shown_values, 300, 0)  # downwards, as of y
    assert scale.place(scale.ticks[0]) == 300 and scale.place(scale.ticks[-1]) == pytest.approx(0)
    places = [scale.place(value) for value in sorted(shown_values)]
    assert all(one >= other for one, other in pairwise(places))


def test_only_wide_spans_of_positive_values_are_logarithmic() -> None:
    assert is_logarithmic(1, 100) and not is_logarithmic(1, 10) and not is_logarithmic(0, 100)
    assert not lay_out(Axis("x", logarithmic=True), [0.0, 5.0], 0, 1).logarithmic
    halfway = lay_out(Axis("x"), [1.0, 100.0], 0.0, 1.0)
    assert halfway.place(10.0) == pytest.approx(0.5)


@given(
    places=st.lists(st.floats(0, 300), min_size=1, max_size=9),
    widths=st.lists(st.floats(1, 80), min_size=9, max_size=9),
    downwards=st.booleans(),
)
def test_labels_of_ticks_keep_apart(places: list[float], widths: list[float], downwards: bool) -> None:
    places = sorted(places, reverse=downwards)
    kept = thinned(places, widths[: len(places)], 8)
    assert kept[0] == 0
    for one, other in pairwise(kept):
        assert abs(places[other] - places[one]) >= (widths[one] + widths[other]) / 2 + 8 - 1e-9


@given(wanted=st.lists(st.floats(0, 100), min_size=1, max_size=12), gap=st.floats(0.5, 20))
def test_names_beside_lines_keep_apart_in_order(wanted: list[float], gap: float) -> None:
    placed = spread(wanted, gap, 0, 240)
    order = sorted(range(len(wanted)), key=lambda number: wanted[number])
    for one, other in pairwise(order):
        assert placed[other] - placed[one] >= gap - 1e-9
    assert min(placed) >= 0 and max(placed) <= 240 + 1e-9
    if all(wanted[other] - wanted[one] >= gap for one, other in pairwise(order)):
        assert placed == pytest.approx(wanted)


# Markup


@given(text=anything, name=anything)
def test_any_text_comes_back_from_xml(text: str, name: str) -> None:
    parsed = ElementTree.fromstring(element("p", {"title": name}, escape(text)))
    assert (parsed.text or "") == shown(text)
    # XML makes spaces of tabs and newlines in attributes
    assert parsed.get("title") == re.sub(r"[\n\t]", " ", shown(name))


@given(value=st.floats(-1e6, 1e6))
def test_coordinates_are_tenths(value: float) -> None:
    written = coordinate(value)
    assert abs(float(written) - value) <= 0.0501 and "e" not in written and written != "-0"


def test_series_differ_without_colour() -> None:
    seen = {(styles.SHAPES[number % len(styles.SHAPES)], styles.dash(number)) for number in range(40)}
    assert len(seen) == 40
    marks = {styles.mark(number, 0, 0).split("class")[0] + styles.SHAPES[number] for number in range(9)}
    assert len(marks) == 9


def _luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.1."""
    shares = [int(colour[first : first + 2], 16) / 255 for first in (1, 3, 5)]
    linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(("colours", "ground"), [(styles.LIGHT, "#ffffff"), (styles.DARK, "#16181b")])
def test_colours_can_be_read_on_their_ground(colours: Sequence[str], ground: str) -> None:
    for colour in colours:
        lighter, darker = sorted([_luminance(colour), _luminance(ground)], reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, colour  # WCAG 2.1, 1.4.3


# Every chart


def _scatter(names: Sequence[str], numbers: Sequence[float]) -> Markup:
    points = [
        Point(name, n, abs(x) + 1e-9, x, x, x) for n, (name, x) in enumerate(zip(names, numbers, strict=True))
    ]
    return scatter.scatter("s", "a <title>", "It is so.", points, Axis("x"), Axis("y"), "less")


def _lines(names: Sequence[str], numbers: Sequence[float]) -> Markup:
    series = [
        Line(
            name,
            n,
            [(1.0, x), (20.0, -x)],
            [(1.0, x), (30.0, x)],
            [Span(1.0, x, x), Span(30.0, x, x)],
            [Span(1.0, x, x)],
        )
        for n, (name, x) in enumerate(zip(names, numbers, strict=True))
    ]
    crossings = [Crossing(2.0, "2"), Crossing(2.1, "2.1"), Crossing(1e9, "far")]
    return lines("l", "a <title>", "It is so.", series, Axis("x"), Axis("y"), crossings)


def _whiskers(names: Sequence[str], numbers: Sequence[float]) -> Markup:
    rows = [
        Row(name, [Dot(name, n, x, x, x)]) for n, (name, x) in enumerate(zip(names, numbers, strict=True))
    ]
    return whiskers("w", "a <title>", "It is so.", rows, Axis("x"), zero=0.0)


def _grouped(names: Sequence[str], numbers: Sequence[float]) -> Markup:
    dots = [Dot(name, n, x) for n, (name, x) in enumerate(zip(names, numbers, strict=True))]
    return whiskers("g", "a <title>", "It is so.", [Row("letters", dots), Row("digits", dots)], Axis("x"))


def _cloud(names: Sequence[str], numbers: Sequence[float]) -> Markup:
    dots = [clouds.Dot(name, n, x, -x) for n, (name, x) in enumerate(zip(names, numbers, strict=True))]
    return clouds.cloud("c", "a <title>", "It is so.", dots, dict(enumerate(names)), Axis("x"), Axis("y"))


CHARTS: dict[str, Callable[[Sequence[str], Sequence[float]], Markup]] = {
    "cloud": _cloud,
    "scatter": _scatter,
    "lines": _lines,
    "whiskers": _whiskers,
    "grouped": _grouped,
}
charts = pytest.mark.parametrize("chart", CHARTS)


def _numbers_of(svg: ElementTree.Element) -> list[float]:
    """Return every coordinate of a drawing."""
    found = []
    for part in svg.iter():
        for name in ("x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "r", "d"):
            found += [
                float(number) for number in re.findall(r"-?[\d.]+(?:e-?\d+)?|nan|inf", part.get(name) or "")
            ]
    return found


@charts
@given(
    numbers=st.lists(st.floats(-1e100, 1e100, allow_subnormal=False), min_size=1, max_size=14), data=st.data()
)
def test_a_chart_is_well_formed_and_says_every_series(chart: str, numbers: list[float], data: Any) -> None:
    names = data.draw(st.lists(anything, min_size=len(numbers), max_size=len(numbers)))
    svg = ElementTree.fromstring(CHARTS[chart](names, numbers))
    check_drawing(svg)
    assert svg.findtext(f"{SVG}title") == "a <title>" and description(svg).startswith("It is so. ")
    for name in names:
        assert shown(name) in description(svg)
    width, height = (float(side) for side in (svg.get("viewBox") or "").split()[2:])
    assert all(
        math.isfinite(number) and -5 <= number <= max(width, height) + 5 for number in _numbers_of(svg)
    )


@charts
@pytest.mark.parametrize("numbers", EXTREMES)
def test_extremes_are_drawn(chart: str, numbers: list[float]) -> None:
    svg = ElementTree.fromstring(CHARTS[chart]([f"m{number}" for number in range(len(numbers))], numbers))
    check_drawing(svg)
    assert all(map(math.isfinite, _numbers_of(svg)))


def _boxes(svg: ElementTree.Element, style: str) -> list[Box]:
    """Return the room that each text of a class takes."""
    boxes = []
    for part in svg.iter(f"{SVG}text"):
        if part.get("class") == style:
            width, x, y = text_width(part.text or ""), float(part.get("x") or 0), float(part.get("y") or 0)
            left = x - width * {"start": 0, "middle": 0.5, "end": 1}[part.get("text-anchor") or "start"]
            boxes.append(Box(left, y - 0.8 * FONT_SIZE, left + width, y + 0.2 * FONT_SIZE))
    return boxes


@charts
@given(numbers=st.lists(st.floats(0, 3), min_size=1, max_size=12))
def test_no_name_lies_over_another(chart: str, numbers: list[float]) -> None:
    names = [f"transformer-{number}" for number in range(len(numbers))]
    boxes = _boxes(ElementTree.fromstring(CHARTS[chart](names, numbers)), "label")
    assert len(boxes) >= len(numbers)  # everyone has a name, in the plot or in the legend
    # 0.2: places are written in tenths
    smaller = [Box(box.left + 0.2, box.top + 0.2, box.right - 0.2, box.bottom - 0.2) for box in boxes]
    assert not any(one.overlaps(other) for one, other in combinations(smaller, 2))


@pytest.mark.parametrize("places", [[(0.1, 0.5), (0.5, 0.4)], [(1, 3), (2, 2.9), (9, 1)], [(5, 5), (9, 9)]])
def test_names_keep_off_the_front_where_there_is_room(places: list[tuple[float, float]]) -> None:
    points = [Point(f"contextmix-{n}", n, x, y) for n, (x, y) in enumerate(places)]
    svg = ElementTree.fromstring(scatter.scatter("s", "t", "f", points, Axis("x"), Axis("y"), "less"))
    (steps,) = (part.get("d") or "" for part in svg.iter(f"{SVG}path") if part.get("class") == "front")
    corners = [tuple(map(float, corner.split())) for corner in steps.removeprefix("M").split("L")]
    names = _boxes(svg, "label")
    assert len(names) == len(points)
    for (x, y), (next_x, next_y) in pairwise(corners):
        step = Box(min(x, next_x) - 0.5, min(y, next_y) - 0.5, max(x, next_x) + 0.5, max(y, next_y) + 0.5)
        assert not any(name.overlaps(step) for name in names)


@charts
@given(numbers=st.lists(st.floats(0, 1e6), min_size=1, max_size=8))
def test_no_number_of_an_axis_lies_over_another(chart: str, numbers: list[float]) -> None:
    names = [f"m{number}" for number in range(len(numbers))]
    boxes = _boxes(ElementTree.fromstring(CHARTS[chart](names, numbers)), "tick")
    # numbers are drawn a little smaller than names
    smaller = [Box(box.left + 1.5, box.top + 1.5, box.right - 1.5, box.bottom - 1.5) for box in boxes]
    assert not any(one.overlaps(other) for one, other in combinations(smaller, 2))


def test_a_reliability_diagram_says_its_bins() -> None:
    bins = [Bin(0.1, 0.12, 1250), Bin(0.9, 0.7, 5000), Bin(1.0, 1.0, 1)]
    svg = ElementTree.fromstring(reliability("r", "How sure", "Too sure.", bins, 3))
    check_drawing(svg)
    assert "90 % sure, 70 % right" in description(svg)
    radii = [float(part.get("r") or 0) for part in svg.iter(f"{SVG}circle")]
    assert radii == [3.5, 7.0, 1.5]  # by area, and never too small to be seen
    check_drawing(ElementTree.fromstring(reliability("r", "t", "f.", [Bin(0.5, 0.5, 0)], 0)))


# The front


def _slow_front(points: Sequence[Point], across: int, along: int) -> set[int]:
    """Return who is beaten by nobody, by asking everyone."""

    def beats(one: Point, other: Point) -> bool:
        as_good = across * one.x <= across * other.x and along * one.y <= along * other.y
        return as_good and (one.x, one.y) != (other.x, other.y)

    return {n for n, point in enumerate(points) if not any(beats(other, point) for other in points)}


@pytest.mark.parametrize("better_y", ["less", "more"])
@pytest.mark.parametrize("better_x", ["less", "more"])
@given(places=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=3, max_size=12))
def test_the_front_is_of_those_that_nobody_beats(
    better_x: scatter.Direction, better_y: scatter.Direction, places: list[tuple[int, int]]
) -> None:
    points = [Point("", n, x, y) for n, (x, y) in enumerate(places)]
    found = front(points, better_x, better_y)
    across, along = (1 if better == "less" else -1 for better in (better_x, better_y))
    assert set(found) == _slow_front(points, across, along)
    assert len(set(found)) == len(found)


@pytest.mark.parametrize("better_y", ["less", "more"])
def test_no_point_lies_beyond_the_line_of_the_front(better_y: scatter.Direction) -> None:
    points = [Point("", n, x, y) for n, (x, y) in enumerate([(1, 1), (2, 3), (3, 2), (4, 5), (5, 4)])]
    svg = ElementTree.fromstring(
        scatter.scatter("s", "t", "f", points, Axis("x"), Axis("y"), "less", better_y)
    )
    (steps,) = (part.get("d") or "" for part in svg.iter(f"{SVG}path") if part.get("class") == "front")
    corners = [tuple(map(float, corner.split())) for corner in steps.removeprefix("M").split("L")]
    ends = [y for _, y in corners]
    assert ends == sorted(ends, reverse=better_y == "more")  # down from the top, or up from the bottom
    assert len(corners) == (3 if better_y == "less" else 7)  # (1, 1); or (1, 1), (2, 3) and (4, 5)


# Surprisal


@given(text=st.text(max_size=8), bits=st.floats(0, 100), more=st.floats(0, 100))
def test_more_bits_are_darker(text: str, bits: float, more: float) -> None:
    assert (
        0
        <= surprisal.level(Piece(text, bits))
        <= surprisal.level(Piece(text, bits + more))
        <= len(surprisal.LEVELS)
    )


@given(texts=st.lists(anything, max_size=8))
def test_a_passage_keeps_its_text(texts: list[str]) -> None:
    drawn = ElementTree.fromstring(surprisal.heat([Piece(text, 1.0) for text in texts]))
    read = ["".join(piece.itertext()) for piece in drawn.iter("i")]
    signs = str.maketrans({"\n": "↵", "\t": "→", " ": "·"})
    plain = [re.sub(r"[^\S\n\t ·→↵]", "␣", shown(text)).translate(signs) for text in texts]
    assert read == [text or "∅" for text in plain]


@given(texts=st.lists(anything, max_size=20), most=st.integers(1, 40))
def test_a_cut_passage_has_as_many_bytes_as_asked(texts: list[str], most: int) -> None:
    pieces = [Piece(text, 1.0) for text in texts]
    kept = surprisal.cut(pieces, most)
    assert kept == pieces[: len(kept)]
    counts = [surprisal.byte_count(piece.text) for piece in kept]
    assert sum(counts[:-1]) < most
    assert len(kept) == len(pieces) or sum(counts) >= most


def test_labels_keep_both_ends() -> None:
    assert drawing.shortened("a" * 30) == "a" * 30
    assert drawing.shortened("lstm-bytes-hidden=" + "9" * 40).endswith("9" * 14)
