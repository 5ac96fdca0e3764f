"""Prefixed: a slow twin, closed forms, what the inner model is given to learn, and what is refused.

The laws are tried on Prefixed in tests/test_model_laws.py. Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given

from anygram.conditioning import Prefixed, inner_vocabulary_size, prefixed
from anygram.errors import UsageError
from anygram.laws import Case, cases
from anygram.models import REGISTRY
from anygram.protocols import Condition, Countable, Differentiable, FloatArray, Ids, Lengths
from tests.toy_models import Fading

TARGETS, CONDITIONS = 4, 3
BOUNDARY = TARGETS - 1
SEPARATOR, INNER_BOUNDARY = 6, 7


def ids(*symbols: int) -> Ids:
    return np.array(symbols, dtype=np.int32)


def around(name: str, settings: Mapping[str, Any]) -> Any:
    """Return a Prefixed around a model of that name, and that model."""
    module = REGISTRY.load(name)
    inner = module.create(module.Config(**settings), inner_vocabulary_size(TARGETS, CONDITIONS), 0)
    return prefixed(inner, TARGETS, CONDITIONS), inner


@given(case=cases(TARGETS, CONDITIONS))
def test_score_is_the_inner_models_from_scratch_renormalised(case: Case) -> None:
    inner = Fading(inner_vocabulary_size(TARGETS, CONDITIONS), 0)
    model = Prefixed(inner, TARGETS, CONDITIONS)
    found_BT = model.score(case.start(model), case.ids_BT, case.lengths)[0]
    assert case.condition is not None
    for row, source in enumerate(case.condition):
        prefix = [*(BOUNDARY + source), SEPARATOR]
        read = list(prefix)
        for t in range(case.lengths[row]):
            symbol = case.ids_BT[row, t]
            p_V = np.exp(inner.predict(inner.advance(inner.start(1), ids(*read)[None]))[0])
            p_V = p_V[[0, 1, 2, INNER_BOUNDARY]]
            assert found_BT[row, t] == pytest.approx(np.log(p_V[symbol] / p_V.sum()))
            read = list(prefix) if symbol == BOUNDARY else [*read, symbol]


def test_counts_without_context_are_lidstones_rule_over_targets() -> None:
    model, _ = around("frequency", {"order": 1, "k": 0.5})
    model.count(ids(0, 0, 1, BOUNDARY, 0, BOUNDARY), np.array([4, 2]))
    model.finish()
    p_V = np.exp(model.predict(model.start(1))[0])
    # 3, 1, 0 and 2 of 6 symbols: neither the separators nor the condition's symbols take a share
    assert p_V == pytest.approx(np.array([3.5, 1.5, 0.5, 2.5]) / 8)


def test_counts_learn_a_target_from_its_label() -> None:
    model, _ = around("frequency", {"order": 3, "k": 0.5})
    labels = [0, 1, 2, 1]
    model.count(
        ids(*(s for label in labels for s in (2 - label, BOUNDARY))), np.full(4, 2), [ids(c) for c in labels]
    )
    model.finish()
    p_BV = np.exp(model.predict(model.start(4, [ids(0), ids(1), ids(2), ids()])))
    assert p_BV[0] == pytest.approx(np.array([0.5, 0.5, 1.5, 0.5]) / 3)
    assert p_BV[1] == pytest.approx(np.array([0.5, 2.5, 0.5, 0.5]) / 4)
    assert p_BV[2] == pytest.approx(np.array([1.5, 0.5, 0.5, 0.5]) / 3)
    assert p_BV[3] == pytest.approx(np.full(4, 0.25))


def test_an_ngram_learns_a_target_from_its_label() -> None:
    model, _ = around("ngram", {"order": 4})
    generator = np.random.default_rng(0)
    labels = generator.integers(0, CONDITIONS, 200)
    noise = generator.integers(0, 3, 200)
    documents = [ids(label, other, BOUNDARY) for label, other in zip(labels, noise, strict=True)]
    model.count(np.concatenate(documents), np.full(200, 3), [ids(label) for label in labels])
    model.finish()
    log_p_BV = model.predict(model.start(3, [ids(0), ids(1), ids(2)]))
    assert (np.exp(log_p_BV[range(3), range(3)]) > 0.9).all()


def test_a_network_learns_a_target_from_its_label() -> None:
    model, _ = around("lstm", {"units": 16, "embedding": 8})
    labels = [0, 1, 2]
    ids_BT = np.array([[label, BOUNDARY] for label in labels], dtype=np.int32)
    condition = [ids(label) for label in labels]
    optimizer = torch.optim.Adam(model.module().parameters(), lr=0.05)
    for _ in range(40):
        nats, _ = model.loss(ids_BT, np.ones((3, 2), dtype=np.float32), None, condition)
        optimizer.zero_grad()
        nats.backward()
        optimizer.step()
    log_p_BV = model.predict(model.start(3, condition))
    assert (np.exp(log_p_BV[range(3), labels]) > 0.9).all()


class Recorded(Fading):
    """Remembers what it was given to count."""

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        assert condition is None and prefix_lengths is not None
        self.given = ids_N.tolist(), document_lengths.tolist(), prefix_lengths.tolist()

    def finish(self) -> Mapping[str, Any]:
        return {"documents": 2}


def test_counting_gives_source_separator_target_and_marks_what_is_not_learnt() -> None:
    inner = Recorded(inner_vocabulary_size(TARGETS, CONDITIONS), 0)
    model = prefixed(inner, TARGETS, CONDITIONS)
    assert isinstance(model, Countable)
    model.count(ids(0, 2, BOUNDARY, BOUNDARY), np.array([3, 1]), [ids(2), ids(0, 1)], np.array([1, 0]))
    stream = [5, SEPARATOR, 0, 2, INNER_BOUNDARY, 3, 4, SEPARATOR, INNER_BOUNDARY]
    assert inner.given == (stream, [5, 4], [3, 3])
    assert model.finish() == {"documents": 2}


WEIGHTS_BT = np.array([[1, 2, 1], [1, 1, 0]], dtype=np.float32)
TEXT_BT = np.array([[0, 2, 1], [1, BOUNDARY, 0]], dtype=np.int32)
SOURCES = [ids(0, 1, 2), ids(2)]


def test_loss_is_the_inner_models_over_targets() -> None:
    model, inner = around("lstm", {"units": 8, "embedding": 5})
    nats, _ = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCES)
    total = 0.0
    for read, weights in (
        (ids(3, 4, 5, SEPARATOR, 0, 2, 1), [0, 0, 0, 0, 1, 2, 1]),
        (ids(5, SEPARATOR, 1, INNER_BOUNDARY), [0, 0, 1, 1]),
    ):
        total -= float(inner.score(inner.start(1), read[None])[0][0] @ np.array(weights))
    assert nats.item() == pytest.approx(total / WEIGHTS_BT.sum(), abs=1e-5)


def test_loss_bounds_the_surprisal_from_above() -> None:
    model, _ = around("lstm", {"units": 8, "embedding": 5})
    nats, _ = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCES)
    log_p_BT = model.score(model.start(2, SOURCES), TEXT_BT)[0]
    surprisal = -(WEIGHTS_BT * log_p_BT).sum() / WEIGHTS_BT.sum()
    # an untrained inner model gives half of its 8 symbols' probability to what is no target
    assert surprisal + 0.3 < nats.item() < surprisal + 1.2


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_loss_carries_its_state_and_returns_closed_rows_to_their_source(name: str) -> None:
    settings = {"lstm": {"units": 8}, "transformer": {"width": 8, "heads": 2, "layers": 2, "context": 5}}[
        name
    ]
    model, _ = around(name, settings)
    whole, end = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCES)
    first, middle = model.loss(TEXT_BT[:, :1], WEIGHTS_BT[:, :1], None, SOURCES)
    second, _ = model.loss(TEXT_BT[:, 1:], WEIGHTS_BT[:, 1:], middle)
    parts = first.item() * WEIGHTS_BT[:, :1].sum() + second.item() * WEIGHTS_BT[:, 1:].sum()
    assert whole.item() * WEIGHTS_BT.sum() == pytest.approx(parts, abs=1e-5)
    # the second row's document has ended: what is left is padding
    wanted = model.predict(model.advance(model.start(2, SOURCES), TEXT_BT, np.array([3, 2])))
    np.testing.assert_allclose(model.predict(end), wanted, atol=1e-5)


def test_loss_refuses_a_second_document_in_a_row_and_a_second_condition() -> None:
    model, _ = around("lstm", {"units": 8})
    with pytest.raises(UsageError, match="one document"):
        model.loss(TEXT_BT, np.ones((2, 3)), None, SOURCES)
    _, state = model.loss(TEXT_BT, WEIGHTS_BT, None, SOURCES)
    with pytest.raises(UsageError, match="read its condition already"):
        model.loss(TEXT_BT[:, :1], WEIGHTS_BT[:, :1], state, SOURCES)


def test_none_is_an_empty_source() -> None:
    model, _ = around("lstm", {"units": 8})
    assert np.array_equal(model.predict(model.start(1)), model.predict(model.start(1, [ids()])))


@pytest.mark.parametrize(
    ("sources", "message"),
    [
        ([ids(0)], "2 rows, got 1 sources"),
        ([ids(0), ids(CONDITIONS)], "must be 0 to 2, got 3"),
        ([ids(0), ids(-1)], "must be 0 to 2, got -1"),
    ],
)
def test_an_unfit_condition_is_refused(sources: Condition, message: str) -> None:
    model, _ = around("lstm", {"units": 8})
    with pytest.raises(UsageError, match=message):
        model.start(2, sources)
    with pytest.raises(UsageError, match=message):
        model.loss(TEXT_BT, WEIGHTS_BT, None, sources)


@pytest.mark.parametrize(
    ("name", "settings"),
    [("uniform", {}), ("frequency", {"order": 2}), ("ngram", {"order": 2}), ("nnlm", {"order": 2})],
)
def test_a_memory_that_ends_at_the_separator_refuses_a_condition(
    name: str, settings: Mapping[str, Any]
) -> None:
    model, _ = around(name, settings)
    with pytest.raises(UsageError, match="memory is too short"):
        model.start(1, [ids(0)])
    if isinstance(model, Countable):
        with pytest.raises(UsageError, match="memory is too short"):
            model.count(ids(BOUNDARY), np.array([1]), [ids(0)])


def test_an_inner_vocabulary_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"must be 8, got 4; create it with inner_vocabulary_size"):
        Prefixed(Fading(TARGETS, 0), TARGETS, CONDITIONS)


def test_prefixed_learns_as_the_inner_model_does() -> None:
    counted, differentiable = around("ngram", {})[0], around("lstm", {})[0]
    neither = prefixed(Fading(inner_vocabulary_size(TARGETS, CONDITIONS), 0), TARGETS, CONDITIONS)
    assert isinstance(counted, Countable) and not isinstance(counted, Differentiable)
    assert isinstance(differentiable, Differentiable) and not isinstance(differentiable, Countable)
    assert not isinstance(neither, Countable | Differentiable)


def test_rank_counts_likelier_targets_and_settles_ties_by_id() -> None:
    model, _ = around("frequency", {"order": 1})
    model.count(ids(2, 2, 0, BOUNDARY), np.array([4]))
    model.finish()
    ranks: FloatArray = model.rank(model.start(1), ids(0, 1, 2, BOUNDARY)[None])[1]
    # counts 1, 0, 2, 1: symbol 2 leads, 0 and the boundary tie
    assert ranks.tolist() == [[1, 3, 0, 2]]


def test_context_mixing_learns_a_target_from_its_source() -> None:
    model, inner = around("contextmix", {"memory": 40_000_000})
    sources = [ids(n % 2, n % 3) for n in range(200)]
    documents = [ids(n % 3, n % 2, BOUNDARY) for n in range(200)]
    model.learn(ids())
    log_p_N = model.learn_given(np.concatenate(documents), np.full(200, 3), sources)
    assert log_p_N.shape == (600,)
    assert log_p_N[:30].mean() < -0.5 and log_p_N[-30:].mean() > -0.01  # it was learnt along the way
    twin, _ = around("contextmix", {"memory": 40_000_000})  # in pieces of documents it learns the same
    pieces = [
        twin.learn_given(document, np.array([3]), [source])
        for document, source in zip(documents, sources, strict=True)
    ]
    assert np.array_equal(np.concatenate(pieces), log_p_N)
    log_p_BV = model.predict(model.start(6, sources[:6]))
    assert (log_p_BV.argmax(axis=1) == [n % 3 for n in range(6)]).all()
    assert np.exp(log_p_BV).sum(axis=1) == pytest.approx(1)
    assert inner.finish()["learnt"] == 200 * (2 + 1 + 3)


def test_context_mixing_learns_documents_without_sources_in_any_pieces() -> None:
    symbols = [0, BOUNDARY, 1, 2, BOUNDARY, 1]
    whole, inner = around("contextmix", {"memory": 40_000_000})
    log_p_N = whole.learn(ids(*symbols))
    cut, _ = around("contextmix", {"memory": 40_000_000})
    pieces = [cut.learn(ids(*part)) for part in (symbols[:3], [], symbols[3:5], symbols[5:])]
    assert np.array_equal(np.concatenate(pieces), log_p_N)
    assert inner.finish()["learnt"] == len(symbols) + 3  # a separator before each document
