"""Missing values of series: closed forms of small models, hidden stretches, figures, the command line."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from anygram.codecs import series as series_codec
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.series import Config, SeriesCodec, numbers
from anygram.data import series
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.models import frequency
from anygram.protocols import LanguageModel
from anygram.tasks.imputation import Asked, impute
from anygram.tasks.imputation import series as filling
from anygram.tasks.imputation.bridges import bridges
from anygram.tasks.imputation.stretches import Stretch, arounds, stretches
from tests.asking import ask
from tests.sided import Given

DAY = {"id": "a", "start": "2024-01-01", "step": 86400, "first": 0}


def _document(*lines: str) -> Document:
    return series.document(lines, DAY)


def _learnt(text: str, config: Config, order: int = 2) -> tuple[LanguageModel, SeriesCodec]:
    codec = series_codec.fit(Given([Document(text, side=DAY)]), config)
    model = frequency.create(frequency.Config(order=order, k=1e-3), codec.vocabulary_size, 0)
    ids_N = np.append(codec.encode(text, DAY).ids, np.int32(codec.boundary))
    model.count(ids_N, np.array([len(ids_N)]))
    model.finish()
    return model, codec


def _chain() -> str:
    """Return states 0 to 3 of a chain that goes up or down by one, at the ends inward."""
    generator = np.random.default_rng(0)
    state, states = 0, []
    for step in generator.integers(0, 2, 4000).tolist():
        state = 1 if state == 0 else 2 if state == 3 else state + 2 * step - 1
        states.append(state)
    return "".join(f"{state}\n" for state in states)


MODEL, CODEC = _learnt(_chain(), Config("exact"))


def test_stretches_are_where_values_are_missing() -> None:
    documents = [_document("", "1", "", "", "2"), _document("1", "")]
    assert stretches(documents) == [Stretch(0, 0, 1), Stretch(0, 2, 2), Stretch(1, 1, 1)]


def test_a_value_is_filled_by_what_stands_on_both_sides() -> None:
    """Of a chain that goes up or down, one value between two is certain, or one of two alike."""
    filled = filling.fill(MODEL, CODEC, [_document("0", "1", "", "3", "2", "1", "", "1", "0")])
    assert filled.values[0].value == "2"
    between = arounds(CODEC, [_document("0", "1", "", "1", "0")], [Stretch(0, 2, 1)])
    (bridge,) = bridges(MODEL, CODEC, between)
    share = bridge.p_S[bridge.values_SL[:, 0] == 2].sum()
    assert set(np.unique(bridge.values_SL[bridge.p_S > 1e-2 / 128])) == {0, 2}
    # P(1, 0, 1) : P(1, 2, 1) is 1/2 · 1 to 1/2 · 1/2
    assert share == pytest.approx(1 / 3, abs=0.15)


def test_ways_through_a_long_stretch_arrive() -> None:
    lines = ["0", "1", "2", "3", *[""] * 7, "3", "2", "3", "2"]  # eight steps from 3 back to 3
    (bridge,) = bridges(MODEL, CODEC, arounds(CODEC, [_document(*lines)], [Stretch(0, 4, 7)]))
    assert bridge.p_S[bridge.values_SL[:, -1] == 2].sum() > 0.99
    assert (1 / (bridge.p_S**2).sum()) > 8
    likely_SL = bridge.values_SL[bridge.p_S > 1e-3]
    assert (np.abs(np.diff(likely_SL, axis=1)) == 1).all()


def test_leading_and_last_values_are_filled_too() -> None:
    filled = filling.fill(MODEL, CODEC, [_document("", "0", "1", "2", "3", "")])
    assert [cell.value for cell in filled.values] == ["1", "2"]
    assert filled.drawn[0][0].text == "1\n0\n1\n2\n3\n2\n"


@pytest.mark.parametrize(
    "config", [Config("quantile"), Config("quantile", difference=7), Config(calendar="weekday")]
)
def test_bins_differences_and_calendars_are_filled(config: Config) -> None:
    days = np.arange(400)
    week_N = 50 + 10 * (days % 7) + np.random.default_rng(1).normal(0, 0.5, len(days))
    lines = [f"{value:.1f}" for value in week_N]
    model, codec = _learnt("".join(f"{line}\n" for line in lines), config, order=3)
    hidden = filling.hide([_document(*lines)], 0.1, 2, seed=1)
    figures = filling.measure(hidden, filling.fill(model, codec, hidden.documents))
    rmse = {one.method: one.rmse for one in figures if one.series == "a"}
    assert rmse["model"] is not None and rmse["linear"] is not None
    assert rmse["model"] < 0.6 * rmse["linear"]


def test_a_fill_does_not_depend_on_other_stretches_of_another_length() -> None:
    one = arounds(CODEC, [_document("0", "1", "", "1")], [Stretch(0, 2, 1)])
    other = arounds(CODEC, [_document("0", "1", "", "", "2")], [Stretch(0, 2, 2)])
    (alone,), (first, _) = bridges(MODEL, CODEC, one), bridges(MODEL, CODEC, [*one, *other])
    np.testing.assert_array_equal(alone.values_SL, first.values_SL)


def test_hidden_values_and_figures_are_those_of_their_definitions() -> None:
    lines = [f"{number}.0" for number in range(40)]
    hidden = filling.hide([_document(*lines)], 0.3, 3, seed=2)
    missing = np.isnan(numbers(hidden.documents[0].text))
    assert missing.sum() == len(hidden.truth) and not missing[0]
    assert all(gap.length % 3 == 0 for gap in stretches(hidden.documents))
    cells = [filling.FilledValue("a", "", "0.0", 0.0, 20.0)] * int(missing.sum())
    filled = filling.FilledSeries([[_document(*["0.0"] * 40)]], cells)
    found = {one.method: one for one in filling.measure(hidden, filled) if one.series == "a"}
    truth = np.array(list(hidden.truth.values()))
    deviation = float(np.std(np.arange(40)))
    assert found["model"].rmse == pytest.approx(np.sqrt((truth**2).mean()) / deviation)
    assert found["model"].coverage == pytest.approx((truth <= 20).mean())
    assert found["linear"].rmse == pytest.approx(0, abs=0.1) and found["linear"].coverage is None


def test_what_cannot_be_done_is_refused() -> None:
    known = [_document("0", "1", "2")]
    for asked, said in (
        (Asked(columns=["y"]), "--columns are of tables"),
        (Asked(samples=0), "samples must be at least 1"),
        (Asked(hide=2.0), "--hide must be above 0 and below 1"),
        (Asked(hide=0.1, hide_length=0), "--hide-length must be at least 1"),
    ):
        with pytest.raises(UsageError, match=said):
            impute(MODEL, CODEC, known, asked)
    with pytest.raises(UsageError, match="give --hide SHARE too"):
        Asked(hide_length=3)
    with pytest.raises(DataError, match="no value was hidden"):
        impute(MODEL, CODEC, known, Asked(hide=0.1, hide_length=24))
    with pytest.raises(DataError, match="there is no series"):
        impute(MODEL, CODEC, [], Asked())
    with pytest.raises(UsageError, match="--hide-length is of series"):
        impute(MODEL, BytesCodec(), known, Asked(hide=0.1, hide_length=2))


def test_the_command_line_fills_series(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = _chain().split()[:600]
    (tmp_path / "known.csv").write_text("y\n" + "".join(f"{line}\n" for line in lines))
    (tmp_path / "gaps.csv").write_text("ds,y\n2024-01-01,0\n2024-01-02,1\n2024-01-03,\n2024-01-04,3\n")
    run, out = tmp_path / "run", tmp_path / "full.csv"
    chosen = ("--codec", "series", "--set", "method=exact", "--model", "ngram")
    ask(capsys, "train", tmp_path / "known.csv", *chosen, "--out", run)
    filled = ask(capsys, "impute", run, tmp_path / "gaps.csv", "--out", out, "--report", tmp_path / "r.csv")
    assert filled.status == 0
    with out.open() as file:
        assert [row["y"] for row in csv.DictReader(file)] == ["0", "1", "2", "3"]
    with (tmp_path / "r.csv").open() as file:
        (cell,) = csv.DictReader(file)
    assert (cell["series"], cell["time"], cell["value"]) == ("y", "2024-01-03", "2")
    asked = ("--hide", "0.2", "--hide-length", "2", "--json")
    figures = ask(capsys, "impute", run, tmp_path / "known.csv", *asked).fields["figures"]
    assert [one["method"] for one in figures[:4]] == ["model", "mean", "last value", "linear"]
    assert figures[0]["rmse"] < figures[3]["rmse"]
    drawn = ask(capsys, "impute", run, tmp_path / "gaps.csv", "--samples", "2", "--out", tmp_path / "s.csv")
    assert drawn.status == 0 and (tmp_path / "s-2.csv").is_file()
    assert "cells are those of tables" in ask(capsys, "impute", run, tmp_path / "gaps.csv", "--noise").refusal


def test_a_wide_bin_is_no_likelier_than_its_width() -> None:
    """Of differences in bins of equal mass a long way back is in a wide one, and must not be as likely."""
    walk_N = np.cumsum(np.random.default_rng(3).normal(0, 1, 1500))
    lines = [f"{value:.2f}" for value in walk_N]
    config = Config("quantile", bins=32, difference=1)
    model, codec = _learnt("".join(f"{line}\n" for line in lines), config, order=1)
    hidden = filling.hide([_document(*lines)], 0.1, 1, seed=1)
    found = {
        one.method: one.rmse for one in filling.measure(hidden, filling.fill(model, codec, hidden.documents))
    }
    assert found["model"] is not None and found["linear"] is not None and found["last value"] is not None
    assert found["model"] < 1.1 * found["linear"] < found["last value"]  # the line is the best there is
