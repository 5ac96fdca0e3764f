"""The Python face: the same words as the command line, a light import, runs as objects."""

from __future__ import annotations

import gc
import inspect
import math
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import anygram
from anygram import api
from anygram.api import Run
from anygram.budgets import Budget
from anygram.cli import asking, comparing, compressing, embedding, finding, translating
from anygram.cli import training as training_words
from anygram.errors import DataError, RunError, UsageError
from anygram.evaluation import Evaluation
from tests.asking import SENTENCES, write_corpus

ORDER = {"order": 3}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_corpus(tmp_path_factory.mktemp("api"), 100)


@pytest.fixture(scope="module")
def run(corpus: Path) -> Run:
    return anygram.train(corpus, "frequency", codec="chars", test=0.2, settings=ORDER)


# Names


def test_importing_costs_nothing() -> None:
    code = "import sys, anygram; print([m for m in ('numpy', 'torch', 'typer') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert (Path(anygram.__file__).parent / "py.typed").is_file()


def test_every_public_name_is_there() -> None:
    assert dir(anygram) == sorted(anygram.__all__)
    for name in anygram.__all__:
        assert getattr(anygram, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        anygram.trian  # noqa: B018


FACES: list[tuple[Callable[..., Any], Callable[..., Any]]] = [
    (training_words.train, api.train),
    (comparing.compare, api.compare),
    (asking.evaluate, api.evaluate),
    (asking.evaluate, Run.evaluate),
    (asking.score, api.score),
    (asking.score, Run.score),
    (asking.predict, api.predict),
    (asking.predict, Run.predict),
    (asking.generate, api.generate),
    (asking.generate, Run.generate),
    (finding.anomalies, api.anomalies),
    (finding.anomalies, Run.anomalies),
    (translating.translate, api.translate),
    (translating.translate, Run.translate),
    (translating.summarise, api.summarise),
    (translating.summarise, Run.summarise),
    (embedding.embed, api.embed),
    (embedding.embed, Run.embed),
    (compressing.compress, api.compress),
    (compressing.decompress, api.decompress),
]
OF_THE_COMMAND_LINE = {"as_json", "config", "adapt_by"}
OF_A_FILE = {
    asking.score: {"out"},
    finding.anomalies: {"out", "top"},
    translating.translate: {"out", "report"},
    translating.summarise: {"out", "report", "tokenize"},
    embedding.embed: {"out", "report", "neighbours", "query", "top"},
}
OF_PYTHON = {"progress", "board", "self", "run", "normalise"}


@pytest.mark.parametrize(("command", "function"), FACES, ids=[f[1].__qualname__ for f in FACES])
def test_the_words_are_those_of_the_command_line(
    command: Callable[..., Any], function: Callable[..., Any]
) -> None:
    words = inspect.signature(command).parameters
    names = inspect.signature(function).parameters
    only_there = OF_THE_COMMAND_LINE | OF_PYTHON | OF_A_FILE.get(command, set())
    assert set(words) - only_there == set(names) - OF_PYTHON
    for name in set(words) & set(names) - {"out", "settings", "on_bad_record"}:
        theirs, ours = words[name].default, names[name].default
        assert theirs == ours or inspect.Parameter.empty in (theirs, ours), name


# Training


@pytest.mark.parametrize(
    "kind", [str, Path, lambda path: [str(path)], lambda path: (path,), lambda path: f"{path}*"]
)
def test_sources_are_named_in_any_way(corpus: Path, run: Run, kind: Callable[[Path], Any]) -> None:
    same = anygram.train(kind(corpus), "frequency", codec="chars", test=0.2, settings=ORDER)
    assert same.record.figures["test"]["nats"] == run.record.figures["test"]["nats"]


def test_words_may_be_values(corpus: Path, run: Run) -> None:
    spoken = anygram.train(
        corpus, "frequency", codec="chars", test="0.2", settings={"order": "3"}, budget=Budget(epochs=1)
    )
    assert spoken.record.model_settings == run.record.model_settings
    assert spoken.record.figures["test"]["nats"] == run.record.figures["test"]["nats"]


def test_valid_and_test_may_be_sources(corpus: Path) -> None:
    run = anygram.train(corpus, "uniform", valid=str(corpus), test=str(corpus))
    assert run.record.data["train_documents"] == run.record.data["test_documents"] == 100
    assert run.record.figures["test"]["bytes"] == corpus.stat().st_size


def test_a_run_without_a_folder_lives_as_long_as_its_object(corpus: Path) -> None:
    run = anygram.train(corpus, "uniform")
    path = run.path
    assert (path / "run.toml").is_file()
    del run
    gc.collect()
    assert not path.exists() and not path.parent.exists()


def test_training_works_beside_the_main_thread(corpus: Path, tmp_path: Path) -> None:
    """Where no signal can be caught."""
    thread = threading.Thread(
        target=anygram.train, args=(corpus, "uniform"), kwargs={"out": tmp_path / "run"}
    )
    thread.start()
    thread.join()
    assert anygram.load(tmp_path / "run").record.status == "finished"


@pytest.mark.parametrize(
    "words",
    [{"documents": "words"}, {"on_bad_record": "ignore"}, {"valid": 1}, {"test": 0.0}, {"budget": "soon"}],
)
def test_a_wrong_word_is_a_usage_error(corpus: Path, tmp_path: Path, words: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        anygram.train(corpus, "uniform", out=tmp_path / "run", **words)
    assert not (tmp_path / "run").exists()


# Asking


def test_a_run_is_asked_by_object_or_by_path(corpus: Path, tmp_path: Path) -> None:
    run = anygram.train(corpus, "frequency", out=tmp_path / "run", codec="bytes")
    for named in (run, tmp_path / "run", str(tmp_path / "run")):
        assert anygram.evaluate(named, corpus).nats == run.evaluate(corpus).nats
        assert list(anygram.score(named, corpus)) == list(run.score(corpus))
        assert anygram.predict(named, "the", top=3) == run.predict("the", 3)
        sampled = anygram.generate(
            named, "the", n=2, temperature=0.5, top_k=3, top_p=0.9, seed=4, max_symbols=9
        )
        assert sampled == run.generate("the", n=2, temperature=0.5, top_k=3, top_p=0.9, seed=4, max_symbols=9)
    with pytest.raises(RunError, match="is not a run folder"):
        anygram.load(tmp_path)


def test_evaluating_the_test_part_again_gives_its_figure(corpus: Path, run: Run, tmp_path: Path) -> None:
    lines = corpus.read_text().splitlines(keepends=True)
    evaluated = run.evaluate(corpus)
    assert isinstance(evaluated, Evaluation)
    assert (evaluated.documents, evaluated.bytes) == (len(lines), corpus.stat().st_size)
    whole = run.evaluate(corpus, documents="files")
    assert (whole.documents, whole.bytes) == (1, corpus.stat().st_size)
    assert run.record.figures["test"]["bits_per_byte"] == pytest.approx(evaluated.bits_per_byte, rel=0.2)


def test_records_are_evaluated_by_their_field(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "mail.jsonl"
    path.write_text("".join(f'{{"body": "{sentence}", "from": "x"}}\n' for sentence in SENTENCES))
    evaluated = run.evaluate(path, text_field="body")
    assert evaluated.bytes == sum(len(sentence.encode()) for sentence in SENTENCES)
    with pytest.raises(DataError, match="which field is the text"):
        run.evaluate(path)


def test_generation_knows_the_corpus(run: Run) -> None:
    assert run.predict("the ca")[0].symbol == "t"
    assert run.generate("the ca", temperature=0, max_symbols=5) == ["t on "]


def test_progress_hears_of_every_stage(corpus: Path) -> None:
    stages: list[str] = []

    class Listening:
        def stage(self, title: str, total: float | None = None) -> None:
            stages.append(title)

        def update(self, done: float, note: str = "") -> None:
            assert done >= 0

        def say(self, line: str) -> None: ...

        def close(self) -> None: ...

    anygram.train(corpus, "uniform", codec="bytes", test=0.1, progress=Listening())
    assert stages == [
        f"reading {corpus}",
        "fitting the codec bytes",
        "encoding",
        "training uniform",
        "measuring on the test split",
    ]


# Notebooks


def test_a_notebook_shows_a_run_and_its_figures(run: Run, corpus: Path) -> None:
    assert repr(run) == f"Run({str(run.path)!r}, model='frequency', codec='chars')"
    shown = run._repr_html_()
    assert "<th>order</th><td>3</td>" in shown and "test bits per byte" in shown
    figures = run.evaluate(corpus)._repr_html_()
    assert figures.startswith("<table>") and "<th>bits_per_byte</th>" in figures


def test_a_name_is_no_markup_in_a_notebook(corpus: Path, tmp_path: Path) -> None:
    run = anygram.train(corpus, "uniform", out=tmp_path / "<b>")
    assert "<b>" not in run._repr_html_() and "&lt;b&gt;" in run._repr_html_()


def test_bits_per_byte_divides_by_the_bytes_of_the_file(run: Run, corpus: Path) -> None:
    evaluated = run.evaluate(corpus)
    assert evaluated.bits_per_byte == pytest.approx(evaluated.nats / math.log(2) / corpus.stat().st_size)
