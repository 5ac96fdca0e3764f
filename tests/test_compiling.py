"""Compiling: where it pays back or is asked for, what it lacks, and that it changes nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from anygram.data.corpus import Block, Position
from anygram.learning.gradient import Config, GradientLearner
from anygram.learning.gradient.computing import Compilation
from anygram.neural import compiling
from anygram.neural.precision import Precision
from tests.networks import network, text

CPU = torch.device("cpu")
SMALL = {"layers": 2, "width": 16, "heads": 2, "context": 4}


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "obstacle", lambda device: None)


@pytest.mark.parametrize(("seconds", "pays"), [(None, False), (600.0, False), (3600.0, True)])
def test_long_training_pays_it_back(compiler: None, seconds: float | None, pays: bool) -> None:
    assert compiling.pays_back(seconds, CPU, Precision()) == pays
    assert not compiling.pays_back(seconds, CPU, Precision(passes=torch.bfloat16))
    assert not compiling.pays_back(seconds, torch.device("mps"), Precision())


def test_without_a_compiler_there_is_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert compiling.obstacle(CPU) == "there is no C++ compiler"
    model = network("transformer", SMALL)
    asked = Compilation(model, Config(compile=True), CPU, Precision(), 1.0)
    assert asked.message == "nothing is compiled: there is no C++ compiler"
    assert Compilation(model, Config(), CPU, Precision(), 1e6).message is None
    assert asked.seconds is None


def test_recurrent_networks_gain_nothing(compiler: None) -> None:
    asked = Compilation(network("lstm", {"units": 4}), Config(compile=True), CPU, Precision(), 1.0)
    assert asked.message == "nothing is compiled: this model has no part that would gain by it"


def test_compiled_and_not_the_same_is_learnt(
    compiler: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a backend that only traces, so that no C++ compiler is needed."""
    compile_module = torch.nn.Module.compile
    monkeypatch.setattr(
        torch.nn.Module, "compile", lambda part, **words: compile_module(part, backend="aot_eager", **words)
    )
    curves = []
    for asked in (False, True):
        model = network("transformer", SMALL)
        learner = GradientLearner(model, Config(compile=asked), seed=0)
        curves.append([learner.update(_block(step), 0.5) for step in range(5)])
        log_p_BT, _ = model.score(model.start(3), text(3, 7))  # as it was, whatever the length
        assert np.isfinite(log_p_BT).all()
    one, other = ([line["nats_per_symbol"] for line in curve] for curve in curves)
    assert other == pytest.approx(one, abs=1e-5)
    assert curves[1][3]["message"].startswith("compiled in ")
    assert learner.finish()["compile_seconds"] > 0


def _block(step: int) -> Block:
    weights_BT = np.ones((3, 6), dtype=np.float32)
    return Block(text(3, 6, seed=step), weights_BT, step == 0, Position(0, step + 1), 0.0)
