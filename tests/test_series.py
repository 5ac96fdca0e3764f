"""Time series: what is read of files, what is refused, their symbols, and what a density costs.

Axes: B rows, V vocabulary, N values.
"""

from __future__ import annotations

import csv
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from anygram import timeline
from anygram.codecs import _bins
from anygram.codecs import series as codecs
from anygram.codecs.series import BinnedSeries, Config, ExactSeries
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.data.splitting import split
from anygram.data.store import DocumentStore, texts_of
from anygram.errors import DataError, UnknownName, UsageError
from anygram.evaluation import evaluate
from anygram.models import frequency
from anygram.tasks import generation
from tests.asking import ask
from tests.made_series import HOURLY, LINES, file_of, series_in

# Reading


def test_a_wide_frame_is_a_series_a_column(tmp_path: Path) -> None:
    path = file_of(tmp_path, "when,a,b\n2024-01-31,1.50,7\n2024-02-29,NA,8\n2024-03-31,3e0,-9\n")
    first, second = series_in(path)
    assert (first.text, second.text) == ("1.50\n\n3e0\n", "7\n8\n-9\n")
    assert first.side == {"id": "a", "start": "2024-01-31", "step": "ME", "first": 0}
    assert first.name == f"{path}:a"
    (chosen,) = series_in(path, text_field="b")
    assert chosen == second


def test_a_long_frame_is_a_series_an_id(tmp_path: Path) -> None:
    rows = "unique_id,ds,y\nx,2024-01-01,1\nz,2024-01-01 12:00:00,5\nx,2024-01-02,2\nz,2024-01-01 18:00:00,\n"
    first, second = series_in(file_of(tmp_path, rows))
    assert (first.text, first.side) == (
        "1\n2\n",
        {"id": "x", "start": "2024-01-01", "step": 86_400, "first": 0},
    )
    assert (second.text, second.side) == (
        "5\n\n",
        {"id": "z", "start": "2024-01-01T12:00:00", "step": 21_600, "first": 0},
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "3\n4.0\n\n5\n"),
        ("a.tsv", "v\n3\n4.0\n\n5\n"),
        ("a.jsonl", '{"v": 3}\n{"v": 4.0}\n{"v": null}\n{"v": 5}\n'),
    ],
)
def test_a_single_column_has_no_times(tmp_path: Path, name: str, text: str) -> None:
    (document,) = series_in(file_of(tmp_path, text, name))
    assert document.text == "3\n4.0\n\n5\n"
    assert document.side is not None and document.side["start"] is None


def test_parquet_holds_numbers_and_times(tmp_path: Path) -> None:
    times = pyarrow.array(np.array(["2024-01-01T00:15", "2024-01-01T00:30"], dtype="M8[s]"))
    table = pyarrow.table({"t": times, "v": [0.1, None]})
    parquet.write_table(table, tmp_path / "a.parquet")
    (document,) = series_in(tmp_path / "a.parquet")
    assert document.text == "0.1\n\n"
    assert document.side == {"id": "v", "start": "2024-01-01T00:15:00", "step": 900, "first": 0}


REFUSED = [
    ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-04,3\n", "the time '2024-01-04' is not one step after"),
    ("ds,y\n2024-01-01,1\n2024-01-02,2\n2024-01-02,3\n", "the time '2024-01-02' stands twice"),
    ("ds,y\n2024-01-02,1\n2024-01-03,2\n2024-01-01,3\n", "the time '2024-01-01' comes after a later one"),
    ("ds,y\n01/02/2024,1\n02/02/2024,2\n", "is not ISO 8601"),
    ("ds,y\n1,1\n2,2\n2,3\n", "the time '2' stands twice"),
    ("v\n1\ntwo\n3\n", "'two' in row 2, which is no finite number"),
    ("v\n1\ninf\n", "'inf' in row 2, which is no finite number"),
    ("v\n1\n1e999\n", "'1e999' in row 2, which is no finite number"),
    ("a,b\n1,\n2,NaN\n", "series 'b' has no value at all"),
    ("v\n", "there are no values"),
    ("", "there are no values"),
    ("ds\n2024-01-01\n2024-01-02\n", "no other column than 'ds'"),
    ("a,b\n1,2\n3\n", "row 2 has 1 cells, the first line 2"),
    ("a,a\n1,2\n", "two columns have one name"),
    ("unique_id,ds,y,price\na,1,2,3\n", "columns price are not read"),
    ("unique_id,value\na,1\n", "no column 'y'"),
    ('v\n1\n"2\n', "not a table"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED)
def test_what_is_no_series_is_refused_in_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(DataError) as refusal:
        series_in(file_of(tmp_path, text))
    assert reason in str(refusal.value) and len(str(refusal.value).splitlines()) == 1


def test_a_bad_series_can_be_stepped_over_and_is_told(tmp_path: Path) -> None:
    report = Report()
    path = file_of(tmp_path, "a,b\n1,x\n2,y\n")
    options = ReadingOptions(kind="series", on_bad_record="skip")
    assert [document.name for document in read([str(path)], options, report)] == [f"{path}:a"]
    assert report.skipped == 1 and "series 'b'" in report.reasons[0]


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="did you mean 'sales'"):
        series_in(file_of(tmp_path, "sales,other\n1,2\n"), text_field="sale")


