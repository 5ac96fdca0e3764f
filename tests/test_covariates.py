"""Columns known beside the values of a series: read, coded, told of what is to come, and their worth."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram.budgets import Budget
from anygram.codecs import series as codecs
from anygram.codecs.series import Config
from anygram.data import series
from anygram.data.documents import Document
from anygram.errors import AnygramError, DataError, RunError, UsageError
from anygram.tasks.forecasting import Setting, forecasts
from tests.asking import ask
from tests.made_series import DAILY, HOURLY, WAVE, document_of, file_of, fitted, networks, series_in
from tests.sided import Given

# Reading


LONG = "unique_id,ds,y,promo,note\n" + "".join(
    f"{name},2024-01-0{day},{day},{day % 2},{note}\n" for name in "ab" for day, note in ((1, "x"), (2, "NA"))
)


def test_columns_beside_the_values_are_in_the_side(tmp_path: Path) -> None:
    for document in series_in(file_of(tmp_path, LONG), beside=("note", "promo")):
        assert document.text == "1\n2\n"
        assert document.side is not None
        assert document.side["covariates"] == {"note": "x\n\n", "promo": "1\n0\n"}
    wide = "when,a,promo,b\n2024-01-31,1,0,7\n2024-02-29,2,1,8\n"
    documents = series_in(file_of(tmp_path, wide), beside=("promo",))
    assert [(one.text, (one.side or {})["covariates"]) for one in documents] == [
        ("1\n2\n", {"promo": "0\n1\n"}),
        ("7\n8\n", {"promo": "0\n1\n"}),
    ]


@pytest.mark.parametrize(
    ("beside", "reason"),
    [
        (("promo",), "columns note are not read; pass --text-field y to leave them out"),
        (("promo", "notes"), "did you mean 'note'"),
        (("promo", "note", "ds"), "column 'ds' holds ids, times or values"),
    ],
)
def test_no_column_of_a_long_frame_is_silently_left_out(
    tmp_path: Path, beside: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(AnygramError, match=reason) as refusal:
        series_in(file_of(tmp_path, LONG), beside=beside)
    assert len(str(refusal.value).splitlines()) == 1


def test_what_is_known_beside_values_is_written_and_reads_back(tmp_path: Path) -> None:
    beside = {"promo": "9\n0\n1\n", "note": 'z\n\n"w, w"\n'}
    document = series.document(["5", "6"], {**HOURLY, "first": 1, "covariates": beside})
    (path,) = series.write(tmp_path / "made.csv", [document])
    (back,) = series_in(path, beside=("promo", "note"))
    assert (back.side or {})["covariates"] == {"promo": "0\n1\n", "note": '\n"w, w"\n'}


# Symbols


BESIDE = {
    **HOURLY,
    "covariates": {"promo": "0\n1\n\n0\n", "price": "1\n2\n5\n6\n", "note": "x\ny\nz\n\n"},
}


def test_covariates_stand_before_each_value_in_the_order_they_are_named() -> None:
    config = Config("exact", covariates="note, promo,price", covariate_bins=2, calendar="hour")
    codec = fitted("1\n2\n", BESIDE, config)  # so of the third and fourth cell nothing is known
    ids = codec.encode("1\n2\n", BESIDE).ids
    said = [codec.symbol(int(one)) for one in ids]
    assert said == [
        *("hour 22", "note x", "promo -inf to 0.5", "price -inf to 1.5", "1"),
        *("hour 23", "note y", "promo 0.5 to inf", "price 1.5 to inf", "2"),
    ]
    later = codec.ahead(BESIDE, 2, 2)
    assert [[codec.symbol(int(one)) for one in row] for row in later] == [
        ["hour 0", "note unseen", "promo missing", "price 1.5 to inf"],
        ["hour 1", "note missing", "promo -inf to 0.5", "price 1.5 to inf"],
    ]


def test_a_piece_of_a_series_has_the_cells_of_its_own_values() -> None:
    codec = fitted("1\n2\n3\n4\n", BESIDE, Config("exact", covariates="price"))
    whole = codec.encode("1\n2\n3\n4\n", BESIDE).ids
    piece = codec.encode("3\n4\n", {**BESIDE, "first": 2}).ids
    assert whole[4:].tolist() == piece.tolist()


def test_what_a_codec_found_beside_values_is_readable_and_comes_back() -> None:
    codec = fitted("1\n2\n3\n4\n", BESIDE, Config(bins=8, covariates="price,note", covariate_bins=2))
    stored = json.loads(json.dumps(codec.to_json()))
    assert stored["conditions"] == [
        {"name": "price", "edges": [3.5]},
        {"name": "note", "categories": ["x", "y", "z"]},
    ]
    assert codecs.from_json(stored).to_json() == stored
    assert [row["column"] for row in codec.describe()] == ["values", "price", "note"]
    damages: list[Any] = [{"name": "price"}, {"edges": [1]}, [], {"name": "a", "edges": ["x"]}]
    for damage in damages:
        with pytest.raises(RunError, match="damaged covariate"):
            codecs.from_json({**stored, "conditions": [damage]})


def test_a_guide_reads_what_is_known_and_ends_with_it() -> None:
    codec = fitted("1\n2\n3\n4\n", BESIDE, Config("exact", covariates="promo,note"))
    guide = codec.guide({**BESIDE, "first": 1})
    expected = codec.ahead(BESIDE, 3, 1)
    for row in expected:
        for symbol in row.tolist():
            (due,) = set(np.flatnonzero(guide.allowed())) - {codec.boundary}
            assert due == symbol
            guide.push(symbol)
        guide.push(0)
    assert np.flatnonzero(guide.allowed()).tolist() == [codec.boundary]
    with pytest.raises(DataError, match="known for 4 values and asked for 5"):
        codec.guide({**BESIDE, "values": 5})
    with pytest.raises(DataError, match="has no covariate 'promo' beside it"):
        codec.encode("1\n", HOURLY)
    usual = codec.guide().side  # what is beside the training part's first series
    assert usual is not None and usual["covariates"]["note"] == "x\ny\nz\n\n"


def test_numbers_in_training_are_numbers_ever_after() -> None:
    codec = fitted("1\n2\n", BESIDE, Config("exact", covariates="price"))
    with pytest.raises(DataError, match="'price' was numbers in training and now has 'dear'"):
        codec.encode("1\n", {"covariates": {"price": "dear\n"}})
    many = {"covariates": {"price": "".join(f"p{number}\n" for number in range(1100))}}
    with pytest.raises(DataError, match="1100 different texts"):
        fitted("1\n" * 1100, many, Config("exact", covariates="price"))


@given(
    numbers=st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=40),
    bins=st.integers(2, 9),
)
def test_bins_of_a_covariate_are_few_and_all_are_used(numbers: list[float], bins: int) -> None:
    side = {"covariates": {"x": "".join(f"{number!r}\n" for number in numbers)}}
    codec = fitted("1\n" * len(numbers), side, Config("exact", covariates="x", covariate_bins=bins))
    symbols = set(codec.ahead(side, len(numbers))[:, 0].tolist())
    (found,) = codec.conditions.covariates
    assert len(symbols) == found.size - 1 <= bins
    if len(set(numbers)) <= bins:
        assert len(symbols) == len(set(numbers))


# Forecasts


def _promoted(days: int = 240, seed: int = 0) -> tuple[list[int], list[int]]:
    """Return values that are much higher on some days, and which days these are: no rhythm tells."""
    generator = np.random.default_rng(seed)
    promo = generator.integers(0, 2, days)
    values = 20 + 15 * promo + generator.integers(-2, 3, days)
    return values.tolist(), promo.tolist()


@pytest.mark.parametrize("model", ["frequency", "gru"])
def test_what_is_known_ahead_makes_forecasts_better(model: str, tmp_path: Path) -> None:
    """Values depend on a promotion that no rhythm tells: who knows it ahead is far better by CRPS."""
    from anygram import api

    values, promo = _promoted()
    side = {**DAILY, "covariates": {"promo": "".join(f"{one}\n" for one in promo)}}
    path = tmp_path / "sales.csv"
    series.write(path, [series.document([str(value) for value in values], side)])
    crps_of = {}
    for covariates in ("", "promo"):
        settings = {"bins": 16, "difference": 0, "covariates": covariates}
        run = api.train(
            path,
            model,
            codec="series",
            settings={"method": "quantile", **settings},
            test=0.2,
            text_field="y",
            budget="100steps",
        )
        made = run.forecast(path, horizon=6, backtest=8, samples=40, text_field="y")
        assert made.accuracy is not None
        crps_of[covariates] = made.accuracy.crps
    assert crps_of["promo"] < 0.4 * crps_of[""]


def test_no_covariate_of_a_later_value_matters() -> None:
    codec = codecs.fit(Given([_beside(WAVE)]), Config(bins=64, difference=3, covariates="promo"))
    model = networks(codec)[0]
    one, other = (
        list(forecasts(model, codec, [(_beside(WAVE, after), [60])], Setting(4, 5))) for after in (0, 1)
    )
    np.testing.assert_array_equal(one[0].samples_SH[:, :2], other[0].samples_SH[:, :2])
    assert (one[0].samples_SH[:, 2:] != other[0].samples_SH[:, 2:]).any()


def _beside(values: Any, after: int = 0) -> Document:
    """Return a series with a covariate that is another after value 62."""
    cells = "".join(f"{number % 2 if number < 62 else (number + after) % 2}\n" for number in range(200))
    return document_of(values, covariates={"promo": cells})


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two series with covariates, a run that knows these, and a plain one that does not."""
    from anygram import api

    folder = tmp_path_factory.mktemp("promoted")
    documents = [
        document_of(WAVE, id=name, covariates={"promo": "0\n1\n" * 60, "note": "x\n\n" * 60}) for name in "ab"
    ]
    series.write(folder / "sales.csv", documents)
    settings = {"method": "quantile", "covariates": "promo,note", "difference": 0}
    api.train(
        folder / "sales.csv", "frequency", codec="series", settings=settings, out=folder / "run", test=0.1
    )
    api.train(folder / "sales.csv", "frequency", codec="series", text_field="y", out=folder / "plain")
    return folder


