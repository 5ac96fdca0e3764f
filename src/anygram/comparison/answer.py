"""Which model should I choose? One paragraph in plain words, from figures, intervals and costs.

Only static lossless contestants are ranked. What learns while it reads, what is lossy and what failed is
mentioned apart (yardstick, rule 6). Where the figure of a task is ranked by, those are that can do it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from anygram.comparison import caveats, pareto
from anygram.comparison.agreement import Agreement, indistinguishable
from anygram.comparison.crossings import Crossing
from anygram.comparison.pairs import Difference
from anygram.comparison.standing import Field, Standing
from anygram.comparison.yardstick import Yardstick
from anygram.errors import UsageError
from anygram.reporting import amounts

CHEAPER = 0.8
"""A cost of one that is as good is worth a word where it is at most four fifths of the winner's."""

BARGAIN = 0.5
"""That of one that is worse, within pareto.MARGIN, where it is at most half."""


@dataclass(frozen=True)
class Evidence:
    """What an answer rests on beside the figures; what is not known stays at its default."""

    pairs: Sequence[Difference] = ()
    test_bytes: int | None = None
    test_documents: int | None = None
    train_bytes: int | None = None
    duplicates: int = 0
    """Test documents that also stand in the training part."""
    repeated: float = 0.0
    """The share of the test part's bytes in long lines that also stand there."""
    third: Agreement | None = None
    another_seed: Agreement | None = None
    crossings: Sequence[Crossing] = ()
    measured: str = ""
    """Of how much a task's figure is, where that is ranked by: 30 windows."""
    plain: tuple[str, float] | None = None
    """What anybody can do at the task without a model, and its figure."""
    broken_rules: Sequence[tuple[str, Sequence[str]]] = ()
    """Rules that did not hold, and who broke each."""


@dataclass(frozen=True)
class Answer:
    """A recommendation: `beside` are those not distinguishable from the winner, `pareto` the front."""

    prefer: str
    winner: str | None
    beside: Sequence[str]
    pareto: Sequence[str]
    text: str

    def to_json(self) -> dict[str, Any]:
        """Return the answer as results.json holds it."""
        return {
            "prefer": self.prefer,
            "winner": self.winner,
            "beside": list(self.beside),
            "pareto": list(self.pareto),
            "text": self.text,
        }


def answer(rows: Iterable[Mapping[str, Any]], prefer: str, evidence: Evidence | None = None) -> Answer:
    """Return the recommendation for rows as results.json holds them; UsageError for an unknown preference."""
    if prefer not in pareto.PREFERENCES:
        raise UsageError(f"--prefer must be one of {', '.join(pareto.PREFERENCES)}, got '{prefer}'")
    evidence = evidence or Evidence()
    field = Field.of(map(Standing.of, rows))
    if not field.ranked:
        return Answer(prefer, None, [], [], caveats.nobody(field))
    by_task = bool(field.ranked[0].metric_name)
    winner = pareto.choose(field.ranked, prefer)
    ranked = {one.who for one in field.ranked}
    pairs = [pair for pair in evidence.pairs if {pair.one, pair.other} <= ranked]
    beside = indistinguishable(winner.who, pairs)
    sentences = [
        _choice(winner, field.ranked, prefer, evidence),
        _costs(winner),
        _beside(winner, beside, field.ranked, pairs, prefer),
        _bargain(winner, [one for one in field.ranked if one.who not in beside])
        if prefer == "quality"
        else "",
        caveats.luck(evidence.another_seed, len(field.ranked)),
        *(_by_task(winner, field, evidence) if by_task else _by_bits(winner, field)),
        caveats.outlook(winner.who, evidence.crossings, evidence.train_bytes),
        evidence.third.text if evidence.third else "",
        caveats.stopped(field.ranked),
        caveats.duplicates(evidence.duplicates, evidence.test_documents, evidence.repeated),
        caveats.broken(evidence.broken_rules, winner.who),
        caveats.failed(field.failed),
    ]
    on_front = [one.who for one in pareto.front(field.ranked, prefer)]
    return Answer(prefer, winner.who, beside, on_front, " ".join(filter(None, sentences)))


def _by_bits(winner: Standing, field: Field) -> list[str]:
    return [
        caveats.floors(winner, field.floors),
        caveats.adaptive(winner, field.adaptive),
        caveats.lossy(field.lossy),
    ]


def _by_task(winner: Standing, field: Field, evidence: Evidence) -> list[str]:
    return [
        caveats.plain(winner, evidence.plain),
        caveats.unmeasured(field.unmeasured),
        caveats.other_way(winner, field.ranked),
    ]