@pytest.mark.parametrize(
    ("step", "dates"),
    [
        ("MS", ["2023-12-15", "2024-01-15", "2024-02-15"]),
        ("QS", ["2023-12-01", "2024-03-01", "2024-06-01"]),
        ("YE", ["2023-02-28", "2024-02-29", "2025-02-28"]),
        (86_400, ["2024-02-28", "2024-02-29", "2024-03-01"]),
        (7 * 86_400, ["2024-02-28", "2024-03-06", "2024-03-13"]),
        (0.25, ["2024-01-01T00:00:00", "2024-01-01T00:00:00.25", "2024-01-01T00:00:00.5"]),
    ],
)
def test_steps_are_found_and_followed(step: timeline.Step, dates: list[str]) -> None:
    times_N = np.array(dates, dtype="M8[us]")
    assert timeline.step_of(times_N) == step
    side = {"start": dates[0], "step": step, "first": 1}
    later = timeline.moments(side, 2)
    assert later is not None and (later == times_N[1:]).all()


def test_a_written_frame_reads_back(tmp_path: Path) -> None:
    documents = [
        series.document(["1", "", "2.5"], HOURLY),
        series.document(["7", "8"], {"id": "b", "start": "2024-01-31", "step": "ME", "first": 2}),
    ]
    path = tmp_path / "made.csv"
    assert series.write(path, documents) == [path]
    rows = list(csv.reader(path.read_text().splitlines()))
    assert rows[:3] == [
        ["unique_id", "ds", "y"],
        ["a", "2024-02-29 22:00:00", "1"],
        ["a", "2024-02-29 23:00:00", ""],
    ]
    assert rows[4:] == [["b", "2024-03-31", "7"], ["b", "2024-04-30", "8"]]
    assert [document.text for document in series_in(path)] == [document.text for document in documents]
    with pytest.raises(UsageError, match=r"\.csv"):
        series.write(tmp_path / "made.png", documents)


def test_numbers_for_times_may_look_like_years_on_the_way(tmp_path: Path) -> None:
    document = series.document(["1"] * 3100, {"id": "a", "start": None, "step": None, "first": 0})
    (path,) = series.write(tmp_path / "long.csv", [document])
    (back,) = series_in(path)
    assert (back.side or {})["start"] is None and back.text == document.text
    years = series_in(file_of(tmp_path, "year,v\n1999,1\n2000,2\n2001,3\n"))
    assert (years[0].side or {})["step"] == "YS"


def test_a_series_is_cut_in_time_and_its_pieces_know_when_they_begin(tmp_path: Path) -> None:
    values = [f"{number}.{number}" for number in range(20)]
    store = DocumentStore.spool([series.document(values, HOURLY)], tmp_path / "store")
    parts = split(store, valid=0.3, test=0.2, seed=0, parted=series.parted)
    assert "".join(part[0].text for part in (parts.train, parts.valid, parts.test)) == store[0].text
    before = 0
    for part in (parts.train, parts.valid, parts.test):
        document = part[0]
        assert document.side is not None
        assert document.text.startswith(f"{values[document.side['first']]}\n")
        assert [*texts_of(part).sides()] == [document.side]  # type: ignore[attr-defined]
        assert document.side["first"] == before
        before += document.text.count("\n")


@given(lines=st.lists(st.sampled_from(["", "1", "23.5"]), min_size=1), offset=st.integers(0, 100))
def test_a_series_is_parted_at_the_starts_of_lines(lines: list[str], offset: int) -> None:
    raw = "".join(f"{line}\n" for line in lines).encode()
    offset = min(offset, len(raw))
    starts = [0, *(place + 1 for place, byte in enumerate(raw) if byte == ord("\n"))]
    before = max(start for start in starts if start <= offset)
    after = min(start for start in starts if start >= offset)
    assert series.parted(np.frombuffer(raw, dtype=np.uint8), None, offset) == (before, after)


