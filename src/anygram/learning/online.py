"""Learning on line: the corpus is read once from its beginning to its end, and learnt as it is read."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram.data.corpus import EncodedCorpus
from anygram.errors import UsageError
from anygram.protocols import Ids, Online, Tensors


@dataclass(frozen=True)
class Config:
    """`batch`: symbols learnt between two looks at the budget."""

    batch: int = 1 << 14

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise UsageError(f"batch must be at least 1 symbol, got {self.batch}")


class OnlineLearner:
    """Reads the corpus in its order: what is near teaches most, and what comes last is remembered best."""

    usable = True
    validates = False
    patience = 0

    def __init__(self, model: Online, config: Config) -> None:
        self.config = config
        self._model = model
        self._read = 0
        self._symbols = 0
        model.learn(np.empty(0, dtype=np.int32))  # compiled now, what learning calls is no part of a budget

    def batches(self, corpus: EncodedCorpus) -> Iterator[Ids]:
        """Yield the stream of documents from where learning last stopped to its end."""
        self._symbols = corpus.symbols
        ids_N = corpus.ids
        while self._read < self._symbols:
            yield np.array(ids_N[self._read : self._read + self.config.batch])

    def update(self, batch: Ids, spent: float) -> Mapping[str, float]:
        """Learn one piece of the stream; return what it cost before it was learnt, in bits a symbol."""
        log_p_N = self._model.learn(batch)
        self._read += len(batch)
        return {"symbols": float(len(batch)), "bits_per_symbol": float(-log_p_N.mean() / math.log(2))}

    def finish(self) -> Mapping[str, Any]:
        """Return the model's figures."""
        return self._model.finish()

    def watch(self) -> None:
        """There is nothing more to see of it."""

    def shown(self) -> AbstractContextManager[None]:
        """The model is what it is."""
        return nullcontext()

    @property
    def epochs(self) -> float:
        """Return the fraction of the stream read so far."""
        return self._read / self._symbols if self._symbols else 0.0

    def tensors(self) -> Tensors:
        """Return the position."""
        return {"read": np.array(self._read, dtype=np.int64)}

    def restore(self, tensors: Tensors) -> None:
        """Continue from a stored position."""
        self._read = int(tensors["read"])
