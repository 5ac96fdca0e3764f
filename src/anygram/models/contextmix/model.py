"""The language model that context mixing is, and the reader that goes on learning.

Axes: B rows, T positions, V vocabulary, N numbers of a row or symbols of a stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from anygram.conditioning import refuse
from anygram.errors import RunError, UsageError
from anygram.models.contextmix import choosing, contexts, explaining, reading, tables
from anygram.models.contextmix.choosing import LONGEST_RECORD, Kind, Size
from anygram.models.contextmix.contexts import Numbers
from anygram.models.contextmix.soundness import require_sound
from anygram.models.contextmix.tables import Tables
from anygram.protocols import Condition, FloatArray, Ids, Lengths, Tensors

_MOST_SYMBOLS = 1 << 20
_LEAST_BITS, _MOST_BITS = 8, 26
_MEMORY: dict[str, int] = {"fast": 256 << 20, "strong": 1400 << 20}
_ROOM = 1 << 16


@dataclass(frozen=True)
class Config:
    """`size`: few contexts or many; `kind`: which (by "auto", those that suit the data that it sees first).

    `period`: symbols of a record where the kind is "records"; `memory`: at most about so many bytes
    (0: 256 MB fast, 1.4 GB strong).
    """

    size: Size = "fast"
    kind: Kind = "auto"
    period: int = 0
    memory: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.period <= LONGEST_RECORD:
            raise UsageError(f"period must be from 0 to {LONGEST_RECORD}, got {self.period}")
        if self.memory < 0:
            raise UsageError(f"memory must be 0 or more bytes, got {self.memory}")

    def bits(self, contexts: int) -> int:
        """Return the logarithm of the most buckets that fit into the memory; UsageError if too few do."""
        memory = self.memory or _MEMORY[self.size]
        fitting = [b for b in range(_LEAST_BITS, _MOST_BITS + 1) if tables.nbytes(contexts, b) <= memory]
        if not fitting:
            least = tables.nbytes(contexts, _LEAST_BITS)
            raise UsageError(f"memory must be at least {least:,} bytes here, got {memory:,}")
        return fitting[-1]


class ContextMix:
    """Context mixing frozen where learning stopped; the state is each row's numbers, numbers_BN."""

    reproducible = True

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        if vocabulary_size > _MOST_SYMBOLS:
            raise UsageError(
                f"contextmix spells at most {_MOST_SYMBOLS:,} symbols, got {vocabulary_size:,}; "
                "use a smaller vocabulary, or bytes"
            )
        self.config = config
        self.vocabulary_size = vocabulary_size
        period = config.period if config.kind == "records" else 0
        self._begin_N = contexts.beginning(vocabulary_size, period)
        self._learning_N = self._begin_N.copy()
        self._tables = self._allocate()

    def limit_memory(self, limit: int, folder: Path) -> None:
        """Learn within that many bytes; no files are used. UsageError where they are too few."""
        self.config = replace(self.config, memory=limit)
        self._tables = self._allocate()

    def learn(self, ids_N: Ids) -> FloatArray:
        """Read a stream of documents, each closed by its boundary, and learn; return log_p_N before that."""
        log_p_N = np.empty(len(ids_N))
        reading.learn_symbols(self._tables, self._learning_N, _ids(ids_N), self._begin_N, log_p_N)
        return log_p_N

    def finish(self) -> Mapping[str, Any]:
        """Return how many symbols were learnt."""
        return {"learnt": int(self._tables.clock[0])}

    def start(self, rows: int, condition: Condition | None = None) -> Numbers:
        """Return the state after the boundary; a condition is refused (UsageError)."""
        refuse(condition, "contextmix")
        return np.tile(self._begin_N, (rows, 1))

    def predict(self, state: Numbers) -> FloatArray:
        """Return log_p_BV in nats."""
        log_p_BV = np.empty((len(state), self.vocabulary_size))
        reading.predict_rows(self._tables, state, self._begin_N, log_p_BV)
        return log_p_BV

    def advance(self, state: Numbers, ids_BT: Ids, lengths: Lengths | None = None) -> Numbers:
        """Return the state after these ids."""
        after = state.copy()
        reading.advance_rows(self._tables, after, _ids(ids_BT), _lengths(ids_BT, lengths), self._begin_N)
        return after

    def score(
        self, state: Numbers, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, Numbers]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        after, log_p_BT = state.copy(), np.zeros(ids_BT.shape)
        lengths_B = _lengths(ids_BT, lengths)
        reading.score_rows(self._tables, after, _ids(ids_BT), lengths_B, self._begin_N, log_p_BT)
        return log_p_BT, after

    @property
    def names(self) -> list[str]:
        """What the contexts are called, and the matches."""
        return explaining.names(self._tables.contexts_C)

    def shares(self, state: Numbers, ids_BT: Ids) -> FloatArray:
        """Return each context's share of each symbol as share_BTM, at least 0 and in sum 1."""
        share_BTM = np.zeros((*ids_BT.shape, len(self.names)))
        for numbers_N, ids_T, share_TM in zip(state.copy(), _ids(ids_BT), share_BTM, strict=True):
            explaining.share_symbols(self._tables, numbers_N, ids_T, self._begin_N, share_TM)
        return share_BTM

    def tensors(self) -> Tensors:
        """Return what was learnt, and where learning stands in its document."""
        return tables.to_tensors(self._tables) | {
            "numbers": self._learning_N,
            "memory": np.array(self.config.memory, dtype=np.int64),
            "hashing": np.array(contexts.HASHING, dtype=np.int64),
        }

    def restore(self, tensors: Tensors) -> None:
        """Become the model of these `tensors`; RunError where they are damaged or hashed in another way."""
        if int(tensors["hashing"]) != contexts.HASHING:
            raise RunError(
                f"contexts were hashed by way {tensors['hashing']}, known is {contexts.HASHING}; train again"
            )
        self.config = replace(self.config, memory=int(tensors["memory"]))
        self._tables = self._allocate()
        require_sound(tensors, self._tables)
        tables.fill(self._tables, tensors)
        self._learning_N = tensors["numbers"].copy()

    def reader(self) -> Reader:
        """Return a session that goes on learning in tables of its own."""
        learnt = self._tables.clock[0] > 0
        own = tables.copied(self._tables) if learnt else self._allocate()
        return Reader(own, self._begin_N, self.vocabulary_size)

    def _allocate(self) -> Tables:
        contexts_C = choosing.chosen(self.config.kind, self.config.size, self.vocabulary_size)
        bits = self.config.bits(len(contexts_C))
        mixers = choosing.MIXERS[self.config.size]
        return tables.allocate(contexts_C, self.vocabulary_size, bits, mixers)


