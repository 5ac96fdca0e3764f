"""Records scored in order, and what their normal ones say of the threshold.

Axes: P pieces of a record, N pieces of all normal records end to end.
"""

from __future__ import annotations

import hashlib
from array import array
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram import evaluation
from anygram.data.documents import Document
from anygram.errors import DataError
from anygram.evaluation import Surprisal
from anygram.protocols import Codec, FloatArray, LanguageModel, Reader
from anygram.storage import to_json
from anygram.tasks.anomalies import thresholds
from anygram.tasks.anomalies.rule import Rule
from anygram.tasks.anomalies.scores import Pieces, oddness, score
from anygram.tasks.anomalies.thresholds import Threshold


@dataclass(frozen=True)
class Labelled:
    """A document, and whether its label calls it an anomaly; None where it has no label."""

    document: Document
    anomalous: bool | None = None


Records = Callable[[], Iterable[Labelled]]
"""Gives the same records each time it is called."""


@dataclass(frozen=True)
class Scored:
    """A record with the oddness of its symbols, the scores of its pieces, and the lot of each in ties."""

    surprisal: Surprisal
    odd_T: FloatArray
    pieces: Pieces
    lot_P: FloatArray
    anomalous: bool | None


@dataclass(frozen=True)
class Asked:
    """The run that is asked: `session` begins a new one that learns while it reads, or is no session.

    `kind` is that of its records.
    """

    model: LanguageModel
    codec: Codec
    session: Callable[[], Reader | None]
    kind: str = "text"


class Distinct:
    """Passes records on and counts those whose text, side and label stood before, which it may drop."""

    def __init__(self, *, drop: bool) -> None:
        self._drop = drop
        self._seen: set[bytes] = set()
        self.repeated = 0

    def passed(self, records: Iterable[Labelled]) -> Iterator[Labelled]:
        """Yield the records, each once where others are dropped."""
        for record in records:
            beside = to_json([record.document.side, record.anomalous]).encode()
            digest = hashlib.blake2b(record.document.to_bytes() + beside, digest_size=16).digest()
            repeated = digest in self._seen
            self.repeated += repeated
            self._seen.add(digest)
            if not (repeated and self._drop):
                yield record


def scored(asked: Asked, reader: Reader | None, records: Iterable[Labelled], rule: Rule) -> Iterator[Scored]:
    """Yield the records in order with their scores; a `reader` reads all in one session."""
    labels: deque[bool | None] = deque()
    lots = np.random.default_rng(rule.seed)

    def documents() -> Iterator[Document]:
        for record in records:
            labels.append(record.anomalous)
            yield record.document

    for one in evaluation.surprisals_in_order(asked.model, asked.codec, documents(), reader=reader):
        odd_T = oddness(one)
        pieces = score(odd_T, rule)
        lot_P = lots.random(len(pieces)) if rule.ties == "draw" else np.ones(len(pieces))
        yield Scored(one, odd_T, pieces, lot_P, labels.popleft())


@dataclass(frozen=True)
class Calibration:
    """A threshold, which normal pieces set it, how many others there were and how many passed it."""

    threshold: Threshold
    sets_N: NDArray[np.bool_]
    others: int
    alarms: int
    repeated: int


def calibrate(asked: Asked, reader: Reader | None, records: Records, rule: Rule) -> Calibration:
    """Return what the records that no label calls anomalous say of the threshold.

    DataError where they are too few for the false alarms asked for.
    """
    distinct = Distinct(drop=rule.duplicates == "drop")
    scores, lots, pieces_D = array("d"), array("d"), array("q")
    for one in scored(asked, reader, distinct.passed(records()), rule):
        if not one.anomalous:
            scores.extend(one.pieces.score_P)
            lots.extend(one.lot_P)
            pieces_D.append(len(one.pieces))
    if not pieces_D:
        raise DataError("there are no normal records to set a threshold by; name some with --normal SOURCE")
    score_N = np.array(scores)
    sets_N = thresholds.halves(pieces_D, rule.seed)
    threshold = thresholds.threshold_of(score_N[sets_N], rule.false_alarms)
    p_value_N = threshold.p_values(score_N[~sets_N], np.array(lots)[~sets_N])
    alarms = int(threshold.alarms(p_value_N).sum())
    return Calibration(threshold, sets_N, len(p_value_N), alarms, distinct.repeated)