# Symbols


def test_a_value_is_its_bin_of_the_mean_size() -> None:
    codec = BinnedSeries(Config(bins=6, limit=2), _bins.uniform(6, 2))  # edges -2, -1, 0, 1, 2
    encoded = codec.encode("10\n-10\n\n50\n-0.001\n")  # a mean size of 17.5, rounded to 17.8
    scale = 10**1.25
    assert encoded.count == 5
    assert codec.symbol(int(encoded.ids[0])) == "scale 17.8"
    assert encoded.ids[1:].tolist() == [3, 2, codec.missing, 5, 2]
    assert encoded.units.tolist() == [0, 3, 4, 1, 3, 7]
    assert encoded.log_width_T is not None
    beyond = 2 * math.log(50 / scale) - math.log(2)  # density 2 / x² beyond 2
    expected = np.array([-math.log(scale), 0, 0, -math.log(scale), beyond, 0]) + math.log(scale)
    np.testing.assert_allclose(encoded.log_width_T, expected, atol=1e-12)


def test_what_lies_beyond_the_bins_has_a_density_that_adds_up_to_one() -> None:
    bins = _bins.uniform(6, 2)
    edges = 2 + np.concatenate([[0], np.logspace(-4, 6, 200_001)])
    middles, widths = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    density = np.exp(-bins.log_widths(middles, np.full(len(middles), 5, dtype=np.int32)))
    assert float((density * widths).sum()) == pytest.approx(1, abs=1e-5)


def test_quantile_bins_hold_equally_many_values() -> None:
    numbers_N = np.random.default_rng(0).lognormal(size=10_000)
    bins = _bins.quantile(numbers_N, 12)
    counts = np.bincount(bins.all_of(numbers_N), minlength=12)
    assert counts[0] == counts[11] == 0
    assert (abs(counts[1:11] - 1000) <= 1).all()
    assert abs(np.median(numbers_N[bins.all_of(numbers_N) == 4]) - bins.centres[4]) < 1e-9


def test_whole_numbers_are_a_symbol_each_and_all_else_is_spelled() -> None:
    codec = codecs.fit(["3\n-2\n5.5\n"], Config("exact"))
    assert isinstance(codec, ExactSeries) and codec.values == 6
    text = "-2\n3\n4\n007\n+1\n\n1.0\n99\nmuch\udcff\n"
    encoded = codec.encode(text)
    assert encoded.ids[:2].tolist() == [0, 5]
    assert codec.decode(encoded.ids) == text
    assert encoded.count == 9


def test_too_wide_a_range_is_refused_with_a_way_out() -> None:
    with pytest.raises(DataError, match="method=quantile"):
        codecs.fit(["0\n70000\n"], Config("exact"))


def test_differences_do_not_add_up_errors() -> None:
    values_N = np.cumsum(np.random.default_rng(0).normal(size=400)) + 100
    text = "".join(f"{value}\n" for value in values_N)
    codec = codecs.fit([text], Config("uniform", bins=64, limit=5, difference=7))
    encoded = codec.encode(text, None)
    back_N = np.array(codec.decode(encoded.ids).split()).astype(float)
    assert encoded.side is not None
    width = 10 / 61 * _bins.scale_at(encoded.side["scale"][1])
    assert abs(back_N - values_N)[7:].max() < width


