"""Dates and texts imputed: posteriors of several symbols a cell, fair resampling, figures, the CLI."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs import table
from anygram.codecs.table import Config, TableCodec
from anygram.data import tables
from anygram.data.documents import Document
from anygram.models import frequency
from anygram.protocols import LanguageModel
from anygram.tasks.imputation import Asked, impute, measuring
from anygram.tasks.imputation.filling import Filled
from anygram.tasks.imputation.grid import Grid, Place
from anygram.tasks.imputation.resampling import resampled
from tests.asking import ask
from tests.sided import Given

COLUMNS = ["day", "season", "note"]
DAYS = {"winter": ["2024-01-15", "2024-01-16", "2024-01-18"], "summer": ["2024-07-02"]}
NOTES = {"winter": "white snow", "summer": "hot sand"}


def _documents(rows: Sequence[Sequence[str]]) -> list[Document]:
    return [tables.document(row, COLUMNS) for row in rows]


def _rows() -> list[list[str]]:
    """Return rows whose notes are all different, so that they are text."""
    seasons = ["winter", "summer"] * 30
    return [
        [DAYS[season][number % len(DAYS[season])], season, f"{NOTES[season]} {number}"]
        for number, season in enumerate(seasons)
    ]


def _learnt() -> tuple[LanguageModel, TableCodec]:
    documents = _documents(_rows())
    codec = table.fit(Given(documents), Config())
    model = frequency.create(frequency.Config(order=24, k=1e-4), codec.vocabulary_size, 0)
    for document in documents:
        ids_N = np.append(codec.encode(document.text, document.side).ids, np.int32(codec.boundary))
        model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model, codec


MODEL, CODEC = _learnt()


def test_the_columns_are_a_date_a_category_and_a_text() -> None:
    assert [column.type.name for column in CODEC.columns] == ["date", "category", "text"]


def test_a_date_is_filled_by_what_follows_it() -> None:
    rows = [["", "summer", "hot sand 1"], ["", "winter", "white snow 2"]]
    imputed = impute(MODEL, CODEC, _documents(rows), Asked())
    summer, winter = imputed.cells
    assert summer.value == "2024-07-02" and summer.probability > 0.95
    assert winter.value == "2024-01-16"  # the median of three alike
    assert winter.probability == pytest.approx(1 / 3, abs=0.05)


def test_a_text_is_filled_by_what_stands_before_it() -> None:
    imputed = impute(MODEL, CODEC, _documents([["2024-07-02", "summer", ""]] * 3), Asked())
    assert all(cell.value.startswith("hot sand") for cell in imputed.cells)
    assert [cell.row for cell in imputed.cells] == [1, 2, 3]
    assert all(0 < cell.probability < 0.2 for cell in imputed.cells)  # one of thirty notes


def test_cells_of_all_types_are_filled_together_in_every_sample() -> None:
    (drawn,) = impute(MODEL, CODEC, _documents([["", "", ""]] * 20), Asked(samples=1, seed=2)).tables
    values = [tables.values(document) for document in drawn]
    assert {season for _, season, _ in values} == {"winter", "summer"}
    for day, season, note in values:
        assert day in DAYS[season] and note.startswith(NOTES[season])


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=12), st.integers(1, 12), st.floats(0, 0.999))
def test_resampling_keeps_the_likely_and_the_number_wanted(
    weights: list[float], wanted: int, share: float
) -> None:
    kept_H, log_weight_H = resampled(np.log(weights), wanted, share)
    assert len(kept_H) == len(set(kept_H.tolist())) == min(wanted, len(weights))
    assert int(np.argmax(weights)) in kept_H or max(weights) < 1.01 * sum(weights) / wanted
    assert np.exp(log_weight_H).sum() == pytest.approx(sum(weights))


def test_resampling_expects_what_it_was_given() -> None:
    weights = np.array([0.5, 0.2, 0.12, 0.1, 0.05, 0.03])
    mean = np.zeros(len(weights))
    for share in (np.arange(2000) + 0.5) / 2000:
        kept_H, log_weight_H = resampled(np.log(weights), 3, float(share))
        mean[kept_H] += np.exp(log_weight_H) / 2000
    np.testing.assert_allclose(mean, weights, atol=2e-3)


def test_a_rows_values_do_not_depend_on_those_beside_it() -> None:
    rows = _documents([["", "winter", ""], ["2024-07-02", "", ""], ["", "summer", "hot sand 3"]])
    together = impute(MODEL, CODEC, rows, Asked()).tables[0]
    assert impute(MODEL, CODEC, rows[:1], Asked()).tables[0][0].text == together[0].text


def test_dates_err_in_days_and_texts_match_or_not() -> None:
    rows = [["2024-01-15", "winter", "a"], ["2024-01-15", "winter", "a"], ["", "summer", ""]]
    truth = {Place(2, 0): "2024-01-20", Place(2, 2): "b"}
    filled = [Filled(3, "day", "2024-01-18", 1.0), Filled(3, "note", "b", 1.0)]
    figures = measuring.measure(Grid(CODEC, _documents(rows), None), truth, filled)
    found = {(one.column, one.method): one for one in figures}
    assert (found["day", "model"].accuracy, found["day", "model"].days) == (0.0, 2.0)
    assert (found["day", "mean or mode"].days, found["day", "last value"].days) == (5.0, 5.0)
    assert (found["note", "model"].accuracy, found["note", "last value"].accuracy) == (1.0, 0.0)
    assert {one.type for one in figures if one.column == "all"} == {"date", "text"}


def test_the_command_line_fills_dates_and_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.write(tmp_path / "days.csv", _documents(_rows()))
    run = tmp_path / "run"
    ask(capsys, "train", tmp_path / "days.csv", "--codec", "table", "--model", "ngram", "--out", run)
    (tmp_path / "gaps.csv").write_text("day,season,note\n,summer,hot sand 1\n2024-01-15,winter,\n")
    assert ask(capsys, "impute", run, tmp_path / "gaps.csv", "--out", tmp_path / "full.csv").status == 0
    with (tmp_path / "full.csv").open() as file:
        first, second = csv.DictReader(file)
    assert first["day"] == "2024-07-02" and second["note"]
    measured = ask(capsys, "impute", run, tmp_path / "days.csv", "--hide", "0.2", "--json").fields["figures"]
    assert {one["type"] for one in measured if one["column"] == "all"} == {"category", "date", "text"}
    assert all((one["days"] is None) == (one["type"] != "date") for one in measured)
