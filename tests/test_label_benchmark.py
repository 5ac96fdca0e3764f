"""What the benchmark of labels does itself: it divides, learns, asks and tells intervals."""

from __future__ import annotations

from dataclasses import replace

import pytest
from classification import TASKS, TEXT, Figures, asked, baselines, divided, interval

from anygram.data.documents import Document

NOTES = [
    Document(f"the {animal} {verb} {n}", name=f"n_n_{n}", given=animal)
    for n, verb in enumerate(("sat", "ran", "ate", "lay", "hid", "dug") * 11)
    for animal in ("cat", "dog")
]
QUICK = replace(TEXT[-1], steps=20, classifier={**TEXT[-1].classifier, "buckets": 1 << 10})


def test_folds_are_disjoint_from_what_is_learnt_and_cover_everything_once() -> None:
    parts = list(divided(TASKS["mr"], NOTES, folds=6))
    assert sorted(place for _, test in parts for place in test) == list(range(len(NOTES)))
    for train, test in parts:
        assert sorted([*train, *test]) == list(range(len(NOTES)))
    ((train, test),) = divided(TASKS["spoken"], NOTES, folds=6)
    assert {int(NOTES[place].name.split("_")[2]) for place in test} == set(range(5))
    assert not set(train) & set(test)


def test_what_the_labels_are_is_learnt_by_every_method() -> None:
    task = replace(TASKS["mr"], ways=(*TEXT[:1], QUICK))
    truth = [one.given for one in NOTES[110:]]
    said = asked(task, NOTES[:110], NOTES[110:], 1.0)
    assert set(said) == {"anygram, by likelihood", "anygram, by head", "anygram, both"}
    said |= baselines(replace(task, ways=TEXT), NOTES[:110], NOTES[110:])
    for method, labels in said.items():
        assert (labels == truth) == (method != "majority"), method


def test_intervals_are_wilsons_of_one_part_and_students_of_several() -> None:
    assert interval([1.0], 50) == pytest.approx((50 / (50 + 1.959964**2), 1.0))
    assert interval([0.5], 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    low, high = interval([0.7, 0.72, 0.74], 300)
    assert (low, high) == pytest.approx((0.72 - 4.302653 * 0.02 / 3**0.5, 0.72 + 4.302653 * 0.02 / 3**0.5))


def test_f1_is_that_of_the_positive_label_or_the_mean() -> None:
    figures = Figures()
    figures.add(["ham", "ham", "spam", "spam"], ["ham", "spam", "spam", "ham"], "spam")
    figures.add(["ham", "ham", "ham", "spam"], ["ham", "ham", "ham", "ham"], None)
    assert figures.f1_F == pytest.approx([0.5, (6 / 7 + 0) / 2])
    assert figures.accuracy_F == [0.5, 0.75] and figures.documents == 8
