"""A small right model, and wrong ones made from it, each with the one mistake that its docstring names.

Axes: B rows, T positions, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from anygram.conditioning import refuse
from anygram.information import log_softmax
from anygram.protocols import Condition, FloatArray, Ids, Lengths, Tensors

DECAY = 0.5


@dataclass(frozen=True)
class Memory:
    """Each symbol's count since the boundary, fading."""

    trace_BV: FloatArray


class Fading:
    """P(next) = softmax(trace W + b), with a trace of what was read that halves at every step. Right."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        self.vocabulary_size = vocabulary_size
        generator = np.random.default_rng(seed)
        self.weight_VV = generator.normal(size=(vocabulary_size, vocabulary_size))
        self.bias_V: FloatArray = generator.normal(size=vocabulary_size)

    def start(self, rows: int, condition: Condition | None = None) -> Memory:
        refuse(condition, "fading")
        return Memory(np.zeros((rows, self.vocabulary_size)))

    def predict(self, state: Memory) -> FloatArray:
        return log_softmax(state.trace_BV @ self.weight_VV + self.bias_V)

    def advance(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> Memory:
        for t in range(ids_BT.shape[1]):
            reads_B = np.full(len(ids_BT), True) if lengths is None else t < lengths
            read_BV = self.step(state.trace_BV, ids_BT[:, t])
            state = Memory(np.where(reads_B[:, None], read_BV, state.trace_BV))
        return state

    def step(self, trace_BV: FloatArray, ids_B: Ids) -> FloatArray:
        after_BV = DECAY * trace_BV + np.eye(self.vocabulary_size)[ids_B]
        after_BV[ids_B == self.vocabulary_size - 1] = 0.0
        return after_BV

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        log_p_BT = np.zeros(ids_BT.shape)
        for t in range(ids_BT.shape[1]):
            reads_B = np.full(len(ids_BT), True) if lengths is None else t < lengths
            said_B = self.predict(state)[np.arange(len(ids_BT)), ids_BT[:, t]]
            log_p_BT[:, t] = np.where(reads_B, said_B, 0.0)
            state = self.advance(state, ids_BT[:, t : t + 1], reads_B.astype(np.int64))
        return log_p_BT, state

    def tensors(self) -> Tensors:
        return {"weight": self.weight_VV, "bias": self.bias_V}

    def restore(self, tensors: Tensors) -> None:
        self.weight_VV, self.bias_V = tensors["weight"], tensors["bias"]


class Unnormalised(Fading):
    """Forgets the denominator of the softmax."""

    def predict(self, state: Memory) -> FloatArray:
        return state.trace_BV @ self.weight_VV + self.bias_V


class Impossible(Fading):
    """Gives the symbol just read no probability at all."""

    def predict(self, state: Memory) -> FloatArray:
        return np.where(state.trace_BV < 1, super().predict(state), -np.inf)


class OffByOne(Fading):
    """Scores each symbol before it has heard of the one before it."""

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        boundary_B1 = np.full((len(ids_BT), 1), self.vocabulary_size - 1, dtype=np.int32)
        late_BT = np.concatenate([boundary_B1, ids_BT[:, :-1]], axis=1)
        log_p_BT = np.zeros(ids_BT.shape)
        for t in range(ids_BT.shape[1]):
            reads_B = np.full(len(ids_BT), True) if lengths is None else t < lengths
            said_B = self.predict(self.advance(state, late_BT[:, :t]))[np.arange(len(ids_BT)), ids_BT[:, t]]
            log_p_BT[:, t] = np.where(reads_B, said_B, 0.0)
        return log_p_BT, self.advance(state, ids_BT, lengths)


class LeakedFuture(Fading):
    """Scores each symbol knowing the next one: a mask that is one position too wide."""

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        log_p_BT, after = super().score(state, ids_BT, lengths)
        log_p_BT[:, :-1] += 0.01 * ids_BT[:, 1:] * (log_p_BT[:, :-1] < 0)
        return log_p_BT, after


class LostContext(Fading):
    """Begins every call to `score` with an empty memory."""

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        return super().score(self.start(len(ids_BT)), ids_BT, lengths)


class MutatedState(Fading):
    """Reads into the very array that it was given."""

    def advance(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> Memory:
        state.trace_BV[...] = super().advance(state, ids_BT, lengths).trace_BV
        return state


class LentTable(Fading):
    """Hands out its own table of predictions, which a caller may write to."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        super().__init__(vocabulary_size, seed)
        self.predicted: dict[bytes, FloatArray] = {}

    def predict(self, state: Memory) -> FloatArray:
        return self.predicted.setdefault(state.trace_BV.tobytes(), super().predict(state))


