"""Stretches of missing values in series, and what a model reads around them.

Axes: N values of a series, T symbols, A values after a stretch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from anygram.codecs.series import History, SeriesCodec, numbers
from anygram.data.documents import Document
from anygram.errors import DataError
from anygram.protocols import Ids, Side

FloatN = NDArray[np.float64]

BEFORE, AFTER = 256, 4
"""So many values before and after a stretch are read, these up to the next that is missing."""


@dataclass(frozen=True)
class Stretch:
    """Missing values that stand side by side: the series' number, the first one's place, and how many."""

    series: int
    first: int
    length: int

    @property
    def end(self) -> int:
        return self.first + self.length


@dataclass(frozen=True)
class Around:
    """What is read before a stretch, as a history, and what is known after it.

    `values_N` are those before, as they are written, missing ones interpolated; `after_A` those after.
    """

    stretch: Stretch
    history: History
    side: Side
    before: Sequence[str]
    after: Sequence[str]
    values_N: FloatN
    after_A: FloatN


def stretches(documents: Sequence[Document]) -> list[Stretch]:
    """Return the stretches of missing values of all series, in their order."""
    found = []
    for number, document in enumerate(documents):
        missing_N = np.isnan(numbers(document.text))
        edges = np.flatnonzero(np.diff(np.concatenate([[False], missing_N, [False]])))
        found += [Stretch(number, int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    return found


def interpolated(values_N: FloatN) -> FloatN:
    """Return the values, missing ones on the line between those known around them; DataError for none known.

    >>> interpolated(np.array([np.nan, 1.0, np.nan, 2.0])).tolist()
    [1.0, 1.0, 1.5, 2.0]
    """
    known = np.flatnonzero(~np.isnan(values_N))
    if not len(known):
        raise DataError("a series has no known value to go by; leave it out")
    filled: FloatN = np.interp(np.arange(len(values_N)), known, values_N[known])
    return filled


def arounds(codec: SeriesCodec, documents: Sequence[Document], every: Sequence[Stretch]) -> list[Around]:
    """Return what is read around stretches; other missing values before them are interpolated."""
    whole: dict[int, _Whole] = {}
    found = []
    for stretch in every:
        if stretch.series not in whole:
            whole[stretch.series] = _whole(codec, documents[stretch.series])
        found.append(_around(codec, whole[stretch.series], stretch))
    return found


@dataclass(frozen=True)
class _Whole:
    """A series: its lines and values, missing ones interpolated, and what says its scale."""

    side: Side
    lines: Sequence[str]
    missing_N: NDArray[np.bool_]
    values_N: FloatN
    header_T: Ids
    scales: tuple[int, ...]


def _whole(codec: SeriesCodec, document: Document) -> _Whole:
    """Return a series; its scale is that of all its known values, as it is in training."""
    values_N = numbers(document.text)
    lines = document.text.split("\n")[:-1]
    standing_N = interpolated(values_N)
    decimals = decimals_of(document.text)
    for place in np.flatnonzero(np.isnan(values_N)).tolist():
        lines[place] = written(codec, float(standing_N[place]), decimals)
    side = document.side or {}
    encoded = codec.encode(document.text, side)
    scales = tuple((encoded.side or {}).get("scale", ())) if codec.headed else ()
    return _Whole(side, lines, np.isnan(values_N), standing_N, encoded.ids[: codec.headed], scales)


def _around(codec: SeriesCodec, whole: _Whole, stretch: Stretch) -> Around:
    begin = max(0, stretch.first - BEFORE)
    missing = np.flatnonzero(whole.missing_N[stretch.end : stretch.end + AFTER])
    last = stretch.end + (int(missing[0]) if len(missing) else AFTER)
    before = whole.lines[begin : stretch.first]
    side = {**whole.side, "first": int(whole.side.get("first", 0)) + begin}
    side |= {"scale": list(whole.scales)} if whole.scales else {}
    ids_T = codec.encode(_text(before), side).ids if before else whole.header_T
    return Around(
        stretch=stretch,
        history=History(ids_T, numbers(codec.decode(ids_T)), whole.scales),
        side=side,
        before=before,
        after=whole.lines[stretch.end : last],
        values_N=whole.values_N[begin : stretch.first],
        after_A=whole.values_N[stretch.end : last],
    )


def read_after(codec: SeriesCodec, one: Around, values_L: Sequence[float]) -> tuple[Ids, float]:
    """Return the symbols of the values after a stretch, were these the values in it, and what these span.

    That is the log of how long the stretches of numbers together are that the symbols stand for: where values
    are coded by their differences it depends on what was filled in.
    """
    inside = [f"{value:.12g}" if codec.headed else f"{value:.0f}" for value in values_L]
    encoded = codec.encode(_text([*one.before, *inside, *one.after]), one.side)
    first = len(one.history.ids_T) + (1 + codec.conditions.count) * len(inside)
    widths_T = encoded.log_width_T
    return encoded.ids[first:], 0.0 if widths_T is None else float(widths_T[first:].sum())


def with_values(documents: Sequence[Document], lines: dict[tuple[int, int], str]) -> list[Document]:
    """Return the series with these lines in place of their own, by the number of the series and the place."""
    changed: dict[int, list[str]] = {}
    for (number, place), line in lines.items():
        changed.setdefault(number, documents[number].text.split("\n"))[place] = line
    return [
        replace(document, text="\n".join(changed[number])) if number in changed else document
        for number, document in enumerate(documents)
    ]


def decimals_of(text: str) -> int:
    """Return how many decimals most values of a series are written with."""
    counts = Counter(len(line.partition(".")[2]) for line in text.split("\n") if line)
    return counts.most_common(1)[0][0] if counts else 0


def written(codec: SeriesCodec, value: float, decimals: int) -> str:
    """Return a value as a line of a series: a whole number where the codec has no others."""
    return f"{value:.{decimals if codec.headed else 0}f}"


def _text(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
