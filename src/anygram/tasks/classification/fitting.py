"""How much each witness counts, and how sure it may be: fitted to labelled documents that none has learnt.

Scores are combined log-linearly, z_c = Σ_s a_s (score_sc + log P(c)) + δ_c, and P(label | document) is the
softmax of z, or of labels that do not exclude each other the logistic of each z_c. With one witness a is the
inverse of a temperature (Guo, Pleiss, Sun & Weinberger, "On Calibration of Modern Neural Networks", 2017): a
likelihood takes its symbols for independent evidence, which they are not, and is far too sure. It scales the
label's prior too: alone it makes no other label the likeliest, which δ is there for. Where Σ_s a_s would be
above 1 the prior stays as it is: z_c = Σ_s a_s score_sc + log P(c) + δ_c. a, in units of the spread of what
it scales, and δ are found at the maximum of the likelihood and a normal prior, by Newton's method. Its
deviations were chosen on other data than docs/classification.md reports.

Axes: D documents, C labels, S witnesses, J = S + C parameters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import storage
from anygram.errors import DataError, RunError
from anygram.information import log_softmax
from anygram.protocols import FloatArray

FILE = "classification.json"
"""Where a run folder keeps its fits."""
FEWEST = 10
"""So many documents are needed to fit to."""
_ROUNDS, _HALVINGS = 50, 30
_ENOUGH = 1e-9
_DEVIATION_OF_WEIGHTS, _DEVIATION_OF_OFFSETS = 5.0, 0.5
_FEWEST_OF_A_LABEL = 5
"""Of a label that fewer documents have, the threshold stays at one half."""

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Fit:
    """What was fitted: weights of the witnesses by name, offsets and thresholds of the labels by name.

    An offset is δ of a label, `prior_weight` what log P(label) of training is multiplied with.
    `nats_before` and `nats_after` are the mean log losses of the documents that it was fitted to.
    """

    weights: dict[str, float]
    prior_weight: float
    offsets: dict[str, float]
    thresholds: dict[str, float]
    documents: int
    nats_before: float
    nats_after: float

    def logits(self, scores: Sequence[FloatArray], training_C: FloatArray, asked_C: FloatArray) -> FloatArray:
        """Return z_DC from each witness's score_DC, and from log P(c) in training and as it is asked for."""
        parts = (weight * score_DC for weight, score_DC in zip(self.weights.values(), scores, strict=True))
        beside_C = np.array(list(self.offsets.values())) + (self.prior_weight - 1) * training_C + asked_C
        logit_DC: FloatArray = sum(parts, start=beside_C)
        return logit_DC


def unfitted(witnesses: Sequence[str], labels: Sequence[str]) -> Fit:
    """Return what there is before anything is fitted: witnesses of equal weight, taken at their word."""
    return Fit(
        weights=dict.fromkeys(witnesses, 1 / len(witnesses)),
        prior_weight=1.0,
        offsets=dict.fromkeys(labels, 0.0),
        thresholds=dict.fromkeys(labels, 0.5),
        documents=0,
        nats_before=float("nan"),
        nats_after=float("nan"),
    )


def fit(
    scores: dict[str, FloatArray],
    truth_DC: Flags,
    labels: Sequence[str],
    log_prior_C: FloatArray,
    multiple: bool,
) -> Fit:
    """Return the fit of these witnesses' scores to the labels; DataError for too few documents."""
    if len(truth_DC) < FEWEST:
        raise DataError(f"{FEWEST} labelled documents or more are needed to fit to, got {len(truth_DC)}")
    asked = truth_DC, labels, log_prior_C, multiple
    found = _solved(scores, *asked, scaled=True)
    return found if found.prior_weight <= 1 else _solved(scores, *asked, scaled=False)


