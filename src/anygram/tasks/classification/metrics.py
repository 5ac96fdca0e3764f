"""How well labels and their probabilities agree with the truth; scikit-learn does the sums.

A document whose label training did not have is wrong whatever is said of it. One of which nothing is said is
wrong too in what is told of all documents; `selective_accuracy` is that of the others, `coverage` their
share.

Axes: D documents, C labels, R resamples.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._labels import Labels
from anygram.errors import DataError, UsageError
from anygram.information import draw, interval
from anygram.protocols import FloatArray
from anygram.tasks.classification.deciding import Classified

BINS = 15
"""Bins of equal width of the calibration error, as in Guo et al. (2017)."""
UNMEASURED = "measuring labels needs scikit-learn, which is not here; pip install 'anygram[metrics]'"
_MOST_IN_CONFUSION = 30
"""Labels up to which the confusion matrix is among the figures."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Measures:
    """The figures of labelled documents; intervals hold 95 % of 1,000 resamples of the documents.

    `accuracy` of several labels is that of whole sets of them. `auroc` is that of two labels, or the mean of
    each label against the rest; None where a label has no document or all. `log_loss` is in nats a document
    and leaves out those of unknown labels, as `auroc` and `ece` do. `confusion` counts documents by their
    label (rows, the labels in order, then unknown ones) and by what was said (columns, then nothing).
    """

    documents: int
    accuracy: float
    accuracy_low: float
    accuracy_high: float
    precision_macro: float
    recall_macro: float
    f1_macro: float
    f1_macro_low: float
    f1_macro_high: float
    precision_micro: float
    recall_micro: float
    f1_micro: float
    auroc: float | None
    log_loss: float | None
    ece: float | None
    coverage: float
    selective_accuracy: float | None
    unknown_labels: dict[str, int]
    per_label: list[dict[str, Any]]
    confusion: list[list[int]] | None = None
    bins: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the figures."""
        return asdict(self)


def can_measure() -> bool:
    """Return whether what labels are measured by is installed."""
    return find_spec("sklearn") is not None


def measure(classified: Sequence[Classified], labels: Labels, seed: int = 0) -> Measures:
    """Return the figures; DataError where there is nothing to measure, UsageError without scikit-learn."""
    try:
        from sklearn import metrics as sklearn_metrics
    except ImportError:
        raise UsageError(UNMEASURED) from None
    if not classified:
        raise DataError("there are no documents to measure; name a source that holds some")
    told = _Told.of(classified, labels)
    scores: dict[str, float] = {}
    for average in ("macro", "micro"):
        found = sklearn_metrics.precision_recall_fscore_support(
            told.truth_DC, told.has_DC, average=average, zero_division=0.0
        )
        scores |= dict(
            zip((f"{name}_{average}" for name in ("precision", "recall", "f1")), found, strict=False)
        )
    resampled = _resampled(told, seed)
    known_D = told.known_D
    answers = _answers(told)
    bins, ece = _calibration(*answers)
    return Measures(
        documents=len(classified),
        accuracy=float(told.right_D.mean()),
        accuracy_low=resampled["accuracy"][0],
        accuracy_high=resampled["accuracy"][1],
        f1_macro_low=resampled["f1_macro"][0],
        f1_macro_high=resampled["f1_macro"][1],
        auroc=_auroc(told.truth_DC[known_D], told.p_DC[known_D]),
        log_loss=_log_loss(told.truth_DC[known_D], told.p_DC[known_D], labels.multiple),
        ece=ece,
        coverage=float((~told.abstained_D).mean()),
        selective_accuracy=_mean(told.right_D[~told.abstained_D]),
        unknown_labels=told.unknown,
        per_label=_per_label(told, labels),
        confusion=None if labels.multiple or len(labels.names) > _MOST_IN_CONFUSION else _confusion(told),
        bins=bins,
        **{name: float(value) for name, value in scores.items()},
    )


@dataclass(frozen=True)
class _Told:
    """The truth and what was said of it, as arrays."""

    truth_DC: Flags
    has_DC: Flags
    p_DC: FloatArray
    abstained_D: Flags
    known_D: Flags
    unknown: dict[str, int]
    multiple: bool

    @classmethod
    def of(cls, classified: Sequence[Classified], labels: Labels) -> _Told:
        number = {name: place for place, name in enumerate(labels.names)}
        truth_DC = np.zeros((len(classified), len(number)), dtype=bool)
        has_DC, unknown = np.zeros_like(truth_DC), Counter[str]()
        known_D = np.empty(len(classified), dtype=bool)
        for place, one in enumerate(classified):
            known_D[place] = labels.multiple or len(one.truth or ()) == 1
            for word in one.truth or ():
                if word in number:
                    truth_DC[place, number[word]] = True
                else:
                    unknown[word] += 1
                    known_D[place] = False
            has_DC[place, [number[word] for word in one.labels]] = True
        p_DC = np.stack([one.p_C for one in classified])
        abstained_D = np.array([one.abstained for one in classified])
        return cls(truth_DC, has_DC, p_DC, abstained_D, known_D, dict(unknown), labels.multiple)

    @property
    def right_D(self) -> Flags:
        """Which documents were told all their labels, and no others."""
        right_D: Flags = (self.truth_DC == self.has_DC).all(axis=1) & self.known_D & ~self.abstained_D
        return right_D


def _resampled(told: _Told, seed: int) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of accuracy and macro F1 by the bootstrap over documents."""
    hit_DC = (told.truth_DC & told.has_DC).astype(np.float64)
    all_DC = told.truth_DC.astype(np.float64) + told.has_DC
    accuracy_R, f1_R = [], []
    for weights_RD in draw(len(hit_DC), seed=seed):
        accuracy_R.append(weights_RD @ told.right_D / len(hit_DC))
        hits_RC, alls_RC = weights_RD @ hit_DC, weights_RD @ all_DC
        f1_R.append((2 * hits_RC / np.maximum(alls_RC, 1)).mean(axis=1))
    return {
        "accuracy": interval(np.concatenate(accuracy_R)),
        "f1_macro": interval(np.concatenate(f1_R)),
    }


