"""Tiny texts for the n-gram's tests, how they are trained on, and what a counted trie holds, spelled out."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import strategies as st

from anygram.models import ngram
from anygram.models.ngram import Config, NGram
from anygram.models.ngram.trie import CountedTrie, Scrambling
from anygram.protocols import Ids

SYMBOLS = 4
BOUNDARY = SYMBOLS - 1
Gram = tuple[int, ...]
Documents = list[list[int]]
texts_of_symbols = st.lists(st.lists(st.integers(0, BOUNDARY - 1), max_size=12), max_size=6)
queries = st.lists(st.integers(0, BOUNDARY), min_size=1, max_size=9)


@st.composite
def prefixes_of(draw: st.DrawFn, texts: Documents) -> list[int]:
    """How many symbols of each text are only context, up to all and its boundary."""
    return [draw(st.integers(0, len(text) + 1)) for text in texts]


def as_ids(symbols: list[int]) -> Ids:
    """Return symbols as ids."""
    return np.array(symbols, dtype=np.int32)


def stream(texts: Documents, prefixes: list[int] | None = None) -> Ids:
    """Return the texts end to end as counting takes them, context marked."""
    marked = [~BOUNDARY]
    for text, prefix in zip(texts, prefixes or [0] * len(texts), strict=True):
        marked += [~symbol if place < prefix else symbol for place, symbol in enumerate([*text, BOUNDARY])]
    return as_ids(marked)


def counted(model: NGram, texts: Documents, prefixes: list[int] | None = None) -> NGram:
    """Let a model count the texts; return it."""
    flat = as_ids([symbol for text in texts for symbol in (*text, BOUNDARY)])
    lengths = np.array([len(text) + 1 for text in texts], dtype=np.int64)
    model.count(flat, lengths, None, None if prefixes is None else np.array(prefixes, dtype=np.int64))
    return model


def trained(order: int, texts: Documents, prefixes: list[int] | None = None, **settings: Any) -> NGram:
    """Return a model of these texts."""
    model = counted(ngram.create(Config(order=order, **settings), SYMBOLS, seed=0), texts, prefixes)
    model.finish()
    return model


def p_after(model: NGram, read: list[int]) -> list[float]:
    """Return P of every symbol after these."""
    state = model.advance(model.start(1), as_ids(read)[None])
    p: list[float] = np.exp(model.predict(state)[0]).tolist()
    return p


def context_after(read: list[int], order: int) -> Gram:
    """Return what an n-gram sees of these symbols, which follow a boundary: nothing before the last one."""
    symbols = [BOUNDARY, *read]
    last_boundary = len(symbols) - 1 - symbols[::-1].index(BOUNDARY)
    return tuple(symbols[max(last_boundary, len(symbols) - order + 1) :])


def seen(texts: Documents, order: int, prefixes: list[int] | None = None) -> list[dict[Gram, int]]:
    """Return for lengths 1 .. order how often each n-gram was seen that is not only context."""
    counts: Counter[Gram] = Counter()
    for text, prefix in zip(texts, prefixes or [0] * len(texts), strict=True):
        symbols = (BOUNDARY, *text, BOUNDARY)
        for last in range(1 + prefix, len(symbols)):
            for first in range(max(0, last - order + 1), last + 1):
                counts[symbols[first : last + 1]] += 1
    return [{gram: n for gram, n in counts.items() if len(gram) == k} for k in range(1, order + 1)]


def spell(trie: CountedTrie) -> list[list[Gram]]:
    """Return the n-grams of each level, in its order."""
    names: list[list[Gram]] = [[(symbol,) for symbol in range(trie.vocabulary_size)]]
    for level in trie.levels:
        symbols = Scrambling.of(trie.vocabulary_size).symbols(level.scrambled_G).tolist()
        first = level.first_P1.tolist()
        assert len(first) == len(names[-1]) + 1
        assert first[0] == 0
        assert first[-1] == len(level)
        names.append(
            [
                (*context, symbols[child])
                for place, context in enumerate(names[-1])
                for child in range(first[place], first[place + 1])
            ]
        )
    return names
