"""What results.json holds, from what each piece of work found: figures, what they mean, by which rules."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import runs
from anygram.comparison import crossings, curves, disagreements, metrics, redaction, results, rules
from anygram.comparison.agreement import another_seed, third
from anygram.comparison.answer import Evidence, answer
from anygram.comparison.contest import SHARES, Contest, share_name
from anygram.comparison.metrics import intervals
from anygram.comparison.pairs import Difference, Scored, differences
from anygram.comparison.results import Row
from anygram.comparison.rules import Facts
from anygram.data.kinds import is_readable
from anygram.data.preparation import Prepared
from anygram.data.store import digest_of, stored, units_of
from anygram.reporting import amounts
from anygram.threads import cores

FORMAT = 1

Found = Mapping[str, Mapping[str, Any]]
"""By the name of a piece of work: WHO, floor/NAME, third/WHO, again/WHO, share-16/WHO."""


@dataclass(frozen=True)
class Assembled:
    """The rows, in order, and all of results.json."""

    rows: Sequence[Row]
    fields: Mapping[str, Any]


def assemble(contest: Contest, prepared: Prepared, found: Found, command: str, parallel: int) -> Assembled:
    """Return what is to be written of a comparison whose work is all done."""
    found = _of_the_test_part(prepared, found)
    rows = results.in_order(results.rows(contest, found))
    told = [row.to_json() for row in rows]
    judged = [row for row in told if row["chosen"]]
    pairs = _pairs(contest, judged, found)
    plain = _plain(contest, prepared) if contest.metric else None
    shortened = third(judged, pairs, _part(contest, judged, found, "third")) if contest.third else None
    again = another_seed(judged, pairs, _part(contest, judged, found, "again")) if contest.again else None
    learning = _curves(contest, found) if contest.curves else []
    crossed = crossings.between(learning)
    details = {one.who: found[one.who]["detail"] for one in contest.contestants if "detail" in found[one.who]}
    kept = _rules(contest, prepared, found, told, details, parallel)
    evidence = Evidence(
        pairs=pairs,
        test_bytes=prepared.description["test_bytes"],
        test_documents=prepared.description["test_documents"],
        train_bytes=units_of(prepared.splits.train),
        duplicates=prepared.description["duplicates_in_test"],
        repeated=_repeated(prepared),
        third=shortened,
        another_seed=again,
        crossings=crossed,
        measured=_items(contest, judged, found),
        plain=None if plain is None else (plain["name"], plain["metric"]),
        broken_rules=[(rule["rule"], rule["who"]) for rule in kept if rule["held"] is False],
    )
    fields = {
        "format": FORMAT,
        "question": _question(contest, command),
        "data": _data(contest, prepared),
        "machine": _machine(),
        "results": told,
        "details": details,
        "pairs": [pair.to_json() for pair in pairs],
        "plain": plain,
        "answer": answer(judged, contest.prefer, evidence).to_json(),
        "rules": kept,
        "third": shortened.to_json() if shortened else None,
        "again": again.to_json() if again else None,
        "curves": learning,
        "crossings": [one.to_json() for one in crossed],
        "disagreements": _disagreements(contest, judged, prepared, found),
    }
    return Assembled(rows, fields)


def _of_the_test_part(prepared: Prepared, found: Found) -> Found:
    """Return the findings, without figures that are of other bytes than those of the test part."""
    wanted_D = stored(prepared.splits.test).units_D
    return {name: _unless_other_bytes(one, wanted_D) for name, one in found.items()}


def _unless_other_bytes(found: Mapping[str, Any], wanted_D: NDArray[np.int64]) -> Mapping[str, Any]:
    if "units_D" not in found or found["bits_per_byte"] is None:
        return found
    units, wanted = sum(found["units_D"]), int(wanted_D.sum())
    if found["units_D"] == wanted_D.tolist() or (found["contiguous"] and units == wanted):
        return found
    error = f"was scored on other bytes than those of the test part ({units:,}, which has {wanted:,})"
    return {"error": error, **{name: found[name] for name in ("facts", "detail") if name in found}}


def _repeated(prepared: Prepared) -> float:
    """Return the share of the test part's bytes in long lines that the training part has too."""
    return float(prepared.description["repeated_bytes_in_test"] / prepared.description["test_bytes"])


def _question(contest: Contest, command: str) -> dict[str, Any]:
    """Return what was asked."""
    return {
        "contestants": [one.who for one in contest.contestants],
        "budget": asdict(contest.budget),
        "seed": contest.seed,
        "threads": cores(),
        "prefer": contest.prefer,
        "metric": contest.metric,
        "horizon": contest.horizon,
        "adapt": contest.adapt,
        "third": contest.third,
        "again": contest.again,
        "curves": contest.curves,
        "search": contest.search,
        "texts": contest.texts,
        "settings": {
            f"{one.who} {key}": value for one in contest.contestants for key, value in one.values.items()
        },
        "command": command,
    }


