"""Rows with some cells given: any columns as the condition of the others, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs.bytes import BytesCodec
from anygram.data import tables
from anygram.errors import UnknownName, UsageError
from anygram.models import uniform
from anygram.tasks.imputation.rows import rows_given
from tests import fruit, test_imputed_dates_and_texts
from tests.asking import ask
from tests.test_imputation import CODEC, MODEL

DATED, DATED_CODEC = test_imputed_dates_and_texts.MODEL, test_imputed_dates_and_texts.CODEC


@pytest.mark.parametrize("held", [{"colour": "blue"}, {"fruit": "plum"}, {"colour": "blue", "weight": "31"}])
def test_what_is_given_stands_and_the_rest_suits_it(held: Mapping[str, str]) -> None:
    rows = [
        dict(zip(fruit.COLUMNS, tables.values(row), strict=True))
        for row in rows_given(MODEL, CODEC, held, 10)
    ]
    assert all(row[name] == value for row in rows for name, value in held.items())
    suited = [
        row["fruit"] == "plum" and row["colour"] == "blue" and float(row["weight"]) < 60 for row in rows
    ]
    assert sum(suited) >= 9


def test_a_text_that_comes_last_decides_what_stands_before_it() -> None:
    rows = [tables.values(row) for row in rows_given(DATED, DATED_CODEC, {"note": "hot sand 31"}, 4)]
    assert all((day, season, note) == ("2024-07-02", "summer", "hot sand 31") for day, season, note in rows)


def test_a_date_is_a_condition_and_rows_differ() -> None:
    rows = [tables.values(row) for row in rows_given(DATED, DATED_CODEC, {"day": "2024-01-15"}, 10)]
    assert all(day == "2024-01-15" and season == "winter" for day, season, _ in rows)
    assert len({note for _, _, note in rows}) > 3
    again = [tables.values(row) for row in rows_given(DATED, DATED_CODEC, {"day": "2024-01-15"}, 4)]
    assert again == rows[:4]


@given(st.sampled_from(["apple", "lemon", ""]), st.integers(0, 500))
def test_rows_are_valid_even_by_a_model_that_learnt_nothing(kind: str, seed: int) -> None:
    untrained = uniform.create(uniform.Config(), CODEC.vocabulary_size, 0)
    (row,) = rows_given(untrained, CODEC, {"fruit": kind}, 1, seed)
    found, _, weight = tables.values(row)
    assert found == kind and (not weight or float(weight) is not None)
    assert CODEC.decode(CODEC.encode(row.text, row.side).ids, row.side) == row.text


def test_what_cannot_be_given_is_refused() -> None:
    with pytest.raises(UnknownName, match="no value of column colour named 'blu'; did you mean 'blue'"):
        rows_given(MODEL, CODEC, {"colour": "blu"})
    with pytest.raises(UnknownName, match="no column named 'color'"):
        rows_given(MODEL, CODEC, {"color": "blue"})
    with pytest.raises(UsageError, match="column 'weight' holds numbers, got 'heavy'"):
        rows_given(MODEL, CODEC, {"weight": "heavy"})
    with pytest.raises(UsageError, match="column 'day' holds dates, got 'today'; write it like 0"):
        rows_given(DATED, DATED_CODEC, {"day": "today"})
    with pytest.raises(UsageError, match="every column is given"):
        rows_given(MODEL, CODEC, {"fruit": "plum", "colour": "blue", "weight": "30"})
    with pytest.raises(UsageError, match="cells are given of tables"):
        rows_given(MODEL, BytesCodec(), {"fruit": "plum"})
    with pytest.raises(UsageError, match="samples must be at least 1"):
        rows_given(MODEL, CODEC, {"fruit": "plum"}, 0)


def test_the_command_line_gives_cells(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables.write(tmp_path / "fruit.csv", fruit.documents(fruit.values()))
    run = tmp_path / "run"
    ask(capsys, "train", tmp_path / "fruit.csv", "--codec", "table", "--model", "ngram", "--out", run)
    asked = ("generate", run, "-n", 3, "--given", "weight=31", "--given", "colour=blue")
    rows = ask(capsys, *asked).out.splitlines()
    assert len(rows) == 3 and all(row.endswith(",blue,31") for row in rows)
    assert ask(capsys, *asked, "--json").fields["samples"] == rows
    made = tmp_path / "made.csv"
    assert ask(capsys, *asked, "--out", made).out.strip() == str(made)
    assert made.read_text().splitlines() == ["fruit,colour,weight", *rows]
    assert "leave out --prompt" in ask(capsys, *asked, "--prompt", "plum,").refusal
    assert "--given wants KEY=VALUE" in ask(capsys, "generate", run, "--given", "plum").refusal
