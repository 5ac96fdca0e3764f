"""A language model for each label: what a document costs under each is Bayes' rule, read backwards.

A document of label c costs −log P(x | c) under that label's own model. Without a label it is read by the
Bayesian mixture over labels,

    P(next | context) = Σ_c P(c | context) P(next | context, c),   P(c | context) ∝ P(c) P(context | c),

whose weights along the text are the classification itself. P(c) is how often a label was counted, half a
document added (Krichevsky & Trofimov 1981).

Where a document may have several labels, each label has two parts: a model of the documents that have it, one
of those that have it not. Those of given labels are mixed equally (McCallum, "Multi-label text classification
with a mixture model trained by EM", 1999); a document of no label is read by the models of those without.

Axes: B rows, T positions, V vocabulary, K parts: the models that are mixed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import states
from anygram.compiled import kernel
from anygram.errors import UsageError
from anygram.protocols import Bounded, Condition, FloatArray, Ids, LanguageModel, Lengths, State, Tensors

Make = Callable[[], LanguageModel]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PerClassState:
    """The state of every part, log P(part | read so far) of each row, and as it was at the start.

    A part that cannot be the row's has −inf, and reads nothing.
    """

    parts: tuple[State, ...]
    log_share_BK: FloatArray
    origin_BK: FloatArray


class PerClass:
    """A model for each of `labels` labels, 0 and on; `per_class` returns the kind that learns as they do."""

    def __init__(self, make: Make, labels: int, multiple: bool) -> None:
        if labels < 2 and not multiple:
            raise UsageError(f"there must be at least 2 labels to tell apart, got {labels}")
        self._make, self._labels, self._multiple = make, labels, multiple
        self._own = [make() for _ in range(2 * labels if multiple else labels)]
        self._documents_K = np.zeros(len(self._own))

    @property
    def vocabulary_size(self) -> int:
        return self._own[0].vocabulary_size

    @property
    def labels(self) -> int:
        """How many labels there are."""
        return self._labels

    @property
    def multiple(self) -> bool:
        """Whether a document may have several."""
        return self._multiple

    @property
    def parts(self) -> Sequence[LanguageModel]:
        """The model of each label's documents; where a document may have several, then of those without."""
        return self._own

    @property
    def log_prior_K(self) -> FloatArray:
        """Return log of each part's share of the documents."""
        smoothed_K = self._documents_K + 0.5
        log_prior_K: FloatArray = np.log(smoothed_K / smoothed_K.sum())
        return log_prior_K

    def start(self, rows: int, condition: Condition | None = None) -> PerClassState:
        """Return the state before a document of each row's labels; None is a document of unknown ones."""
        origin_BK = np.tile(self.log_prior_K, (rows, 1))
        if condition is not None:
            may_BK = self._may(rows, condition)
            origin_BK = np.where(may_BK, 0.0, -np.inf) - np.log(may_BK.sum(axis=1, keepdims=True))
        return PerClassState(tuple(part.start(rows) for part in self.parts), origin_BK, origin_BK)

    def predict(self, state: PerClassState) -> FloatArray:
        """Return log_p_BV in nats."""
        log_p_BV = np.full((len(state.origin_BK), self.vocabulary_size), -np.inf)
        for k, (part, now) in enumerate(zip(self.parts, state.parts, strict=True)):
            rows_X = np.flatnonzero(np.isfinite(state.origin_BK[:, k]))
            if len(rows_X):
                log_p_XV = part.predict(_of(now, rows_X)) + state.log_share_BK[rows_X, k, None]
                log_p_BV[rows_X] = np.logaddexp(log_p_BV[rows_X], log_p_XV)
        return log_p_BV

    def advance(self, state: PerClassState, ids_BT: Ids, lengths: Lengths | None = None) -> PerClassState:
        """Return the state after these ids."""
        return self.score(state, ids_BT, lengths)[1]

    def score(
        self, state: PerClassState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, PerClassState]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        rows, positions = ids_BT.shape
        lengths_B = np.full(rows, positions) if lengths is None else np.asarray(lengths, dtype=np.int64)
        log_p_KBT, after = np.zeros((len(self._own), rows, positions)), []
        for k, (part, now) in enumerate(zip(self.parts, state.parts, strict=True)):
            rows_X = np.flatnonzero(np.isfinite(state.origin_BK[:, k]))
            if len(rows_X):
                log_p_KBT[k, rows_X], read = part.score(
                    _of(now, rows_X), np.ascontiguousarray(ids_BT[rows_X]), lengths_B[rows_X]
                )
                now = _with(now, rows_X, read)
            after.append(now)
        log_p_BT, log_share_BK = np.zeros((rows, positions)), state.log_share_BK.copy()
        closing_BT = np.ascontiguousarray(ids_BT == self.vocabulary_size - 1)
        _mix(log_p_KBT, closing_BT, lengths_B, state.origin_BK, log_share_BK, log_p_BT)
        return log_p_BT, PerClassState(tuple(after), log_share_BK, state.origin_BK)

    def tensors(self) -> Tensors:
        """Return those of all models, and how many documents each part had."""
        tensors: Tensors = {"documents": self._documents_K}
        for name, model in self._named():
            tensors |= {f"{name}.{key}": tensor for key, tensor in model.tensors().items()}
        return tensors

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose `tensors` these are."""
        self._documents_K = np.array(tensors["documents"])
        for name, model in self._named():
            lead = f"{name}."
            model.restore({key[len(lead) :]: one for key, one in tensors.items() if key.startswith(lead)})

    def limit_memory(self, limit: int, folder: Path) -> None:
        """Learn within that many bytes, shared equally by all models; UsageError where they are too few."""
        bounded = [model for _, model in self._named() if isinstance(model, Bounded)]
        for model in bounded:
            try:
                model.limit_memory(limit // len(bounded), folder)
            except UsageError as error:
                raise UsageError(f"{error}, for each of {len(bounded)} models of labels") from error

    def _named(self) -> Iterator[tuple[str, LanguageModel]]:
        return ((f"part_{k}", own) for k, own in enumerate(self._own))

    def _registered(
        self, documents: int, condition: Condition | None, learnt: Iterable[int] | None = None
    ) -> list[tuple[int, ...]]:
        """Return the parts that learn each document, and count those that are learnt as theirs."""
        if condition is None or len(condition) != documents:
            raise UsageError("a model for each label learns from labelled documents; give each its label")
        found = [self._parts_of(source) for source in condition]
        for place in range(documents) if learnt is None else learnt:
            readers = self._readers(found[place], len(condition[place]))
            self._documents_K[readers] += 1 / len(readers)
        return found

    def _parts_of(self, source: Ids) -> tuple[int, ...]:
        """Return the parts that learn a document of these labels; UsageError for unfit ones."""
        labels = source.tolist()
        unfit = [label for label in labels if not 0 <= label < self._labels]
        if unfit:
            raise UsageError(f"a label must be 0 to {self._labels - 1}, got {unfit[0]}")
        if not self._multiple:
            if len(labels) != 1:
                raise UsageError(f"a document has one label, got {len(labels)}: these labels exclude another")
            return (labels[0],)
        if len(set(labels)) < len(labels):
            raise UsageError(f"a document has a label once, got {labels}")
        without = (self._labels + label for label in range(self._labels) if label not in labels)
        return (*labels, *without)

    def _readers(self, parts: tuple[int, ...], labels: int) -> list[int]:
        """Return which of a document's parts read it: those of its labels, where it has none all without."""
        return list(parts[:labels] or parts)

    def _may(self, rows: int, condition: Condition) -> Flags:
        """Return may_BK: which parts read a document of these labels."""
        if len(condition) != rows:
            raise UsageError(f"a condition needs labels for each row: {rows} rows, got {len(condition)}")
        may_BK = np.zeros((rows, len(self._own)), dtype=bool)
        for may_K, source in zip(may_BK, condition, strict=True):
            may_K[self._readers(self._parts_of(source), len(source))] = True
        return may_BK


