"""The conditional probability of the next symbol by counting, with add-k.

P(w | h) = (c(h w) + k) / (c(h) + k V), where h is the last order − 1 symbols since the document's
start, c counts in the training text and V is the vocabulary's size: Lidstone's rule (Lidstone 1920;
Jurafsky & Martin, "Speech and Language Processing", section on add-k smoothing). A context never
counted gives the uniform distribution.

The counts are a trie (`anygram.tries`) over the columns of the context window, farthest symbol
first, the predicted symbol last; symbols are stored plus one, so that 0 is "nothing stands here".

Axes: B rows, T positions, V vocabulary, K = order − 1 symbols of context, N symbols of a stream,
G n-grams, X any number of queries.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import contexts, tries
from anygram.budgets import Budget
from anygram.conditioning import refuse
from anygram.errors import UsageError
from anygram.logarithms import log
from anygram.protocols import Condition, FloatArray, Ids, Lengths, Tensors
from anygram.spaces import Factor, Shift, Space
from anygram.tries import Indices, Level


@dataclass(frozen=True)
class Config:
    """`order` symbols make an n-gram (1: no context); `k` is added to every count."""

    order: int = 2
    k: float = 0.03

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"order must be at least 1, got {self.order}")
        if not 0 < self.k < np.inf:
            raise UsageError(f"k must be more than 0 and finite, got {self.k}: unseen symbols need a share")


def create(config: Config, vocabulary_size: int, seed: int) -> Frequency:
    """Return an untrained model; there is no randomness for the seed to decide."""
    return Frequency(config, vocabulary_size)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return the order and k that suit this much data; there is nothing to set for the learner.

    Measured on the last part of training texts of 10 thousand to 11 million symbols (plays,
    encyclopedia, docstrings): characters and bytes want order 2 at 10 thousand, 4 at 200 thousand and
    5 from 1.3 million on, words and subwords order 2 at any of these sizes; what is added to a context
    in all, k V, does best near 3 for the former and near 30 for the latter, whatever V is.
    """
    if vocabulary_size > 512:
        return Config(order=2, k=30 / vocabulary_size), {}
    order = int(np.log10(max(symbols, 1)) - 1.1)
    return Config(order=int(np.clip(order, 2, 5)), k=3 / vocabulary_size), {}


def search_space() -> Space:
    """Return what a search may change of what is suggested."""
    return {"order": Shift(-1, 1, step=1, least=1, most=8), "k": Factor(0.1, 10)}


@dataclass(frozen=True)
class Counts:
    """How often each n-gram was seen: a trie level a column, and a count for each node of the last."""

    levels: tuple[Level, ...]
    seen: Indices

    @cached_property
    def totals(self) -> Indices:
        """c(h) for each context node, and last a 0 for MISSING."""
        known = len(self.levels[-2]) if len(self.levels) > 1 else 1
        totals = np.zeros(known + 1, dtype=np.int64)
        np.add.at(totals, self.levels[-1].parents(), self.seen)
        return totals

    @cached_property
    def ranks(self) -> Indices:
        """How many successors of the same context were seen more often (or as often, with a lower id)."""
        parents_G = self.levels[-1].parents()
        nodes_G = np.arange(len(parents_G))
        order_G = np.lexsort((nodes_G, -self.seen, parents_G))
        ranks_G = np.empty_like(nodes_G)
        ranks_G[order_G] = nodes_G - np.searchsorted(parents_G, parents_G)
        return ranks_G

    def contexts(self, windows_XK: Ids) -> Indices:
        """Return the trie node of each context, MISSING where it was never seen."""
        nodes_X = np.zeros(len(windows_XK), dtype=np.int64)
        for level, column_X in zip(self.levels[:-1], windows_XK.T, strict=True):
            nodes_X = level.find(nodes_X, column_X + 1)
        return nodes_X


