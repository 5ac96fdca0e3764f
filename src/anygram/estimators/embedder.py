"""Samples as vectors: what a network that has learnt them holds after their symbols.

Axes: N samples, D the width of the network's hidden vectors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from anygram.budgets import Budget
from anygram.data.documents import Document
from anygram.estimators import inputs
from anygram.estimators.inputs import Samples
from anygram.estimators.learnt import Learnt
from anygram.protocols import FloatArray
from anygram.tasks import embedding
from anygram.tasks.embedding import Pooling


class LanguageModelEmbedder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, Learnt):
    """A network's features, pooled over each sample, as features for whatever comes next in a pipeline.

    It learns without labels; `pooling` is mean, last or max, and vectors are of length 1 if `normalise`.
    """

    def __init__(
        self,
        model: str = "gru",
        codec: str = "bytes",
        settings: Mapping[str, Any] | None = None,
        budget: str | Budget = "1m",
        pooling: Pooling = "mean",
        normalise: bool = True,
        seed: int = 0,
    ) -> None:
        super().__init__(model, codec, settings, budget, seed)
        self.pooling = pooling
        self.normalise = normalise

    def fit(self, X: Any, y: Any = None) -> LanguageModelEmbedder:
        """Learn to predict the samples; return self. UsageError for a model that has no features."""
        documents = inputs.documents_of(self, X, reset=True)
        run = self._learn(Samples(documents))
        embedding.require_features(run.model)
        self.run_ = run
        self._n_features_out = self._vectors(documents[:1]).shape[1]
        return self

    def transform(self, X: Any) -> FloatArray:
        """Return vectors_ND."""
        return self._vectors(self._documents(X))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []  # vectors are float32, whatever X is
        return tags

    def _vectors(self, documents: Sequence[Document]) -> FloatArray:
        model, codec = self.run_.model, self.run_.codec
        return embedding.embed(model, codec, documents, self.pooling, normalise=self.normalise)
