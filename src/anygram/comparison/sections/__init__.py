"""What a comparison's report says, part by part, from results.json; a part without data is absent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from anygram.comparison.sections import agreeing, entrants, learning, reading, record, showing, trade, verdict
from anygram.comparison.sections.entrants import Entrants
from anygram.reporting.documents import Document, Section

Part = Callable[[Mapping[str, Any], Entrants], Section | None]

# as a reader in a hurry wants them: the answer, what it rests on, then what is needed to repeat it
PARTS: Sequence[Part] = (
    verdict.answer,
    trade.trade,
    verdict.pairs,
    agreeing.third,
    agreeing.another_seed,
    learning.curves,
    learning.training,
    reading.places,
    reading.kinds,
    reading.disagreements,
    reading.calibration,
    showing.passage,
    showing.samples,
    showing.drawings,
    record.rules,
    trade.costs,
    record.failures,
    record.repetition,
)


def document(results: Mapping[str, Any]) -> Document:
    """Return the whole report of a comparison as its parts."""
    compared = entrants.of(results)
    made = [part(results, compared) for part in PARTS]
    count = len(results["question"]["contestants"])
    named = (str(source) for source in results["data"].get("sources") or ())
    sources = ", ".join("standard input" if source == "-" else source for source in named) or "the data"
    return Document(
        title="Which language model for this data?",
        subtitle=f"{count} model{'s' * (count != 1)} compared on {sources} by one yardstick.",
        sections=[section for section in made if section is not None],
    )