CONFIGS = [
    Config(bins=16),
    Config("exact", calendar="hour"),
    Config("quantile", bins=8, calendar="weekday"),
    Config(bins=16, difference=2),
    Config(bins=16, difference=3, calendar="hour"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@given(lines=LINES, data=st.data())
def test_histories_are_what_the_beginnings_alone_would_be(
    config: Config, lines: list[str], data: Any
) -> None:
    text = "".join(f"{line}\n" for line in ["5", *lines])
    codec = codecs.fit([text], config)
    end = data.draw(st.integers(1, 1 + len(lines)))
    (history,) = codec.histories(text, HOURLY, [end])
    beginning = "".join(f"{line}\n" for line in ["5", *lines][:end])
    encoded = codec.encode(beginning, HOURLY)
    assert history.ids_T.tolist() == encoded.ids.tolist()
    read = [float(line or "nan") for line in codec.decode(encoded.ids, encoded.side).split("\n")[:-1]]
    np.testing.assert_allclose(history.values_N, read, rtol=1e-9)


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@given(lines=LINES, drawn=st.lists(st.integers(0, 10_000), min_size=1, max_size=9))
def test_what_goes_on_is_what_its_symbols_decode_to(
    config: Config, lines: list[str], drawn: list[int]
) -> None:
    text = "".join(f"{line}\n" for line in ["5", *lines])
    codec = codecs.fit([text], config)
    (history,) = codec.histories(text, HOURLY, [1 + len(lines)])
    ids_H = np.array([number % codec.values for number in drawn], dtype=np.int32)
    (values_H,) = codec.continued(history, ids_H[None])
    ids_T = np.column_stack([codec.ahead(HOURLY, len(drawn), 1 + len(lines)), ids_H]).ravel()
    whole = codec.decode(np.append(history.ids_T, ids_T)).split("\n")[:-1]
    np.testing.assert_allclose(values_H, [float(line) for line in whole[1 + len(lines) :]], rtol=1e-9)


def test_the_calendar_stands_before_each_value() -> None:
    codec = codecs.fit(["1\n"], Config(bins=8, calendar="hour,month"))
    ids = codec.encode("1\n1\n1\n", HOURLY).ids
    assert [codec.symbol(int(day)) for day in ids[1::2]] == [
        "hour 22, month 2",
        "hour 23, month 2",
        "hour 0, month 3",
    ]
    with pytest.raises(DataError, match="a calendar needs times"):
        codec.encode("1\n", {"start": None, "step": None})


def test_a_codec_of_before_is_read_as_it_was() -> None:
    """codec.json as it was written before there were covariates, and difference was 0 unless set."""
    stored = {
        "method": "quantile",
        "bins": 8,
        "limit": 15.0,
        "difference": 0,
        "calendar": "hour",
        "usual": None,
    }
    table = {"edges": [-1.0, 0.0, 1.0, 2.0, 3.0], "centres": [-1.1, -0.5, 0.5, 1.5, 2.5, 3.1]}
    codec = codecs.from_json({**stored, "table": table})
    assert codec.vocabulary_size == 6 + 1 + 97 + 24 + 1
    assert [codec.symbol(int(one)) for one in codec.encode("1\n", HOURLY).ids] == [
        "scale 1",
        "hour 22",
        "1 to 2",
    ]


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"covariates": "a,b,a"}, "each once"),
        ({"covariate_bins": 1}, "covariate_bins must be from 2"),
        ({"bins": 3}, "bins must be from 4"),
        ({"limit": 0.0}, "limit must be above 0"),
        ({"difference": -1}, "difference must be at least 0"),
        ({"method": "exact", "difference": 1}, "difference is for bins"),
        ({"calendar": "hour,hour"}, "each once"),
        ({"calendar": "minute"}, "some of hour, weekday, month"),
    ],
)
def test_wrong_settings_are_refused(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Config(**setting)


@pytest.mark.parametrize("text", ["1", "1\nx\n", "nan\n", "inf\n", "1_0\n", "1e101\n"])
def test_what_is_no_series_has_no_bins(text: str) -> None:
    with pytest.raises(DataError):
        codecs.fit(["1\n"], Config()).encode(text)


# What a density costs


class _Known:
    """A model that gives every symbol the same probabilities, wherever it stands."""

    def __init__(self, p_V: np.ndarray[Any, Any]) -> None:
        self._log_p_V = np.log(p_V)
        self.vocabulary_size = len(p_V)

    def start(self, rows: int, condition: Any = None) -> Any:
        return np.zeros(rows)

    def score(self, state: Any, ids_BT: Any, lengths: Any = None) -> Any:
        return self._log_p_V[ids_BT], state


def _p_of_halves(p_V: np.ndarray[Any, Any], inner: int) -> np.ndarray[Any, Any]:
    """Return the same density over bins half as wide."""
    halves = np.repeat(p_V[1 : 1 + inner] / 2, 2)
    return np.concatenate([p_V[:1], halves, p_V[1 + inner :]])


@given(lines=LINES, seed=st.integers(0, 99))
def test_halving_all_bins_of_a_density_changes_no_bits_per_value(lines: list[str], seed: int) -> None:
    coarse = BinnedSeries(Config(bins=10), _bins.uniform(10, 15))
    fine = BinnedSeries(Config(bins=18), _bins.uniform(18, 15))
    p_V = np.random.default_rng(seed).dirichlet(np.ones(coarse.vocabulary_size)) + 1e-9
    document = series.document(lines, HOURLY)
    models: list[Any] = [_Known(p_V), _Known(_p_of_halves(p_V, 8))]
    cost: Any = [
        evaluate(model, codec, [document], ranks=False)
        for codec, model in zip((coarse, fine), models, strict=True)
    ]
    assert cost[0].unit == "value" and cost[0].units == len(lines)
    assert cost[0].bits_per_byte is None
    assert cost[0].bits_per_unit == pytest.approx(cost[1].bits_per_unit, rel=1e-12)
    if any(lines):
        assert cost[0].nats < cost[1].nats


def test_a_density_costs_its_closed_form() -> None:
    codec = BinnedSeries(Config(bins=6), _bins.uniform(6, 2))
    uniform: Any = _Known(np.full(codec.vocabulary_size, 1 / codec.vocabulary_size))
    cost = evaluate(uniform, codec, [Document("1\n-1\n", side=HOURLY)], ranks=False)  # scale 1, bins 1 wide
    assert cost.bits_per_unit == pytest.approx(4 * math.log2(codec.vocabulary_size) / 2)
    scaled = evaluate(uniform, codec, [Document("1000\n-1000\n", side=HOURLY)], ranks=False)
    assert cost.bits_per_unit is not None
    assert scaled.bits_per_unit == pytest.approx(cost.bits_per_unit + math.log2(1000))


def test_whole_numbers_cost_as_bytes_do() -> None:
    codec = codecs.fit(["1\n2\n"], Config("exact"))
    uniform: Any = _Known(np.full(codec.vocabulary_size, 1 / codec.vocabulary_size))
    cost = evaluate(uniform, codec, [Document("1\n2\n2\n")], ranks=False)
    assert cost.bits_per_byte is not None and cost.bits_per_unit is not None
    assert cost.bits_per_byte * 6 == pytest.approx(cost.bits_per_unit * 3)


# Guided samples


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_an_untrained_model_makes_a_series_of_the_wanted_length(config: Config) -> None:
    codec = codecs.fit(["1\n2\n3\n"], config)
    model = frequency.create(frequency.Config(), codec.vocabulary_size, 0)
    model.count(np.array([codec.boundary], dtype=np.int32), np.array([1]))
    model.finish()
    side = {**HOURLY, "values": 5}
    for document in generation.make(model, codec, "7\n8", samples=3, side=side):
        lines = document.text.split("\n")
        assert len(lines) == 6 and document.side is not None
        codec.encode(document.text, {**document.side, "scale": None})


# Through the command line


@pytest.fixture
def sawtooth(tmp_path: Path) -> Path:
    rows = [f"{day},{20 + number % 7}" for number, day in enumerate(_days(140))]
    return file_of(tmp_path, "\n".join(["ds,load", *rows]) + "\n", "load.csv")


def _days(count: int) -> list[str]:
    return [str(np.datetime64("2024-01-01") + number) for number in range(count)]


def test_series_are_trained_on_evaluated_and_made(
    tmp_path: Path, sawtooth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, made = tmp_path / "run", tmp_path / "made.csv"
    words = ["train", sawtooth, "--model", "ngram", "--codec", "series", "--set", "method=exact"]
    assert ask(capsys, *words, "--test", "0.2", "--out", run).status == 0
    figures = ask(capsys, "evaluate", run, sawtooth, "--json").fields
    assert (figures["units"], figures["unit"]) == (140, "value")
    assert figures["bits_per_unit"] < 1
    said = ask(capsys, "generate", run, "--side", "values=10", "--out", made, "--json")
    assert said.fields == {"files": [str(made)]}
    (document,) = series_in(made)
    assert document.text.count("\n") == 10
    assert json.loads(json.dumps(document.side))["step"] == 86_400


@given(number=st.floats(0.001, 0.999), bin_=st.integers(0, 7))
def test_what_is_drawn_within_a_bin_lies_in_it(number: float, bin_: int) -> None:
    bins = _bins.quantile(np.random.default_rng(0).normal(size=500), 8)
    ids = np.array([bin_], dtype=np.int32)
    drawn = bins.centres_K[ids] + bins.apart(ids, np.array([number]))
    assert bins.of(float(drawn[0])) == bin_


def test_numbers_that_are_often_equal_lie_inside_their_bins() -> None:
    numbers_N = np.repeat([1.0, 2.0, 4.0, 8.0], [50, 25, 30, 40])
    bins = _bins.quantile(numbers_N, 12)
    assert bins.edges[1:-1] == (1.5, 3.0, 6.0)
    assert bins.centres[1:-1] == (1.0, 2.0, 4.0, 8.0)


def test_series_without_an_id_are_written_by_their_numbers(tmp_path: Path) -> None:
    made = [Document("1\n2\n"), Document("3\n")]
    (path,) = series.write(tmp_path / "made.csv", made)
    assert [line.split(",")[0] for line in path.read_text().splitlines()[1:]] == ["1", "1", "2"]
