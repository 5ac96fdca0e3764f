"""What members say at many positions, side by side.

Axes: B rows, T positions, N positions of any rows, M members, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from anygram.protocols import Distributing, DistributingReader, FloatArray, Ids, LanguageModel, Reader, State

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


def distributions(model: LanguageModel, state: State, ids_BT: Ids) -> tuple[FloatArray, State]:
    """Return log P(next | all before it) at each id's place as log_p_BTV, and the state after."""
    if isinstance(model, Distributing):
        return model.distribute(state, ids_BT)
    log_p_BTV = np.empty((*ids_BT.shape, model.vocabulary_size))
    for t in range(ids_BT.shape[1]):
        log_p_BTV[:, t] = model.predict(state)
        state = model.advance(state, ids_BT[:, t : t + 1])
    return log_p_BTV, state


def read_distributions(reader: Reader, ids_T: Ids) -> FloatArray:
    """Return the reader's log_p before each id as log_p_TV, and read them."""
    if isinstance(reader, DistributingReader):
        return reader.distribute(ids_T)
    log_p_TV = []
    for t in range(len(ids_T)):
        log_p_TV.append(reader.log_p())
        reader.read(ids_T[t : t + 1])
    return np.stack(log_p_TV)
