"""report.html of a comparison: one file that opens without a network, on a phone, on a desk and on paper."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anygram.comparison import sections
from anygram.reporting import pages


def page(results: Mapping[str, Any]) -> str:
    """Return the page of what results.json holds."""
    return pages.render(sections.document(results))
