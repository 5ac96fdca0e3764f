"""A run, or several, asked for labels: witnesses and what was fitted to them are found in their folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from anygram.codecs._labels import Labels
from anygram.data.documents import Document
from anygram.errors import DataError, UsageError
from anygram.protocols import Classifying
from anygram.runs import StoredRun
from anygram.tasks.classification import fitting
from anygram.tasks.classification.deciding import Classified, Classifier
from anygram.tasks.classification.evidence import By, Witness
from anygram.tasks.classification.fitting import Fit
from anygram.tasks.classification.metrics import Measures, measure
from anygram.tasks.classification.rule import Rule
from anygram.tasks.classification.telling import Told, tell


@dataclass(frozen=True)
class Asked:
    """A run that is asked: its folder and what is stored there."""

    path: Path
    run: StoredRun


def witnesses(asked: Sequence[Asked]) -> list[Witness]:
    """Return what can be asked of each run, the first one's called by its kind; UsageError without labels."""
    found: list[Witness] = []
    for place, one in enumerate(asked):
        labels = one.run.condition_codec
        if not isinstance(labels, Labels):
            raise UsageError(f"{one.path} knows no labels; train it with --label-field, or ask another run")
        for by in _ways(one.run):
            name = by if place == 0 else f"{one.path.name} {by}"
            found.append(Witness(name, one.run.model, one.run.codec, labels, by))
    names = [witness.name for witness in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two runs are called '{twice.rsplit(' ', 1)[0]}'; rename one's folder, or leave one out"
        )
    return found


def _ways(run: StoredRun) -> list[By]:
    """Return whether a run's head, its likelihood or both can say labels."""
    if not isinstance(run.model, Classifying):
        return ["likelihood"]
    by = run.record.condition.get("classifier", {}).get("by", "head")
    return ["head", "likelihood"] if by == "both" else ["head"]


def classifier_of(asked: Sequence[Asked], rule: Rule) -> Classifier:
    """Return what judges documents: the runs' witnesses, as they were fitted if they were."""
    found = witnesses(asked)
    names = [witness.name for witness in found]
    return Classifier(found, rule, fitting.stored(asked[0].path, names, found[0].labels.names))


def fit(asked: Sequence[Asked], documents: Iterable[Document]) -> Fit:
    """Fit the weights of the runs' witnesses to labelled documents, and keep them with the first run."""
    found = Classifier(witnesses(asked), Rule()).fitted(documents)
    fitting.store(asked[0].path, found)
    return found


class Classification:
    """Documents with their labels, judged while they are asked for; then figures, where truth is known."""

    def __init__(
        self,
        classifier: Classifier,
        documents: Callable[[], Iterable[Document]],
        measured: bool,
        seed: int = 0,
        readable: bool = True,
    ) -> None:
        """Take what is given of documents for the truth where `measured`; `readable` ones have words."""
        self.classifier, self.readable = classifier, readable
        self._documents, self._measured, self._seed = documents, measured, seed
        self._begin()

    def _begin(self) -> None:
        self._found: list[Classified] = []
        self._counted = self._abstained = self._empty = 0
        self._measures: Measures | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The labels that are told apart."""
        return self.classifier.labels.names

    @property
    def found(self) -> list[Classified]:
        """What was judged so far, where the truth is known."""
        return self._found

    def __iter__(self) -> Iterator[Classified]:
        """Yield each document as it is judged; DataError where there are none.

        Figures are of the last time that they were gone through.
        """
        self._begin()
        for one in self.classifier.classify(self._documents(), self._measured):
            self._counted += 1
            self._abstained += one.abstained
            self._empty += not one.document.text
            if self._measured:
                self._found.append(one)
            yield one
        if not self._counted:
            raise DataError("there are no documents to classify; name a source that holds some")

    def why(self, one: Classified) -> Told:
        """Return how much each word of a document speaks for its label; UsageError where there are none."""
        if not self.readable:
            raise UsageError("data that are not text have no words to tell; leave out --why")
        return tell(self.classifier, one)

    def measures(self) -> Measures | None:
        """Return how well labels agree with the truth, None where that is not known."""
        if self._measured and self._measures is None:
            self._measures = measure(self._found, self.classifier.labels, self._seed)
        return self._measures

    def figures(self) -> dict[str, Any]:
        """Return what was judged, by which witnesses, and how well where the truth is known."""
        measured = self.measures()
        fitted = self.classifier.fit
        return {
            "documents": self._counted,
            "labels": list(self.names),
            "several_labels": self.classifier.labels.multiple,
            "abstained": self._abstained,
            "empty_documents": self._empty,
            "witnesses": fitted.weights,
            "fitted_to": fitted.documents,
            **({} if measured is None else measured.to_json()),
        }
