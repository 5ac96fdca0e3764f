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
    """Digest of the documents that were to be scored, in their order."""
    test_bytes: int | None = None
    """Of the documents that were scored in fact, and how many these were."""
    test_documents: int | None = None
    given_fingerprint: str | None = None
    """Digest of all documents that the run was given to learn from, its validation part included."""
    train_fingerprint: str | None = None
    """Digest of those that remained to learn from, without its validation part."""
    budget: Mapping[str, float | None] = field(default_factory=dict)
    """Limits: seconds, symbols, epochs, steps."""
    spent: Mapping[str, float] = field(default_factory=dict)
    """What training took, in the same words."""
    searched: Mapping[str, float] = field(default_factory=dict)
    """What the trials of a search took before, in the same words; the budget is for both."""
    ended: str = ""
    """Why training ended before its budget did, where it chose to: early stopping, say."""
    threads: int | None = None
    wall_seconds: float | None = None
    """How long the process that trained it took for that, and how long processors worked for it meanwhile."""
    processor_seconds: float | None = None
    machine: str | None = None
    """A word for the processor it was trained on, and the versions of the programs that trained it."""
    versions: Mapping[str, str] | None = None
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


@dataclass(frozen=True)
class Verdict:
    """Whether a rule held (None: not checked), what was found, and who broke it."""

    held: bool | None
    said: str
    who: Sequence[str] = ()


def rules(
    facts: Sequence[Facts],
    *,
    asked: Facts | None = None,
    parallel: bool = False,
    duplicates: int | None = None,
    repeated: float = 0.0,
    rows: Sequence[Mapping[str, Any]] = (),
    checks: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
) -> list[dict[str, Any]]:
    """Return every rule as {"rule", "held", "said", "who"}.

    `facts` are of those who were scored, none that failed. `asked` has the data, budget and seed that all
    should have; without it these are the first one's. `duplicates` counts test documents that are also in the
    training part, `repeated` is the share of the test part's bytes in long lines that are. `rows` are those
    of results.json in the order in which they are shown. `checks` are the rules checked on each run alone
    (DETAIL of results.json), which come together in one line each; "held" is None where one could not be
    checked.
    """
    asked = asked or (facts[0] if facts else Facts(""))
    found = [_judged(rule, verdict(facts, asked)) for rule, verdict in _RULES] if facts else []
    if not parallel and facts:
        found.append(_judged("one at a time", _one_at_a_time(facts)))
    found.append(_judged("settings of several chosen by validation", _chosen_by_validation(rows)))
    found.append(_judged("duplicates across the parts are counted", _duplicates(asked, duplicates, repeated)))
    found.append(_judged("static, lossy and adaptive figures apart", _apart(rows)))
    return found + _together([one.who for one in facts], checks or {})


def _judged(rule: str, verdict: Verdict) -> dict[str, Any]:
    return {"rule": rule, "held": verdict.held, "said": verdict.said, "who": list(verdict.who)}


def _accused(*accusations: tuple[str, Sequence[str], str]) -> Verdict | None:
    """Return what is said against whom: words, names, words; None where nobody is named."""
    told = [(f"{before}{amounts.names(who)}{after}", who) for before, who, after in accusations if who]
    everyone = dict.fromkeys(name for _, who in told for name in who)
    return Verdict(False, "; ".join(said for said, _ in told), list(everyone)) if told else None


def _lacking(facts: Sequence[Facts], *names: str) -> tuple[str, list[str], str]:
    """Return the accusation of those of whom one of these facts was not recorded."""
    lacking = [one.who for one in facts if None in [getattr(one, name) for name in names]]
    return "not recorded of ", lacking, ""


def _alike(facts: Sequence[Facts], asked: Facts, *names: str) -> list[tuple[str, Sequence[str], str]]:
    """Return the accusations of those who lack one of these facts, or have another than was asked."""
    lacking = _lacking(facts, *names)
    wanted = [getattr(asked, name) for name in names]
    others = [one.who for one in facts if [getattr(one, name) for name in names] != wanted]
    return [lacking, ("", [who for who in others if who not in lacking[1]], f" differ from {asked.who}")]


