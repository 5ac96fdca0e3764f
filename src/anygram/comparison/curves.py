"""Learning curves: bits per byte after N bytes of training, as a + b · N^−c with honest intervals.

Error falls with the amount of data as a power of it, towards what cannot be learnt (Hestness et al. 2017;
Kaplan et al. 2020; Hoffmann et al. 2022). Four or five points do not say what three parameters are, so the
curve is not one fit but all of those that the points allow, by Bayes' rule on a grid:

    y_i = (a + b · (N_i / N_1)^−c) + e_i · y_i,     e_i ~ Normal(0, s²)

    a   what no amount of data teaches: flat from 0 to the lowest point
    b   what N_1 has yet to teach: flat over all b > 0, integrated in closed form
    c   how fast it is learnt: flat in log c from 0.02 to 1
    s   what other documents, another seed, or bends that no power has would change: flat in log s from 0.5 %
        to 10 % of a point

The range of s was chosen on 35 curves of n-grams and context mixing over poems, reviews, messages, sentences,
source code, logs and tables, where 32 of the intervals said of the last point from the four before it held
(with s from 0.1 %: 30). The same test part stands behind all points, so its sampling moves the whole curve
and is no part of s. Predictions are of points, e included.

Axes: N points, A values of a, C of c, E of s, S draws, G sizes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self

import numpy as np

from anygram import information
from anygram.protocols import FloatArray
from anygram.reporting import amounts

FEWEST_POINTS = 4
CONFIDENCE = 0.9
SLACK = 0.02
"""More data may make a point worse by 2 %, as chance does; beyond that it is no such curve."""

REACH = 8.0
"""Nothing is said of more than 8 times the data."""

DRAWS = 4000
_SHARES_OF_LOWEST = np.linspace(0.0, 1.0, 60, endpoint=False)
_EXPONENTS = np.geomspace(0.02, 1.0, 50)
_NOISES = np.geomspace(0.005, 0.1, 12)


@dataclass(frozen=True)
class Point:
    """What so many bytes of training gave."""

    bytes: int
    bits_per_byte: float


@dataclass(frozen=True)
class Band:
    """Where a point of this size lies in 90 of 100 cases, and the middle of it."""

    bytes: int
    low: float
    middle: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return the band as results.json holds it."""
        return {"bytes": self.bytes, "low": self.low, "middle": self.middle, "high": self.high}


@dataclass(frozen=True)
class Check:
    """Whether the last point lies where the points before it said."""

    band: Band
    measured: float

    @property
    def held(self) -> bool:
        return self.band.low <= self.measured <= self.band.high

    def to_json(self) -> dict[str, Any]:
        """Return the check as results.json holds it."""
        return {
            "bytes": self.band.bytes,
            "low": self.band.low,
            "high": self.band.high,
            "measured": self.measured,
            "held": self.held,
        }


@dataclass(frozen=True)
class Curve:
    """The curves that the points allow, as equally likely draws; a, b, c is the likeliest one of them all."""

    least: Point
    """What was measured on the least data, and `most` on the most."""
    most: Point
    a: float
    b: float
    c: float
    a_S: FloatArray
    b_S: FloatArray
    c_S: FloatArray
    errors_S: FloatArray

    def at(self, bytes_G: FloatArray) -> FloatArray:
        """Return bits_SG per byte of every draw at these sizes, without the chance of one training."""
        ratio_G = bytes_G / self.least.bytes
        bits_SG: FloatArray = self.a_S[:, None] + self.b_S[:, None] * ratio_G ** -self.c_S[:, None]
        return bits_SG

    def predict(self, size: int, confidence: float = CONFIDENCE) -> Band:
        """Return where a training on so many bytes will end."""
        bits_S = self.at(np.array([float(size)]))[:, 0] * (1 + self.errors_S)
        low, high = information.interval(bits_S, confidence)
        return Band(size, low, float(np.median(bits_S)), high)

    def to_json(self) -> dict[str, Any]:
        """Return the fit as results.json holds it: b for N in bytes, and a band past the data."""
        sizes = np.geomspace(self.least.bytes, self.most.bytes * REACH, 25).round().astype(int).tolist()
        band = [self.predict(size).to_json() for size in sizes]
        return {"a": self.a, "b": self.b * self.least.bytes**self.c, "c": self.c, "band": band}


