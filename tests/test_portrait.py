"""The whole detail of runs trained on real text; what fails in one part stays there."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

import anygram
from anygram import runs, storage
from anygram.comparison import calibration, notes, passages, portrait
from anygram.data.preparation import DataOptions, prepare
from anygram.data.splitting import Splits
from anygram.evaluation import Surprisal, evaluate
from anygram.reporting.progress import Silent
from anygram.runs import StoredRun
from tests.asking import strict_json
from tests.held_out import noted, scored_by

SIZES = {"units": 24, "embedding": 12, "rows": 8, "block": 16}
SOURCE = Path(textwrap.__file__)
CONTESTANTS: list[tuple[str, str, dict[str, Any]]] = [
    ("ngram", "bpe", {"order": 4}),
    ("lstm", "bytes", SIZES),
    ("frequency", "words", {"order": 2}),
]


Contest = dict[str, tuple[Path, StoredRun, list[Surprisal]]]


@pytest.fixture(scope="module")
def splits(tmp_path_factory: pytest.TempPathFactory) -> Splits:
    """Return the split that all contestants see, of a module's source."""
    return prepare(DataOptions((str(SOURCE),), test="0.2"), 0, tmp_path_factory.mktemp("splits")).splits


@pytest.fixture(scope="module")
def contest(splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> Contest:
    """Return each contestant's folder, run and scored test part, by its codec."""
    folder = tmp_path_factory.mktemp("contest")
    found = {}
    for model, codec, values in CONTESTANTS:
        path = folder / f"{model}-{codec}"
        anygram.train(
            SOURCE, model, codec=codec, out=path, test=0.2, valid="none", settings=values, budget="40steps"
        )
        run = runs.read(path)
        found[codec] = path, run, scored_by(run.model, run.codec, splits.test)
    return found


def portrayed(contest: Contest, codec: str, splits: Splits) -> dict[str, Any]:
    path, run, scored = contest[codec]
    read = noted(run.codec, scored, splits.test)
    detail = portrait.portray(run, path, read, train=splits.train, progress=Silent())
    stored: dict[str, Any] = strict_json(storage.to_json(detail))
    return stored


@pytest.fixture(scope="module")
def details(contest: Contest, splits: Splits) -> dict[str, dict[str, Any]]:
    return {codec: portrayed(contest, codec, splits) for codec in contest}


@pytest.mark.parametrize("codec", ["bpe", "bytes", "words"])
def test_every_part_is_there_and_every_rule_held(details: dict[str, dict[str, Any]], codec: str) -> None:
    detail = details[codec]
    assert detail.keys() == {
        "failed", "looked_at", "checks", "by_position", "by_context", "by_kind", "calibration", "training",
        "passage", "samples", "drawings",
    }  # fmt: skip
    assert detail["failed"] == {}
    assert len(detail["checks"]) == 8
    assert [one for one in detail["checks"] if not one["held"]] == []
    assert detail["calibration"]["symbols"] > 200 and detail["calibration"]["ece"] < 0.3
    assert len(detail["samples"]) == passages.SAMPLES


@pytest.mark.parametrize(
    ("model", "settings"),
    [("ngram", {"order": 3}), *(("lstm", {**SIZES, "classifier.by": by}) for by in ("head", "both"))],
)
def test_every_rule_holds_of_what_learns_labels(tmp_path: Path, model: str, settings: dict[str, Any]) -> None:
    lines = [one for one in SOURCE.read_text().splitlines() if len(one) > 20]
    rows = [{"text": one, "label": "comment" if "#" in one else "code"} for one in lines]
    source, path = tmp_path / "lines.jsonl", tmp_path / "run"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))
    anygram.train(
        source, model, codec="bytes", text_field="text", label_field="label", out=path, test=0.2,
        valid="none", settings=settings, budget="20steps",
    )  # fmt: skip
    options = DataOptions((str(source),), test="0.2", text_field="text", label_field="label")
    parts, run = prepare(options, 0, tmp_path / "splits").splits, runs.read(path)
    read = notes.Notes(run.codec, parts.test)
    evaluate(run.model, run.codec, parts.test, condition_codec=run.condition_codec, keep=read.take)
    detail = portrait.portray(run, path, read, train=parts.train, progress=Silent())
    assert detail["failed"] == {}
    assert [one for one in detail["checks"] if not one["held"]] == []