def _choice(winner: Standing, ranked: Sequence[Standing], prefer: str, evidence: Evidence) -> str:
    best, yardstick = ranked[0], winner.yardstick
    figure = f"{yardstick.told(winner.figure)}{_interval(winner)}{_measured_on(evidence)}"
    if len(ranked) == 1:
        needs = "has" if winner.metric_name else "needs"
        return f"Choose {winner.who}, which nobody is there to be ranked with: it {needs} {figure}."
    if prefer == "quality":
        return f"Choose {winner.who}: it {yardstick.wins}, at {figure}."
    price = pareto.cost(prefer, winner)
    if price is None:
        return f"What {prefer} needs was not measured; {winner.who} {yardstick.wins}, at {figure}."
    within = f"within {amounts.share(pareto.MARGIN)} of {yardstick.best}"
    claim = f"Choose {winner.who} for {prefer}: {_SUPERLATIVES[prefer](price)} of those {within}, at {figure}"
    if winner.loss == best.loss:
        return f"{claim}, and nobody {yardstick.better}."
    more, reached = amounts.share(winner.behind(best)), amounts.bits(best.figure)
    return f"{claim}; that gives up {more} against {best.who}, which {yardstick.wins} ({reached})."


def _interval(one: Standing) -> str:
    return "" if one.interval is None else f" (95 % interval {amounts.interval(*one.interval)})"


def _measured_on(evidence: Evidence) -> str:
    if evidence.measured:
        return f" on {evidence.measured} held out"
    if evidence.test_bytes is None:
        return ""
    return f" on {amounts.size(evidence.test_bytes)} held out"


def _costs(winner: Standing) -> str:
    rate = winner.score_bytes_per_second
    written = winner.generate_symbols_per_second
    parts = [
        f"trained for {amounts.duration(winner.train_seconds)}" if winner.train_seconds else "",
        f"takes {amounts.size(winner.model_bytes)} on disk" if winner.model_bytes else "",
        f"held {amounts.size(winner.peak_memory_bytes)} of memory" if winner.peak_memory_bytes else "",
        f"reads {amounts.size(rate)} a second" if rate else "",
        f"writes {amounts.number(written)} symbols a second" if written else "",
    ]
    known = [part for part in parts if part]
    return f"It {amounts.names(known)}." if known else ""


def _beside(
    winner: Standing,
    beside: Sequence[str],
    ranked: Sequence[Standing],
    pairs: Sequence[Difference],
    prefer: str,
) -> str:
    """Return who is not told apart from the winner and what they cost, or who comes nearest."""
    own = [pair for pair in pairs if winner.who in (pair.one, pair.other)]
    if not own:
        return ""
    if not beside:
        nearest = min(own, key=lambda pair: abs(pair.difference))
        other = nearest.other if nearest.one == winner.who else nearest.one
        than = "worse" if nearest.one == winner.who else "better"
        by = _by(nearest, winner.yardstick)
        return f"All others can be told from it; the nearest, {other}, is {than} by {by}."
    figures = {one.who: one for one in ranked}
    told = [_told(figures[who], winner, prefer) for who in beside]
    close = next(pair for pair in own if beside[0] in (pair.one, pair.other))
    apart = "the nearest by" if len(beside) > 1 else "apart by"
    by = _by(close, winner.yardstick)
    return f"Not distinguishable from it on this test part: {amounts.names(told)} ({apart} {by})."


def _by(pair: Difference, yardstick: Yardstick) -> str:
    difference = yardstick.apart(pair.difference)
    if not pair.distinguishable:
        return f"{difference}, give or take {amounts.bits((pair.ci_high - pair.ci_low) / 2)}"
    low, high = sorted((abs(pair.ci_low), abs(pair.ci_high)))
    return f"{difference} ({amounts.bits(low)} to {amounts.bits(high)})"


def _told(one: Standing, winner: Standing, prefer: str) -> str:
    """Return a name and whether it is cheaper than the winner."""
    price, dear = pareto.cost(prefer, one), pareto.cost(prefer, winner)
    if price and dear and price <= CHEAPER * dear:
        return f"{one.who}, {_COMPARATIVES[prefer].format(amounts.times(dear / price))}"
    return one.who


def _bargain(winner: Standing, others: Sequence[Standing]) -> str:
    """Return who is hardly worse than the best and reads much faster, the fastest of them."""
    fastest = pareto.choose(others, "speed")
    price, dear = pareto.cost("speed", fastest), pareto.cost("speed", winner)
    if not price or not dear or price > BARGAIN * dear:
        return ""
    worse = winner.yardstick.worse(fastest.behind(winner))
    spent = fastest.train_seconds
    trained = "" if spent is None else f", trained for {amounts.duration(spent)},"
    faster = amounts.times(dear / price)
    return f"Where speed matters, {fastest.who}{trained} reads {faster} as fast for {worse}."


_SUPERLATIVES: dict[str, Callable[[float], str]] = {
    "speed": lambda price: f"the fastest reader ({amounts.size(1e6 / price)} a second)",
    "memory": lambda price: f"the smallest ({amounts.size(price)} of disk and memory together)",
    "latency": lambda price: f"the first to answer ({amounts.duration(price)} for 100 bytes)",
}

_COMPARATIVES = {
    "quality": "which reads {} as fast",
    "speed": "which reads {} as fast",
    "memory": "which is {} smaller",
    "latency": "which answers {} sooner",
}
