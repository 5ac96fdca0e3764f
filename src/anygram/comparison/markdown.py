"""report.md of a comparison: what the page says, with tables in place of charts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anygram.comparison import sections
from anygram.reporting import plain


def markdown(results: Mapping[str, Any]) -> str:
    """Return the report of what results.json holds."""
    return plain.render(sections.document(results))