def _solved(
    scores: dict[str, FloatArray],
    truth_DC: Flags,
    labels: Sequence[str],
    log_prior_C: FloatArray,
    multiple: bool,
    *,
    scaled: bool,
) -> Fit:
    """Return the fit in which the prior is `scaled` with the evidence, or stands beside it as it is."""
    none_C = np.zeros_like(log_prior_C)
    within_C, beside_C = (log_prior_C, none_C) if scaled else (none_C, log_prior_C)
    centred = [_centred(score_DC + within_C, multiple) for score_DC in scores.values()]
    spreads = [float(np.sqrt((score_DC**2).mean())) or 1.0 for score_DC in centred]
    unit = [score_DC / spread for score_DC, spread in zip(centred, spreads, strict=True)]
    problem = _Problem(np.stack(unit), truth_DC, beside_C, multiple)
    parameter_J = problem.minimum()
    weight_S, offset_C = parameter_J[: len(spreads)] / spreads, parameter_J[len(spreads) :]
    start_J = np.zeros(len(parameter_J))
    start_J[: len(spreads)] = np.array(spreads) / len(spreads)
    p_DC = problem.probabilities(parameter_J)
    return Fit(
        weights=dict(zip(scores, weight_S.tolist(), strict=True)),
        prior_weight=float(weight_S.sum()) if scaled else 1.0,
        offsets=dict(zip(labels, offset_C.tolist(), strict=True)),
        thresholds=dict(zip(labels, _thresholds(p_DC, truth_DC, multiple), strict=True)),
        documents=len(truth_DC),
        nats_before=problem.nats(start_J) / len(truth_DC),
        nats_after=problem.nats(parameter_J) / len(truth_DC),
    )


def _centred(score_DC: FloatArray, multiple: bool) -> FloatArray:
    """Return scores less their mean over labels, which says nothing about which one it is."""
    return score_DC if multiple else score_DC - score_DC.mean(axis=1, keepdims=True)