def _auroc(truth_DC: Flags, p_DC: FloatArray) -> float | None:
    from sklearn.metrics import roc_auc_score

    shared_C = truth_DC.any(axis=0) & ~truth_DC.all(axis=0)
    if not len(truth_DC) or not shared_C.all():
        return None
    if truth_DC.shape[1] == 2 and (truth_DC.sum(axis=1) == 1).all():
        return float(roc_auc_score(truth_DC[:, 1], p_DC[:, 1]))
    return float(roc_auc_score(truth_DC, p_DC, average="macro"))


def _log_loss(truth_DC: Flags, p_DC: FloatArray, multiple: bool) -> float | None:
    if not len(truth_DC):
        return None
    log_p_DC = np.log(np.maximum(p_DC, np.finfo(np.float64).tiny))
    if multiple:
        log_not_DC = np.log1p(-np.minimum(p_DC, 1 - np.finfo(np.float64).epsneg))
        return float(-np.where(truth_DC, log_p_DC, log_not_DC).sum(axis=1).mean())
    return float(-log_p_DC[truth_DC].mean())


def _answers(told: _Told) -> tuple[FloatArray, Flags]:
    """Return how sure each answer was and whether it was right: the likeliest label, or each of several."""
    p_DC, truth_DC = told.p_DC[told.known_D], told.truth_DC[told.known_D]
    if told.multiple:
        return np.maximum(p_DC, 1 - p_DC).ravel(), ((p_DC >= 0.5) == truth_DC).ravel()
    best_D = p_DC.argmax(axis=1) if len(p_DC) else np.zeros(0, dtype=np.int64)
    rows_D = np.arange(len(p_DC))
    return p_DC[rows_D, best_D], truth_DC[rows_D, best_D]


def _calibration(sure_N: FloatArray, right_N: Flags) -> tuple[list[dict[str, Any]], float | None]:
    """Return bins of equal width, and the expected calibration error Σ_m (n_m / N) |right_m − sure_m|."""
    if not len(sure_N):
        return [], None
    bin_N = np.clip(np.ceil(sure_N * BINS).astype(np.int64) - 1, 0, BINS - 1)
    count_M = np.bincount(bin_N, minlength=BINS)
    sure_M, right_M = (np.bincount(bin_N, weights=each, minlength=BINS) for each in (sure_N, right_N))
    bins = [
        {
            "confidence": sure_M[m] / count_M[m],
            "accuracy": right_M[m] / count_M[m],
            "answers": int(count_M[m]),
        }
        for m in np.flatnonzero(count_M).tolist()
    ]
    return bins, float(np.abs(right_M - sure_M).sum() / len(sure_N))


def _per_label(told: _Told, labels: Labels) -> list[dict[str, Any]]:
    from sklearn.metrics import precision_recall_fscore_support

    precision_C, recall_C, f1_C, support_C = precision_recall_fscore_support(
        told.truth_DC, told.has_DC, average=None, zero_division=0.0
    )
    return [
        {
            "label": name,
            "documents": int(support_C[number]),
            "precision": float(precision_C[number]),
            "recall": float(recall_C[number]),
            "f1": float(f1_C[number]),
        }
        for number, name in enumerate(labels.names)
    ]


def _confusion(told: _Told) -> list[list[int]]:
    from sklearn.metrics import confusion_matrix

    labels = told.truth_DC.shape[1]
    truth_D = np.where(told.known_D, told.truth_DC.argmax(axis=1), labels)
    said_D = np.where(told.abstained_D, labels, told.has_DC.argmax(axis=1))
    found: list[list[int]] = confusion_matrix(truth_D, said_D, labels=range(labels + 1)).tolist()
    return found


def _mean(right_D: Flags) -> float | None:
    return float(right_D.mean()) if len(right_D) else None