@dataclass(frozen=True)
class Read:
    """All ids read so far, in a buffer with room for more; it answers for itself, as such caches do."""

    ids_BT: Ids
    length_B: Lengths

    def select_rows(self, rows: NDArray[np.int64]) -> Read:
        return Read(self.ids_BT[rows], self.length_B[rows])

    def concatenate_rows(self, others: Sequence[Read]) -> Read:
        parts = [self, *others]
        ids_BT = np.concatenate([part.ids_BT for part in parts])
        return Read(ids_BT, np.concatenate([part.length_B for part in parts]))

    def count_rows(self) -> int:
        return len(self.ids_BT)

    @property
    def nbytes(self) -> int:
        return self.ids_BT.nbytes + self.length_B.nbytes


class Cached(Fading):
    """Remembers all it has read and reads it again to predict. Right."""

    def start(self, rows: int, condition: Condition | None = None) -> Any:
        refuse(condition, "cached")
        return Read(np.zeros((rows, 64), dtype=np.int32), np.zeros(rows, dtype=np.int64))

    def predict(self, state: Any) -> FloatArray:
        nothing = super().start(len(state.ids_BT))
        return super().predict(super().advance(nothing, state.ids_BT, state.length_B))

    def advance(self, state: Any, ids_BT: Ids, lengths: Lengths | None = None) -> Any:
        lengths = np.full(len(ids_BT), ids_BT.shape[1], dtype=np.int64) if lengths is None else lengths
        buffer_BT = self.room(state.ids_BT)
        for row, (first, length) in enumerate(zip(state.length_B, lengths, strict=True)):
            buffer_BT[row, first : first + length] = ids_BT[row, :length]
        return Read(buffer_BT, state.length_B + lengths)

    def room(self, buffer_BT: Ids) -> Ids:
        return buffer_BT.copy()


class SharedCache(Cached):
    """Writes into one buffer that all forks of a state share."""

    def room(self, buffer_BT: Ids) -> Ids:
        return buffer_BT


class MixedRows(Fading):
    """Centres its memory over the batch."""

    def predict(self, state: Memory) -> FloatArray:
        return super().predict(Memory(state.trace_BV - state.trace_BV.mean(axis=0)))


