"""The Pareto front: its laws, the costs in closed form, and who is chosen."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.comparison import pareto
from anygram.comparison.standing import Field, Standing

AMOUNTS = st.integers(1, 6)


def standing(who: str, bits: float, rate: float | None = 1e3) -> Standing:
    return Standing(who, bits_per_byte=bits, score_bytes_per_second=rate)


@st.composite
def fields(draw: st.DrawFn) -> list[Standing]:
    """Return contestants with few different figures, so that many are equal; some costs are unknown."""
    figures = draw(st.lists(st.tuples(AMOUNTS, st.none() | AMOUNTS), min_size=1, max_size=9))
    return [standing(str(number), bits, rate) for number, (bits, rate) in enumerate(figures)]


def dominates(one: Standing, other: Standing) -> bool:
    costs = pareto.cost("speed", one), pareto.cost("speed", other)
    assert costs[0] is not None and costs[1] is not None
    figures, others = (one.bits, costs[0]), (other.bits, costs[1])
    return figures != others and figures[0] <= others[0] and figures[1] <= others[1]


@given(field=fields())
def test_nobody_on_the_front_is_dominated_and_everybody_off_it_is(field: list[Standing]) -> None:
    front = pareto.front(field, "speed")
    measured = [one for one in field if pareto.cost("speed", one) is not None]
    for one in measured:
        assert any(dominates(other, one) for other in measured) is (one not in front)
    assert all(one in measured for one in front)


@given(field=fields(), data=st.data())
def test_the_order_of_contestants_does_not_matter(field: list[Standing], data: st.DataObject) -> None:
    mixed = data.draw(st.permutations(field))
    for prefer in pareto.PREFERENCES:
        assert pareto.front(mixed, prefer) == pareto.front(field, prefer)
        assert pareto.choose(mixed, prefer) == pareto.choose(field, prefer)


@given(field=fields())
def test_the_choice_is_on_the_front_of_those_within_the_margin(field: list[Standing]) -> None:
    best = min(one.bits for one in field)
    chosen = pareto.choose(field, "speed")
    assert chosen.bits <= best * (1 + pareto.MARGIN)
    within = [one for one in field if one.bits <= best * (1 + pareto.MARGIN)]
    front = pareto.front(within, "speed")
    assert chosen in front if front else pareto.cost("speed", chosen) is None
    assert pareto.choose(field, "quality").bits == best


def test_costs_in_closed_form() -> None:
    one = Standing(
        "a",
        bits_per_byte=2.0,
        perplexity=2.0**6,
        score_bytes_per_second=5e5,
        generate_symbols_per_second=200.0,
        first_symbol_seconds=0.5,
        model_bytes=1000,
        peak_memory_bytes=5000,
    )
    assert pareto.cost("speed", one) == pareto.cost("quality", one) == pytest.approx(2.0)
    assert pareto.cost("memory", one) == 6000
    # 6 bits a symbol at 2 bits a byte are 3 bytes a symbol: 100 bytes at 200 symbols a second take 1/6 s
    assert one.bytes_per_symbol == pytest.approx(3.0)
    assert pareto.cost("latency", one) == pytest.approx(0.5 + 1 / 6)


def test_what_was_not_measured_has_no_cost() -> None:
    bare = Standing("a", bits_per_byte=2.0)
    assert [pareto.cost(prefer, bare) for prefer in pareto.PREFERENCES] == [None] * 4
    assert Standing("a", bits_per_byte=2.0, perplexity=math.inf).bytes_per_symbol is None
    assert pareto.front([bare], "speed") == [] and pareto.choose([bare], "speed") is bare


def test_of_equals_the_cheaper_one_is_chosen_for_quality() -> None:
    field = [standing("slow", 2.0, 10), standing("fast", 2.0, 1000), standing("unknown", 2.0, None)]
    assert pareto.choose(field, "quality").who == "fast"


def test_for_speed_quality_is_given_up_within_five_per_cent() -> None:
    field = [standing("best", 2.0, 10), standing("fast", 2.099, 1000), standing("too bad", 2.101, 1e6)]
    assert pareto.choose(field, "speed").who == "fast"


def test_everybody_is_in_one_group() -> None:
    field = Field.of(
        [
            Standing("worse", bits_per_byte=3.0),
            Standing("better", bits_per_byte=2.0),
            Standing("lossy", perplexity=9.0),
            Standing("lossy too", perplexity=9.0, adaptive=True),
            Standing("learning", bits_per_byte=1.0, adaptive=True, way="own"),
            Standing("xz", bits_per_byte=2.5, adaptive=True, floor=True),
            Standing("dead", error="out of memory", floor=True),
        ]
    )
    groups = (field.ranked, field.adaptive, field.floors, field.lossy, field.failed)
    assert [[one.who for one in group] for group in groups] == [
        ["better", "worse"], ["learning"], ["xz"], ["lossy", "lossy too"], ["dead"],
    ]  # fmt: skip


def test_a_row_has_more_than_is_judged() -> None:
    row = {"who": "a-bytes", "model": "a", "bits_per_byte": 2.0, "state_bytes_per_100_symbols": 5}
    assert Standing.of(row) == Standing("a-bytes", bits_per_byte=2.0)
