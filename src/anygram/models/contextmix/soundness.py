"""Whether stored tables are such as learning leaves behind: kernels look things up without asking.

Axes: N numbers of a row.
"""

from __future__ import annotations

import numpy as np

from anygram.errors import RunError
from anygram.models.contextmix import contexts
from anygram.models.contextmix.contexts import Numbers
from anygram.models.contextmix.fixed import FINE
from anygram.models.contextmix.histories import STATES
from anygram.models.contextmix.tables import BUCKET, MATCHES, Tables
from anygram.protocols import Tensors

_PROBABILITIES = {"histories_CS": 10, "escapes": 10, "runs_CR": 0, "matched_ML2": 0}
"""Tables of probabilities in 2^22nds, and above how many bits of a count."""


def require_sound(tensors: Tensors, new: Tables) -> None:
    """Raise RunError where tensors cannot be of tables like these new ones."""
    slots = tensors["slots"].reshape(-1, BUCKET)[:, 1:]
    sound = (
        np.array_equal(tensors["contexts_C"], new.contexts_C)
        and np.array_equal(tensors["forced"], new.forced)
        and bool(((slots >> 8 & 255) < len(STATES)).all())
        and int(tensors["clock"][0]) >= 0
        and all(_within(tensors[name] >> count, 0, 1 << FINE) for name, count in _PROBABILITIES.items())
        and _is_row(tensors["numbers"], len(new.history))
    )
    if not sound:
        raise RunError("the tables hold what no learning leaves in them; restore the folder or train again")


def _within(numbers: Numbers, least: int, end: int) -> bool:
    return bool(((numbers >= least) & (numbers < end)).all())


def _is_row(numbers_N: Numbers, history: int) -> bool:
    """Return whether all that is an index among a row's numbers points to something."""
    places = slice(contexts.MATCHES, contexts.MATCHES + MATCHES)
    lengths = slice(contexts.MATCHED, contexts.MATCHED + MATCHES)
    return (
        len(numbers_N) == contexts.NUMBERS
        and 0 <= numbers_N[contexts.COLUMN] <= contexts.COLUMNS - 2
        and 0 <= numbers_N[contexts.PLACE] < contexts.RING_SIZE
        and bool(numbers_N[contexts.FIELD] >= 0)
        and bool(numbers_N[contexts.WORD_LENGTH] >= 0)
        and _within(numbers_N[places], 0, history)
        and _within(numbers_N[lengths], 0, 1 << 16)
    )