def _of(state: State, rows_X: NDArray[np.int64]) -> State:
    """Return the state of these rows; of all of them as it is."""
    return state if len(rows_X) == states.count_rows(state) else states.select(state, rows_X)


def _with(state: State, rows_X: NDArray[np.int64], read: State) -> State:
    """Return the state with these rows replaced."""
    rows = states.count_rows(state)
    if len(rows_X) == rows:
        return read
    places_B = np.arange(rows)
    places_B[rows_X] = rows + np.arange(len(rows_X))
    return states.select(states.concatenate([state, read]), places_B)


@kernel
def _mix(
    log_p_KBT: Any, closing_BT: Any, lengths_B: Any, origin_BK: Any, log_share_BK: Any, log_p_BT: Any
) -> None:
    """Fill log_p_BT with the mixture's, and change log_share_BK symbol by symbol by Bayes' rule."""
    parts, rows, _ = log_p_KBT.shape
    for b in range(rows):
        for t in range(lengths_B[b]):
            most = -np.inf
            for k in range(parts):
                log_share_BK[b, k] += log_p_KBT[k, b, t]
                most = max(most, log_share_BK[b, k])
            total = 0.0
            for k in range(parts):
                total += np.exp(log_share_BK[b, k] - most)
            log_p_BT[b, t] = most + np.log(total)
            for k in range(parts):
                log_share_BK[b, k] -= log_p_BT[b, t]
                if closing_BT[b, t]:
                    log_share_BK[b, k] = origin_BK[b, k]
