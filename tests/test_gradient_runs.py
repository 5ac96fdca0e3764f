"""Runs that learn by gradient: stopped and gone on with, stopped early, begun from others, damaged."""

from __future__ import annotations

import itertools
import json
import random
import shutil
import signal
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygram
from anygram import runs, storage
from anygram.api import Run
from anygram.errors import RunError, UsageError
from anygram.learning.gradient import GradientLearner, config
from anygram.protocols import Tensors
from anygram.training import session
from tests.asking import ask, write_corpus

SMALL: dict[str, dict[str, Any]] = {
    "lstm": {"units": 12, "embedding": 6, "rows": 4, "block": 8, "dropout": 0.2},
    "transformer": {
        "width": 16,
        "heads": 2,
        "layers": 2,
        "context": 12,
        "rows": 4,
        "block": 8,
        "dropout": 0.2,
    },
}


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path, 120)


def train(corpus: Path, model: str, budget: str, out: Path | None = None, **words: Any) -> Run:
    settings = {**SMALL[model], **words.pop("settings", {})}
    words = {"codec": "bytes", "seed": 1, **words}
    return anygram.train(corpus, model, out=out, budget=budget, settings=settings, **words)


def same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def measured(path: Path, key: str) -> list[tuple[int, Any]]:
    return [(line["step"], line[key]) for line in runs.read_metrics(path) if key in line]


def interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C while the learner makes its step of that number."""
    update: Callable[..., Mapping[str, Any]] = GradientLearner.update
    done = itertools.count(1)

    def interrupted(self: GradientLearner, batch: Any, spent: float) -> Mapping[str, Any]:
        if next(done) == step:
            signal.raise_signal(signal.SIGINT)
        return update(self, batch, spent)

    monkeypatch.setattr(GradientLearner, "update", interrupted)


# Going on


@pytest.mark.parametrize(
    ("model", "budget", "step", "words"),
    [
        ("lstm", "150steps", 83, {}),
        ("lstm", "4800symbols", 1, {"average": 0.95}),
        ("transformer", "150steps", 117, {"average": 0.95}),
        ("transformer", "4800symbols", 20, {"accumulate": 2}),
    ],
)
def test_a_run_gone_on_with_is_the_run_in_one_go(
    corpus: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    budget: str,
    step: int,
    words: Mapping[str, Any],
) -> None:
    """To the bit: the best model, the last one and all that the next step depends on, and each validation."""
    settings = {"rate": 0.02, **words}
    train(corpus, model, budget, tmp_path / "whole", settings=settings, valid=0.1)
    with monkeypatch.context() as patch:
        interrupt_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus, model, budget, tmp_path / "run", settings=settings, valid=0.1)
    train(corpus, model, budget, tmp_path / "run", resume=True, settings=settings, valid=0.1)
    for file in ("model.safetensors", "training.safetensors"):
        read = [storage.read_tensors(tmp_path / name / file) for name in ("whole", "run")]
        assert same(*read), file
    key = "valid_nats_per_symbol"
    assert measured(tmp_path / "run", key) == measured(tmp_path / "whole", key)
    assert len(measured(tmp_path / "run", key)) > 1


@pytest.mark.parametrize("model", sorted(SMALL))
def test_a_larger_budget_goes_on_as_if_it_had_been_given_at_once(
    corpus: Path, tmp_path: Path, model: str
) -> None:
    """Where the rate does not depend on the budget."""
    level = {"schedule": "constant", "warmup": 0.0}
    train(corpus, model, "13steps", tmp_path / "run", settings=level)
    train(corpus, model, "40steps", tmp_path / "run", settings=level, resume=True)
    train(corpus, model, "40steps", tmp_path / "whole", settings=level)
    read = [storage.read_tensors(tmp_path / name / "training.safetensors") for name in ("whole", "run")]
    assert same(*read)


def test_what_differs_is_named(corpus: Path, tmp_path: Path) -> None:
    train(corpus, "lstm", "3steps", tmp_path / "run")
    message = r"other settings of its learner \(rows was 4, now 5, clip was 1.0, now 2.0\); resume without"
    with pytest.raises(RunError, match=message):
        train(corpus, "lstm", "9steps", tmp_path / "run", resume=True, settings={"rows": 5, "clip": 2})
    corpus.write_text(corpus.read_text() + "more\n")
    with pytest.raises(RunError, match=r"other data \(fingerprint was \w+, now \w+, bytes was \d+, now \d+"):
        train(corpus, "lstm", "9steps", tmp_path / "run", resume=True)


@pytest.mark.parametrize("part", ["valid", "test"])
def test_a_source_of_its_own_may_not_change_either(corpus: Path, tmp_path: Path, part: str) -> None:
    held_out, run = tmp_path / "held_out.log", tmp_path / "run"
    held_out.write_text("the cat in the log\n")
    source: dict[str, Any] = {"valid": "none", part: held_out}
    train(corpus, "lstm", "3steps", run, **source)
    held_out.write_text("the dog in the log\n")  # as many bytes
    with pytest.raises(RunError, match=rf"other data \({part}_fingerprint was \w+, now \w+\); resume with"):
        train(corpus, "lstm", "5steps", run, resume=True, **source)
    record = run / "run.toml"
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(line for line in lines if f"{part}_fingerprint" not in line))
    train(corpus, "lstm", "5steps", run, resume=True, **source)  # what was not recorded is not known


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


def _huge_header(path: Path) -> None:
    path.write_bytes((1 << 62).to_bytes(8, "little") + path.read_bytes()[8:])


def _change(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        tensors = {key: np.array(array) for key, array in storage.read_tensors(path).items()}
        found = next(key for key in tensors if key.startswith(name))
        array = change(tensors.pop(found))
        storage.write_tensors(path, tensors if array is None else {**tensors, found: array})

    return damage


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with a corpus and a run of it."""
    folder = tmp_path_factory.mktemp("trained")
    train(write_corpus(folder, 120), "lstm", "3steps", folder / "run")
    return folder


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut": (_cut, "cannot be read"),
    "a huge header": (_huge_header, "cannot be read"),
    "gone": (Path.unlink, r"cannot be read \(No such file"),
    "no model": (_change("model.head", lambda _: None), "weights of another 'lstm': head"),
    "a model that is not finite": (_change("model.body", lambda array: array * np.nan), "is not finite"),
    "a model of another shape": (_change("model.body", lambda array: array[1:]), "has shape"),
    "a model of whole numbers": (_change("model.body", lambda array: array.astype(np.int64)), "int64"),
    "no place": (_change("learner.position", lambda _: None), "position is missing"),
    "no clock": (_change("session.next", lambda _: None), "is damaged"),
    "a place of another shape": (_change("learner.position", lambda array: array[:2]), "has shape"),
    "moments that are not finite": (
        _change("learner.optimiser", lambda array: array + np.inf),
        "is not finite",
    ),
    "a state of other rows": (_change("learner.state.0", lambda array: array[:1]), "wanted"),
    "a generator of another kind": (_change("learner.generator", lambda array: array[:9]), "has shape"),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_checkpoint_is_refused_in_one_line(trained: Path, tmp_path: Path, name: str) -> None:
    damage, message = DAMAGES[name]
    corpus = trained / "corpus.log"
    shutil.copytree(trained / "run", tmp_path / "run")
    damage(tmp_path / "run" / "training.safetensors")
    with pytest.raises(RunError, match=message) as raised:
        train(corpus, "lstm", "9steps", tmp_path / "run", resume=True)
    assert "training.safetensors" in str(raised.value) and "\n" not in str(raised.value)


