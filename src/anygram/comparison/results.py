"""The rows of a comparison: intervals, order, the table, results.json and report.md."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import numpy as np

from anygram.comparison import metrics
from anygram.comparison.contest import Contest
from anygram.comparison.metrics import intervals
from anygram.comparison.metrics.held import Sums
from anygram.comparison.pairs import Scored, bounds
from anygram.reporting import tables

HEADER = ["model", "codec", "bits/byte", "± 95 %", "train s", "score KB/s", "generate sym/s", "size MB"]


@dataclass(frozen=True)
class Row:
    """One contestant's figures; `error` says why there are none."""

    model: str
    codec: str
    who: str = ""
    """What tells it from all others: the name of its run folder."""
    bits_per_byte: float | None = None
    bits_per_unit: float | None = None
    metric: float | None = None
    """The figure of a task that is ranked by, its interval, its name, and how it was computed."""
    metric_low: float | None = None
    metric_high: float | None = None
    metric_name: str = ""
    metric_how: str = ""
    metric_error: str = ""
    """Why there is none, where so."""
    unit: str = ""
    """What the codec's bits are told by; of a lossy codec of numbers they are those of a density."""
    ci_low: float | None = None
    ci_high: float | None = None
    adaptive: bool = False
    way: str = ""
    """In which way it went on learning while it read, if it did."""
    floor: bool = False
    valid_bits_per_byte: float | None = None
    valid_bits_per_unit: float | None = None
    chosen: bool = True
    """Whether the validation part chose this of several ways of training one model, if there were several."""
    perplexity: float | None = None
    train_seconds: float | None = None
    total_seconds: float | None = None
    train_symbols: int | None = None
    epochs: float | None = None
    score_bytes_per_second: float | None = None
    generate_symbols_per_second: float | None = None
    first_symbol_seconds: float | None = None
    state_bytes_per_100_symbols: int | None = None
    energy_joules: float | None = None
    model_bytes: int | None = None
    peak_memory_bytes: int | None = None
    run: str | None = None
    stopped: str = ""
    error: str = ""
    model_settings: dict[str, Any] = field(default_factory=dict)
    learner_settings: dict[str, Any] = field(default_factory=dict)
    search: dict[str, Any] | None = None
    """The trials by which settings were chosen, and which was the best; None where none were made."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as results.json holds it."""
        return asdict(self)


def rows(contest: Contest, found: Mapping[str, Mapping[str, Any]]) -> list[Row]:
    """Return a row for every contestant, one more for those that went on learning, and the floors'."""
    made = []
    for one in contest.contestants:
        whole = dict(found[one.who])
        adapted = whole.pop("adapted", None)
        unmeasured = {name: figure for name, figure in whole.items() if name != "measured"}
        for each in (whole, {**unmeasured, **adapted}) if adapted else (whole,):
            made.append(row(one.model, one.codec, each, who=one.who, run=one.who, metric=contest.metric))
    made = _chosen(contest, made)
    for name, figures in found.items():
        kind, _, compressor = name.partition("/")
        if kind == "floor":
            made.append(row(compressor, "", figures, who=compressor, floor=True))
    return made


def row(
    model: str,
    codec: str,
    found: Mapping[str, Any],
    *,
    who: str = "",
    floor: bool = False,
    run: str | None = None,
    metric: str = "",
) -> Row:
    """Return what was found as a row; intervals are those of a paired bootstrap with a fixed seed."""
    known = {name: value for name, value in found.items() if name in Row.__dataclass_fields__}
    if "measured" in found:
        known |= _measured(metric, found["measured"])
    if found.get("bits_per_byte") is not None and "nats_D" in found:
        known["ci_low"], known["ci_high"] = interval(found)
    known.setdefault("adaptive", floor)
    return Row(
        **{
            **known,
            "model": model,
            "codec": found.get("codec", codec),
            "who": who,
            "floor": floor,
            "run": run,
        }
    )


