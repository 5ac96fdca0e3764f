"""How many documents that are held out a run gives their own labels.

They are given as by `anygram classify`: fitted to the validation part, where there is one of some documents.

Axes: D documents, C labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from anygram.comparison.metrics.held import Held, Sums
from anygram.data.documents import Document
from anygram.data.splitting import Splits
from anygram.errors import UsageError
from anygram.protocols import FloatArray
from anygram.tasks import classification
from anygram.tasks.classification import Asked, Rule

PLAIN = "the commonest label"
Flags = NDArray[np.bool_]


def accuracy(held: Held) -> Sums:
    """Return whether each document has its labels, all of them and no others."""
    _, truth_DC, said_DC = _judged(held)
    return Sums(_right(truth_DC, said_DC), how=_how(held))


def f1(held: Held) -> Sums:
    """Return of each label whether a document has it rightly, wrongly, or lacks it."""
    _, truth_DC, said_DC = _judged(held)
    return Sums(_confused(truth_DC, said_DC), how=f"macro, {_how(held)}")


def macro_f1(sums_K: FloatArray) -> float:
    """Return the mean over labels of 2 right / (2 right + wrong + lacking), 0 of one that is nowhere."""
    right_C, wrong_C, lacking_C = sums_K.reshape(-1, 3).T
    all_C = 2 * right_C + wrong_C + lacking_C
    return float((2 * right_C / np.where(all_C > 0, all_C, 1.0)).mean())


def plain_accuracy(splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    """Return the name and the accuracy of giving every document the commonest label of the training part."""
    return PLAIN, Sums(_right(*_commonest(splits)))


def plain_f1(splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    """Return the name and the F1 of giving every document the commonest label of the training part."""
    return PLAIN, Sums(_confused(*_commonest(splits)))


def _judged(held: Held) -> tuple[Sequence[str], Flags, Flags]:
    """Return the labels, the truth and what the run says; UsageError for one that knows no labels."""
    asked = [Asked(held.path, held.run)]
    if len(held.splits.valid) >= classification.FEWEST:
        classification.fit(asked, held.splits.valid)
    classifier = classification.classifier_of(asked, Rule())
    names = classifier.labels.names
    said = [one.labels for one in classifier.classify(held.splits.test)]
    return names, _flags(map(_labels, held.splits.test), names), _flags(said, names)


def _how(held: Held) -> str:
    fitted = len(held.splits.valid) >= classification.FEWEST
    return f"fitted to {len(held.splits.valid):,} documents" if fitted else "as it says itself, not fitted"


def _commonest(splits: Splits) -> tuple[Flags, Flags]:
    sets = Counter(map(_labels, [*splits.train, *splits.valid]))
    names = sorted({name for each in sets for name in each})
    if len(names) < 2:
        raise UsageError("the training part has one label alone, and nothing tells documents apart by it")
    (commonest, _), *_ = sets.most_common(1)
    return _flags(map(_labels, splits.test), names), _flags([commonest] * len(splits.test), names)


def _labels(document: Document) -> tuple[str, ...]:
    return tuple(document.given.split("\n")) if document.given else ()


def _flags(sets: Iterable[tuple[str, ...]], names: Sequence[str]) -> Flags:
    return np.array([[name in each for name in names] for each in sets])


def _right(truth_DC: Flags, said_DC: Flags) -> FloatArray:
    right_D = (truth_DC == said_DC).all(axis=1) & truth_DC.any(axis=1)
    return np.stack([right_D, np.ones(len(right_D))], axis=1)


def _confused(truth_DC: Flags, said_DC: Flags) -> FloatArray:
    cases_DC3 = np.stack([truth_DC & said_DC, ~truth_DC & said_DC, truth_DC & ~said_DC], axis=2)
    return cases_DC3.reshape(len(truth_DC), -1).astype(np.float64)
