"""Several pieces of work side by side, as people see them, and progress told across processes."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.comparison.telling import Teller, hear
from anygram.reporting.board import LiveBoard, PlainBoard, duration, for_stream
from anygram.reporting.progress import Progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Noting:
    """A progress that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[Any, ...]] = []

    def stage(self, title: str, total: float | None = None) -> None:
        self.told.append(("stage", title, total))

    def update(self, done: float, note: str = "") -> None:
        self.told.append(("update", done, note))

    def say(self, line: str) -> None:
        self.told.append(("say", line))

    def close(self) -> None:
        self.told.append(("close",))


def test_elsewhere_than_on_a_terminal_lines_say_what_begins_and_ends() -> None:
    stream = io.StringIO()
    board = for_stream(stream)
    assert isinstance(board, PlainBoard)
    board.show(["a", "b"])
    board.begin("a").stage("training a")
    board.end("a", "2.100 bits per byte after 3.0 s")
    board.begin("b")
    board.end("b", "failed: no memory", failed=True)
    board.close()
    assert stream.getvalue().splitlines() == [
        "[1/2] a", "training a", "a: 2.100 bits per byte after 3.0 s", "[2/2] b", "b: failed: no memory",
    ]  # fmt: skip


def test_a_terminal_has_a_table_of_what_is_done_under_way_and_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    board = for_stream(stream)
    assert isinstance(board, LiveBoard)
    board.show(["first", "second", "third"], seconds_each=60)
    board.begin("first")
    board.end("first", "1.900 bits per byte after 60.0 s")
    progress = board.begin("second")
    progress.stage("training second", total=1.0)
    progress.update(0.25, "1.2 nats/symbol")
    board.close()
    drawn = re.sub("\x1b\\[[0-9?;]*[a-zA-Z]", "", stream.getvalue()).rpartition("at most about")[2]
    lines = drawn.splitlines()
    assert lines[0].strip() == "2 min left"
    shown = {line.split()[1]: line.split() for line in lines if len(line.split()) > 2}
    assert shown["first"][:3] == ["✓", "first", "done"] and "1.900" in shown["first"]
    assert shown["second"][0] == "▶" and "25%," in shown["second"] and "nats/symbol" in shown["second"]
    assert shown["third"][:3] == ["·", "third", "waiting"]


@given(
    told=st.lists(
        st.one_of(
            st.tuples(st.just("stage"), st.text(), st.none() | st.floats(0, 1e9)),
            st.tuples(st.just("say"), st.text()),
            st.tuples(st.just("close")),
        )
    )
)
def test_what_is_told_is_heard(told: list[tuple[Any, ...]]) -> None:
    stream, heard = io.StringIO(), Noting()
    teller = Teller(stream)
    for name, *words in told:
        getattr(teller, name)(*words)
    for line in stream.getvalue().splitlines():
        hear(line, heard)
    assert heard.told == told


def test_updates_are_told_now_and_then_and_at_the_beginning_of_a_stage() -> None:
    stream, heard = io.StringIO(), Noting()
    teller: Progress = Teller(stream)
    for stage in ("one", "two"):
        teller.stage(stage)
        for done in range(100):
            teller.update(done)
    for line in stream.getvalue().splitlines():
        hear(line, heard)
    updates = [told for told in heard.told if told[0] == "update"]
    assert 2 <= len(updates) <= 20 and [told[1] for told in updates].count(0) == 2


@pytest.mark.parametrize(
    "line", ["", "a model says hello", "[]", "3", '{"stage": 1}', '["run", "rm"]', "[1]"]
)
def test_what_a_model_prints_by_itself_is_passed_over(line: str) -> None:
    heard = Noting()
    hear(line, heard)
    assert heard.told == []


@given(seconds=st.floats(0, 1e6))
def test_durations_have_no_sixtieth_of_anything(seconds: float) -> None:
    assert "60" not in duration(seconds).split() and duration(seconds)[0].isdigit()
