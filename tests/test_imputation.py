"""Imputation: posteriors beside the whole row scored, closed forms of figures, and the command line."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from anygram import api
from anygram.cli import imputing
from anygram.codecs import table
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.table import Config, TableCodec
from anygram.data import tables
from anygram.data.documents import Document
from anygram.errors import DataError, UnknownName, UsageError
from anygram.information import log_softmax
from anygram.models import frequency
from anygram.protocols import LanguageModel
from anygram.tasks.imputation import Asked, filling, impute, measuring, noise
from anygram.tasks.imputation import joints as joints_module
from anygram.tasks.imputation.choices import Choices
from anygram.tasks.imputation.filling import Filled
from anygram.tasks.imputation.grid import Grid, Place
from anygram.tasks.imputation.joints import Gaps, joints
from examples import fill_missing
from tests import fruit
from tests.asking import ask
from tests.sided import Given


def _learnt(documents: Sequence[Document]) -> tuple[LanguageModel, TableCodec]:
    codec = table.fit(Given(documents), Config(bins=8))
    model = frequency.create(frequency.Config(order=3, k=0.01), codec.vocabulary_size, 0)
    for document in documents:
        ids_N = np.append(codec.encode(document.text, document.side).ids, np.int32(codec.boundary))
        model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model, codec


MODEL, CODEC = _learnt(fruit.documents(fruit.values()))
CHOICES = Choices(CODEC, ",")


def test_a_posterior_is_bayes_rule_over_the_rows_heads() -> None:
    grid = Grid(CODEC, fruit.documents([["apple", "", "148"], ["", "blue", ""]]), None)
    places = grid.places(missing=True)
    assert places == [Place(0, 1), Place(1, 0), Place(1, 2)]
    rows = [grid.gaps([place]) for place in places]
    for place, joint in zip(places, joints(MODEL, CHOICES, rows), strict=True):
        log_p = []
        for candidate in CODEC.candidates(place.column):
            heads = list(grid.heads[place.row])
            heads[place.column] = [candidate]
            ids_1T = np.array([[symbol for head in heads for symbol in head]], dtype=np.int32)
            log_p.append(float(MODEL.score(MODEL.start(1), ids_1T)[0].sum()))
        p_K = joint.marginal(0, len(log_p))
        np.testing.assert_allclose(p_K, np.exp(log_softmax(np.array(log_p))), rtol=1e-9)


def test_gaps_of_a_row_have_a_joint_posterior() -> None:
    grid = Grid(CODEC, fruit.documents([["apple", "red", "150"], ["plum", "blue", ""]]), None)
    every = list(joints(MODEL, CHOICES, [Gaps(grid.heads[0], [0, 1]), Gaps(grid.heads[1], [2])]))
    log_p = []
    for way_M in every[0].ways_HM.tolist():
        chosen = [[CODEC.candidates(column)[way]] for column, way in enumerate(way_M)]
        ids_1T = np.array(
            [[symbol for head in [*chosen, grid.heads[0][2]] for symbol in head]], dtype=np.int32
        )
        log_p.append(float(MODEL.score(MODEL.start(1), ids_1T)[0].sum()))
    assert len(log_p) == 9
    np.testing.assert_allclose(every[0].p_H, np.exp(log_softmax(np.array(log_p))), rtol=1e-9)
    assert len(every[1].p_H) == len(CODEC.candidates(2)) > 4


def test_of_many_ways_the_likeliest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    grid = Grid(CODEC, fruit.documents([["apple", "", ""]]), None)
    (whole,) = joints(MODEL, CHOICES, [Gaps(grid.heads[0], [1, 2])])
    monkeypatch.setattr(joints_module, "BEAM", 6)
    (cut,) = joints(MODEL, CHOICES, [Gaps(grid.heads[0], [1, 2])])
    assert (len(whole.p_H), len(cut.p_H)) == (3 * len(CODEC.candidates(2)), 6)
    best = whole.ways_HM[int(whole.p_H.argmax())].tolist()
    assert cut.ways_HM[int(cut.p_H.argmax())].tolist() == best


def test_cells_are_filled_by_the_rest_of_their_rows_and_nothing_else_changes() -> None:
    rows = [["apple", "", "148"], ["", "blue", "31"], ["lemon", "yellow", ""], ["plum", "blue", "30"]]
    imputed = impute(MODEL, CODEC, fruit.documents(rows), Asked())
    ((first, second, third, fourth),) = imputed.tables
    assert (first.text, second.text, fourth.text) == ("apple,red,148", "plum,blue,31", "plum,blue,30")
    assert float(tables.values(third)[2]) == pytest.approx(80, abs=6)
    assert [(cell.row, cell.column) for cell in imputed.cells] == [(1, "colour"), (2, "fruit"), (3, "weight")]
    assert all(cell.probability > 0.8 for cell in imputed.cells[:2])


def test_several_missing_cells_of_a_row_agree_with_each_other() -> None:
    (drawn,) = impute(MODEL, CODEC, fruit.documents([["", "", ""]] * 30), Asked(samples=1)).tables
    values = [tables.values(document) for document in drawn]
    assert len({kind for kind, _, _ in values}) == 3
    assert np.mean([fruit.COLOURS[kind] == colour for kind, colour, _ in values]) > 0.9
    assert np.mean([abs(fruit.WEIGHTS[kind] - float(weight)) < 25 for kind, _, weight in values]) > 0.8


def test_samples_differ_and_are_the_same_for_the_same_seed() -> None:
    documents = fruit.documents([["apple", "red", ""]] * 5)
    one, other = impute(MODEL, CODEC, documents, Asked(samples=2, seed=4)).tables
    again = impute(MODEL, CODEC, documents, Asked(samples=1, seed=4)).tables[0]
    assert [document.text for document in one] == [document.text for document in again]
    assert [document.text for document in one] != [document.text for document in other]


def test_filled_numbers_are_the_posteriors_mean_in_usual_decimals() -> None:
    grid = Grid(CODEC, fruit.documents([["apple", "red", ""]]), ["weight"])
    (place,) = grid.places(missing=True)
    (joint,) = joints(MODEL, CHOICES, [grid.gaps([place])])
    numbers = grid.numbers(place)
    assert numbers is not None
    mean = float(joint.marginal(0, len(numbers.bins)) @ [one.mean for one in numbers.bins])
    (cell,) = filling.fill(MODEL, grid).cells
    assert cell.value == str(round(mean))


def test_figures_are_those_of_their_definitions() -> None:
    documents = fruit.documents([["apple", "red", "100"], ["", "blue", "60"], ["plum", "", ""]])
    grid = Grid(CODEC, documents, None)
    truth = {Place(1, 0): "plum", Place(2, 1): "blue", Place(2, 2): "20"}
    filled = [
        Filled(2, "fruit", "plum", 1.0),
        Filled(3, "colour", "red", 1.0),
        Filled(3, "weight", "30", 1.0),
    ]
    found = {(one.column, one.type, one.method): one for one in measuring.measure(grid, truth, filled)}
    deviation = float(np.std([100, 60, 20]))
    assert found["fruit", "category", "model"].accuracy == 1.0
    assert found["colour", "category", "model"].accuracy == 0.0
    assert found["fruit", "category", "last value"].accuracy == 0.0
    assert found["colour", "category", "last value"].accuracy == 1.0
    assert found["weight", "number", "model"].rmse == pytest.approx(10 / deviation)
    assert found["weight", "number", "last value"].mae == pytest.approx(40 / deviation)
    weights = [float(row[2]) for row in fruit.values()]
    usual = found["weight", "number", "mean or mode"]
    assert usual.mae == pytest.approx(abs(float(np.mean(weights)) - 20) / deviation)
    assert found["all", "category", "model"].accuracy == 0.5


def test_hiding_measures_better_than_what_is_usual() -> None:
    documents = fruit.documents(fruit.values()[:60])
    imputed = impute(MODEL, CODEC, documents, Asked(hide=0.2, seed=3))
    found = {(one.column, one.type, one.method): one for one in imputed.figures}
    model, usual = found["all", "category", "model"], found["all", "category", "mean or mode"]
    assert model.accuracy is not None and usual.accuracy is not None and model.accuracy > usual.accuracy + 0.2
    assert sum(one.cells for one in imputed.figures if one.method == "model" and one.column != "all") == len(
        imputed.cells
    )


def test_planted_errors_surprise_the_most() -> None:
    rows = fruit.values()[:40]
    rows[7] = ["apple", "blue", "151"]
    rows[20] = ["lemon", "yellow", "9999"]
    found = noise.suspects(MODEL, Grid(CODEC, fruit.documents(rows), None), top=2)
    assert {(one.row, one.column) for one in found} == {(8, "colour"), (21, "weight")}
    (colour,) = [one for one in found if one.column == "colour"]
    assert (colour.value, colour.expected) == ("blue", "red")
    assert colour.bits > 5 and colour.probability > 0.5


def test_what_cannot_be_filled_is_refused() -> None:
    documents = fruit.documents([["apple", "", "1"]])
    with pytest.raises(UsageError, match="train a run with --codec table"):
        Grid(BytesCodec(), documents, None)
    with pytest.raises(UnknownName, match="no column named 'color'; did you mean 'colour'"):
        Grid(CODEC, documents, ["color"])
    with pytest.raises(DataError, match="the table has no rows"):
        Grid(CODEC, [], None)
    with pytest.raises(UsageError, match="leave out one of them"):
        Asked(samples=1, hide=0.1)
    notes = [tables.document([f"some words {number}", "x"], ["note", "k"]) for number in range(9)]
    with pytest.raises(UsageError, match="only columns of categories and numbers are judged"):
        noise.suspects(MODEL, Grid(table.fit(Given(notes), Config()), notes, ["note"]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fruit")
    tables.write(folder / "fruit.csv", fruit.documents(fruit.values()))
    return folder


def test_the_command_line_fills_measures_and_finds(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, run = trained / "fruit.csv", trained / "run"
    assert ask(capsys, "train", source, "--codec", "table", "--model", "ngram", "--out", run).status == 0
    told = ask(capsys, "inspect", run)
    assert "| colour | category | 3 | 0.0% |" in told.out
    assert ask(capsys, "inspect", run, "--json").fields["columns"][2]["type"] == "number"
    gaps = trained / "gaps.tsv"
    gaps.write_bytes(b"fruit\tcolour\tweight\nplum\t\t30\nlemon\tyellow\t81\n")
    filled = ask(
        capsys,
        "impute",
        run,
        gaps,
        "--out",
        trained / "full.tsv",
        "--report",
        trained / "cells.csv",
        "--json",
    )
    assert filled.fields["filled"] == 1
    assert (
        trained / "full.tsv"
    ).read_bytes() == b"fruit\tcolour\tweight\nplum\tblue\t30\nlemon\tyellow\t81\n"
    with (trained / "cells.csv").open() as file:
        (cell,) = csv.DictReader(file)
    assert (cell["row"], cell["column"], cell["value"]) == ("1", "colour", "blue")
    measured = ask(capsys, "impute", run, source, "--hide", "0.1", "--columns", "colour", "--json").fields
    assert [one["method"] for one in measured["figures"]] == ["model", "mean or mode", "last value"] * 2
    drawn = ask(capsys, "impute", run, gaps, "--samples", "2", "--out", trained / "s.csv")
    assert drawn.status == 0 and (trained / "s-2.csv").is_file()
    suspects = ask(capsys, "impute", run, source, "--noise", "--top", "3", "--json").fields["suspects"]
    assert len(suspects) == 3
    assert ask(capsys, "impute", run, gaps).refusal.startswith("where to? name a file with --out FILE")
    assert "--noise fills nothing" in ask(capsys, "impute", run, gaps, "--noise", "--hide", "0.1").refusal
    (trained / "other.csv").write_text("fruit,price\nplum,3\n")
    changed = ask(capsys, "impute", run, trained / "other.csv", "--hide", "0.5").refusal
    assert "missing colour, weight, new price" in changed


def test_the_words_of_python_are_those_of_the_command_line() -> None:
    words = {name: one.default for name, one in inspect.signature(imputing.impute).parameters.items()}
    own = ("noise", "top", "report", "as_json")
    for function in (api.impute, api.Run.impute):
        names = inspect.signature(function).parameters
        assert set(words) - {*own, "run", "out"} == set(names) - {"self", "run", "out"}
        assert all(words[name] == one.default for name, one in names.items() if one.kind is one.KEYWORD_ONLY)


def test_rows_are_generated_into_a_table(trained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, run, made = trained / "fruit.csv", trained / "maker", trained / "made.csv"
    ask(capsys, "train", source, "--codec", "table", "--model", "ngram", "--out", run)
    assert ask(capsys, "generate", run, "-n", "5", "--prompt", "lemon,", "--out", made).status == 0
    with made.open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 5 and all(row["fruit"] == "lemon" and len(row) == 3 for row in rows)


def test_the_example_fills_better_than_what_is_usual() -> None:
    outcome = fill_missing.main()
    assert outcome.accuracy > outcome.accuracy_of_mode
    assert outcome.rmse < 0.7 * outcome.rmse_of_mean
    assert outcome.filled == "setosa"
    assert outcome.suspect == (2, "species")
