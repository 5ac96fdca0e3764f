"""Conditions for models that were not made for one: read the source first, then predict the target.

The inner model's vocabulary joins both sides: target symbols keep their ids 0 … V−2, condition symbol c
is V−1+c, a separator V−1+C ends the source, and its boundary V+C is its last id. A document is read as
source, separator, target, boundary; past the boundary the same source stands before the next one.

Axes: B rows, T positions, V target vocabulary (boundary included), C condition vocabulary, N symbols of
a stream, P positions of source and separator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from anygram import states
from anygram.errors import UsageError
from anygram.information import log_softmax
from anygram.protocols import (
    Condition,
    Countable,
    Differentiable,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    Online,
    State,
    Tensors,
)

if TYPE_CHECKING:
    import torch


def refuse(condition: Condition | None, model: str) -> None:
    """Raise UsageError where a condition is given to a model that would not use it."""
    if condition is not None:
        raise UsageError(f"the model '{model}' takes no condition; wrap it in conditioning.prefixed")


def inner_vocabulary_size(vocabulary_size: int, condition_vocabulary_size: int) -> int:
    """Return V + C + 1: what the inner model of a `Prefixed` must be created with.

    >>> inner_vocabulary_size(vocabulary_size=4, condition_vocabulary_size=2)
    7
    """
    return vocabulary_size + condition_vocabulary_size + 1


@dataclass(frozen=True)
class PrefixedState:
    """The inner state now, and as it was after the source: where every boundary leads back to."""

    now: State
    origin: State


class Prefixed:
    """Any model with a condition, its predictions renormalised over the target's symbols.

    P(w | source, context) = Q(w | source separator context) / Σ_v Q(v | source separator context), with
    Q the inner model and v over the target vocabulary: so `score` costs a whole prediction a symbol.
    A source is heard as far back as the inner model remembers; where that is no farther than the
    separator, a condition is refused (UsageError). `prefixed` returns the kind that learns as the inner
    model does.
    """

    def __init__(self, inner: LanguageModel, vocabulary_size: int, condition_vocabulary_size: int) -> None:
        wanted = inner_vocabulary_size(vocabulary_size, condition_vocabulary_size)
        if inner.vocabulary_size != wanted:
            raise UsageError(
                f"the inner model's vocabulary must be {wanted}, got {inner.vocabulary_size}; "
                "create it with inner_vocabulary_size"
            )
        self._inner = inner
        self._vocabulary_size = vocabulary_size
        self._separator = vocabulary_size - 1 + condition_vocabulary_size
        self._targets_V = np.append(np.arange(vocabulary_size - 1), wanted - 1).astype(np.int32)

    @property
    def vocabulary_size(self) -> int:
        return self._vocabulary_size

    def start(self, rows: int, condition: Condition | None = None) -> PrefixedState:
        """Return the state after each row's source and the separator; None is an empty source."""
        origin = self._inner.advance(self._inner.start(rows), self._lead(rows, condition))
        return PrefixedState(now=origin, origin=origin)

    def predict(self, state: PrefixedState) -> FloatArray:
        """Return log_p_BV in nats."""
        return log_softmax(self._inner.predict(state.now)[:, self._targets_V])

    def advance(self, state: PrefixedState, ids_BT: Ids, lengths: Lengths | None = None) -> PrefixedState:
        """Return the state after reading these ids: only what follows a row's last boundary is read."""
        rows, positions = ids_BT.shape
        lengths = np.full(rows, positions, dtype=np.int64) if lengths is None else lengths
        closing_BT = (ids_BT == self._vocabulary_size - 1) & (np.arange(positions) < lengths[:, None])
        unread = np.where(closing_BT, np.arange(1, positions + 1), 0).max(axis=1, initial=0)
        left_BT = np.minimum(np.arange(positions) + unread[:, None], positions - 1)
        ids_BT = np.take_along_axis(ids_BT, left_BT, axis=1)
        now = self._return(state, unread > 0).now
        return PrefixedState(
            self._inner.advance(now, self._targets_V[ids_BT], lengths - unread), state.origin
        )

    def score(
        self, state: PrefixedState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, PrefixedState]:
        """Return log_p_BT in nats, and the state after; each position costs a prediction."""
        log_p_BT, _, after = self.rank(state, ids_BT, lengths)
        return log_p_BT, after

    def rank(
        self, state: PrefixedState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], PrefixedState]:
        """Return log_p_BT, the number of symbols likelier than each as rank_BT, and the state after."""
        rows_B, (rows, positions) = np.arange(len(ids_BT)), ids_BT.shape
        lengths = np.full(rows, positions, dtype=np.int64) if lengths is None else lengths
        log_p_BT, rank_BT = np.zeros(ids_BT.shape), np.zeros(ids_BT.shape, dtype=np.int64)
        for t in range(positions):
            log_p_BV, ids_B, reads_B = self.predict(state), ids_BT[:, t], t < lengths
            log_p_B1 = log_p_BV[rows_B, ids_B][:, None]
            tied_BV = (log_p_BV == log_p_B1) & (np.arange(self._vocabulary_size) < ids_B[:, None])
            rank_BT[:, t] = ((log_p_BV > log_p_B1) | tied_BV).sum(axis=1)
            log_p_BT[:, t] = np.where(reads_B, log_p_B1[:, 0], 0.0)
            state = self.advance(state, ids_BT[:, t : t + 1], reads_B.astype(np.int64))
        return log_p_BT, rank_BT, state

    def tensors(self) -> Tensors:
        """Return the inner model's."""
        return self._inner.tensors()

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose inner model's `tensors` these are."""
        self._inner.restore(tensors)

    def _prefixes(self, rows: int, condition: Condition | None) -> list[Ids]:
        """Return each row's source and separator in inner ids; raises UsageError for an unfit condition."""
        if condition is None:
            return [np.array([self._separator], dtype=np.int32)] * rows
        self._refuse_unreachable()
        if len(condition) != rows:
            raise UsageError(f"a condition needs one source a row: {rows} rows, got {len(condition)} sources")
        first = self._vocabulary_size - 1
        for source in condition:
            unfit = source[(source < 0) | (source >= self._separator - first)]
            if unfit.size:
                raise UsageError(
                    f"ids of a condition must be 0 to {self._separator - first - 1}, got {unfit[0]}; "
                    "encode it with the run's condition codec"
                )
        return [np.append(source + first, self._separator).astype(np.int32) for source in condition]

    def _lead(self, rows: int, condition: Condition | None) -> Ids:
        """Return the prefixes as lead_BP, padded at the left with the inner boundary, which begins anew."""
        prefixes = self._prefixes(rows, condition)
        positions = max((len(prefix_P) for prefix_P in prefixes), default=0)
        lead_BP = np.full((rows, positions), self._inner.vocabulary_size - 1, dtype=np.int32)
        for lead_P, prefix_P in zip(lead_BP, prefixes, strict=True):
            lead_P[positions - len(prefix_P) :] = prefix_P
        return lead_BP

    def _refuse_unreachable(self) -> None:
        """Raise UsageError where the inner model, past the separator, has forgotten what stood before."""
        firsts = self._vocabulary_size - 1, self._inner.vocabulary_size - 1  # a source, and none
        ends = [
            self._inner.advance(self._inner.start(1), np.array([[first, self._separator]], dtype=np.int32))
            for first in firsts
        ]
        if states.equal(*ends):
            raise UsageError(
                "the model's memory is too short to reach a condition past the separator; "
                "choose a longer context (an order of at least 3) or another model"
            )

    def _return(self, state: PrefixedState, closed_B: NDArray[np.bool_]) -> PrefixedState:
        """Return the state with the closed rows back at their origin."""
        if not closed_B.any():
            return state
        rows_X = np.arange(len(closed_B)) + len(closed_B) * closed_B
        now = states.select(states.concatenate([state.now, state.origin]), rows_X)
        return PrefixedState(now, state.origin)


