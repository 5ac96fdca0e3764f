"""The codec of tables: types that are inferred, every cell's way there and back, and rows that are made."""

from __future__ import annotations

import datetime
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs import _numbers, table
from anygram.codecs.table import Config, TableCodec
from anygram.data import tables
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import DataError, UnknownName, UsageError
from anygram.models import uniform
from anygram.tasks.generation import Sampling, make
from tests.sided import Given

COLUMNS = ["kind", "size", "day", "note"]


def _documents(rows: int = 60) -> list[Document]:
    generator = np.random.default_rng(0)
    made = []
    for number in range(rows):
        day = datetime.date(2020, 1, 1) + datetime.timedelta(days=number * 37)
        size = "" if number % 9 == 8 else f"{generator.normal(10, 4):.2f}"
        made.append(
            tables.document(
                [["red", "blue", "NA"][number % 3], size, str(day), f"note {number}, so"], COLUMNS
            )
        )
    return made


def _fitted(config: Config | None = None) -> TableCodec:
    return table.fit(Given(_documents()), config or Config())


def test_types_are_inferred_and_told() -> None:
    codec = _fitted()
    told = {row["column"]: row for row in codec.describe()}
    assert {name: row["type"] for name, row in told.items()} == {
        "kind": "category",
        "size": "number",
        "day": "date",
        "note": "text",
    }
    assert told["kind"]["missing"] == pytest.approx(1 / 3)
    assert told["size"]["missing"] == pytest.approx(6 / 60)
    assert told["kind"]["values"] == 2
    stored = json.dumps(codec.to_json())
    assert '"type": "category", "values": {"blue": 20, "red": 20}' in stored
    assert codec.symbol(int(codec.encode(_documents()[0].text, _documents()[0].side).ids[0])) == "kind: red"


@given(
    cells=st.tuples(
        *[
            st.one_of(
                st.sampled_from(["", "NA", "red", "7.50", "-3", "007", "1e5", "2020-02-29", "2021-02-29"]),
                st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
            )
        ]
        * 4
    ),
    quoted=st.booleans(),
)
def test_every_row_comes_back_however_it_is_quoted(cells: tuple[str, ...], quoted: bool) -> None:
    codec = _fitted()
    document = tables.document(cells, COLUMNS)
    text = document.text
    if quoted:
        text = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    encoded = codec.encode(text, document.side)
    assert codec.decode(encoded.ids, encoded.side) == text
    assert int(encoded.units.sum()) == len(text.encode())
    assert encoded.count == 4


def test_columns_that_are_quoted_throughout_keep_their_types() -> None:
    side = {"columns": ["a", "b"], "delimiter": ","}
    rows = [Document(f'"{number / 4:.2f}","{"xy"[number % 2]}"', side=side) for number in range(40)]
    rows += [Document('"","NA"', side=side)] * 10
    codec = table.fit(Given(rows), Config())
    assert [row["missing"] for row in codec.describe()] == [0.2, 0.2]
    assert [row["type"] for row in codec.describe()] == ["number", "category"]
    assert all(codec.decode(codec.encode(row.text, side).ids, side) == row.text for row in rows)
    assert len(codec.encode(rows[0].text, side).ids) < 8


@given(
    numbers=st.lists(st.decimals(-1000, 1000, places=2).map(str), min_size=1, max_size=30),
    bins=st.integers(2, 9),
)
def test_numbers_of_the_training_part_are_in_bins(numbers: list[str], bins: int) -> None:
    counts = {text: numbers.count(text) for text in numbers if _numbers.parse(text)}
    if not counts:
        return
    column = _numbers.fit(counts, bins, exact=True)
    ends = [(one.low, one.high) for one in column.bins]
    assert all(low < high for low, high in ends)
    assert all(before[1] <= after[0] for before, after in pairwise(ends))
    assert sum(one.count for one in column.bins) == sum(counts.values())
    for text in counts:
        found = column.encode(text)
        assert found is not None
        assert column.decode(*found) == text


def test_without_digits_a_number_is_the_middle_one_of_its_bin() -> None:
    codec = _fitted(Config(digits=False, bins=4))
    assert not codec.lossless
    document = tables.document(["red", "10.01", "2020-01-01", "x"], COLUMNS)
    encoded = codec.encode(document.text, document.side)
    back = codec.decode(encoded.ids, document.side)
    assert back.startswith("red,") and back.endswith(",2020-01-01,x")
    sizes = sorted(float(tables.values(one)[1]) for one in _documents() if tables.values(one)[1])
    assert float(back.split(",")[1]) in sizes


def test_columns_that_come_first_are_first_in_the_symbols() -> None:
    codec = _fitted(Config(first="day,kind"))
    assert [row["column"] for row in codec.describe()] == ["day", "kind", "size", "note"]
    document = _documents()[4]
    assert codec.decode(codec.encode(document.text, document.side).ids, document.side) == document.text
    with pytest.raises(UnknownName, match="no column named 'dya'; did you mean 'day'"):
        _fitted(Config(first="dya"))
    with pytest.raises(UsageError, match="bins must be at least 2"):
        Config(bins=1)


def test_columns_that_changed_are_named() -> None:
    codec = _fitted()
    with pytest.raises(DataError, match="missing note, new notes"):
        codec.encode("red,1,2020-01-01,x", {"columns": ["kind", "size", "day", "notes"], "delimiter": ","})
    side = {"columns": ["size", "kind", "note", "day"], "delimiter": ","}
    assert codec.decode(codec.encode("1.00,red,x,2020-01-01", side).ids, side) == "1.00,red,x,2020-01-01"
    with pytest.raises(DataError, match="a row of 3 cells in a table of 4 columns"):
        codec.encode("1,2,3", side)
    with pytest.raises(DataError, match="tables with columns of their own"):
        table.fit(Given([*_documents(), tables.document(["1"], ["a"])]), Config())


@pytest.mark.parametrize("digits", [True, False])
def test_what_an_untrained_model_makes_is_valid(digits: bool) -> None:
    codec = _fitted(Config(digits=digits))
    model = uniform.create(uniform.Config(), codec.vocabulary_size, seed=0)
    for document in make(model, codec, samples=40, sampling=Sampling(seed=3)):
        kind, size, day, note = tables.values(document)
        document.text.encode("utf-8")
        assert size == "" or np.isfinite(float(size)) or "e" in size.lower()
        assert day == "" or datetime.date.fromisoformat(day)
        assert isinstance(kind, str) and len(note.encode()) < 300


def test_a_row_goes_on_from_its_first_cells() -> None:
    codec = _fitted()
    model = uniform.create(uniform.Config(), codec.vocabulary_size, seed=0)
    assert all(one.text.startswith("blue,") for one in make(model, codec, "blue,", samples=3))
    assert all(one.text.startswith("blue,,") for one in make(model, codec, "blue,,", samples=3))
    with pytest.raises(DataError, match=r"'9\.87' of column size is told in full at the row's end only"):
        codec.beginning("blue,9.87,")
    with pytest.raises(DataError, match="train with --set first=kind"):
        _fitted(Config(first="day")).beginning("blue,")


def test_real_tables_come_back(real_data: Path) -> None:
    for name in ("titanic", "penguins", "planets"):
        documents = list(
            read([str(real_data / f"seaborn/{name}.csv")], ReadingOptions(kind="tables"), Report())
        )
        codec = table.fit(Given(documents[::2]), Config())
        for document in documents:
            encoded = codec.encode(document.text, document.side)
            assert codec.decode(encoded.ids, encoded.side) == document.text
