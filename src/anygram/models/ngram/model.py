"""The n-gram language model: what it remembers, and the protocol over counting, smoothing and tables.

Axes: B rows, T positions, S = K + T, K = order − 1 symbols of context, V vocabulary, N symbols of a
stream.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import contexts
from anygram.codecs.words import WordsCodec
from anygram.conditioning import refuse
from anygram.errors import UsageError
from anygram.models.ngram import (
    compact,
    estimation,
    hints,
    listing,
    lookup,
    pruning,
    scoring,
    tables,
    texts,
)
from anygram.models.ngram.pruning import Pruning
from anygram.models.ngram.ranking import Ranking
from anygram.models.ngram.shards import Counter
from anygram.models.ngram.smoothing import Method, Smoothing
from anygram.models.ngram.tables import NGrams, Tables
from anygram.models.ngram.trie import Words
from anygram.protocols import Codec, Condition, FloatArray, Ids, Lengths, Tensors, TextScorer

_NO_LENGTHS = np.empty(0, dtype=np.uint8)
_RANKING = threading.Lock()


@dataclass(frozen=True)
class Config:
    """`order` symbols make the longest n-gram; `smoothing` by what `smoothing.py` lists.

    `k` is what add_k adds; `weight` the share of shorter contexts in jelinek_mercer (standard 0.5), of the
    uniform distribution in maximum_likelihood (0.01), and what stupid_backoff multiplies by (0.4);
    `discount_fallback`: whether to go on with fixed discounts where counts of counts give none.
    `prune`: counts that n-grams to be kept must exceed, one a length from 1 on, the last repeated ("0 0 1");
    `prune_entropy`: the share of perplexity that they must be worth (1e-8).
    `quantize`: keep probabilities as one of 256 values each, which takes less room (`compact`).
    `keep_counts`: keep how often each n-gram was seen too, so that more text can be added (4 bytes each).
    """

    order: int = 5
    smoothing: Smoothing = "kneser_ney"
    k: float | None = None
    weight: float | None = None
    discount_fallback: bool = True
    prune: str | None = None
    prune_entropy: float = 0.0
    quantize: bool = False
    keep_counts: bool = False

    def __post_init__(self) -> None:
        if self.order < 1:
            raise UsageError(f"order must be at least 1, got {self.order}")
        if self.order > 255:  # scoring.score_row keeps lengths in a byte each
            raise UsageError(f"order must be at most 255, got {self.order}; lower it")
        self.method.check()
        if self.pruning and self.keep_counts:
            raise UsageError("pruned n-grams leave no counts to keep; leave out prune or keep_counts")

    @property
    def method(self) -> Method:
        """How counts become probabilities."""
        return Method(self.smoothing, self.k, self.weight, self.discount_fallback)

    @property
    def pruning(self) -> Pruning:
        """Which n-grams are left out."""
        return pruning.read(self.prune, self.prune_entropy, self.order)


class NGram:
    """N-grams of counted texts; the state is the last order − 1 symbols, context_BK."""

    reproducible = True
    """What is stored is added up in one order; no function is computed that machines round differently."""

    def __init__(self, config: Config, vocabulary_size: int) -> None:
        if config.quantize:
            compact.require_room(vocabulary_size)
        self.config = config
        self.vocabulary_size = vocabulary_size
        self._boundary = vocabulary_size - 1
        self._counter = Counter(config.order, vocabulary_size)
        self._tables: Tables | None = None
        self._ranking: Ranking | None = None
        self._seen: list[Words] = []

    def limit_memory(self, limit: int, folder: Path) -> None:
        """Learn within that many bytes of memory, using files below `folder`; UsageError where too few."""
        self._counter.limit_memory(limit, folder)

    @property
    def tables(self) -> Tables:
        """What was estimated; asking before `finish` is a mistake of the caller's."""
        assert self._tables is not None, "ngram predicts after finish() or restore(), not before"
        return self._tables

    def count(
        self,
        ids_N: Ids,
        document_lengths: Lengths,
        condition: Condition | None = None,
        prefix_lengths: Lengths | None = None,
    ) -> None:
        """Take in documents, each closed by its boundary; a condition is refused (UsageError)."""
        refuse(condition, "ngram")
        assert self._tables is None, "ngram counts before finish(), not after"
        self._counter.add(contexts.mark_prefixes(ids_N, document_lengths, prefix_lengths))

    def finish(self) -> Mapping[str, Any]:
        """Estimate the model; return n-grams, what was pruned, discounts and fallbacks, order by order.

        DataError where counts of counts give no discounts and the configuration allows no fallback.
        """
        trie, space = self._counter.finish()
        self._seen = trie.seen if self.config.keep_counts else []
        self._tables, figures = estimation.estimate(trie, self.config.method, self.config.pruning, space)
        if self.config.quantize:
            self._tables = compact.quantize(self._tables, space)
        self._tables = hints.hinted(self._tables, space)
        return figures

    def start(self, rows: int, condition: Condition | None = None) -> Ids:
        """Return the state after the boundary; a condition is refused (UsageError)."""
        refuse(condition, "ngram")
        return contexts.begin(rows, self.config.order - 1, self._boundary)

    def predict(self, state: Ids) -> FloatArray:
        """Return log_p_BV in nats."""
        return self._next(state, matched_BV=None)

    def match_next(self, state: Ids) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return log_p_BV in nats, and how long the n-grams are that they come from as matched_BV."""
        matched_BV = np.empty((len(state), self.vocabulary_size), dtype=np.uint8)
        return self._next(state, matched_BV), matched_BV

    def _next(self, state: Ids, matched_BV: NDArray[np.uint8] | None) -> FloatArray:
        log_p_BV = np.empty((len(state), self.vocabulary_size))
        scrambling, directory = self.tables.scrambling, self.tables.directory
        back, shift = np.uint32(scrambling.back), scrambling.shift
        for row, context_K in enumerate(state):
            matched_V = _NO_LENGTHS if matched_BV is None else matched_BV[row]
            lookup.predict_row(directory, back, shift, context_K, log_p_BV[row], matched_V)
        return log_p_BV

    def advance(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> Ids:
        """Return the state after these ids."""
        return contexts.extend(state, ids_BT, self._boundary, lengths)

    def score(self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None) -> tuple[FloatArray, Ids]:
        """Return log_p_BT in nats, 0.0 past a row's length, and the state after."""
        ids_BS = np.concatenate([state, ids_BT], axis=1).astype(np.int32, copy=False)
        width = state.shape[1]
        ends_B = np.full(len(ids_BS), ids_BS.shape[1]) if lengths is None else np.asarray(lengths) + width
        log_p_BT = np.zeros(ids_BT.shape)
        scoring.score_rows(self.tables.directory, ids_BS, width, ends_B, log_p_BT)
        return log_p_BT, self.advance(state, ids_BT, lengths)

    def rank(
        self, state: Ids, ids_BT: Ids, lengths: Lengths | None = None
    ) -> tuple[FloatArray, NDArray[np.int64], Ids]:
        """Return log_p_BT, rank_BT and the state after; the first call sorts the tables (`ranking`)."""
        with _RANKING:
            if self._ranking is None:
                self._ranking = Ranking(self.tables)
        log_p_BT, after = self.score(state, ids_BT, lengths)
        return log_p_BT, self._ranking.rank(state, ids_BT, lengths), after

    def score_stream(self, ids_N: Ids) -> FloatArray:
        """Return log P of each symbol of documents that lie end to end, each closed by its boundary."""
        return self._score_stream(ids_N, _NO_LENGTHS)

    def match_stream(self, ids_N: Ids) -> tuple[FloatArray, NDArray[np.uint8]]:
        """Return the same as log_p_N, and how long the n-grams are that they come from as matched_N."""
        matched_N = np.empty(len(ids_N), dtype=np.uint8)
        return self._score_stream(ids_N, matched_N), matched_N

    def _score_stream(self, ids_N: Ids, matched_N: NDArray[np.uint8]) -> FloatArray:
        ids_S = np.empty(len(ids_N) + 1, dtype=np.int32)
        ids_S[0] = self._boundary
        ids_S[1:] = ids_N
        log_p_N = np.empty(len(ids_N))
        scoring.score_row(self.tables.directory, ids_S, 1, log_p_N, matched_N)
        return log_p_N

    def text_scorer(self, codec: Codec) -> TextScorer | None:
        """Return what scores texts from their bytes, where their symbols are words between spaces."""
        if not (isinstance(codec, WordsCodec) and codec.by_space):
            return None
        return texts.text_scorer(self.tables.directory, codec.lexicon)

    def counts(self) -> list[int]:
        """Return how many n-grams of each length there are."""
        return self.tables.counts

    def ngrams(self, length: int) -> Iterator[NGrams]:
        """Yield all n-grams of that length in blocks."""
        return listing.ngrams(self.tables, length)

    def tensors(self) -> Tensors:
        """Return the tables once finished; before that, what was read and counted so far."""
        if self._tables is None:
            return self._counter.tensors()
        return self._tables.to_tensors() | {f"seen_{k}": seen for k, seen in enumerate(self._seen, 1)}

    def restore(self, tensors: Tensors) -> None:
        """Become the model whose `tensors` these are, finished or not."""
        finished = "level_1" in tensors
        self._tables = tables.from_tensors(tensors) if finished else None
        self._counter.restore({} if finished else tensors)
        self._seen = [tensors[f"seen_{k}"] for k in range(1, self.config.order + 1) if f"seen_{k}" in tensors]

    def extend(self, tensors: Tensors) -> None:
        """Go on counting where the model of these tensors stopped; UsageError where it kept no counts."""
        if "seen_1" not in tensors:
            raise UsageError(
                "the run kept no counts to add more text to; train it with --set keep_counts=true"
            )
        known = tables.from_tensors(tensors)
        if known.order != self.config.order:
            raise UsageError(f"order must be {known.order}, as the run's, got {self.config.order}")
        seen = [tensors[f"seen_{k}"] for k in range(1, known.order + 1)]
        self._counter.begin_with(known.counted(seen))
        self._ranking = None