# Stopping early


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of noise to learn by heart and of other noise to validate on."""
    folder, generator = tmp_path_factory.mktemp("noise"), random.Random(0)
    for name in ("train.log", "valid.log"):
        lines = ["".join(generator.choices("abcdefgh", k=30)) for _ in range(12)]
        (folder / name).write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_without_improvement_training_stops(noise: Path, tmp_path: Path) -> None:
    words = {"valid": str(noise / "valid.log"), "settings": {"units": 64, "rate": 0.03, "patience": 3}}
    run = train(noise / "train.log", "lstm", "3000steps", tmp_path / "run", **words)
    figures = [nats for _, nats in measured(run.path, "valid_nats_per_symbol")]
    assert run.record.status == "finished" and run.record.spent["steps"] < 3000
    assert run.record.spent["validations_since_best"] == 3
    assert min(figures) == figures[-4] == run.record.spent["best_valid_nats_per_symbol"]
    told = measured(run.path, "message")
    assert told == [(run.record.spent["steps"], "stopped early: 3 validations without improvement")]
    with pytest.raises(RunError, match=r"stopped early, with its patience=3 spent; train a new run on more"):
        train(noise / "train.log", "lstm", "4000steps", tmp_path / "run", resume=True, **words)


def test_patience_validates(corpus: Path) -> None:
    assert train(corpus, "lstm", "3steps", settings={"patience": 2}).record.data["valid"] == "0.05"
    with pytest.raises(UsageError, match=r"patience needs a validation split; leave out --valid none"):
        train(corpus, "lstm", "3steps", settings={"patience": 2}, valid="none")


# The average


def test_what_is_finished_and_validated_is_the_average(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "CHECKPOINT_EVERY_SECONDS", 0.0)  # written at each step: nothing may change
    run = train(corpus, "lstm", "30steps", tmp_path / "run", settings={"average": 0.9})
    stored, prefix = runs.read_training(run.path), "learner.average."
    means = {name.removeprefix(prefix): array for name, array in stored.items() if name.startswith(prefix)}
    assert means.pop("count") == 30
    assert same(run.model.tensors(), means)
    plain = train(corpus, "lstm", "30steps", tmp_path / "plain")
    assert same(plain.model.tensors(), {name: stored[f"model.{name}"] for name in means})


def test_the_best_average_is_what_was_validated(noise: Path, tmp_path: Path) -> None:
    run = train(
        noise / "train.log", "lstm", "400steps", tmp_path / "run",
        valid=str(noise / "valid.log"), settings={"units": 64, "rate": 0.03, "average": 0.9},
    )  # fmt: skip
    evaluated = run.evaluate(noise / "valid.log")
    best = run.record.spent["best_valid_nats_per_symbol"]
    assert evaluated.nats / evaluated.symbols == pytest.approx(best, rel=1e-4)


# From a run


@pytest.mark.parametrize("model", sorted(SMALL))
def test_going_on_from_a_run_begins_with_its_weights(corpus: Path, tmp_path: Path, model: str) -> None:
    base = train(corpus, model, "20steps", tmp_path / "base")
    more = tmp_path / "more.log"
    more.write_text("owls hoot at night\n" * 40)
    still = {"freeze": "body.*", "rate": 1e-6, "decay": 0.0}
    run = anygram.train(more, base=base, out=tmp_path / "run", budget="3steps", settings=still, seed=2)
    before, after = base.model.tensors(), run.model.tensors()
    for name, array in after.items():
        assert np.array_equal(array, before[name]) == (not name.startswith("head."))
        np.testing.assert_allclose(array, before[name], atol=1e-5)
    assert run.record.model_settings == base.record.model_settings
    assert run.record.data["from"] == str(base.path)
    assert run.evaluate(more).bits_per_byte > 0  # type: ignore[operator]


@pytest.mark.parametrize("model", sorted(SMALL))
def test_an_adapted_run_is_an_ordinary_run(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """Stopped and gone on with too; what it learnt is kept apart until it is stored."""
    base = train(corpus, model, "60steps", tmp_path / "base", settings={"rate": 0.02})
    more = tmp_path / "more.log"
    more.write_text("owls hoot at night\n" * 40)
    settings = {"lora": 2, "rate": 0.02, "rows": 4, "block": 8}
    words = {"base": base, "settings": settings, "budget": "60steps"}
    whole = anygram.train(more, out=tmp_path / "whole", **words)  # type: ignore[arg-type]
    with monkeypatch.context() as patch:
        interrupt_at(21, patch)
        with pytest.raises(KeyboardInterrupt):
            anygram.train(more, out=tmp_path / "run", **words)  # type: ignore[arg-type]
    resumed = anygram.train(more, model, codec="bytes", out=tmp_path / "run", budget="60steps", resume=True)
    assert same(resumed.model.tensors(), whole.model.tensors())
    before, after = base.evaluate(more), anygram.load(tmp_path / "run").evaluate(more)
    assert after.nats < 0.9 * before.nats
    figures = whole.record.figures["model"]
    assert 0 < figures["learnt_parameters"] < figures["parameters"]


def test_adapting_nothing_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(
        UsageError, match=r"lora learns beside what a run has learnt; name that run with --from"
    ):
        train(corpus, "lstm", "3steps", tmp_path / "run", settings={"lora": 2})
    assert not (tmp_path / "run").exists()


# What is told and written


def test_what_the_learner_tells_is_printed_and_measured(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ask(
        capsys, "train", corpus, "--model", "lstm", "--codec", "bytes", "--out", tmp_path / "run", "--json",
        "--budget", "3steps", "--set", "units=8", "--set", "block=4096", "--set", "rows=4",
    )  # fmt: skip
    assert "step 1: the text has 3,192 symbols: a step reads 4 rows of 798, not 4 of 4096" in said.err
    ((step, message),) = measured(tmp_path / "run", "message")
    assert step == 1 and message.startswith("the text has 3,192 symbols")


def test_a_line_holds_the_layers(corpus: Path, tmp_path: Path) -> None:
    run = train(corpus, "transformer", "4steps", tmp_path / "run")
    ((step, norms),) = measured(run.path, "gradient_norms")
    assert step == 1 and {"body.embedding", "body.layers.1.expand", "head"} <= norms.keys()
    assert measured(run.path, "update_ratios") and measured(run.path, "dead_units")


def test_a_found_rate_is_recorded(corpus: Path, tmp_path: Path) -> None:
    first, again = (train(corpus, "lstm", "210steps", settings={"rate": "find"}) for _ in range(2))
    assert first.record.learner_settings["rate"] == "find"
    assert 1e-5 < first.record.figures["model"]["rate"] < 1
    assert same(first.model.tensors(), again.model.tensors())
    assert any("found in" in message for _, message in measured(first.path, "message"))


def test_tensorboard_names_its_extra(corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(config, "find_spec", lambda name: None)
    with pytest.raises(
        UsageError, match=r"tensorboard is not installed; pip install 'anygram\[tensorboard\]'"
    ):
        train(corpus, "lstm", "3steps", tmp_path / "run", settings={"tensorboard": True})


@pytest.mark.skipif(find_spec("tensorboard") is None, reason="needs the extra tensorboard")
@pytest.mark.filterwarnings("ignore")
def test_tensorboard_reads_the_metrics(corpus: Path, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = train(corpus, "lstm", "30steps", tmp_path / "run", settings={"tensorboard": True}, valid=0.1)
    read = EventAccumulator(str(run.path / "tensorboard"))
    read.Reload()
    for name in ("rate", "valid_nats_per_symbol"):
        found = [(event.step, event.value) for event in read.Scalars(name)]
        assert found == [(step, pytest.approx(number)) for step, number in measured(run.path, name)]
    assert "gradient_norms/head" in read.Tags()["scalars"]


def test_metrics_are_strict_json(corpus: Path, tmp_path: Path) -> None:
    run = train(corpus, "lstm", "30steps", tmp_path / "run")
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    refused: list[str] = []  # NaN and Infinity, which Python reads and other programs do not
    assert all(json.loads(line, parse_constant=refused.append) for line in lines) and lines
    assert not refused