@pytest.mark.parametrize("codec", ["bpe", "bytes"])
def test_bits_by_position_add_up_to_the_figure(
    contest: Contest, details: dict[str, dict[str, Any]], codec: str
) -> None:
    figures, rows = contest[codec][1].record.figures["test"], details[codec]["by_position"]
    assert sum(row["bytes"] for row in rows) == figures["bytes"]
    bits = sum(row["bytes"] * row["bits_per_byte"] for row in rows)
    assert bits == pytest.approx(figures["bits_per_byte"] * figures["bytes"])


def test_what_has_learnt_something_needs_context_and_knows_frequent_words(
    details: dict[str, dict[str, Any]],
) -> None:
    told = [row["bits_per_byte"] for row in details["bpe"]["by_context"]]
    assert told[0] > min(told[2:])
    kinds = {row["kind"]: row["bits_per_byte"] for row in details["bpe"]["by_kind"]}
    assert kinds["rare words"] > kinds["frequent words"]


def test_all_are_shown_one_passage(details: dict[str, dict[str, Any]]) -> None:
    [text] = {"".join(piece["text"] for piece in detail["passage"]) for detail in details.values()}
    assert len(text) == 400 and text in SOURCE.read_text()


def test_of_a_large_test_part_all_look_at_the_same_piece(
    contest: Contest, details: dict[str, dict[str, Any]], splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notes, "MOST_BYTES", 1500)
    looked = {codec: portrayed(contest, codec, splits) for codec in contest}
    assert {one["looked_at"]["bytes"] for one in looked.values()} == {1500}
    assert {one["looked_at"]["bytes"] for one in details.values()} == {splits.test[0].units}
    for codec, detail in looked.items():
        assert detail["failed"] == {} and [one for one in detail["checks"] if not one["held"]] == []
        assert sum(row["bytes"] for row in detail["by_position"]) == (0 if codec == "words" else 1500)
    [text] = {"".join(piece["text"] for piece in detail["passage"]) for detail in looked.values()}
    assert len(text) == 400 and text in splits.test[0].text[:1500]


def test_a_lossy_codec_has_no_bits_by_byte(details: dict[str, dict[str, Any]]) -> None:
    detail = details["words"]
    assert detail["by_position"] == detail["by_context"] == detail["by_kind"] == []


def test_what_learns_step_by_step_has_a_curve(details: dict[str, dict[str, Any]]) -> None:
    points = details["bytes"]["training"]
    assert points[-1]["symbols"] == 40 * 8 * 16
    assert all({"seconds", "symbols", "nats_per_symbol"} == point.keys() for point in points)
    assert details["bpe"]["training"] == []


def test_a_validation_is_a_point_of_the_curve(tmp_path: Path) -> None:
    path = tmp_path / "run"
    path.mkdir()
    lines = [
        {"step": 1, "seconds": 0.5, "symbols": 10, "nats_per_symbol": 3.0, "rate": 0.1},
        {"step": 2, "seconds": 0.6, "message": "a word"},
        {"step": 3, "seconds": 0.7, "valid_nats_per_symbol": 2.5},
    ]
    (path / "metrics.jsonl").write_text("".join(storage.to_json(line) + "\n" for line in lines))
    assert portrait.training_curve(path) == [
        {"seconds": 0.5, "symbols": 10, "nats_per_symbol": 3.0},
        {"seconds": 0.7, "symbols": 10, "valid_nats_per_symbol": 2.5},
    ]


def test_a_part_that_fails_leaves_the_others(
    contest: Contest, splits: Splits, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError("too\nmuch")

    monkeypatch.setattr(calibration, "reliability", fail)
    detail = portrayed(contest, "bytes", splits)
    assert detail["failed"] == {"calibration": "MemoryError: too much"}
    assert detail["calibration"] is None and detail["passage"] and detail["by_context"]
