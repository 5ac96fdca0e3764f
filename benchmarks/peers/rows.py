"""Rows of a table: what was measured, ours beside the peer's, and how many times better ours is."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from peers.processes import MB, Cost


@dataclass(frozen=True)
class Row:
    """One figure; `failed` holds the reason where there is none."""

    text: str
    what: str
    unit: str
    ours: float | None = None
    peer: float | None = None
    more_is_better: bool = False
    note: str = ""
    failed: str = ""
    digits: int = 3
    """How many digits of a figure below a thousand are shown."""

    @property
    def times_better(self) -> float | None:
        """How many times better ours is, whichever way better lies."""
        if not self.ours or not self.peer:
            return None
        return self.ours / self.peer if self.more_is_better else self.peer / self.ours

    def cells(self) -> list[str]:
        """Return the row as a table shows it."""
        if self.failed:
            return [self.text, self.what, self.unit, "failed", "–", "–", self.failed]
        ratio = self.times_better
        figures = [self._figure(self.ours), self._figure(self.peer), "–" if ratio is None else f"{ratio:.3g}"]
        return [self.text, self.what, self.unit, *figures, self.note]

    def _figure(self, value: float | None) -> str:
        if value is None:
            return "–"
        return f"{value:,.0f}" if value >= 1000 else f"{value:.{self.digits}g}"

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "times_better": self.times_better}


def header(peer: str) -> tuple[str, ...]:
    """Return the names of a table's columns."""
    return ("text", "measured", "unit", "anygram", peer, "times better", "note")


def costs(text: str, what: str, ours: Sequence[Cost], peer: Sequence[Cost], note: str = "") -> list[Row]:
    """Return the medians of seconds, processor seconds and peak memory."""

    def row(measure: str, unit: str, field: str, scale: float = 1.0) -> Row:
        ours_value, peer_value = (
            statistics.median(getattr(cost, field) for cost in found) / scale if found else None
            for found in (ours, peer)
        )
        return Row(text, f"{what}: {measure}", unit, ours_value, peer_value, note=note)

    return [
        row("wall clock", "s", "seconds"),
        row("processor time", "s", "cpu_seconds"),
        row("peak memory", "MB", "peak_bytes", MB),
    ]


def answers(
    text: str,
    what: str,
    unit: str,
    ours: Sequence[dict[str, Any]],
    peer: Sequence[dict[str, Any]],
    *,
    more_is_better: bool = False,
    note: str = "",
) -> Row:
    """Return the medians of what tasks of `asking` found, each one figure."""
    value, peer_value = (
        statistics.median(next(iter(one.values())) for one in found) if found else None
        for found in (ours, peer)
    )
    return Row(text, what, unit, value, peer_value, more_is_better, note)
