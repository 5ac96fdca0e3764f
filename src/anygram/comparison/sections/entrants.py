"""Who took part: the rows by how they may be ranked, and one mark for each throughout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anygram.reporting import amounts

Row = Mapping[str, Any]
FAR = 1.5
"""Who needs so many times the second best one's bits is left out of charts: others would be one spot."""


@dataclass(frozen=True)
class Entrants:
    """The rows of a comparison; adaptive ones, lossy ones and failed ones never stand in `ranked`."""

    ranked: Sequence[Row]
    lossy: Sequence[Row]
    adaptive: Sequence[Row]
    failed: Sequence[Row]
    numbers: Mapping[str, int]
    details: Mapping[str, Mapping[str, Any]]
    far: Mapping[str, float]
    """The bits per byte of those who are too far behind to be drawn with the others."""

    def number(self, who: str) -> int:
        """Return what decides a contestant's colour and mark."""
        return self.numbers.get(who, len(self.numbers))

    @property
    def drawn(self) -> Mapping[str, Row]:
        """The ranked rows that charts show, by name."""
        return {row["who"]: row for row in self.ranked if row["who"] not in self.far}

    def left_out(self) -> str:
        """Return a sentence that says who is too far behind for a chart; nothing where nobody is."""
        named = ", ".join(f"{who} ({amounts.bits(bits)})" for who, bits in self.far.items())
        return f" Too far behind to be drawn: {named}." if named else ""

    def measured(self, key: str) -> Iterator[tuple[str, Any]]:
        """Yield each contestant with what its details hold under a key, where they hold something."""
        for who in self.numbers:
            found = self.details.get(who, {}).get(key)
            if found:
                yield who, found


def of(results: Mapping[str, Any]) -> Entrants:
    """Return the entrants of a comparison's results."""
    rows = results["results"]
    sound = [row for row in rows if not row["error"]]
    static = [row for row in sound if not row["adaptive"]]
    contestants = results["question"]["contestants"]
    everyone = dict.fromkeys([*contestants, *(row["who"] for row in rows if not row["floor"])])
    ranked = [row for row in static if row["bits_per_byte"] is not None]
    return Entrants(
        ranked=ranked,
        lossy=[row for row in static if row["bits_per_byte"] is None],
        adaptive=[row for row in sound if row["adaptive"]],
        failed=[row for row in rows if row["error"]],
        numbers={who: number for number, who in enumerate(everyone)},
        details=results.get("details") or {},
        far=_far(ranked),
    )


def adaptive_label(row: Row) -> str:
    """Return the name of a row that learns while it reads, with the way it does so."""
    if row["floor"]:
        return f"{row['who']} (compressor)"
    return f"{row['who']} ({row['way'] or 'learning'})"


def _far(ranked: Sequence[Row]) -> dict[str, float]:
    """Return who needs more than FAR times the second best one's bits: two at least are always drawn."""
    bits = {row["who"]: row["bits_per_byte"] for row in ranked}
    bound = FAR * sorted(bits.values())[1] if len(bits) > 1 else 0.0
    return {who: value for who, value in bits.items() if value > bound > 0}
