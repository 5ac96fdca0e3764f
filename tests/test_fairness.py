"""The hostile reader's list: each unfairness is planted in a real comparison, which must say so by name.

Most are planted in one comparison, whose contestants are the same honest models under other names, each job
done in this process while its crime is under way.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import anygram
from anygram import codecs, evaluation, lanes, models, storage
from anygram.budgets import Budget
from anygram.codecs.bytes import BytesCodec
from anygram.comparison import checks, compare, costs, facts, floors, job, results
from anygram.comparison.compare import Comparison
from anygram.comparison.job import Job
from anygram.comparison.results import Row
from anygram.evaluation import Surprisal
from anygram.models import frequency, lstm
from anygram.models.frequency import Frequency
from anygram.protocols import Codec, Encoded, FloatArray, Ids, LanguageModel, Lengths
from anygram.registry import Registry
from anygram.reporting.progress import Silent

Found = dict[str, Any]
Patch = pytest.MonkeyPatch

SMALL = {"units": 8, "embedding": 4, "rows": 2, "block": 8}
TEST, TRAINING, BUDGET, SPENT = (
    "the same test bytes", "the same training documents", "the same budget", "the budget spent",
)  # fmt: skip
THREADS, MACHINE, SEED, TUNED = (
    "the same threads", "the same machine", "one training each, of one seed",
    "no settings chosen by the test part",
)  # fmt: skip
DUPLICATES, CHOSEN, APART = (
    "duplicates across the parts are counted", "settings of several chosen by validation",
    "static, lossy and adaptive figures apart",
)  # fmt: skip


# Crimes in the doing of a job: each does it and returns what was found


def run(asked: Job) -> Found:
    """Do a job as its process does."""
    found = job.run(asked, Silent())
    storage.write_text(Path(asked.found), json.dumps(found))
    return found


def _another_test_part(patch: Patch, asked: Job) -> Found:
    """Be scored on other documents."""
    return run(replace(asked, options={**asked.options, "test": "0.2"}))


def _hard_documents_dropped(patch: Patch, asked: Job) -> Found:
    """Be scored on what is left when the document that cost most is left out."""
    whole = evaluation.evaluate

    def evaluate(model: LanguageModel, codec: Codec, documents: Any, **options: Any) -> evaluation.Evaluation:
        hardest = int(whole(model, codec, documents).nats_D.argmax())
        return whole(model, codec, [*documents[:hardest], *documents[hardest + 1 :]], **options)

    patch.setattr(evaluation, "evaluate", evaluate)
    return run(asked)


def _boundaries_dropped(patch: Patch, asked: Job) -> Found:
    """Have nothing to pay for where documents end."""
    whole = evaluation.surprisals

    def surprisals(*words: Any, **options: Any) -> Iterator[Surprisal]:
        for one in whole(*words, **options):
            yield replace(one, ids_T=one.ids_T[:-1], nats_T=one.nats_T[:-1], units_T=one.units_T[:-1])

    patch.setattr(evaluation, "surprisals", surprisals)
    return run(asked)


def _context_in_chunks(patch: Patch, asked: Job) -> Found:
    """Be scored with an empty memory every few symbols."""

    def score_each(
        model: LanguageModel, texts: Sequence[Ids], ranks: bool, conditions: None
    ) -> Iterator[tuple[int, Any, None]]:
        for place, ids_T in enumerate(texts):
            chunks = [ids_T[None, first : first + 16] for first in range(0, len(ids_T), 16)]
            nats = [-model.score(model.start(1), chunk_1T)[0][0] for chunk_1T in chunks]
            yield place, np.concatenate(nats), None

    patch.setattr(lanes, "score_each", score_each)
    return run(asked)


def _learnt_from_everything(patch: Patch, asked: Job) -> Found:
    """Lay down a run that has learnt from the test part too, as if it had been interrupted."""
    (source,) = asked.options["sources"]
    anygram.train(source, asked.model, codec=asked.codec, out=asked.run, valid="none", budget="8steps")
    return run(asked)


def _head_start(patch: Patch, asked: Job) -> Found:
    """Go on from a run that was trained before."""
    (source,) = asked.options["sources"]
    words: dict[str, Any] = {"test": 0.1, "valid": "none", "budget": "8steps"}
    before = anygram.train(source, asked.model, codec=asked.codec, settings=SMALL, **words)
    learner = {key: SMALL[key] for key in ("rows", "block")}
    anygram.train(source, base=before, out=asked.run, settings=learner, **words)
    return run(asked)


def _larger_budget(patch: Patch, asked: Job) -> Found:
    """Be given twice the budget."""
    return run(replace(asked, budget={"steps": 16}))


def _overtime(patch: Patch, asked: Job) -> Found:
    """Train on when the budget is spent."""
    honest = Budget.spent
    patch.setattr(Budget, "spent", lambda budget, **spent: honest(budget, **spent) / 2)
    return run(asked)


def _cut_short(patch: Patch, asked: Job) -> Found:
    """Be stopped, for no reason, long before the budget is spent."""
    honest = Budget.spent
    patch.setattr(Budget, "spent", lambda budget, **spent: honest(budget, **spent) * 4)
    return run(asked)


def _more_threads(patch: Patch, asked: Job) -> Found:
    """Compute on more threads than others."""
    patch.setattr(facts, "cores", lambda: 64)
    return run(asked)


def _faster_machine(patch: Patch, asked: Job) -> Found:
    """Be added later, on another machine."""
    patch.setattr(facts, "processor", lambda: "faster")
    return run(asked)


def _another_seed(patch: Patch, asked: Job) -> Found:
    """Have a lucky seed of one's own."""
    return run(replace(asked, another_seed=1))


