"""Whether the same comparison, with a third of the budget or another seed, would have said the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from anygram.comparison.pairs import Difference
from anygram.comparison.standing import Field, Standing
from anygram.reporting import amounts


@dataclass(frozen=True)
class Agreement:
    """What another comparison of the same contestants says beside this one."""

    standings: Sequence[Standing]
    winner: str | None
    agrees: bool
    """Whether its winner is this one's, or one that this one cannot tell from its own."""
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return it as results.json holds it."""
        names = ("who", "bits_per_byte", "ci_low", "ci_high", "train_seconds", "error")
        rows = [{name: getattr(one, name) for name in names} for one in self.standings]
        return {"results": rows, "winner": self.winner, "agrees": self.agrees, "text": self.text}


def indistinguishable(who: str, pairs: Iterable[Difference]) -> list[str]:
    """Return those whom the test part does not tell from this contestant, the nearest first."""
    near = [pair for pair in pairs if who in (pair.one, pair.other) and not pair.distinguishable]
    near.sort(key=lambda pair: abs(pair.difference))
    return [pair.other if pair.one == who else pair.one for pair in near]


def third(
    full: Iterable[Mapping[str, Any]], pairs: Sequence[Difference], part: Iterable[Mapping[str, Any]]
) -> Agreement:
    """Return what a third of the budget would have said, from rows as results.json holds them."""
    return _agreement(full, pairs, part, "a third of the budget")


def another_seed(
    full: Iterable[Mapping[str, Any]], pairs: Sequence[Difference], again: Iterable[Mapping[str, Any]]
) -> Agreement:
    """Return what the same comparison with another seed says, from rows as results.json holds them.

    It ends with how far figures moved, which is what no interval over the test part covers.
    """
    full = list(full)
    found = _agreement(full, pairs, again, "another seed")
    before = {one.who: one.bits for one in Field.of(map(Standing.of, full)).ranked}
    moved = {
        one.who: abs(one.bits - before[one.who])
        for one in Field.of(found.standings).ranked
        if one.who in before
    }
    if not moved:
        return found
    most = max(moved, key=lambda who: moved[who])
    said = f"From one seed to the other figures moved by at most {amounts.bits(moved[most])} ({most})."
    return replace(found, text=f"{found.text} {said}")


def _agreement(
    full: Iterable[Mapping[str, Any]],
    pairs: Sequence[Difference],
    again: Iterable[Mapping[str, Any]],
    under: str,
) -> Agreement:
    standings = [Standing.of(row) for row in again]
    ranked, ranked_then = Field.of(map(Standing.of, full)).ranked, Field.of(standings).ranked
    if not ranked or not ranked_then:
        return Agreement(standings, None, False, f"With {under} there is nothing to compare.")
    winner, then = ranked[0], ranked_then[0]
    agrees = then.who == winner.who or then.who in indistinguishable(winner.who, pairs)
    figures = {one.who: one.bits for one in ranked_then}
    too = " too" if then.who == winner.who else ""
    said = f"With {under}, {then.who} comes first{too}, at {amounts.bits(then.bits)} bits per byte"
    if then.ci_low is not None and then.ci_high is not None:
        said += f" ({amounts.bits(then.ci_low)} to {amounts.bits(then.ci_high)})"
    return Agreement(standings, then.who, agrees, f"{said}{_compared(winner, then, figures, agrees)}.")


def _compared(winner: Standing, then: Standing, figures: Mapping[str, float], agrees: bool) -> str:
    """Return the end of the sentence: the same winner, one not told apart from it, or another."""
    if then.who == winner.who:
        return ""
    own = figures.get(winner.who)
    reached = "" if own is None else f", which reaches {amounts.bits(own)}"
    if agrees:
        return f", before {winner.who}{reached}; the whole comparison does not tell the two apart"
    return f", before {winner.who}{reached}: what is best depends on it"
