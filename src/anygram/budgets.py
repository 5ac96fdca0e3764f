"""How much training a model gets: seconds, symbols, epochs or steps, whichever is spent first; and memory."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from anygram.errors import UsageError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_COUNTS = {"symbol": "symbols", "epoch": "epochs", "step": "steps"}
_MEMORY = re.compile(r"(\d+(?:\.\d+)?)\s*([bkmgt])?(?:i?b)?")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


@dataclass(frozen=True)
class Budget:
    """Training per model; None is no limit. At least one limit is set, and every one is positive."""

    seconds: float | None = None
    symbols: int | None = None
    epochs: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        limits = self._limits()
        if not limits:
            raise UsageError("a budget needs a limit; for example 20s, 10m, 500steps or 3epochs")
        for unit, limit in limits.items():
            if not 0 < limit < math.inf:
                raise UsageError(
                    f"a budget must be more than zero and finite, got {limit:g} {unit}; for example 20s"
                )

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Return the budget written as 20s, 10m, 2h, 500steps, 3epochs, 1000000symbols, or several by commas.

        >>> Budget.parse("1m,3epochs")
        Budget(seconds=60.0, symbols=None, epochs=3.0, steps=None)
        """
        limits: dict[str, float] = {}
        for part in text.lower().replace("_", "").split(","):
            unit, limit = _read(part.strip())
            if unit in limits:
                raise UsageError(f"the budget '{text}' sets {unit} twice; keep one of them")
            limits[unit] = limit
        return cls(
            seconds=limits.get("seconds"),
            symbols=_whole("symbols", limits),
            epochs=limits.get("epochs"),
            steps=_whole("steps", limits),
        )

    def spent(self, *, seconds: float, symbols: float, epochs: float, steps: float) -> float:
        """Return the largest fraction used of any limit; 1 and more means stop."""
        used = [(seconds, self.seconds), (symbols, self.symbols), (epochs, self.epochs), (steps, self.steps)]
        return max(amount / limit for amount, limit in used if limit is not None)

    def part(self, share: float) -> Budget:
        """Return this share of every limit; whole numbers are rounded down, to one at least.

        >>> Budget(seconds=90.0, steps=20).part(1 / 3)
        Budget(seconds=30.0, symbols=None, epochs=None, steps=6)
        """
        return self._changed({unit: limit * share for unit, limit in self._limits().items()})

    def less(self, spent: Mapping[str, float]) -> Budget:
        """Return what is left of every limit; a hundredth of it, or one, where nothing is."""
        left = {unit: limit - spent[unit] for unit, limit in self._limits().items()}
        return self._changed({unit: max(left[unit], limit / 100) for unit, limit in self._limits().items()})

    def _changed(self, limits: Mapping[str, float]) -> Budget:
        whole = {unit: max(1, int(limits[unit] + 1e-9)) for unit in ("symbols", "steps") if unit in limits}
        return Budget(**{**limits, **whole})  # type: ignore[arg-type]

    def _limits(self) -> dict[str, float]:
        return {unit: limit for unit, limit in asdict(self).items() if limit is not None}

    def to_words(self) -> str:
        """Return the budget as `parse` reads it.

        >>> Budget(seconds=90.0, steps=500).to_words()
        '90s,500steps'
        """
        limits = self._limits().items()
        return ",".join(f"{limit:.15g}{'s' if name == 'seconds' else name}" for name, limit in limits)


def parse_bytes(text: str) -> int:
    """Return the bytes written as 500M, 4G or 1.5G (1,024 to the step).

    >>> parse_bytes("1.5k")
    1536
    """
    match = _MEMORY.fullmatch(text.strip().lower())
    if not match or not (size := int(float(match[1]) * 1024 ** "bkmgt".index(match[2] or "b"))):
        raise UsageError(f"cannot read the memory '{text}'; write 500M or 4G")
    return size


def _read(part: str) -> tuple[str, float]:
    """Return the limit's name and value."""
    match = _PART.fullmatch(part)
    if match and match[2] in _SECONDS:
        return "seconds", float(match[1]) * _SECONDS[match[2]]
    if match and match[2].removesuffix("s") in _COUNTS:
        return _COUNTS[match[2].removesuffix("s")], float(match[1])
    raise UsageError(
        f"cannot read the budget '{part}'; write 20s, 10m, 2h, 500steps, 3epochs or 1000000symbols"
    )


def _whole(unit: str, limits: dict[str, float]) -> int | None:
    limit = limits.get(unit)
    if limit is None:
        return None
    if not limit.is_integer():
        raise UsageError(f"a budget of {unit} must be a whole number, got {limit:g}")
    return int(limit)