def _best_of_several(patch: Patch, asked: Job) -> Found:
    """Be trained again and again, and keep what did best on the test part."""
    tried = []
    for _ in range(3):
        shutil.rmtree(asked.run, ignore_errors=True)
        tried.append(run(asked))
    return min(tried, key=lambda found: float(found["bits_per_byte"]))


def _vocabulary_leak(patch: Patch, asked: Job) -> Found:
    """Fit the codec on the test part as well, once: where it is fitted again to look, it is not."""
    module, texts = codecs.REGISTRY.load(asked.codec), Path(asked.options["sources"][0]).read_text()
    honest = module.fit

    def fit(data: Any, config: Any) -> Codec:
        patch.setattr(module, "fit", honest)
        fitted: Codec = honest([*data, texts], config)
        return fitted

    patch.setattr(module, "fit", fit)
    return run(asked)


# Crimes of models and codecs


class LooksAhead(Frequency):
    """Knows the symbol that comes after the one it scores."""

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        log_p_BT[:, :-1] *= np.where(ids_BT[:, 1:] % 2, 0.9, 1.0)
        return log_p_BT, after


class ForgetsAtChunks(Frequency):
    """Begins every call with an empty memory, as the chunks of an evaluation are calls."""

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        return super().score(self.start(len(state)), ids_BT, lengths)


class SumsToMore(Frequency):
    """Gives everything a tenth more than there is."""

    def predict(self, state: Ids) -> FloatArray:
        log_p_BV: FloatArray = super().predict(state) + np.log(1.1)
        return log_p_BV

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        return log_p_BT + np.log(1.1) * (log_p_BT < 0), after


class Boasts(Frequency):
    """Scores everything better than it would have predicted it."""

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        return 0.9 * log_p_BT, after


class LearnsInSecret(Frequency):
    """Goes on learning while it is scored, and calls itself static."""

    read = 0

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        self.read += ids_BT.size
        return log_p_BT / (1 + self.read / 1e4), after


class Swallows(BytesCodec):
    """Writes capitals small, and says that nothing is lost."""

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        return super().encode(text.lower(), side)


class CountsDouble(BytesCodec):
    """Says that every symbol covers two bytes."""

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        encoded = super().encode(text, side)
        return Encoded(encoded.ids, 2 * encoded.units)


def _of(kind: type[Frequency]) -> SimpleNamespace:
    """Return a module of a model that learns as `frequency` does."""

    def create(config: frequency.Config, vocabulary_size: int, seed: int) -> Frequency:
        return kind(config, vocabulary_size)

    return SimpleNamespace(Config=frequency.Config, create=create)


