"""Energy in joules, as the machine's processors count it (RAPL); all that runs on them, not one process.

Linux shows the counters of Intel's and AMD's processors as files: Documentation/power/powercap/powercap.rst.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

RAPL = Path("/sys/class/powercap")
_EVERY_SECONDS = 30.0
"""How often counters are read, which begin anew after as little as some minutes of full load."""
_MICRO = 1e-6


class Meter:
    """Adds up what the counters below a folder have gone on by since it was made."""

    def __init__(self, folder: Path = RAPL) -> None:
        self._joules, self._lock = 0.0, threading.Lock()
        try:
            self._counters = [_Counter(zone) for zone in sorted(folder.glob("intel-rapl:*")) if _counts(zone)]
        except (OSError, ValueError):  # most systems let only root read them
            self._counters = []

    @property
    def joules(self) -> float | None:
        """The energy so far; None where the machine cannot tell."""
        return self._joules if self._counters else None

    def read(self) -> None:
        """Add what was used since the counters were last read."""
        with self._lock:
            try:
                self._joules += sum(counter.advance() for counter in self._counters)
            except (OSError, ValueError):
                self._counters = []


@contextmanager
def metered(folder: Path = RAPL, every_seconds: float = _EVERY_SECONDS) -> Iterator[Meter]:
    """Give a meter whose `joules`, after the block, are what was used within it."""
    meter, done = Meter(folder), threading.Event()

    def watch() -> None:
        while not done.wait(every_seconds):
            meter.read()

    watcher = threading.Thread(target=watch, name="energy", daemon=True)
    if meter.joules is not None:
        watcher.start()
    try:
        yield meter
    finally:
        done.set()
        if watcher.ident is not None:
            watcher.join()
        meter.read()


class _Counter:
    """One domain's counter, which begins anew at `max_energy_range_uj`."""

    def __init__(self, zone: Path) -> None:
        self._file = zone / "energy_uj"
        self._range = int((zone / "max_energy_range_uj").read_text())
        self._last = int(self._file.read_text())

    def advance(self) -> float:
        """Return the joules since the last reading."""
        now = int(self._file.read_text())
        used, self._last = now - self._last, now
        return _MICRO * (used if used >= 0 else used + self._range)


def _counts(zone: Path) -> bool:
    """Return whether a domain is a whole processor or its memory: cores are part of the former."""
    return (zone / "name").read_text().strip().startswith(("package", "dram"))
