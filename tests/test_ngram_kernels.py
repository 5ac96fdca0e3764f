"""Each compiled kernel of the n-gram beside a slow clear twin in plain Python."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.errors import UsageError
from anygram.models.ngram import Config, NGram, counting, links, lookup, scoring
from anygram.models.ngram.sorting import sort
from anygram.models.ngram.space import Memory
from anygram.models.ngram.tables import NGrams
from anygram.models.ngram.trie import Scrambling
from anygram.protocols import Ids
from tests.small_ngrams import (
    BOUNDARY,
    SYMBOLS,
    Documents,
    Gram,
    as_ids,
    prefixes_of,
    queries,
    spell,
    texts_of_symbols,
    trained,
)

ALL = np.uint32(0xFFFFFFFF)


@st.composite
def _streams(draw: st.DrawFn) -> tuple[Ids, int]:
    """Any symbols, any of them only context, the boundary anywhere; and a vocabulary's size."""
    size = draw(st.integers(2, 7))
    symbols = draw(st.lists(st.integers(-size, size - 1), max_size=60))
    return as_ids([~(size - 1), *symbols, size - 1]), size


def _count_by_hand(stream_S: Ids, order: int, boundary: int) -> list[dict[Gram, int]]:
    """Return for lengths 1 .. order how often each n-gram ends to be learnt; 0 where it is but context."""
    symbols = [symbol if symbol >= 0 else ~symbol for symbol in stream_S.tolist()]
    counts: list[dict[Gram, int]] = [Counter() for _ in range(order)]
    for begin in range(len(symbols)):
        reach = 1
        while (
            begin + reach < len(symbols)
            and reach < order
            and boundary not in symbols[begin + 1 : begin + reach]
        ):
            reach += 1
        learnt = [k for k in range(1, reach + 1) if stream_S[begin + k - 1] >= 0]
        for length in range(1, max(learnt, default=1) + 1):
            counts[length - 1][tuple(symbols[begin : begin + length])] += length in learnt
    return counts


@given(_streams(), st.integers(1, 6), st.booleans())
def test_counting_equals_its_twin(streams: tuple[Ids, int], order: int, tiny: bool) -> None:
    stream_S, size = streams
    with pytest.MonkeyPatch.context() as patch:
        if tiny:  # so that texts this small fill several buckets and runs
            patch.setattr(counting, "_BUCKET", 3)
            patch.setattr(counting, "_RUN", 7)
        trie = counting.count(stream_S, order, size)
    twin = _count_by_hand(stream_S, order, size - 1)
    assert trie.order == order
    assert trie.seen_V.tolist() == [twin[0].get((symbol,), 0) for symbol in range(size)]
    for names, level, expected in zip(spell(trie)[1:], trie.levels, twin[1:], strict=True):
        assert dict(zip(names, level.seen_G.tolist(), strict=True)) == expected
        assert len(names) == len(expected)
        for begin, end in zip(level.first_P1[:-1], level.first_P1[1:], strict=True):
            assert (np.diff(level.scrambled_G[begin:end].astype(np.int64)) > 0).all()


def test_too_many_symbols_to_count_are_refused() -> None:
    endless = np.broadcast_to(np.int32(0), (1 << 32,))
    with pytest.raises(UsageError, match=r"4,294,967,296 symbols are too many"):
        counting.count(endless, 2, SYMBOLS)


@given(_streams(), st.integers(1, 6))
def test_suffixes_are_all_but_the_first_symbol(streams: tuple[Ids, int], order: int) -> None:
    trie = counting.count(streams[0], order, streams[1])
    names = spell(trie)
    found = list(links.suffixes(trie, Memory()))
    assert len(found) == order - 1
    for shorter, longer, suffixes_G in zip(names[:-1], names[1:], found, strict=True):
        assert [shorter[suffix] for suffix in suffixes_G] == [gram[1:] for gram in longer]


@given(_streams(), st.integers(2, 6))
def test_continuations_count_different_symbols_to_the_left(streams: tuple[Ids, int], order: int) -> None:
    stream_S, size = streams
    trie = counting.count(stream_S, order, size)
    names, seen = spell(trie), _count_by_hand(stream_S, order, size - 1)
    for length, suffixes_G in enumerate(links.suffixes(trie, Memory()), 1):
        left = Counter(gram[1:] for gram, count in seen[length].items() if count)
        boundary_first = [gram[0] == size - 1 for gram in names[length - 1]]
        expected = [
            seen[length - 1][gram] if length > 1 and first else left[gram]
            for gram, first in zip(names[length - 1], boundary_first, strict=True)
        ]
        assert links.continuations(trie, length, suffixes_G, Memory()).tolist() == expected
        begin = trie.first_with_boundary[length - 1]
        assert boundary_first == [place >= begin for place in range(len(names[length - 1]))]


@given(st.integers(2, 5000), st.data())
def test_scrambling_can_be_undone_and_leaves_the_low_bits_free(size: int, data: st.DataObject) -> None:
    symbols = np.array(data.draw(st.lists(st.integers(0, size - 1), max_size=20)), dtype=np.int64)
    scrambling = Scrambling.of(size)
    scrambled = scrambling.scramble(symbols)
    assert (scrambled & np.uint32((1 << scrambling.shift) - 1) == 0).all()
    assert scrambling.symbols(scrambled | np.uint32((1 << scrambling.shift) - 1)).tolist() == symbols.tolist()


@given(st.sets(st.integers(0, 2**32 - 1), max_size=200), st.integers(0, 2**32 - 1), st.integers(0, 3))
def test_finding_by_interpolation_is_finding(values: set[int], other: int, before: int) -> None:
    scrambled_G = np.array([7] * before + sorted(values) + [9], dtype=np.uint32)
    begin, end = before, before + len(values)
    for wanted in (*values, other):
        expected = begin + sorted(values).index(wanted) if wanted in values else -1
        found = lookup.find_at(scrambled_G.ctypes.data, 4, ALL, begin, end, np.uint32(wanted))
        assert found == expected


