"""What speaks for each label of a document, from a model of texts or from one that says labels itself.

A model of texts gives log P(document | label), boundary included: one model a label, or one that reads the
label first. A model that says log P(label | document) is made its equal by taking log P(label) in training
off. Of labels that do not exclude each other the score is the log-odds of having one: log P(document | it)
less that of the documents without.

Axes: D documents, C labels, T symbols of a document.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from anygram import lanes
from anygram.codecs._labels import Labels
from anygram.conditioning import PerClass
from anygram.conditioning.interpolated import Interpolated
from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.protocols import Classifying, Codec, FloatArray, Ids, LanguageModel
from anygram.tasks.classification.rule import Rule

By = Literal["likelihood", "head"]


@dataclass(frozen=True)
class Witness:
    """A model, the codec of its texts, its labels, and whether its likelihood or its head is asked."""

    name: str
    model: LanguageModel
    codec: Codec
    labels: Labels
    by: By

    def encode(self, documents: Sequence[Document]) -> list[Ids]:
        """Return the symbols of each document, its boundary included."""
        boundary = np.int32(self.codec.boundary)
        encoded = (self.codec.encode(document.text, document.side).ids for document in documents)
        return [np.append(ids_T, boundary).astype(np.int32) for ids_T in encoded]

    def scores(self, documents: Sequence[Document]) -> FloatArray:
        """Return score_DC in nats: what of each document speaks for each label, log P(label) left out."""
        texts = self.encode(documents)
        if self.by == "head":
            return self._said(texts)
        sums = [[float(log_p_T.sum()) for log_p_T in along] for along in self._along(texts)]
        score_DK: FloatArray = np.array(sums).T.reshape(len(texts), -1)
        if not self.labels.multiple:
            return score_DK
        with_DC, without_DC = np.split(score_DK, 2, axis=1)
        odds_DC: FloatArray = with_DC - without_DC
        return odds_DC

    def tell(self, document: Document) -> FloatArray:
        """Return log_p_CT of every symbol under each label, in nats; of several then without each."""
        if self.by == "head":
            raise UsageError("a head has no symbols' log-probabilities; ask what it says without a word")
        return np.stack([along[0] for along in self._along(self.encode([document]))])

    def _along(self, texts: Sequence[Ids]) -> list[list[FloatArray]]:
        """Return log P of each symbol of each text under each label, and of several then without each."""
        if isinstance(self.model, PerClass):
            return _leaned(self.model.parts, texts)
        found = [_behind(self.model, _ids(number), texts) for number in range(len(self.labels.names))]
        if self.labels.multiple:  # what a document without a label costs is the same for each
            found += [_behind(self.model, _ids(), texts)] * len(found)
        return found

    def _said(self, texts: Sequence[Ids]) -> FloatArray:
        model, score_DC = self.model, np.zeros((len(texts), len(self.labels.names)))
        assert isinstance(model, Classifying)
        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        for group in lanes.grouped(order, texts):
            score_DC[group] = model.classify(*lanes.padded([texts[place] for place in group]))
        if self.labels.multiple:  # log-odds
            score_DC -= np.log(-np.expm1(np.minimum(score_DC, -1e-12)))
        return score_DC - Rule().log_priors(self.labels)


def _leaned(parts: Sequence[LanguageModel], texts: Sequence[Ids]) -> list[list[FloatArray]]:
    """Return log P of each symbol of each text by each part; a shared background reads texts once."""
    shared: dict[int, list[FloatArray]] = {}
    found = []
    for part in parts:
        if not isinstance(part, Interpolated):
            found.append(_scored(part, texts))
            continue
        background = shared.get(id(part.background)) or _scored(part.background, texts)
        shared[id(part.background)] = background
        own = _scored(part.own, texts)
        found.append([part.mix(*pair) for pair in zip(own, background, strict=True)])
    return found


def _scored(model: LanguageModel, texts: Sequence[Ids]) -> list[FloatArray]:
    return [-nats_T for nats_T, _ in lanes.score_together(model, texts)]


def _ids(*labels: int) -> Ids:
    return np.array(labels, dtype=np.int32)


def _behind(model: LanguageModel, condition: Ids, texts: Sequence[Ids]) -> list[FloatArray]:
    """Return log P of each symbol of each text behind a label."""
    scored = lanes.score_together(model, texts, conditions=[condition] * len(texts))
    return [-nats_T for nats_T, _ in scored]
