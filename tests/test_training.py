"""Training: budgets, seeds, the best weights, a loss that is lost, stopping and going on."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numba
import numpy as np
import pytest

import anygram
from anygram import compiled, evaluation, runs, storage, training
from anygram.api import Run
from anygram.budgets import Budget
from anygram.errors import AnygramError, RunError, TrainingStopped, UsageError
from anygram.learning.counting import CountingLearner
from anygram.learning.gradient import GradientLearner
from anygram.learning.gradient.learner import KEEP_EVERY
from anygram.models import alone
from anygram.protocols import Tensors
from anygram.training import Plan, session
from anygram.training.plan import sort_settings
from tests.asking import ask, contents, strict_json, write_corpus

SMALL: dict[str, dict[str, Any]] = {
    "frequency": {"order": 3, "batch": 60},
    "ngram": {"order": 3, "batch": 60},
    "lstm": {"units": 12, "embedding": 6, "rows": 4, "block": 8},
    "transformer": {"width": 16, "heads": 2, "layers": 1, "rows": 4, "block": 8},
}
"""Settings with which a few sentences make many updates."""


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path, 120)


def _train(corpus: Path, model: str, budget: str, out: Path | None = None, **words: Any) -> Run:
    words = {"codec": "bytes", "settings": SMALL.get(model, {}), "seed": 1, **words}
    return anygram.train(corpus, model, out=out, budget=budget, **words)


def _metrics(run: Run) -> list[dict[str, Any]]:
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    return [strict_json(line) for line in lines]


def _same(one: Tensors, other: Tensors) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# Budgets


@pytest.mark.parametrize("model", ["frequency", "lstm"])
def test_steps_stop_to_the_step(corpus: Path, model: str) -> None:
    spent = _train(corpus, model, "7steps").record.spent
    assert spent["steps"] == 7


@pytest.mark.parametrize("symbols", [1, 32, 33, 320])
def test_symbols_stop_with_the_batch_that_reaches_them(corpus: Path, symbols: int) -> None:
    spent = _train(corpus, "lstm", f"{symbols}symbols").record.spent
    assert spent["symbols"] == -(-symbols // 32) * 32  # 4 rows of 8
    assert spent["steps"] == -(-symbols // 32)


def test_epochs_stop_at_the_end_of_the_last(corpus: Path) -> None:
    run = _train(corpus, "lstm", "2epochs", valid="none")
    assert run.record.spent["symbols"] == 2 * run.record.data["symbols"]
    assert run.record.spent["epochs"] == 2
    half = _train(corpus, "frequency", "0.5epochs").record
    assert half.spent["epochs"] == pytest.approx(0.5, abs=0.05)
    assert half.spent["symbols"] == pytest.approx(half.data["symbols"] / 2, rel=0.1)


def test_seconds_stop_in_time(corpus: Path) -> None:
    spent = _train(corpus, "lstm", "0.5s").record.spent
    assert 0.5 <= spent["seconds"] < 1.5


def test_the_first_limit_spent_stops(corpus: Path) -> None:
    assert _train(corpus, "lstm", "100epochs,5steps,1h").record.spent["steps"] == 5


def test_counting_ends_with_its_data(corpus: Path) -> None:
    record = _train(corpus, "frequency", "1h").record
    assert (record.spent["epochs"], record.spent["symbols"]) == (1.0, record.data["symbols"])


@pytest.mark.parametrize("model", sorted(SMALL))
def test_the_smallest_budget_makes_one_update(corpus: Path, model: str) -> None:
    """Whatever the budget, there is a model to ask afterwards."""
    run = _train(corpus, model, "0.0000001s")
    assert run.record.spent["steps"] == 1
    assert run.evaluate(corpus).perplexity > 1


def test_what_is_compiled_once_on_every_machine_is_not_charged(
    corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else whoever trains first has less of the budget than those who come after."""
    update = CountingLearner.update

    def compiling(self: CountingLearner, batch: Any, spent: float) -> Mapping[str, float]:
        for _ in range(5):
            numba.njit(lambda number: number + 1)(1)
        return update(self, batch, spent)

    _train(corpus, "frequency", "1h")  # what this test does not compile itself is compiled
    monkeypatch.setattr(CountingLearner, "update", compiling)
    began, clock = time.perf_counter(), compiled.clock()
    spent = _train(corpus, "frequency", "1h").record.spent
    stood_still = (time.perf_counter() - began) - (compiled.clock() - clock)
    assert 0 < spent["seconds"] < stood_still


