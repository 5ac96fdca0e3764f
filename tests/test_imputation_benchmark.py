"""What the benchmark of imputation computes itself: the peer's numbers, planted errors, the rarest cells."""

from __future__ import annotations

import math

import imputation
import numpy as np

from anygram.codecs import table
from anygram.codecs.table import Config
from anygram.data import tables
from anygram.tasks.imputation.grid import Grid, Place
from tests import fruit
from tests.fruit import COLUMNS
from tests.sided import Given

CODEC = table.fit(Given(fruit.documents(fruit.values())), Config(bins=8))


def test_cells_become_numbers_for_the_peer() -> None:
    grid = Grid(CODEC, fruit.documents([["plum", "", "7"], ["apple", "red", ""]]), None)
    np.testing.assert_array_equal(imputation.matrix(grid), [[2, math.nan, 7], [0, 1, math.nan]])
    days = [tables.document([f"2024-01-{day:02}"], ["day"]) for day in range(1, 20)]
    codec = table.fit(Given(days), Config())
    hours_R1 = imputation.matrix(Grid(codec, days[:2], None))
    assert hours_R1[1, 0] - hours_R1[0, 0] == 24


def test_the_peer_fills_what_is_missing() -> None:
    known = Grid(CODEC, fruit.documents(fruit.values()), None)
    grid = Grid(CODEC, fruit.documents([["lemon", "", "81"], ["apple", "red", ""]]), None)
    colour, weight = imputation.iterative(known, grid)
    assert (colour.row, colour.column, weight.row, weight.column) == (1, "colour", 2, "weight")
    assert colour.value in ("blue", "red", "yellow")
    assert abs(float(weight.value) - 150) < 40


def test_planted_errors_are_other_rows_values() -> None:
    before = Grid(CODEC, fruit.documents(fruit.values()), None)
    after, planted = imputation.plant(before, seed=0)
    assert len(planted) == imputation.PLANTED
    changed = {
        place for place in before.places(missing=False) if before.meaning(place) != after.meaning(place)
    }
    assert changed == planted


def test_the_rarest_cells_come_first() -> None:
    rows = [["apple", "red", "150"]] * 9 + [["plum", "red", "149"]]
    (first, *_) = imputation.rarest(Grid(CODEC, fruit.documents(rows), ["fruit", "colour"]))
    assert first == Place(9, COLUMNS.index("fruit"))
