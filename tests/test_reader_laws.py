"""Every way of adapting, over every model that it suits, keeps every law of readers.

Nothing here names a model: a new file in models/ is a subject, and so is one in adapting/.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given

from anygram import adapting
from anygram.laws import READER_LAWS, Case, Subject, cases
from anygram.models import REGISTRY, needs_condition
from tests.test_model_laws import Setting, _subject

VOCABULARY = 5
# So short that a text of a few symbols is learnt from several times, and pushes out what came first
SHORT: dict[str, Any] = {"segment": 3, "window": 4, "orders": 3, "match": 2, "rate": 0.01}


def _setting(name: str) -> Setting:
    return Setting(name, (), VOCABULARY, trained=True)


@functools.cache
def _reading(name: str, way: str) -> Subject:
    """Return a small trained model before the laws, and this way of reading it."""
    subject = _subject(_setting(name))
    known = {field.name for field in dataclasses.fields(adapting.REGISTRY.load(way).Config)}
    values = {key: value for key, value in SHORT.items() if key in known}
    return dataclasses.replace(subject, reader=lambda: adapting.reader_of(subject.model, way, values))


def _pairs() -> Iterator[tuple[str, str]]:
    for name in filter(lambda name: not needs_condition(name), REGISTRY.names()):
        for way in adapting.suitable(_setting(name).create(seed=0)):
            yield name, way


@pytest.mark.parametrize("law", READER_LAWS)
@pytest.mark.parametrize(("name", "way"), list(_pairs()))
def test_law(name: str, way: str, law: str) -> None:
    @given(case=cases(VOCABULARY))
    def keeps(case: Case) -> None:
        READER_LAWS[law](_reading(name, way), case)

    keeps()


def test_every_way_has_a_model_that_it_suits() -> None:
    assert {way for _, way in _pairs()} >= set(adapting.REGISTRY.names()) - {"own"}
