"""The uniform model in closed form."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest

from anygram import states
from anygram.errors import UsageError
from anygram.models import uniform
from anygram.protocols import Countable, LanguageModel, Ranked


def test_every_symbol_costs_log2_v_bits() -> None:
    model = uniform.create(uniform.Config(), vocabulary_size=8, seed=0)
    log_p_BT, after = model.score(model.start(2), np.zeros((2, 5), dtype=np.int32), np.array([5, 2]))
    assert -log_p_BT.sum() / np.log(2) == pytest.approx(3 * (5 + 2))
    assert log_p_BT[1, 2:].tolist() == [0.0, 0.0, 0.0]
    assert states.count_rows(after) == 2
    np.testing.assert_allclose(np.exp(model.predict(after)), np.full((2, 8), 1 / 8))


def test_a_symbol_ranks_by_its_id_among_equals() -> None:
    model = uniform.create(uniform.Config(), vocabulary_size=4, seed=0)
    _, rank_BT, _ = model.rank(model.start(1), np.array([[3, 0, 2]], dtype=np.int32))
    assert rank_BT.tolist() == [[3, 0, 2]]


def test_it_refuses_a_condition_and_keeps_the_protocols() -> None:
    model = uniform.create(uniform.Config(), vocabulary_size=4, seed=0)
    condition = [np.array([1], dtype=np.int32)]
    with pytest.raises(UsageError, match="takes no condition"):
        model.start(1, condition)
    with pytest.raises(UsageError, match="takes no condition"):
        model.count(condition[0], np.array([1]), condition)
    assert all(isinstance(cast(object, model), kind) for kind in (LanguageModel, Countable, Ranked))
