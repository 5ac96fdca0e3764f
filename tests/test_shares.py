"""Shares of a training part: of the size asked for, nested, in order, spread over the whole."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.data.documents import Document
from anygram.data.shares import STRETCHES, share_of
from anygram.data.splitting import split
from anygram.data.store import DocumentStore, Selection

shares = st.sampled_from([1 / 16, 1 / 8, 1 / 4, 1 / 2, 0.9])


def _distinct(count: int, first: int = 0) -> str:
    """Return a text in which no character, of three bytes each, stands twice."""
    return "".join(chr(0x4E00 + first + number) for number in range(count))


def _stored(folder: Path, lengths: list[int]) -> Selection:
    """Return documents of so many characters, which differ throughout."""
    firsts = [sum(lengths[:place]) for place in range(len(lengths))]
    texts = [_distinct(length, first) for length, first in zip(lengths, firsts, strict=True)]
    return DocumentStore.spool([Document(text, 1) for text in texts], folder)[:]


def _characters(documents: Selection) -> str:
    return "".join(document.text for document in documents)


@given(lengths=st.lists(st.integers(0, 400), min_size=1, max_size=30), one=shares, other=shares)
def test_a_share_holds_the_smaller_ones_in_their_order(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], one: float, other: float
) -> None:
    whole = _stored(tmp_path_factory.mktemp("store"), lengths)
    small, large = sorted((one, other))
    smaller, larger, everything = (
        _characters(share_of(whole, share, seed=3)) for share in (small, large, 1.0)
    )
    assert everything == _characters(whole)
    assert set(smaller) <= set(larger) <= set(everything)
    for text in (smaller, larger):
        assert list(text) == sorted(text) and len(set(text)) == len(text)


@given(lengths=st.lists(st.integers(50, 400), min_size=1, max_size=30), share=shares)
def test_a_share_is_as_large_as_asked_for(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], share: float
) -> None:
    whole = _stored(tmp_path_factory.mktemp("store"), lengths)
    missing = share * 3 * sum(lengths) - 3 * len(_characters(share_of(whole, share, seed=0)))
    slack = 3 * (max(lengths) + 1) if len(lengths) >= 20 else (3 + 3) * STRETCHES
    assert abs(missing) <= slack


def test_a_share_of_one_long_text_is_spread_over_it(tmp_path: Path) -> None:
    whole = _stored(tmp_path, [2560])
    part = share_of(whole, 1 / 4, seed=0)
    assert [document.text for document in part] == [_distinct(10, 40 * place) for place in range(64)]
    assert part.units == 2560 * 3 // 4


def test_a_share_begins_where_a_cut_training_part_begins(tmp_path: Path) -> None:
    store = DocumentStore.spool([Document(_distinct(1000))], tmp_path)
    train = split(store, valid=0.5, test=0.2, seed=0).train
    assert isinstance(train, Selection)
    part = share_of(train, 1 / 2, seed=0)
    assert set(_characters(part)) <= set(_characters(train)) and part[0].text.startswith(_distinct(1))


def test_seeds_choose_documents(tmp_path: Path) -> None:
    whole = _stored(tmp_path, [10] * 100)
    chosen = [_characters(share_of(whole, 1 / 4, seed=seed)) for seed in (0, 0, 1)]
    assert chosen[0] == chosen[1] != chosen[2]