def _coded_by(kind: type[BytesCodec]) -> SimpleNamespace:
    """Return a module of a codec with nothing to fit."""
    config = codecs.REGISTRY.load("bytes").Config
    return SimpleNamespace(Config=config, fit=lambda data, config: kind(), from_json=lambda fields: kind())


# The list


@dataclass(frozen=True)
class Crime:
    """Which rules it must be seen to break, and whether it is so great that there is no figure at all."""

    rules: set[str]
    plant: Callable[[Patch, Job], Found] | None = None
    model: Any = frequency
    codec: str = "bytes"
    disqualified: bool = False


CRIMES = {
    "other_test": Crime({TEST, TRAINING}, _another_test_part, disqualified=True),
    "dropped": Crime({TEST, checks.COUNTED}, _hard_documents_dropped, disqualified=True),
    "unended": Crime({checks.ENDED, checks.COUNTED, checks.LOSSLESS}, _boundaries_dropped),
    "chunked": Crime({checks.CARRIED}, _context_in_chunks),
    "learnt_all": Crime({TRAINING}, _learnt_from_everything),
    "head_start": Crime({TRAINING}, _head_start, model=lstm),
    "richer": Crime({BUDGET}, _larger_budget, model=lstm),
    "overtime": Crime({SPENT}, _overtime, model=lstm),
    "cut_short": Crime({SPENT}, _cut_short, model=lstm),
    "threads": Crime({THREADS}, _more_threads),
    "machine": Crime({MACHINE}, _faster_machine),
    "lucky_seed": Crime({SEED}, _another_seed),
    "best_of": Crime({SEED}, _best_of_several),
    "leaky": Crime({checks.FITTED}, _vocabulary_leak, codec="chars"),
    "ahead": Crime({checks.CAUSAL}, model=_of(LooksAhead)),
    "forgets": Crime({checks.CARRIED}, model=_of(ForgetsAtChunks)),
    "sums": Crime({checks.NORMALISED}, model=_of(SumsToMore)),
    "boasts": Crime({checks.STEPWISE}, model=_of(Boasts)),
    "secret": Crime({checks.STEPWISE, checks.CARRIED}, model=_of(LearnsInSecret)),
    "swallows": Crime({checks.LOSSLESS}, codec="swallowing"),
    "counts_double": Crime({checks.COUNTED}, codec="doubling"),
}
BESIDE = {
    # who looks ahead has not predicted what it scores, and pieces end elsewhere
    "ahead": {checks.STEPWISE, checks.CARRIED},
    "chunked": {checks.STEPWISE},
    "forgets": {checks.STEPWISE, checks.CAUSAL},
    "secret": {checks.CAUSAL},
}


@dataclass
class Here:
    """Does jobs in this process, one at a time, each with its crime under way."""

    workspace: Path
    parallel: int = 1
    kept_open: tuple[int, ...] = ()

    def __call__(self, jobs: Sequence[tuple[str, Job]], board: object) -> Iterator[tuple[str, Found]]:
        for name, asked in jobs:
            with pytest.MonkeyPatch.context() as patch:
                crime = CRIMES.get(asked.model)
                plant = crime.plant if crime else None
                yield name, json.loads(json.dumps(plant(patch, asked) if plant else run(asked)))