class ReadPadding(Fading):
    """Reads the padding of short rows like text."""

    def advance(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> Memory:
        return super().advance(state, ids_BT)


class ScoredPadding(Fading):
    """Gives padding a log-probability, which a sum over the array then counts."""

    def score(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Memory]:
        return super().score(state, ids_BT)[0], self.advance(state, ids_BT, lengths)


class RestlessState(Fading):
    """Lets time pass with every call, whether or not anything was read."""

    def advance(self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None) -> Memory:
        return Memory(0.9 * super().advance(state, ids_BT, lengths).trace_BV)


class RowsByPlace(Fading):
    """Keeps something of each row in the model, by its place in the batch: a selected row gets another's."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        super().__init__(vocabulary_size, seed)
        self.bias_BV = np.random.default_rng(seed).normal(size=(16, vocabulary_size))

    def predict(self, state: Memory) -> FloatArray:
        return log_softmax(super().predict(state) + self.bias_BV[: len(state.trace_BV)])


class RunOn(Fading):
    """Reads the boundary as just another symbol, so that one document runs on into the next."""

    def step(self, trace_BV: FloatArray, ids_B: Ids) -> FloatArray:
        return DECAY * trace_BV + np.eye(self.vocabulary_size)[ids_B]


class DropoutLeftOn(Fading):
    """Forgets a random part of its memory each time it is asked."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        super().__init__(vocabulary_size, seed)
        self.generator = np.random.default_rng(seed)

    def predict(self, state: Memory) -> FloatArray:
        return super().predict(Memory(state.trace_BV * self.generator.integers(0, 2, state.trace_BV.shape)))


class ForgottenTensor(Fading):
    """Stores its weights without the bias."""

    def tensors(self) -> Tensors:
        return {"weight": self.weight_VV}

    def restore(self, tensors: Tensors) -> None:
        self.weight_VV = tensors["weight"]


class IgnoredCondition(Fading):
    """Accepts a condition and never looks at it."""

    def start(self, rows: int, condition: Condition | None = None) -> Memory:
        return super().start(rows)


class Told(Fading):
    """Begins with its condition's symbols in memory. Right."""

    def start(self, rows: int, condition: Condition | None = None) -> Any:
        sources = condition if condition is not None else [np.empty(0, dtype=np.int32)] * rows
        origin_BV = np.zeros((rows, self.vocabulary_size))
        for trace_V, source in zip(origin_BV, sources, strict=True):
            for place, symbol in enumerate(reversed(source)):
                trace_V[symbol % self.vocabulary_size] += DECAY**place
        return Conditioned(origin_BV, origin_BV)

    def step(self, trace_BV: FloatArray, ids_B: Ids) -> FloatArray:
        return DECAY * trace_BV + np.eye(self.vocabulary_size)[ids_B]

    def advance(self, state: Any, ids_BT: Ids, lengths: Lengths | None = None) -> Any:
        for t in range(ids_BT.shape[1]):
            reads_B = np.full(len(ids_BT), True) if lengths is None else t < lengths
            closes_B1 = (ids_BT[:, t] == self.vocabulary_size - 1)[:, None]
            read_BV = np.where(closes_B1, state.origin_BV, self.step(state.trace_BV, ids_BT[:, t]))
            state = Conditioned(np.where(reads_B[:, None], read_BV, state.trace_BV), state.origin_BV)
        return state


@dataclass(frozen=True)
class Conditioned(Memory):
    """A memory, and where a boundary leads back to."""

    origin_BV: FloatArray


class ForgottenCondition(Told):
    """Past a boundary its condition is gone."""

    def advance(self, state: Any, ids_BT: Ids, lengths: Lengths | None = None) -> Any:
        return super().advance(Conditioned(state.trace_BV, np.zeros_like(state.origin_BV)), ids_BT, lengths)


class OneForAll(Told):
    """Gives every row the first row's condition."""

    def start(self, rows: int, condition: Condition | None = None) -> Any:
        return super().start(rows, None if condition is None else [condition[0]] * rows)


class Ranking(Fading):
    """Ranks symbols as it predicts them. Right."""

    def rank(
        self, state: Memory, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], Memory]:
        rank_BT = np.zeros(ids_BT.shape, dtype=np.int64)
        for t in range(ids_BT.shape[1]):
            log_p_BV = self.predict(self.advance(state, ids_BT[:, :t]))
            rank_BT[:, t] = self.order(log_p_BV).argsort(axis=1)[np.arange(len(ids_BT)), ids_BT[:, t]]
        log_p_BT, after = self.score(state, ids_BT, lengths)
        return log_p_BT, rank_BT, after

    def order(self, log_p_BV: FloatArray) -> NDArray[np.int64]:
        return np.argsort(-log_p_BV, axis=1, kind="stable")


