"""How a network computes while it learns: in which numbers, and whether compiled, which takes its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from anygram.errors import UsageError
from anygram.learning.gradient.config import Config
from anygram.learning.group import Group
from anygram.neural import compiling, precision
from anygram.neural.language_model import NeuralLanguageModel
from anygram.neural.precision import Precision

_FIRST = 3
"""The steps in which something is compiled: without a state, with one, and with one as long as all later."""


def precision_of(model: object, device: torch.device, config: Config, group: Group) -> Precision:
    """Return the numbers that all processes compute in; those of a network only, which knows its width."""
    if not isinstance(model, NeuralLanguageModel):
        if config.precision == "bfloat16":
            raise UsageError(f"{type(model).__name__} computes in float32 only; leave out precision")
        return Precision()
    chosen = precision.choose(config.precision, device, model.width)
    return Precision.from_words(group.follow(chosen.to_words()))


class Compilation:
    """Compiling, where it is asked for and possible: the first steps do it, and take longer."""

    def __init__(
        self, model: object, config: Config, device: torch.device, precision: Precision, budget: float | None
    ) -> None:
        """`budget` are the seconds that training takes; None where they do not limit it."""
        self._on = False
        self._seconds: list[float] = []
        self.message: str | None = None
        """What is to be told since it was last None."""
        wanted = config.compile
        if wanted == "auto":
            wanted = compiling.pays_back(budget, device, precision)
        if not wanted:
            return
        obstacle = compiling.obstacle(device)
        if obstacle is None and isinstance(model, NeuralLanguageModel) and model.compile_body():
            self._on = True
        elif config.compile is True:
            self.message = (
                f"nothing is compiled: {obstacle or 'this model has no part that would gain by it'}"
            )

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Take the time of what is done meanwhile, as long as that matters."""
        if not self._on or len(self._seconds) > _FIRST:
            yield
            return
        started = time.perf_counter()
        yield
        self._seconds.append(time.perf_counter() - started)
        if len(self._seconds) > _FIRST:
            self.message = f"compiled in {self.seconds:.1f} s"

    @property
    def seconds(self) -> float | None:
        """By how much the first steps took longer than the next one; None where nothing was compiled."""
        if not self._seconds:
            return None
        *first, next_one = [*self._seconds, 0.0] if len(self._seconds) <= _FIRST else self._seconds
        return sum(max(0.0, seconds - next_one) for seconds in first)
