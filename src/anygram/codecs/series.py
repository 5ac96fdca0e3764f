"""Time series as symbols: bins of scaled values, or whole numbers as they are.

Bins are those of Chronos (Ansari et al. 2024, section 3.1): a value is divided by the mean size of all, and
falls into one of `bins` of equal width, or of as many training values each. The scale is rounded to a quarter
of a decade and is the first symbol, so that its bits are charged too. What is read back is a bin's middle.
With `difference` a value is coded as what was added to the one so many steps before, as that was read back,
so that errors do not add up; the differences have a scale of their own, a second symbol.

Whole numbers (`method` exact) are a symbol each; any other text is spelled byte by byte, so nothing is lost.

Axes: N values, T symbols, S samples, H steps of a horizon, K symbols of values.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import timeline
from anygram.codecs import _bins, _covariates, _differences
from anygram.codecs._bins import Bins, FloatN
from anygram.codecs._bins import numbers as numbers  # what others read series by
from anygram.codecs._bins import references as references
from anygram.codecs._calendar import calendar_of
from anygram.codecs._conditions import Conditions
from anygram.codecs._differences import FEWEST_BINS, FINEST, MOST_BINS, Known
from anygram.codecs._series import NONE, NOTHING, Beside, Memory
from anygram.codecs._series import Config as Config
from anygram.codecs._series import History as History
from anygram.codecs._series import SeriesCodec as SeriesCodec
from anygram.codecs._text import BYTES, readable, stored, to_bytes
from anygram.errors import DataError
from anygram.protocols import Encoded, Ids, Side, WithSides

KIND = "series"

_NEWLINE = ord("\n")
_WHOLE = re.compile(rb"-?[1-9][0-9]{0,14}|0")
_MOST_WHOLE = 1 << 16


class BinnedSeries(SeriesCodec):
    """A symbol a value: its bin.

    >>> codec = BinnedSeries(Config(bins=32), _bins.uniform(32, 15.0))
    >>> codec.decode(codec.encode("10\\n20\\n\\n").ids)
    '8.89139705019\\n26.6741911506\\n\\n'
    """

    lossless = False

    def __init__(self, config: Config, bins: Bins, beside: Beside = NOTHING) -> None:
        super().__init__(config, len(bins), 1 + _bins.SCALES, beside)
        self.bins = bins
        self.headed = 2 if self.apart else 1

    @property
    def found(self) -> str:
        return f"{self.config.method} bins, difference {self.apart}"

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        values_N = _bins.numbers(text)
        if not len(values_N):
            return Encoded(NONE, np.empty(0, dtype=np.int64), side, 0)
        scales = self._given(side) or self._scales(values_N, [len(values_N)])[0]
        ids_N, _, widths_N = self._coded(values_N, scales)
        units_N = np.array([len(line) + 1 for line in text.split("\n")[:-1]], dtype=np.int64)
        ids_T, units_T, widths_T = self.with_conditions(side, ids_N, units_N, widths_N)
        zeros = np.zeros(len(scales))
        return Encoded(
            np.append(self._header(scales), ids_T).astype(np.int32),
            np.append(zeros, units_T).astype(np.int64),
            {**(side or {}), "scale": list(scales)},
            len(values_N),
            np.append(zeros, widths_T),
        )

    def histories(self, text: str, side: Side | None, ends: Sequence[int]) -> list[History]:
        values_N = _bins.numbers(text)
        scales = self._scales(values_N, ends)
        a_value = self.conditions.count + 1
        coded: dict[tuple[int, ...], tuple[Ids, FloatN]] = {}
        for one in set(scales):
            ids_N, read_N, _ = self._coded(values_N, one)
            (ids_T,) = self.with_conditions(side, ids_N)
            coded[one] = np.append(self._header(one), ids_T).astype(np.int32), read_N
        return [
            History(coded[one][0][: self.headed + a_value * end], coded[one][1][:end], one)
            for one, end in zip(scales, ends, strict=True)
        ]

    def continued(self, history: History, ids_SH: Ids, within_SH: FloatN | None = None) -> FloatN:
        level, step = _bins.scale_at(history.scales[0]), _bins.scale_at(history.scales[-1])
        numbers_SH = self.bins.centres_K[ids_SH]
        apart = self.apart
        scales_H = np.full(numbers_SH.shape[1], step)
        values_SH: FloatN = numbers_SH * step
        if apart:
            ahead = np.append(history.values_N, np.full(apart, np.nan))
            known = _bins.references(ahead, apart)[len(history.values_N) :]
            for h in range(numbers_SH.shape[1]):
                if h >= apart:
                    values_SH[:, h] += values_SH[:, h - apart]
                elif np.isnan(known[h]):
                    scales_H[h] = level
                    values_SH[:, h] = numbers_SH[:, h] * level
                else:
                    values_SH[:, h] += known[h]
        if within_SH is None:
            return values_SH
        # what follows is added to what is read back, so that where in its bin a value lies adds up to nothing
        values_SH += self.bins.apart(ids_SH, within_SH) * scales_H
        return values_SH

    def spelling(self, symbol: int, before: Memory) -> bytes:
        if symbol >= self.first_condition:
            return b""
        if symbol > self.missing:
            before.level, before.step = before.step, _bins.scale_at(symbol - self.missing - 1)
            return b""
        apart = self.apart
        last = before.before[0] if apart else 0.0
        value: float | None = None
        if symbol < self.values:
            centre = self.bins.centres[symbol]
            value = centre * before.level if last is None else last + centre * before.step
        if apart:
            before.before.append(last if value is None else value)
        return b"\n" if value is None else f"{value:.12g}\n".encode()

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it: the edges of its bin, in multiples of the scale."""
        if identifier == self.boundary:
            return "<boundary>"
        if identifier >= self.first_condition:
            return self.conditions.name(identifier - self.first_condition)
        if identifier > self.missing:
            return f"scale {_bins.scale_at(identifier - self.missing - 1):.3g}"
        if identifier == self.missing:
            return "missing"
        edges = ("-inf", *(f"{edge:.4g}" for edge in self.bins.edges), "inf")
        return f"{edges[identifier]} to {edges[identifier + 1]}"

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "table": self.bins.to_json()}

    def scaled(self, values_N: FloatN) -> FloatN:
        """Return a series' known values, or what was added to those before, in multiples of their scale."""
        (scales,) = self._scales(values_N, [len(values_N)])
        level, step = _bins.scale_at(scales[0]), _bins.scale_at(scales[-1])
        before_N = _bins.references(values_N, self.apart) if self.apart else np.zeros(len(values_N))
        numbers_N = np.where(np.isnan(before_N), values_N / level, (values_N - before_N) / step)
        found: FloatN = numbers_N[~np.isnan(numbers_N)]
        return found

    def _header(self, scales: Sequence[int]) -> Ids:
        return np.array([self.missing + 1 + scale for scale in scales], dtype=np.int32)

    def _given(self, side: Side | None) -> tuple[int, ...] | None:
        """Return the scales that the side says; DataError where they are none."""
        given = (side or {}).get("scale")
        if given is None:
            return None
        if len(given) != self.headed or not all(0 <= scale < _bins.SCALES for scale in given):
            raise DataError(f"the side's scale must be {self.headed} places of {_bins.SCALES}, got {given}")
        return tuple(given)

    def _scales(self, values_N: FloatN, ends: Sequence[int]) -> list[tuple[int, ...]]:
        """Return the scales that the first so many values imply: of the values, and of their differences."""
        apart = self.apart
        if not apart:
            return [(_bins.scale_of(size),) for size in _bins.running_means(values_N, ends).tolist()]
        before_N = _bins.references(values_N, apart)
        alone_N = np.where(np.isnan(before_N), values_N, np.nan)
        levels = _bins.running_means(alone_N, ends).tolist()
        steps = _bins.running_means(values_N - before_N, ends).tolist()
        return [
            (_bins.scale_of(level), _bins.scale_of(max(step, FINEST * level)))
            for level, step in zip(levels, steps, strict=True)
        ]

    def _coded(self, values_N: FloatN, scales: Sequence[int]) -> tuple[Ids, FloatN, FloatN]:
        """Return the bins of the values, these as they are read back, and the logs of the bins' widths."""
        level, step = _bins.scale_at(scales[0]), _bins.scale_at(scales[-1])
        known_N = ~np.isnan(values_N)
        scales_N = np.full(len(values_N), step)
        before_N = np.zeros(len(values_N))
        if self.apart:
            before_N = self._read_back(values_N, level, step)
            scales_N = np.where(np.isnan(before_N), level, step)
            before_N = np.nan_to_num(before_N)
        numbers_N = np.where(known_N, (values_N - before_N) / scales_N, 0.0)
        bins_N = self.bins.all_of(numbers_N)
        read_N = np.where(known_N, before_N + self.bins.centres_K[bins_N] * scales_N, np.nan)
        widths_N = np.where(known_N, self.bins.log_widths(numbers_N, bins_N) + np.log(scales_N), 0.0)
        return np.where(known_N, bins_N, self.missing).astype(np.int32), read_N, widths_N

    def _read_back(self, values_N: FloatN, level: float, step: float) -> FloatN:
        """Return for each value the one that it is added to, as it is read back; NaN where there is none."""
        memory = Memory(self.apart)
        found: list[float] = []
        for value in values_N.tolist():
            last = memory.before[0]
            found.append(np.nan if last is None else last)
            base, scale = (0.0, level) if last is None else (last, step)
            if value == value:
                last = base + self.bins.centres[self.bins.of((value - base) / scale)] * scale
            memory.before.append(last)
        return np.array(found)


