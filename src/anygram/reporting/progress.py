"""Progress of long work: a bar with rate and time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

LINE_EVERY_SECONDS = 10.0


class Progress(Protocol):
    """Told what is being done and how far it is; stages follow each other."""

    def stage(self, title: str, total: float | None = None) -> None:
        """Begin a stage; `total` is what `done` will reach, None where nobody knows."""
        ...

    def update(self, done: float, note: str = "") -> None:
        """Say how far the stage is."""
        ...

    def say(self, line: str) -> None:
        """Print one line beside the bar."""
        ...

    def close(self) -> None:
        """End the last stage."""
        ...


class Silent:
    """Says nothing."""

    def stage(self, title: str, total: float | None = None) -> None:
        """Say nothing."""

    def update(self, done: float, note: str = "") -> None:
        """Say nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def close(self) -> None:
        """Say nothing."""


class Lines:
    """A plain line now and then: for logs, pipes and other programs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._title = ""
        self._total: float | None = None
        self._started = self._printed = 0.0

    def stage(self, title: str, total: float | None = None) -> None:
        """Print the stage's title."""
        self._title, self._total = title, total
        self._started = self._printed = time.monotonic()
        self.say(title)

    def update(self, done: float, note: str = "") -> None:
        """Print how far the stage is, if the last line is some seconds old."""
        now = time.monotonic()
        if now - self._printed >= LINE_EVERY_SECONDS:
            self._printed = now
            self.say(f"{self._title}: {self._share(done)}{note}")

    def say(self, line: str) -> None:
        """Print the line."""
        print(line, file=self._stream, flush=True)

    def close(self) -> None:
        """Nothing is open."""

    def _share(self, done: float) -> str:
        return f"{done / self._total:.0%} " if self._total else ""


class Bar:
    """A bar with note, elapsed time and time left."""

    def __init__(self, stream: TextIO) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            TaskProgressColumn,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.progress import Progress as RichProgress

        self._bar = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=Console(file=stream),
            transient=True,
        )
        self._task: int | None = None

    def stage(self, title: str, total: float | None = None) -> None:
        """Replace the bar by the new stage's."""
        self._end_stage()
        self._bar.start()
        self._task = self._bar.add_task(title, total=total, note="")

    def update(self, done: float, note: str = "") -> None:
        """Move the bar."""
        if self._task is not None:
            self._bar.update(self._task, completed=done, note=note)  # type: ignore[arg-type]

    def say(self, line: str) -> None:
        """Print the line above the bar."""
        self._bar.console.print(line, highlight=False, markup=False)

    def close(self) -> None:
        """Take the bar away."""
        self._end_stage()
        self._bar.stop()

    def _end_stage(self) -> None:
        if self._task is not None:
            self._bar.remove_task(self._task)  # type: ignore[arg-type]
            self._task = None


def for_stream(stream: TextIO | None = None) -> Progress:
    """Return a bar where the stream (standard error by default) is a terminal, lines elsewhere."""
    stream = sys.stderr if stream is None else stream
    return Bar(stream) if stream.isatty() else Lines(stream)
