"""Outliers: samples that cost more bits than those that were learnt. Axes: N samples, T symbols of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.base import OutlierMixin

from anygram import evaluation
from anygram.budgets import Budget
from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.estimators import inputs
from anygram.estimators.inputs import Samples
from anygram.estimators.learnt import Learnt
from anygram.protocols import FloatArray
from anygram.tasks.anomalies import Rule, scores
from anygram.tasks.anomalies.rule import By


class PerplexityOutlierDetector(OutlierMixin, Learnt):
    """Tells samples that surprise a model of the others: their mean, largest or total surprisal is high.

    `by`: mean (the log of the perplexity), max, total, or top. `contamination`: the share of the samples of
    `fit` that count as outliers; their scores are lower than new ones' would be, for the model has learnt
    them, so that `calibrate` with others sets a threshold that keeps its share.
    """

    def __init__(
        self,
        model: str = "ngram",
        codec: str = "bytes",
        settings: Mapping[str, Any] | None = None,
        budget: str | Budget = "1m",
        by: By = "mean",
        contamination: float = 0.1,
        seed: int = 0,
    ) -> None:
        super().__init__(model, codec, settings, budget, seed)
        self.by = by
        self.contamination = contamination

    def fit(self, X: Any, y: Any = None) -> PerplexityOutlierDetector:
        """Learn what samples are like, and set `offset_` so that `contamination` of them lie below."""
        if not 0 < self.contamination <= 0.5:
            raise UsageError(f"contamination must be above 0 and at most 0.5, got {self.contamination}")
        self._rule()  # refused before anything is learnt
        documents = inputs.documents_of(self, X, reset=True)
        self.run_ = self._learn(Samples(documents))
        return self._calibrated(documents)

    def calibrate(self, X: Any) -> PerplexityOutlierDetector:
        """Set `offset_` so that `contamination` of these samples, which were not learnt, lie below."""
        return self._calibrated(self._documents(X))

    def score_samples(self, X: Any) -> FloatArray:
        """Return how normal each sample is: its surprisal in bits, by `by`, negative."""
        return self._scores(self._documents(X))

    def decision_function(self, X: Any) -> FloatArray:
        """Return `score_samples` above `offset_`: below 0 for outliers."""
        above_N: FloatArray = self.score_samples(X) - self.offset_
        return above_N

    def predict(self, X: Any) -> Any:
        """Return −1 for outliers and 1 for others."""
        return np.where(self.decision_function(X) < 0, -1, 1)

    def _calibrated(self, documents: Sequence[Document]) -> PerplexityOutlierDetector:
        self.offset_ = float(np.percentile(self._scores(documents), 100 * self.contamination))
        return self

    def _rule(self) -> Rule:
        return Rule(by=self.by, expected=0)

    def _scores(self, documents: Sequence[Document]) -> FloatArray:
        """Return minus the surprisals of documents in bits."""
        rule = self._rule()
        read = evaluation.surprisals_in_order(self.run_.model, self.run_.codec, documents)
        nats_N: FloatArray = np.array([scores.score(scores.oddness(one), rule).score_P[0] for one in read])
        bits_N: FloatArray = nats_N / np.log(2)
        return -bits_N
