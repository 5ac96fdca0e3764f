"""A search for settings: within the budget, by the validation part, and the same when it was stopped."""

from __future__ import annotations

import importlib.util
import json
import math
import random
import shutil
import signal
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import models, training
from anygram.budgets import Budget
from anygram.comparison import floors, proposals, results, search
from anygram.comparison.search import Search, Trial
from anygram.data.preparation import DataOptions, Prepared, prepare
from anygram.errors import UsageError, in_one_line
from anygram.reporting.progress import Lines, Silent
from anygram.spaces import Choice, Factor, Shift, Space
from tests.asking import ask, contents, strict_json, write_corpus

SPACE: Space = {
    "rate": Factor(0.25, 4),
    "dropout": Shift(-0.1, 0.2, 0.05, 0.0, 0.5),
    "schedule": Choice(("linear",)),
}
SMALL = {"units": 12, "embedding": 6, "rows": 4, "block": 8}
"""So the rate and dropout alone are searched."""
OF_LSTM = {f"lstm.{key}": value for key, value in SMALL.items()}


@pytest.fixture(autouse=True)
def no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compressors out, each of which is a process."""
    monkeypatch.setattr(floors, "available", list)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("prepared")
    options = DataOptions((str(write_corpus(folder, 400)),), valid="0.2", test="0.1")
    return prepare(options, 0, folder / "documents")


def _searched(plan: training.Plan, trials: int, prepared: Prepared, folder: Path) -> Search:
    return search.search(
        plan, trials, prepared, folder / "trials.json", folder / "runs", in_one_line, Silent()
    )


def _timeless(found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the trials of a row's search without what a clock measured."""
    return [{**trial, "spent": {**trial["spent"], "seconds": None}} for trial in found["trials"]]


# What is proposed


def test_the_first_proposal_is_what_is_suggested_and_others_are_new() -> None:
    told: list[tuple[Any, float | None]] = []
    for figure in (3.0, 2.0, None, 2.5, 1.9, 2.4, None, 2.2):
        drawn = proposals.propose(SPACE, told, seed=3)
        assert drawn is not None and drawn not in [before for before, _ in told]
        assert drawn == {} if not told else drawn.keys() == SPACE.keys()
        told.append((drawn, figure))


def test_a_proposal_is_a_function_of_what_was_tried_and_the_seed() -> None:
    told: list[tuple[Any, float | None]] = [({}, 2.0)]
    for figure in (1.9, 2.1, 1.8, 2.2, 1.7):
        drawn = proposals.propose(SPACE, told, 5)
        assert drawn == proposals.propose(SPACE, list(told), 5) != proposals.propose(SPACE, told, 6)
        told.append((drawn, figure))


def test_what_was_good_is_tried_again_nearby() -> None:
    """Of figures that grow with the distance from a factor of 2, late proposals have less than early ones."""
    early: list[float] = []
    late: list[float] = []
    for seed in range(5):
        told: list[tuple[Any, float | None]] = []
        for _ in range(25):
            drawn = proposals.propose({"rate": Factor(0.1, 10)}, told, seed)
            assert drawn is not None
            told.append((drawn, abs(math.log(drawn.get("rate", 1.0) / 2))))
        figures = [figure or 0.0 for _, figure in told]
        early, late = early + figures[1:5], late + figures[-10:]
    assert statistics.median(late) < 0.7 * statistics.median(early)


def test_a_small_space_comes_to_an_end() -> None:
    small: Space = {"order": Shift(-1, 1, 1, 1, 9), "smoothing": Choice(("katz",))}
    told: list[tuple[Any, float | None]] = []
    while (drawn := proposals.propose(small, told, 0)) is not None:
        told.append((drawn, 1.0 + len(told)))
    assert 3 <= len(told) <= 6


# The budget


@given(
    trials=st.integers(2, 30),
    unit=st.sampled_from(["seconds", "symbols", "epochs", "steps"]),
    more=st.floats(1, 50),
    over=st.floats(0.0, 0.5),
)
def test_trials_take_half_of_the_budget_at_most(trials: int, unit: str, more: float, over: float) -> None:
    """Even where each overshoots; one that does is the last that may."""
    limit = int(2 * trials * more) if unit in ("symbols", "steps") else more
    budget_ = Budget.parse(f"{limit}{'s' if unit == 'seconds' else unit}")
    plan, done = training.Plan("lstm", budget=budget_), Search()
    while (budget := search.next_budget(plan, trials, done)) is not None:
        given_ = getattr(budget, unit)
        assert 0 < given_ <= limit / (2 * trials) + 1e-9
        spent = {**dict.fromkeys(("seconds", "symbols", "epochs", "steps"), 0.0), unit: given_ * (1 + over)}
        done = Search((*done.trials, Trial({}, spent=spent)))
    assert done.trials and len(done.trials) <= trials
    assert done.spent[unit] <= limit / 2 + over * limit / (2 * trials) + 1e-9
    left = getattr(plan.budget.less(done.spent), unit)
    if unit in ("seconds", "epochs"):
        assert done.spent[unit] + left == pytest.approx(limit)
        assert over or len(done.trials) == trials
    assert limit - 1 < done.spent[unit] + left <= limit + 1e-9