def _measured(name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a row that tell of its metric."""
    if found.get("error"):
        return {"metric_name": name, "metric_error": found["error"]}
    metric, sums = metrics.of(name), sums_of(found)
    low, high = intervals.bounds(metric, sums) or (None, None)
    figure = intervals.value(metric, sums)
    fields = {"metric": figure, "metric_low": low, "metric_high": high}
    return {**fields, "metric_name": name, "metric_how": sums.how}


def sums_of(found: Mapping[str, Any]) -> Sums:
    """Return what a job found of a metric."""
    return Sums(np.array(found["sums_DK"]), found["in_time"], found["how"])


def _chosen(contest: Contest, made: Sequence[Row]) -> list[Row]:
    """Return the rows, of each model that is tried in several ways all but the best on validation not chosen.

    The test part would choose the luckiest.
    """
    tried = {one.who for one in contest.contestants if one.swept}
    best: dict[tuple[str, str], Row] = {}
    for one in made:
        figure = _on_validation(one)
        if one.who in tried and figure is not None:
            before = best.get((one.model, one.codec))
            if before is None or figure < (_on_validation(before) or math.inf):
                best[one.model, one.codec] = one
    chosen = {one.who for one in best.values()}
    return [replace(one, chosen=one.who not in tried or one.who in chosen) for one in made]


def _on_validation(one: Row) -> float | None:
    """Return what chooses among several ways of training one model: of a lossy codec the density's bits."""
    return one.valid_bits_per_unit if one.valid_bits_per_byte is None else one.valid_bits_per_byte


def scored(who: str, found: Mapping[str, Any]) -> Scored:
    """Return what documents, or blocks of few of them, cost a contestant."""
    return Scored(who, np.array(found["nats_D"]), np.array(found["units_D"]))


def interval(found: Mapping[str, Any]) -> tuple[float, float]:
    """Return the 95 % interval of bits per byte of what was found, by the bootstrap."""
    return bounds(scored("", found), contiguous=found["contiguous"])


def outcome(found: Mapping[str, Any]) -> str:
    """Return what was found in a few words."""
    if found.get("error"):
        return f"failed: {found['error']}"
    if "trials" in found:
        return _search(found)
    figure = found.get("bits_per_byte")
    said = "lossy" if figure is None else f"{figure:.3f} bits per byte"
    if figure is None and found.get("bits_per_unit") is not None:
        said = f"{found['bits_per_unit']:.3f} bits per {found['unit']}, lossy"
    adapted = found.get("adapted")
    if adapted and adapted["bits_per_byte"] is not None:
        said += (
            f", {adapted['bits_per_byte']:.3f} where it goes on learning while it reads ({adapted['way']})"
        )
    return f"{said} after {found['train_seconds']:.1f} s"


def _search(found: Mapping[str, Any]) -> str:
    """Return which settings a search found in a few words."""
    chosen = found["chosen"]
    if chosen is None:
        return "as suggested: no trial fitted into the budget, or none came to an end"
    settings = ", ".join(f"{key}={value}" for key, value in found["trials"][chosen]["settings"].items())
    return f"trial {chosen + 1} of {len(found['trials'])} was the best: {settings}"


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return static figures, best first, then lossy ones, then adaptive ones alike, then the failed.

    Lossy ones go by their density's bits, those without one by perplexity. Equal ones go by name, as where
    they are ranked. Those that have the metric of a task go by that, before all others.
    """

    def key(one: Row) -> tuple[int, bool, float, str]:
        if one.metric is not None:
            return -1, False, metrics.of(one.metric_name).loss(one.metric), one.who
        kind = 4 if one.error else 2 * one.adaptive + (one.bits_per_byte is None)
        bits = one.bits_per_unit if one.bits_per_byte is None else one.bits_per_byte
        return kind, bits is None, (one.perplexity or 0.0) if bits is None else bits, one.who

    return sorted(rows, key=key)


def cells(one: Row) -> list[str]:
    """Return the row's cells as the table shows them."""
    name = f"{one.model}  ({_kind(one)})" if one.floor or one.adaptive else one.model
    if one.error:
        return [name, one.codec, "failed", *[""] * (len(HEADER) - 3)]
    return [
        name,
        one.codec,
        "lossy" if one.bits_per_byte is None else f"{one.bits_per_byte:.3f}",
        _half(one.ci_low, one.ci_high),
        _number(one.train_seconds, 1, "{:.1f}"),
        _number(one.score_bytes_per_second, 1e3, "{:,.0f}"),
        _number(one.generate_symbols_per_second, 1, "{:,.0f}"),
        _number(one.model_bytes, 1e6, "{:.2f}"),
    ]


def _half(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{(high - low) / 2:.3f}"


def _kind(one: Row) -> str:
    return "floor, adaptive" if one.floor else f"adaptive: {one.way}"


def table(rows: Sequence[Row]) -> str:
    """Return the table for a terminal, with a line for each that failed or stopped early.

    Where there is a metric it stands before bits per byte.
    """
    ordered = in_order(rows)
    header, shown = HEADER, [cells(one) for one in ordered]
    if named := [one.metric_name for one in ordered if one.metric_name]:
        header = [*HEADER[:2], metrics.of(named[0]).title, HEADER[3], *HEADER[2:]]
        shown = [[*each[:2], *_metric(one), *each[2:]] for one, each in zip(ordered, shown, strict=True)]
    return "\n".join([tables.aligned(header, shown), *_remarks(ordered)])


def _metric(one: Row) -> list[str]:
    figure = "" if one.metric is None else f"{one.metric:.3f}"
    return [figure, _half(one.metric_low, one.metric_high)]


def _remarks(rows: Sequence[Row]) -> list[str]:
    remarks = [f"{one.model} failed: {one.error}" for one in rows if one.error]
    remarks += [f"{one.model} stopped early: {one.stopped}" for one in rows if one.stopped]
    remarks += [f"{one.who} has no {one.metric_name}: {one.metric_error}" for one in rows if one.metric_error]
    lossy = [one for one in rows if one.bits_per_byte is None and one.perplexity is not None]
    for one in lossy:
        density = "" if one.bits_per_unit is None else f"{one.bits_per_unit:.3f} bits per {one.unit}, "
        remarks.append(f"{one.model} over {one.codec} is lossy: {density}perplexity {one.perplexity:.2f}")
    return remarks


def _number(value: float | None, unit: float, form: str) -> str:
    return "" if value is None else form.format(value / unit)
