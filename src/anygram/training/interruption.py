"""Ctrl-C during training: noted, so that the update under way is finished and its result kept."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupt:
    """Ctrl-C, noted instead of raised, so that no update is cut in two; a second one raises.

    Without `insist` it does not: torchrun passes on what the terminal has already sent to all.
    """

    def __init__(self, insist: bool) -> None:
        self.requested = False
        self._insist = insist

    def __call__(self, number: int, frame: FrameType | None) -> None:
        if self.requested and self._insist:
            raise KeyboardInterrupt
        self.requested = True


@contextmanager
def interruptible(*, insist: bool = True) -> Iterator[Interrupt]:
    """Yield a note of whether the user or the system asked to stop (SIGINT, SIGTERM)."""
    interrupt = Interrupt(insist)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt  # only the main thread may handle signals
        return
    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupt
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