def test_what_reads_its_text_once_is_left_enough_to_read_it() -> None:
    def done(seconds: float, epochs: float) -> Search:
        spent = {"seconds": seconds, "symbols": 10.0, "epochs": epochs, "steps": 1.0}
        return Search((Trial({}, valid_perplexity=2.0, spent=spent),))

    plan = training.Plan("ngram", budget=Budget(seconds=100))
    assert search.next_budget(plan, 5, Search()) == Budget(seconds=10)
    assert search.next_budget(plan, 5, done(10, epochs=0.5)) == Budget(seconds=10)
    assert search.next_budget(plan, 5, done(10, epochs=0.11)) is None  # 91 s more, and 90 are left
    by_epochs = training.Plan("ngram", budget=Budget(epochs=1))
    assert search.next_budget(by_epochs, 5, Search()) is None
    assert search.next_budget(training.Plan("lstm", budget=Budget(epochs=1)), 5, Search()) is not None


def test_all_steps_of_trials_and_training_are_the_budget(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path, 300)
    compared = anygram.compare(
        corpus, tmp_path / "out", models="lstm:bytes,uniform:bytes", settings=OF_LSTM, budget="40steps",
        search=4, third=True,
    )  # fmt: skip
    rows = {row.model: row for row in compared.rows}
    found = rows["lstm"].search
    assert found is not None and found["ended"] and len(found["trials"]) == 4
    assert rows["uniform"].search is None
    run = anygram.load(tmp_path / "out" / "lstm-bytes").record
    steps = [trial["spent"]["steps"] for trial in found["trials"]]
    assert steps == [5, 5, 5, 5] and run.spent["steps"] == 20
    assert {rule["rule"]: rule["held"] for rule in compared.fields["rules"]}["the budget spent"] is True
    # the best on validation is what was trained, and nothing else
    best = min(found["trials"], key=lambda trial: trial["valid_perplexity"])
    assert best is found["trials"][found["chosen"]]
    assert run.learner_settings["rate"] == best["settings"]["rate"]
    assert found["trials"][0]["drawn"] == {}
    assert len({trial["settings"]["rate"] for trial in found["trials"]}) == 4
    # a third of the training, with the same settings and no search of its own
    third = strict_json((tmp_path / "out" / "found" / "third" / "lstm-bytes.json").read_text())
    assert third["learner_settings"]["rate"] == run.learner_settings["rate"]
    assert third["train_symbols"] == 6 * 32
    assert not (tmp_path / "out" / "found" / "search" / "lstm-bytes").exists()
    for name in ("report.md", "report.html"):
        assert "Trials of the search" in (tmp_path / "out" / name).read_text()


# The choice


