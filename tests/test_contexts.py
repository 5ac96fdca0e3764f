"""Windows of context against slicing plain lists."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from anygram import contexts
from anygram.protocols import Ids

BOUNDARY = 3
rows = st.lists(st.integers(0, BOUNDARY), max_size=8)


def _ids(symbols: list[int]) -> Ids:
    return np.array(symbols, dtype=np.int32)


def _window(read: list[int], width: int) -> list[int]:
    """Return the last symbols since the boundary, from the definition."""
    stream = [BOUNDARY, *read]
    since = stream[len(stream) - 1 - stream[::-1].index(BOUNDARY) :]
    last = since[max(0, len(since) - width) :]
    return [contexts.NOTHING] * (width - len(last)) + last


@given(rows, rows, st.integers(0, 4))
def test_windows_and_extensions_are_slices(first: list[int], second: list[int], width: int) -> None:
    state = contexts.extend(contexts.begin(1, width, BOUNDARY), _ids(first)[None], BOUNDARY)
    assert state[0].tolist() == _window(first, width)
    windows_BTK = contexts.windows(state, _ids(second)[None], BOUNDARY)
    expected = [_window(first + second[:place], width) for place in range(len(second))]
    assert windows_BTK[0].tolist() == expected


@given(rows, st.data())
def test_a_ragged_row_reads_only_its_length(row: list[int], data: st.DataObject) -> None:
    length = data.draw(st.integers(0, len(row)))
    state = contexts.begin(1, 3, BOUNDARY)
    ragged = contexts.extend(state, _ids(row)[None], BOUNDARY, np.array([length]))
    assert ragged[0].tolist() == _window(row[:length], 3)


@given(st.lists(st.tuples(rows, st.integers(0, 9)), min_size=1))
def test_marking_prefixes_is_undone_and_says_which(texts: list[tuple[list[int], int]]) -> None:
    documents = [[*text, BOUNDARY] for text, _ in texts]
    prefixes = [min(prefix, len(text)) for text, (_, prefix) in zip(documents, texts, strict=True)]
    lengths = np.array([len(text) for text in documents])
    flat = _ids([symbol for text in documents for symbol in text])
    ids_N, learnt_N = contexts.unmark(contexts.mark_prefixes(flat, lengths, np.array(prefixes)))
    np.testing.assert_array_equal(ids_N, flat)
    expected = [
        place >= prefix
        for text, prefix in zip(documents, prefixes, strict=True)
        for place in range(len(text))
    ]
    assert learnt_N.tolist() == expected
