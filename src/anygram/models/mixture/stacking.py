"""What members say at many positions, side by side.

Axes: N positions of any rows, M members, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from anygram.protocols import FloatArray

_AT_ONCE = 1 << 22
"""Log-probabilities, so that they and what is computed of them stay within some tens of megabytes."""


def blocks(positions: int, numbers: int) -> Iterator[slice]:
    """Yield successive positions, so many at a time as `numbers` for each of them allow."""
    step = max(1, _AT_ONCE // max(1, numbers))
    for first in range(0, positions, step):
        yield slice(first, min(first + step, positions))


def stacked(told: Sequence[FloatArray], shape: tuple[int, int]) -> FloatArray:
    """Return log_p_NMV of log_p_NV, one a member; where there is none, that of one to whom all is alike."""
    if not told:
        return np.full((shape[0], 1, shape[1]), -np.log(shape[1]))
    return np.ascontiguousarray(np.stack(told, axis=1), dtype=np.float64)
