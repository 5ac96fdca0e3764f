"""A continuous cache: what followed contexts like this one (Grave, Joulin & Usunier 2017).

    P_cache(w) ∝ Σ_i [x_i = w] exp(θ h_t · h_i / (|h_t| |h_i|))        i over the last N symbols read
    P(w) = (1 − λ) P_model(w) + λ P_cache(w)

h_i is the hidden vector from which x_i was predicted. Theirs are not normalised, and θ is found anew for each
network; with the cosine one θ suits all. λ is moved after each symbol towards the part that the cache had in
it (on-line EM, Cappé & Moulines 2009). Axes: T positions, V vocabulary, D hidden width, N symbols kept.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from anygram.errors import UsageError
from anygram.protocols import Featured, FloatArray, Ids, LanguageModel, Reader

NEEDS = "models with hidden vectors"
_FIRST, _SURE = 0.1, 50.0
"""Where λ begins, and how many symbols that is worth."""
_LEAST, _MOST = 1e-4, 0.999
_PIECE = 256
_TINY = 1e-30


@dataclass(frozen=True)
class Config:
    """`window` is N, `flatness` θ (0 makes a unigram cache of it), `rate` the least step of λ."""

    window: int = 2000
    flatness: float = 20.0
    rate: float = 0.002

    def __post_init__(self) -> None:
        if self.window < 1:
            raise UsageError(f"window must be at least 1, got {self.window}; for example 2000")
        if not 0 <= self.flatness < math.inf:
            raise UsageError(f"flatness must be at least 0 and finite, got {self.flatness}; for example 20")
        if not 0 < self.rate < 1:
            raise UsageError(f"rate must be between 0 and 1, got {self.rate}; for example 0.002")


def suits(model: LanguageModel) -> bool:
    """Return whether the model shows its hidden vectors."""
    return isinstance(model, Featured)


def reader(model: LanguageModel, config: Config) -> Reader:
    """Return a session with an empty cache beside the model."""
    return Continuous(model, config)


class Continuous:
    """A model, and the contexts that it read lately with what followed them."""

    def __init__(self, model: LanguageModel, config: Config) -> None:
        self._model, self._config = model, config
        self._state = model.start(1)
        boundary_BT = np.array([[model.vocabulary_size - 1]], dtype=np.int32)
        before_TD = _normalised(cast(Featured, model).features(self._state, boundary_BT)[0])
        self._hidden_D = before_TD[0]
        self._kept_ND = before_TD[:0]
        self._followed_N = np.empty(0, dtype=np.int32)
        self._weight, self._moved = _FIRST, _SURE

    def log_p(self) -> FloatArray:
        """Return log P(next | all read so far) as log_p_V in nats."""
        log_p_V: FloatArray = self._model.predict(self._state)[0].astype(np.float64)
        if not len(self._followed_N):
            return log_p_V
        likeness_N = self._likeness(self._kept_ND @ self._hidden_D)
        cache_V = np.bincount(self._followed_N, likeness_N, len(log_p_V)) / likeness_N.sum()
        return _mixed(log_p_V, cache_V, self._weight)

    def read(self, ids_T: Ids) -> FloatArray:
        """Return log P of each id as log_p_T in nats."""
        pieces = [ids_T[first : first + _PIECE] for first in range(0, len(ids_T), _PIECE)]
        return np.concatenate([np.empty(0), *map(self._read_piece, pieces)])

    def copy(self) -> Continuous:
        """Return a reader that goes on from here; no array that they share is ever written to."""
        return copy.copy(self)

    def _read_piece(self, ids_T: Ids) -> FloatArray:
        after_TD = _normalised(cast(Featured, self._model).features(self._state, ids_T[None])[0])
        log_p_BT, self._state = self._model.score(self._state, ids_T[None])
        before_TD = np.concatenate([self._hidden_D[None], after_TD[:-1]])
        # a position sees the pairs before it, and at most N of them
        every_ND = np.concatenate([self._kept_ND, before_TD])
        followed_N = np.concatenate([self._followed_N, ids_T])
        age_TN = np.arange(len(ids_T))[:, None] + len(self._kept_ND) - np.arange(len(every_ND))
        likeness_TN = self._likeness(before_TD @ every_ND.T)
        likeness_TN[(age_TN < 1) | (age_TN > self._config.window)] = 0.0
        total_T = likeness_TN.sum(1)
        cache_T = np.where(followed_N == ids_T[:, None], likeness_TN, 0.0).sum(1) / np.maximum(total_T, _TINY)
        self._hidden_D = after_TD[-1]
        self._kept_ND = every_ND[-self._config.window :]
        self._followed_N = followed_N[-self._config.window :]
        return self._mix(log_p_BT[0].astype(np.float64), cache_T, total_T > 0)

    def _mix(self, log_p_T: FloatArray, cache_T: FloatArray, known_T: NDArray[np.bool_]) -> FloatArray:
        """Return log P of the mixture, λ moved after each symbol."""
        mixed_T = log_p_T.copy()
        for t in np.flatnonzero(known_T):
            mixed_T[t] = _mixed(log_p_T[t], cache_T[t], self._weight)
            part = self._weight * cache_T[t] / math.exp(mixed_T[t]) if cache_T[t] > 0 else 0.0
            self._moved += 1
            step = max(1 / self._moved, self._config.rate)
            self._weight = min(max(self._weight + step * (part - self._weight), _LEAST), _MOST)
        return mixed_T

    def _likeness(self, cosine: FloatArray) -> FloatArray:
        """Return exp θ(cos − 1): at most 1, whatever θ."""
        likeness: FloatArray = np.exp(self._config.flatness * (cosine.astype(np.float64) - 1.0))
        return likeness


def _normalised(hidden_TD: FloatArray) -> FloatArray:
    """Return vectors of length 1; those of length 0 stay."""
    length_T1 = np.sqrt((hidden_TD**2).sum(-1, keepdims=True))
    unit_TD: FloatArray = hidden_TD / np.maximum(length_T1, _TINY)
    return unit_TD


def _mixed(log_p: FloatArray, cache_p: FloatArray, weight: float) -> FloatArray:
    """Return log((1 − λ) P + λ P_cache), finite wherever log P is."""
    with np.errstate(divide="ignore"):
        mixed: FloatArray = np.logaddexp(math.log1p(-weight) + log_p, np.log(weight * cache_p))
    return mixed