@pytest.mark.parametrize("suggested_is_bad", [False, True])
def test_settings_that_are_much_worse_on_validation_are_never_chosen(
    suggested_is_bad: bool, prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rate at which nothing is learnt, as suggested or as the other choice."""
    module = models.REGISTRY.load("lstm")
    rates = (1e-9, 0.05) if suggested_is_bad else (0.05, 1e-9)
    monkeypatch.setattr(module, "suggest", lambda *_: (module.Config(**{**_sizes(), "dropout": 0.0}), {
        "rows": 4, "block": 8, "optimiser": "muon", "rate": rates[0],
    }))  # fmt: skip
    monkeypatch.setattr(module, "search_space", lambda: {"rate": Choice((rates[1],))})
    found = _searched(training.Plan("lstm", "bytes", budget=Budget(steps=80)), 4, prepared, tmp_path)
    assert [trial.settings["rate"] for trial in found.trials] == [*rates]  # there are no more
    assert found.chosen == int(suggested_is_bad)
    assert found.drawn == ({"rate": 0.05} if suggested_is_bad else {})


def _sizes() -> dict[str, Any]:
    return {key: SMALL[key] for key in ("units", "embedding")}


def test_a_trial_that_fails_is_a_failed_trial(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        models.REGISTRY.load("frequency"), "search_space", lambda: {"order": Choice((0, 1_000_000))}
    )
    plan = training.Plan("frequency", "bytes", {"k": 0.1}, budget=Budget(epochs=40))
    found = _searched(plan, 8, prepared, tmp_path)
    errors = {trial.drawn.get("order"): trial.error for trial in found.trials}
    assert errors.keys() == {None, 0, 1_000_000}
    assert errors[None] == "" and errors[0] == "order must be at least 1, got 0"
    assert errors[1_000_000] != ""
    assert found.chosen == 0 and found.drawn == {}
    # it is taken to have spent what it was given
    assert found.spent["epochs"] == pytest.approx(1 + 2 * 2.5)


def test_where_every_trial_fails_settings_are_as_suggested() -> None:
    spent = {"seconds": 1.0, "symbols": 0.0, "epochs": 0.0, "steps": 0.0}
    found = Search((Trial({}, spent=spent, error="no"), Trial({"rate": 2.0}, spent=spent, error="no")))
    assert found.chosen is None and found.drawn == {}
    assert results.outcome(found.to_json()).startswith("as suggested: no trial fitted")


def test_a_trial_that_diverged_is_not_chosen_whatever_its_figure() -> None:
    spent = {"seconds": 1.0, "symbols": 0.0, "epochs": 0.0, "steps": 0.0}
    diverged = Trial({"rate": 2.0}, valid_perplexity=2.0, spent=spent, error="no longer finite")
    assert Search((Trial({}, valid_perplexity=3.0, spent=spent), diverged)).chosen == 0


def test_what_is_pinned_or_swept_is_not_searched(tmp_path: Path) -> None:
    compared = anygram.compare(
        write_corpus(tmp_path, 200), tmp_path / "out", models="frequency:bytes", budget="40epochs", search=3,
        settings={"frequency.k": 0.5}, sweep={"frequency.order": [1, 2]},
    )  # fmt: skip
    # each of a sweep for itself, and here nothing is left to search
    assert [row.search for row in compared.rows] == [None, None]
    more = anygram.compare(out=tmp_path / "out", add="ngram:bytes,lstm:bytes", settings={
        **OF_LSTM, "lstm.rate": 0.01,
    })  # fmt: skip
    rows = {row.model: row for row in more.rows}
    lstm, ngram = rows["lstm"].search, rows["ngram"].search
    assert lstm is not None and {*lstm["trials"][0]["settings"]} == {"dropout"}
    assert rows["lstm"].learner_settings["rate"] == 0.01
    assert ngram is not None and len(ngram["trials"]) == 3
    drawn = ngram["trials"][ngram["chosen"]]["drawn"].get("order", 0)
    symbols = anygram.load(tmp_path / "out" / "ngram-bytes").record.data["symbols"]
    suggested, _ = models.REGISTRY.load("ngram").suggest([], symbols, 257, Budget(epochs=40))
    assert rows["ngram"].model_settings["order"] == suggested.order + drawn


# Stopping in the middle


def test_a_search_that_was_stopped_goes_on_without_doing_trials_twice(
    prepared: Prepared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = training.Plan("lstm", "bytes", SMALL, Budget(steps=40))
    whole = _searched(plan, 5, prepared, tmp_path / "whole")
    train, begun = training.train, []

    def interrupted(*words: Any, **options: Any) -> Any:
        begun.append(options["out"].name)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return train(*words, **options)

    monkeypatch.setattr(training, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        _searched(plan, 5, prepared, tmp_path / "stopped")
    half = search.read(tmp_path / "stopped" / "trials.json")
    assert len(half.trials) == 2 and not half.ended
    resumed = _searched(plan, 5, prepared, tmp_path / "stopped")
    assert begun == ["0", "1", "2", "2", "3", "4"]
    assert resumed == search.read(tmp_path / "stopped" / "trials.json") and resumed.ended
    assert _timeless(resumed.to_json()) == _timeless(whole.to_json()) and resumed.drawn == whole.drawn
    assert not list((tmp_path / "stopped" / "runs").iterdir())
    # what is done is done
    assert _searched(plan, 5, prepared, tmp_path / "stopped") == resumed and len(begun) == 6


def test_killed_at_random_moments_and_resumed_it_chooses_the_same(tmp_path: Path) -> None:
    corpus, out = write_corpus(tmp_path, 300), [tmp_path / "whole", tmp_path / "killed"]
    words = ["compare", str(corpus), "--models", "lstm:bytes,frequency:bytes", "--budget", "60steps"]
    words += ["--search", "5", *(word for key in OF_LSTM for word in ("--set", f"{key}={OF_LSTM[key]}"))]
    assert _start([*words, "--out", str(out[0])]).wait() == 0
    now, generator = [*words, "--out", str(out[1])], random.Random()
    for _ in range(3):
        process = _start(now)
        try:
            process.wait(timeout=generator.uniform(3.0, 8.0))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        if (out[1] / "contest.json").exists():
            now = ["compare", "--resume", "--out", str(out[1])]
    if not (out[1] / "results.json").exists():
        assert _start(now).wait() == 0
    once, again = (strict_json((folder / "results.json").read_text())["results"] for folder in out)
    for one, other in zip(once, again, strict=True):
        assert one["bits_per_byte"] == other["bits_per_byte"]
        assert one["search"]["chosen"] == other["search"]["chosen"]
        assert _timeless(one["search"]) == _timeless(other["search"])


def _start(words: list[str]) -> subprocess.Popen[bytes]:
    run = (
        "from anygram.comparison import floors; floors.available = list; from anygram.cli import main; main()"
    )
    return subprocess.Popen(
        [sys.executable, "-c", run, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def test_a_search_whose_process_dies_leaves_the_contestant_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dying = tmp_path / "python"
    dying.write_text(f'#!/bin/sh\ncase "$*" in *search-*) kill -9 $$;; esac\nexec {sys.executable} "$@"\n')
    dying.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(dying))
    compared = anygram.compare(
        write_corpus(tmp_path, 200), tmp_path / "out", models="frequency:bytes", budget="40epochs", search=3
    )
    (row,) = compared.rows
    assert row.error == "" and row.bits_per_byte is not None
    assert row.search == {"trials": [], "chosen": None, "ended": False}
    assert "| frequency-bytes | cut short |" in (tmp_path / "out" / "report.md").read_text()


def test_without_texts_no_message_of_a_trial_is_kept(tmp_path: Path) -> None:
    out, secret = tmp_path / "out", "Quicksilver"
    corpus = write_corpus(tmp_path, 200)
    anygram.compare(corpus, out, models="frequency:bytes", budget="40epochs", search=2)
    failed = {"error": f"KeyError: '{secret}'", "valid_perplexity": None}
    for name in ("trials/frequency-bytes", "search/frequency-bytes", "frequency-bytes"):
        found = strict_json((out / "found" / f"{name}.json").read_text())
        (found if "trials" in found else found["search"])["trials"][1] |= failed
        (out / "found" / f"{name}.json").write_text(json.dumps(found))
    told = anygram.compare(corpus, out, resume=True).rows[0].search
    assert told is not None and secret in told["trials"][1]["error"]
    cleared = anygram.compare(corpus, out, resume=True, texts=False).rows[0].search
    assert cleared is not None
    assert cleared["trials"][1]["error"].endswith("its message is left out, for it may quote the data")
    assert cleared["trials"][0] == told["trials"][0] and cleared["trials"][0]["error"] == ""
    said = [name for name, raw in contents(out).items() if secret.encode() in raw]
    assert said == []


# What is asked for


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"search": 1}, "--search must be at least 2 trials, the first as suggested, got 1"),
        ({"search": -3}, "--search must be at least 2 trials"),
        ({"search": 6, "budget": "11steps"}, "--search 6 needs a budget of at least 12 steps, got 11"),
        ({"search": 6, "valid": "none"}, "--search chooses by a validation part; leave out --valid none"),
    ],
)
def test_what_cannot_be_searched_is_refused_before_any_work(
    tmp_path: Path, asked: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        anygram.compare(tmp_path / "never read", tmp_path / "out", models="lstm", **asked)
    assert not (tmp_path / "out").exists()


def test_without_the_extra_the_remedy_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(proposals, "find_spec", lambda name: None if name == "optuna" else find(name))
    said = ask(capsys, "compare", write_corpus(tmp_path), "--search", 4, "--out", tmp_path / "out")
    assert said.status == 2
    assert said.refusal == (
        "optuna, which --search needs, is not installed; pip install 'anygram[search]', or leave out --search"
    )
    assert not (tmp_path / "out").exists()


def test_a_search_is_part_of_the_question(tmp_path: Path) -> None:
    corpus, out = write_corpus(tmp_path, 200), tmp_path / "out"
    compared = anygram.compare(corpus, out, models="uniform:bytes", budget="3steps")
    assert "--search" not in compared.fields["question"]["command"]
    with pytest.raises(UsageError, match=r"was begun with other search \(0, now 3\)"):
        anygram.compare(out=out, resume=True, search=3)
    shutil.rmtree(out)
    compared = anygram.compare(corpus, out, models="uniform:bytes", budget="8steps", search=3)
    assert "--search 3" in compared.fields["question"]["command"]
    assert compared.fields["question"]["search"] == 3


def test_trials_show_while_they_are_made(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = training.Plan("frequency", "bytes", {"k": 0.1}, budget=Budget(epochs=40))
    files = tmp_path / "trials.json", tmp_path / "runs"
    found = search.search(plan, 2, prepared, *files, in_one_line, Lines(sys.stdout))
    said = capsys.readouterr().out
    assert "trial 1 of 2: training frequency" in said
    assert f"trial 2 of 2: {found.trials[1].valid_bits_per_byte:.3f} bits per byte on validation" in said
    assert results.outcome(found.to_json()).startswith(f"trial {(found.chosen or 0) + 1} of 2 was the best")
