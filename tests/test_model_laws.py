"""Every model found in `anygram.models`, in several shapes, alone and behind a source, keeps every law.

Nothing here names a model: a new file in models/ is a subject. Axes: B rows, T positions, N symbols.
"""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import given

from anygram.conditioning import inner_vocabulary_size, prefixed
from anygram.errors import UsageError
from anygram.laws import Case, Subject, cases, laws_of
from anygram.models import REGISTRY, needs_condition, takes_members
from anygram.models import create as create_model
from anygram.protocols import Condition, Countable, Differentiable, LanguageModel, Online

CONDITIONS = 2
# Small enough to be quick, large enough that no two sizes are equal by chance
SMALL: dict[str, Any] = {
    "order": 3,
    "units": 7,
    "embedding": 5,
    "layers": 2,
    "width": 12,
    "heads": 2,
    "expansion": 2,
    "context": 4,
    "dropout": 0.0,
    "smoothing": 0.0,
    "memory": 40_000_000,
}
# Worth trying beside: the least there is
LEAST: dict[str, list[Any]] = {"order": [1, 2], "layers": [1], "context": [1]}
# What a model that combines runs is tried with
MEMBERS = ["frequency", "ngram"]
# Refuses texts as small as these; the n-gram's own tests try it
NOT_TRIED = [("discount_fallback", False)]
# Says which weights an encoder-decoder has, not what it does with them
NOT_TRIED_BEHIND_SOURCES = ["tied", "shared"]


@dataclasses.dataclass(frozen=True)
class Setting:
    """A model to try: its name and settings, its vocabulary, whether it was trained and has a source."""

    name: str
    changes: tuple[tuple[str, Any], ...]
    vocabulary_size: int
    trained: bool
    source: bool = False

    def __str__(self) -> str:
        changes = [f"{key}={value}" for key, value in self.changes]
        words = [self.name, *changes, f"V{self.vocabulary_size}", "trained" if self.trained else "new"]
        return "-".join([*words, *(["prefixed"] if self.source else [])])

    def create(self, seed: int) -> LanguageModel:
        """Return the model as it comes."""
        config_type = REGISTRY.load(self.name).Config
        config = config_type(**(_small(config_type) | dict(self.changes)))
        if not self.source:
            return _create(self.name, config, self.vocabulary_size, seed)
        inner_size = inner_vocabulary_size(self.vocabulary_size, CONDITIONS)
        return prefixed(_create(self.name, config, inner_size, seed), self.vocabulary_size, CONDITIONS)


def _create(name: str, config: Any, vocabulary_size: int, seed: int) -> LanguageModel:
    """Return the model; one that combines runs gets two trained ones, the same whatever the seed.

    One that reads sources has the same symbols in them.
    """
    if needs_condition(name):
        model: LanguageModel = REGISTRY.load(name).create_conditional(
            config, vocabulary_size, vocabulary_size - 1, seed
        )
        return model
    members = _members(vocabulary_size) if takes_members(name) else {}
    return create_model(name, config, vocabulary_size, seed, members)


@functools.cache
def _members(vocabulary_size: int) -> dict[str, LanguageModel]:
    members = {}
    for name in MEMBERS:
        config = REGISTRY.load(name).Config
        members[name] = _create(name, config(**_small(config)), vocabulary_size, seed=0)
        _train(members[name], documents=20)
    return members


def _small(config: type[Any]) -> dict[str, Any]:
    fields = [field for field in dataclasses.fields(config) if field.name in SMALL]
    return {field.name: SMALL[field.name] for field in fields if not isinstance(field.default, str)}


