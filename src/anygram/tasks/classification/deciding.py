"""Documents judged in their order, some at a time.

Axes: D documents, C labels.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._labels import Labels
from anygram.data.documents import Document
from anygram.errors import DataError
from anygram.protocols import FloatArray
from anygram.tasks.classification import fitting
from anygram.tasks.classification.evidence import Witness
from anygram.tasks.classification.fitting import Fit
from anygram.tasks.classification.rule import Judgement, Rule, judge, same_labels

AT_ONCE = 1024
"""So many documents are read together."""


@dataclass(frozen=True)
class Classified:
    """A document and the probability of each label, in the labels' order; `labels` are those that it has.

    These are none where it `abstained`; `truth` is what the source says, None where it says nothing.
    """

    document: Document
    labels: tuple[str, ...]
    p_C: FloatArray
    abstained: bool
    truth: tuple[str, ...] | None

    def to_row(self, names: Sequence[str], top: int) -> dict[str, Any]:
        """Return the row of a table: the label, its probability, and those of the `top` likeliest."""
        order = np.argsort(-self.p_C, kind="stable")[: min(top, len(names))].tolist()
        row: dict[str, Any] = {
            "document": self.document.name,
            "label": "\n".join(self.labels),
            "probability": float(self.p_C[order[0]]),
            "abstained": self.abstained,
        }
        for place, number in enumerate(order if top > 1 else [], 1):
            row |= {f"label_{place}": names[number], f"probability_{place}": float(self.p_C[number])}
        return row if self.truth is None else {**row, "truth": "\n".join(self.truth)}


class Classifier:
    """Witnesses, how much each counts, and the rule by which labels are given."""

    def __init__(self, witnesses: Sequence[Witness], rule: Rule, fit: Fit | None = None) -> None:
        """Take the witnesses at their word, with equal weights, without a fit; DataError for other labels."""
        self.witnesses, self.rule = tuple(witnesses), rule
        self.labels: Labels = witnesses[0].labels
        same_labels(self.labels, [witness.labels for witness in witnesses])
        names = [witness.name for witness in witnesses]
        self.fit = fit or fitting.unfitted(names, self.labels.names)
        self._training_C, self._asked_C = Rule().log_priors(self.labels), rule.log_priors(self.labels)

    def classify(self, documents: Iterable[Document], measured: bool = False) -> Iterator[Classified]:
        """Yield every document with its labels; `measured` takes what is given of each for the truth."""
        names, rest = self.labels.names, iter(documents)
        while group := list(islice(rest, AT_ONCE)):
            judged = self.judge(group)
            for place, document in enumerate(group):
                yield Classified(
                    document=document,
                    labels=tuple(names[number] for number in np.flatnonzero(judged.has_DC[place]).tolist()),
                    p_C=judged.p_DC[place],
                    abstained=bool(judged.abstained_D[place]),
                    truth=_words(document) if measured else None,
                )

    def judge(self, documents: Sequence[Document]) -> Judgement:
        """Return what is decided of these documents."""
        scores = [witness.scores(documents) for witness in self.witnesses]
        thresholds_C = np.array(list(self.fit.thresholds.values()))
        logit_DC = self.fit.logits(scores, self._training_C, self._asked_C)
        return judge(logit_DC, self.labels, self.rule.confidence, thresholds_C)

    def fitted(self, documents: Iterable[Document]) -> Fit:
        """Return the fit to these labelled documents; DataError for too few, or a label that none knows."""
        scores: dict[str, list[FloatArray]] = {witness.name: [] for witness in self.witnesses}
        truth: list[NDArray[np.bool_]] = []
        rest = iter(documents)
        while group := list(islice(rest, AT_ONCE)):
            truth.append(np.stack([self._truth(document) for document in group]))
            for witness in self.witnesses:
                scores[witness.name].append(witness.scores(group))
        if not truth:
            raise DataError("there are no documents to fit to; name a source that holds some")
        joined = {name: np.concatenate(parts) for name, parts in scores.items()}
        truth_DC, names = np.concatenate(truth), self.labels.names
        return fitting.fit(joined, truth_DC, names, self._training_C, self.labels.multiple)

    def _truth(self, document: Document) -> NDArray[np.bool_]:
        words = _words(document)
        if len(words) != 1 and not self.labels.multiple:
            raise DataError(
                f"{document.name}: {len(words)} labels, and those of training had one each; leave it out"
            )
        unknown = [word for word in words if word not in self.labels.names]
        if unknown:
            raise DataError(
                f"{document.name}: no label '{unknown[0]}' in training; fit to documents of known labels"
            )
        return np.array([name in words for name in self.labels.names])


def _words(document: Document) -> tuple[str, ...]:
    return tuple(document.given.split("\n")) if document.given else ()
