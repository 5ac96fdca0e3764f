"""Where in rows, series, pictures and sounds the surprise lies; and numbers scored by their density.

Axes: T symbols, H rows and W columns of a picture.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import anygram
from anygram import evaluation
from anygram.codecs import series as series_codec
from anygram.codecs import table
from anygram.data import kinds, series, sounds
from anygram.data.documents import Document
from anygram.evaluation import Surprisal
from anygram.laws.data import data_of
from anygram.models import uniform
from anygram.tasks.anomalies import scores
from tests.asking import ask
from tests.sided import Given

TOWNS = {"Oslo": ("snow", 2), "Cairo": ("sun", 35), "London": ("rain", 15)}


@pytest.fixture(scope="module")
def weather(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tables of towns whose weather goes with them, and hourly series of days."""
    folder, generator = tmp_path_factory.mktemp("weather"), random.Random(0)
    for name, count in (("train", 600), ("normal", 300)):
        drawn = [(generator.choice(list(TOWNS)), generator.randint(-9, 9)) for _ in range(count)]
        rows = [f"{town},{TOWNS[town][0]},{TOWNS[town][1] + noise / 10}\n" for town, noise in drawn]
        (folder / f"{name}.csv").write_text("".join(["town,weather,degrees\n", *rows]))
    (folder / "odd.csv").write_text("town,weather,degrees\nOslo,snow,2.1\nCairo,snow,35.2\n")
    for name, count in (("values", 900), ("usual", 400), ("new", 100)):
        waves = [50 + 9 * math.sin(hour * math.pi / 12) + generator.gauss(0, 1) for hour in range(count)]
        if name == "new":
            waves[40], waves[60] = 80.0, 800.0
        hours = [np.datetime64("2024-01-01T00", "h") + hour for hour in range(count)]
        rows = [f"{hour}:00:00,{wave:.1f}\n" for hour, wave in zip(hours, waves, strict=True)]
        (folder / f"{name}.csv").write_text("".join(["ds,y\n", *rows]))
    return folder


@pytest.mark.parametrize(
    ("first", "place", "where", "byte", "expected"),
    [
        ("", "weather", "snow", 6, "'weather: sun' "),
        ("weather", "town", "Cairo", 0, "'town: Oslo' "),
    ],
)
def test_a_row_tells_its_column_and_what_was_expected_in_it(
    weather: Path, first: str, place: str, where: str, byte: int, expected: str
) -> None:
    run = anygram.train(weather / "train.csv", "ngram", codec="table", settings={"first": first})
    usual, odd = run.anomalies(weather / "odd.csv", normal=weather / "normal.csv")
    assert not usual.anomalous and usual.place == "" and odd.anomalous
    assert (odd.place, odd.at_byte) == (place, byte) and odd.where.startswith(where)
    assert odd.expected.startswith(expected)


@pytest.mark.parametrize(
    "settings", [{"method": "quantile"}, {"method": "uniform", "bins": 64, "limit": 3.0}]
)
def test_a_series_tells_when_and_the_farther_outlier_is_the_odder(
    weather: Path, settings: dict[str, Any]
) -> None:
    run = anygram.train(
        weather / "values.csv", "ngram", codec="series", settings={"order": 2, "difference": 0, **settings}
    )
    found = list(run.anomalies(weather / "new.csv", normal=weather / "usual.csv", per="symbol"))
    near, far = sorted(found, key=lambda one: one.score)[-2:]
    assert near.anomalous and (near.place, near.where) == ("2024-01-02 16:00:00", "80.0")
    assert far.anomalous and (far.place, far.where) == ("2024-01-03 12:00:00", "800.0")
    assert 30 < float(far.expected.split("'")[1]) < 70


def test_the_command_shows_the_place(
    capsys: pytest.CaptureFixture[str], weather: Path, tmp_path: Path
) -> None:
    out = tmp_path / "found.csv"
    run = anygram.train(weather / "values.csv", "ngram", codec="series", out=tmp_path / "run")
    words = ["anomalies", run.path, weather / "new.csv", "--normal", weather / "usual.csv", "--per", "symbol"]
    said = ask(capsys, *words, "--ties", "draw", "--out", out, "--top", 1)
    assert said.status == 0 and "2024-01-03 12:00:00  800.0" in said.out.splitlines()[1]
    assert " place " in said.out.splitlines()[0]
    assert "--ties" in ask(capsys, *words, "--ties", "lot", "--out", out).refusal


def surprisal_of(codec: series_codec.SeriesCodec, values: list[float]) -> Surprisal:
    document = series.document([str(value) for value in values], {"scale": [48] * codec.headed})
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    return next(evaluation.surprisals(model, codec, [document]))


