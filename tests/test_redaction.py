"""A comparison without texts tells figures alone: no word of the data, no name of where it lies."""

from __future__ import annotations

import html
import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import anygram
from anygram.comparison import compare as comparing
from anygram.comparison import contest as contests
from anygram.comparison import floors, job, placing, redaction
from anygram.comparison.disagreements import differing
from anygram.comparison.job import Job
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.reporting.progress import Silent
from tests.asking import contents, strict_json

FIELD, FOLDER = "confession", "quicksilver"
MODELS = "frequency:words,frequency:chars,uniform:bytes"
LETTERS = "bdfghjklmnprstvwzäж天地"


@pytest.fixture(autouse=True)
def no_floors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the compressors out, each of which is a process."""
    monkeypatch.setattr(floors, "available", list)


def _secrets() -> list[str]:
    """Return words that stand nowhere but in the data."""
    generator = random.Random(0)
    return ["".join(generator.choices(LETTERS, k=9)) for _ in range(40)]


def _corpus(folder: Path) -> Path:
    generator, words = random.Random(1), _secrets()
    path = folder / FOLDER / f"{FOLDER}.jsonl"
    path.parent.mkdir(parents=True)
    rows = [{FIELD: " ".join(generator.choices(words, k=6))} for _ in range(400)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            yield from value
            for one in value.values():
                yield from _strings(one)
        case list():
            for one in value:
                yield from _strings(one)


def _written(out: Path) -> dict[str, str]:
    """Return what every report and finding says, as a reader of its format sees it, by its path."""
    said = {}
    for name, raw in contents(out).items():
        text = raw.decode("utf-8", "replace")
        if name in ("report.html", "report.md"):
            said[name] = re.sub(r"<[^>]*>", "", html.unescape(text)) + text
        elif name.endswith(".json") and name.startswith(("results.json", "found/")):
            said[name] = "\n".join(_strings(strict_json(text))) + text
        elif name.startswith("found/"):
            said[name] = text
    return said


def _told(out: Path) -> set[str]:
    """Return every word of the data and every name of it that is written somewhere."""
    everything = "\n".join(_written(out).values()).replace("\n", "")
    return {secret for secret in (*_secrets(), FIELD, FOLDER) if secret in everything}


def _compare(folder: Path, **options: Any) -> Path:
    corpus, out = _corpus(folder), folder / "out"
    anygram.compare(corpus, out, models=MODELS, text_field=FIELD, budget="3steps", **options)
    return out


@pytest.fixture(scope="module")
def without(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a comparison that was asked for without texts."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(floors, "available", list)
        return _compare(tmp_path_factory.mktemp("without"), texts=False)


def test_nothing_of_the_data_is_written(without: Path) -> None:
    assert {"report.html", "report.md", "results.json", "found/frequency-words.json"} <= _written(
        without
    ).keys()
    assert _told(without) == set()
    results = strict_json((without / "results.json").read_text())
    assert results["data"]["sources"] == ["source-1.jsonl"] and results["question"]["texts"] is False
    assert "compare source-1.jsonl" in results["question"]["command"]
    assert "--text-field FIELD" in results["question"]["command"]
    assert results["question"]["command"].endswith("--no-texts --out DIR")
    assert results["disagreements"][0]["document"].startswith("test document ")
    assert "test document " in (without / "report.html").read_text()


@pytest.mark.parametrize("part", ["valid", "test"])
def test_the_name_of_a_held_out_source_is_data_too(tmp_path: Path, part: str) -> None:
    corpus = _corpus(tmp_path)
    source: dict[str, Any] = {part: corpus.rename(corpus.with_name(f"{FOLDER}-too.jsonl"))}
    _corpus(tmp_path / "again")
    out = tmp_path / "out"
    anygram.compare(
        tmp_path / "again" / FOLDER / f"{FOLDER}.jsonl", out, models="uniform:bytes", text_field=FIELD,
        budget="3steps", texts=False, **source,
    )  # fmt: skip
    assert _told(out) == set()
    assert strict_json((out / "results.json").read_text())["data"][part] == f"source-{part}.jsonl"


def test_texts_are_written_otherwise_and_cleared_when_it_is_resumed_without(tmp_path: Path) -> None:
    out = _compare(tmp_path)
    assert {FIELD, FOLDER} < _told(out)
    figures = strict_json((out / "results.json").read_text())["results"]
    (out / ".report.html.x1").write_text(_secrets()[0])  # as a process leaves it that is killed
    (out / "found" / ".frequency-words.json.x1").write_text(_secrets()[0])
    anygram.compare(out=out, resume=True, texts=False)
    assert _told(out) == set()
    assert not list(out.rglob("*.x1"))
    assert strict_json((out / "results.json").read_text())["results"] == figures
    anygram.compare(out=out, resume=True, adapt=True)
    assert _told(out) == set()
    with pytest.raises(UsageError, match=r"was begun without texts.*compare anew"):
        anygram.compare(out=out, resume=True, texts=True)


def test_interrupted_while_it_is_cleared_it_is_cleared_later(
    without: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = _compare(tmp_path)

    def stop(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(comparing, "_done", stop)
        with pytest.raises(KeyboardInterrupt):
            anygram.compare(out=out, resume=True, texts=False)
    assert not {"report.html", "report.md", "results.json"} & _written(out).keys()
    anygram.compare(out=out, resume=True)  # its contest remembers
    assert _told(out) == set()
    assert _written(out).keys() == _written(without).keys()


def _names(**named: Any) -> tuple[Any, str]:
    given = {"sources": ("a.txt",), **named}
    contest = contests.begun(contests.contestants(["uniform"], None), given)
    told = redaction.of_contest(contest)
    return told.options, told.command(redaction.FOLDER)


def test_sources_have_other_names_and_fractions_and_examples_their_own() -> None:
    options, command = _names(
        sources=(
            "/home/x/secret.log.gz",
            "s3://secret/key?secret=secret",
            "example:stdlib",
            "-",
            "secret/*.md",
        ),
        valid="secret.txt",
        test="0.2",
    )
    assert "secret" not in command
    assert options.sources == ("source-1.log.gz", "source-2", "example:stdlib", "-", "source-5.md")
    assert (options.valid, options.test) == ("source-valid.txt", "0.2")
    options, command = _names(valid="none", test="secret.tsv")
    assert (options.valid, options.test) == ("none", "source-test.tsv")
    assert "secret" not in command


@pytest.mark.parametrize("error", [KeyError("secret"), DataError("secret.txt: no such word")])
def test_an_errors_message_goes_to_the_terminal_alone(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*given: Any) -> None:
        raise error

    monkeypatch.setattr(job, "run", fail)
    monkeypatch.setattr(job, "_stop_when_alone", lambda: None)
    found = tmp_path / "found.json"
    asked = Job("lstm", "bytes", {}, {}, 0, {}, "", "", str(found))
    for texts in (True, False):
        Job(**{**vars(asked), "texts": texts}).write(tmp_path / "job.json")
        assert job.main(str(tmp_path / "job.json")) == 0
        assert ("secret" in found.read_text()) is texts
        assert type(error).__name__ in found.read_text() or texts
        assert ("secret" in capsys.readouterr().out) is not texts


def test_messages_of_errors_in_details_are_left_out() -> None:
    check = {"rule": "causality", "held": False, "said": "could not be checked: KeyError: 'secret: x'"}
    sound = {"rule": "lossless", "held": True, "said": "3 of 3 documents: they came back whole"}
    found = {
        "bits_per_byte": 2.0,
        "measured": {"metric": "f1", "error": "secret.csv:41: no label secret"},
        "detail": {
            "failed": {"calibration": "ValueError: secret"},
            "checks": [check, sound],
            "passage": [{"text": "secret", "bits": 1.0}],
            "samples": ["secret"],
        },
    }
    cleared = redaction.of_found(found)
    assert "secret" not in json.dumps(cleared)
    assert cleared["detail"]["failed"] == {"calibration": "ValueError"}
    assert cleared["detail"]["checks"] == [{**check, "said": "could not be checked: KeyError"}, sound]
    assert redaction.of_found(cleared) == cleared
    assert redaction.of_found({"error": "why"}) == {"error": "why"}


def test_what_a_process_says_when_it_dies_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Job("lstm", "bytes", {}, {}, 0, {}, "", "", str(tmp_path / "found.json"), texts=False)
    dying = "import sys; print('secret', file=sys.stderr); sys.exit(7)"
    command = [sys.executable, "-c", dying]
    popen = subprocess.Popen
    monkeypatch.setattr(subprocess, "Popen", lambda words, **more: popen(command, **more))
    for texts in (True, False):
        place = placing.OwnProcesses(tmp_path)
        found = place._found("lstm-bytes", Job(**{**vars(asked), "texts": texts}), Silent())
        assert ("secret" in found["error"]) is texts and "status 7" in found["error"]


def test_few_documents_are_told_by_places_alone() -> None:
    test = [Document("secret " * 30, name="secret")]
    nats = {"one": np.ones(4), "other": np.arange(4.0)}
    units = dict.fromkeys(nats, np.array([53, 52, 53, 52]))
    for quoted in (True, False):
        found = differing(nats, units, test, quoted=quoted)
        assert found[0]["document"].startswith("bytes ")
        assert ("secret" in json.dumps(found)) is quoted
