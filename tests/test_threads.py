"""Work side by side: results in order, few items held, errors passed on."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import threads


@given(numbers=st.lists(st.integers()))
def test_results_come_in_the_order_of_the_items(numbers: list[int]) -> None:
    assert list(threads.side_by_side(lambda number: -number, numbers)) == [-number for number in numbers]


def test_no_more_items_are_taken_than_are_worked_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 3)
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    for done, _ in enumerate(threads.side_by_side(lambda number: number, items()), 1):
        assert len(taken) <= done + 3


def test_items_are_worked_on_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "cores", lambda: 2)
    meeting = threading.Barrier(2, timeout=60)
    assert sorted(threads.side_by_side(lambda _: meeting.wait(), range(2))) == [0, 1]


def test_an_error_is_passed_on() -> None:
    results = threads.side_by_side(lambda number: 1 // number, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
