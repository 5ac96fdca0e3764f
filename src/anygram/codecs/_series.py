"""What codecs of time series have in common: the order of symbols, and which may follow which.

Axes: N values, T symbols, S samples, H steps of a horizon.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _bins
from anygram.codecs._bins import FloatN
from anygram.codecs._calendar import calendar_of
from anygram.codecs._conditions import Conditions
from anygram.codecs._covariates import Covariate
from anygram.codecs._text import check_range, to_text
from anygram.errors import UsageError
from anygram.protocols import Decoder, Encoded, Guide, Ids, Side

NONE = np.empty(0, dtype=np.int32)
_NEWLINE = ord("\n")
_AHEAD = 1 << 10


@dataclass(frozen=True)
class Config:
    """How values become symbols.

    `bins` and `limit`, in multiples of the scale, are not used by `exact`; without a number there are 1,024
    bins of equal width, or as many quantiles as the square root of the training values, from 8 to 1,024.
    Without a `difference` it is 0, 1 or a usual season: what makes forecasts cheapest (`_differences`). A
    symbol of the `calendar` stands before each value: some of hour, weekday, month, with commas between. So
    does one of each of the `covariates`, columns whose names stand between commas; those of numbers have at
    most `covariate_bins`.
    """

    method: Literal["uniform", "quantile", "exact"] = "quantile"
    bins: int | None = None
    limit: float = 15.0
    difference: int | Literal["auto"] = "auto"
    calendar: str = ""
    covariates: str = ""
    covariate_bins: int = 8

    def __post_init__(self) -> None:
        if self.bins is not None and not 4 <= self.bins <= 65_536:
            raise UsageError(f"bins must be from 4 to 65536, got {self.bins}")
        if not 0 < self.limit < 1e6:
            raise UsageError(f"limit must be above 0 and below 1e6, got {self.limit:g}")
        if self.difference != "auto" and self.difference < 0:
            raise UsageError(f"difference must be at least 0, got {self.difference}; for example 12")
        if self.difference not in ("auto", 0) and self.method == "exact":
            raise UsageError("difference is for bins; leave it out with method=exact")
        if not 2 <= self.covariate_bins <= 1024:
            raise UsageError(f"covariate_bins must be from 2 to 1024, got {self.covariate_bins}")
        calendar_of(self.calendar)
        if len(set(self.beside)) < len(self.beside):
            raise UsageError(f"covariates must name columns, each once, got '{self.covariates}'")

    @property
    def beside(self) -> tuple[str, ...]:
        """The columns of a frame that are read beside its values."""
        return tuple(word.strip() for word in self.covariates.split(",") if word.strip())


@dataclass(frozen=True)
class History:
    """The beginning of a series as a model reads it: its symbols, and its values as they are read back."""

    ids_T: Ids
    values_N: FloatN
    scales: tuple[int, ...] = ()


@dataclass(frozen=True)
class Beside:
    """What was found beside the values of the training part: a usual side, and covariates."""

    usual: Side | None = None
    covariates: tuple[Covariate, ...] = ()


NOTHING = Beside()


class SeriesCodec(ABC):
    """What both ways share: symbols of values first, what one way adds, those of conditions, the boundary."""

    unit = "value"
    unknown: int | None = None
    lossless: bool
    headed = 0
    """How many symbols of scales stand before the first value."""

    def __init__(self, config: Config, values: int, others: int, beside: Beside) -> None:
        """`values` symbols are of known values, `others` those before the conditions'."""
        self.config, self.values = config, values
        self.apart = 0 if config.difference == "auto" else config.difference
        self.missing = values
        self.conditions = Conditions(calendar_of(config.calendar), beside.covariates)
        self.first_condition = values + others
        self._usual = beside.usual

    @property
    def boundary(self) -> int:
        return self.first_condition + self.conditions.size

    @property
    def vocabulary_size(self) -> int:
        return self.boundary + 1

    @property
    @abstractmethod
    def found(self) -> str:
        """What values became, as a person reads it."""

    @abstractmethod
    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the symbols of a series; DataError where it is none, or a condition is unknown."""

    @abstractmethod
    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it."""

    @abstractmethod
    def spelling(self, symbol: int, before: Memory) -> bytes:
        """Return what a symbol stands for after those before it, and note what following ones need."""

    @abstractmethod
    def histories(self, text: str, side: Side | None, ends: Sequence[int]) -> list[History]:
        """Return what `encode` makes of the first so many values, for each of `ends`, all at once."""

    @abstractmethod
    def continued(self, history: History, ids_SH: Ids, within_SH: FloatN | None = None) -> FloatN:
        """Return the values of symbols of known values that go on from a history, as values_SH.

        They are as symbols are read back, or, by numbers from 0 to 1, anywhere in what each stands for.
        """

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return the values of these symbols, a line each."""
        ids = np.asarray(ids)
        check_range(ids, self.boundary)
        memory = Memory(self.apart)
        return to_text(b"".join(self.spelling(symbol, memory) for symbol in ids.tolist()))

    def decoder(self, side: Side | None = None) -> Decoder:
        return _SeriesDecoder(self)

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of a series' first values; the last one's line need not be ended."""
        if not text:
            return NONE
        return self.encode(text if text.endswith("\n") else f"{text}\n", self._beside(side)).ids

    def guide(self, side: Side | None = None) -> Guide:
        """Return what keeps a series valid; of `values` values where the side says so.

        Where the side has covariates of so many values, the series ends with these at the latest.
        """
        side = self._beside(side)
        self.ahead(side, int(side.get("values") or 0))  # refused before anything is drawn
        return _WholeValues(self, side)

    def _beside(self, side: Side | None) -> Side:
        """Return the side, and what is usual in the place of what it does not say."""
        return {**(self._usual or {}), **(side or {})}

    def ahead(self, side: Side | None, count: int, after: int = 0) -> Ids:
        """Return the conditions' symbols of `count` values after the first `after`, as ids_NC."""
        return self.conditions.ids(side, count, after) + np.int32(self.first_condition)

    def describe(self) -> list[dict[str, Any]]:
        """Return a row for the values, the calendar and each covariate: what they became, in symbols."""
        found = [{"column": "values", "symbols": self.values, "found": self.found}]
        if self.config.calendar:
            size = self.conditions.size - sum(one.size for one in self.conditions.covariates)
            found.append({"column": "calendar", "symbols": size, "found": self.config.calendar})
        for one in self.conditions.covariates:
            found.append({"column": one.column, "symbols": one.size, "found": one.found})
        return found

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self.config),
            "difference": self.apart,
            "usual": None if self._usual is None else dict(self._usual),
            "conditions": [one.to_json() for one in self.conditions.covariates],
        }

    def with_conditions(self, side: Side | None, *arrays_N: NDArray[Any]) -> list[NDArray[Any]]:
        """Return ids of values with the conditions' before each; other arrays have zeros there."""
        ids_NC = self.ahead(side, len(arrays_N[0]))
        spread = [np.column_stack([np.zeros_like(ids_NC, array_N.dtype), array_N]) for array_N in arrays_N]
        spread[0][:, :-1] = ids_NC
        return [array_NC.ravel() for array_NC in spread]


