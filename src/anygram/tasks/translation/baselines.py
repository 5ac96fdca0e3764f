"""What needs no model: the source itself, its first sentence, and phrases looked up."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from anygram.tasks.translation.lookup import Lookup
from anygram.tasks.translation.metrics import Metrics
from anygram.tasks.translation.scripts import first_sentence

COPIED = "copied source"
LEAD = "first sentence"
LOOKUP = "phrases looked up"


def baselines(kind: Metrics, sources: Sequence[str], lookup: Lookup | None) -> dict[str, list[str]]:
    """Return the texts of each way without a model, by its name.

    That of the first sentence, which is called lead-1 elsewhere, is for summaries.
    """
    ways: Mapping[str, Callable[[str], str]] = {COPIED: str}
    if kind == "summary":
        ways = {**ways, LEAD: first_sentence}
    if lookup is not None:
        ways = {**ways, LOOKUP: lookup.translate}
    return {name: [way(source) for source in sources] for name, way in ways.items()}
