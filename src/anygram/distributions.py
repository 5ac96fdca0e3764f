"""Whole distributions along a text, from models that give many at once and from those that do not.

Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

import numpy as np

from anygram.protocols import Distributing, DistributingReader, FloatArray, Ids, LanguageModel, Reader, State


def distribute(model: LanguageModel, state: State, ids_BT: Ids) -> tuple[FloatArray, State]:
    """Return log P(next | all before it) at each id's place as log_p_BTV in nats, and the state after."""
    if isinstance(model, Distributing):
        return model.distribute(state, ids_BT)
    log_p_BTV = np.empty((*ids_BT.shape, model.vocabulary_size))
    for t in range(ids_BT.shape[1]):
        log_p_BTV[:, t] = model.predict(state)
        state = model.advance(state, ids_BT[:, t : t + 1])
    return log_p_BTV, state


def read_distributions(reader: Reader, ids_T: Ids) -> FloatArray:
    """Return the reader's log_p before each id as log_p_TV, and read them; there is at least one id."""
    if isinstance(reader, DistributingReader):
        return reader.distribute(ids_T)
    log_p_TV = []
    for t in range(len(ids_T)):
        log_p_TV.append(reader.log_p())
        reader.read(ids_T[t : t + 1])
    return np.stack(log_p_TV)