def _variants(name: str) -> Iterator[tuple[tuple[str, Any], ...]]:
    """Yield no change, each other choice of each switch, and the least sizes that the model allows."""
    config = REGISTRY.load(name).Config
    standard = config(**_small(config))
    yield ()
    for field, kind in typing.get_type_hints(config).items():
        choices = list(typing.get_args(kind)) if typing.get_origin(kind) is Literal else []
        choices += [False, True] if kind is bool else LEAST.get(field, [])
        for choice in choices:
            try:
                changed = dataclasses.replace(standard, **{field: choice})
            except UsageError:
                continue
            if changed != standard and (field, choice) not in NOT_TRIED:
                yield ((field, choice),)


def _settings() -> Iterator[Setting]:
    for name in REGISTRY.names():
        reads = needs_condition(name)
        for changes in _variants(name):
            if reads and {field for field, _ in changes} & set(NOT_TRIED_BEHIND_SOURCES):
                continue
            if not (reads and changes):  # what has two networks takes its time
                least = CONDITIONS + 1 if reads else 2
                yield Setting(name, changes, vocabulary_size=least, trained=False)
            yield Setting(name, changes, vocabulary_size=5, trained=True)
        if not reads:
            yield Setting(name, (), vocabulary_size=4, trained=True, source=True)


def _takes_conditions(model: LanguageModel) -> bool:
    try:
        model.start(1, [np.zeros(1, dtype=np.int32)])
    except UsageError:
        return False
    return True


@functools.cache
def _subject(setting: Setting) -> Subject:
    model = setting.create(seed=0)
    _train(model, documents=20 if setting.trained else 1)
    counted = isinstance(model, Countable)
    tolerance = 1e-6 if counted else 1e-5
    exact = counted and not takes_members(setting.name)  # what is fitted to documents depends on their order
    return Subject(model, anew=lambda: setting.create(seed=1), tolerance=tolerance, exact=exact)


def _train(model: LanguageModel, documents: int) -> None:
    """Teach random documents of 9 symbols; a single one is empty, and teaches a network nothing."""
    generator = np.random.default_rng(0)
    symbols = 9 if documents > 1 else 0
    ids_BT = generator.integers(0, model.vocabulary_size - 1, (documents, symbols + 1)).astype(np.int32)
    ids_BT[:, -1] = model.vocabulary_size - 1
    condition: Condition | None = None
    if _takes_conditions(model):
        condition = [generator.integers(0, CONDITIONS, 3).astype(np.int32) for _ in range(documents)]
    if isinstance(model, Countable):
        model.count(ids_BT.ravel(), np.full(documents, ids_BT.shape[1]), condition)
        model.finish()
    elif isinstance(model, Online):
        model.learn(ids_BT.ravel())
    elif isinstance(model, Differentiable):
        optimizer = torch.optim.Adam(model.module().parameters(), lr=0.03)
        for _ in range(10 if symbols else 0):
            nats, _ = model.loss(ids_BT, np.ones(ids_BT.shape, dtype=np.float32), None, condition)
            optimizer.zero_grad()
            nats.backward()  # type: ignore[no-untyped-call]
            optimizer.step()


def _subjects_and_laws() -> Iterator[Any]:
    for setting in _settings():
        for law in laws_of(setting.create(seed=0)):
            # a Prefixed renormalises, its inner model's loss does not (tests/test_conditioning.py)
            if not (setting.source and law == "the_loss_is_the_surprisal"):
                yield pytest.param(setting, law, id=f"{setting}-{law}")


@pytest.mark.parametrize(("setting", "law"), list(_subjects_and_laws()))
def test_law(setting: Setting, law: str) -> None:
    subject = _subject(setting)
    conditions = CONDITIONS if _takes_conditions(subject.model) else None

    @given(case=cases(setting.vocabulary_size, conditions))
    def keeps(case: Case) -> None:
        laws_of(subject.model)[law](subject, case)

    keeps()


def test_every_model_is_a_subject_and_learns() -> None:
    for name in REGISTRY.names():
        model = _create(name, REGISTRY.load(name).Config(), 5, seed=0)
        assert isinstance(model, LanguageModel)
        assert isinstance(model, Countable | Differentiable | Online), f"{name} can be learnt in no way"
