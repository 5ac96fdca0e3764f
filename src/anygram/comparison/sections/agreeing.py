"""What the same comparison with a third of the budget, or another seed, would have said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from anygram.comparison.sections.entrants import Entrants
from anygram.reporting import amounts
from anygram.reporting.documents import Paragraph, Section, Table


def third(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return what a third of the budget would have said."""
    title = "What a third of the budget would have said"
    header = ["model", "a third of the budget", "95 % interval", "the whole budget"]
    return _section("third", title, header, results, entrants)


def another_seed(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return what another seed says."""
    header = ["model", "another seed", "95 % interval", "this seed"]
    return _section("again", "What another seed says", header, results, entrants)


def _section(
    key: str, title: str, header: list[str], results: Mapping[str, Any], entrants: Entrants
) -> Section | None:
    """Return a section of another comparison's rows beside those of this one; None where it was not asked."""
    asked = results.get(key)
    if not asked:
        return None
    whole = {row["who"]: row["bits_per_byte"] for row in entrants.ranked}
    rows = [
        [
            row["who"],
            "failed" if row["error"] else amounts.bits(row["bits_per_byte"]),
            amounts.interval(row["ci_low"], row["ci_high"]),
            amounts.bits(whole.get(row["who"])),
        ]
        for row in asked["results"]
    ]
    said = asked["text"] or ("The winner is the same." if asked["agrees"] else "The winner is another.")
    return Section(key, title, [Paragraph(said), Table(header, rows, "Bits per byte")])
