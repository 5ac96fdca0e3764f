"""A short run before the full one: sizes for the machine, from a budget in seconds alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygram
from anygram import models
from anygram.api import Run
from anygram.budgets import Budget
from anygram.data.corpus import EncodedCorpus
from anygram.models import lstm, transformer
from anygram.neural import sizing
from anygram.protocols import Learner
from anygram.reporting.progress import Silent
from anygram.training import probing
from anygram.training.probing import Probe
from tests.asking import write_corpus

SECONDS = 1e9
MIXED = f"{SECONDS:.0f}s,6steps"
"""Seconds, so that there is a probe, and so many that steps alone count."""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path, 400)


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probing, "MOST_SECONDS", 0.01)


def _times_as_fast(monkeypatch: pytest.MonkeyPatch, speed: float) -> None:
    """Let the machine train the LSTM and its kind so many times as fast as reckoned."""

    def rate(learner: Learner, corpus: EncodedCorpus, seconds: float) -> float:
        network: Any = learner
        weights = network._model.weights_a_symbol
        return speed * sizing.rate(weights, sizing.OPERATIONS_A_SECOND)

    monkeypatch.setattr(probing, "_rate", rate)


def _train(corpus: Path, model: str = "lstm", budget: str = MIXED) -> Run:
    return anygram.train(corpus, model, codec="bytes", budget=budget, seed=1)


def test_a_symbol_meets_the_matrices_and_the_head() -> None:
    one = models.create("lstm", lstm.Config(units=12, embedding=6), 50, 0, {})
    other = models.create("transformer", transformer.Config(layers=3, width=32, heads=2), 50, 0, {})
    assert one.weights_a_symbol == 4 * 12 * (12 + 6) + 12 * 50  # type: ignore[attr-defined]
    assert other.weights_a_symbol == 3 * 12 * 32 * 32 + 32 * 50  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("measured", "speed"), [(100, 1), (45, 1), (240, 1), (1000, 10), (20, 0.2), (400, 4)]
)
def test_a_machine_is_another_only_where_it_is_far_from_what_was_reckoned(
    measured: float, speed: float
) -> None:
    assert Probe(measured, 100).speed == pytest.approx(speed)


@pytest.mark.parametrize("speed", [0.1, 1.0, 50.0])
def test_sizes_are_those_of_a_budget_as_many_times_as_long(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, speed: float
) -> None:
    _times_as_fast(monkeypatch, speed)
    asked: list[Budget] = []
    suggest = lstm.suggest

    def noted(ids: Any, symbols: int, size: int, budget: Budget) -> Any:
        asked.append(budget)
        return suggest(ids, symbols, size, budget)

    monkeypatch.setattr(lstm, "suggest", noted)
    record = _train(corpus).record
    budget = Budget.parse(MIXED)
    assert asked[0] == budget
    assert asked[1:] == ([] if speed == 1 else [replace(budget, seconds=asked[-1].seconds)])
    assert asked[-1].seconds == pytest.approx(SECONDS * speed)
    assert record.probe["speed"] == pytest.approx(speed)
    assert record.budget["seconds"] == SECONDS


def test_a_faster_machine_trains_a_larger_network(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def units(speed: float) -> int:
        _times_as_fast(monkeypatch, speed)
        ids = np.zeros(100, dtype=np.int32)
        (config, _), _ = probing.suited(
            "lstm",
            lambda budget: lstm.suggest(ids, 10**7, 257, budget),
            None,  # type: ignore[arg-type]
            257,
            Budget(seconds=60),
            Silent(),
        )
        return int(config.units)

    assert units(0.05) < units(1) < units(100)


def test_nothing_that_the_probe_learns_is_kept(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    probed = _train(corpus)
    monkeypatch.setattr(probing, "LEAST_BUDGET", 2 * SECONDS)
    plain = _train(corpus)
    assert probed.record.probe and not plain.record.probe
    one, other = probed.model.tensors(), plain.model.tensors()
    assert all(np.allclose(one[name], other[name], rtol=1e-5, atol=1e-7) for name in other)
    assert probed.record.spent["steps"] == plain.record.spent["steps"] == 6


@pytest.mark.parametrize(
    ("model", "budget"), [("lstm", "6steps"), ("lstm", "9s,6steps"), ("ngram", MIXED), ("frequency", MIXED)]
)
def test_there_is_no_probe_without_seconds_for_it_or_a_network(
    corpus: Path, model: str, budget: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probing, "_rate", lambda *_: pytest.fail("a probe"))
    assert _train(corpus, model, budget).record.probe == {}


class _Clocked:
    """A learner whose steps take the seconds it is told, 100 symbols each, on a clock of its own."""

    def __init__(self, seconds: list[float]) -> None:
        self.now, self._left = 0.0, iter(seconds)

    def batches(self, corpus: None) -> Iterator[None]:
        return repeat(None)

    def update(self, batch: None, spent: float) -> dict[str, float]:
        self.now += next(self._left)
        return {"symbols": 100.0}


@pytest.mark.parametrize("compiling", [[], [30.0], [30.0, 8.0, 9.0, 5.0]])
def test_steps_that_compile_do_not_count(compiling: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    learner = _Clocked([*compiling, *[0.5] * 20])
    monkeypatch.setattr("anygram.training.probing.time.perf_counter", lambda: learner.now)
    rate = probing._rate(learner, None, seconds=2.0)  # type: ignore[arg-type]
    assert rate == pytest.approx(200)
    assert learner.now <= sum(compiling) + 3.1
