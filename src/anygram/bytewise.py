"""A model over characters as one over bytes: P(next byte | bytes so far), summed over what they may begin.

A text over `chars` is spelled in one way: a character of the vocabulary is one symbol, any other one is its
bytes. Within a character that some of the vocabulary begin like, two things may be under way: one of those
characters, not known which; or a symbol for each byte, of a character that is not in the vocabulary. Their
probabilities are summed. No third one may: the bytes of a character of the vocabulary one by one are not how
a text is spelled, so what a model gives to the last of them is taken away and the rest normalised, symbol by
symbol. Over whole characters the result is the model's own probability, but for that.

Axes: B rows, T positions, V bytes and the boundary, S the model's symbols, K nodes: beginnings of characters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import states
from anygram.codecs.bytes import BytesCodec
from anygram.codecs.chars import CharsCodec
from anygram.conditioning import refuse
from anygram.distributions import distribute
from anygram.errors import UsageError
from anygram.protocols import (
    Codec,
    Condition,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    State,
    TensorCodec,
    Tensors,
)

BYTES = 256
_SIZE = BYTES + 1
_NOWHERE = 0
"""The node where no character has begun."""
_LEAST = 1e-300


@dataclass(frozen=True)
class BytewiseState:
    """What may be under way in each row.

    `base` is the model's state before the character that has begun, `raw` that after all bytes as symbols;
    `raw_share_B` is the probability of the latter: 1 where nothing else may be.
    """

    base: State
    raw: State
    node_B: NDArray[np.int64]
    raw_share_B: FloatArray


class Bytewise:
    """log P over bytes of a model over bytes and characters; it stays as it is."""

    vocabulary_size = _SIZE

    def __init__(self, model: LanguageModel, spellings: Sequence[bytes]) -> None:
        """`spellings` are those of the model's symbols below its boundary, first of all the 256 bytes."""
        self._model = model
        self._boundary = len(spellings)
        self._beginnings = _Beginnings(spellings)

    def start(self, rows: int, condition: Condition | None = None) -> BytewiseState:
        """Return the state after the boundary; a condition is refused (UsageError)."""
        refuse(condition, "a model over bytes made of one over characters")
        started = self._model.start(rows)
        return BytewiseState(started, started, np.zeros(rows, dtype=np.int64), np.ones(rows))

    def predict(self, state: BytewiseState) -> FloatArray:
        """Return log_p_BV in nats."""
        p_BV: FloatArray = self._from_raw(state)
        begun_B = state.node_B != _NOWHERE
        if begun_B.any():
            rows_X = np.flatnonzero(begun_B)
            share_X1 = state.raw_share_B[rows_X, None]
            p_BV[rows_X] = share_X1 * p_BV[rows_X] + (1 - share_X1) * self._from_base(state, rows_X)
        log_p_BV: FloatArray = np.log(p_BV + _LEAST)
        return log_p_BV

    def advance(self, state: BytewiseState, ids_BT: Ids, lengths: Lengths | None = None) -> BytewiseState:
        """Return the state after these bytes."""
        ends_B = np.full(len(ids_BT), ids_BT.shape[1]) if lengths is None else np.asarray(lengths)
        for t in range(ids_BT.shape[1]):
            rows_X = np.flatnonzero(t < ends_B)
            if len(rows_X) == len(ids_BT):
                state = self._step(state, ids_BT[:, t])
            elif len(rows_X):
                read = self._step(states.select(state, rows_X), ids_BT[rows_X, t])
                place_B = np.arange(len(ids_BT))
                place_B[rows_X] = len(ids_BT) + np.arange(len(rows_X))
                state = states.select(states.concatenate([state, read]), place_B)
        return state

    def score(
        self, state: BytewiseState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, BytewiseState]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        log_p_BTV, after = self.distribute(state, ids_BT)
        ids_BT1 = ids_BT[..., None].astype(np.int64)
        log_p_BT: FloatArray = np.take_along_axis(log_p_BTV, ids_BT1, axis=2)[..., 0]
        if lengths is None:
            return log_p_BT, after
        log_p_BT[np.arange(ids_BT.shape[1]) >= np.asarray(lengths)[:, None]] = 0.0
        return log_p_BT, self.advance(state, ids_BT, lengths)

    def distribute(self, state: BytewiseState, ids_BT: Ids) -> tuple[FloatArray, BytewiseState]:
        """Return log P of every byte at each byte's place as log_p_BTV, and the state after.

        As long as nothing but ASCII is read, a byte is a symbol, and the model is asked at once.
        """
        log_p_BTV = np.empty((*ids_BT.shape, _SIZE))
        plain_T = ((ids_BT < 0x80) | (ids_BT == BYTES)).all(axis=0)
        t = 0
        while t < ids_BT.shape[1]:
            run = _run(plain_T[t:]) if (state.node_B == _NOWHERE).all() else 0
            if run:
                symbols_BT = self._symbols(ids_BT[:, t : t + run])
                log_p_BTS, raw = distribute(self._model, state.raw, symbols_BT)
                log_p_BTV[:, t : t + run] = np.log(self._beginnings.first_bytes(np.exp(log_p_BTS)) + _LEAST)
                state = BytewiseState(raw, raw, state.node_B, state.raw_share_B)
            else:
                run = 1
                log_p_BTV[:, t] = self.predict(state)
                state = self._step(state, ids_BT[:, t])
            t += run
        return log_p_BTV, state

    def tensors(self) -> Tensors:
        """Return the model's."""
        return self._model.tensors()

    def restore(self, tensors: Tensors) -> None:
        """Restore the model."""
        self._model.restore(tensors)

    def _symbols(self, ids: Ids) -> Ids:
        """Return the model's symbols for these bytes, each by itself."""
        symbols: Ids = np.where(ids == BYTES, self._boundary, ids).astype(np.int32)
        return symbols

    def _allowed(self, state: BytewiseState) -> FloatArray:
        """Return P of each symbol after the bytes as symbols, p_BS: none completes a known character."""
        p_BS = np.exp(self._model.predict(state.raw).astype(np.float64))
        for row in np.flatnonzero(state.node_B != _NOWHERE):
            p_BS[row, self._beginnings.completing[state.node_B[row]]] = 0.0
        allowed_BS: FloatArray = p_BS / p_BS.sum(axis=1, keepdims=True)
        return allowed_BS

    def _from_raw(self, state: BytewiseState) -> FloatArray:
        """Return P of each byte, p_BV, if all bytes so far are symbols."""
        return self._beginnings.first_bytes(self._allowed(state))

    def _from_base(self, state: BytewiseState, rows_X: NDArray[np.int64]) -> FloatArray:
        """Return P of each byte, p_XV, if a known character is under way."""
        p_XS = np.exp(self._model.predict(states.select(state.base, rows_X)).astype(np.float64))
        p_XV = np.zeros((len(rows_X), _SIZE))
        for x, node in enumerate(state.node_B[rows_X]):
            symbols, following = self._beginnings.below[node]
            np.add.at(p_XV[x], following, p_XS[x, symbols])
        p_XV = p_XV + _LEAST
        summed_XV: FloatArray = p_XV / p_XV.sum(axis=1, keepdims=True)
        return summed_XV

    def _step(self, state: BytewiseState, ids_B: Ids) -> BytewiseState:
        """Return the state after one byte a row."""
        child_B = self._beginnings.child_KV[state.node_B, ids_B]
        completed_B, continued_B = child_B < 0, (child_B > 0) & (state.node_B != _NOWHERE)
        begun_B = self._beginnings.child_KV[_NOWHERE, ids_B]
        node_B = np.where(continued_B, child_B, np.where(completed_B, _NOWHERE, begun_B))
        symbol_B1 = np.where(completed_B, -child_B, self._symbols(ids_B))[:, None].astype(np.int32)
        # a completed character was under way since the base; else every byte is a symbol
        raw = self._model.advance(_choose(state.raw, state.base, completed_B), symbol_B1)
        if (node_B == _NOWHERE).all():
            return BytewiseState(raw, raw, node_B, np.ones(len(ids_B)))
        base = _choose(state.raw, state.base, continued_B)
        return BytewiseState(base, raw, node_B, self._shares(state, ids_B, continued_B, node_B))

    def _shares(
        self,
        state: BytewiseState,
        ids_B: Ids,
        continued_B: NDArray[np.bool_],
        node_B: NDArray[np.int64],
    ) -> FloatArray:
        """Return how likely each row's bytes, one more than in the state, are symbols of their own."""
        share_B = np.ones(len(ids_B))
        allowed_BS, below = self._allowed(state), self._beginnings.below
        for row in np.flatnonzero(node_B != _NOWHERE):
            raw, symbols = allowed_BS[row, ids_B[row]], below[node_B[row]][0]
            known = allowed_BS[row, symbols].sum()
            if continued_B[row]:
                p_S = np.exp(self._model.predict(states.select(state.base, [int(row)]))[0])
                of_those_before = p_S[symbols].sum() / p_S[below[state.node_B[row]][0]].sum()
                raw = state.raw_share_B[row] * raw
                known = (1 - state.raw_share_B[row]) * of_those_before
            share_B[row] = (raw + _LEAST) / (raw + known + 2 * _LEAST)
        return share_B


