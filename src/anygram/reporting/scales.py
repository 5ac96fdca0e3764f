"""Axes: round ticks that cover what is shown, and where a value lies between them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count

from anygram.reporting import amounts

MANTISSAS = (1, 2, 5)
# a linear axis of a wider span would show all small values on one spot
LOGARITHMIC_FROM = 20.0
_LEAST_SPAN = 1e-9  # of the values' size: less is rounding, not a difference
_TINY = 1e-290


@dataclass(frozen=True)
class Axis:
    """What an axis is called, and how its numbers read; `logarithmic` is None where the span shall decide."""

    title: str
    logarithmic: bool | None = None
    form: Callable[[float], str] = amounts.tick
    covers: tuple[float, ...] = ()
    """Values that the axis shows whatever the data."""


@dataclass(frozen=True)
class Scale:
    """An axis laid out from `start` to `end` in the units of a drawing."""

    ticks: tuple[float, ...]
    logarithmic: bool
    start: float
    end: float

    def place(self, value: float) -> float:
        """Return where a value lies; one outside the ticks lies at the nearer end."""
        low, high = self.ticks[0], self.ticks[-1]
        clipped = min(max(value, low), high)
        if self.logarithmic:
            share = (math.log(clipped) - math.log(low)) / (math.log(high) - math.log(low))
        else:
            # halves: the difference of two ends of opposite signs need not overflow
            share = (clipped / 2 - low / 2) / (high / 2 - low / 2)
        return self.start + share * (self.end - self.start)


def lay_out(axis: Axis, values: Iterable[float], start: float, end: float, wanted: int = 5) -> Scale:
    """Return the scale of an axis for these values (at least one, all finite)."""
    shown = [*values, *axis.covers]
    low, high = min(shown), max(shown)
    logarithmic = is_logarithmic(low, high) if axis.logarithmic is None else axis.logarithmic and low > _TINY
    ticks = logarithmic_ticks(low, high, wanted + 1) if logarithmic else linear_ticks(low, high, wanted)
    return Scale(tuple(ticks), logarithmic, start, end)


def is_logarithmic(low: float, high: float) -> bool:
    """Return whether a span asks for a logarithmic axis."""
    return low > _TINY and high / low >= LOGARITHMIC_FROM


def linear_ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Return at most wanted + 2 multiples of 1, 2 or 5 times a power of ten that cover `low` to `high`.

    >>> linear_ticks(1.93, 2.31)
    [1.9, 2.0, 2.1, 2.2, 2.3, 2.4]
    >>> linear_ticks(3, 3)
    [2.8, 2.9, 3.0, 3.1, 3.2]
    """
    low, high = _widened(low, high)
    span = Fraction(high) - Fraction(low)
    step = _least_step(span / wanted)
    first, last = math.floor(Fraction(low) / step), math.ceil(Fraction(high) / step)
    # fractions are exact: a tick is the float nearest to its round number, and none is missed at an end
    return [float(number * step) for number in range(first, last + 1)]


def logarithmic_ticks(low: float, high: float, wanted: int = 6) -> list[float]:
    """Return ticks from at most `low` (> 0) to at least `high`, each 1, 2 or 5 times a power of ten.

    Where these would be more than `wanted`, powers alone stand between the two ends.

    >>> logarithmic_ticks(3, 90)
    [2.0, 5.0, 10.0, 20.0, 50.0, 100.0]
    >>> logarithmic_ticks(1, 1024)
    [1.0, 10.0, 100.0, 1000.0, 2000.0]
    """
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 2)
    candidates = [mantissa * Fraction(10) ** power for power in powers for mantissa in MANTISSAS]
    ticks = _covering(candidates, low, high)
    for stride in count(1):
        if len(ticks) <= max(wanted, 2):
            break
        decades = [float(Fraction(10) ** power) for power in powers if power % stride == 0]
        ticks = [ticks[0], *(tick for tick in decades if ticks[0] < tick < ticks[-1]), ticks[-1]]
    return ticks


def thinned(places: Sequence[float], lengths: Sequence[float], gap: float) -> list[int]:
    """Return which labels of these lengths, centred at these places in a row, stay so that all keep a gap.

    >>> thinned([0, 30, 50, 100], [20, 20, 20, 20], 8)
    [0, 1, 3]
    """
    kept: list[int] = []
    free = -math.inf
    for number, (place, length) in enumerate(zip(places, lengths, strict=True)):
        distance = abs(place - places[0])
        if distance - length / 2 >= free:
            kept.append(number)
            free = distance + length / 2 + gap
    return kept


def _widened(low: float, high: float) -> tuple[float, float]:
    size = max(abs(low), abs(high))
    if high - low > max(size * _LEAST_SPAN, _TINY):
        return low, high
    around = size * 0.05 if size > _TINY else 0.5
    return low - around, high + around


def _least_step(least: Fraction) -> Fraction:
    """Return the least of 1, 2 and 5 times a power of ten that is not below `least`."""
    power = math.floor(math.log10(least.numerator) - math.log10(least.denominator)) - 1
    while True:
        for mantissa in MANTISSAS:
            step = mantissa * Fraction(10) ** power
            if step >= least:
                return step
        power += 1


def _covering(candidates: Sequence[Fraction], low: float, high: float) -> list[float]:
    """Return the ascending candidates from the last up to `low` to the first from `high` on: two or more."""
    before = max(number for number, tick in enumerate(candidates) if tick <= low)
    after = min(number for number, tick in enumerate(candidates) if tick >= high)
    if before == after:
        before, after = before - 1, after + 1
    return [float(tick) for tick in candidates[before : after + 1]]