def _future(first: int = 120, count: int = 4, ids: str = "ab", promo: str = "1", **names: str) -> str:
    columns = {name: names.get(name, name) for name in ("unique_id", "ds", "promo", "note")}
    days = [str(np.datetime64("2024-01-01") + first + step) for step in range(count)]
    rows = [f"{one},{day},{promo},new" for one in ids for day in days]
    return "\n".join([",".join(columns.values()), *rows, ""])


def test_a_run_with_covariates_is_told_those_of_the_horizon(
    promoted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    future, out = tmp_path / "future.csv", tmp_path / "ahead.csv"
    future.write_text(_future())
    words = ["forecast", promoted / "run", promoted / "sales.csv", "--out", out]
    said = ask(capsys, *words, "--horizon", 3, "--future", future, "--json").fields
    assert said["rows"] == 6
    assert ask(capsys, *words, "--horizon", 3, "--backtest", 2, "--json").fields["forecasts"] == 4
    future.write_text(_future(ids="z").replace("unique_id", "other"))  # rows for every series
    assert ask(capsys, *words, "--horizon", 4, "--future", future, "--json").fields["rows"] == 8
    assert "| promo" in ask(capsys, "inspect", promoted / "run").out
    said = ask(capsys, "evaluate", promoted / "run", promoted / "sales.csv", "--json").fields
    assert said["units"] == 240


@pytest.mark.parametrize(
    ("future", "reason"),
    [
        (None, "promo, note are read; say what they will be (--future, X_df)"),
        (_future(ids="a"), "series 'b' has 0 rows, and 3 values are asked for"),
        (_future(count=2), "series 'a' has 2 rows, and 3 values are asked for"),
        (_future(ids="abz"), "'z' is no series of the source"),
        (_future(first=119), "has the time '2024-04-29' in row 1, and 2024-04-30 comes next"),
        (_future(promo="much"), "'promo' was numbers in training and now has 'much'"),
        (_future(note="notes"), "did you mean 'notes'"),
        (_future(ds="when"), "there is no column of times"),
        ("", "no column of"),
    ],
)
def test_a_wrong_future_is_refused_in_one_line(
    promoted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], future: str | None, reason: str
) -> None:
    words: list[object] = ["forecast", promoted / "run", promoted / "sales.csv", "--horizon", 3]
    if future is not None:
        (tmp_path / "future.csv").write_text(future)
        words += ["--future", tmp_path / "future.csv"]
    assert reason in ask(capsys, *words, "--out", tmp_path / "out.csv").refusal
    assert not (tmp_path / "out.csv").exists()


