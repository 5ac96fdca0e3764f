"""Trie levels against np.unique and a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anygram import tries

pairs = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 9)), max_size=60)


@given(pairs)
def test_distinct_pairs_are_found_where_they_were_put(seen: list[tuple[int, int]]) -> None:
    parents, symbols = np.array(seen, dtype=np.int64).reshape(-1, 2).T
    for most_parents in (1, 100):  # few possible keys and many: the two ways to sort them
        level, nodes = tries.grow(parents % most_parents, symbols, width=10)
        expected, inverse = np.unique(parents % most_parents * 10 + symbols, return_inverse=True)
        np.testing.assert_array_equal(level.keys, expected)
        np.testing.assert_array_equal(nodes, inverse)
        np.testing.assert_array_equal(level.find(parents % most_parents, symbols), nodes)


@given(pairs, st.lists(st.tuples(st.integers(-1, 41), st.integers(0, 9)), max_size=20))
def test_what_was_never_put_is_missing(seen: list[tuple[int, int]], asked: list[tuple[int, int]]) -> None:
    parents, symbols = np.array(seen, dtype=np.int64).reshape(-1, 2).T
    level, _ = tries.grow(parents, symbols, width=10)
    places = {pair: place for place, pair in enumerate(sorted(set(seen)))}
    queries, letters = np.array(asked, dtype=np.int64).reshape(-1, 2).T
    assert level.find(queries, letters).tolist() == [places.get(pair, tries.MISSING) for pair in asked]
    owners, nodes = tries.spread(*level.children(queries))
    below = [
        (owner, places[pair])
        for owner, (parent, _) in enumerate(asked)
        for pair in sorted(set(seen))
        if pair[0] == parent
    ]
    assert list(zip(owners.tolist(), nodes.tolist(), strict=True)) == below
