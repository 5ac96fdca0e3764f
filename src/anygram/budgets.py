"""How much training a model gets: seconds, symbols, epochs or steps, whichever is spent first."""

from __future__ import annotations

import math
import re
from dataclasses import asdict, dataclass

from anygram.errors import UsageError

_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_COUNTS = {"symbol": "symbols", "epoch": "epochs", "step": "steps"}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)")


@dataclass(frozen=True)
class Budget:
    """Training per model; None is no limit. At least one limit is set, and every one is positive."""

    seconds: float | None = None
    symbols: int | None = None
    epochs: float | None = None
    steps: int | None = None

    def __post_init__(self) -> None:
        limits = [limit for limit in asdict(self).values() if limit is not None]
        if not limits:
            raise UsageError("a budget needs a limit: for example 20s, 10m, 500steps or 3epochs")
        if any(not math.isfinite(limit) or limit <= 0 for limit in limits):
            raise UsageError(f"a budget must be more than zero, got {self}; for example 20s or 3epochs")

    @classmethod
    def parse(cls, text: str) -> Budget:
        """Return the budget written as 20s, 10m, 2h, 500steps, 3epochs, 1000000symbols, or several by commas.

        >>> Budget.parse("1m,3epochs")
        Budget(seconds=60.0, symbols=None, epochs=3.0, steps=None)
        """
        limits: dict[str, float] = {}
        for part in text.lower().replace("_", "").split(","):
            match = _PART.fullmatch(part.strip())
            unit = match[2] if match else ""
            if match and unit in _SECONDS:
                limits["seconds"] = float(match[1]) * _SECONDS[unit]
            elif match and unit.removesuffix("s") in _COUNTS:
                limits[_COUNTS[unit.removesuffix("s")]] = float(match[1])
            else:
                raise UsageError(
                    f"cannot read the budget '{part.strip()}'; "
                    "write 20s, 10m, 2h, 500steps, 3epochs or 1000000symbols"
                )
        return cls(
            seconds=limits.get("seconds"),
            symbols=_whole(limits.get("symbols")),
            epochs=limits.get("epochs"),
            steps=_whole(limits.get("steps")),
        )

    def spent(self, *, seconds: float, symbols: int, epochs: float, steps: int) -> float:
        """Return the largest fraction used of any limit; 1 and more means stop."""
        used = [(seconds, self.seconds), (symbols, self.symbols), (epochs, self.epochs), (steps, self.steps)]
        return max(amount / limit for amount, limit in used if limit is not None)


def _whole(limit: float | None) -> int | None:
    return None if limit is None else int(limit)