def _same_test(facts: Sequence[Facts], asked: Facts) -> Verdict:
    alike = _alike(facts, asked, "test_fingerprint", "test_bytes", "test_documents")
    return _accused(*alike) or Verdict(
        True,
        f"all were scored on {asked.test_documents:,} documents of {asked.test_bytes:,} bytes, "
        f"fingerprint {asked.test_fingerprint}",
    )


def _same_training(facts: Sequence[Facts], asked: Facts) -> Verdict:
    kept = [one.who for one in facts if one.train_fingerprint != one.given_fingerprint]
    apart = f"; {amounts.names(kept)} kept a part of them for validation" if kept else ""
    return _accused(*_alike(facts, asked, "given_fingerprint")) or Verdict(
        True, f"all were given the documents of fingerprint {asked.given_fingerprint}{apart}"
    )


def _same_budget(facts: Sequence[Facts], asked: Facts) -> Verdict:
    limits = {one.who: {n: limit for n, limit in one.budget.items() if limit is not None} for one in facts}
    wanted = {name: limit for name, limit in asked.budget.items() if limit is not None}
    lacking = [who for who, limit in limits.items() if not limit]
    others = [who for who, limit in limits.items() if limit and limit != wanted]
    budget = ", ".join(f"{limit:g} {name}" for name, limit in wanted.items())
    return _accused(
        ("not recorded of ", lacking, ""), ("", others, f" had another budget than {asked.who}")
    ) or Verdict(True, f"all had {budget} to train in")


def _spent(facts: Sequence[Facts], asked: Facts) -> Verdict:
    over = [one.who for one in facts if _used(one) > 1 + OVERSHOOT]
    under = [one for one in facts if _used(one) < 1 - OVERSHOOT]
    short = [one.who for one in under if not one.ended and one.spent.get("epochs", 0.0) < 1]
    most = amounts.share(max(map(_used, facts)))
    early = f"; less was enough for {amounts.names([one.who for one in under])}" if under else ""
    searching = [one.who for one in facts if one.searched]
    trials = f" (trials of {amounts.names(searching)} counted)" if searching else ""
    return _accused(
        (f"more than the budget, up to {most} of it: ", over, ""),
        ("ended before the budget and before the data did: ", short, ""),
    ) or Verdict(
        True, f"nobody trained for more than the budget{trials}, nor less without having read all data{early}"
    )


def _used(one: Facts) -> float:
    """Return the largest share of a limit that was spent, trials included, a second of it forgiven."""
    shares = []
    for name, limit in one.budget.items():
        if limit is None or name not in one.spent:
            continue
        spent = one.spent[name] + one.searched.get(name, 0.0)
        if name == "seconds" and spent > limit:
            spent = max(limit, spent - SLACK_SECONDS)
        shares.append(spent / limit)
    return max(shares, default=0.0)


def _same_threads(facts: Sequence[Facts], asked: Facts) -> Verdict:
    busy = [one.who for one in facts if _excess(one) > 0]
    return _accused(
        *_alike(facts, facts[0], "threads"),
        _lacking(facts, "wall_seconds", "processor_seconds"),
        ("kept more processors busy than its threads: ", busy, ""),
    ) or Verdict(True, f"all computed on {facts[0].threads} threads, and kept no more processors busy")


def _excess(one: Facts) -> float:
    """Return the seconds that processors worked beyond what its threads could have, some of it forgiven."""
    if one.threads is None or one.wall_seconds is None or one.processor_seconds is None:
        return 0.0
    return one.processor_seconds - one.threads * one.wall_seconds * (1 + OVERSHOOT) - SLACK_SECONDS


def _same_machine(facts: Sequence[Facts], asked: Facts) -> Verdict:
    versions = ", ".join(f"{name} {version}" for name, version in (facts[0].versions or {}).items())
    return _accused(*_alike(facts, facts[0], "machine", "versions")) or Verdict(
        True, f"all were trained on one kind of processor, by {versions}"
    )


def _one_at_a_time(facts: Sequence[Facts]) -> Verdict:
    spans = [(one.started, one.finished, one.who) for one in facts]
    known = sorted((begin, end, who) for begin, end, who in spans if begin is not None and end is not None)
    early = [other for (_, end, _), (begin, _, other) in pairwise(known) if begin < end]
    return _accused(
        _lacking(facts, "started", "finished"), ("", early, " began before the one before had ended")
    ) or Verdict(True, "each began after the one before had ended")


