"""Which words of a document speak for the label that it was given.

Of a model of texts a word's symbols speak by Σ_t log P(x_t | before, label) − log P(x_t | before, another
label), where the other labels are mixed as they are probable so far: so words, and the end, add up to the
score of the label against the others. Of a head a word speaks by the log-odds that are lost without it
(occlusion; Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", 2014). Witnesses are
weighed as they are fitted.

Axes: T symbols, C labels, W words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._breaks import word_pattern
from anygram.data.documents import Document
from anygram.information import bits
from anygram.protocols import FloatArray
from anygram.tasks.anomalies.explaining import heaviest
from anygram.tasks.classification.deciding import Classified, Classifier
from anygram.tasks.classification.evidence import Witness

SPANS = 3
_MARGIN = 0.25
"""What a word must speak, of what the strongest one does, to lengthen a span."""
_MOST_WORDS = 400
"""So many words of a document are left out in turn to ask a head; of later ones nothing is told."""


@dataclass(frozen=True)
class Span:
    """Words that stand together, and how many bits of log-odds they speak for the label."""

    text: str
    bits: float


@dataclass(frozen=True)
class Told:
    """The words of a document with the spacing before them, and nats_W: how much each speaks for `label`."""

    label: str
    words: tuple[str, ...]
    nats_W: FloatArray

    def spans(self, most: int = SPANS) -> list[Span]:
        """Return the spans that speak for the label most strongly, the strongest first."""
        found: list[Span] = []
        left_W, never = self.nats_W.copy(), -1.0 - float(np.abs(self.nats_W).sum())
        while len(left_W) and len(found) < most and left_W.max() > 0:
            begin, end = heaviest(left_W - _MARGIN * left_W.max())
            found.append(Span("".join(self.words[begin:end]).strip(), bits(float(left_W[begin:end].sum()))))
            left_W[begin:end] = never
        return sorted(found, key=lambda span: -span.bits)


def tell(classifier: Classifier, one: Classified) -> Told:
    """Return how much each word speaks for the document's label, the likeliest one where it has none."""
    names = classifier.labels.names
    label = names.index(one.labels[0]) if one.labels else int(one.p_C.argmax())
    words, ends_W = _words(one.document.text)
    nats_W = np.zeros(len(words))
    prior_C = classifier.rule.log_priors(classifier.labels)
    for witness, weight in zip(classifier.witnesses, classifier.fit.weights.values(), strict=True):
        if witness.by == "likelihood":
            nats_W += weight * _spoken(witness, one.document, label, ends_W, prior_C)
        else:
            nats_W += weight * _missed(witness, one.document, label, words)
    return Told(names[label], words, nats_W)


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile(word_pattern("unicode"))


def _words(text: str) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the words with what stands before them, and the byte where each ends."""
    ends = [match.end() for match in _pattern().finditer(text)]
    if ends:
        ends[-1] = len(text)
    words = tuple(text[begin:end] for begin, end in zip([0, *ends], ends, strict=False))
    sizes = [len(word.encode("utf-8", "surrogateescape")) for word in words]
    return words, np.cumsum(sizes, dtype=np.int64)


def _spoken(
    witness: Witness, document: Document, label: int, ends_W: NDArray[np.int64], prior_C: FloatArray
) -> FloatArray:
    """Return nats_W by a model of texts: of each symbol in the word where it begins."""
    if not len(ends_W):
        return np.zeros(0)
    log_p_CT, labels = witness.tell(document), len(witness.labels.names)
    if witness.labels.multiple:
        spoken_T = log_p_CT[label] - log_p_CT[labels + label]
    else:
        spoken_T = against(log_p_CT, label, prior_C)
    units_T = witness.codec.encode(document.text, document.side).units
    begins_T = np.cumsum(units_T) - units_T
    word_T = np.minimum(np.searchsorted(ends_W, begins_T, side="right"), len(ends_W) - 1)
    nats_W: FloatArray = np.zeros(len(ends_W))
    np.add.at(nats_W, word_T, spoken_T[: len(word_T)])
    return nats_W


def against(log_p_CT: FloatArray, label: int, log_prior_C: FloatArray) -> FloatArray:
    """Return log P(x_t | before, label) − log P(x_t | before, another label) of each symbol.

    P(x_t | before, another) mixes the others by their posterior so far, so that the sum is log P(x | label) −
    log Σ_c P(c | another) P(x | c).
    """
    others = np.arange(len(log_p_CT)) != label
    joint_CT = np.cumsum(log_p_CT[others], axis=1) + log_prior_C[others, None]
    before_C1 = log_prior_C[others, None]
    mixed_T = np.logaddexp.reduce(np.concatenate([before_C1, joint_CT], axis=1), axis=0)
    spoken_T: FloatArray = log_p_CT[label] - np.diff(mixed_T)
    return spoken_T


def _missed(witness: Witness, document: Document, label: int, words: Sequence[str]) -> FloatArray:
    """Return nats_W by a head: what its log-odds lose without each word."""
    nats_W, told = np.zeros(len(words)), min(len(words), _MOST_WORDS)
    without = [
        replace(document, text="".join([*words[:place], *words[place + 1 :]])) for place in range(told)
    ]
    score_DC = witness.scores([document, *without])
    if not witness.labels.multiple:
        rest = np.arange(score_DC.shape[1]) != label
        score_DC = score_DC - np.logaddexp.reduce(score_DC[:, rest], axis=1)[:, None]
    nats_W[:told] = score_DC[0, label] - score_DC[1:, label]
    return nats_W
