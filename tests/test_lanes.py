"""Lanes: texts dealt out to rows, and scored there as they are alone.

Axes: B rows, T positions.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram import lanes
from anygram.models import frequency
from tests.networks import BOUNDARY, VOCABULARY, network, text


@given(lengths=st.lists(st.integers(1, 50), min_size=1, max_size=200), most=st.integers(1, 64))
def test_every_text_is_dealt_once_to_rows_no_longer_than_need_be(lengths: list[int], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lanes, "ROWS", most)
        dealt = lanes._deal(lengths)
    assert sorted(place for places in dealt for place in places) == list(range(len(lengths)))
    sums = [sum(lengths[place] for place in places) for places in dealt]
    assert sums == sorted(sums, reverse=True)
    assert len(dealt) <= most
    if len(dealt) < most:  # enough rows: reading takes no longer than the longest text
        assert sums[0] == max(lengths)


@pytest.mark.parametrize("ranks", [False, True])
@pytest.mark.parametrize(
    ("name", "settings"),
    [("lstm", {"units": 8, "embedding": 5}), ("transformer", {"layers": 2, "width": 16, "heads": 2})],
)
def test_a_text_costs_in_a_lane_what_it_costs_alone(
    name: str, settings: dict[str, int], ranks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = network(name, settings)
    texts = [np.append(text(1, 3 * i, seed=i)[0] % BOUNDARY, np.int32(BOUNDARY)) for i in (2, 0, 5, 1, 3)]
    monkeypatch.setattr(lanes, "CHUNK", 4)
    monkeypatch.setattr(lanes, "ROWS", 2)
    for ids_T, (nats_T, rank_T) in zip(texts, lanes.score_together(model, texts, ranks=ranks), strict=True):
        log_p_BT, rank_BT, _ = model.rank(model.start(1), ids_T[None])
        np.testing.assert_allclose(nats_T, -log_p_BT[0], atol=1e-5)
        if ranks:
            np.testing.assert_array_equal(rank_T, rank_BT[0])
        else:
            assert rank_T is None


def test_nothing_is_scored_as_nothing() -> None:
    model = frequency.create(frequency.Config(), VOCABULARY, 0)
    assert lanes.score_together(model, []) == []
