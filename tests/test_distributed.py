"""Several processes that learn one model: they end where one alone does, stop together, or are refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygram
from anygram import runs
from anygram.errors import UsageError
from anygram.learning.group import ALONE, require_alike
from anygram.processes import Place, find_place
from tests.asking import write_corpus

TOLERANCE = 1e-5
# five rows for two processes: one has three of them; what is dropped differs from process to process.
# Sums in another order differ in their last digits, of which AdamW's first steps, g / |g|, make as much as
# their rate is high: so that is a low one
SHARED: dict[str, Any] = {"rows": 5, "block": 16, "dropout": 0, "rate": 0.005, "embedding_rate": 1}
SETTINGS: dict[str, dict[str, Any]] = {
    "lstm": {**SHARED, "units": 24, "embedding": 6},
    "transformer": {**SHARED, "width": 32, "heads": 2, "layers": 2},
}
STEPS = 12


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path, 120)


def _words(corpus: Path, out: Path, model: str, budget: str, **more: Any) -> list[str]:
    words = ["train", str(corpus), "--model", model, "--codec", "bytes", "--valid", "0.1"]
    for key, value in {**SETTINGS[model], **more}.items():
        words += ["--set", f"{key}={value}"]
    return [*words, "--budget", budget, "--seed", "1", "--out", str(out)]


def _start(words: Sequence[str]) -> subprocess.Popen[str]:
    """Start two processes by torchrun, in a session of their own as a terminal's job is."""
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return subprocess.Popen(
        [sys.executable, "-m", *torchrun, "-m", "anygram", *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[str]) -> tuple[str, str]:
    """Return what was printed; processes that wait for each other are killed."""
    try:
        return process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise


def _curve(run: Path) -> list[tuple[float, float]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [(line["nats_per_symbol"], line["gradient_norm"]) for line in lines if "gradient_norm" in line]


@pytest.mark.parametrize(
    ("model", "more"),
    [
        ("lstm", {}),
        ("transformer", {}),
        (
            "transformer",
            {
                "shard": True,
                "optimiser": "adamw",
                "carry": True,
                "clip": 0.5,
                "embedding_rate": 1,
                "rate": 2e-3,
            },
        ),
    ],
)
def test_two_processes_take_the_steps_of_one(
    corpus: Path, tmp_path: Path, model: str, more: dict[str, Any]
) -> None:
    budget = f"{STEPS}steps"
    process = _start(_words(corpus, tmp_path / "two", model, budget, **more))
    alone = anygram.train(
        corpus,
        model,
        out=tmp_path / "one",
        codec="bytes",
        valid=0.1,
        settings={**SETTINGS[model], **more, "shard": False},
        budget=budget,
        seed=1,
    )
    printed, errors = _end(process)
    assert process.returncode == 0, errors
    assert printed.count("s of training") == 1, "only the first process prints"
    together = runs.read(tmp_path / "two")
    assert together.record.spent["steps"] == STEPS
    assert together.record.spent["symbols"] == alone.record.spent["symbols"]
    for name, array in alone.model.tensors().items():
        np.testing.assert_allclose(together.model.tensors()[name], array, atol=TOLERANCE, err_msg=name)
    # the first line is that of the first step, the last that of the last one: its loss is a mean over steps
    for one, two in zip(_curve(alone.path)[:1], _curve(tmp_path / "two")[:1], strict=True):
        assert two == pytest.approx(one, abs=TOLERANCE)
    figures = [record.figures["valid"]["nats"] for record in (alone.record, together.record)]
    assert figures[0] == pytest.approx(figures[1], rel=TOLERANCE)


def test_the_terminal_stops_all_and_the_run_goes_on(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    process = _start(_words(corpus, out, "lstm", "100s"))
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("training"):
            break
    time.sleep(1.0)  # until both have begun
    os.killpg(process.pid, signal.SIGINT)
    _, errors = _end(process)
    assert process.returncode != 0
    assert errors.count("keeps what was learnt") == 1, errors
    steps = runs.read_record(out).spent["steps"]
    resumed = anygram.train(
        corpus,
        "lstm",
        out=out,
        codec="bytes",
        valid=0.1,
        budget=f"{steps + 3}steps",
        seed=1,
        resume=True,
    )
    assert resumed.record.spent["steps"] == steps + 3


# Refusals; no second process is needed to see them


@pytest.fixture
def second_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2"}
    for name, value in {**told, "MASTER_ADDR": "localhost", "MASTER_PORT": "1"}.items():
        monkeypatch.setenv(name, value)


def test_a_process_finds_its_place(second_of_two: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_place() == Place(rank=1, count=2, local_rank=1, local_count=2)
    assert not find_place().leads
    monkeypatch.delenv("MASTER_PORT")  # a scheduler's variables, not torchrun's
    assert find_place() == Place()


@pytest.mark.parametrize("model", ["ngram", "frequency", "uniform"])
def test_counting_takes_one_process(second_of_two: None, corpus: Path, model: str) -> None:
    with pytest.raises(UsageError, match=rf"^{model} learns by counting, which takes one process, got 2; "):
        anygram.train(corpus, model)


def test_what_cannot_be_divided_is_refused(second_of_two: None, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"^standard input takes one process, got 2; "):
        anygram.train("-", "lstm")
    with pytest.raises(UsageError, match=r"^compare, which starts processes of its own, takes one process"):
        anygram.compare(corpus, tmp_path / "out")


def test_one_process_divides_no_weights(corpus: Path) -> None:
    with pytest.raises(UsageError, match=r"^shard divides a network among several processes; start them"):
        anygram.train(corpus, "transformer", settings={"shard": True}, budget="1steps")


def test_one_alone_agrees_with_itself() -> None:
    assert ALONE.agree(3.5, True) == (3.5, True)
    assert ALONE.follow({"rate": 0.1, "style": "classic"}) == {"rate": 0.1, "style": "classic"}
    require_alike(ALONE, "the codec", {"symbols": (1, 2)})
