"""Calibration: closed forms, a slow twin, and a model that writes the very text it is asked about."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs.bytes import BytesCodec
from anygram.comparison import calibration, stretches
from anygram.comparison.calibration import BINS, reliability, summary
from anygram.comparison.stretches import Extent
from anygram.data.documents import Document
from anygram.information import log_softmax
from anygram.models import uniform
from anygram.protocols import FloatArray
from anygram.tasks.generation import Sampling, generate
from tests.held_out import LettersCodec, documents, scored_by
from tests.toy_models import Fading, Memory

CODEC = LettersCodec()


class Sure(Fading):
    """Is three times as sure as it should be."""

    def predict(self, state: Memory) -> FloatArray:
        return log_softmax(3 * super().predict(state))


def test_an_overconfident_answer_costs_the_difference() -> None:
    found = summary(np.full(100, 0.9), np.arange(100) % 2 == 0)
    assert found["ece"] == pytest.approx(0.4)
    assert found["bins"] == [{"confidence": pytest.approx(0.9), "accuracy": 0.5, "symbols": 100}]


def test_bins_are_of_equal_width_and_closed_above() -> None:
    found = summary(np.array([1 / BINS, 1 / BINS + 1e-9, 1.0]), np.array([True, False, True]))
    assert [one["symbols"] for one in found["bins"]] == [1, 1, 1]


def test_nothing_looked_at_has_no_error() -> None:
    assert summary(np.empty(0), np.empty(0, dtype=bool)) == {
        "ece": None, "chance": None, "symbols": 0, "bins": [],
    }  # fmt: skip


def test_right_as_often_as_sure_shows_no_more_than_chance() -> None:
    generator = np.random.default_rng(1)
    confidence_N = generator.random(20_000)
    found = summary(confidence_N, generator.random(20_000) < confidence_N)
    assert found["ece"] < 0.015
    assert found["ece"] == pytest.approx(found["chance"], abs=0.006)


def test_chance_is_what_few_answers_show() -> None:
    """Of one answer of confidence ½ the error is ½ whether right or wrong."""
    found = summary(np.array([0.5]), np.array([True]))
    assert found["ece"] == found["chance"] == pytest.approx(0.5)


@given(answers=st.lists(st.tuples(st.floats(0, 1, exclude_min=True), st.booleans()), min_size=1, max_size=50))
def test_the_error_is_that_of_a_slow_twin(answers: list[tuple[float, bool]]) -> None:
    error = 0.0
    for m in range(BINS):
        held = [(p, right) for p, right in answers if max(0, math.ceil(p * BINS) - 1) == m]
        if held:
            gap = sum(right for _, right in held) / len(held) - sum(p for p, _ in held) / len(held)
            error += len(held) / len(answers) * abs(gap)
    confidence_N, right_N = (np.array(column) for column in zip(*answers, strict=True))
    assert summary(confidence_N, right_N)["ece"] == pytest.approx(error)


def test_uniform_is_as_unsure_as_it_can_be() -> None:
    """All symbols tie, so the first is its answer, which is never right of a text without it."""
    codec = BytesCodec()
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    scored = scored_by(model, codec, [Document("never a byte of zero " * 50)])
    found = reliability(model, scored)
    assert found["ece"] == pytest.approx(1 / 257)
    assert found["bins"] == [
        {"confidence": pytest.approx(1 / 257), "accuracy": 0.0, "symbols": found["symbols"]}
    ]


@pytest.mark.parametrize("numbers", [1 << 22, 1])
def test_a_model_is_calibrated_on_what_it_writes(numbers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibration, "_NUMBERS_AT_ONCE", numbers)
    model, sure = Fading(CODEC.vocabulary_size, 3), Sure(CODEC.vocabulary_size, 3)
    texts = generate(model, CODEC, samples=200, sampling=Sampling(max_symbols=200))
    test = [Document(text) for text in texts]
    extent = Extent(bytes=6000, size=16, before=32, ends=True)
    found = reliability(model, scored_by(model, CODEC, test), extent)
    assert found["symbols"] > 500
    assert found["ece"] < 0.05 and found["ece"] < 3 * found["chance"]
    assert reliability(sure, scored_by(sure, CODEC, test), extent)["ece"] > 3 * found["ece"]


def test_rows_of_unequal_contexts_are_told_their_own() -> None:
    """A twin that predicts place by place."""
    model = Fading(CODEC.vocabulary_size, 1)
    scored = scored_by(model, CODEC, documents([50, 70, 64, 90]))
    extent = Extent(bytes=200, size=8, before=16)
    found = reliability(model, scored, extent)
    confidences = []
    for stretch in stretches.sample(scored, extent):
        for t in range(stretch.first, stretch.last):
            told_1T = stretch.scored.ids_T[None, max(0, stretch.first - 16) : t]
            log_p_BV = model.predict(model.advance(model.start(1), told_1T))
            confidences.append(float(np.exp(log_p_BV.max())))
    sums = sum(one["confidence"] * one["symbols"] for one in found["bins"])
    assert found["symbols"] == len(confidences)
    assert sums == pytest.approx(sum(confidences))


def test_boundaries_are_symbols_too() -> None:
    """Of documents of three letters every fourth symbol is one; no other place makes up for it."""
    scored = scored_by(Fading(CODEC.vocabulary_size, 0), CODEC, documents([3] * 400))
    looked = stretches.sample(scored, Extent(bytes=800, size=1, before=0, ends=True))
    ends = sum(int(stretch.ids_T[0] == CODEC.boundary) for stretch in looked)
    assert len(looked) == 800 and ends == pytest.approx(200, abs=15)
