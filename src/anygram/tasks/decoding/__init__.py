"""Targets of sources: the likeliest by beam search, or drawn; once for every model that takes a condition."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from anygram.conditioning import LengthLimit
from anygram.errors import UsageError
from anygram.protocols import Aligned, Ids, LanguageModel
from anygram.tasks.decoding import beams, drawing
from anygram.tasks.decoding.alignments import with_weights
from anygram.tasks.decoding.drawing import Draws
from anygram.tasks.decoding.hypotheses import Hypothesis
from anygram.tasks.decoding.search import Search

__all__ = ["Draws", "Hypothesis", "Search", "decode"]

SOURCES_AT_ONCE = 50
_WINDOW = 16 * SOURCES_AT_ONCE
"""Sources are read so many at a time, and those of like length decoded together."""


def decode(
    model: LanguageModel,
    sources: Iterable[Ids],
    how: Search | Draws,
    limit: LengthLimit,
    *,
    align: bool = False,
) -> Iterator[list[Hypothesis]]:
    """Yield the targets of each source in order: by a `Search` best first, `Draws` as they were drawn.

    Each has at most `limit` symbols. With `align` they come with their weights; UsageError where the model
    has none and they, or a penalty for coverage, are asked for.
    """
    if (align or how.needs_weights) and not isinstance(model, Aligned):
        what = "an alignment" if align else "a penalty for coverage"
        raise UsageError(
            f"{what} takes a model that says where it looks in a source, and this one does not; "
            "leave it out, or train one with attention over sources"
        )
    remaining, first = iter(sources), 0
    while window := list(islice(remaining, _WINDOW)):
        order = sorted(range(len(window)), key=lambda place: len(window[place]))
        found: dict[int, list[Hypothesis]] = {}
        for start in range(0, len(order), SOURCES_AT_ONCE):
            group = order[start : start + SOURCES_AT_ONCE]
            decoded = _decode(model, [window[place] for place in group], how, limit, first, group)
            if align:
                decoded = with_weights(model, [window[place] for place in group], decoded)
            found |= zip(group, decoded, strict=True)
        yield from (found[place] for place in range(len(window)))
        first += len(window)


def _decode(
    model: LanguageModel,
    sources: Sequence[Ids],
    how: Search | Draws,
    limit: LengthLimit,
    first: int,
    places: Sequence[int],
) -> list[list[Hypothesis]]:
    limits_S = [limit.of(len(source)) for source in sources]
    if isinstance(how, Search):
        return beams.search(model, sources, how, limits_S)
    return drawing.draw(model, sources, how, limits_S, [first + place for place in places])
