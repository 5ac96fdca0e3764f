"""The mixture as a language model: it asks its members, and a combination makes one distribution of theirs.

Axes: B rows, T positions, M members, V vocabulary, N positions of any rows, C contexts with own weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.conditioning import refuse
from anygram.contexts import mark_prefixes
from anygram.distributions import distribute, read_distributions
from anygram.errors import RunError, UsageError
from anygram.models.mixture.combination import Combination
from anygram.models.mixture.reader import MixtureReader, ReaderOf, own_or_static
from anygram.models.mixture.stacking import blocks, stacked
from anygram.protocols import (
    Adaptive,
    Condition,
    FloatArray,
    Ids,
    LanguageModel,
    Lengths,
    Reader,
    State,
    Tensors,
)

_STATIC, _READING = "evidence.", "reading_evidence."
"""Before the names of what the weights are to be fitted to: members as they stay, and as they learn."""


@dataclass(frozen=True)
class MixtureState:
    """What each member remembers, and each row's last symbol, by which a gate chooses."""

    members: tuple[State, ...]
    before_B: Ids


@dataclass(frozen=True)
class Told:
    """What members say of the symbols at some positions of all rows, and the state after those."""

    place: slice
    log_p_NMV: FloatArray
    before_N: Ids
    ids_N: Ids
    after: MixtureState