class Frequency:
    """Add-k over n-gram counts; the state is the last order − 1 symbols, context_BK."""

    reproducible = True

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        self.config = config
        self.vocabulary_size = vocabulary_size
        self._boundary = vocabulary_size - 1
        self._read: list[Ids] = []
        self._counts: Counts | None = None

    @property
    def counts(self) -> Counts:
        """What was counted; asking before `finish` is a mistake of the caller's."""
        assert self._counts is not None, "frequency predicts after finish() or restore(), not before"
        return self._counts

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Take in documents, each closed by its boundary; a condition is refused (UsageError)."""
        refuse(condition, "frequency")
        assert self._counts is None, "frequency counts before finish(), not after"
        self._read.append(contexts.mark_prefixes(ids_N, document_lengths, prefix_lengths))

    def finish(self) -> Mapping[str, Any]:
        """Build the table of counts; return how many contexts and n-grams it holds."""
        ids_N, learnt_N = contexts.unmark(self._stream())
        self._read = []
        start_1K = contexts.begin(1, self.config.order - 1, self._boundary)
        windows_XK = contexts.windows(start_1K, ids_N[None], self._boundary)[0][learnt_N]
        nodes_X = np.zeros(len(windows_XK), dtype=np.int64)
        levels = []
        for column_X in (*windows_XK.T, ids_N[learnt_N]):
            level, nodes_X = tries.grow(nodes_X, column_X + 1, self.vocabulary_size + 1)
            levels.append(level)
        self._counts = Counts(tuple(levels), np.bincount(nodes_X, minlength=len(levels[-1])))
        return {"contexts": int(np.count_nonzero(self.counts.totals)), "ngrams": len(levels[-1])}

    def start(self, rows: int, condition: Condition | None = None) -> Ids:
        """Return the state after the boundary; a condition is refused (UsageError)."""
        refuse(condition, "frequency")
        return contexts.begin(rows, self.config.order - 1, self._boundary)

    def predict(self, state: Ids) -> FloatArray:
        """Return log_p_BV in nats."""
        nodes_B = self.counts.contexts(state)
        seen_BV = np.zeros((len(state), self.vocabulary_size))
        rows, grams = tries.spread(*self.counts.levels[-1].children(nodes_B))
        seen_BV[rows, self.counts.levels[-1].symbols(grams) - 1] = self.counts.seen[grams]
        return self._log_p(seen_BV, self.counts.totals[nodes_B, None])

    def advance(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> Ids:
        """Return the state after these ids."""
        return contexts.extend(state, ids_BT, self._boundary, lengths)

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        log_p_BT, _, after = self.rank(state, ids_BT, lengths)
        return log_p_BT, after

    def rank(
        self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], Ids]:
        """Return log_p_BT, rank_BT and the state; the more often seen is the likelier, then the lower id."""
        windows_BTK = contexts.windows(state, ids_BT, self._boundary)
        ids_X = ids_BT.reshape(-1)
        nodes_X = self.counts.contexts(windows_BTK.reshape(len(ids_X), state.shape[1]))
        grams_X = self.counts.levels[-1].find(nodes_X, ids_X + 1)
        seen_X = np.zeros(len(ids_X), dtype=np.int64)
        known_X = grams_X != tries.MISSING
        seen_X[known_X] = self.counts.seen[grams_X[known_X]]
        log_p_BT = self._log_p(seen_X, self.counts.totals[nodes_X]).reshape(ids_BT.shape)
        if lengths is not None:
            log_p_BT[np.arange(ids_BT.shape[1]) >= np.asarray(lengths)[:, None]] = 0.0
        rank_X = self._rank_unseen(nodes_X, ids_X)
        rank_X[known_X] = self.counts.ranks[grams_X[known_X]]
        return log_p_BT, rank_X.reshape(ids_BT.shape), self.advance(state, ids_BT, lengths)

    def tensors(self) -> Tensors:
        """Return the counts once finished; before that, the ids read so far."""
        if self._counts is None:
            return {"ids": self._stream()}
        levels = {f"keys_{depth}": level.keys for depth, level in enumerate(self._counts.levels, 1)}
        return {**levels, "counts": self._counts.seen}

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose `tensors` these are, finished or not."""
        self._read = [tensors["ids"]] if "ids" in tensors else []
        self._counts = None
        if not self._read:
            keys = [tensors[f"keys_{depth}"] for depth in range(1, self.config.order + 1)]
            levels = tuple(Level(keys, self.vocabulary_size + 1) for keys in keys)
            self._counts = Counts(levels, tensors["counts"])

    def _stream(self) -> Ids:
        return np.concatenate(self._read) if self._read else np.empty(0, dtype=np.int32)

    def _log_p(self, seen_X: NDArray[Any], total_X: Indices) -> FloatArray:
        """Return log of Lidstone's rule for these c(h w) and c(h)."""
        k = self.config.k
        log_p_X: FloatArray = log(seen_X + k) - log(total_X + k * self.vocabulary_size)
        return log_p_X

    def _rank_unseen(self, nodes_X: Indices, ids_X: Ids) -> Indices:
        """Return the rank of symbols never seen here: after all successors, then by id."""
        level = self.counts.levels[-1]
        first_X, last_X = level.children(nodes_X)
        lower_X = np.searchsorted(level.keys, nodes_X * level.width + ids_X + 1) - first_X
        return (last_X - first_X) + ids_X - lower_X