@dataclass(frozen=True)
class _Problem:
    """−log of the likelihood of the labels and of the parameters' prior; `beside_C` is added to scores."""

    score_SDC: FloatArray
    truth_DC: Flags
    beside_C: FloatArray
    multiple: bool

    def minimum(self) -> FloatArray:
        """Return the parameters_J of least cost: Newton's steps, halved until they help."""
        parameter_J = np.zeros(len(self.score_SDC) + self.truth_DC.shape[1])
        cost = self._cost(parameter_J)
        for _ in range(_ROUNDS):
            gradient_J, hessian_JJ = self._slopes(parameter_J)
            step_J, before = np.linalg.solve(hessian_JJ, gradient_J), cost
            for halving in range(_HALVINGS):
                tried_J = parameter_J - step_J / 2**halving
                tried = self._cost(tried_J)
                if tried <= cost:
                    parameter_J, cost = tried_J, tried
                    break
            if before - cost < _ENOUGH * max(1.0, cost):
                break
        return parameter_J

    def probabilities(self, parameter_J: FloatArray) -> FloatArray:
        """Return p_DC."""
        logit_DC = self._logits(parameter_J)
        p_DC: FloatArray = np.exp(-np.logaddexp(0, -logit_DC) if self.multiple else log_softmax(logit_DC))
        return p_DC

    def nats(self, parameter_J: FloatArray) -> float:
        """Return −log P of the labels of all documents."""
        logit_DC = self._logits(parameter_J)
        if self.multiple:
            return float(np.logaddexp(0, np.where(self.truth_DC, -logit_DC, logit_DC)).sum())
        return float(-log_softmax(logit_DC)[self.truth_DC].sum())

    def _logits(self, parameter_J: FloatArray) -> FloatArray:
        witnesses = len(self.score_SDC)
        logit_DC: FloatArray = np.einsum("s,sdc->dc", parameter_J[:witnesses], self.score_SDC)
        return logit_DC + self.beside_C + parameter_J[witnesses:]

    def _precision_J(self) -> FloatArray:
        deviation_J = np.full(len(self.score_SDC) + self.truth_DC.shape[1], _DEVIATION_OF_OFFSETS)
        deviation_J[: len(self.score_SDC)] = _DEVIATION_OF_WEIGHTS
        return deviation_J**-2

    def _cost(self, parameter_J: FloatArray) -> float:
        return self.nats(parameter_J) + 0.5 * float((self._precision_J() * parameter_J**2).sum())

    def _slopes(self, parameter_J: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return the gradient and the Hessian of the cost."""
        p_DC, score_SDC = self.probabilities(parameter_J), self.score_SDC
        excess_DC = p_DC - self.truth_DC
        gradient_J = np.append(np.einsum("sdc,dc->s", score_SDC, excess_DC), excess_DC.sum(axis=0))
        spread_DC = p_DC * (1 - p_DC) if self.multiple else p_DC
        moved_SDC = score_SDC * spread_DC
        to_to_SS = np.einsum("sdc,tdc->st", moved_SDC, score_SDC)
        to_label_SC = moved_SDC.sum(axis=1)
        label_CC = np.diag(spread_DC.sum(axis=0))
        if not self.multiple:
            mean_SD = moved_SDC.sum(axis=2)
            to_to_SS -= mean_SD @ mean_SD.T
            to_label_SC -= mean_SD @ p_DC
            label_CC -= p_DC.T @ p_DC
        hessian_JJ = np.block([[to_to_SS, to_label_SC], [to_label_SC.T, label_CC]])
        precision_J = self._precision_J()
        return gradient_J + precision_J * parameter_J, hessian_JJ + np.diag(precision_J)


def _thresholds(p_DC: FloatArray, truth_DC: Flags, multiple: bool) -> list[float]:
    """Return from which probability on each of several labels is given: where its F1 is best."""
    if not multiple:
        return [0.5] * truth_DC.shape[1]
    return [_threshold(p_D, truth_D) for p_D, truth_D in zip(p_DC.T, truth_DC.T, strict=True)]


def _threshold(p_D: FloatArray, truth_D: Flags) -> float:
    """Return the middle between the two probabilities where F1 is best, one half for too few documents.

    >>> _threshold(np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]), np.arange(7) >= 2)
    0.25
    """
    if truth_D.sum() < _FEWEST_OF_A_LABEL:
        return 0.5
    order_D = np.argsort(-p_D, kind="stable")
    sorted_D, hits_D = p_D[order_D], truth_D[order_D].cumsum()
    f1_D = 2 * hits_D / (np.arange(1, len(p_D) + 1) + truth_D.sum())
    ends_D = np.append(sorted_D[1:] < sorted_D[:-1], True)  # a threshold lies between different ones
    best = int(np.where(ends_D, f1_D, -1.0).argmax())
    below = sorted_D[best + 1] if best + 1 < len(sorted_D) else 0.0
    return round(float(sorted_D[best] + below) / 2, 6)


def store(run: Path, fitted: Fit) -> None:
    """Write a fit into the run folder, in the place of one of the same witnesses."""
    kept = [one for one in _stored(run) if list(one["weights"]) != list(fitted.weights)]
    storage.write_json(run / FILE, {"fits": [*kept, asdict(fitted)]})


def stored(run: Path, witnesses: Sequence[str], labels: Sequence[str]) -> Fit | None:
    """Return the run's fit of these witnesses, None where there is none; RunError where it is damaged."""
    for fields in _stored(run):
        if list(fields["weights"]) == list(witnesses):
            if list(fields["offsets"]) != list(labels):
                raise RunError(f"{run / FILE} is of other labels; fit anew with --fit, or remove it")
            return Fit(**fields)
    return None


def _stored(run: Path) -> list[dict[str, Any]]:
    path = run / FILE
    if not path.exists():
        return []
    fits = storage.read_json(path).get("fits")
    names = set(Fit.__dataclass_fields__)
    if not isinstance(fits, list) or not all(isinstance(one, dict) and set(one) == names for one in fits):
        raise RunError(f"{path}: cannot be read (no fits in it); fit anew with --fit, or remove it")
    return fits
