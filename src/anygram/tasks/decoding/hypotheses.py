"""A target that decoding found."""

from __future__ import annotations

from dataclasses import dataclass

from anygram.protocols import FloatArray, Ids


@dataclass(frozen=True)
class Hypothesis:
    """A target without its boundary, log P of both given the source in nats, and what it is ranked by.

    `limited`: it had to end, for it was as long as it may be, where the model would rather have gone on.
    `weights_TS`, where asked for, say how much each of its T symbols was looked for at each of S symbols of
    the source, and perhaps at its end.
    """

    ids_T: Ids
    log_p: float
    score: float
    limited: bool = False
    weights_TS: FloatArray | None = None