def _data(contest: Contest, prepared: Prepared) -> dict[str, Any]:
    """Return what is said of the data."""
    if contest.texts:
        return prepared.description
    return redaction.of_description(prepared.description, contest)


def _machine() -> dict[str, Any]:
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else None
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_bytes": pages,
        "platform": platform.platform(),
        "versions": runs.versions(),
    }


def _pairs(contest: Contest, judged: Sequence[Mapping[str, Any]], found: Found) -> list[Difference]:
    """Return which contestants can be told apart, by the metric where one is asked for."""
    if contest.metric:
        measured = {
            row["who"]: results.sums_of(found[row["who"]]["measured"])
            for row in judged
            if row["metric"] is not None
        }
        return intervals.differences(metrics.of(contest.metric), measured)
    contiguous = any(found[row["who"]].get("contiguous", False) for row in judged if not row["floor"])
    return differences(_scored(judged, found), contiguous=contiguous)


def _plain(contest: Contest, prepared: Prepared) -> dict[str, Any]:
    """Return what anybody can do at the task without a model."""
    metric = metrics.of(contest.metric)
    name, sums = metric.plain(prepared.splits, contest.horizon)
    low, high = intervals.bounds(metric, sums) or (None, None)
    figure = intervals.value(metric, sums)
    return {"name": name, "metric": figure, "metric_low": low, "metric_high": high}


def _items(contest: Contest, judged: Sequence[Mapping[str, Any]], found: Found) -> str:
    """Return of how much the metric is, in words; nothing where there is none."""
    counts = [
        len(found[row["who"]]["measured"]["sums_DK"]) for row in judged if row.get("metric") is not None
    ]
    return amounts.counted(counts[0], metrics.of(contest.metric).item) if counts else ""


def _scored(judged: Sequence[Mapping[str, Any]], found: Found) -> list[Scored]:
    """Return what documents cost each static contestant that has bits per byte."""
    return [
        results.scored(row["who"], found[row["who"]])
        for row in judged
        if row["bits_per_byte"] is not None and not row["adaptive"] and not row["floor"]
    ]


def _part(
    contest: Contest, judged: Sequence[Mapping[str, Any]], found: Found, kind: str
) -> list[dict[str, Any]]:
    """Return the rows of those who are judged, with a third of the budget or another seed."""
    return [
        results.row(one.model, one.codec, found[f"{kind}/{one.who}"], who=one.who).to_json()
        for one in contest.contestants
        if any(row["who"] == one.who for row in judged)
    ]


def _curves(contest: Contest, found: Found) -> list[dict[str, Any]]:
    """Return the learning curve of everyone who has bits per byte; its last point is the whole run."""
    described = []
    for one in contest.contestants:
        if found[one.who].get("bits_per_byte") is None:
            continue
        parts = {share: found[share_name(share, one.who)] for share in (*SHARES, 1.0)}
        points = [
            _point(share, part) for share, part in parts.items() if part.get("bits_per_byte") is not None
        ]
        described.append(curves.describe(one.who, points))
    return described


def _point(share: float, found: Mapping[str, Any]) -> dict[str, Any]:
    low, high = results.interval(found)
    figures = {name: found[name] for name in ("bits_per_byte", "train_seconds", "epochs", "model_settings")}
    return {"share": share, "bytes": found["train_bytes"], "ci_low": low, "ci_high": high, **figures}


def _rules(
    contest: Contest,
    prepared: Prepared,
    found: Found,
    told: Sequence[Mapping[str, Any]],
    details: Mapping[str, Any],
    parallel: int,
) -> list[dict[str, Any]]:
    facts = [
        Facts(who=one.who, **found[one.who]["facts"])
        for one in contest.contestants
        if "facts" in found[one.who]
    ]
    asked = Facts(
        who="what was asked",
        test_fingerprint=digest_of(stored(prepared.splits.test)),
        test_bytes=prepared.description["test_bytes"],
        test_documents=prepared.description["test_documents"],
        given_fingerprint=digest_of(stored(prepared.splits.train)),
        budget=asdict(contest.budget),
        seed=contest.seed,
    )
    return rules.rules(
        facts,
        asked=asked,
        parallel=parallel > 1,
        duplicates=prepared.description["duplicates_in_test"],
        repeated=_repeated(prepared),
        rows=told,
        checks={who: detail["checks"] for who, detail in details.items()},
    )


def _disagreements(
    contest: Contest, judged: Sequence[Mapping[str, Any]], prepared: Prepared, found: Found
) -> list[dict[str, Any]]:
    scored = _scored(judged, found)
    nats = {one.who: one.nats_D for one in scored}
    units = {one.who: one.units_D for one in scored}
    found_most = disagreements.differing(nats, units, prepared.splits.test, quoted=contest.texts)
    if is_readable(contest.options.kind):
        return found_most
    return [{**one, "excerpt": ""} for one in found_most]
