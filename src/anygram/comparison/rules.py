"""The rules of a fair comparison that hold across contestants, each checked on what was recorded of the runs.

What was not recorded was not held: a rule is only as good as its evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from anygram.comparison.standing import Field, Standing
from anygram.reporting import amounts

OVERSHOOT = 0.05
"""A budget may be missed by 5 % and one second: the clock is looked at between batches."""

SLACK_SECONDS = 1.0
HONEST_SETTINGS = ("defaults", "given", "training part", "validation")


@dataclass(frozen=True)
class Facts:
    """What is recorded of one contestant's run; None is what nobody recorded."""

    who: str
    test_fingerprint: str | None = None
    """Digest of the documents that were scored, in their order."""
    test_bytes: int | None = None
    test_documents: int | None = None
    given_fingerprint: str | None = None
    """Digest of all documents that the run was given to learn from, its validation part included."""
    train_fingerprint: str | None = None
    """Digest of those that remained to learn from, without its validation part."""
    budget: Mapping[str, float | None] = field(default_factory=dict)
    """Limits: seconds, symbols, epochs, steps."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """What training took, in the same words."""
    ended: str = ""
    """Why training ended before its budget did, where it chose to: early stopping, say."""
    threads: int | None = None
    started: float | None = None
    """When the run's process began and ended, in seconds of one clock."""
    finished: float | None = None
    seed: int | None = None
    trainings: int | None = None
    """How many whole trainings there were, of which this is the one kept: 1, else the best was picked."""
    settings_from: str | None = None
    """What chose the settings: defaults, given (by the person), training part, validation; or test."""
    valid_from: str | None = None
    """Where the validation part is from: none, training part, or another source; or test."""


Verdict = tuple[bool, str]


