"""Translations and summaries: decoded by any model that takes a condition, and measured beside baselines."""

from __future__ import annotations

from anygram.tasks.translation.results import Measuring, Translations
from anygram.tasks.translation.translating import (
    Alignment,
    Alternative,
    Link,
    Request,
    Translation,
    translate,
)

__all__ = [
    "Alignment",
    "Alternative",
    "Link",
    "Measuring",
    "Request",
    "Translation",
    "Translations",
    "translate",
]
