"""Targets drawn as they are likely. Axes: B rows (draws that go on), V vocabulary, S sources."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

import numpy as np

from anygram import states
from anygram.errors import UsageError
from anygram.protocols import Ids, LanguageModel
from anygram.tasks.decoding.hypotheses import Hypothesis
from anygram.tasks.generation import Sampling, choose, probabilities


@dataclass(frozen=True)
class Draws:
    """So many `samples` a source; the other words are those of `generation.Sampling`."""

    samples: int = 1
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.samples < 1:
            raise UsageError(f"the number of samples must be at least 1, got {self.samples}")
        Sampling(1, self.temperature, self.top_k, self.top_p, self.seed)  # refuses what it would not take

    @property
    def needs_weights(self) -> bool:
        """Draws go by probabilities alone."""
        return False


def draw(
    model: LanguageModel, sources: Sequence[Ids], how: Draws, limits_S: Sequence[int], places: Sequence[int]
) -> list[list[Hypothesis]]:
    """Return the draws of each source, of at most so many symbols; ranked by nothing but log P.

    `places` tell the sources apart: a draw depends on the seed, its source's place and its own number alone.
    """
    sampling = Sampling(1, how.temperature, how.top_k, how.top_p, how.seed)
    source_B = np.repeat(np.arange(len(sources)), how.samples)
    generators = [
        np.random.default_rng([how.seed, places[source], row % how.samples])
        for row, source in enumerate(source_B.tolist())
    ]
    drawn: list[list[int]] = [[] for _ in generators]
    log_p_B, limited = np.zeros(len(generators)), [False] * len(generators)
    running = list(range(len(generators)))
    state = states.select(model.start(len(sources), sources), source_B)
    boundary = model.vocabulary_size - 1
    for length in count():
        log_p_BV = model.predict(state).astype(np.float64)
        p_BV = probabilities(log_p_BV, sampling)
        going = []
        for row, one in enumerate(running):
            symbol = choose(p_BV[row], generators[one])
            if length == limits_S[source_B[one]]:
                limited[one], symbol = symbol != boundary, boundary
            log_p_B[one] += log_p_BV[row, symbol]
            if symbol != boundary:
                drawn[one].append(symbol)
                going.append(row)
        if not going:
            break
        if len(going) < len(running):
            running, state = [running[row] for row in going], states.select(state, going)
        state = model.advance(state, np.array([[drawn[one][-1]] for one in running], dtype=np.int32))
    made = [
        Hypothesis(np.array(ids, dtype=np.int32), float(log_p), float(log_p), cut)
        for ids, log_p, cut in zip(drawn, log_p_B, limited, strict=True)
    ]
    return [made[first : first + how.samples] for first in range(0, len(made), how.samples)]