# Seeds


@pytest.mark.parametrize("model", sorted(SMALL))
def test_equal_seeds_give_equal_models(corpus: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit, and on a machine whose clock runs otherwise: a budget in steps knows no time."""
    first = _train(corpus, model, "12steps", valid=0.1)
    ticks = itertools.count(0, 3.0)
    monkeypatch.setattr(time, "perf_counter", lambda: next(ticks))
    again = _train(corpus, model, "12steps", valid=0.1)
    assert _same(first.model.tensors(), again.model.tensors())
    if model == "lstm":
        other = _train(corpus, model, "12steps", valid=0.1, seed=2)
        assert not _same(first.model.tensors(), other.model.tensors())


# Validation


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Return a run that learnt noise by heart: the longer it learns, the worse it gets on other noise."""
    folder = tmp_path_factory.mktemp("noise")
    generator = random.Random(0)
    for name, lines in (("train.log", 12), ("valid.log", 12)):
        noise = ["".join(generator.choices("abcdefgh", k=30)) for _ in range(lines)]
        (folder / name).write_text("".join(f"{line}\n" for line in noise))
    words = {"units": 64, "embedding": 16, "rows": 4, "block": 16, "rate": 0.03, "decay": 0.0}
    return anygram.train(
        folder / "train.log", "lstm", out=folder / "run", codec="bytes", valid=str(folder / "valid.log"),
        settings=words, budget="600steps", seed=1,
    )  # fmt: skip


def test_the_best_weights_are_kept(overfitted: Run) -> None:
    figures = [
        line["valid_nats_per_symbol"] for line in _metrics(overfitted) if "valid_nats_per_symbol" in line
    ]
    best = overfitted.record.spent["best_valid_nats_per_symbol"]
    assert best == min(figures) < figures[-1] - 0.05, "it did not overfit: the test shows nothing"
    valid = overfitted.path.parent / "valid.log"
    evaluated = overfitted.evaluate(valid)
    assert evaluated.nats / evaluated.symbols == pytest.approx(best, rel=1e-4)
    assert not _same(_model(runs.read_training(overfitted.path)), overfitted.model.tensors())


def test_validation_takes_a_small_share_of_the_work(overfitted: Run) -> None:
    lines = _metrics(overfitted)
    steps = [line["step"] for line in lines if "valid_nats_per_symbol" in line]
    symbols = overfitted.record.spent["symbols"]
    share = len(steps) * 372 / 2 / symbols  # reading is half of learning; 12 lines of 31 symbols
    assert steps[0] > 20 and steps[-1] == 600
    assert 0.03 < share < 0.06
    assert all(later - earlier >= 600 // 20 for earlier, later in itertools.pairwise(steps[:-1]))


# Metrics and the record


def test_metrics_hold_loss_rate_and_gradient(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "METRICS_EVERY_SECONDS", 0.0)
    run = _train(corpus, "lstm", "6steps")
    learnt = [line for line in _metrics(run) if "rate" in line]
    assert [line["step"] for line in learnt] == [1, 2, 3, 4, 5, 6]
    assert [line["symbols"] for line in learnt] == [32 * step for step in range(1, 7)]
    for line in learnt:
        assert line["nats_per_symbol"] > 0 and line["gradient_norm"] > 0 and line["seconds"] >= 0
    assert max(line["rate"] for line in learnt) <= run.record.learner_settings["rate"]


def test_the_last_step_is_in_the_metrics_however_short_the_training(corpus: Path) -> None:
    run = _train(corpus, "lstm", "4steps", valid="none")
    assert _metrics(run)[-1]["step"] == 4


def test_a_record_repeats_the_run(corpus: Path) -> None:
    """Everything needed is in run.toml: training again from it gives the same weights."""
    run = _train(corpus, "lstm", "5steps", valid=0.1)
    record = run.record
    again = anygram.train(
        record.data["sources"], record.model, codec=record.codec, valid=record.data["valid"],
        settings={**record.model_settings, **record.learner_settings}, seed=record.seed,
        budget=Budget(**record.budget),
    )  # fmt: skip
    assert _same(run.model.tensors(), again.model.tensors())
    assert again.record.data == record.data
    assert record.versions == runs.versions()


def test_data_are_described(corpus: Path) -> None:
    data = _train(corpus, "frequency", "1h", valid=0.1, test=0.25).record.data
    assert data["bytes"] == corpus.stat().st_size
    assert (data["documents"], data["test_documents"], data["valid_documents"]) == (120, 30, 9)
    assert data["train_documents"] == 81 and data["duplicates_in_test"] > 0


# A loss that is lost


def _spoil_after(steps: int, monkeypatch: pytest.MonkeyPatch) -> list[Tensors]:
    """Make weights not finite after some steps; return the list of the weights before each step."""
    seen: list[Tensors] = []
    update = GradientLearner.update

    def spoilt(self: GradientLearner, batch: Any, spent: float) -> Mapping[str, float]:
        seen.append({name: array.copy() for name, array in self._model.tensors().items()})
        measured = update(self, batch, spent)
        if len(seen) == steps:
            for parameter in self._model.module().parameters():
                parameter.data.mul_(float("inf"))
        return measured

    monkeypatch.setattr(GradientLearner, "update", spoilt)
    return seen


@pytest.mark.parametrize("valid", ["none", "0.1"])
def test_a_loss_that_is_not_finite_stops_and_keeps_good_weights(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, valid: str
) -> None:
    seen = _spoil_after(25, monkeypatch)
    message = (
        r"no longer finite at step 26 \(rate .*\); the last good weights are kept; try --set learner.rate="
    )
    with pytest.raises(TrainingStopped, match=message):
        _train(corpus, "lstm", "1000steps", tmp_path / "run", valid=valid)
    run = anygram.load(tmp_path / "run")
    assert run.record.status == "stopped" and run.record.spent["steps"] == 25
    assert run.evaluate(corpus).bits_per_byte is not None
    if valid == "none":
        assert _same(run.model.tensors(), seen[KEEP_EVERY])
    assert all(strict_json(json.dumps(line)) for line in _metrics(run))


def test_a_rate_out_of_all_proportion_ends_in_one_line(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ask(
        capsys, "train", corpus, "--model", "rnn", "--out", tmp_path / "run", "--budget", "50steps",
        "--set", "units=8", "--set", "rate=1e38", "--set", "rows=4", "--set", "block=8", "--json",
    )  # fmt: skip
    assert said.status == 1 and "the training loss is no longer finite" in said.refusal
    fields = ask(capsys, "evaluate", tmp_path / "run", corpus, "--json").fields
    assert fields["nats"] > 0


# Stopping and going on


def _interrupt_at(step: int, monkeypatch: pytest.MonkeyPatch, number: int = signal.SIGINT) -> None:
    """Send the signal while the learner makes its step of that number; once."""
    for learner in (CountingLearner, GradientLearner):
        _interrupt_learner(learner, step, monkeypatch, number)


def _interrupt_learner(learner: Any, step: int, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    update: Callable[..., Mapping[str, float]] = learner.update
    done = itertools.count(1)

    def interrupted(self: Any, batch: Any, spent: float) -> Mapping[str, float]:
        if next(done) == step:
            signal.raise_signal(number)
        return update(self, batch, spent)

    monkeypatch.setattr(learner, "update", interrupted)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("model", sorted(SMALL))
def test_an_interrupted_training_goes_on(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, number: int
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        _interrupt_at(4, patch, number)
        with pytest.raises(KeyboardInterrupt, match=r"keeps what was learnt; --resume goes on with it"):
            _train(corpus, model, "11steps", out)
    stopped = runs.read(out).record
    assert stopped.spent["steps"] == 4  # the step that was interrupted is whole
    assert stopped.status == ("unfinished" if model in ("frequency", "ngram") else "training")
    before = runs.read_metrics(out)
    run = _train(corpus, model, "11steps", out, resume=True)
    assert (run.record.status, run.record.spent["steps"]) == ("finished", 11)
    assert run.record.spent["seconds"] > stopped.spent["seconds"]
    after = _metrics(run)
    assert after[: len(before)] == before and after[-1]["step"] == 11
    assert run.evaluate(corpus).perplexity < 257
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus.log", "run"]


@pytest.mark.parametrize("model", ["frequency", "ngram"])
@pytest.mark.parametrize("step", [1, 6, 11])
def test_counting_in_two_goes_is_counting_in_one(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, step: int
) -> None:
    with monkeypatch.context() as patch:
        _interrupt_at(step, patch)
        with pytest.raises(KeyboardInterrupt):
            _train(corpus, model, "1h", tmp_path / "run")
    resumed = _train(corpus, model, "1h", tmp_path / "run", resume=True)
    whole = _train(corpus, model, "1h")
    assert _same(resumed.model.tensors(), whole.model.tensors())
    assert resumed.record.spent["symbols"] == whole.record.data["symbols"]


def test_a_resumed_learner_continues_where_it_stopped(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same blocks, same moments, same rate; only the state carried into the first block is new."""
    blocks: list[Any] = []
    update = GradientLearner.update

    def noted(self: GradientLearner, batch: Any, spent: float) -> Mapping[str, float]:
        measured = update(self, batch, spent)
        blocks.append((batch.ids_BT.tolist(), measured["rate"]))
        return measured

    monkeypatch.setattr(GradientLearner, "update", noted)
    _train(corpus, "lstm", "9steps")
    whole, blocks[:] = list(blocks), []
    with monkeypatch.context() as patch:
        _interrupt_at(4, patch)
        with pytest.raises(KeyboardInterrupt):
            _train(corpus, "lstm", "9steps", tmp_path / "run")
    _train(corpus, "lstm", "9steps", tmp_path / "run", resume=True)
    assert blocks == whole


def test_a_run_with_its_budget_spent_goes_on_with_a_larger_one(corpus: Path, tmp_path: Path) -> None:
    _train(corpus, "lstm", "5steps", tmp_path / "run")
    for budget in ("5steps", "3steps", "5steps,1h"):
        with pytest.raises(RunError, match=r"has spent its budget; give a larger --budget"):
            _train(corpus, "lstm", budget, tmp_path / "run", resume=True)
    run = _train(corpus, "lstm", "8steps", tmp_path / "run", resume=True)
    assert (run.record.spent["steps"], run.record.budget) == (8, {"steps": 8})


def test_a_counted_run_is_finished(corpus: Path, tmp_path: Path) -> None:
    _train(corpus, "frequency", "1h", tmp_path / "run")
    with pytest.raises(RunError, match=r"once is all it takes; train a new run on more"):
        _train(corpus, "frequency", "2h", tmp_path / "run", resume=True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"valid": 0.2}, r"was trained on other data \(valid was none, now 0.2\)"),
        ({"test": 0.2}, r"was trained on other data \(test was none, now 0.2\)"),
        ({"seed": 9}, r"is a lstm over bytes with seed 1; resume with the same \(seed was 1, now 9\)"),
        ({"codec": "chars"}, "is a lstm over bytes with seed 1; resume with the same"),
        (
            {"settings": {**SMALL["lstm"], "rate": 0.5}},
            r"begun with other settings of its learner \(rate was .*, now 0.5\); resume without",
        ),
        ({"settings": {**SMALL["lstm"], "units": 5}}, r"settings of its model \(units was 12, now 5\)"),
    ],
)
def test_going_on_with_something_else_is_refused(
    corpus: Path, tmp_path: Path, changed: dict[str, Any], message: str
) -> None:
    _train(corpus, "lstm", "3steps", tmp_path / "run")
    before = contents(tmp_path)
    with pytest.raises(RunError, match=message):
        _train(corpus, "lstm", "9steps", tmp_path / "run", resume=True, **changed)
    assert contents(tmp_path) == before


def test_going_on_without_settings_takes_the_runs_own(corpus: Path, tmp_path: Path) -> None:
    _train(corpus, "lstm", "3steps", tmp_path / "run")
    run = _train(corpus, "lstm", "5steps", tmp_path / "run", resume=True, settings={})
    assert run.record.model_settings["units"] == 12


def test_going_on_with_other_data_or_none_is_refused(corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="holds no run to resume; leave --resume out"):
        _train(corpus, "lstm", "3steps", tmp_path / "run", resume=True)
    _train(corpus, "lstm", "3steps", tmp_path / "run")
    corpus.write_text(corpus.read_text().replace("cat", "cow"))
    with pytest.raises(RunError, match="was trained on other data"):
        _train(corpus, "lstm", "9steps", tmp_path / "run", resume=True)


def test_stopping_while_measuring_keeps_the_model(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*words: Any, **options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(evaluation, "evaluate", stopped)
    with pytest.raises(KeyboardInterrupt, match=r"run is trained; anygram evaluate measures it"):
        _train(corpus, "frequency", "1h", tmp_path / "run", test=0.1)
    monkeypatch.undo()
    run = anygram.load(tmp_path / "run")
    assert run.record.status == "finished" and run.evaluate(corpus).perplexity > 1


# Checkpoints


@pytest.mark.parametrize("model", sorted(SMALL))
def test_checkpoints_change_nothing_and_can_be_read(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    # validated at every step, so that the best weights are not the last
    monkeypatch.setattr(session.Session, "_plan_validation", lambda session: None)
    plain = _train(corpus, model, "8steps", tmp_path / "plain", **_wild(model))
    monkeypatch.setattr(session, "CHECKPOINT_EVERY_SECONDS", 0.0)
    write, read_back = runs.write, []

    def noted(path: Path, *words: Any, **options: Any) -> None:
        write(path, *words, **options)
        read_back.append(runs.read(path))
        assert runs.read_record(path).status == "finished" or runs.read_training(path)

    monkeypatch.setattr(runs, "write", noted)
    often = _train(corpus, model, "8steps", tmp_path / "run", **_wild(model))
    assert len(read_back) == 9
    assert _same(plain.model.tensors(), often.model.tensors())
    if "rate" in _wild(model)["settings"]:
        last, expected = runs.read_training(often.path), runs.read_training(plain.path)
        assert _same(last, expected) and not _same(_model(last), often.model.tensors())


def _wild(model: str) -> dict[str, Any]:
    """Return words with which a network gets worse again soon."""
    rate = {"rate": 20, "final_rate": 0.99} if model in ("lstm", "transformer") else {}
    return {"settings": {**SMALL[model], **rate}, "valid": 0.1}


def _model(resumable: Tensors) -> Tensors:
    """Return the weights to go on from."""
    whole = resumable.items()
    return {name.removeprefix("model."): array for name, array in whole if name.startswith("model.")}


KILLED = """
import sys
import anygram
from anygram.training import session
session.CHECKPOINT_EVERY_SECONDS = 0.0
corpus, model, out, settings, resume = eval(sys.argv[1])
anygram.train(corpus, model, out=out, codec="bytes", settings=settings, budget="1h", seed=1, resume=resume)
"""


def _killed_trainings(corpus: Path, model: str, out: Path, times: int) -> Iterator[bool]:
    """Kill a training that writes without pause, at a random moment, and yield whether it left a run."""
    generator = random.Random(0)
    endless = {**SMALL[model], "batch": 1} if "batch" in SMALL[model] else SMALL[model]
    for _ in range(times):
        words = repr((str(corpus), model, str(out), endless, out.exists()))
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, words],
            stderr=subprocess.PIPE,
            env={**os.environ, "TMPDIR": str(corpus.parent)},  # what a killed process cannot clear away
        )
        deadline = time.monotonic() + 60
        started = out.stat().st_ino if out.exists() else None
        while process.poll() is None and time.monotonic() < deadline:
            if out.exists() and out.stat().st_ino != started:  # its first checkpoint is there
                time.sleep(generator.uniform(0, 0.1))
                break
            time.sleep(0.001)
        process.kill()
        _, errors = process.communicate()
        assert process.returncode == -signal.SIGKILL, errors.decode()
        yield out.exists()


@pytest.mark.parametrize(("model", "times"), [("frequency", 5), ("lstm", 2)])
def test_a_killed_training_leaves_a_run_that_can_go_on(tmp_path: Path, model: str, times: int) -> None:
    corpus = write_corpus(tmp_path, 20_000 if model == "frequency" else 200)
    out = tmp_path / "out" / "run"
    steps = 0
    for left in _killed_trainings(corpus, model, out, times):
        assert left
        stored, resumable = runs.read(out), runs.read_training(out)
        assert resumable and stored.record.spent["steps"] > steps
        steps = stored.record.spent["steps"]
    run = _train(corpus, model, f"{steps + 2}steps", out, resume=True, settings={})
    assert run.record.spent["steps"] == steps + 2


# Where it is written


def test_an_output_in_the_way_is_refused_before_any_work(corpus: Path, tmp_path: Path) -> None:
    file, full, run = tmp_path / "file", tmp_path / "full", tmp_path / "run"
    file.touch()
    full.mkdir()
    (full / "thesis.tex").touch()
    _train(corpus, "frequency", "1h", run)
    before = contents(tmp_path)
    for out, message in {
        file: r"is a file; name a folder that does not exist yet",
        full: r"already holds files that are no run; name another folder",
        run: r"already holds a run; pass --resume to go on with it, or name another folder",
        Path("/proc"): r"is a mount point, which cannot be replaced; name a folder inside it",
    }.items():
        with pytest.raises(UsageError, match=message):
            _train(tmp_path / "never read", "frequency", "1h", out)
    for out in (file / "run", file / "deeper" / "run"):
        with pytest.raises(AnygramError, match=r"cannot write .*: Not a directory; choose another place"):
            _train(tmp_path / "never read", "frequency", "1h", out)
    assert contents(tmp_path) == before


def test_an_empty_folder_is_written_into(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    assert _train(corpus, "uniform", "1h", tmp_path / "run", settings={}).path == tmp_path / "run"


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_without_permission_is_refused_before_any_work(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(AnygramError, match=r"no permission; choose another folder"):
        storage.require_writable(tmp_path / "closed" / "run")


# Plans


PLACES = {"model": ["order", "size"], "learner": ["rate"], "codec": ["size", "min_count"]}


def test_settings_go_where_their_key_is() -> None:
    found = sort_settings({"order": 1, "rate": 2, "codec.size": 3, "model.size": 4}, PLACES)
    assert found == {"model": {"order": 1, "size": 4}, "learner": {"rate": 2}, "codec": {"size": 3}}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ordr": 1}, "no setting named 'ordr'; did you mean 'order'"),
        ({"size": 1}, "'size' is a setting of model and codec; write model.size or codec.size$"),
        ({"codec.min_cont": 1}, "no codec setting named 'min_cont'; did you mean 'min_count'"),
        ({"lerner.rate": 1}, "no setting named 'lerner.rate'"),
    ],
)
def test_a_setting_that_has_no_place_is_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        sort_settings(values, PLACES)


@pytest.mark.parametrize("name", alone())
def test_every_model_has_a_way_to_learn(name: str) -> None:
    training.check(Plan(name))


@pytest.mark.parametrize(
    ("model", "budget", "expected"),
    [
        ("lstm", Budget(seconds=120), "none"),  # 6 passes over a megabyte
        ("lstm", Budget(seconds=600), "0.05"),
        ("lstm", Budget(epochs=10), "none"),
        ("lstm", Budget(epochs=11), "0.05"),
        ("lstm", Budget(seconds=600, epochs=2), "none"),
        ("lstm", Budget(steps=10_000), "0.05"),
        ("lstm", Budget(symbols=1_000_000), "none"),
        ("ngram", Budget(seconds=600), "none"),
        ("uniform", Budget(epochs=11), "none"),
    ],
)
def test_only_a_gradient_that_could_overfit_validates(model: str, budget: Budget, expected: str) -> None:
    assert training.default_valid(Plan(model, budget=budget), 1_000_000) == expected


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(UsageError, match=r"seed must be at least 0"):
        Plan("uniform", seed=-1)
