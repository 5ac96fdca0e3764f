"""Records searched for anomalies: normal ones set the threshold, then each is told with its score and place.

Axes: P pieces of a record, D records.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import compress, islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.information import bits
from anygram.protocols import FloatArray, Reader
from anygram.tasks.anomalies import explaining, metrics, thresholds
from anygram.tasks.anomalies.calibration import (
    Asked,
    Distinct,
    Records,
    Scored,
    calibrate,
    scored,
)
from anygram.tasks.anomalies.explaining import Expectations
from anygram.tasks.anomalies.rule import Rule
from anygram.tasks.anomalies.telling import NOWHERE, Told

_TOGETHER = 256
"""So many records are explained at a time."""


@dataclass(frozen=True)
class Finding:
    """A piece of a record and its score; scores, threshold and surprise are in bits.

    `first` and `symbols` say which symbols of the record it is, the boundary after its last one included.
    `p_value` is the share of normal scores that are at least as high, the new one counted in. `where` quotes
    what surprises in an anomaly, from byte `at_byte` of the record on, `came` is the symbol in it that does
    most, in whose place others were `expected`; `place` is the time, column or pixel of that symbol, of texts
    nothing. These are empty where there is no anomaly. `sets_threshold` marks what had a part in setting the
    threshold, whose alarms are therefore no measure.
    """

    document: str
    first: int
    symbols: int
    score: float
    threshold: float
    p_value: float
    anomalous: bool
    sets_threshold: bool
    place: str
    where: str
    at_byte: int
    surprise_bits: float
    came: str
    expected: str


class Anomalies:
    """Findings in the order of the records, found while they are asked for; then the figures."""

    def __init__(self, asked: Asked, records: Records, normal: Records | None, rule: Rule) -> None:
        """Set the threshold by `normal` records, else by a half of those that no label calls anomalous.

        Without `normal` the records are read twice. DataError where there are too few for the false alarms.
        """
        self._asked, self._records, self._rule = asked, records, rule
        self._reader = asked.session()
        self._calibration = calibrate(asked, self._reader, normal or records, rule)
        self._apart = normal is not None
        if not self._apart:
            self._reader = asked.session()
        self._distinct = Distinct(drop=rule.duplicates == "drop")
        self._tally = _Tally()

    @property
    def threshold_bits(self) -> float:
        """What scores above it is an anomaly; of what does not, only what ties where ties are drawn."""
        return bits(self._calibration.threshold.nats)

    def __iter__(self) -> Iterator[Finding]:
        """Yield the findings, once; DataError where there are no records, or all labels are alike."""
        follower = self._reader.copy() if self._reader is not None and self._rule.expected else None
        searched = scored(self._asked, self._reader, self._distinct.passed(self._records()), self._rule)
        used = 0
        while group := [*map(self._judged, islice(searched, _TOGETHER if self._reader is None else 1))]:
            explained = iter(self._explained(group, follower))
            for one in group:
                sets_P = self._sets(one.scored, used)
                used += 0 if one.scored.anomalous else len(sets_P)
                self._tally.add(one, sets_P)
                yield from self._findings(one, sets_P, next(explained) if one.alarm_P.any() else None)
        if not self._tally.pieces:
            raise DataError("there are no records to search; name a source that holds some")
        self._tally.finish()

    def _judged(self, one: Scored) -> _Judged:
        p_value_P = self._calibration.threshold.p_values(one.pieces.score_P, one.lot_P)
        return _Judged(one, p_value_P, self._calibration.threshold.alarms(p_value_P))

    def _explained(self, group: Sequence[_Judged], follower: Reader | None) -> Iterator[Expectations | None]:
        """Yield what was expected in each record of a group that has an alarm."""
        likeliest = self._rule.expected
        alarms = [bool(one.alarm_P.any()) for one in group]
        texts = [one.scored.surprisal.ids_T for one in group]
        if not likeliest:
            yield from [None] * sum(alarms)
        elif follower is None:
            yield from explaining.expect(self._asked.model, list(compress(texts, alarms)), likeliest)
        else:  # it reads what the session has read, a record behind
            for ids_T, alarm in zip(texts, alarms, strict=True):
                if alarm:
                    yield explaining.expect_reading(follower, ids_T, likeliest)
                else:
                    follower.read(ids_T)

    def _sets(self, one: Scored, used: int) -> NDArray[np.bool_]:
        """Return which of a record's pieces set the threshold; `used` normal ones came before."""
        if self._apart or one.anomalous:
            return np.zeros(len(one.pieces), dtype=bool)
        return self._calibration.sets_N[used : used + len(one.pieces)]

    def _findings(
        self, judged: _Judged, sets_P: NDArray[np.bool_], expectations: Expectations | None
    ) -> Iterator[Finding]:
        one = judged.scored
        told = None
        if expectations is not None:
            told = Told(one.surprisal, one.odd_T, expectations, self._asked)
        for piece in range(len(one.pieces)):
            span = int(one.pieces.starts_P[piece]), int(one.pieces.ends_P[piece])
            place = NOWHERE
            if judged.alarm_P[piece] and told is not None:
                place = told.place(span)
            yield Finding(
                document=one.surprisal.document.name,
                first=span[0],
                symbols=span[1] - span[0],
                score=bits(float(one.pieces.score_P[piece])),
                threshold=self.threshold_bits,
                p_value=float(judged.p_value_P[piece]),
                anomalous=bool(judged.alarm_P[piece]),
                sets_threshold=bool(sets_P[piece]),
                place=place.called,
                where=place.text,
                at_byte=place.byte,
                surprise_bits=place.bits,
                came=place.came,
                expected=place.expected,
            )

    def figures(self) -> dict[str, Any]:
        """Return what was searched and how the threshold kept its promise; by labels, how alarms agreed."""
        rule, found, tally = self._rule, self._calibration, self._tally
        low, high = thresholds.wilson(found.alarms, found.others)
        figures: dict[str, Any] = {
            "records": tally.records,
            "per": rule.per,
            "by": rule.way,
            "scores": tally.pieces,
            "anomalous": tally.alarms,
            "threshold_bits": self.threshold_bits,
            "threshold_set_by": len(found.threshold.sorted_N),
            "false_alarms_asked": rule.false_alarms,
            "false_alarms_measured": found.alarms / found.others if found.others else None,
            "false_alarms_low": low,
            "false_alarms_high": high,
            "false_alarms_measured_on": found.others,
            "normal_named": self._apart,
            "duplicates": rule.duplicates,
            "ties": rule.ties,
            "repeated_records": self._distinct.repeated,
            "repeated_normal_records": found.repeated if self._apart else None,
            "adaptive": self._reader is not None,
        }
        return figures | ({} if tally.agreement is None else tally.agreement.to_json())


@dataclass(frozen=True)
class _Judged:
    """A scored record, the p-values of its pieces, and which of these are anomalies."""

    scored: Scored
    p_value_P: FloatArray
    alarm_P: NDArray[np.bool_]


class _Tally:
    """Counts what was searched, and keeps the score of every record that has a label."""

    def __init__(self) -> None:
        self.records = self.pieces = self.alarms = 0
        self.agreement: metrics.Agreement | None = None
        self._scores, self._alarms, self._anomalous = array("d"), array("b"), array("b")

    def add(self, judged: _Judged, sets_P: NDArray[np.bool_]) -> None:
        one, alarm_P = judged.scored, judged.alarm_P
        self.records += 1
        self.pieces += len(alarm_P)
        self.alarms += int(alarm_P.sum())
        if one.anomalous is not None and not sets_P.any():
            self._scores.append(float(one.pieces.score_P.max()))
            self._alarms.append(bool(alarm_P.any()))
            self._anomalous.append(one.anomalous)

    def finish(self) -> None:
        if self._scores:
            alarm_D, anomalous_D = (np.array(each, dtype=bool) for each in (self._alarms, self._anomalous))
            self.agreement = metrics.agreement(np.array(self._scores), alarm_D, anomalous_D)