def obstacle(points: Sequence[Point]) -> str:
    """Return why no curve can be drawn through these points, in words; nothing where one can."""
    ordered = sorted(points, key=lambda point: point.bytes)
    if len(ordered) < FEWEST_POINTS:
        return f"{len(ordered)} points are too few for a curve; it takes {FEWEST_POINTS}"
    for one, other in pairwise(ordered):
        if one.bytes == other.bytes:
            return f"two points stand at {amounts.size(one.bytes)}"
        if other.bits_per_byte > one.bits_per_byte * (1 + SLACK):
            return (
                f"more data made it worse: {amounts.bits(one.bits_per_byte)} bits per byte after "
                f"{amounts.size(one.bytes)}, {amounts.bits(other.bits_per_byte)} after "
                f"{amounts.size(other.bytes)}"
            )
    return ""


def fit(points: Sequence[Point]) -> Curve | None:
    """Return the curve through at least four points; None where there is an `obstacle`."""
    return None if obstacle(points) else _posterior(points)


def check(points: Sequence[Point]) -> Check | None:
    """Return whether the curve through all but the last point holds for the last; None of fewer than five."""
    ordered = sorted(points, key=lambda point: point.bytes)
    curve = fit(ordered[:-1])
    if curve is None:
        return None
    return Check(curve.predict(ordered[-1].bytes), ordered[-1].bits_per_byte)


