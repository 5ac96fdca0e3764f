"""Conditions for models that were not made for one: read the source first, then predict the target."""

from __future__ import annotations

from anygram.errors import UsageError
from anygram.protocols import Condition


def refuse(condition: Condition | None, model: str) -> None:
    """Raise UsageError where a condition is given to a model that would not use it."""
    if condition is not None:
        raise UsageError(f"the model '{model}' takes no condition; wrap it in conditioning.Prefixed")