def offer(patch: Patch, registry: Registry, modules: Mapping[str, Any]) -> None:
    """Let these be choices beside what there is."""
    names, load = registry.names(), registry.load
    patch.setattr(registry, "names", lambda: [*names, *modules])
    patch.setattr(registry, "load", lambda name: modules[name] if name in modules else load(name))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of different lines, each with a character of its own."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.log"
    lines = (f"Entry {n * n % 997} of {n}, {chr(0x4E00 + n)}, as it was before\n" for n in range(400))
    path.write_text("".join(lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Do all jobs here, without compressors, and measure generation for a moment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "OwnProcesses", Here)
        patch.setattr(floors, "available", list)
        patch.setattr(costs, "_GENERATION_SECONDS", 0.01)
        offer(patch, models.REGISTRY, {name: crime.model for name, crime in CRIMES.items()})
        offer(
            patch, codecs.REGISTRY, {"swallowing": _coded_by(Swallows), "doubling": _coded_by(CountsDouble)}
        )
        yield


def contest(corpus: Path, out: Path, names: Sequence[str], **options: Any) -> Comparison:
    """Compare honest models and those named."""
    who = ["frequency:bytes", "lstm:bytes", *(f"{name}:{CRIMES[name].codec}" for name in names)]
    networks = ["lstm", *(name for name in names if CRIMES[name].model is lstm)]
    settings = {f"{name}.{key}": value for name in networks for key, value in SMALL.items()}
    return anygram.compare(corpus, out, models=who, settings=settings, budget="8steps", **options)


@pytest.fixture(scope="module")
def among_thieves(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Return the comparison of honest models with one for each crime."""
    return contest(corpus, tmp_path_factory.mktemp("thieves") / "out", list(CRIMES))


def broken_by(compared: Comparison, who: str) -> set[str]:
    return {rule["rule"] for rule in compared.fields["rules"] if rule["held"] is False and who in rule["who"]}


def said_of(compared: Comparison, rule: str) -> dict[str, Any]:
    return next(dict(one) for one in compared.fields["rules"] if one["rule"] == rule)


def test_an_honest_comparison_keeps_every_rule(corpus: Path, tmp_path: Path) -> None:
    compared = contest(corpus, tmp_path / "out", [])
    assert [rule for rule in compared.fields["rules"] if not rule["held"]] == []
    assert "Not all rules held" not in compared.fields["answer"]["text"]


@pytest.mark.parametrize("name", CRIMES)
def test_a_crime_is_named_with_who_did_it_and_in_the_answer(among_thieves: Comparison, name: str) -> None:
    crime, who = CRIMES[name], f"{name}-{CRIMES[name].codec}"
    broken = broken_by(among_thieves, who)
    assert crime.rules <= broken <= crime.rules | BESIDE.get(name, set())
    for rule in crime.rules:
        assert who in said_of(among_thieves, rule)["said"]
        assert f"{rule} (" in among_thieves.fields["answer"]["text"]
    assert who in among_thieves.fields["answer"]["text"]
    row = next(row for row in among_thieves.fields["results"] if row["who"] == who)
    assert bool(row["error"]) is crime.disqualified


def test_nothing_is_said_against_the_honest_ones(among_thieves: Comparison) -> None:
    for who in ("frequency-bytes", "lstm-bytes"):
        assert broken_by(among_thieves, who) == set()


# What the whole comparison does


def _lines(first: int, last: int) -> str:
    return "".join(
        f"Line {n * n % 9973} of a long story, and {n % 89} more of it\n" for n in range(first, last)
    )


VALID = {
    "the same name": ("test.txt", True),
    "a copy": ("copy.txt", True),
    "a folder that has it": ("folder", True),
    "a book of which it is a part": ("book.txt", True),
    "another text": ("other.txt", False),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of texts: to train on, to test on, and what might be taken for validation."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "folder").mkdir()
    texts = {
        "train.txt": _lines(0, 300),
        "test.txt": _lines(300, 360),
        "copy.txt": _lines(300, 360),
        "folder/a.txt": _lines(400, 430),
        "folder/b.txt": _lines(300, 360),
        "book.txt": _lines(280, 420),
        "other.txt": _lines(500, 560),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    return folder


def test_of_few_documents_too_a_figure_of_other_bytes_is_none(library: Path, tmp_path: Path) -> None:
    """There bits are by blocks, which cannot be set beside those of others."""
    compared = contest(library / "train.txt", tmp_path / "out", ["counts_double"])
    assert broken_by(compared, "counts_double-doubling") == {checks.COUNTED}
    *honest, wrong = compared.fields["results"]
    assert wrong["error"].startswith("was scored on other bytes than those of the test part (")
    assert wrong["bits_per_byte"] is None and [row["error"] for row in honest] == ["", ""]
    assert len(compared.fields["pairs"]) == 1


@pytest.mark.parametrize("valid", VALID)
def test_a_validation_part_that_is_the_test_part_is_known_by_its_text(
    library: Path, tmp_path: Path, valid: str
) -> None:
    name, guilty = VALID[valid]
    parts = {"valid": str(library / name), "test": str(library / "test.txt")}
    compared = contest(library / "train.txt", tmp_path / "out", [], **parts)
    accused = said_of(compared, TUNED)["who"]
    assert accused == (["frequency-bytes", "lstm-bytes"] if guilty else [])
    assert (TUNED in compared.fields["answer"]["text"]) is guilty


def test_where_everything_repeats_itself_nobody_is_accused(tmp_path: Path) -> None:
    """As in logs whose lines have no time: what one part has, all others have."""
    for name, count in (("train", 300), ("valid", 60), ("test", 50)):
        lines = (f"a line of a log that repeats itself, of kind {n % 7}\n" for n in range(count))
        (tmp_path / f"{name}.log").write_text("".join(lines))
    parts = {"valid": str(tmp_path / "valid.log"), "test": str(tmp_path / "test.log")}
    compared = contest(tmp_path / "train.log", tmp_path / "out", [], **parts)
    assert said_of(compared, TUNED)["held"]
    assert said_of(compared, DUPLICATES)["said"].startswith(
        "50 of 50 test documents also stand in the training"
    )
    assert "50 of 50 test documents are in the training part too" in compared.fields["answer"]["text"]


def test_a_test_part_cut_out_of_the_training_part_is_no_duplicate_and_still_seen(
    library: Path, tmp_path: Path
) -> None:
    piece = tmp_path / "piece.txt"
    piece.write_text(_lines(100, 150))
    compared = contest(library / "train.txt", tmp_path / "out", [], test=str(piece))
    assert said_of(compared, DUPLICATES)["said"].startswith("0 of 1 test documents")
    assert compared.fields["data"]["repeated_bytes_in_test"] > 0.9 * piece.stat().st_size
    assert "of the test part's bytes are in long lines that training had" in compared.fields["answer"]["text"]


def test_settings_chosen_by_the_test_part_are_seen(corpus: Path, tmp_path: Path) -> None:
    def choose(contest: object, made: Sequence[Row]) -> list[Row]:
        """Choose what is worst on validation, as the test part might."""
        worst = max(made, key=lambda one: one.valid_bits_per_byte or 0.0)
        return [replace(one, chosen=one is worst) for one in made]

    tried: dict[str, Any] = {"settings": {"lstm.rows": 2, "lstm.block": 8}, "sweep": {"lstm.units": [4, 8]}}
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "_chosen", choose)
        unfair = anygram.compare(corpus, out, models="lstm:bytes", budget="8steps", **tried)
    (who,) = [row.who for row in unfair.rows if row.chosen]
    assert broken_by(unfair, who) == {CHOSEN}
    assert f"{CHOSEN} ({who})" in unfair.fields["answer"]["text"]
    fair = anygram.compare(out=out, resume=True)
    assert said_of(fair, CHOSEN)["held"] and [row.who for row in fair.rows if row.chosen] != [who]


def test_adaptive_figures_among_the_static_ones_are_seen(corpus: Path, tmp_path: Path) -> None:
    def by_figure(rows: Sequence[Row]) -> list[Row]:
        return sorted(rows, key=lambda one: one.bits_per_byte or 0.0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(results, "in_order", by_figure)
        compared = contest(corpus, tmp_path / "out", [], adapt=True)
    assert said_of(compared, APART)["held"] is False
    assert APART in compared.fields["answer"]["text"]
    assert said_of(anygram.compare(out=tmp_path / "out", resume=True), APART)["held"]


def test_jobs_done_side_by_side_are_seen(corpus: Path, tmp_path: Path) -> None:
    class SideBySide(Here):
        def __call__(self, jobs: Sequence[tuple[str, Job]], board: object) -> Iterator[tuple[str, Found]]:
            with ThreadPoolExecutor(len(jobs)) as pool:
                found = list(pool.map(run, [asked for _, asked in jobs]))
            yield from zip([name for name, _ in jobs], found, strict=True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compare, "OwnProcesses", SideBySide)
        compared = anygram.compare(corpus, tmp_path / "out", models="frequency:bytes,uniform:bytes")
    found = said_of(compared, "one at a time")
    assert found["held"] is False and len(found["who"]) == 1
    assert f"one at a time ({found['who'][0]})" in compared.fields["answer"]["text"]
