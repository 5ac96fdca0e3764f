"""Numbers of a table's column: the quantile bin, and then where in it the number lies, digit by digit.

A bin is one symbol, so that what goes together in a row stands close together. In it a number that came
more than once is told by its rank among these, any other by its last digits, as many as tell the numbers of
the bin apart: so round numbers stay round. A value that fills a bin alone is told by the bin.

Numbers are whole ones here, counted in units of the column's smallest decimal place.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anygram.errors import RunError

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.([0-9]+))?")
_LONGEST = 40
_MOST_RANKS = 16
_OWN_PLACES = 4
"""The first three digits have symbols of their own each, those behind them share ten."""


@dataclass(frozen=True)
class Bin:
    """Numbers from `low` to below `high`: how many there were, their mean, and the middle one as written.

    `ranked` are those that came more than once, as written, the most frequent first.
    """

    low: int
    high: int
    count: int
    mean: float
    middle: str
    ranked: tuple[str, ...]


def parse(text: str) -> tuple[int, int] | None:
    """Return a number without its point, and its decimals; None where it is not one in its usual writing.

    >>> parse("-3.50"), parse("7"), parse("007"), parse("1e5")
    ((-350, 2), (7, 0), None, None)
    """
    found = _NUMBER.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    whole = int(text.replace(".", ""))
    return None if not whole and text[0] == "-" else (whole, len(found.group(1) or ""))


def written(whole: int, decimals: int) -> str:
    """Return the text of a number that `parse` gives back.

    >>> written(-350, 2), written(5, 3)
    ('-3.50', '0.005')
    """
    sign, digits = "-" if whole < 0 else "", str(abs(whole)).rjust(decimals + 1, "0")
    return sign + (digits if not decimals else f"{digits[:-decimals]}.{digits[-decimals:]}")


class Numbers:
    """What tells numbers apart: symbols of bins, of ranks, of decimals where these differ, of digits."""

    name = "number"

    def __init__(self, bins: Sequence[Bin], decimals: Sequence[int], exact: bool) -> None:
        """`decimals` are those that numbers have, the usual one first; `exact` says whether digits follow."""
        self.bins = list(bins)
        self._decimals, self._exact = list(decimals), exact
        self._finest = max(decimals)
        self._lows = [one.low for one in bins]
        self._first_rank = len(bins)
        self._first_place = self._first_rank + 1 + max(len(one.ranked) for one in bins)
        self._first_digit = self._first_place + (len(decimals) if len(decimals) > 1 else 0)

    @property
    def size(self) -> int:
        return self._first_digit + 10 * _OWN_PLACES if self._exact else len(self.bins)

    @property
    def choices(self) -> int:
        return len(self.bins)

    @property
    def decimals(self) -> int:
        """The decimals that most numbers have."""
        return self._decimals[0]

    def encode(self, text: str) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
        """Return the symbols of a number's head, its bin, and of the rest; None where it lies in no bin."""
        number = parse(text)
        if number is None:
            return None
        whole, decimals = number
        if not self._exact:
            return (self._nearest(whole, decimals),), ()
        if decimals not in self._decimals:
            return None
        scaled = whole * 10 ** (self._finest - decimals)
        place = bisect_right(self._lows, scaled) - 1
        if place < 0 or scaled >= self.bins[place].high:
            return None
        ranked = self.bins[place].ranked
        if text in ranked:
            return (place,), (self._first_rank + 1 + ranked.index(text),) if self._opens(place) else ()
        tail = [self._first_rank] if ranked else []
        tail += [self._first_place + self._decimals.index(decimals)] if len(self._decimals) > 1 else []
        places = _places(self._span(place, decimals)[1])
        digits = str(whole % 10**places).rjust(places, "0") if places else ""
        return (place,), (*tail, *(self._digit(at, int(digit)) for at, digit in enumerate(digits)))

    def _opens(self, place: int) -> bool:
        """Return whether a bin leaves open which number it is."""
        one = self.bins[place]
        return one.high - one.low > 1 or len(one.ranked) != 1 or len(self._possible(place)) > 1

    def _nearest(self, whole: int, decimals: int) -> int:
        """Return the bin that holds a number, or the nearest."""
        scaled = whole * 10**self._finest // 10**decimals
        place = max(0, bisect_right(self._lows, scaled) - 1)
        above = place + 1
        if above < len(self.bins) and scaled >= self.bins[place].high:
            return above if self.bins[above].low - scaled < scaled - self.bins[place].high else place
        return place

    def decode(self, head: Sequence[int], tail: Sequence[int]) -> str:
        """Return the number; digits that are missing are zeros."""
        place = head[0]
        if not self._exact:
            return self.bins[place].middle
        ranked, rest = self.bins[place].ranked, list(tail)
        if ranked and not rest:
            return ranked[0]
        if ranked and (rank := rest.pop(0) - self._first_rank):
            return ranked[rank - 1]
        decimals = self._decimals[self._possible(place)[0]]
        if len(self._decimals) > 1 and rest:
            decimals = self._decimals[rest.pop(0) - self._first_place]
        low, width = self._span(place, decimals)
        digits = "".join(str((symbol - self._first_digit) % 10) for symbol in rest)
        period = 10 ** _places(width)
        last = int(digits.ljust(_places(width), "0")) if digits else 0
        return written(low + (last - low) % period, decimals)

    def after_head(self, head: Sequence[int]) -> Sequence[int]:
        """Return the symbols that may go on with a head: none is wanted after a bin."""
        return range(len(self.bins)) if not head else ()

    def after_tail(self, head: Sequence[int], tail: Sequence[int]) -> Sequence[int]:
        """Return the symbols that may go on with a tail, none where it is whole."""
        if not self._exact or not self._opens(head[0]):
            return ()
        ranked, several = len(self.bins[head[0]].ranked), len(self._decimals) > 1
        if ranked and not tail:
            return range(self._first_rank, self._first_rank + 1 + ranked)
        rest = tail[1:] if ranked else tail
        if ranked and tail[0] != self._first_rank:
            return ()
        if several and not rest:
            return [self._first_place + which for which in self._possible(head[0])]
        decimals = self._decimals[rest[0] - self._first_place if several else 0]
        width = self._span(head[0], decimals)[1]
        at = len(rest) - several
        if width <= 1 or at >= _places(width):
            return ()
        return range(self._digit(at, 0), self._digit(at, 0) + 10)

    def within(self, place: int, share: float) -> str:
        """Return the number that lies this share, from 0 to below 1, of the way through a bin."""
        decimals = self._decimals[self._possible(place)[0]]
        low, width = self._span(place, decimals)
        return written(low + int(share * width), decimals)

    def rounded(self, value: float) -> str:
        """Return the nearest number with the usual decimals."""
        return written(round(value * 10**self.decimals), self.decimals)

    def place_of(self, text: str) -> int | None:
        """Return the bin that a number lies in or next to; None for what is no number."""
        number = parse(text)
        return None if number is None else self._nearest(*number)

    def symbol(self, local: int) -> str:
        """Return how a person reads a symbol: a bin's span, a rank, decimals, or a digit and its place."""
        if local < len(self.bins):
            one = self.bins[local]
            least = written(one.low, self._finest)
            return least if one.high - one.low == 1 else f"{least}…{written(one.high - 1, self._finest)}"
        if local == self._first_rank:
            return "no rank"
        if local < self._first_place:
            return f"rank {local - self._first_rank}"
        if local < self._first_digit:
            return f"{self._decimals[local - self._first_place]} decimals"
        place, digit = divmod(local - self._first_digit, 10)
        return "·" * place + str(digit)

    def to_json(self) -> dict[str, Any]:
        bins = [[one.low, one.high, one.count, one.mean, one.middle, list(one.ranked)] for one in self.bins]
        return {"bins": bins, "decimals": self._decimals, "exact": self._exact}

    def _possible(self, place: int) -> list[int]:
        """Return which decimals a number of the bin can have."""
        found = [at for at, decimals in enumerate(self._decimals) if self._span(place, decimals)[1] > 0]
        assert found, "a bin holds a number with the most decimals"
        return found

    def _span(self, place: int, decimals: int) -> tuple[int, int]:
        """Return the least number with so many decimals that the bin holds, and how many it holds."""
        step = 10 ** (self._finest - decimals)
        low, high = (-(-end // step) for end in (self.bins[place].low, self.bins[place].high))
        return low, high - low

    def _digit(self, at: int, digit: int) -> int:
        return self._first_digit + 10 * min(at, _OWN_PLACES - 1) + digit


def _places(width: int) -> int:
    return len(str(width - 1)) if width > 1 else 0


def fit(values: Mapping[str, int], bins: int | None, exact: bool) -> Numbers:
    """Return the column of these numbers, each so many times, in so many bins; none: about √N, 8 to 64."""
    decimals: Counter[int] = Counter()
    for text, count in values.items():
        decimals[_parsed(text)[1]] += count
    finest = max(decimals)
    counts: Counter[int] = Counter()
    texts: dict[int, list[str]] = {}
    for text, count in sorted(values.items()):
        whole, places = _parsed(text)
        scaled = whole * 10 ** (finest - places)
        counts[scaled] += count
        texts.setdefault(scaled, []).append(text)
    wanted = bins or min(64, max(8, round(sum(counts.values()) ** 0.5)))
    usual = sorted(decimals, key=lambda places: (-decimals[places], places))
    often = {text: count for text, count in values.items() if count > 1}
    found = [_bin(group, counts, texts, often, finest) for group in _grouped(counts, wanted)]
    return Numbers(found, usual, exact)


def _parsed(text: str) -> tuple[int, int]:
    number = parse(text)
    assert number is not None, "a column of numbers is fitted on numbers"
    return number


_Group = tuple[list[int], int, int]


def _grouped(counts: Mapping[int, int], wanted: int) -> list[_Group]:
    """Return the values of each bin, from where to below where it goes.

    A value that fills a bin has one of its own; between bins that hold more than one value is no gap.
    """
    share = sum(counts.values()) / wanted
    groups: list[list[int]] = []
    held = 0.0
    for value in sorted(counts):
        alone = len(counts) <= wanted or counts[value] >= share
        if alone or not groups or held >= share:
            groups.append([])
            held = 0.0
        groups[-1].append(value)
        held = share if alone else held + counts[value]
    spans: list[_Group] = []
    for place, group in enumerate(groups):
        single = _alone(group, counts, share, wanted)
        below = spans[-1][2] if spans else group[0]
        above = groups[place + 1][0] if place + 1 < len(groups) else group[-1] + 1
        spans.append((group, group[0], group[0] + 1) if single else (group, below, above))
    return spans


def _alone(group: Sequence[int], counts: Mapping[int, int], share: float, wanted: int) -> bool:
    return len(group) == 1 and (len(counts) <= wanted or counts[group[0]] >= share)


def _bin(
    group: _Group,
    counts: Mapping[int, int],
    texts: Mapping[int, Sequence[str]],
    often: Mapping[str, int],
    finest: int,
) -> Bin:
    values, low, high = group
    count = sum(counts[value] for value in values)
    mean = sum(value * counts[value] for value in values) / count / 10**finest
    passed, middle = 0, values[-1]
    for value in values:
        passed += counts[value]
        if 2 * passed >= count:
            middle = value
            break
    known = sorted(
        (text for value in values for text in texts[value] if text in often), key=lambda text: -often[text]
    )
    return Bin(low, high, count, mean, texts[middle][0], tuple(known[:_MOST_RANKS]))


def from_json(fields: Mapping[str, Any]) -> Numbers:
    """Return the column that `to_json` described; RunError where it is damaged."""
    try:
        bins = [
            Bin(low, high, count, mean, middle, tuple(r))
            for low, high, count, mean, middle, r in fields["bins"]
        ]
        return Numbers(bins, fields["decimals"], fields["exact"])
    except (KeyError, TypeError, ValueError) as error:
        raise RunError(f"codec.json has a damaged column of numbers ({error}); train again") from error
