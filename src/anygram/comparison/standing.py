"""What is known of a contestant when it is judged, and which of them are judged by which rule."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from anygram.comparison import metrics
from anygram.comparison import yardstick as yardsticks
from anygram.comparison.yardstick import Yardstick


@dataclass(frozen=True)
class Standing:
    """The figures of one row of results.json that decide; what was not measured is None."""

    who: str
    bits_per_byte: float | None = None
    bits_per_unit: float | None = None
    unit: str = ""
    ci_low: float | None = None
    ci_high: float | None = None
    metric: float | None = None
    metric_low: float | None = None
    metric_high: float | None = None
    metric_name: str = ""
    """The figure of a task that all are ranked by; bits per byte rank where there is none."""
    metric_error: str = ""
    adaptive: bool = False
    way: str = ""
    floor: bool = False
    perplexity: float | None = None
    train_seconds: float | None = None
    score_bytes_per_second: float | None = None
    generate_symbols_per_second: float | None = None
    first_symbol_seconds: float | None = None
    model_bytes: int | None = None
    peak_memory_bytes: int | None = None
    stopped: str = ""
    error: str = ""

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Self:
        """Return what a row of results.json says; other keys of it do not matter here."""
        return cls(**{field.name: row[field.name] for field in fields(cls) if field.name in row})

    @property
    def bits(self) -> float:
        """Bits per byte of one that has them."""
        assert self.bits_per_byte is not None
        return self.bits_per_byte

    @property
    def loss(self) -> float:
        """What ranks one that is ranked: less is better, whatever is more the better its sign changed."""
        if not self.metric_name:
            return self.bits
        assert self.metric is not None
        return metrics.of(self.metric_name).loss(self.metric)

    @property
    def yardstick(self) -> Yardstick:
        """What it is ranked by."""
        return yardsticks.of(self.metric_name)

    @property
    def figure(self) -> float:
        """The figure of one that is ranked."""
        figure: float = getattr(self, self.yardstick.field)
        return figure

    @property
    def interval(self) -> tuple[float, float] | None:
        """The figure's 95 % interval, low before high, where there is one."""
        low, high = getattr(self, self.yardstick.low), getattr(self, self.yardstick.high)
        return None if low is None or high is None else (low, high)

    def behind(self, other: Standing) -> float:
        """Return by which share of the other's figure this one's is worse; both are ranked."""
        return abs(self.figure / other.figure - 1) if other.figure else float(self.figure != 0)

    @property
    def bytes_per_symbol(self) -> float | None:
        """Bytes that a symbol stands for, boundaries included: bits per symbol over bits per byte."""
        if not self.bits_per_byte or self.perplexity is None or not 1 < self.perplexity < math.inf:
            return None
        return math.log2(self.perplexity) / self.bits_per_byte


@dataclass(frozen=True)
class Field:
    """All contestants, apart by what they may be compared with; each list best first."""

    ranked: Sequence[Standing]
    """Static and lossless: the only ones that are ranked; by a task, those that can do it."""
    adaptive: Sequence[Standing]
    """Models that went on learning while they read."""
    floors: Sequence[Standing]
    """Compressors, which learn while they read, too."""
    lossy: Sequence[Standing]
    unmeasured: Sequence[Standing]
    """Static ones that cannot do the task that all are ranked by."""
    failed: Sequence[Standing]

    @classmethod
    def of(cls, standings: Iterable[Standing]) -> Self:
        """Return the contestants in their groups, each in exactly one."""
        groups: dict[str, list[Standing]] = {field.name: [] for field in fields(cls)}
        for one in standings:
            groups[_group(one)].append(one)
        return cls(**{name: sorted(group, key=_rank) for name, group in groups.items()})


def _group(one: Standing) -> str:
    if one.error:
        return "failed"
    if one.metric_name:
        return "unmeasured" if one.metric is None else "ranked"
    if one.bits_per_byte is None:
        return "lossy"
    if one.floor:
        return "floors"
    return "adaptive" if one.adaptive else "ranked"


def _rank(one: Standing) -> tuple[bool, float, str]:
    if one.metric is not None:
        return (False, one.loss, one.who)
    bits = one.bits_per_unit if one.bits_per_byte is None else one.bits_per_byte
    return (bits is None, 0.0 if bits is None else bits, one.who)