@given(
    st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 3) | st.integers(1 << 40, (1 << 40) + 300)), st.data()
)
def test_sorting_is_stable_and_keeps_to_its_span(keys: list[int], data: st.DataObject) -> None:
    repeats = data.draw(st.sampled_from([1, 20]))  # few are sorted by insertion, many by radix
    keys = keys * repeats
    begin = data.draw(st.integers(0, len(keys)))
    end = data.draw(st.integers(begin, len(keys)))
    keys_X, rows_X = np.array(keys, dtype=np.uint64), np.arange(len(keys), dtype=np.uint32)
    sort(keys_X, rows_X, np.empty_like(keys_X), np.empty_like(rows_X), begin, end)
    order = [*range(begin), *sorted(range(begin, end), key=keys.__getitem__), *range(end, len(keys))]
    assert rows_X.tolist() == order
    assert keys_X.tolist() == [keys[place] for place in order]


class _Read:
    """Looking up as ARPA files are read: log P of the longest n-gram, and log γ of longer contexts."""

    def __init__(self, model: NGram) -> None:
        self.order = model.config.order
        self.log_p: dict[Gram, float] = {}
        self.log_gamma: dict[Gram, float] = {}
        for block in (block for k in range(1, self.order + 1) for block in model.ngrams(k)):
            self._add(block)

    def _add(self, block: NGrams) -> None:
        names = [tuple(row) for row in block.symbols_GK.tolist()]
        self.log_p |= dict(zip(names, block.log_p_G.tolist(), strict=True))
        if block.log_gamma_G is not None:
            self.log_gamma |= dict(zip(names, block.log_gamma_G.tolist(), strict=True))

    def ask(self, context: Gram, symbol: int) -> tuple[float, int]:
        """Return log P and the length that matched, in any context of known symbols."""
        context = context[max(0, len(context) - self.order + 1) :]
        if (*context, symbol) in self.log_p or not context:
            return self.log_p[*context, symbol], len(context) + 1
        log_p, length = self.ask(context[1:], symbol)
        return log_p + self.log_gamma.get(context, 0.0), length


@given(texts_of_symbols, st.integers(1, 6), queries, st.data())
def test_looking_up_equals_its_twin(
    texts: Documents, order: int, query: list[int], data: st.DataObject
) -> None:
    model = trained(order, texts, data.draw(prefixes_of(texts)))
    read, directory = _Read(model), model.tables.directory
    context_K = model.start(1)[0]
    log_p_T, matched_T = np.zeros(len(query)), np.zeros(len(query), dtype=np.uint8)
    ids_S = np.concatenate([context_K, as_ids(query)]).astype(np.int32)
    scoring.score_row(directory, ids_S, len(context_K), log_p_T, matched_T)
    for place, symbol in enumerate(query):
        expected = read.ask((BOUNDARY, *query[:place]), symbol)
        assert log_p_T[place] == pytest.approx(expected[0], rel=1e-6)
        assert matched_T[place] == expected[1]


def test_looking_up_a_text_of_many_blocks() -> None:
    texts = [np.random.default_rng(0).integers(0, BOUNDARY, 1000).tolist()]
    model = trained(4, texts)
    read = _Read(model)
    log_p_BT, _ = model.score(model.start(1), as_ids(texts[0])[None])
    expected = [read.ask((BOUNDARY, *texts[0][:place]), symbol)[0] for place, symbol in enumerate(texts[0])]
    np.testing.assert_allclose(log_p_BT[0], expected, rtol=1e-6)


@pytest.mark.parametrize("told", [True, False])
def test_looking_up_among_many_children(told: bool) -> None:
    """Contexts with hints, more look-ups than are under way, rows that do not tell their children."""
    size = 400
    generator = np.random.default_rng(0)
    texts = [(size * generator.random(3000) ** 3).astype(int).tolist()]
    model = NGram(Config(order=3), size + 1)
    model.count(as_ids([*texts[0], size]), np.array([len(texts[0]) + 1]))
    model.finish()
    if not told:  # as where there are more of them than there is room for
        for length, words_GW in enumerate(model.tables.levels[:-1], 1):
            words_GW[:, 0] &= np.uint32(model.tables.mask(length))
    read = _Read(model)
    query = (size * generator.random(700) ** 3).astype(int).tolist()
    log_p_BT, _ = model.score(model.start(1), as_ids(query)[None])
    expected = [read.ask((size, *query[:place]), symbol)[0] for place, symbol in enumerate(query)]
    np.testing.assert_allclose(log_p_BT[0], expected, rtol=1e-6)


@given(texts_of_symbols, st.integers(1, 6), queries)
def test_predicting_equals_looking_every_symbol_up(texts: Documents, order: int, query: list[int]) -> None:
    model = trained(order, texts)
    read, scrambling = _Read(model), model.tables.scrambling
    context_K = model.advance(model.start(1), as_ids(query)[None])[0]
    log_p_V, matched_V = np.zeros(SYMBOLS), np.zeros(SYMBOLS, dtype=np.uint8)
    back, shift = np.uint32(scrambling.back), scrambling.shift
    lookup.predict_row(model.tables.directory, back, shift, context_K, log_p_V, matched_V)
    context = tuple(symbol for symbol in context_K.tolist() if symbol >= 0)
    expected = [read.ask(context, symbol) for symbol in range(SYMBOLS)]
    np.testing.assert_allclose(log_p_V, [log_p for log_p, _ in expected], rtol=1e-6)
    assert matched_V.tolist() == [length for _, length in expected]