class _CountableModel(LanguageModel, Countable, Protocol): ...


class _OnlineModel(LanguageModel, Online, Protocol): ...


class _DifferentiableModel(LanguageModel, Differentiable, Protocol): ...


class PrefixedCountable(Prefixed):
    """A `Prefixed` that learns by counting."""

    _inner: _CountableModel

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Count documents behind their sources; sources and separators are context, not learnt."""
        prefixes = self._prefixes(len(document_lengths), condition)
        documents = np.split(self._targets_V[ids_N], np.cumsum(document_lengths)[:-1])
        pieces = [piece for pair in zip(prefixes, documents, strict=True) for piece in pair]
        source_lengths = np.array([len(prefix_P) for prefix_P in prefixes], dtype=np.int64)
        read_lengths = source_lengths + (0 if prefix_lengths is None else prefix_lengths)
        self._inner.count(np.concatenate(pieces), document_lengths + source_lengths, None, read_lengths)

    def finish(self) -> Mapping[str, Any]:
        """Turn counts into probabilities; return figures worth recording."""
        return self._inner.finish()


class PrefixedDifferentiable(Prefixed):
    """A `Prefixed` that learns by gradient."""

    _inner: _DifferentiableModel

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: PrefixedState | None = None,
        condition: Condition | None = None,
    ) -> tuple[torch.Tensor, PrefixedState]:
        """Return the inner model's weighted mean of −log Q(id | source, all before it), and the state after.

        Q is not renormalised, so this is an upper bound of the surprisal, which it nears as the inner
        model learns that only target symbols follow. A row is one document, or a piece of one: no state
        begins it behind its source, a state continues it and excludes a condition.
        """
        closing_BT = ids_BT == self._vocabulary_size - 1
        closed_BT = np.cumsum(closing_BT, axis=1) > closing_BT
        if (weights_BT[closed_BT] != 0).any():
            raise UsageError(
                "a row with a source is one document, got weight past its boundary; use more rows"
            )
        ids_BT = self._targets_V[ids_BT]
        if state is None:
            state = self.start(len(ids_BT), condition)
            lead_BP = self._lead(len(ids_BT), condition)
            ids_BT = np.concatenate([lead_BP, ids_BT], axis=1)
            weights_BT = np.pad(weights_BT, ((0, 0), (lead_BP.shape[1], 0)))
            nats, now = self._inner.loss(ids_BT, weights_BT)
        elif condition is None:
            nats, now = self._inner.loss(ids_BT, weights_BT, state.now)
        else:
            raise UsageError("a carried state has read its condition already; pass one of the two")
        return nats, self._return(PrefixedState(now, state.origin), closing_BT.any(axis=1))

    def module(self) -> torch.nn.Module:
        """Return the inner model's module."""
        return self._inner.module()


