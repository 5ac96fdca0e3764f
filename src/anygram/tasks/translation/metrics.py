"""How near texts are to references: BLEU, chrF and ROUGE of a corpus, with paired bootstrap intervals.

Every figure is a function of sums over documents, so that resampling them costs no more than sums. All are
from 0 to 100, more is better.

Axes: D documents, K sums that a figure goes by, R resamples, M figures.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Literal, Protocol

import numpy as np

from anygram import information
from anygram.errors import DataError, UsageError
from anygram.protocols import FloatArray
from anygram.tasks.translation import rouge
from anygram.tasks.translation.scripts import tokenizer_of

References = Sequence[Sequence[str]]
"""One or more references of each text."""

Metrics = Literal["translation", "summary"]
"""BLEU and chrF, or ROUGE."""

RESAMPLES = 1000
MODEL = "model"


@dataclass(frozen=True)
class Measured:
    """A figure of a method, from 0 to 100, and its 95 % interval; how it is computed.

    Of other methods than the model, how much more the model has, with the interval of that: paired, for both
    are measured on the same resamples of the documents.
    """

    metric: str
    method: str
    value: float
    low: float
    high: float
    model_ahead: float | None
    model_ahead_low: float | None
    model_ahead_high: float | None
    signature: str


class Metric(Protocol):
    """A figure that goes by sums over documents."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the figures are called."""
        ...

    def sums(self, texts: Sequence[str], references: References) -> FloatArray:
        """Return sums_DK."""
        ...

    def values(self, sums_K: FloatArray) -> tuple[float, ...]:
        """Return the figures of these documents together, one a name."""
        ...

    @property
    def signature(self) -> str: ...


class FromSacrebleu:
    """BLEU (Papineni et al. 2002) or chrF (Popović 2015) as sacrebleu computes them (Post 2018)."""

    def __init__(self, name: str, metric: Any) -> None:
        self.names = (name,)
        self._metric = metric

    def sums(self, texts: Sequence[str], references: References) -> FloatArray:
        """Return what sacrebleu's own paired tests go by: n-grams and lengths of each document."""
        streams = [list(stream) for stream in zip_longest(*references)]  # None where one has fewer
        return np.array(self._metric._extract_corpus_statistics(texts, streams), dtype=np.float64)

    def values(self, sums_K: FloatArray) -> tuple[float, ...]:
        """Return the score."""
        whole = [int(number) for number in sums_K]
        return (float(self._metric._compute_score_from_stats(whole).score),)

    @property
    def signature(self) -> str:
        return str(self._metric.get_signature())


class Rouge:
    """The mean over documents of each ROUGE."""

    names = rouge.NAMES

    def sums(self, texts: Sequence[str], references: References) -> FloatArray:
        """Return F1 of each, and a one to count documents by."""
        scores = [rouge.rouge(text, wanted) for text, wanted in zip(texts, references, strict=True)]
        return np.array([[*one, 1.0] for one in scores])

    def values(self, sums_K: FloatArray) -> tuple[float, ...]:
        """Return the means, times 100."""
        return tuple(100 * float(total) / float(sums_K[-1]) for total in sums_K[:-1])

    @property
    def signature(self) -> str:
        return "F1|words:unicode|case:lower|stem:no|references:max"


def metrics_of(kind: Metrics, references: References, tokenizer: str | None = None) -> list[Metric]:
    """Return the metrics of translations or summaries, for these references.

    `tokenizer` is sacrebleu's for BLEU; found by the references' script where none is named. DataError where
    sacrebleu is not installed, UsageError for a tokenizer that it has not, or that ROUGE would not use.
    """
    if kind == "summary":
        if tokenizer is not None:
            raise UsageError("--tokenize is for BLEU, and summaries are measured by ROUGE; leave it out")
        return [Rouge()]
    bleu, chrf = require_sacrebleu()
    if tokenizer is None:
        tokenizer = tokenizer_of(one for wanted in references for one in wanted)
    check_tokenizer(tokenizer)
    # force: whether texts look as if they were cut already is not asked
    return [
        FromSacrebleu("bleu", bleu(tokenize=tokenizer, force=True)),
        FromSacrebleu("chrf", chrf()),
    ]


def require_sacrebleu() -> tuple[Any, Any]:
    """Return sacrebleu's BLEU and CHRF; DataError where it is not installed."""
    try:
        from sacrebleu.metrics.bleu import BLEU
        from sacrebleu.metrics.chrf import CHRF
    except ImportError as error:
        raise DataError("BLEU and chrF need sacrebleu; pip install 'anygram[metrics]'") from error
    return BLEU, CHRF


def check_tokenizer(tokenizer: str) -> None:
    """Raise UsageError where sacrebleu has no such tokenizer that works without a package of its own."""
    known = ("13a", "char", "intl", "none", "zh")
    if tokenizer not in known:
        raise UsageError(f"no tokenizer named '{tokenizer}'; known: {', '.join(known)}")


def measure(
    methods: Mapping[str, Sequence[str]],
    references: References,
    metrics: Sequence[Metric],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> list[Measured]:
    """Return every figure of every method, the model's first; DataError where there is nothing to measure.

    `methods` are the texts of each for the same documents, those of the model under `MODEL`.
    """
    if not references:
        raise DataError("there is no reference to measure by; name a source that holds some")
    measured = []
    for metric in metrics:
        figures_RM = {
            method: _resampled(metric, metric.sums(texts, references), resamples, seed)
            for method, texts in methods.items()
        }
        for place, name in enumerate(metric.names):
            model_R = figures_RM[MODEL][:, place]
            for method, found_RM in figures_RM.items():
                ahead_R = None if method == MODEL else model_R - found_RM[:, place]
                measured.append(_told(name, method, found_RM[:, place], ahead_R, metric.signature))
    return measured


def _resampled(metric: Metric, sums_DK: FloatArray, resamples: int, seed: int) -> FloatArray:
    """Return the figures of all documents, and below them those of each resample: figures_RM."""
    rows = [metric.values(sums_DK.sum(axis=0))]
    for weights_RD in information.draw(len(sums_DK), resamples=resamples, seed=seed):
        rows += [metric.values(sums_K) for sums_K in weights_RD @ sums_DK]
    return np.array(rows)


def _told(
    name: str, method: str, value_R: FloatArray, ahead_R: FloatArray | None, signature: str
) -> Measured:
    low, high = information.interval(value_R[1:])
    if ahead_R is None:
        return Measured(name, method, float(value_R[0]), low, high, None, None, None, signature)
    ahead = float(ahead_R[0]), *information.interval(ahead_R[1:])
    return Measured(name, method, float(value_R[0]), low, high, *ahead, signature)
