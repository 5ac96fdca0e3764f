"""How far from what is suggested a search for settings may go.

A model's module offers `search_space() -> Space` beside `suggest`: for settings by their names, of the
model or of its learner, a range around whatever is suggested for the text and the budget at hand. So what a
short trial finds is said in terms that hold for a longer training, for which other sizes are suggested.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from anygram.errors import UsageError


@dataclass(frozen=True)
class Factor:
    """What is suggested is multiplied by something from `low` to `high`, which are positive.

    Whole numbers stay whole, and become multiples of `multiple`. `follow` names settings that go with this
    one: each is multiplied by what this one was in the end multiplied by, to the power given.
    """

    low: float
    high: float
    multiple: int = 1
    follow: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 < self.low <= 1 <= self.high:
            raise UsageError(
                f"a factor's range must be positive and hold 1, which is as suggested, "
                f"got {self.low} to {self.high}"
            )


@dataclass(frozen=True)
class Shift:
    """To what is suggested one of `low`, `low` + `step`, … `high` is added, within `least` and `most`."""

    low: float
    high: float
    step: float
    least: float
    most: float

    def __post_init__(self) -> None:
        if not self.low <= 0 <= self.high or not self.step > 0:
            raise UsageError(
                "a shift's range must hold 0, which is as suggested, and have a positive step, "
                f"got {self.low} to {self.high} by {self.step}"
            )


@dataclass(frozen=True)
class Choice:
    """Instead of what is suggested it may be one of these."""

    others: tuple[Any, ...]


Range = Factor | Shift | Choice
Space = Mapping[str, Range]

Drawn = Mapping[str, Any]
"""What was drawn of a space: a factor, a number to add, or what to take instead (None: as suggested)."""


def drawn_from(key: str, range_: Range, value: Any, suggested: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that change where `value` was drawn of this range, from what is suggested.

    >>> width = Factor(0.5, 2, multiple=32, follow={"head_rate": -1})
    >>> drawn_from("units", width, 1.4, {"units": 192, "head_rate": 0.4})
    {'units': 256, 'head_rate': 0.3}
    >>> drawn_from("dropout", Shift(-0.1, 0.2, 0.05, 0.0, 0.5), -0.1, {"dropout": 0.0})
    {'dropout': 0.0}
    """
    now = suggested[key]
    match range_:
        case Choice():
            return {} if value is None else {key: value}
        case Shift(least=least, most=most):
            return {key: _alike(now, min(max(now + value, least), most))}
        case Factor(multiple=multiple, follow=follow):
            changed = _alike(now, now * value, multiple)
            went = changed / now
            others = {key: _alike(suggested[key], suggested[key] * went**p) for key, p in follow.items()}
            return {key: changed, **others}


def _alike(suggested: float, number: float, multiple: int = 1) -> float:
    """Return the number, whole where what is suggested is whole, without a float's last digits."""
    if not isinstance(suggested, int):
        return float(f"{number:.6g}")
    return suggested if number == suggested else max(1, round(number / multiple)) * multiple