class ExactSeries(SeriesCodec):
    """A symbol a whole number of the training part's range; other texts byte by byte, after an escape.

    >>> ExactSeries(Config("exact"), 0, 9).encode("7\\n\\n1.5\\n").ids.tolist()
    [7, 10, 11, 61, 58, 65, 22]
    """

    lossless = True

    def __init__(self, config: Config, low: int, high: int, beside: Beside = NOTHING) -> None:
        """`low` to `high` are the numbers that have a symbol; none where high < low."""
        super().__init__(config, high - low + 1, 2 + len(BYTES), beside)
        self._low, self._high = low, high
        self.escape = self.values + 1
        self.first_byte = self.values + 2
        numbers = [f"{number}\n".encode() for number in range(low, high + 1)]
        self._spellings = [*numbers, b"\n", b"", *BYTES, *[b""] * self.conditions.size]

    @property
    def found(self) -> str:
        return f"whole numbers from {self._low} to {self._high}"

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        ids_T, units_T, _, count = self._spelled(text, side)
        return Encoded(ids_T, units_T, side, count)

    def histories(self, text: str, side: Side | None, ends: Sequence[int]) -> list[History]:
        ids_T, _, ends_N, _ = self._spelled(text, side)
        values_N = _bins.numbers(text)
        ends_N = np.append(0, ends_N)
        return [History(ids_T[: ends_N[end]], values_N[:end]) for end in ends]

    def continued(self, history: History, ids_SH: Ids, within_SH: FloatN | None = None) -> FloatN:
        return ids_SH.astype(np.float64) + self._low

    def spelling(self, symbol: int, before: Memory) -> bytes:
        return self._spellings[symbol]

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it."""
        if identifier == self.boundary:
            return "<boundary>"
        if identifier >= self.first_condition:
            return self.conditions.name(identifier - self.first_condition)
        if identifier in (self.missing, self.escape):
            return "missing" if identifier == self.missing else "spelled:"
        return readable(self._spellings[identifier].removesuffix(b"\n") or b"\n")

    def to_json(self) -> dict[str, Any]:
        return {**super().to_json(), "low": self._low, "high": self._high}

    def _spelled(self, text: str, side: Side | None) -> tuple[Ids, NDArray[np.int64], NDArray[np.int64], int]:
        """Return ids_T, units_T, where each value ends among them, and how many values there are."""
        lines = to_bytes(text).split(b"\n")
        if lines.pop():
            raise DataError("the last value has no line end: this is no series; read its file again")
        ahead_NC = self.ahead(side, len(lines)).tolist()
        ids: list[int] = []
        ends: list[int] = []
        for number, line in enumerate(lines):
            ids.extend(ahead_NC[number])
            ids.extend(self._symbols(line))
            ends.append(len(ids))
        units = [len(self._spellings[symbol]) for symbol in ids]
        return (
            np.array(ids, dtype=np.int32),
            np.array(units, dtype=np.int64),
            np.array(ends, dtype=np.int64),
            len(lines),
        )

    def _symbols(self, line: bytes) -> list[int]:
        if not line:
            return [self.missing]
        if _WHOLE.fullmatch(line) and self._low <= int(line) <= self._high:
            return [int(line) - self._low]
        return [self.escape, *(self.first_byte + byte for byte in line), self.first_byte + _NEWLINE]


def fit(data: Iterable[str], config: Config) -> SeriesCodec:
    """Return the codec; quantile bins, the range of whole numbers and covariates are those of the data.

    Without any values bins are of equal width. DataError for text that is no series, where whole numbers have
    too wide a range, or a covariate is not beside a series.
    """
    beside = _beside(data, config)
    if config.method == "exact":
        return ExactSeries(replace(config, difference=0), *_range_of(data), beside)
    values = [_bins.numbers(text) for text in data]
    if config.difference == "auto":
        sides = list(data.sides()) if isinstance(data, WithSides) else None
        config = replace(config, difference=_cheapest(values, sides, config, beside))
    if config.method == "uniform":
        count = config.bins or MOST_BINS
        return BinnedSeries(replace(config, bins=count), _bins.uniform(count, config.limit), beside)
    unfitted = BinnedSeries(config, _bins.uniform(FEWEST_BINS, config.limit))
    numbers_N = np.concatenate([*(unfitted.scaled(values_N) for values_N in values), np.empty(0)])
    count = config.bins or _differences.count_of(len(numbers_N))
    if not len(numbers_N):  # as in a mixture that holds no series: any bins will do
        return BinnedSeries(replace(config, bins=count), _bins.uniform(count, config.limit), beside)
    bins = _bins.quantile(numbers_N[np.abs(numbers_N) <= config.limit], count)
    return BinnedSeries(replace(config, bins=count), bins, beside)


def _cheapest(
    values: Sequence[FloatN], sides: Sequence[Side | None] | None, config: Config, beside: Beside
) -> int:
    """Return how many steps apart differences make forecasts cheapest, given what is known ahead."""
    conditions = Conditions(calendar_of(config.calendar if sides else ""), beside.covariates)
    known = [
        Known(values_N, _told_apart(conditions.ids(side, len(values_N)), conditions.size))
        for values_N, side in zip(values, sides or [None] * len(values), strict=True)
    ]
    return _differences.cheapest(known, timeline.seasons_of(beside.usual or {}))


def _told_apart(ids_NC: Ids, size: int) -> NDArray[np.int64]:
    """Return a number for each row of conditions that no other row has."""
    number_N = np.zeros(len(ids_NC), dtype=np.int64)
    for ids_N in ids_NC.T:
        number_N = np.unique(number_N, return_inverse=True)[1].reshape(-1) * size + ids_N
    return number_N


def from_json(fields: Mapping[str, Any]) -> SeriesCodec:
    """Return the codec that `to_json` described, of old ones too; RunError where it is damaged."""
    usual = None if fields.get("usual") is None else stored(fields, "usual", dict)
    method: Any = stored(fields, "method", str)
    config = Config(
        method,
        None if fields.get("bins") is None else stored(fields, "bins", int),
        float(stored(fields, "limit", float)),
        stored(fields, "difference", int),
        stored(fields, "calendar", str),
        str(fields.get("covariates", "")),
        int(fields.get("covariate_bins", Config.covariate_bins)),
    )
    beside = Beside(usual, tuple(_covariates.from_json(one) for one in fields.get("conditions", ())))
    if method == "exact":
        return ExactSeries(config, stored(fields, "low", int), stored(fields, "high", int), beside)
    return BinnedSeries(config, _bins.from_json(fields.get("table")), beside)


def _beside(data: Iterable[str], config: Config) -> Beside:
    """Return what is usual beside the data, and what covariates they have; DataError where they lack one."""
    if not isinstance(data, WithSides):
        if config.beside:
            raise DataError(
                f"there is nothing beside these series, and covariates={config.covariates} is asked for"
            )
        return NOTHING
    found = (
        _covariates.fit(column, zip(data, data.sides(), strict=True), config.covariate_bins)
        for column in config.beside
    )
    covariates = tuple(found)
    usual = _usual([side for side in data.sides() if side])
    if covariates:  # as in the first series, so that one can be made without being told any
        known = next(iter(zip(data, data.sides(), strict=True)), None)
        usual = {**(usual or {}), **({} if known is None else _covariates.beginning(config.beside, *known))}
    return Beside(usual, covariates)


def _usual(sides: Sequence[Side]) -> Side | None:
    """Return when most series begin and their step, where they have times."""
    known = Counter(
        (side.get("start"), side.get("step")) for side in sides if timeline.moments(side, 0) is not None
    )
    return dict(zip(("start", "step"), known.most_common(1)[0][0], strict=True)) if known else None


def _range_of(data: Iterable[str]) -> tuple[int, int]:
    """Return the least and the greatest whole number of the data, (0, -1) where there is none."""
    low = high = None
    for text in data:
        for line in set(text.split("\n")):
            if _WHOLE.fullmatch(line.encode("utf-8", "surrogatepass")):
                number = int(line)
                low = number if low is None else min(low, number)
                high = number if high is None else max(high, number)
    if low is None or high is None:
        return 0, -1
    if high - low >= _MOST_WHOLE:
        raise DataError(
            f"whole numbers from {low} to {high} are more than {_MOST_WHOLE} symbols; use method=quantile"
        )
    return low, high