def describe(who: str, measured: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a contestant's entry under "curves" of results.json, from its points there.

    `said` holds in words why there is no curve, and how the check went; `why` what there is to see of why the
    check failed.
    """
    points = points_of(measured)
    curve, checked = fit(points), check(points)
    missed = checked is not None and not checked.held
    return {
        "who": who,
        "points": [dict(one) for one in measured],
        "fit": curve.to_json() if curve else None,
        "check": checked.to_json() if checked else None,
        "said": _say(obstacle(points), checked, measured),
        "why": _why(measured, points) if missed else "",
    }


def _why(measured: Sequence[Mapping[str, Any]], points: Sequence[Point]) -> str:
    """Return how the last step was unlike those before it: in what it gained, in settings, in readings."""
    ordered = sorted(points, key=lambda point: point.bytes)
    *gains, last_gain = (one.bits_per_byte - other.bits_per_byte for one, other in pairwise(ordered))
    before = amounts.names([f"{gain:.3f}" for gain in gains])
    unlike = (
        ", more than the one before it, where a + b / Nᶜ gains ever less" if last_gain > gains[-1] else ""
    )
    said = [f"The steps before gained {before} bits per byte, the last one {last_gain:.3f}{unlike}."]
    *_, earlier, whole = sorted(measured, key=lambda point: float(point["bytes"]))
    old, new = (point.get("model_settings") or {} for point in (earlier, whole))
    changed = [name for name in new if name in old and old[name] != new[name]]
    if changed:
        told = [f"{name} {old[name]} to {new[name]}" for name in changed]
        said.append(f"Its settings changed with the data: {amounts.names(told)}.")
    return " ".join([*said, *_cut_short(measured)])


def _cut_short(measured: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return a sentence for a budget that ended before the whole was read once; none where it was read."""
    whole: Mapping[str, Any] = max(measured, key=lambda point: float(point["bytes"]), default={})
    readings = whole.get("epochs")
    if readings is None or readings >= 1:
        return []
    return [f"The budget ended after {readings:.2g} of one reading: time is what it lacks, not data."]


def points_of(measured: Sequence[Mapping[str, Any]]) -> list[Point]:
    """Return the points of an entry; what has no bits per byte, as a training that failed, is none."""
    return [
        Point(one["bytes"], one["bits_per_byte"]) for one in measured if one.get("bits_per_byte") is not None
    ]


def summary(entries: Sequence[Mapping[str, Any]]) -> str:
    """Return, of entries as `describe` gives them, for how many the check held, and for whom it did not."""
    checked = [entry for entry in entries if entry["check"]]
    if not checked:
        return "No learning curve had the five points that a check of it takes."
    missed = [entry for entry in checked if not entry["check"]["held"]]
    said = (
        f"Of {len(checked)} learning curves, the last point lay where the points before it said (90 %) "
        f"for {len(checked) - len(missed)}"
    )
    if not missed:
        return f"{said}."
    told = [
        f"{entry['who']} ({amounts.bits(entry['check']['measured'])}, said were "
        f"{amounts.bits(entry['check']['low'])} to {amounts.bits(entry['check']['high'])})"
        for entry in missed
    ]
    return f"{said}, not for {amounts.names(told)}; of those nothing is said beyond the data."


def _say(unfitted: str, checked: Check | None, measured: Sequence[Mapping[str, Any]]) -> str:
    parts = [f"No curve: {unfitted}.", *_cut_short(measured)] if unfitted else []
    if checked is not None:
        low, high = amounts.bits(checked.band.low), amounts.bits(checked.band.high)
        parts.append(
            f"From the points before it, the one at {amounts.size(checked.band.bytes)} was to lie between "
            f"{low} and {high} (90 %): it {'does' if checked.held else 'does not'}, "
            f"at {amounts.bits(checked.measured)}."
        )
    return " ".join(parts)


@dataclass(frozen=True)
class _Grid:
    """The posterior over the grid; within a cell b is normal, of variance s² over `squares_C`."""

    a_A: FloatArray
    b_AC: FloatArray
    squares_C: FloatArray
    log_ACE: FloatArray

    @classmethod
    def of(cls, ratio_N: FloatArray, bits_N: FloatArray) -> Self:
        a_A = _SHARES_OF_LOWEST * bits_N.min()
        # all in shares of the points, of which s is one
        power_CN = ratio_N ** -_EXPONENTS[:, None] / bits_N
        rest_AN = 1.0 - a_A[:, None] / bits_N
        squares_C = (power_CN**2).sum(axis=1)
        b_AC = rest_AN @ power_CN.T / squares_C
        missed_AC = ((rest_AN[:, None] - b_AC[:, :, None] * power_CN) ** 2).sum(axis=2)
        # b integrated out: a normal integral, of deviation s / √(Σ x²)
        log_AC = np.where(b_AC > 0, -0.5 * np.log(squares_C), -math.inf)
        log_ACE = log_AC[:, :, None] - missed_AC[:, :, None] / (2 * _NOISES**2)
        return cls(a_A, b_AC, squares_C, log_ACE - (len(bits_N) - 1) * np.log(_NOISES))


def _posterior(points: Sequence[Point]) -> Curve:
    """Return equally likely draws of the curves that the points allow."""
    ordered = sorted(points, key=lambda point: point.bytes)
    bytes_N, bits_N = np.array([(float(point.bytes), point.bits_per_byte) for point in ordered]).T
    grid = _Grid.of(bytes_N / bytes_N[0], bits_N)
    cells = np.exp(grid.log_ACE - grid.log_ACE.max()).ravel()
    generator = np.random.default_rng(0)
    chosen_S = generator.choice(len(cells), DRAWS, p=cells / cells.sum())
    a_S, c_S, s_S = np.unravel_index(chosen_S, grid.log_ACE.shape)
    deviation_S = _NOISES[s_S] / np.sqrt(grid.squares_C[c_S])
    likeliest_a, likeliest_c, _ = np.unravel_index(cells.argmax(), grid.log_ACE.shape)
    return Curve(
        least=ordered[0],
        most=ordered[-1],
        a=float(grid.a_A[likeliest_a]),
        b=float(grid.b_AC[likeliest_a, likeliest_c]),
        c=float(_EXPONENTS[likeliest_c]),
        a_S=grid.a_A[a_S],
        b_S=np.maximum(grid.b_AC[a_S, c_S] + deviation_S * generator.standard_normal(DRAWS), 0.0),
        c_S=_EXPONENTS[c_S],
        errors_S=_NOISES[s_S] * generator.standard_normal(DRAWS),
    )