class PrefixedOnline(Prefixed):
    """A `Prefixed` that learns on line: as it reads sources too, it learns what these are like."""

    _inner: _OnlineModel

    _within = False
    """Whether a document was begun and not yet closed."""

    def learn(self, ids_N: Ids) -> FloatArray:
        """Go on reading documents without sources; return log Q of each id before it was learnt."""
        log_p: list[FloatArray] = [self._inner.learn(np.empty(0, dtype=np.int32))]
        ends = np.flatnonzero(ids_N == self._vocabulary_size - 1) + 1
        for piece_T in np.split(ids_N, ends):
            if not len(piece_T):
                continue
            lead = [] if self._within else [self._separator]
            inner_ids = np.concatenate([np.array(lead, dtype=np.int32), self._targets_V[piece_T]])
            log_p.append(self._inner.learn(inner_ids)[len(lead) :])
            self._within = int(piece_T[-1]) != self._vocabulary_size - 1
        return np.concatenate(log_p)

    def learn_given(self, ids_N: Ids, document_lengths: Lengths, condition: Condition) -> FloatArray:
        """Go on reading sources and documents; return log Q of the documents' ids before they were learnt."""
        log_p: list[FloatArray] = []
        documents = np.split(self._targets_V[ids_N], np.cumsum(document_lengths)[:-1])
        for prefix_P, document_T in zip(
            self._prefixes(len(document_lengths), condition), documents, strict=True
        ):
            log_p.append(self._inner.learn(np.concatenate([prefix_P, document_T]))[len(prefix_P) :])
        return np.concatenate(log_p)

    def finish(self) -> Mapping[str, Any]:
        """Return the inner model's figures."""
        return self._inner.finish()


def prefixed(inner: LanguageModel, vocabulary_size: int, condition_vocabulary_size: int) -> Prefixed:
    """Return the model with a condition, learnt as the inner one is."""
    if isinstance(inner, Differentiable):
        return PrefixedDifferentiable(inner, vocabulary_size, condition_vocabulary_size)
    if isinstance(inner, Countable):
        return PrefixedCountable(inner, vocabulary_size, condition_vocabulary_size)
    if isinstance(inner, Online):
        return PrefixedOnline(inner, vocabulary_size, condition_vocabulary_size)
    return Prefixed(inner, vocabulary_size, condition_vocabulary_size)
