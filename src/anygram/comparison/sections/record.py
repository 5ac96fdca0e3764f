"""The rules and whether they held, what failed, and all that is needed to do it again."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from anygram.comparison.sections.entrants import Entrants
from anygram.comparison.sections.verdict import budget_in_words
from anygram.reporting import amounts
from anygram.reporting.documents import Block, Bullets, Listing, Listings, Paragraph, Section, Table
from anygram.reporting.excerpts import clipped

LONGEST_COMMAND = 10_000
LONGEST_VALUE = 1500
LONGEST_ERROR = 500
MOST_TRIALS = 300
_NO_TEXTS = (
    "This comparison was asked for without texts: it quotes nothing of the data, and sources, fields and "
    "documents have other names than their own."
)


def rules(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return each rule of fairness, whether it held, and what was measured to say so."""
    found = results.get("rules") or []
    checks = [(who, check) for who, some in entrants.measured("checks") for check in some]
    if not found and not checks:
        return None
    broken = [_broken(rule["rule"], rule["who"]) for rule in found if rule["held"] is False]
    if not found:
        broken = [_broken(check["rule"], [who]) for who, check in checks if check["held"] is False]
    said = "Every rule was checked in this comparison, and none was broken."
    if broken:
        said = f"Not held: {'; '.join(broken)}. Read the figures with that in mind."
    blocks: list[Block] = [Paragraph(said, strong=bool(broken))]
    if found:
        rows = [[rule["rule"], _held(rule), rule["said"]] for rule in found]
        blocks.append(Table(["rule", "", "what was measured"], rows))
    if checks:
        rows = [[who, check["rule"], _held(check), check["said"]] for who, check in checks]
        header = ["model", "rule", "", "what was measured"]
        blocks.append(Table(header, rows, "Checks of each model", folded=True))
    return Section("rules", "The rules, and whether they held", blocks)


def _broken(rule: str, who: Sequence[str]) -> str:
    return f"{rule} ({amounts.names(who)})" if who else rule


def _held(rule: Mapping[str, Any]) -> str:
    return {True: "held", False: "NOT HELD", None: "not checked"}[rule["held"]]


def failures(results: Mapping[str, Any], entrants: Entrants) -> Section | None:
    """Return who failed or stopped early, and what could not be measured of the others, and why."""
    said = [f"{row['who']} failed: {row['error']}" for row in entrants.failed]
    for row in (*entrants.ranked, *entrants.unmeasured, *entrants.lossy):
        if row["stopped"]:
            said.append(f"{row['who']} stopped early: {row['stopped']}")
    for who, parts in entrants.measured("failed"):
        for part, reason in parts.items():
            said.append(f"{who} could not be measured ({part.replace('_', ' ')}): {reason}")
    if not said:
        return None
    bullets = Bullets([clipped(one, LONGEST_ERROR) for one in said])
    return Section("failures", "What failed or stopped early", [bullets])


def repetition(results: Mapping[str, Any], entrants: Entrants) -> Section:
    """Return everything needed to repeat the comparison."""
    question = dict(results["question"])
    command = question.pop("command", "")
    budget = budget_in_words(question.pop("budget"))
    del question["contestants"]  # they stand with their settings
    machine = dict(results.get("machine") or {})
    for name, version in (machine.pop("versions", None) or {}).items():
        machine[f"{name} version"] = version
    blocks: list[Block] = [
        *([] if question.pop("texts", True) else [Paragraph(_NO_TEXTS)]),
        *([Listings([Listing("The command", clipped(command, LONGEST_COMMAND))])] if command else []),
        _fields("The question", {"budget": budget, **question}),
        _fields("The data", results["data"]),
        *([_fields("The machine", machine)] if machine else []),
        *_settings(results),
        *_trials(results),
    ]
    return Section("repeat", "To repeat it", blocks)


def _settings(results: Mapping[str, Any]) -> list[Table]:
    """Return a table of every run's settings, if there is a run."""
    rows: dict[str, list[str]] = {}
    for row in results["results"]:
        if not row["floor"]:  # a run that is measured twice has one set of them
            settings = [_text(row["model_settings"]), _text(row["learner_settings"])]
            rows.setdefault(row["who"], [row["who"], *settings])
    header = ["model", "settings of the model", "settings of learning"]
    return [Table(header, list(rows.values()), "Settings")] if rows else []


def _trials(results: Mapping[str, Any]) -> list[Table]:
    """Return a table of all trials by which settings were searched, if there were any."""
    searches = {row["who"]: row["search"] for row in results["results"] if row.get("search")}
    rows = [
        [
            who,
            f"{number + 1}{' (chosen)' if number == search['chosen'] else ''}",
            _text(trial["settings"]),
            f"failed: {clipped(trial['error'], LONGEST_ERROR)}" if trial["error"] else _validated(trial),
            amounts.duration(trial["spent"]["seconds"]),
        ]
        for who, search in searches.items()
        for number, trial in enumerate(search["trials"])
    ]
    rows += [
        [who, "cut short", "its process ended before it did", amounts.NONE, amounts.NONE]
        for who, search in searches.items()
        if not search["ended"]
    ]
    left_out = len(rows) - MOST_TRIALS
    caption = "Trials of the search for settings, each with a small part of the budget"
    caption += f", without the last {left_out}" if left_out > 0 else ""
    header = ["model", "trial", "settings", "bits per byte on validation", "training"]
    return [Table(header, rows[:MOST_TRIALS], caption, folded=True)] if rows else []


def _validated(trial: Mapping[str, Any]) -> str:
    """Return a trial's figure; a lossy codec has no bits per byte."""
    bits = trial["valid_bits_per_byte"]
    return f"perplexity {amounts.number(trial['valid_perplexity'])}" if bits is None else amounts.bits(bits)


def _fields(title: str, fields: Mapping[str, Any]) -> Table:
    return Table(
        ["", "value"], [[name.replace("_", " "), _field(name, of)] for name, of in fields.items()], title
    )


def _field(name: str, value: Any) -> str:
    """Return a value as text; a number of bytes in its unit too."""
    text = _text(value)
    if name.endswith("bytes") and isinstance(value, int) and value >= 1000:
        return f"{text} ({amounts.size(value)})"
    return text


def _text(value: Any) -> str:
    """Return a value as people read it: no braces about settings, no quotes about words."""
    match value:
        case None:
            said = amounts.NONE
        case bool():
            said = "yes" if value else "no"
        case int():
            said = f"{value:,}"
        case Mapping():
            said = ", ".join(f"{name} = {_plain(of)}" for name, of in value.items())
        case list() | tuple():
            said = ", ".join(_plain(one) for one in value)
        case _:
            said = str(value)
    return clipped(said, LONGEST_VALUE) or amounts.NONE


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