class Reader:
    """A session of context mixing: every symbol is learnt once it was predicted, in the kernel."""

    reproducible = True

    def __init__(self, own: Tables, begin_N: Numbers, vocabulary_size: int) -> None:
        self._tables = own
        self._begin_N = begin_N
        self._numbers_N = begin_N.copy()
        self._vocabulary_size = vocabulary_size

    def log_p(self) -> FloatArray:
        """Return log_p_V in nats."""
        log_p_BV = np.empty((1, self._vocabulary_size))
        reading.predict_rows(self._tables, self._numbers_N[None], self._begin_N, log_p_BV)
        log_p_V: FloatArray = log_p_BV[0]
        return log_p_V

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log_p_T in nats of these ids, each before it was learnt."""
        log_p_T = np.empty(len(ids_T))
        reading.learn_symbols(self._tables, self._numbers_N, _ids(ids_T), self._begin_N, log_p_T)
        return log_p_T

    def distribute(self, ids_T: Ids) -> FloatArray:
        """Return log_p_TV: what may come at each place, before its id is read and learnt."""
        log_p_TV = np.empty((len(ids_T), self._vocabulary_size))
        reading.distribute_symbols(self._tables, self._numbers_N, _ids(ids_T), self._begin_N, log_p_TV)
        return log_p_TV

    def copy(self) -> Reader:
        """Return a session that goes on from here on its own."""
        copied = Reader(tables.copied(self._tables), self._begin_N, self._vocabulary_size)
        copied._numbers_N = self._numbers_N.copy()
        return copied

    def encode(self, ids_N: Ids) -> bytes:
        """Return a code of these ids, and learn them."""
        coder, done, code = _coder(), 0, bytearray()
        while done < len(ids_N):
            piece = np.empty(_ROOM, dtype=np.uint8)
            coder[reading.AT] = 0
            done += reading.encode_symbols(
                self._tables, self._numbers_N, _ids(ids_N[done:]), self._begin_N, coder, piece
            )
            code += piece[: coder[reading.AT]].tobytes()
        if coder[reading.LOW] > 0:
            code.append((int(coder[reading.LOW]) >> 24) + 1)  # what follows it may be read as zeros
        return bytes(code)

    def decode(self, code: bytes, symbols: int) -> Ids:
        """Return the ids whose code this is, and learn them."""
        coder, ids_N = _coder(), np.empty(symbols, dtype=np.int32)
        coder[reading.VALUE] = int.from_bytes(code[:4].ljust(4, b"\0"), "big")
        coder[reading.AT] = 4
        code_N = np.frombuffer(code, dtype=np.uint8).copy()
        reading.decode_symbols(self._tables, self._numbers_N, ids_N, self._begin_N, coder, code_N)
        return ids_N


def _coder() -> Numbers:
    coder = np.zeros(4, dtype=np.int64)
    coder[reading.HIGH] = 0xFFFFFFFF
    return coder


def _ids(ids: Ids) -> Ids:
    """Return ids as the kernels are compiled for."""
    return np.ascontiguousarray(ids, dtype=np.int32)


def _lengths(ids_BT: Ids, lengths: Lengths | None) -> Numbers:
    if lengths is None:
        return np.full(len(ids_BT), ids_BT.shape[1], dtype=np.int64)
    return np.asarray(lengths, dtype=np.int64)
