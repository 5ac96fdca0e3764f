"""A model for each label that learns as its models do: by counting or on line.

Counted ones lean on a model of all documents (`interpolated`), so that a label of little text does not lose
by what it has not seen yet: to n-grams of bytes that gave fewer errors and less log loss. Models that learn
on line had more errors with it, and have none (docs/classification.md).

Axes: N symbols of a stream, T symbols of a document, D documents, K parts: the models that are mixed.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from anygram.conditioning.class_mixture import Make, PerClass
from anygram.conditioning.interpolated import Interpolated, fitted_weight, interpolated
from anygram.errors import UsageError
from anygram.protocols import (
    Condition,
    Countable,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    Online,
    Tensors,
)

HELD_OUT = 10
"""Of so many documents one is set aside to fit the background's weight to."""
MOST_HELD_OUT = 1 << 18
"""Symbols set aside at the most."""
FEW = 50
"""What was set aside is counted in the end, unless all text is more than so many times as long."""
USUAL_WEIGHT = 0.3
"""Of the background, before and without a fit."""


@dataclass(frozen=True)
class Told:
    """A document, the parts that learn it, and how many of its symbols are only read."""

    ids_T: Ids
    parts: tuple[int, ...]
    prefix: int = 0


class _CountableModel(LanguageModel, Countable, Protocol): ...


class _OnlineModel(LanguageModel, Online, Protocol): ...


class PerClassCountable(PerClass):
    """A `PerClass` that learns by counting, its parts leaned on a model of all documents."""

    _own: list[_CountableModel]  # type: ignore[assignment]

    def __init__(self, make: Make, labels: int, multiple: bool) -> None:
        super().__init__(make, labels, multiple)
        self._background: Any = make()
        self._weight = USUAL_WEIGHT
        self._held: list[Told] = []
        self._documents = self._symbols = 0

    @property
    def parts(self) -> list[Interpolated]:
        """The model of each label's documents; where a document may have several, then of those without."""
        return [interpolated(own, self._background, self._weight) for own in self._own]

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Count each document in the models of its labels and in that of all; UsageError without labels."""
        texts = np.split(ids_N, np.cumsum(document_lengths)[:-1])
        prefixes = [0] * len(texts) if prefix_lengths is None else prefix_lengths.tolist()
        learnt = [place for place, ids_T in enumerate(texts) if prefixes[place] < len(ids_T)]
        parts = self._registered(len(texts), condition, learnt)
        self._count([*self._kept(Told(texts[place], parts[place], prefixes[place]) for place in learnt)])

    def finish(self) -> Mapping[str, Any]:
        """Fit the background's weight and turn counts into probabilities; return figures worth recording."""
        if self._held:
            self._fit()
            if FEW * sum(len(one.ids_T) for one in self._held) > self._symbols:
                self._count(self._held)
            self._held = []
        for _, model in self._named():
            model.finish()  # type: ignore[attr-defined]
        return {"labels": self.labels, "documents": self._documents, "background": self._weight}

    def tensors(self) -> Tensors:
        """Return those of all models, the background's weight, and what was set aside."""
        tensors = super().tensors() | {
            "weight": np.array(self._weight),
            "read": np.array([self._documents, self._symbols], dtype=np.int64),
        }
        if self._held:
            tensors["held"] = np.concatenate([one.ids_T for one in self._held])
            tensors["held_lengths"] = _lengths(self._held)
            tensors["held_parts"] = np.array(
                [[k in one.parts for k in range(len(self._own))] for one in self._held]
            )
        return tensors

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose `tensors` these are."""
        super().restore(tensors)
        self._weight = float(tensors["weight"])
        self._documents, self._symbols = map(int, tensors["read"])
        self._held = []
        if "held" in tensors:
            texts = np.split(tensors["held"], np.cumsum(tensors["held_lengths"])[:-1])
            found = (tuple(np.flatnonzero(flags_K).tolist()) for flags_K in tensors["held_parts"])
            self._held = list(map(Told, texts, found))

    def _named(self) -> Iterator[tuple[str, LanguageModel]]:
        yield "background", self._background
        yield from super()._named()

    def _kept(self, told: Iterable[Told]) -> Iterator[Told]:
        """Yield the documents to be counted now; set others aside, by what they say, not by their order."""
        room = MOST_HELD_OUT - sum(len(one.ids_T) for one in self._held)
        for one in told:
            self._documents += 1
            self._symbols += len(one.ids_T)
            drawn = zlib.crc32(one.ids_T.astype("<i4").tobytes()) % HELD_OUT
            if drawn or one.prefix or len(one.ids_T) > room:
                yield one
            else:
                self._held.append(replace(one, ids_T=one.ids_T.copy()))
                room -= len(one.ids_T)

    def _count(self, told: Sequence[Told]) -> None:
        for k, model in enumerate((self._background, *self._own), -1):
            mine = [one for one in told if k < 0 or k in one.parts]
            if mine:
                ids_N, prefixes = np.concatenate([one.ids_T for one in mine]), [one.prefix for one in mine]
                read = np.array(prefixes, dtype=np.int64) if any(prefixes) else None
                model.count(ids_N, _lengths(mine), None, read)

    def _fit(self) -> None:
        """Fit the background's weight to what was set aside, which nothing has counted yet."""
        held = sorted(self._held, key=lambda one: one.ids_T.tobytes())
        background = self._rehearsed(self._background)
        own_N: list[FloatArray] = [np.empty(0)]
        background_N: list[FloatArray] = [np.empty(0)]
        for k, own in enumerate(self._own):
            texts = [one.ids_T for one in held if k in one.parts]
            if texts:
                own_N.append(_scored(self._rehearsed(own), texts))
                background_N.append(_scored(background, texts))
        found = fitted_weight(np.concatenate(own_N), np.concatenate(background_N), start=USUAL_WEIGHT)
        self._weight = found

    def _rehearsed(self, model: LanguageModel) -> LanguageModel:
        """Return what the model would be if nothing more were counted."""
        copy: Any = self._make()
        copy.restore(model.tensors())
        copy.finish()
        finished: LanguageModel = copy
        return finished