class _Beginnings:
    """The beginnings of the characters of a vocabulary, as the nodes of a trie over bytes.

    `child_KV` is the node after one byte more, 0 where there is none, or −symbol where a character ends.
    """

    def __init__(self, spellings: Sequence[bytes]) -> None:
        known = {spelling: symbol for symbol, spelling in enumerate(spellings) if len(spelling) > 1}
        prefixes = sorted({spelling[:end] for spelling in known for end in range(1, len(spelling))})
        nodes = {prefix: node for node, prefix in enumerate(prefixes, 1)}
        self.child_KV = np.zeros((1 + len(nodes), _SIZE), dtype=np.int64)
        for prefix, node in nodes.items():
            self.child_KV[nodes.get(prefix[:-1], _NOWHERE), prefix[-1]] = node
        for spelling, symbol in known.items():
            self.child_KV[nodes[spelling[:-1]], spelling[-1]] = -symbol
        self.completing = [np.flatnonzero(child_V < 0) for child_V in self.child_KV]
        """By node, the bytes that complete a character there."""
        self.below = [(np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int64))]
        """By node, the symbols that begin so, and the byte that is next in each."""
        for prefix in prefixes:
            begun = [(symbol, spelling) for spelling, symbol in known.items() if spelling.startswith(prefix)]
            following = [spelling[len(prefix)] for _, spelling in begun]
            self.below.append((np.array([symbol for symbol, _ in begun]), np.array(following)))
        first_bytes = np.array([spelling[0] for spelling in known], dtype=np.int64)
        symbols = np.array(list(known.values()), dtype=np.int64)
        self._by_first_byte = {int(byte): symbols[first_bytes == byte] for byte in np.unique(first_bytes)}

    def first_bytes(self, p_S: FloatArray) -> FloatArray:
        """Return P of the byte that a symbol begins with, over the last axis; the boundary is itself."""
        p_V = np.zeros((*p_S.shape[:-1], _SIZE))
        p_V[..., :BYTES] = p_S[..., :BYTES]
        p_V[..., BYTES] = p_S[..., -1]
        for byte, symbols in self._by_first_byte.items():
            p_V[..., byte] += p_S[..., symbols].sum(axis=-1)
        return p_V


