"""Small n-gram models for tests: listed n-grams, a way to draw them, and ARPA read in plain Python.

Axes: G n-grams of one length, K symbols of each, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

from anygram.models.ngram.tables import NGrams

Symbols = tuple[int, ...]
Logs = tuple[float, float]


@dataclass
class Listing:
    """A model that can do nothing but list its n-grams: log P and log γ by their symbols."""

    vocabulary_size: int
    levels: list[dict[Symbols, Logs]]
    block: int = 3

    def counts(self) -> list[int]:
        """Return how many n-grams there are of each length."""
        return [len(level) for level in self.levels]

    def ngrams(self, length: int) -> Iterator[NGrams]:
        """Yield the n-grams of that length in small blocks."""
        level = list(self.levels[length - 1].items())
        for start in range(0, len(level), self.block):
            yield ngrams_of(
                dict(level[start : start + self.block]), length, highest=length == len(self.levels)
            )

    def log_p(self, context: Symbols, symbol: int) -> float:
        """Return log P(symbol | context) as ARPA files are read: by the longest n-gram or by backing off."""
        gram = (*context, symbol)
        if len(gram) <= len(self.levels) and gram in self.levels[len(gram) - 1]:
            return self.levels[len(gram) - 1][gram][0]
        known = len(context) <= len(self.levels) and context in self.levels[len(context) - 1]
        log_gamma = self.levels[len(context) - 1][context][1] if known else 0.0
        return log_gamma + self.log_p(context[1:], symbol)


def ngrams_of(level: dict[Symbols, Logs], length: int, *, highest: bool) -> NGrams:
    """Return n-grams as arrays."""
    return NGrams(
        np.array(list(level), dtype=np.int32).reshape(len(level), length),
        np.array([log_p for log_p, _ in level.values()], dtype=np.float32),
        None if highest else np.array([log_gamma for _, log_gamma in level.values()], dtype=np.float32),
    )


def levels_of(levels: Sequence[NGrams]) -> list[dict[Symbols, Logs]]:
    """Return arrays of n-grams by their symbols."""
    found = []
    for grams in levels:
        gammas = np.zeros(len(grams.log_p_G)) if grams.log_gamma_G is None else grams.log_gamma_G
        rows = zip(grams.symbols_GK.tolist(), grams.log_p_G.tolist(), gammas.tolist(), strict=True)
        found.append({tuple(symbols): (log_p, log_gamma) for symbols, log_p, log_gamma in rows})
        assert len(found[-1]) == len(grams.log_p_G)
    return found


@st.composite
def listings(draw: st.DrawFn, *, closed: bool = True) -> Listing:
    """Draw a model of order 1 to 4; where not `closed`, what longer n-grams extend may be missing."""
    size = draw(st.integers(3, 6))
    order = draw(st.integers(1, 4))
    boundary = size - 1
    log_p = st.floats(-20, 0, width=32) | st.floats(-(2.0**-12), 0, width=32)
    log_gamma = st.floats(-4, 1, width=32) | st.just(0.0)
    logs = st.tuples(log_p, log_gamma)
    levels: list[dict[Symbols, Logs]] = [{(symbol,): draw(logs) for symbol in range(size)}]
    for length in range(2, order + 1):
        # the boundary stands first, last, or not at all
        inner = st.integers(0, boundary - 1)
        edge = st.integers(0, boundary)
        gram = st.tuples(edge, *[inner] * (length - 2), edge)
        level = draw(st.dictionaries(gram, logs, max_size=12))
        if closed:
            below = levels[-1]
            level = {gram: value for gram, value in level.items() if gram[:-1] in below and gram[1:] in below}
        levels.append(level)
    levels[-1] = {gram: (value[0], 0.0) for gram, value in levels[-1].items()}
    return Listing(size, levels, block=draw(st.integers(1, 4)))


def read_plainly(text: bytes) -> list[dict[tuple[bytes, ...], Logs]]:
    """Return what a well-formed ARPA file says, by length: log10 p and log10 γ by words."""
    levels: list[dict[tuple[bytes, ...], Logs]] = []
    for line in text.split(b"\n"):
        fields = line.split()
        if line.startswith(b"\\"):
            if line.endswith(b"-grams:"):
                levels.append({})
        elif levels and fields:
            length = len(levels)
            log10_gamma = float(fields[length + 1]) if len(fields) > length + 1 else 0.0
            levels[-1][tuple(fields[1 : length + 1])] = (float(fields[0]), log10_gamma)
    return levels


def nats(log10: float) -> float:
    """Return a decimal logarithm as a natural one."""
    return log10 * math.log(10)