class PerClassOnline(PerClass):
    """A `PerClass` that learns on line: whole documents, which all have labels."""

    _own: list[_OnlineModel]  # type: ignore[assignment]

    def learn(self, ids_N: Ids) -> FloatArray:
        """Learn nothing from no symbols; UsageError for documents that have no labels."""
        if len(ids_N):
            raise UsageError("a model for each label learns from labelled documents; give each its label")
        return np.empty(0)

    def learn_given(self, ids_N: Ids, document_lengths: Lengths, condition: Condition) -> FloatArray:
        """Learn whole documents of these labels; return log P of each id before it was learnt.

        Of a document of several labels that is the mean probability under the models that learn it.
        """
        texts = np.split(ids_N, np.cumsum(document_lengths)[:-1])
        log_p_N = [np.empty(0)]
        for ids_T, parts in zip(texts, self._registered(len(texts), condition), strict=True):
            log_p_TK = np.stack([self._own[k].learn(ids_T) for k in parts], axis=1)
            log_p_N.append(np.logaddexp.reduce(log_p_TK, axis=1) - math.log(len(parts)))
        return np.concatenate(log_p_N)

    def finish(self) -> Mapping[str, Any]:
        """Return figures worth recording."""
        for own in self._own:
            own.finish()
        return {"labels": self.labels, "documents": round(float(self._documents_K.sum()))}


def per_class(make: Make, labels: int, multiple: bool = False) -> PerClass:
    """Return a model for each label, learnt as what `make` returns is learnt: by counting or on line."""
    kind = make()
    if isinstance(kind, Countable):
        return PerClassCountable(make, labels, multiple)
    if isinstance(kind, Online):
        return PerClassOnline(make, labels, multiple)
    raise UsageError(
        f"{type(kind).__name__} learns neither by counting nor on line; give it the label as a prefix"
    )


def _lengths(told: Sequence[Told]) -> Lengths:
    return np.array([len(one.ids_T) for one in told], dtype=np.int64)


def _scored(model: LanguageModel, texts: Sequence[Ids]) -> FloatArray:
    """Return log P of every symbol of these documents, which begin afresh."""
    return np.concatenate(
        [model.score(model.start(1), ids_T[None].astype(np.int32))[0][0] for ids_T in texts]
    )