def over(target: Codec, codec: Codec, model: LanguageModel) -> LanguageModel:
    """Return the model over `codec` as one over `target`; UsageError where there is no exact one."""
    if alike(target, codec):
        return model
    spellings = _spellings(codec)
    if spellings is None or _spellings(target) != [bytes([byte]) for byte in range(BYTES)]:
        raise UsageError(
            "the members have different codecs, and over words or bpe a text can be spelled in many ways, "
            "which leaves its bytes without an exact probability; train the members over one codec, "
            "or over bytes and chars"
        )
    return model if len(spellings) == BYTES else Bytewise(model, spellings)


def alike(one: Codec, other: Codec) -> bool:
    """Return whether two codecs spell every text alike."""
    if type(one) is not type(other) or one.to_json() != other.to_json():
        return False
    tensors, others = (codec.tensors() if isinstance(codec, TensorCodec) else {} for codec in (one, other))
    return all(np.array_equal(tensors[name], others[name]) for name in tensors)


def _spellings(codec: Codec) -> list[bytes] | None:
    """Return the bytes of each symbol of a codec that spells every text in one way; None for others."""
    return codec.spellings if isinstance(codec, BytesCodec | CharsCodec) else None


def _choose(one: State, other: State, takes_other_B: NDArray[np.bool_]) -> State:
    """Return the state that has the other's rows where asked for."""
    if not takes_other_B.any():
        return one
    if takes_other_B.all():
        return other
    rows = np.arange(len(takes_other_B)) + len(takes_other_B) * takes_other_B
    return states.select(states.concatenate([one, other]), rows)


def _run(true_T: NDArray[np.bool_]) -> int:
    """Return how many are true from the beginning on."""
    return len(true_T) if true_T.all() else int(np.argmin(true_T))
