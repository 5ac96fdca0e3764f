"""N-grams that were not estimated here: any set closed under contexts, with any log P and log γ; their twin.

What an ARPA file may hold: an n-gram whose suffix is missing, probabilities that do not sum to one.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from hypothesis import strategies as st

from anygram.models.ngram.tables import NGrams

Gram = tuple[int, ...]
Given = list[dict[Gram, tuple[float, float]]]
"""For each length, log P and log γ of each n-gram."""

SYMBOLS = 5
BOUNDARY = SYMBOLS - 1

_LOGS = st.sampled_from([0.0, -1e-7, -0.25, -0.5, -1.0, -2.0, -20.0]) | st.floats(-30, 0, width=32)
_GAMMAS = st.sampled_from([0.0, -0.25, -1.0, 0.5, -1e-7]) | st.floats(-10, 3, width=32)


@st.composite
def given_ngrams(draw: st.DrawFn, longest: int = 6) -> Given:
    """Return n-grams of lengths 1 to some order; all symbols are 1-grams, longer ones come by chance."""
    levels: Given = [{(symbol,): (draw(_LOGS), draw(_GAMMAS)) for symbol in range(SYMBOLS)}]
    for length in range(2, draw(st.integers(1, longest)) + 1):
        contexts = [gram for gram in levels[-1] if length == 2 or gram[-1] != BOUNDARY]
        possible = [(*gram, symbol) for gram in contexts for symbol in range(SYMBOLS)]
        chosen = draw(st.lists(st.sampled_from(possible), unique=True, max_size=40)) if possible else []
        levels.append(
            {gram: (draw(_LOGS), 0.0 if gram[-1] == BOUNDARY else draw(_GAMMAS)) for gram in chosen}
        )
    return levels


@st.composite
def distributions(draw: st.DrawFn) -> Given:
    """Return n-grams as `given_ngrams` does whose probabilities sum to one after every context."""
    levels = draw(given_ngrams(5))
    weights = draw(st.lists(st.floats(0.01, 1), min_size=SYMBOLS, max_size=SYMBOLS))
    levels[0] = {(symbol,): (math.log(weight / sum(weights)), 0.0) for symbol, weight in enumerate(weights)}
    for shorter, longer in itertools.pairwise(levels):
        for context in shorter:
            stored = [symbol for symbol in range(SYMBOLS) if (*context, symbol) in longer]
            if len(stored) == SYMBOLS:
                # somebody must be left to back off to
                del longer[(*context, stored.pop())]
            left = draw(st.floats(0.001, 0.9)) if stored else 1.0
            shares = draw(st.lists(st.floats(0.01, 1), min_size=len(stored), max_size=len(stored)))
            for symbol, share in zip(stored, shares, strict=True):
                longer[(*context, symbol)] = math.log((1 - left) * share / sum(shares)), 0.0
            unseen = 1 - sum(math.exp(log_p(levels, context[1:], symbol)) for symbol in stored)
            shorter[context] = shorter[context][0], math.log(left / unseen) if stored else 0.0
        for gram in [gram for gram in longer if gram[:-1] not in shorter]:
            del longer[gram]
    return levels


def as_levels(levels: Given) -> Iterator[NGrams]:
    """Yield them as arrays, each level in the order in which it stands."""
    for length, grams in enumerate(levels, 1):
        logs = np.array(list(grams.values()), dtype=np.float32).reshape(-1, 2)
        symbols = np.array(list(grams), dtype=np.int32).reshape(-1, length)
        yield NGrams(symbols, logs[:, 0].copy(), None if length == len(levels) else logs[:, 1].copy())


def log_p(levels: Given, context: Gram, symbol: int) -> float:
    """Return log P(symbol | context): that of the longest n-gram there is, and log γ of longer contexts."""
    log_gamma = 0.0
    for begin in range(max(0, len(context) - len(levels) + 1), len(context) + 1):
        gram = (*context[begin:], symbol)
        if gram in levels[len(gram) - 1]:
            return levels[len(gram) - 1][gram][0] + log_gamma
        if context[begin:] in levels[len(gram) - 2]:
            log_gamma += levels[len(gram) - 2][context[begin:]][1]
    raise AssertionError("every symbol is a 1-gram")
