"""From scores to labels: priors, weights, a confidence below which there is no label.

Axes: D documents, C labels, S witnesses.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._labels import Labels
from anygram.errors import DataError, UnknownName, UsageError
from anygram.information import log_softmax
from anygram.protocols import FloatArray

Priors = str | Mapping[str, float]


@dataclass(frozen=True)
class Rule:
    """How scores become labels.

    `priors`: log P(label) is how often it was in training, equal for all ("uniform"), or as a mapping says.
    `confidence`: below this probability of the likeliest label nothing is said; of several labels, where any
    is less sure to be there or not. `top`: how many labels are told with their probabilities.
    """

    priors: Priors = "training"
    confidence: float = 0.0
    top: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.confidence) and 0 <= self.confidence < 1):
            raise UsageError(f"--confidence is a probability from 0 to below 1, got {self.confidence:g}")
        if self.top < 1:
            raise UsageError(f"--top must be at least 1, got {self.top}")
        if isinstance(self.priors, str) and self.priors not in ("training", "uniform"):
            raise UnknownName("priors", self.priors, ["training", "uniform"])

    def log_priors(self, labels: Labels) -> FloatArray:
        """Return log P(label) as log_p_C; of several labels the log-odds of having each."""
        counts_C = np.array(labels.counts, dtype=np.float64)
        if isinstance(self.priors, str):
            share_C = (counts_C + 0.5) / (counts_C + 0.5).sum()
            if self.priors == "uniform":
                share_C = np.full(len(counts_C), 0.5 if labels.multiple else 1 / len(counts_C))
            elif labels.multiple:
                share_C = (counts_C + 0.5) / (labels.documents + 1)
        else:
            share_C = _shares(self.priors, labels)
        log_p_C: FloatArray = np.log(share_C)
        if labels.multiple:
            log_p_C -= np.log1p(-share_C)
        return log_p_C


def _shares(priors: Mapping[str, float], labels: Labels) -> FloatArray:
    """Return a mapping's probability of each label; UsageError where they are none."""
    unknown = sorted(set(priors) - set(labels.names))
    if unknown:
        raise UnknownName("label", unknown[0], labels.names)
    missing = [name for name in labels.names if name not in priors]
    if missing:
        raise UsageError(f"--priors lacks '{missing[0]}'; give every label a number above 0")
    share_C: FloatArray = np.array([float(priors[name]) for name in labels.names])
    if not (np.isfinite(share_C).all() and (share_C > 0).all()):
        raise UsageError("--priors must be numbers above 0; give every label one")
    if not labels.multiple:
        share_C = share_C / share_C.sum()
    elif (share_C >= 1).any():
        raise UsageError("--priors of labels that a document may have several of lie between 0 and 1")
    return share_C


@dataclass(frozen=True)
class Judgement:
    """What was decided of documents: p_DC of the labels, which each has, and where nothing is said."""

    p_DC: FloatArray
    has_DC: NDArray[np.bool_]
    abstained_D: NDArray[np.bool_]


def judge(logit_DC: FloatArray, labels: Labels, confidence: float, threshold_C: FloatArray) -> Judgement:
    """Return the labels of documents by log-probabilities up to a constant each, or by log-odds of several.

    Of these each has those of at least its threshold; nothing is said where any is less sure than asked.
    """
    if labels.multiple:
        p_DC = _logistic(logit_DC)
        abstained_D = np.maximum(p_DC, 1 - p_DC).min(axis=1) < confidence
        return Judgement(p_DC, (p_DC >= threshold_C) & ~abstained_D[:, None], abstained_D)
    p_DC = np.exp(log_softmax(logit_DC))
    best_DC = np.arange(p_DC.shape[1]) == p_DC.argmax(axis=1)[:, None]
    abstained_D = p_DC.max(axis=1) < confidence
    return Judgement(p_DC, best_DC & ~abstained_D[:, None], abstained_D)


def _logistic(logit: FloatArray) -> FloatArray:
    p: FloatArray = np.exp(-np.logaddexp(0, -logit))
    return p


def same_labels(labels: Labels, others: Sequence[Labels]) -> None:
    """Raise DataError unless all tell the same labels apart."""
    for other in others:
        if (other.names, other.multiple) != (labels.names, labels.multiple):
            apart = sorted(set(labels.names) ^ set(other.names))
            reason = f"only one knows '{apart[0]}'" if apart else "only one may give several"
            raise DataError(
                f"runs of other labels cannot be combined ({reason}); train both on the same ones"
            )
