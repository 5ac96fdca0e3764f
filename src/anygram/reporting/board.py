"""Several pieces of work side by side: one live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from anygram.reporting.progress import Lines, Progress, Silent

_TICKS_A_SECOND = 4


class Board(Protocol):
    """Told which work there is, which is under way, and what came of it."""

    def show(self, names: Sequence[str], seconds_each: float | None = None) -> None:
        """Name all the work, and about how long a piece of it takes, if anybody knows."""
        ...

    def begin(self, name: str) -> Progress:
        """Say that this work is under way; return what is told how far it is."""
        ...

    def end(self, name: str, outcome: str, *, failed: bool = False) -> None:
        """Say what came of this work, in a few words."""
        ...

    def close(self) -> None:
        """Say no more."""
        ...


class SilentBoard:
    """Shows nothing."""

    def show(self, names: Sequence[str], seconds_each: float | None = None) -> None:
        """Show nothing."""

    def begin(self, name: str) -> Progress:
        """Return what shows nothing."""
        return Silent()

    def end(self, name: str, outcome: str, *, failed: bool = False) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class PlainBoard:
    """A line when something begins or ends, and now and then between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._names: list[str] = []
        self._begun = 0

    def show(self, names: Sequence[str], seconds_each: float | None = None) -> None:
        """Remember how much there is."""
        self._names = list(names)

    def begin(self, name: str) -> Progress:
        """Print the name, and return what prints a line every few seconds."""
        self._begun += 1
        self._say(f"[{self._begun}/{len(self._names)}] {name}")
        return Lines(self._stream)

    def end(self, name: str, outcome: str, *, failed: bool = False) -> None:
        """Print what came of it."""
        self._say(f"{name}: {outcome}")

    def close(self) -> None:
        """Nothing is open."""

    def _say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


@dataclass
class _Row:
    """What is known of one piece of work."""

    state: str = "waiting"
    doing: str = ""
    done: float = 0.0
    total: float | None = None
    note: str = ""
    began: float = 0.0
    stage_began: float = 0.0


class LiveBoard:
    """A table that is drawn anew as things change."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.live import Live

        self._rows: dict[str, _Row] = {}
        self._seconds_each: float | None = None
        self._live = Live(
            get_renderable=self._drawn, console=Console(file=stream), refresh_per_second=_TICKS_A_SECOND
        )

    def show(self, names: Sequence[str], seconds_each: float | None = None) -> None:
        """Draw a row for each."""
        self._rows = {name: self._rows.get(name, _Row()) for name in names}
        self._seconds_each = seconds_each
        self._live.start()

    def begin(self, name: str) -> Progress:
        """Mark the row as running."""
        row = self._rows[name] = _Row("running", began=time.monotonic())
        return _RowProgress(row, self._live.console.print)

    def end(self, name: str, outcome: str, *, failed: bool = False) -> None:
        """Mark the row as done or failed."""
        self._rows[name] = _Row("failed" if failed else "done", note=outcome)

    def close(self) -> None:
        """Draw the table a last time and leave it there."""
        self._live.stop()

    def _drawn(self) -> Any:
        from rich.table import Table
        from rich.text import Text

        left = self._seconds_left()
        title = "" if left is None else f"at most about {duration(left)} left"
        table = Table(box=None, pad_edge=False, title=title, title_justify="left", title_style="")
        for column in ("", "what", "state", ""):
            table.add_column(column, no_wrap=True, overflow="ellipsis")
        signs = {"waiting": "·", "running": "▶", "done": "✓", "failed": "✗"}
        for name, row in self._rows.items():
            state = row.state if row.state != "running" else f"{row.doing} {_share(row)}".strip()
            style = "dim" if row.state == "waiting" else "red" if row.state == "failed" else ""
            cells = (signs[row.state], name, state, row.note)
            table.add_row(*(Text(cell) for cell in cells), style=style)
        return table

    def _seconds_left(self) -> float | None:
        """Return about how long it all takes yet; None where nobody knows."""
        if self._seconds_each is None or not self._rows:
            return None
        now, left = time.monotonic(), 0.0
        for row in self._rows.values():
            spent = now - row.began if row.state == "running" else 0.0
            left += max(0.0, self._seconds_each - spent) if row.state in ("waiting", "running") else 0.0
        return left


class _RowProgress:
    """Puts what it is told into a row of the table."""

    def __init__(self, row: _Row, say: Any) -> None:
        self._row, self._say = row, say

    def stage(self, title: str, total: float | None = None) -> None:
        """Name what is being done."""
        row = self._row
        row.doing, row.total, row.done, row.note, row.stage_began = title, total, 0.0, "", time.monotonic()

    def update(self, done: float, note: str = "") -> None:
        """Set how far it is."""
        self._row.done, self._row.note = done, note

    def say(self, line: str) -> None:
        """Print the line above the table."""
        self._say(line, highlight=False, markup=False)

    def close(self) -> None:
        """Clear what was being done."""
        self._row.doing = ""


def _share(row: _Row) -> str:
    """Return how far the stage is, and how long it takes yet if it goes on like this."""
    if not row.total or not row.done:
        return ""
    share = min(1.0, row.done / row.total)
    spent = time.monotonic() - row.stage_began
    return f"{share:.0%}, {duration(spent / share - spent)} left"


def duration(seconds: float) -> str:
    """Return a time in words that are short.

    >>> [duration(seconds) for seconds in (4.2, 75, 120, 3700)]
    ['4 s', '1 min 15 s', '2 min', '1 h 1 min']
    """
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    large, small, names = (*divmod(whole, 60), ("min", "s"))
    if whole >= 3600:
        large, small, names = (*divmod(whole // 60, 60), ("h", "min"))
    return f"{large} {names[0]}" + (f" {small} {names[1]}" if small else "")


def for_stream(stream: TextIO | None = None) -> Board:
    """Return a live table where the stream (standard error by default) is a terminal, lines elsewhere."""
    stream = sys.stderr if stream is None else stream
    return LiveBoard(stream) if stream.isatty() else PlainBoard(stream)
