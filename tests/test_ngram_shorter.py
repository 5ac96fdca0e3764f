"""The longest stored suffix of every n-gram, against a search through all of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from anygram.models import ngram
from anygram.models.ngram import NGram
from anygram.models.ngram.shorter import Links
from anygram.models.ngram.space import Memory
from tests.given_ngrams import SYMBOLS, Given, Gram, as_levels, given_ngrams


def _listed(model: NGram, length: int) -> list[Gram]:
    return [tuple(gram) for block in model.ngrams(length) for gram in block.symbols_GK.tolist()]


@given(given_ngrams())
def test_links_lead_to_the_longest_stored_suffix(levels: Given) -> None:
    model = ngram.from_ngrams(list(as_levels(levels)), SYMBOLS)
    links = Links(model.tables, Memory())
    listed = [_listed(model, length) for length in range(1, len(levels) + 1)]
    for length in range(2, len(levels) + 1):
        found = links.of(length)
        for gram, node, shorter in zip(listed[length - 1], found.nodes_G, found.lengths_G, strict=True):
            suffixes = [gram[begin:] for begin in range(1, length)]
            expected = next(suffix for suffix in suffixes if suffix in levels[len(suffix) - 1])
            assert listed[shorter - 1][node] == expected


def test_links_by_several_threads_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = (np.random.default_rng(0).integers(0, 30, 5000).cumsum() % 60).astype(np.int32)
    model = ngram.create(ngram.Config(order=4), 61, seed=0)
    model.count(np.append(stream, np.int32(60)), np.array([5001]))
    model.finish()
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    one = Links(model.tables, Memory())
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    three = Links(model.tables, Memory())
    for length in (2, 3, 4):
        np.testing.assert_array_equal(three.of(length).nodes_G, one.of(length).nodes_G)
        assert (one.of(length).lengths_G == length - 1).all()
