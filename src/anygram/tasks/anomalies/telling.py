"""Where in a record the surprise lies, and what was expected there, as a person says it.

A symbol's excess is its surprisal less what the model expected it to be, the entropy of the distribution at
its place, and less one bit more: digits of a time of day surprise, but no more than expected. The surprise
lies in the stretch of symbols with the largest sum of excesses (Bentley 1984), and what came and what was
expected is told of the symbol in it with the largest one.

Axes: T symbols of a record (its boundary included), K likeliest symbols.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from anygram.codecs.series import BinnedSeries, History, numbers
from anygram.data import kinds
from anygram.evaluation import Surprisal
from anygram.information import NATS_PER_BIT, bits
from anygram.protocols import FloatArray, Scattered
from anygram.tasks.anomalies.calibration import Asked
from anygram.tasks.anomalies.explaining import Expectations, heaviest
from anygram.tasks.prediction import END

MARGIN = NATS_PER_BIT
"""What a symbol must surprise beyond the entropy to lengthen a stretch: with none, stretches are too long."""


@dataclass(frozen=True)
class Place:
    """Where the surprise lies: how that is called, its text, first byte and bits, what came, and for what."""

    called: str
    text: str
    byte: int
    bits: float
    came: str
    expected: str


NOWHERE = Place("", "", 0, 0.0, "", "")


class Told:
    """A record about which is told; odd_T is what its symbols score."""

    def __init__(self, scored: Surprisal, odd_T: FloatArray, found: Expectations, asked: Asked) -> None:
        self._scored, self._odd_T, self._found = scored, odd_T, found
        self._codec = codec = asked.codec
        self._kind = asked.kind
        document = scored.document
        if isinstance(codec, Scattered):
            spans = codec.spans(document.text, document.side)
            self._begins_T, self._ends_T = (np.append(edge_T, scored.units_T[:-1].sum()) for edge_T in spans)
        else:
            self._ends_T = np.cumsum(scored.units_T)
            self._begins_T = self._ends_T - scored.units_T

    def place(self, piece: tuple[int, int]) -> Place:
        """Return where the surprise of a piece of the record lies."""
        found, (begin, end) = self._found, piece
        excess_T = self._odd_T[begin:end] - found.entropy_T[begin:end] - MARGIN
        start, stop = (begin + edge for edge in heaviest(excess_T))
        peak = start + int(np.argmax(excess_T[start - begin : stop - begin]))
        expected = ", ".join(
            f"{name!r} {probability:.2f}"
            for name, probability in zip(
                self._names(peak, found.likeliest_TK[peak].tolist()), found.probability_TK[peak], strict=True
            )
        )
        return Place(
            called=kinds.place_of(self._kind, self._scored.document, int(self._begins_T[peak])),
            text=self._quoted(slice(start, stop)),
            byte=int(self._begins_T[start:stop].min()),
            bits=bits(float(self._odd_T[start:stop].sum())),
            came=self._names(peak, [int(self._scored.ids_T[peak])])[0],
            expected=expected,
        )

    def _quoted(self, span: slice) -> str:
        """Return the bytes that symbols tell of as text, or the symbols' names."""
        first, last = int(self._begins_T[span].min()), int(self._ends_T[span].max())
        text = self._scored.document.to_bytes()[first:last].decode("utf-8", "replace")
        if self._kind == "series":
            text = text.removesuffix("\n")
        if text and kinds.is_readable(self._kind):
            return text
        return " ".join(map(self._name, self._scored.ids_T[span].tolist()))

    @cached_property
    def _numbers_N(self) -> NDArray[np.float64]:
        return numbers(self._scored.document.text)

    def _names(self, peak: int, symbols: list[int]) -> list[str]:
        """Return how a person reads symbols at a place: numbers in the data's own unit."""
        codec = self._codec
        if not isinstance(codec, BinnedSeries) or peak < codec.headed:
            return [self._name(symbol) for symbol in symbols]
        scales = tuple(int(scale) - codec.missing - 1 for scale in self._scored.ids_T[: codec.headed])
        before_N = self._numbers_N[: int((self._scored.units_T[:peak] > 0).sum())]
        known = [[symbol if symbol < codec.values else 0] for symbol in symbols]
        value_S1 = codec.continued(History(self._scored.ids_T, before_N, scales), np.array(known))
        return [
            f"{value:.4g}" if symbol < codec.values else self._name(symbol)
            for symbol, value in zip(symbols, value_S1[:, 0].tolist(), strict=True)
        ]

    def _name(self, symbol: int) -> str:
        return END if symbol == self._codec.boundary else self._codec.symbol(symbol)
