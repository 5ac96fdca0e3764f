"""What is validated on while training: pieces of a stream, or whole documents with what is given of them.

Axes: B rows, T positions.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np

from anygram import evaluation, lanes
from anygram.codecs._labels import Labels
from anygram.data.corpus import condition_of
from anygram.data.documents import Documents
from anygram.data.store import givens_of
from anygram.protocols import Codec, Condition, Ids, LanguageModel, Validated

ROWS, LENGTH = 64, 512


@dataclass(frozen=True)
class Sample:
    """Texts to validate on, and what is given of each, if anything is."""

    texts: list[Ids]
    condition: Condition | None = None

    @property
    def symbols(self) -> int:
        """How many symbols there are."""
        return sum(map(len, self.texts))

    def nats(self, model: LanguageModel) -> float:
        """Return the model's mean nats a symbol, or what it says that it is to be chosen by."""
        if self.condition is None:
            log_p_BT, _ = model.score(model.start(len(self.texts)), np.stack(self.texts))
            return float(-log_p_BT.mean())
        if isinstance(model, Validated):
            return model.validation_nats(self.texts, self.condition)
        scored = lanes.score_together(model, self.texts, conditions=self.condition)
        return float(sum(nats_T.sum() for nats_T, _ in scored) / self.symbols)


def sample(documents: Documents, codec: Codec, condition_codec: Codec | None) -> Sample | None:
    """Return what to validate on; None where there are no documents.

    That is good for choosing between two moments of one training, and not a figure to report.
    """
    documents = of_known_labels(documents, condition_codec)
    if not len(documents):
        return None
    return _pieces(documents, codec) if condition_codec is None else _whole(documents, codec, condition_codec)


def of_known_labels(documents: Documents, condition_codec: Codec | None) -> Documents:
    """Return those documents whose labels training had: what others cost under theirs nobody can say."""
    if not isinstance(condition_codec, Labels):
        return documents
    known = [condition_codec.knows(given) for given in givens_of(documents)]
    return documents if all(known) else list(compress(documents, known))


def _pieces(documents: Documents, codec: Codec) -> Sample:
    """Return up to 64 evenly spaced pieces of 512 symbols, which begin at the start state wherever cut."""
    pieces = []
    boundary = np.array([codec.boundary], dtype=np.int32)
    for document in evaluation.take(documents, 4 * ROWS * LENGTH * 4):
        pieces += [codec.encode(document.text, document.side).ids, boundary]
    ids_N = np.concatenate(pieces)
    rows = max(1, min(ROWS, len(ids_N) // LENGTH))
    length = min(LENGTH, len(ids_N) // rows)
    starts_B = np.linspace(0, len(ids_N) - length, rows).astype(np.int64)
    return Sample([ids_N[start : start + length].astype(np.int32) for start in starts_B])


def _whole(documents: Documents, codec: Codec, condition_codec: Codec) -> Sample:
    """Return evenly spaced documents, as many as have about as many symbols, or all."""
    order = np.random.default_rng(0).permutation(len(documents))
    texts: list[Ids] = []
    given: list[Ids] = []
    symbols = 0
    for place in order.tolist():
        document = documents[place]
        ids_T = np.append(codec.encode(document.text, document.side).ids, codec.boundary).astype(np.int32)
        texts.append(ids_T)
        given.append(condition_of(document, condition_codec))
        symbols += len(ids_T) + len(given[-1])
        if symbols >= ROWS * LENGTH:
            break
    return Sample(texts, given)