def test_a_run_with_covariates_makes_series_and_takes_part_in_a_comparison(
    promoted: Path, tmp_path: Path
) -> None:
    from anygram import api
    from anygram.comparison import contest

    made = api.load(promoted / "run").sample(n=2)
    assert all((one.side or {})["covariates"]["promo"].startswith("0\n1\n") for one in made)
    (one,) = contest.contestants(["frequency:series"], None, {"frequency.covariates": "promo,note"})
    found = contest.begun((one,), {"sources": ("sales.csv",), "budget": Budget(steps=1)})
    assert found.options.beside == ("promo", "note")
    (other,) = contest.contestants(["ngram:series"], None, {"ngram.covariates": "promo"})
    with pytest.raises(UsageError, match="give each the same covariates"):
        contest.begun((one, other), {"sources": ("sales.csv",), "budget": Budget(steps=1)})
    with pytest.raises(UsageError, match="reads other covariates than this comparison"):
        found.joined_by((other,))


def test_a_future_for_nothing_is_refused(
    promoted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "future.csv").write_text(_future())
    words = [promoted / "sales.csv", "--horizon", 3, "--future", tmp_path / "future.csv"]
    plain = [promoted / "plain", *words, "--text-field", "y"]
    assert "reads no covariates" in ask(capsys, "forecast", *plain).refusal
    tested = [promoted / "run", *words, "--backtest", 2]
    assert "have their covariates in the source" in ask(capsys, "forecast", *tested).refusal


def test_a_forecaster_knows_covariates_ahead() -> None:
    values, promo = _promoted()
    days = [str(np.datetime64("2024-01-01") + step) for step in range(244)]
    frame = {"unique_id": ["a"] * 240, "ds": days[:240], "y": values, "promo": promo}
    settings = {"method": "quantile", "bins": 8, "difference": 0, "covariates": "promo"}
    forecaster = anygram.Forecaster("frequency", settings).fit(frame)
    ahead = {"unique_id": ["a"] * 4, "ds": days[240:], "promo": [1, 0, 0, 1]}
    made = forecaster.predict(4, X_df=pyarrow.table(ahead))
    assert [mean > 27 for mean in made["mean"]] == [True, False, False, True]
    accuracy = forecaster.cross_validation(frame, 4, 5).accuracy
    assert accuracy is not None and accuracy.mae < 5
    with pytest.raises(UsageError, match="promo are read; say what they will be"):
        forecaster.predict(4)
    with pytest.raises(UsageError, match="reads no covariates"):
        frame.pop("promo")
        anygram.Forecaster("ngram", {"method": "exact"}).fit(frame).predict(1, X_df=ahead)
