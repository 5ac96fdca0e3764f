"""The n-gram language model: what it remembers, and the protocol over counting, smoothing and tables.

Axes: B rows, T positions, S = K + T, K = order − 1 symbols of context, V vocabulary, N symbols of a
stream, X any number of queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import contexts
from anygram.conditioning import refuse
from anygram.errors import UsageError
from anygram.models.ngram import counting, smoothing, tables
from anygram.models.ngram.ranking import Ranking
from anygram.models.ngram.tables import NGrams, Tables
from anygram.protocols import Condition, FloatArray, Ids, Lengths, Tensors
from anygram.tries import Indices


@dataclass(frozen=True)
class Config:
    """`order` symbols make the longest n-gram; `discount_fallback`: where counts of counts give none."""

    order: int = 5
    discount_fallback: bool = True

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"order must be at least 1, got {self.order}")


class NGram:
    """Interpolated modified Kneser-Ney; the state is the last order − 1 symbols, context_BK."""

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        self.config = config
        self.vocabulary_size = vocabulary_size
        self._boundary = vocabulary_size - 1
        self._read: list[Ids] = []
        self._tables: Tables | None = None
        self._ranking: Ranking | None = None

    @property
    def tables(self) -> Tables:
        """What was estimated; asking before `finish` is a mistake of the caller's."""
        assert self._tables is not None, "ngram predicts after finish() or restore(), not before"
        return self._tables

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Take in documents, each closed by its boundary; a condition is refused (UsageError)."""
        refuse(condition, "ngram")
        assert self._tables is None, "ngram counts before finish(), not after"
        self._read.append(contexts.mark_prefixes(ids_N, document_lengths, prefix_lengths))

    def finish(self) -> Mapping[str, Any]:
        """Estimate the model; return n-grams, discounts and fallbacks, order by order.

        DataError where counts of counts give no discounts and the configuration allows no fallback.
        """
        ids_N, learnt_N = contexts.unmark(self._stream())
        counted = counting.count(ids_N, learnt_N, self.config.order, self.vocabulary_size)
        estimates = smoothing.estimate(counted, self.config.discount_fallback)
        self._tables, self._ranking, self._read = tables.from_estimates(counted, estimates), None, []
        return {
            "ngrams": [len(level.level) for level in counted],
            "discounts": [list(estimate.discounts) for estimate in estimates],
            "discount_fallbacks": [order for order, one in enumerate(estimates, 1) if one.fell_back],
        }

    def start(self, rows: int, condition: Condition | None = None) -> Ids:
        """Return the state after the boundary; a condition is refused (UsageError)."""
        refuse(condition, "ngram")
        return contexts.begin(rows, self.config.order - 1, self._boundary)

    def predict(self, state: Ids) -> FloatArray:
        """Return log_p_BV in nats."""
        nodes = self.tables.nodes(state)[:-1]
        return self.tables.predict(len(state), [nodes_BK[:, -1] for nodes_BK in nodes])

    def advance(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> Ids:
        """Return the state after these ids."""
        return contexts.extend(state, ids_BT, self._boundary, lengths)

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        log_p_X = self.tables.score(*self._nodes(state, ids_BT))
        return _within(log_p_X, ids_BT, lengths), self.advance(state, ids_BT, lengths)

    def rank(
        self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], Ids]:
        """Return log_p_BT, rank_BT and the state after."""
        if self._ranking is None:
            self._ranking = Ranking(self.tables)
        nodes, before = self._nodes(state, ids_BT)
        log_p_X = self.tables.score(nodes, before)
        rank_X = self._ranking.rank(before, nodes[0], log_p_X)
        log_p_BT = _within(log_p_X, ids_BT, lengths)
        return log_p_BT, rank_X.reshape(ids_BT.shape), self.advance(state, ids_BT, lengths)

    def ngrams(self, length: int) -> Iterator[NGrams]:
        """Yield all n-grams of that length."""
        yield self.tables.ngrams(length)

    def counts(self) -> list[int]:
        """Return how many n-grams there are of each length."""
        return [len(level) for level in self.tables.levels]

    def tensors(self) -> Tensors:
        """Return the tables once finished; before that, the ids read so far."""
        return {"ids": self._stream()} if self._tables is None else self._tables.to_tensors()

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose `tensors` these are, finished or not."""
        self._read, self._tables, self._ranking = [], None, None
        if "ids" in tensors:
            self._read = [tensors["ids"]]
        else:
            self._tables = tables.from_tensors(tensors, self.config.order, self.vocabulary_size)

    def _stream(self) -> Ids:
        return np.concatenate(self._read) if self._read else np.empty(0, dtype=np.int32)

    def _nodes(self, context_BK: Ids, ids_BT: Ids) -> tuple[list[Indices], list[Indices]]:
        """Return for each k the node of the k-gram at each position X, and of the k symbols before it."""
        width = context_BK.shape[1]
        nodes = self.tables.nodes(np.concatenate([context_BK, ids_BT], axis=1))
        at = [nodes_BS[:, width:].reshape(-1) for nodes_BS in nodes]
        before = [nodes_BS[:, width - 1 : -1].reshape(-1) for nodes_BS in nodes[:-1]]
        return at, before


def from_ngrams(levels: Sequence[NGrams], vocabulary_size: int) -> NGram:
    """Return the model of these n-grams of each length; DataError for one that stands there twice."""
    model = NGram(Config(order=len(levels)), vocabulary_size)
    model._tables = tables.from_ngrams(levels, vocabulary_size)
    return model


def _within(log_p_X: FloatArray, ids_BT: Ids, lengths: Lengths | None) -> FloatArray:
    """Return log_p_BT with 0.0 past each row's length."""
    log_p_BT = log_p_X.reshape(ids_BT.shape)
    if lengths is not None:
        log_p_BT[np.arange(ids_BT.shape[1]) >= np.asarray(lengths)[:, None]] = 0.0
    return log_p_BT
