"""Progress and tables: plain lines for logs, a bar that leaves nothing behind, columns that line up."""

from __future__ import annotations

import io
import re
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.reporting import progress, tables
from anygram.reporting.progress import Bar, Lines, Silent


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


# Progress


def test_a_terminal_gets_a_bar_and_anything_else_lines() -> None:
    assert isinstance(progress.for_stream(_Terminal()), Bar)
    assert isinstance(progress.for_stream(io.StringIO()), Lines)


def test_lines_are_plain_and_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    stream = io.StringIO()
    lines = Lines(stream)
    lines.stage("reading", total=200)
    for done in range(1, 201):
        now += 0.25
        lines.update(done, "3.1 MB/s")
    lines.stage("scoring")
    now += 60
    lines.update(7, "1 document")
    lines.say("done")
    lines.close()
    assert stream.getvalue().splitlines() == [
        "reading",
        "reading: 20% 3.1 MB/s",
        "reading: 40% 3.1 MB/s",
        "reading: 60% 3.1 MB/s",
        "reading: 80% 3.1 MB/s",
        "reading: 100% 3.1 MB/s",
        "scoring",
        "scoring: 1 document",
        "done",
    ]


def test_a_bar_shows_how_far_it_is_and_goes() -> None:
    stream = _Terminal()
    bar = Bar(stream)
    bar.stage("training [lstm]", total=1.0)  # brackets are no markup
    bar.update(0.25, "1.5 nats/symbol")
    bar._bar.refresh()
    shown = stream.getvalue()
    assert "training [lstm]" in shown and "25%" in shown and "1.5 nats/symbol" in shown and "left" in shown
    bar.say("kept [best]")
    bar.stage("measuring")
    bar.close()
    bar.close()
    last_shown = stream.getvalue().rpartition("\x1b[2K")[2]
    assert re.sub(r"\x1b\[[?0-9;]*[a-zA-Z]|\r", "", last_shown) == ""  # the line is cleared, the cursor back
    assert stream.getvalue().count("\x1b[?25l") == stream.getvalue().count("\x1b[?25h")
    assert "kept [best]\n" in stream.getvalue()


@pytest.mark.parametrize(
    "kind", [Silent(), Lines(io.StringIO()), Bar(_Terminal())], ids=["silent", "lines", "bar"]
)
def test_any_order_of_calls_is_fine(kind: progress.Progress) -> None:
    kind.close()
    kind.update(3.0)
    kind.say("x")
    for _ in range(2):
        kind.stage("a")
        kind.update(1.0)
        kind.stage("b", total=2)
        kind.update(5.0, "more than all")
        kind.close()


# Tables


cell = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "S")) | st.just(" "), max_size=12)
grids = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(cell, min_size=width, max_size=width), min_size=2, max_size=6)
)


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def test_a_number_that_is_missing_leaves_its_column_to_the_right() -> None:
    printed = tables.aligned(["bits/byte"], [["2.15"], ["lossy"], ["failed"]])
    assert printed.splitlines() == ["bits/byte", "     2.15", "    lossy", "   failed"]


def test_numbers_stand_to_the_right_and_words_to_the_left() -> None:
    table = tables.aligned(
        ["model", "bits", "note"], [["天", "9.50", "x"], ["lstm", "±1,000", ""], ["u", "–", "y"]]
    )
    assert table.splitlines() == [
        "model    bits  note",
        "天       9.50  x",
        "lstm   ±1,000",
        "u           –  y",
    ]


@given(grid=grids)
def test_every_cell_begins_or_ends_at_its_column(grid: list[list[str]]) -> None:
    lines = tables.aligned(grid[0], grid[1:]).split("\n")
    assert len(lines) == len(grid)
    start = 0
    for column in range(len(grid[0])):
        width = max(_columns(row[column]) for row in grid)
        for line, row in zip(lines, grid, strict=True):
            inside = _cut(line, start, start + width)
            assert inside.strip() == row[column].strip()
        start += width + 2


def _cut(line: str, start: int, end: int) -> str:
    """Return what stands between two columns of a terminal."""
    taken, at = "", 0
    for character in line:
        if start <= at < end:
            taken += character
        at += _columns(character)
    return taken


@given(grid=grids)
def test_markdown_keeps_every_cell_in_its_row(grid: list[list[str]]) -> None:
    lines = tables.markdown(grid[0], grid[1:]).split("\n")
    assert len(lines) == len(grid) + 1
    for line, row in zip([lines[0], *lines[2:]], grid, strict=True):
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        assert [one[1:-1] for one in cells] == [one.replace("|", "\\|") for one in row]