class Memory:
    """What must be known to read a symbol back: the scales, and the values so many steps before."""

    def __init__(self, difference: int) -> None:
        self.level = self.step = 1.0
        self.before: deque[float | None] = deque([None] * difference, maxlen=difference)


class _SeriesDecoder:
    """Decodes as symbols arrive."""

    def __init__(self, codec: SeriesCodec) -> None:
        self._codec = codec
        self._memory = Memory(codec.apart)
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def push(self, symbol: int) -> str:
        check_range(np.array([symbol], dtype=np.int32), self._codec.boundary)
        return self._utf8.decode(self._codec.spelling(symbol, self._memory))

    def finish(self) -> str:
        return self._utf8.decode(b"", final=True)


class _WholeValues:
    """Allows the scales, then conditions' symbols and a value in turn, and the boundary between values."""

    def __init__(self, codec: SeriesCodec, side: Side) -> None:
        self.side = side
        self._codec = codec
        self._scales = list(side.get("scale", [None] * codec.headed))
        self._known = codec.conditions.known(side)
        wanted = side.get("values")
        self._ends_anywhere = wanted is None
        limits = [int(limit) for limit in (wanted, self._known) if limit is not None]
        self._most = min(limits, default=None)
        self._values = 0
        self._ahead_NC: Ids = NONE
        self._due = codec.conditions.count
        self._spelling = False

    def allowed(self) -> NDArray[np.bool_]:
        codec = self._codec
        allowed_V = np.zeros(codec.vocabulary_size, dtype=bool)
        if self._scales:
            first = codec.missing + 1
            given = self._scales[0]
            allowed_V[first : codec.first_condition] = (
                True if given is None else np.arange(_bins.SCALES) == given
            )
            allowed_V[-1] = (
                given is None
                and len(self._scales) == codec.headed
                and (self._ends_anywhere or not self._most)
            )
        elif self._spelling:
            first = codec.missing + 2
            allowed_V[first : codec.first_condition] = True
        else:
            between = self._due == codec.conditions.count
            ended = self._most is not None and self._values >= self._most
            allowed_V[-1] = between and (ended or self._ends_anywhere)
            if not ended and self._due:
                allowed_V[self._next_condition()] = True
            elif not ended:
                allowed_V[: codec.missing + (1 if codec.headed else 2)] = True
        return allowed_V

    def push(self, symbol: int) -> None:
        codec = self._codec
        if self._scales:
            self._scales.pop(0)
        elif self._spelling:
            self._spelling = symbol != codec.missing + 2 + _NEWLINE
            self._ended(not self._spelling)
        elif self._due:
            self._due -= 1
        elif symbol == codec.missing + 1 and not codec.headed:
            self._spelling = True
        else:
            self._ended(True)

    def _ended(self, ended: bool) -> None:
        self._values += ended
        self._due = self._codec.conditions.count if ended else 0

    def _next_condition(self) -> int:
        """Return the symbol of the next value's next condition, of which many are found at once."""
        place = self._values % _AHEAD
        if place == 0 or not len(self._ahead_NC):
            before = self._values - place
            count = _AHEAD if self._known is None else min(_AHEAD, self._known - before)
            self._ahead_NC = self._codec.ahead(self.side, count, before)
        return int(self._ahead_NC[place, -self._due])