@given(st.floats(16, 1e6), st.floats(1.01, 100))
def test_oddness_grows_with_the_distance_from_the_last_edge(near: float, times: float) -> None:
    """Beyond it the density falls with the square of the distance: twice its log is added."""
    codec = series_codec.fit([], series_codec.Config("uniform", bins=32))
    one = surprisal_of(codec, [1.0, 2.0, 3.0, near, near * times])
    odd_T = scores.oddness(one)
    edge, reach = 15.0, 15.0
    grown = 2 * math.log((reach + near * times - edge) / (reach + near - edge))
    assert one.nats_T[4] == one.nats_T[5]
    assert odd_T[5] - odd_T[4] == pytest.approx(grown)
    np.testing.assert_allclose(odd_T[:4], one.nats_T[:4])  # inner ones are equally long, and 1 is their width


@given(st.lists(st.floats(0.1, 14), min_size=3, max_size=20), st.integers(5, 60))
def test_equally_long_stretches_leave_surprisals_as_they_are(values: list[float], bins: int) -> None:
    codec = series_codec.fit([], series_codec.Config("uniform", bins=bins))
    one = surprisal_of(codec, values)
    np.testing.assert_allclose(scores.oddness(one), one.nats_T, atol=1e-12)


def test_the_unit_of_the_data_does_not_matter(weather: Path) -> None:
    codec = anygram.train(
        weather / "values.csv", "ngram", codec="series", settings={"method": "quantile"}
    ).codec
    model = uniform.create(uniform.Config(), codec.vocabulary_size, 0)
    metres = [50 + 9 * math.sin(hour) for hour in range(50)]
    odd = [
        scores.oddness(next(evaluation.surprisals(model, codec, [series.document(values, {})])))
        for values in ([f"{value:.6f}" for value in metres], [f"{1000 * value:.3f}" for value in metres])
    ]
    np.testing.assert_allclose(odd[0], odd[1], atol=1e-6)
    assert np.ptp(odd[0][1:-1]) > 1  # though bins are of many widths


def test_a_picture_tells_the_pixel(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    pictures = {
        name: generator.integers(0, 2, (count, 4, 5)) for name, count in (("train", 300), ("normal", 300))
    }
    pictures["odd"] = pictures["normal"][:1].copy()
    pictures["odd"][0, 2, 3] = 255
    for name, planes in pictures.items():
        (tmp_path / name).mkdir()
        for number, plane_HW in enumerate(planes.astype(np.uint8)):
            (tmp_path / name / f"{number}.pgm").write_bytes(b"P5 5 4 255\n" + plane_HW.tobytes())
    run = anygram.train(tmp_path / "train", "ngram", codec="image", settings={"order": 1})
    (odd,) = run.anomalies(tmp_path / "odd", normal=tmp_path / "normal")
    assert odd.anomalous and (odd.place, odd.came, odd.at_byte) == ("x 3, y 2", "255", 13)


def test_a_sound_tells_the_moment_and_the_channel() -> None:
    stereo = sounds.document(np.zeros(1000, np.int16), 8000, 2)
    assert kinds.place_of("sounds", stereo, 4 * 40 + 2) == "0.0050 s, channel 1"


@pytest.mark.parametrize("kind", kinds.KINDS)
@given(data=st.data())
def test_every_byte_has_a_place_and_so_has_the_end(kind: str, data: st.DataObject) -> None:
    document = data.draw(data_of(kind))
    size = len(document.to_bytes())
    for byte in {0, size // 2, max(size - 1, 0), size}:
        assert bool(kinds.place_of(kind, document, byte)) == (size > 0)


@given(st.lists(data_of("tables"), min_size=1, max_size=6), st.sampled_from(["", "note", "day,price"]))
def test_the_symbols_of_rows_tell_of_their_cells(rows: list[Document], first: str) -> None:
    codec = table.fit(Given(rows), table.Config(first=first))
    for row in rows:
        begins_T, ends_T = codec.spans(row.text, row.side)
        ids_T = codec.encode(row.text, row.side).ids
        assert len(begins_T) == len(ends_T) == len(ids_T)
        for symbol, begin, end in zip(ids_T.tolist(), begins_T.tolist(), ends_T.tolist(), strict=True):
            name = codec.symbol(symbol)
            written = row.to_bytes()[begin:end]
            if symbol < codec.firsts[0] - 1:
                assert bytes([symbol]) in written
            elif ": " in name:
                assert kinds.place_of("tables", row, begin) == name.partition(":")[0]
