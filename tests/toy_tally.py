"""A small model that learns while it reads, and a reader of it that codes by itself.

Axes: V vocabulary, T positions, N symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from anygram.budgets import Budget
from anygram.logarithms import log
from anygram.models.uniform import Uniform
from anygram.protocols import FloatArray, Ids
from anygram.tasks.compression.ranges import Decoder, Encoder


@dataclass(frozen=True)
class Config:
    """`size`, `kind` and `memory` as a model without a run may have them."""

    size: Literal["fast", "strong"] = "fast"
    kind: str = "auto"
    period: int = 0
    memory: int = 1 << 20


class Tally:
    """P(w) = (c(w) + k) / (N + k V) of the symbols read so far."""

    reproducible = True

    def __init__(self, vocabulary_size: int, k: float) -> None:
        self._seen_V = np.full(vocabulary_size, k)

    def log_p(self) -> FloatArray:
        return log(self._seen_V) - log(self._seen_V.sum())

    def read(self, ids_T: Ids) -> FloatArray:
        log_p_T = np.empty(len(ids_T))
        for place, symbol in enumerate(ids_T):
            log_p_T[place] = self.log_p()[symbol]
            self._seen_V[symbol] += 1
        return log_p_T

    def copy(self) -> Tally:
        other = Tally(len(self._seen_V), 0.0)
        other._seen_V = self._seen_V.copy()
        return other


class CodingTally(Tally):
    """The same, coding by itself."""

    def encode(self, ids_N: Ids) -> bytes:
        encoder = Encoder()
        for place in range(len(ids_N)):
            encoder.push(self.log_p()[None], ids_N[place : place + 1])
            self.read(ids_N[place : place + 1])
        return encoder.finish()

    def decode(self, code: bytes, symbols: int) -> Ids:
        decoder, ids_N = Decoder(code), np.empty(symbols, dtype=np.int32)
        for place in range(symbols):
            ids_N[place : place + 1] = decoder.pull(self.log_p()[None])
            self.read(ids_N[place : place + 1])
        return ids_N


class Learning(Uniform):
    """Uniform, until it learns."""

    def __init__(self, config: Config, vocabulary_size: int, coding: bool = True) -> None:
        super().__init__(vocabulary_size)
        self._kind = CodingTally if coding else Tally
        self._k = 1.0 if config.size == "fast" else 0.05

    def reader(self) -> Tally:
        return self._kind(self.vocabulary_size, self._k)


def create(config: Config, vocabulary_size: int, seed: int) -> Learning:
    return Learning(config, vocabulary_size)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    return Config(), {}
