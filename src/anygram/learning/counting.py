"""Learning by counting: every document once, then one estimation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram.data.corpus import CountBatch, EncodedCorpus, document_batches
from anygram.errors import UsageError
from anygram.protocols import Countable, Tensors


@dataclass(frozen=True)
class Config:
    """`batch`: symbols counted between two looks at the budget."""

    batch: int = 1 << 20

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"batch must be at least 1 symbol, got {self.batch}")


class CountingLearner:
    """Counts whole documents in a seeded random order, so that a budget cuts a fair sample."""

    usable = False
    validates = False
    patience = 0

    def __init__(self, model: Countable, config: Config, seed: int) -> None:
        self.config = config
        self._model = model
        self._seed = seed
        self._next_document = 0
        self._documents = 0

    def batches(self, corpus: EncodedCorpus) -> Iterator[CountBatch]:
        """Yield whole documents from where counting last stopped to the corpus's end."""
        self._documents = corpus.documents
        return document_batches(corpus, self.config.batch, start=self._next_document, shuffle_seed=self._seed)

    def update(self, batch: CountBatch, spent: float) -> Mapping[str, float]:
        """Count one batch; `spent` does not matter to counting."""
        self._model.count(batch.ids_N, batch.document_lengths, batch.condition)
        self._next_document = batch.last_document
        return {"symbols": float(len(batch.ids_N))}

    def finish(self) -> Mapping[str, Any]:
        """Estimate probabilities from the counts."""
        return self._model.finish()

    def watch(self) -> None:
        """There is nothing more to see of counting."""

    def shown(self) -> AbstractContextManager[None]:
        """The model is what it is."""
        return nullcontext()

    @property
    def epochs(self) -> float:
        """Return the fraction of the documents counted so far."""
        return self._next_document / self._documents if self._documents else 0.0

    def tensors(self) -> Tensors:
        """Return the position."""
        return {"next_document": np.array(self._next_document, dtype=np.int64)}

    def restore(self, tensors: Tensors) -> None:
        """Continue from a stored position."""
        self._next_document = int(tensors["next_document"])