def rules(
    facts: Sequence[Facts],
    *,
    parallel: bool = False,
    duplicates: int | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    checks: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """Return every rule as {"rule", "held", "said"}; `facts` has those who were scored, none that failed.

    `duplicates` counts test documents that are also in the training part. `rows` are those of results.json in
    the order in which they are shown. `checks` are the rules checked on each run alone (DETAIL of
    results.json), which come together in one line each; "held" is None where one could not be checked.
    """
    found = [_judged(rule, verdict(facts)) for rule, verdict in _RULES] if facts else []
    if not parallel and facts:
        found.append(_judged("one at a time", _one_at_a_time(facts)))
    found.append(_judged("duplicates across the parts are counted", _duplicates(facts, duplicates)))
    found.append(_judged("static, lossy and adaptive figures apart", _apart(rows)))
    return found + _together([one.who for one in facts], checks or {})


def _judged(rule: str, verdict: Verdict) -> dict[str, Any]:
    held, said = verdict
    return {"rule": rule, "held": held, "said": said}


def _alike(facts: Sequence[Facts], *names: str) -> Verdict:
    """Return whether all have the same value, and who lacks one or differs from the first."""
    values = {one.who: tuple(getattr(one, name) for name in names) for one in facts}
    unknown = [who for who, value in values.items() if None in value]
    if unknown:
        return False, f"not recorded of {amounts.names(unknown)}"
    first = next(iter(values.values()))
    others = [who for who, value in values.items() if value != first]
    return not others, f"{amounts.names(others)} differ from {facts[0].who}" if others else ""


def _guilty(
    facts: Sequence[Facts], innocent: Callable[[Facts], bool | None], crime: str, otherwise: str
) -> Verdict:
    """Return a verdict on each alone: `innocent` is None where nothing was recorded."""
    unknown = [one.who for one in facts if innocent(one) is None]
    if unknown:
        return False, f"not recorded of {amounts.names(unknown)}"
    guilty = [one.who for one in facts if not innocent(one)]
    return not guilty, f"{crime}: {amounts.names(guilty)}" if guilty else otherwise


def _same_test(facts: Sequence[Facts]) -> Verdict:
    held, said = _alike(facts, "test_fingerprint", "test_bytes", "test_documents")
    one = facts[0]
    return held, said or (
        f"all were scored on {one.test_documents:,} documents of {one.test_bytes:,} bytes, "
        f"fingerprint {one.test_fingerprint}"
    )


def _same_training(facts: Sequence[Facts]) -> Verdict:
    held, said = _alike(facts, "given_fingerprint")
    kept = [one.who for one in facts if one.train_fingerprint != one.given_fingerprint]
    apart = f"; {amounts.names(kept)} kept a part of them for validation" if kept else ""
    return held, said or f"all were given the documents of fingerprint {facts[0].given_fingerprint}{apart}"


def _same_budget(facts: Sequence[Facts]) -> Verdict:
    limits = [{name: limit for name, limit in one.budget.items() if limit is not None} for one in facts]
    if not all(limits):
        lacking = [one.who for one, limit in zip(facts, limits, strict=True) if not limit]
        return False, f"not recorded of {amounts.names(lacking)}"
    if others := [one.who for one, limit in zip(facts, limits, strict=True) if limit != limits[0]]:
        return False, f"{amounts.names(others)} had another budget than {facts[0].who}"
    budget = ", ".join(f"{limit:g} {name}" for name, limit in limits[0].items())
    return True, f"all had {budget} to train in"


def _spent(facts: Sequence[Facts]) -> Verdict:
    over = [one.who for one in facts if _used(one) > 1 + OVERSHOOT]
    if over:
        most = max(_used(one) for one in facts)
        return False, f"more than the budget, up to {amounts.share(most)} of it: {amounts.names(over)}"
    under = [one for one in facts if _used(one) < 1 - OVERSHOOT]
    short = [one.who for one in under if not one.ended and one.spent.get("epochs", 0.0) < 1]
    if short:
        return False, f"ended before the budget and before the data did: {amounts.names(short)}"
    early = f"; less was enough for {amounts.names([one.who for one in under])}" if under else ""
    return True, f"nobody trained for more than the budget, nor less without having read all data{early}"


def _used(one: Facts) -> float:
    """Return the largest share of a limit that was spent, a second of it forgiven."""
    shares = []
    for name, limit in one.budget.items():
        if limit is None or name not in one.spent:
            continue
        spent = one.spent[name]
        if name == "seconds" and spent > limit:
            spent = max(limit, spent - SLACK_SECONDS)
        shares.append(spent / limit)
    return max(shares, default=0.0)


def _same_threads(facts: Sequence[Facts]) -> Verdict:
    held, said = _alike(facts, "threads")
    return held, said or f"all computed on {facts[0].threads} threads"


def _one_at_a_time(facts: Sequence[Facts]) -> Verdict:
    spans = [(one.started, one.finished, one.who) for one in facts]
    known = sorted((begin, end, who) for begin, end, who in spans if begin is not None and end is not None)
    if len(known) < len(spans):
        return False, "not recorded of all"
    for (_, end, who), (begin, _, other) in pairwise(known):
        if begin < end:
            return False, f"{other} began before {who} had ended"
    return True, "each began after the one before had ended"


def _one_seed(facts: Sequence[Facts]) -> Verdict:
    held, said = _alike(facts, "seed", "trainings")
    picked = [one.who for one in facts if one.trainings is not None and one.trainings > 1]
    if picked:
        return False, f"the best of several trainings was kept: {amounts.names(picked)}"
    return held, said or f"each was trained once, with seed {facts[0].seed}"


def _settings_without_test(facts: Sequence[Facts]) -> Verdict:
    def innocent(one: Facts) -> bool | None:
        if one.settings_from is None or one.valid_from is None:
            return None
        return one.settings_from in HONEST_SETTINGS and one.valid_from != "test"

    return _guilty(
        facts,
        innocent,
        "chosen by the test part",
        "no settings were chosen, and nobody was stopped, by looking at the test part",
    )


def _duplicates(facts: Sequence[Facts], duplicates: int | None) -> Verdict:
    if duplicates is None:
        return False, "not counted"
    total = facts[0].test_documents if facts else None
    of = f" of {total:,}" if total is not None else ""
    return True, f"{duplicates:,}{of} test documents also stand in the training part"


def _apart(rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """Return whether the ranked rows come first, best first, and nobody else stands among them."""
    standings = [Standing.of(row) for row in rows]
    ranked = list(Field.of(standings).ranked)
    shown = [one.who for one in standings[: len(ranked)]]
    if shown != [one.who for one in ranked]:
        return False, f"ranked are {amounts.names([one.who for one in ranked])}, shown {amounts.names(shown)}"
    return True, f"ranked are {len(ranked)} of {len(standings)} rows: the static figures of lossless codecs"


def _together(
    contestants: Sequence[str], checks: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return one line a rule of those checked on each run alone, which names who broke it and how."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for who, checked in checks.items():
        for one in checked:
            found.setdefault(one["rule"], {})[who] = one
    return [{"rule": rule, **_merged(contestants, by_who)} for rule, by_who in found.items()]


def _merged(contestants: Sequence[str], by_who: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    missing = [who for who in contestants if who not in by_who]
    if missing:
        return {"held": False, "said": f"not recorded of {amounts.names(missing)}"}
    for held in (False, None):
        told = [f"{who}: {one['said']}" for who, one in by_who.items() if one["held"] is held]
        if told:
            return {"held": held, "said": "; ".join(told)}
    return {"held": True, "said": f"held by {amounts.names(list(by_who))}"}


_RULES: tuple[tuple[str, Callable[[Sequence[Facts]], Verdict]], ...] = (
    ("the same test bytes", _same_test),
    ("the same training documents", _same_training),
    ("the same budget", _same_budget),
    ("the budget spent", _spent),
    ("the same threads", _same_threads),
    ("one training each, of one seed", _one_seed),
    ("no settings chosen by the test part", _settings_without_test),
)
