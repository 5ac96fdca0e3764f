"""What an answer has to say beside the choice: sentences, each empty where there is nothing to say."""

from __future__ import annotations

from collections.abc import Sequence

from anygram.comparison.agreement import Agreement
from anygram.comparison.crossings import Crossing
from anygram.comparison.standing import Field, Standing
from anygram.reporting import amounts

MANY = 0.1
"""Of the test part's bytes, in long lines that training had: more than licences and greetings make up."""


def nobody(field: Field) -> str:
    """Return why there is no recommendation: all failed, or what is left cannot be ranked."""
    rest = [lossy(field.lossy), failed(field.failed)]
    if field.unmeasured:
        return " ".join(filter(None, ["There is nobody to rank.", unmeasured(field.unmeasured), rest[1]]))
    if field.lossy:
        why = "There is nobody to rank: bits per byte are of lossless codecs alone."
        remedy = "Add a model over bytes, bpe or chars, which lose nothing."
        return " ".join(filter(None, [why, *rest, remedy]))
    if field.failed:
        return f"Nothing can be recommended, for every contestant failed. {rest[1]}"
    return "There is nobody to rank: no static contestant."


def luck(another_seed: Agreement | None, contestants: int) -> str:
    """Return what intervals do not cover: the seed; or what another seed said."""
    if another_seed:
        return another_seed.text
    if contestants < 2:
        return "The interval covers the choice of the test part, not that of the training seed."
    return (
        "Intervals cover the choice of the test part, for all pairs together, not that of the training seed."
    )


def floors(winner: Standing, compressors: Sequence[Standing]) -> str:
    """Return whether the winner beats the best compressor, which it should."""
    if not compressors:
        return ""
    best = compressors[0]
    beside = f"{best.who}, the best compressor here ({amounts.bits(best.bits)}, learning while it reads)"
    if winner.bits < best.bits:
        return f"It needs {amounts.share(1 - winner.bits / best.bits)} fewer bits than {beside}."
    return (
        f"It does not beat {beside}: before relying on it, give it more time or data, "
        "or look whether the test part is like the training part."
    )


def adaptive(winner: Standing, learning: Sequence[Standing]) -> str:
    """Return the best figure of a model that learns while it reads, which is not ranked."""
    if not learning:
        return ""
    best = learning[0]
    return (
        f"Apart from this ranking, {best.who} that goes on learning while it reads ({best.way}) "
        f"needs {amounts.bits(best.bits)}."
    )


def lossy(contestants: Sequence[Standing]) -> str:
    """Return who is outside the ranking, being lossy, with the density's bits or the perplexity of each."""
    static = [one for one in contestants if not one.adaptive]
    if not static:
        return ""
    densities = [one for one in static if one.bits_per_unit is not None]
    notes = ["perplexities compare at equal tokens only"] if len(densities) < len(static) else []
    notes += ["bits of densities compare with each other, in any bins"] if densities else []
    told = amounts.names([f"{one.who}{_without_bytes(one)}" for one in static])
    return f"Lossy and so outside the ranking: {told}; {'; '.join(notes)}."


def plain(winner: Standing, known: tuple[str, float] | None) -> str:
    """Return whether the winner does better than anybody can without a model, which it should."""
    if known is None:
        return ""
    name, figure = known
    yardstick = winner.yardstick
    better = winner.figure > figure if yardstick.more_is_better else winner.figure < figure
    if better:
        return f"It beats {name} ({amounts.bits(figure)})."
    return f"It does not beat {name} ({amounts.bits(figure)}), which needs no model."


def unmeasured(contestants: Sequence[Standing]) -> str:
    """Return who cannot do the task that all are ranked by, and why."""
    told = [f"{one.who} ({one.metric_error})" for one in contestants]
    return f"Outside the ranking, for want of that figure: {'; '.join(told)}." if told else ""


def other_way(winner: Standing, ranked: Sequence[Standing]) -> str:
    """Return who would come first by bits, of those who are ranked by a task, where that is somebody else."""
    name = "bits_per_byte" if all(one.bits_per_byte is not None for one in ranked) else "bits_per_unit"
    bits = {one.who: getattr(one, name) for one in ranked}
    if len(ranked) < 2 or None in bits.values() or len({one.unit for one in ranked}) > 1:
        return ""
    first = min(bits, key=lambda who: (bits[who], who))
    if first == winner.who:
        return ""
    unit = "byte" if name == "bits_per_byte" else winner.unit
    return (
        f"By bits per {unit} {first} would come first ({amounts.bits(bits[first])}; "
        f"{winner.who} {amounts.bits(bits[winner.who])})."
    )


def _without_bytes(one: Standing) -> str:
    """Return the figure of a lossy contestant, in brackets, where it has one."""
    if one.bits_per_unit is not None:
        return f" ({amounts.bits(one.bits_per_unit)} bits per {one.unit})"
    return "" if one.perplexity is None else f" (perplexity {amounts.number(one.perplexity)})"


def outlook(winner: str, crossings: Sequence[Crossing], train_bytes: int | None = None) -> str:
    """Return who would probably overtake the winner with more data, and whom it overtook."""
    ahead = [one for one in crossings if one.below == winner and not one.within]
    behind = [one for one in crossings if one.above == winner and one.within]
    parts = []
    if ahead:
        one = ahead[0]
        parts.append(
            f"With more data of this kind, from about {amounts.size(one.bytes)} to learn from"
            f"{_as_much(one.bytes, train_bytes)}, {one.above} would probably be better{_between(one)}."
        )
    if behind:
        told = [f"{one.below} below about {amounts.size(one.bytes)}" for one in behind]
        parts.append(f"With less data others are better: {amounts.names(told)}.")
    return " ".join(parts)


def _as_much(size: int, train_bytes: int | None) -> str:
    return f", {amounts.times(size / train_bytes)} as much as here" if train_bytes else ""


def _between(one: Crossing) -> str:
    low = "less" if one.low is None else amounts.size(one.low)
    if one.high is None:
        return f" (90 %: from {low} on, if at all)"
    return f" (90 %: {low} to {amounts.size(one.high)})"


def stopped(contestants: Sequence[Standing]) -> str:
    """Return who stopped before its time, and why."""
    told = [f"{one.who} ({one.stopped})" for one in contestants if one.stopped]
    return f"Stopped early: {amounts.names(told)}." if told else ""


def duplicates(count: int, documents: int | None, repeated: float) -> str:
    """Return that the test part is not all unseen, where so: whole documents of it, or many long lines."""
    parts = []
    if count:
        of = f" of {documents:,}" if documents else ""
        parts.append(f"{count:,}{of} test documents {'is' if count == 1 else 'are'} in the training part too")
    if repeated >= MANY:
        parts.append(
            f"{amounts.share(repeated)} of the test part's bytes are in long lines that training had"
        )
    return f"{', and '.join(parts)}, which flatters what learns by heart." if parts else ""


def broken(rules: Sequence[tuple[str, Sequence[str]]], winner: str) -> str:
    """Return which rules of fairness did not hold, and who broke them."""
    if not rules:
        return ""
    told = [f"{rule} ({amounts.names(who)})" if who else rule for rule, who in rules]
    itself = any(winner in who for _, who in rules)
    care = (
        f"{winner} itself is concerned, and its figure not to be relied on"
        if itself
        else "read this with care"
    )
    return f"Not all rules held, so {care}: {'; '.join(told)}."


def failed(contestants: Sequence[Standing]) -> str:
    """Return who failed and why."""
    return " ".join(f"{one.who} failed: {one.error.rstrip('.')}." for one in contestants)
