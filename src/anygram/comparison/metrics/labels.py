"""How many documents that are held out a run gives their own labels.

They are given as by `anygram classify`: fitted to the validation part, where there is one of some documents.

Axes: D documents, C labels.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from anygram import training
from anygram.comparison.metrics.held import Held, Sums
from anygram.data.documents import Documents
from anygram.data.splitting import Splits
from anygram.data.store import givens_of
from anygram.errors import UsageError
from anygram.protocols import FloatArray
from anygram.tasks import classification
from anygram.tasks.classification import Asked, Rule

PLAIN = "the commonest label"
Flags = NDArray[np.bool_]
_Set = tuple[str, ...]
"""The labels of a document."""


def accuracy(held: Held) -> Sums:
    """Return whether each document has its labels, all of them and no others."""
    known = _known(held)
    _, truth, said = _judged(held, known)
    return Sums(_right(truth, said), how=_how(known))


def f1(held: Held) -> Sums:
    """Return of each label whether a document has it rightly, wrongly, or lacks it."""
    known = _known(held)
    names, truth, said = _judged(held, known)
    return Sums(_confused(_flags(truth, names), _flags(said, names)), how=f"macro, {_how(known)}")


def macro_f1(sums_K: FloatArray) -> float:
    """Return the mean over labels of 2 right / (2 right + wrong + lacking), 0 of one that is nowhere."""
    right_C, wrong_C, lacking_C = sums_K.reshape(-1, 3).T
    all_C = 2 * right_C + wrong_C + lacking_C
    return float((2 * right_C / np.where(all_C > 0, all_C, 1.0)).mean())


def plain_accuracy(splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    """Return the name and the accuracy of giving every document the commonest label of the training part."""
    _, truth, said = _commonest(splits)
    return PLAIN, Sums(_right(truth, said))


def plain_f1(splits: Splits, horizon: int | None) -> tuple[str, Sums]:
    """Return the name and the F1 of giving every document the commonest label of the training part."""
    names, truth, said = _commonest(splits)
    return PLAIN, Sums(_confused(_flags(truth, names), _flags(said, names)))


def _known(held: Held) -> Documents:
    """Return the documents to fit to: of the validation part those whose labels training had."""
    return training.of_known_labels(held.splits.valid, held.run.condition_codec)


def _judged(held: Held, known: Documents) -> tuple[Sequence[str], list[_Set], list[_Set]]:
    """Return the labels, the truth and what the run says; UsageError for one that knows no labels."""
    asked = [Asked(held.path, held.run)]
    if len(known) >= classification.FEWEST:
        classification.fit(asked, known)
    classifier = classification.classifier_of(asked, Rule())
    said = [one.labels for one in classifier.classify(held.splits.test)]
    return classifier.labels.names, _truth(held.splits.test), said


def _how(known: Documents) -> str:
    fitted = len(known) >= classification.FEWEST
    return f"fitted to {len(known):,} documents" if fitted else "as it says itself, not fitted"


def _commonest(splits: Splits) -> tuple[Sequence[str], list[_Set], list[_Set]]:
    """Return the labels of the training part, the truth, and the commonest of them again and again."""
    sets = Counter(map(_set, chain(givens_of(splits.train), givens_of(splits.valid))))
    names = sorted({name for each in sets for name in each})
    if len(names) < 2:
        raise UsageError("the training part has one label alone, and nothing tells documents apart by it")
    (commonest, _), *_ = sets.most_common(1)
    return names, _truth(splits.test), [commonest] * len(splits.test)


def _truth(documents: Documents) -> list[_Set]:
    return [_set(given) for given in givens_of(documents)]


def _set(given: str) -> _Set:
    return tuple(given.split("\n")) if given else ()


def _flags(sets: Iterable[_Set], names: Sequence[str]) -> Flags:
    return np.array([[name in each for name in names] for each in sets])


def _right(truth: Sequence[_Set], said: Sequence[_Set]) -> FloatArray:
    """Return whether each has all its labels and no others, also such as training did not have; and ones."""
    right = [set(one) == set(other) for one, other in zip(truth, said, strict=True)]
    return np.stack([np.array(right, dtype=np.float64), np.ones(len(right))], axis=1)


def _confused(truth_DC: Flags, said_DC: Flags) -> FloatArray:
    cases_DC3 = np.stack([truth_DC & said_DC, ~truth_DC & said_DC, truth_DC & ~said_DC], axis=2)
    return cases_DC3.reshape(len(truth_DC), -1).astype(np.float64)
