"""What texts cost: many at once, one at a time with little ado, symbol by symbol, or against each other.

Axes: D texts, T symbols of a text (the boundary that ends it included), N symbols of texts end to end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import lanes
from anygram.errors import UsageError
from anygram.protocols import Codec, FloatArray, Ids, LanguageModel, Matching, Streaming, Texts
from anygram.tasks.prediction import END
from anygram.threads import cores, spans, together

_TEXTS_AT_ONCE = 1 << 11


@dataclass(frozen=True)
class ScoredSymbols:
    """A text's symbols as a person reads them, log P of each in nats, and which stand for unknown words.

    `matched_T` says how long an n-gram each probability comes from, where the model can tell.
    """

    symbols: list[str]
    ids_T: Ids
    log_p_T: FloatArray
    unknown_T: NDArray[np.bool_]
    matched_T: NDArray[np.uint8] | None


@dataclass(frozen=True)
class Hypothesis:
    """One of several candidates, its place in the list given, log P of its text and its score in all."""

    text: str
    place: int
    log_p: float
    score: float


class Scorer:
    """Asks a model what texts cost; may be used by many threads at once."""

    def __init__(self, model: LanguageModel, codec: Codec) -> None:
        self._model, self._codec = model, codec
        text_scorer = model.text_scorer(codec) if isinstance(model, Streaming) else None
        self._one: Callable[[bytes], float] | None = text_scorer.one if text_scorer else None
        self._many: Callable[[Texts], FloatArray] | None = text_scorer.many if text_scorer else None

    def score(self, text: str) -> float:
        """Return log P of a text and the boundary that ends it, in nats; DataError as the codec has it."""
        if self._one is not None:
            try:
                return self._one(text.encode())
            except UnicodeEncodeError:
                pass  # the codec says better what is wrong with it
        return float(self.scores([text], threads=1)[0])

    def scores(self, texts: Sequence[str], threads: int | None = None) -> FloatArray:
        """Return log P of each text and its boundary as log_p_D in nats, on all cores or so many threads."""
        if isinstance(texts, str):
            raise UsageError("scores takes a list of texts; score takes one")
        if not len(texts):
            return np.zeros(0)
        threads = threads or cores()
        batches = threads * -(-len(texts) // (threads * _TEXTS_AT_ONCE))  # as many for each thread
        parts = [texts[begin:end] for begin, end in spans(len(texts), min(batches, len(texts)))]
        return np.concatenate(together(self._score_batch, parts, threads))

    def symbols(self, text: str) -> ScoredSymbols:
        """Return what each symbol of a text cost."""
        ids_T = self._encode([text])[0]
        matched_T = None
        if isinstance(self._model, Matching):
            log_p_T, matched_T = self._model.match_stream(ids_T)
        else:
            log_p_T = -lanes.score_together(self._model, [ids_T])[0][0]
        names = [*map(self._codec.symbol, ids_T[:-1].tolist()), END]
        return ScoredSymbols(names, ids_T, log_p_T, ids_T == self._codec.unknown, matched_T)

    def rescore(
        self,
        hypotheses: Sequence[str],
        scores: Sequence[float] | None = None,
        *,
        weight: float = 1.0,
        bonus: float = 0.0,
    ) -> list[Hypothesis]:
        """Return hypotheses, best first, by their own score + weight · log P + bonus · symbols.

        `scores` are another model's (a recogniser's, a translator's) log-probabilities in nats, 0 where
        there are none; equal ones stay in order. UsageError where they are not as many.
        """
        own_D = np.zeros(len(hypotheses)) if scores is None else np.asarray(scores, dtype=np.float64)
        if len(own_D) != len(hypotheses):
            raise UsageError(f"{len(hypotheses)} hypotheses have {len(own_D)} scores; give one for each")
        log_p_D = self.scores(hypotheses)
        lengths_D = np.array([len(ids_T) - 1 for ids_T in self._encode(hypotheses)], dtype=np.float64)
        total_D = own_D + weight * log_p_D + bonus * lengths_D
        return [
            Hypothesis(hypotheses[place], int(place), float(log_p_D[place]), float(total_D[place]))
            for place in np.argsort(-total_D, kind="stable")
        ]

    def _score_batch(self, texts: Sequence[str]) -> FloatArray:
        if self._many is not None:
            return self._many(self._in_bytes(texts))
        rows = self._encode(texts)
        if isinstance(self._model, Streaming):
            starts_D = np.cumsum([0, *map(len, rows[:-1])])
            totals_D: FloatArray = np.add.reduceat(self._model.score_stream(np.concatenate(rows)), starts_D)
            return totals_D
        return np.array([-nats_T.sum() for nats_T, _ in lanes.score_together(self._model, rows)])

    def _in_bytes(self, texts: Sequence[str]) -> Texts:
        try:
            return Texts.of(list(map(str.encode, texts)))
        except UnicodeEncodeError:
            self._encode(texts)  # says what is wrong with which
            raise

    def _encode(self, texts: Sequence[str]) -> list[Ids]:
        boundary = np.array([self._codec.boundary], dtype=np.int32)
        return [np.concatenate([self._codec.encode(text).ids, boundary]) for text in texts]
