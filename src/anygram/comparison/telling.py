"""Progress across processes: the one that works tells it in lines of JSON, the other one hears them."""

from __future__ import annotations

import json
import time
from typing import Any, TextIO

from anygram.reporting.progress import Progress

_SIGN = "anygram progress"
"""By which a line is told from what a model prints."""
_UPDATE_EVERY_SECONDS = 0.25


class Teller:
    """Tells what is being done as lines of JSON on a stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next_update = 0.0

    def stage(self, title: str, total: float | None = None) -> None:
        """Tell that a stage begins."""
        self._next_update = 0.0
        self._tell("stage", title, total)

    def update(self, done: float, note: str = "") -> None:
        """Tell how far the stage is, but not all the time."""
        if (now := time.monotonic()) >= self._next_update:
            self._next_update = now + _UPDATE_EVERY_SECONDS
            self._tell("update", done, note)

    def say(self, line: str) -> None:
        """Tell a line for people."""
        self._tell("say", line)

    def close(self) -> None:
        """Tell that the last stage has ended."""
        self._tell("close")

    def _tell(self, *words: Any) -> None:
        print(json.dumps({_SIGN: words}), file=self._stream, flush=True)


def hear(line: str, progress: Progress) -> None:
    """Do what a line tells; what is no such line, as a model's own printing, is passed over."""
    try:
        told = json.loads(line)
    except ValueError:
        return
    if isinstance(told, dict) and told.keys() == {_SIGN}:
        name, *words = told[_SIGN]
        getattr(progress, name)(*words)