class RankedBackwards(Ranking):
    """Settles ties by the higher id; its bias makes every other symbol tie."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        super().__init__(vocabulary_size, seed)
        self.weight_VV = np.zeros((vocabulary_size, vocabulary_size))
        self.bias_V = np.arange(vocabulary_size) % 2.0

    def order(self, log_p_BV: FloatArray) -> NDArray[np.int64]:
        return self.vocabulary_size - 1 - np.argsort(-log_p_BV[:, ::-1], axis=1, kind="stable")


class Spread(Fading):
    """Gives whole distributions along a text. Right."""

    read_before = 0

    def distribute(self, state: Memory, ids_BT: Ids) -> tuple[FloatArray, Memory]:
        log_p_BTV = np.zeros((*ids_BT.shape, self.vocabulary_size))
        for t in range(ids_BT.shape[1]):
            log_p_BTV[:, t] = self.predict(self.advance(state, ids_BT[:, : t + self.read_before]))
        return log_p_BTV, self.advance(state, ids_BT)


class SpreadLate(Spread):
    """Gives at each place the distribution after its symbol."""

    read_before = 1


class Counting(Fading):
    """Learns how often symbols are; its bias is the logarithm of counts plus one. Right."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        super().__init__(vocabulary_size, seed)
        self.weight_VV = np.zeros((vocabulary_size, vocabulary_size))
        self.count_V = np.ones(vocabulary_size)

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        refuse(condition, "counting")
        documents = np.split(ids_N, np.cumsum(document_lengths)[:-1])
        prefixes = [0] * len(documents) if prefix_lengths is None else prefix_lengths
        for document, prefix in zip(documents, prefixes, strict=True):
            np.add.at(self.count_V, document[prefix:], 1)

    def finish(self) -> Mapping[str, Any]:
        self.bias_V = np.log(self.count_V)
        return {}


class LastPieceOnly(Counting):
    """Forgets what it has counted when it is given more."""

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        self.count_V = np.ones(self.vocabulary_size)
        super().count(ids_N, document_lengths, condition, prefix_lengths)


class LearntPrefix(Counting):
    """Counts the prefix too."""

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        super().count(ids_N, document_lengths, condition)


class Learning(Fading):
    """Has a training loss. Right."""

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: Memory | None = None,
        condition: Condition | None = None,
    ) -> tuple[torch.Tensor, Memory]:
        refuse(condition, "learning")
        log_p_BT, after = self.score(self.start(len(ids_BT)) if state is None else state, ids_BT)
        total = max(float(weights_BT.sum()), 1e-9)
        return torch.tensor(-(weights_BT * log_p_BT).sum() / total), after

    def module(self) -> torch.nn.Module:
        return torch.nn.Identity()


class LearntPadding(Learning):
    """Takes the mean over all positions, whatever their weight."""

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: Memory | None = None,
        condition: Condition | None = None,
    ) -> tuple[torch.Tensor, Memory]:
        return super().loss(ids_BT, np.ones(ids_BT.shape), state, condition)


class LostCarry(Learning):
    """Begins every block with an empty memory."""

    def loss(
        self,
        ids_BT: Ids,
        weights_BT: FloatArray,
        state: Memory | None = None,
        condition: Condition | None = None,
    ) -> tuple[torch.Tensor, Memory]:
        return super().loss(ids_BT, weights_BT, None, condition)


class ReadOnce(Fading):
    """Learns each symbol's bias once it was read. Right."""

    def __init__(self, vocabulary_size: int, seed: int) -> None:
        super().__init__(vocabulary_size, seed)
        self._now = self.start(1)

    def learn(self, ids_N: Ids) -> FloatArray:
        return np.array([self._read(symbol) for symbol in ids_N])

    def finish(self) -> Mapping[str, Any]:
        return {}

    def _read(self, symbol: np.int32) -> float:
        log_p = float(self.predict(self._now)[0, symbol])
        self._now = self.advance(self._now, np.array([[symbol]], dtype=np.int32))
        self.bias_V = self.bias_V + 0.1 * np.eye(self.vocabulary_size)[symbol]
        return log_p


class ReadByThePiece(ReadOnce):
    """Learns nothing of a piece of the stream before its end."""

    def learn(self, ids_N: Ids) -> FloatArray:
        before_V = self.bias_V
        log_p_N = np.zeros(len(ids_N))
        for place, symbol in enumerate(ids_N):
            self.bias_V, learnt_V = before_V, self.bias_V
            log_p_N[place] = self._read(symbol)
            self.bias_V = learnt_V + self.bias_V - before_V
        return log_p_N
