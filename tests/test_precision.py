"""In which numbers networks learn: chosen by what the machine does faster, remembered, never the weights'."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from anygram import remembered
from anygram.data.corpus import Block, Position
from anygram.errors import UsageError
from anygram.learning.gradient import Config, GradientLearner
from anygram.neural import precision
from anygram.neural.precision import Precision
from tests.networks import SETTINGS, label, network, text

CPU = torch.device("cpu")
BOTH = Precision(torch.bfloat16, torch.bfloat16)


def _takes(gain: float) -> Callable[[int, torch.dtype], float]:
    """Return what says that float32 takes so many times as long as bfloat16."""
    return lambda width, kind: gain if kind == torch.float32 else 1.0


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "anygram"


@pytest.mark.parametrize(
    ("passes", "steps", "width", "expected"),
    [
        (3.0, 3.0, 64, Precision()),
        (3.0, 3.0, 256, BOTH),
        (1.1, 3.0, 256, Precision(steps=torch.bfloat16)),
        (3.0, 0.4, 1024, Precision(passes=torch.bfloat16)),
        (0.4, 0.4, 1024, Precision()),
    ],
)
def test_a_cpu_takes_what_it_multiplies_faster(
    passes: float, steps: float, width: int, expected: Precision, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_layer_seconds", _takes(passes))
    monkeypatch.setattr(precision, "_product_seconds", _takes(steps))
    assert precision.choose("auto", CPU, width) == expected
    assert Precision.from_words(expected.to_words()) == expected


def test_a_probe_is_made_once_a_machine(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = precision.choose("auto", CPU, 128)
    known = json.loads((cache / "bfloat16.json").read_text()).values()
    assert len(known) == 2 and min(known) > 0
    monkeypatch.setattr(precision, "_gain", lambda seconds, width: pytest.fail("probed again"))
    assert precision.choose("auto", CPU, 128) == first


def test_what_is_asked_for_is_not_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "_gain", lambda seconds, width: pytest.fail("probed"))
    assert precision.choose("float32", CPU, 1024) == Precision()
    assert precision.choose("bfloat16", CPU, 8) == BOTH
    assert precision.choose("auto", CPU, 8) == Precision()
    assert precision.choose("auto", torch.device("mps"), 1024) == Precision()
    with pytest.raises(UsageError, match=r"^precision=bfloat16: this mps device has none; leave"):
        precision.choose("bfloat16", torch.device("mps"), 8)


@pytest.mark.parametrize("setting", SETTINGS, ids=label)
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_in_bfloat16_about_the_same_is_learnt(setting: tuple[str, Mapping[str, Any]], optimiser: str) -> None:
    curves = []
    for asked in ("float32", "bfloat16"):
        model = network(*setting)
        learner = GradientLearner(model, Config(optimiser=optimiser, precision=asked), seed=0)  # type: ignore[arg-type]
        curves.append([learner.update(_block(step), 0.5)["nats_per_symbol"] for step in range(4)])
        assert all(parameter.dtype == torch.float32 for parameter in model.module().parameters())
        log_p_BT, _ = model.score(model.start(3), text(3, 6))
        assert log_p_BT.dtype == np.float32 and np.isfinite(log_p_BT).all()
    assert curves[0] == pytest.approx(curves[1], rel=0.05)
    assert curves[0] != curves[1]
    assert learner.finish()["precision"] == BOTH.to_words()


def _block(step: int) -> Block:
    weights_BT = np.ones((3, 6), dtype=np.float32)
    return Block(text(3, 6, seed=step), weights_BT, step == 0, Position(0, step + 1), 0.0)


def test_going_on_in_bfloat16_is_exact() -> None:
    def fresh() -> tuple[Any, GradientLearner]:
        model = network("transformer", {"layers": 2, "width": 16, "heads": 2, "context": 4})
        return model, GradientLearner(model, Config(precision="bfloat16", optimiser="muon"), seed=0)

    model, learner = fresh()
    for step in range(3):
        learner.update(_block(step), 0.5)
    kept, learnt = (
        {name: array.copy() for name, array in tensors.items()}
        for tensors in (model.tensors(), learner.tensors())
    )
    ahead = [learner.update(_block(step), 0.5)["nats_per_symbol"] for step in (3, 4)]
    other, again = fresh()
    other.restore(kept)
    again.restore(learnt)
    assert [again.update(_block(step), 0.5)["nats_per_symbol"] for step in (3, 4)] == ahead


# What is remembered of a machine


def test_what_cannot_be_read_or_written_is_found_out_again(cache: Path) -> None:
    assert remembered.remembered("speed", ["a"], lambda: 2.0) == 2.0
    assert remembered.remembered("speed", ["a"], lambda: 3.0) == 2.0
    assert remembered.remembered("speed", ["b"], lambda: 3.0) == 3.0
    (cache / "speed.json").write_text("[]")
    assert remembered.remembered("speed", ["a"], lambda: 4.0) == 4.0
    (cache / "speed.json").write_text("{")
    assert remembered.remembered("speed", ["a"], lambda: 5.0) == 5.0


def test_a_cache_that_cannot_be_written_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert remembered.remembered("speed", [], lambda: 6.0) == 6.0


def test_the_cache_lies_where_the_system_has_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert remembered.cache_folder() == Path.home() / "Library/Caches/anygram"
    monkeypatch.setattr(sys, "platform", "linux")
    assert remembered.cache_folder() == Path.home() / ".cache/anygram"
