"""Symbols to a code and back by what a model predicts: one path for both ends, step by step.

Axes: B rows, T steps, V vocabulary, N symbols of a block.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from anygram.protocols import Coding, FloatArray, Ids, LanguageModel, Reader
from anygram.tasks.compression.circumstances import is_reproducible
from anygram.tasks.compression.ranges import Decoder, Encoder

Tell = Callable[[float], None]
"""Told which share of a block is done."""

SYMBOLS_OF_A_ROW = 1 << 13
"""What is not reproducible, as networks, reads so long rows side by side: beginning each costs little."""
_WARMING_SYMBOLS = 256
"""How many symbols at the beginning of a row are taken to miss what stands before, and how many of that."""

_STEPS_BETWEEN_TELLS = 256


@dataclass(frozen=True)
class Coded:
    """A block's code, its rows, −log P of its symbols and what beginning rows cold cost, in nats.

    `nats` is None where a reader coded by itself.
    """

    code: bytes
    rows: int = 1
    nats: float | None = None
    cold_nats: float = 0.0


class Coder(Protocol):
    """Codes blocks in order, each as the other end decodes it."""

    def encode(self, ids_N: Ids, tell: Tell) -> Coded:
        """Return a code of these symbols."""
        ...

    def decode(self, code: bytes, symbols: int, rows: int, tell: Tell) -> Ids:
        """Return that many symbols of a code; a wrong code gives wrong ones."""
        ...

    def read(self, ids_N: Ids) -> None:
        """Take note of symbols that both ends know without a code."""
        ...


class Static:
    """By a model that does not learn; every block begins anew, its rows side by side in one batch."""

    def __init__(self, model: LanguageModel, rows: int | None = None) -> None:
        """`rows`: in how many a block is cut; None for one, and with what is slow for as many as suit it."""
        self._model, self._rows = model, rows

    def encode(self, ids_N: Ids, tell: Tell) -> Coded:
        rows = self.rows_for(len(ids_N))
        lengths_B = _lengths(len(ids_N), rows)
        ids_BT = np.zeros((rows, lengths_B[0]), dtype=np.int32)
        ids_BT[np.arange(lengths_B[0]) < lengths_B[:, None]] = ids_N
        nats_BT = np.zeros(ids_BT.shape)
        encoder = Encoder()

        def push(log_p_BV: FloatArray, step: int) -> Ids:
            ids_B: Ids = ids_BT[: len(log_p_BV), step]
            encoder.push(log_p_BV, ids_B)
            nats_BT[: len(log_p_BV), step] = -log_p_BV[np.arange(len(log_p_BV)), ids_B]
            return ids_B

        self._walk(lengths_B, push, tell)
        cold_nats = _cold_nats(self._model, ids_N, lengths_B, nats_BT)
        return Coded(encoder.finish(), rows, float(nats_BT.sum()), cold_nats)

    def decode(self, code: bytes, symbols: int, rows: int, tell: Tell) -> Ids:
        lengths_B = _lengths(symbols, rows)
        ids_BT = np.zeros((rows, lengths_B[0]), dtype=np.int32)
        decoder = Decoder(code)

        def pull(log_p_BV: FloatArray, step: int) -> Ids:
            ids_B = decoder.pull(log_p_BV)
            ids_BT[: len(log_p_BV), step] = ids_B
            return ids_B

        self._walk(lengths_B, pull, tell)
        ids_N: Ids = ids_BT[np.arange(lengths_B[0]) < lengths_B[:, None]]
        return ids_N

    def read(self, ids_N: Ids) -> None:
        """Nothing is learnt."""

    def _walk(self, lengths_B: Ids, exchange: Callable[[FloatArray, int], Ids], tell: Tell) -> None:
        """Let `exchange` turn the distributions of each step into symbols, and read these.

        Both ends call the model here and nowhere else, with batches of the same shapes, so that it
        computes the same. A row that has ended reads symbol 0 until all have.
        """
        state = self._model.start(len(lengths_B))
        for step in range(lengths_B[0]):
            going = int(np.count_nonzero(lengths_B > step))
            read_B = np.zeros(len(lengths_B), dtype=np.int32)
            read_B[:going] = exchange(self._model.predict(state)[:going], step)
            state = self._model.advance(state, read_B[:, None])
            if step % _STEPS_BETWEEN_TELLS == 0:
                tell(step / int(lengths_B[0]))

    def rows_for(self, symbols: int) -> int:
        if self._rows is None:
            return 1 if is_reproducible(self._model) else max(1, -(-symbols // SYMBOLS_OF_A_ROW))
        return max(1, min(self._rows, symbols))


class Learning:
    """By a reader, one row: each symbol is coded, then learnt."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def encode(self, ids_N: Ids, tell: Tell) -> Coded:
        encoder, nats = Encoder(), 0.0
        for place, symbol in enumerate(ids_N):
            log_p_V = self._reader.log_p()
            encoder.push(log_p_V[None], ids_N[place : place + 1])
            nats -= float(log_p_V[symbol])
            self._reader.read(ids_N[place : place + 1])
            if place % _STEPS_BETWEEN_TELLS == 0:
                tell(place / len(ids_N))
        return Coded(encoder.finish(), nats=nats)

    def decode(self, code: bytes, symbols: int, rows: int, tell: Tell) -> Ids:
        decoder = Decoder(code)
        ids_N = np.empty(symbols, dtype=np.int32)
        for place in range(symbols):
            ids_N[place : place + 1] = decoder.pull(self._reader.log_p()[None])
            self._reader.read(ids_N[place : place + 1])
            if place % _STEPS_BETWEEN_TELLS == 0:
                tell(place / symbols)
        return ids_N

    def read(self, ids_N: Ids) -> None:
        self._reader.read(ids_N)


class ByItself:
    """By a reader that codes by itself."""

    def __init__(self, reader: Coding) -> None:
        self._reader = reader

    def encode(self, ids_N: Ids, tell: Tell) -> Coded:
        return Coded(self._reader.encode(ids_N))

    def decode(self, code: bytes, symbols: int, rows: int, tell: Tell) -> Ids:
        return self._reader.decode(code, symbols)

    def read(self, ids_N: Ids) -> None:
        self._reader.read(ids_N)


def adaptive(reader: Reader) -> Coder:
    """Return a coder that learns what it codes, as the reader does."""
    return ByItself(reader) if isinstance(reader, Coding) else Learning(reader)


def _lengths(symbols: int, rows: int) -> Ids:
    """Return how long each row is: equal, but for one symbol more in the first ones."""
    lengths_B = np.full(rows, symbols // rows, dtype=np.int32)
    lengths_B[: symbols % rows] += 1
    return lengths_B


def _cold_nats(model: LanguageModel, ids_N: Ids, lengths_B: Ids, nats_BT: FloatArray) -> float:
    """Return what the first symbols of rows cost above what they would after the end of the row before."""
    if len(lengths_B) == 1:
        return 0.0
    taken = min(int(lengths_B[-1]), _WARMING_SYMBOLS)
    starts_B1 = np.cumsum(lengths_B)[:-1, None]
    state = model.advance(model.start(len(starts_B1)), ids_N[starts_B1 + np.arange(-taken, 0)])
    warm_BT, _ = model.score(state, ids_N[starts_B1 + np.arange(taken)])
    return float(nats_BT[1:, :taken].sum() + warm_BT.sum())