class Mixture:
    """Log P of a combination of members over one vocabulary; a mixture of none is uniform."""

    def __init__(
        self,
        members: Mapping[str, LanguageModel],
        vocabulary_size: int,
        combination: Combination,
        rate: float,
    ) -> None:
        """`rate` is how fast weights learn in `reader`; UsageError for members over other vocabularies."""
        for name, member in members.items():
            if member.vocabulary_size != vocabulary_size:
                raise UsageError(
                    f"member {name} has a vocabulary of {member.vocabulary_size}, wanted {vocabulary_size}; "
                    "combine runs over one codec"
                )
        self.names = list(members)
        self.members = list(members.values())
        self.vocabulary_size = vocabulary_size
        self._combination, self._rate = combination, rate
        self._weights_CM = combination.initial()
        self._reading_CM: FloatArray | None = None
        self._evidence: dict[str, list[Tensors]] = {_STATIC: [], _READING: []}
        self._sessions: list[Reader] | None = None

    def start(self, rows: int, condition: Condition | None = None) -> MixtureState:
        """Return the state after the boundary; a condition is refused (UsageError)."""
        refuse(condition, "mixture")
        before_B = np.full(rows, self.vocabulary_size - 1, dtype=np.int32)
        return MixtureState(tuple(member.start(rows) for member in self.members), before_B)

    def predict(self, state: MixtureState) -> FloatArray:
        """Return log_p_BV in nats."""
        pairs = zip(self.members, state.members, strict=True)
        log_p_BMV = stacked([member.predict(inner) for member, inner in pairs], self._shape(state))
        return self._combination.mix(self._weights_CM, log_p_BMV, state.before_B)

    def advance(self, state: MixtureState, ids_BT: Ids, lengths: Lengths | None = None) -> MixtureState:
        """Return the state after these ids."""
        pairs = zip(self.members, state.members, strict=True)
        inner = tuple(member.advance(one, ids_BT, lengths) for member, one in pairs)
        ends_B = np.full(len(ids_BT), ids_BT.shape[1]) if lengths is None else np.asarray(lengths)
        every_BS = np.concatenate([state.before_B[:, None], ids_BT], axis=1)
        return MixtureState(inner, every_BS[np.arange(len(ids_BT)), ends_B].astype(np.int32))

    def score(
        self, state: MixtureState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, MixtureState]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        log_p_BT = np.zeros(ids_BT.shape)
        after = state
        for told in self._ask(state, ids_BT):
            log_p_N = self._combination.read(
                self._weights_CM, told.log_p_NMV, told.before_N, told.ids_N, rate=0.0
            )
            log_p_BT[:, told.place] = log_p_N.reshape(len(ids_BT), -1)
            after = told.after
        return self._ended(log_p_BT, lengths, state, ids_BT, after)

    def rank(
        self, state: MixtureState, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], MixtureState]:
        """Return log_p_BT, the number of symbols likelier than each as rank_BT, and the state after."""
        log_p_BT: FloatArray = np.zeros(ids_BT.shape)
        rank_BT = np.zeros(ids_BT.shape, dtype=np.int64)
        after = state
        for told in self._ask(state, ids_BT):
            log_p_NV = self._combination.mix(self._weights_CM, told.log_p_NMV, told.before_N)
            ids_N1 = told.ids_N[:, None].astype(np.int64)
            own_N1 = np.take_along_axis(log_p_NV, ids_N1, axis=1)
            tied_NV = (log_p_NV == own_N1) & (np.arange(self.vocabulary_size) < ids_N1)
            log_p_BT[:, told.place] = own_N1.reshape(len(ids_BT), -1)
            rank_BT[:, told.place] = ((log_p_NV > own_N1) | tied_NV).sum(axis=1).reshape(len(ids_BT), -1)
            after = told.after
        log_p_BT, after = self._ended(log_p_BT, lengths, state, ids_BT, after)
        return log_p_BT, rank_BT, after

    def shares(self, state: MixtureState, ids_BT: Ids) -> FloatArray:
        """Return each member's share of each symbol as share_BTM, at least 0 and in sum 1."""
        share_BTM = np.zeros((*ids_BT.shape, self._width))
        for told in self._ask(state, ids_BT):
            evidence = self._combination.gather(told.log_p_NMV, told.before_N, told.ids_N)
            share_NM = self._combination.shares(self._weights_CM, evidence)
            share_BTM[:, told.place] = share_NM.reshape(len(ids_BT), -1, self._width)
        return share_BTM

    def reader(self, reader_of: ReaderOf = own_or_static) -> MixtureReader:
        """Return a session whose weights go on learning, and whose members are read as `reader_of` says.

        Where members learn in ways of their own, it begins with weights that were fitted while they did.
        """
        readers = [reader_of(member) for member in self.members]
        weights_CM = (self._weights_CM if self._reading_CM is None else self._reading_CM).copy()
        return MixtureReader(readers, self._combination, weights_CM, self._rate, self.vocabulary_size)

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Ask the members about documents that they have not learnt; a condition is refused (UsageError)."""
        refuse(condition, "mixture")
        learnt_N = mark_prefixes(ids_N, document_lengths, prefix_lengths) >= 0
        for told in self._ask(self.start(1), ids_N[None]):
            if self._gathered(_STATIC) >= self._combination.most_evidence:
                break
            self._gather(_STATIC, told, learnt_N[told.place])
            if any(isinstance(member, Adaptive) for member in self.members):
                self._gather(_READING, self._read(told), learnt_N[told.place])

    def finish(self) -> Mapping[str, Any]:
        """Fit the weights; return to how many symbols, the weights that all contexts share, mean shares."""
        symbols, figures = self._gathered(_STATIC), {}
        if symbols and self.members:
            self._weights_CM = self._combination.fit(_joined(self._evidence[_STATIC]))
            figures["shares"] = self._mean_shares()
        if self._gathered(_READING):
            self._reading_CM = self._combination.fit(_joined(self._evidence[_READING]))
        self._evidence, self._sessions = {_STATIC: [], _READING: []}, None
        return {"fitted_to_symbols": symbols, "weights": self.weights, **figures}

    @property
    def weights(self) -> dict[str, float]:
        """Each member's weight, that which all contexts share where they have their own."""
        return {name: float(weight) for name, weight in zip(self.names, self._weights_CM[0], strict=False)}

    def tensors(self) -> Tensors:
        """Return the weights, and until they are fitted what they are to be fitted to."""
        stored = {"weights": self._weights_CM.copy()}
        if self._reading_CM is not None:
            stored["reading_weights"] = self._reading_CM.copy()
        for prefix, pieces in self._evidence.items():
            stored |= {prefix + name: array for name, array in _joined(pieces).items()}
        return stored

    def restore(self, tensors: Tensors) -> None:
        """Become the mixture whose `tensors` these are; RunError where it had other members."""
        weights_CM, wanted = tensors["weights"], self._combination.initial().shape
        if weights_CM.shape != wanted:
            raise RunError(
                f"the weights have shape {weights_CM.shape}, wanted {wanted}: they are of other members; "
                "restore those"
            )
        self._weights_CM = np.array(weights_CM, dtype=np.float64)
        reading_CM = tensors.get("reading_weights")
        self._reading_CM = None if reading_CM is None else np.array(reading_CM, dtype=np.float64)
        for prefix in self._evidence:
            names = [name for name in tensors if name.startswith(prefix)]
            found = {name.removeprefix(prefix): tensors[name] for name in names}
            self._evidence[prefix] = [found] if found else []

    @property
    def _width(self) -> int:
        return max(1, len(self.members))

    def _shape(self, state: MixtureState) -> tuple[int, int]:
        return len(state.before_B), self.vocabulary_size

    def _gather(self, prefix: str, told: Told, learnt_N: NDArray[np.bool_]) -> None:
        """Keep what fitting needs to know of the symbols that are to be learnt from."""
        room = max(0, self._combination.most_evidence - self._gathered(prefix))
        kept_N = np.flatnonzero(learnt_N)[:room]
        if len(kept_N):
            self._evidence[prefix].append(
                self._combination.gather(told.log_p_NMV[kept_N], told.before_N[kept_N], told.ids_N[kept_N])
            )

    def _gathered(self, prefix: str) -> int:
        return sum(len(piece["before"]) for piece in self._evidence[prefix])

    def _mean_shares(self) -> dict[str, float]:
        """Return each member's mean share of the symbols that the weights are fitted to."""
        pieces = self._evidence[_STATIC]
        summed_M = sum(self._combination.shares(self._weights_CM, piece).sum(axis=0) for piece in pieces)
        mean_M = np.asarray(summed_M) / self._gathered(_STATIC)
        return dict(zip(self.names, mean_M.tolist(), strict=True))

    def _read(self, told: Told) -> Told:
        """Return what the members say of these symbols while they learn from all that is counted."""
        if self._sessions is None:
            self._sessions = [own_or_static(member) for member in self.members]
        said = [read_distributions(session, told.ids_N) for session in self._sessions]
        return replace(told, log_p_NMV=stacked(said, (len(told.ids_N), self.vocabulary_size)))

    def _ask(self, state: MixtureState, ids_BT: Ids) -> Iterator[Told]:
        """Yield what the members say of these symbols, a block of positions at a time."""
        rows, inner, before_B = len(ids_BT), list(state.members), state.before_B
        for place in blocks(ids_BT.shape[1], rows * self._width * self.vocabulary_size):
            block_BT = np.ascontiguousarray(ids_BT[:, place])
            said = []
            for number, member in enumerate(self.members):
                log_p_BTV, inner[number] = distribute(member, inner[number], block_BT)
                said.append(log_p_BTV.reshape(-1, self.vocabulary_size))
            log_p_NMV = stacked(said, (block_BT.size, self.vocabulary_size))
            before_BT = np.concatenate([before_B[:, None], block_BT[:, :-1]], axis=1).astype(np.int32)
            before_B = block_BT[:, -1].copy()  # the caller may write over its ids
            after = MixtureState(tuple(inner), before_B)
            yield Told(place, log_p_NMV, before_BT.ravel(), block_BT.ravel(), after)

    def _ended(
        self,
        log_p_BT: FloatArray,
        lengths: Lengths | None,
        state: MixtureState,
        ids_BT: Ids,
        after: MixtureState,
    ) -> tuple[FloatArray, MixtureState]:
        """Return both as ragged rows have them: 0.0 and nothing read past their lengths."""
        if lengths is None or bool((np.asarray(lengths) >= ids_BT.shape[1]).all()):
            return log_p_BT, after
        log_p_BT[np.arange(ids_BT.shape[1]) >= np.asarray(lengths)[:, None]] = 0.0
        return log_p_BT, self.advance(state, ids_BT, lengths)


def _joined(pieces: list[Tensors]) -> Tensors:
    if not pieces:
        return {}
    return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}