def _one_seed(facts: Sequence[Facts], asked: Facts) -> Verdict:
    picked = [one.who for one in facts if one.trainings not in (None, 1)]
    return _accused(
        _lacking(facts, "trainings"),
        ("one of several trainings was kept: ", picked, ""),
        *_alike(facts, asked, "seed"),
    ) or Verdict(True, f"each was trained once, with seed {asked.seed}")


def _settings_without_test(facts: Sequence[Facts], asked: Facts) -> Verdict:
    guilty = [
        one.who
        for one in facts
        if one.settings_from not in (None, *HONEST_SETTINGS) or one.valid_from == "test"
    ]
    return _accused(
        _lacking(facts, "settings_from", "valid_from"), ("chosen by the test part: ", guilty, "")
    ) or Verdict(True, "no settings were chosen, and nobody was stopped, by looking at the test part")


def _chosen_by_validation(rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """Return whether the best on validation stands for a model that was tried in several ways."""
    tried: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        if row.get("valid_bits_per_byte") is None or row.get("adaptive"):
            continue
        if row["who"] != f"{row['model']}-{row['codec']}":  # which stands for itself
            tried.setdefault((row["model"], row["codec"]), []).append(row)
    several = [group for group in tried.values() if not all(row["chosen"] for row in group)]
    best = [min(row["valid_bits_per_byte"] for row in group) for group in several]
    wrong = [
        row["who"]
        for group, least in zip(several, best, strict=True)
        for row in group
        if row["chosen"] and row["valid_bits_per_byte"] > least
    ]
    return _accused(("chosen against the validation part: ", wrong, "")) or Verdict(
        True, f"of {len(several)} models tried in several ways the best on validation stands"
    )


def _duplicates(asked: Facts, duplicates: int | None, repeated: float) -> Verdict:
    if duplicates is None:
        return Verdict(False, "not counted")
    of = "" if asked.test_documents is None else f" of {asked.test_documents:,}"
    return Verdict(
        True,
        f"{duplicates:,}{of} test documents also stand in the training part, and {amounts.share(repeated)} "
        "of the test part's bytes in long lines that do",
    )


def _apart(rows: Sequence[Mapping[str, Any]]) -> Verdict:
    """Return whether the ranked rows come first, best first, and nobody else stands among them."""
    standings = [Standing.of(row) for row in rows]
    ranked = [one.who for one in Field.of(standings).ranked]
    shown = [one.who for one in standings[: len(ranked)]]
    by_task = any(one.metric_name for one in standings)
    whose = "those who can do the task" if by_task else "lossless codecs"
    if shown != ranked:
        wrong = [one for one, right in zip(shown, ranked, strict=True) if one != right]
        return Verdict(False, f"ranked are {amounts.names(ranked)}, shown {amounts.names(shown)}", wrong)
    return Verdict(True, f"ranked are {len(ranked)} of {len(standings)} rows: the static figures of {whose}")


def _together(
    contestants: Sequence[str], checks: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[dict[str, Any]]:
    """Return one line a rule of those checked on each run alone, which names who broke it and how."""
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for who, checked in checks.items():
        for one in checked:
            found.setdefault(one["rule"], {})[who] = one
    return [_judged(rule, _merged(contestants, by_who)) for rule, by_who in found.items()]


def _merged(contestants: Sequence[str], by_who: Mapping[str, Mapping[str, Any]]) -> Verdict:
    missing = [who for who in contestants if who not in by_who]
    if accused := _accused(("not recorded of ", missing, "")):
        return accused
    for held in (False, None):
        if told := {who: one["said"] for who, one in by_who.items() if one["held"] is held}:
            return Verdict(held, "; ".join(f"{who}: {said}" for who, said in told.items()), list(told))
    return Verdict(True, f"held by {amounts.names(list(by_who))}")


_RULES: tuple[tuple[str, Callable[[Sequence[Facts], Facts], Verdict]], ...] = (
    ("the same test bytes", _same_test),
    ("the same training documents", _same_training),
    ("the same budget", _same_budget),
    ("the budget spent", _spent),
    ("the same threads", _same_threads),
    ("the same machine", _same_machine),
    ("one training each, of one seed", _one_seed),
    ("no settings chosen by the test part", _settings_without_test),
)
