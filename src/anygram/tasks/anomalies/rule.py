"""What is scored, how, and how often a normal one may be called an anomaly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from anygram.errors import UnknownName, UsageError

Per = Literal["record", "symbol", "window"]
By = Literal["total", "mean", "max", "top"]
Duplicates = Literal["keep", "drop"]
Ties = Literal["spare", "draw"]

WINDOW = 16
"""So many symbols make a window where no number is given."""


@dataclass(frozen=True)
class Rule:
    """How records become scores, and scores alarms.

    `per`: of what there is a score: a record, each of its symbols, or each of its windows, which hold
    `window` symbols and follow one another.
    `by`: the score is the total of the symbols' surprisals, their mean, the largest, or the mean of the
    `top_symbols` largest; None is the mean of a window and the largest of a record, which finds single faults
    in records of any length.
    `false_alarms`: the share of normal ones that may be called anomalies.
    `duplicates`: records that stood before are kept, or dropped, among normal ones and those searched alike.
    `ties`: a score that normal ones have too is spared, or a seeded lot says how many of them it lies above,
    so that just that share of false alarms is had, not fewer.
    `expected`: how many symbols are told as the likeliest ones.
    """

    per: Per = "record"
    window: int | None = None
    by: By | None = None
    top_symbols: int = 5
    false_alarms: float = 0.01
    duplicates: Duplicates = "keep"
    ties: Ties = "spare"
    expected: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        _check_word("per", self.per, get_args(Per))
        _check_word("duplicates", self.duplicates, get_args(Duplicates))
        _check_word("ties", self.ties, get_args(Ties))
        if self.by is not None:
            _check_word("by", self.by, get_args(By))
        if self.per == "symbol" and self.by is not None:
            raise UsageError("a symbol has one surprisal; leave out --by with --per symbol")
        if self.window is not None and self.per != "window":
            raise UsageError(f"--window is of --per window, got --per {self.per}; leave one of them out")
        for name, number, least in (
            ("window", self.size, 1),
            ("top-symbols", self.top_symbols, 1),
            ("expected", self.expected, 0),
        ):
            if number < least:
                raise UsageError(f"--{name} must be at least {least}, got {number}")
        if not (math.isfinite(self.false_alarms) and 0 < self.false_alarms < 1):
            raise UsageError(
                f"--false-alarms is a share between 0 and 1, got {self.false_alarms:g}; "
                "0.01 is one in a hundred"
            )

    @property
    def size(self) -> int:
        """The symbols of a window."""
        return WINDOW if self.window is None else self.window

    @property
    def way(self) -> By:
        """How surprisals become one score."""
        if self.by is not None:
            return self.by
        return "mean" if self.per == "window" else "max"


def _check_word(option: str, word: str, known: Sequence[str]) -> None:
    if word not in known:
        raise UnknownName(f"choice of --{option}", word, known)
