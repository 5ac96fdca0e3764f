"""What of a network a search may change: how wide it is, how fast it learns, what it leaves out."""

from __future__ import annotations

from collections.abc import Mapping

from anygram.spaces import Factor, Shift, Space

RATE = Factor(0.4, 2.5)
"""Suggested rates suit many texts and sizes; beyond this a network diverges or hardly learns."""

_WIDTH = 0.6, 1.7
_DROPOUT = Shift(-0.1, 0.2, step=0.05, least=0.0, most=0.6)


def network_space(width: str, multiple: int, follow: Mapping[str, float]) -> Space:
    """Return the space of a network whose setting `width` comes in such multiples, with what goes with it."""
    return {"rate": RATE, width: Factor(*_WIDTH, multiple, follow), "dropout": _DROPOUT}
