"""From one kind of data to another: the known segments of a mixture ask its model for the next one.

A picture asks for its name, a name for a picture, a recording for its transcript; which ways a model can go
are the orders that it was trained on.

Axes: C candidates, T symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram import information, lanes
from anygram.codecs import REGISTRY
from anygram.data import mixtures
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.errors import UsageError
from anygram.protocols import Codec, FloatArray, Ids, LanguageModel, Side
from anygram.tasks import generation
from anygram.tasks.generation import Sampling
from anygram.tasks.prediction import beginning

SAMPLING = Sampling(max_symbols=1 << 16)
"""Seconds of sound are many symbols, and a picture has as many as it has."""


@dataclass(frozen=True)
class Candidate:
    """A segment that may be meant, its place in the list given, and what speaks for it.

    `log_p` is log P in nats, `probability` its share of all candidates.
    """

    segment: Segment
    place: int
    log_p: float
    probability: float


def cross(
    model: LanguageModel,
    codec: Codec,
    known: Sequence[Segment],
    wanted: str,
    *,
    samples: int = 1,
    side: Side | None = None,
    sampling: Sampling = SAMPLING,
) -> list[Document]:
    """Return `samples` segments of the `wanted` kind, drawn as they follow the known ones.

    `side` is what goes beside each, what is usual in the training part if it is left out. A sample of more
    symbols than `sampling` says ends as soon as it is valid. UsageError for a codec that is not of mixtures.
    """
    _check(codec)
    begun = mixtures.document(known)
    assert begun.side is not None, "a mixture has a side"
    asked: dict[str, Any] = {"kind": wanted} if side is None else {"kind": wanted, "side": side}
    whole = {"segments": [*begun.side["segments"], asked]}
    prompt_ids = beginning(codec, begun.text, whole).tolist()
    ids: list[list[int]] = [list(prompt_ids) for _ in range(samples)]
    for sample, symbol in generation.draw(model, codec, begun.text, samples, sampling, whole):
        ids[sample] += [] if symbol == codec.boundary else [symbol]
    made = [generation.document_of(codec, one, whole) for one in ids]
    return [mixtures.segments(one)[-1].document for one in made]


def rank(
    model: LanguageModel,
    codec: Codec,
    known: Sequence[Segment],
    candidates: Sequence[Segment],
    *,
    first: bool = False,
) -> list[Candidate]:
    """Return the candidates, likeliest first, equal ones in their order.

    By log P of the candidate and the document's end after what is known; with `first` by that of the whole
    document that the candidate begins, P(candidate) · P(known | candidate): Bayes' way round.
    UsageError for a codec that is not of mixtures.
    """
    _check(codec)
    orders = [[one, *known] if first else [*known, one] for one in candidates]
    rows = [_ids(codec, order) for order in orders]
    before = 0 if first else len(_ids(codec, known)) - 1  # the end is not yet there
    nats = [nats_T for nats_T, _ in lanes.score_together(model, rows)]
    log_p_C: FloatArray = np.array([-float(nats_T[before:].sum()) for nats_T in nats])
    shares_C = np.exp(information.log_softmax(log_p_C[None])[0]) if len(log_p_C) else log_p_C
    return [
        Candidate(candidates[place], int(place), float(log_p_C[place]), float(shares_C[place]))
        for place in np.argsort(-log_p_C, kind="stable")
    ]


def _ids(codec: Codec, segments: Sequence[Segment]) -> Ids:
    """Return the symbols of a whole document of these segments, its end included."""
    document = mixtures.document(segments)
    ids = codec.encode(document.text, document.side).ids
    return np.append(ids, np.int32(codec.boundary)).astype(np.int32)


def _check(codec: Codec) -> None:
    if not isinstance(codec, REGISTRY.load("mixed").MixedCodec):
        raise UsageError("this run knows no segments of several kinds; train one with --codec mixed")
