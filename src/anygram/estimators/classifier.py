"""Classification: P(label | text) ∝ P(label) P(text | label), or as a network's head says it.

Axes: N samples, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, column_or_1d

from anygram.budgets import Budget
from anygram.errors import UsageError
from anygram.estimators import inputs
from anygram.estimators.inputs import Samples
from anygram.estimators.learnt import Learnt
from anygram.protocols import FloatArray
from anygram.tasks import classification
from anygram.tasks.classification import Rule


class LanguageModelClassifier(ClassifierMixin, Learnt):
    """A classifier that any model of the project makes: of texts, or with the codec `table` of rows.

    `priors`: how often each class was in training ("training"), or "uniform". A tenth of each class is held
    out, to fit how sure probabilities may be, and to stop networks by; nothing where that would be fewer
    than ten samples. After `fit`: `classes_`, and `run_`, the run that was trained, for all else that can be
    asked of one.
    """

    def __init__(
        self,
        model: str = "ngram",
        codec: str = "bytes",
        settings: Mapping[str, Any] | None = None,
        budget: str | Budget = "1m",
        priors: str = "training",
        seed: int = 0,
    ) -> None:
        super().__init__(model, codec, settings, budget, seed)
        self.priors = priors

    def fit(self, X: Any, y: Any) -> LanguageModelClassifier:
        """Learn what samples of each class are like; return self. ValueError for fewer than two classes."""
        Rule(self.priors)  # refused before anything is learnt
        if y is None:
            raise UsageError("a classifier requires y to be passed, but the target y is None")
        documents = inputs.documents_of(self, X, reset=True)
        y_N = column_or_1d(y, warn=True)
        assert_all_finite(y_N, input_name="y")
        check_consistent_length(documents, y_N)
        check_classification_targets(y_N)
        self.classes_, class_N = np.unique(y_N, return_inverse=True)
        if len(self.classes_) < 2:
            raise UsageError(f"a classifier needs 2 classes at least, got one class: {self.classes_[0]}")
        self._names = _names(self.classes_.tolist())
        samples = Samples(documents, [self._names[number] for number in class_N], "label")
        held_N = _held_out(class_N, self.seed)
        self.run_ = self._learn(samples.of(np.flatnonzero(~held_N)), samples.of(np.flatnonzero(held_N)))
        return self

    def predict_proba(self, X: Any) -> FloatArray:
        """Return P(class | sample) as p_NC, in the order of `classes_`."""
        with self._asked(X) as (path, text_field):
            found = self.run_.classify(path, text_field=text_field, priors=self.priors)
            p_NC = np.stack([one.p_C for one in found])
        order_C = [found.names.index(name) for name in self._names]
        return p_NC[:, order_C]

    def predict(self, X: Any) -> Any:
        """Return the likeliest class of each sample."""
        likeliest_N = self.predict_proba(X).argmax(axis=1)
        return self.classes_[likeliest_N]


def _held_out(class_N: NDArray[np.int64], seed: int) -> NDArray[np.bool_]:
    """Return which samples are held out: of each class a tenth, drawn by the seed, so that none is lost."""
    generator = np.random.default_rng(seed)
    held_N = np.zeros(len(class_N), dtype=bool)
    for number in np.unique(class_N):
        own = generator.permutation(np.flatnonzero(class_N == number))
        held_N[own[: len(own) // 10]] = True
    return held_N if held_N.sum() >= classification.FEWEST else np.zeros_like(held_N)


def _names(classes: list[Any]) -> list[str]:
    """Return what classes are called in the run: as they are written, or by number where two look alike."""
    words = [str(one) for one in classes]
    clear = len(set(words)) == len(words) and all(word and "\n" not in word for word in words)
    return words if clear else [str(number) for number in range(len(words))]
