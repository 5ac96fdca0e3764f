"""The model as tables: log P of each k-gram, log γ of each context, in the trie of `counting`.

log P(w | h) is that of the longest k-gram (suffix of h, w) there is, plus log γ of every longer
context there is: the sum that ARPA files are read by. Because no stored n-gram reaches over a
boundary, neither does any context found here.

Axes: B rows, S = K + T symbols of a row (its context, then its ids), K = order − 1, T positions,
V vocabulary, X any number of queries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import tries
from anygram.errors import DataError
from anygram.models.ngram.counting import CountedLevel
from anygram.models.ngram.smoothing import Estimate
from anygram.protocols import FloatArray, Ids, Tensors
from anygram.tries import Indices, Level

Logs = NDArray[np.float32]


@dataclass(frozen=True)
class NGrams:
    """Some k-grams of one k: symbols_GK, log P of each in nats, log γ (None at the highest order)."""

    symbols_GK: Ids
    log_p_G: Logs
    log_gamma_G: Logs | None


@dataclass(frozen=True)
class Tables:
    """For each k: level k of the trie, log P of its k-grams, log γ of them as contexts (k < order)."""

    levels: tuple[Level, ...]
    log_p: tuple[Logs, ...]
    log_gamma: tuple[Logs, ...]

    @property
    def order(self) -> int:
        """Return the length of the longest n-grams."""
        return len(self.levels)

    def nodes(self, stream_BS: Ids) -> list[Indices]:
        """Return for k = 1 .. order the node of the k-gram that ends at each symbol, or MISSING."""
        nodes = [np.where(stream_BS < 0, tries.MISSING, stream_BS).astype(np.int64)]
        for level in self.levels[1:]:
            nodes_BS = np.full(stream_BS.shape, tries.MISSING, dtype=np.int64)
            rows, places = np.nonzero(nodes[-1][:, :-1] != tries.MISSING)
            parents_X, symbols_X = nodes[-1][rows, places], stream_BS[rows, places + 1]
            nodes_BS[rows, places + 1] = level.find(parents_X, symbols_X)
            nodes.append(nodes_BS)
        return nodes

    def score(self, nodes: Sequence[Indices], contexts: Sequence[Indices]) -> FloatArray:
        """Return log P of each symbol X, given for each k its k-gram's node and its k-symbol context's."""
        log_p_X = self.log_p[0][nodes[0]].astype(np.float64)
        for length in range(1, self.order):
            log_p_X += self.shift(length, contexts[length - 1])
            found = np.flatnonzero(nodes[length] != tries.MISSING)
            log_p_X[found] = self.log_p[length][nodes[length][found]]
        return log_p_X

    def shift(self, length: int, contexts_X: Indices) -> FloatArray:
        """Return log γ of these contexts of that length, 0 for a missing one."""
        log_gamma_X = np.zeros(len(contexts_X))
        known = np.flatnonzero(contexts_X != tries.MISSING)
        log_gamma_X[known] = self.log_gamma[length - 1][contexts_X[known]]
        return log_gamma_X

    def predict(self, rows: int, contexts: Sequence[Indices]) -> FloatArray:
        """Return log_p_XV of that many rows X, given for each k the node of the last k symbols."""
        log_p_XV = np.tile(self.log_p[0].astype(np.float64), (rows, 1))
        for length in range(1, self.order):
            log_p_XV += self.shift(length, contexts[length - 1])[:, None]
            owners, grams = tries.spread(*self.levels[length].children(contexts[length - 1]))
            log_p_XV[owners, self.levels[length].symbols(grams)] = self.log_p[length][grams]
        return log_p_XV

    def ngrams(self, length: int) -> NGrams:
        """Return all k-grams of that length."""
        nodes = np.arange(len(self.levels[length - 1]))
        columns: list[Indices] = []
        for level in self.levels[length - 1 : 0 : -1]:
            columns.insert(0, level.symbols(nodes))
            nodes = level.parents()[nodes]
        columns.insert(0, nodes)
        gamma = self.log_gamma[length - 1] if length < self.order else None
        return NGrams(np.stack(columns, axis=1).astype(np.int32), self.log_p[length - 1], gamma)

    def to_tensors(self) -> Tensors:
        """Return the tables with keys as symbols and numbers of children, each in the fewest bytes."""
        tensors: Tensors = {}
        for length, (level, log_p) in enumerate(zip(self.levels, self.log_p, strict=True), 1):
            tensors[f"log_p_{length}"] = log_p
            if length < self.order:
                tensors[f"log_gamma_{length}"] = self.log_gamma[length - 1]
            if length > 1:
                children = np.bincount(level.parents(), minlength=len(self.levels[length - 2]))
                tensors[f"symbols_{length}"] = _narrow(level.symbols(np.arange(len(level))), level.width)
                tensors[f"children_{length}"] = _narrow(children, level.width + 1)
        return tensors


def from_estimates(counted: Sequence[CountedLevel], estimates: Sequence[Estimate]) -> Tables:
    """Return the tables of an estimated model; logs are kept as float32."""
    return Tables(
        levels=tuple(level.level for level in counted),
        log_p=tuple(np.log(estimate.p).astype(np.float32) for estimate in estimates),
        log_gamma=tuple(np.log(estimate.gamma).astype(np.float32) for estimate in estimates[1:]),
    )


def from_ngrams(grams: Sequence[NGrams], vocabulary_size: int) -> Tables:
    """Return the tables of these n-grams of each length; DataError for one that stands there twice."""
    levels: list[Level] = []
    log_p: list[Logs] = []
    log_gamma: list[Logs] = []
    for some in grams:
        nodes = np.zeros(len(some.symbols_GK), dtype=np.int64)
        for level, symbols in zip([*levels, None], some.symbols_GK.T, strict=True):
            nodes = nodes * vocabulary_size + symbols if level is None else level.find(nodes, symbols)
        order = np.argsort(nodes)
        if np.any(np.diff(nodes[order]) == 0):
            raise DataError("an n-gram stands there twice; keep one")
        levels.append(Level(nodes[order], vocabulary_size))
        log_p.append(some.log_p_G[order])
        if some.log_gamma_G is not None:
            log_gamma.append(some.log_gamma_G[order])
    return Tables(tuple(levels), tuple(log_p), tuple(log_gamma))


def from_tensors(tensors: Tensors, order: int, vocabulary_size: int) -> Tables:
    """Return the tables that `to_tensors` wrote."""
    levels = [Level(np.arange(vocabulary_size), vocabulary_size)]
    for length in range(2, order + 1):
        children = tensors[f"children_{length}"]
        parents = np.repeat(np.arange(len(children)), children)
        levels.append(Level(parents * vocabulary_size + tensors[f"symbols_{length}"], vocabulary_size))
    log_p = tuple(tensors[f"log_p_{length}"] for length in range(1, order + 1))
    return Tables(tuple(levels), log_p, tuple(tensors[f"log_gamma_{length}"] for length in range(1, order)))


def _narrow(numbers: Indices, below: int) -> NDArray[np.unsignedinteger]:
    """Return non-negative numbers below that bound in the narrowest unsigned type."""
    return numbers.astype(np.min_scalar_type(below - 1))
