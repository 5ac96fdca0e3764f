"""The rows of a comparison: intervals, order, the table, results.json and report.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from anygram import information
from anygram.reporting import tables

HEADER = ["model", "codec", "bits/byte", "± 95 %", "train s", "score KB/s", "generate sym/s", "size MB"]


@dataclass(frozen=True)
class Row:
    """One contestant's figures; `error` says why there are none."""

    model: str
    codec: str
    bits_per_byte: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    adaptive: bool = False
    way: str = ""
    """In which way it went on learning while it read, if it did."""
    floor: bool = False
    perplexity: float | None = None
    train_seconds: float | None = None
    total_seconds: float | None = None
    train_symbols: int | None = None
    epochs: float | None = None
    score_bytes_per_second: float | None = None
    generate_symbols_per_second: float | None = None
    model_bytes: int | None = None
    peak_memory_bytes: int | None = None
    run: str | None = None
    stopped: str = ""
    error: str = ""
    model_settings: dict[str, Any] = field(default_factory=dict)
    learner_settings: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the row as results.json holds it."""
        return asdict(self)


def row(
    model: str, codec: str, result: dict[str, Any], *, floor: bool = False, run: str | None = None
) -> Row:
    """Return a job's result as a row; the interval is that of a paired bootstrap with a fixed seed."""
    fields = {name: value for name, value in result.items() if name not in ("nats_D", "units_D", "codec")}
    if result.get("bits_per_byte") is not None and "nats_D" in result:
        figures = information.paired_bootstrap(np.array(result["nats_D"]), np.array(result["units_D"]))
        # of a few bytes some resamples draw empty blocks alone: they have no figure
        fields["ci_low"], fields["ci_high"] = information.interval(figures[np.isfinite(figures)])
    fields.setdefault("adaptive", floor)
    return Row(model=model, codec=result.get("codec", codec), floor=floor, run=run, **fields)


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Return static figures, best first, then lossy ones, then adaptive ones alike, then the failed."""

    def key(one: Row) -> tuple[int, float]:
        kind = 4 if one.error else 2 * one.adaptive + (one.bits_per_byte is None)
        return kind, one.bits_per_byte or one.perplexity or 0.0

    return sorted(rows, key=key)


def cells(one: Row) -> list[str]:
    """Return the row's cells as the table shows them."""
    name = f"{one.model}  ({_kind(one)})" if one.floor or one.adaptive else one.model
    if one.error:
        return [name, one.codec, "failed", *[""] * (len(HEADER) - 3)]
    half = "" if one.ci_low is None or one.ci_high is None else f"{(one.ci_high - one.ci_low) / 2:.3f}"
    return [
        name,
        one.codec,
        "lossy" if one.bits_per_byte is None else f"{one.bits_per_byte:.3f}",
        half,
        _number(one.train_seconds, 1, "{:.1f}"),
        _number(one.score_bytes_per_second, 1e3, "{:,.0f}"),
        _number(one.generate_symbols_per_second, 1, "{:,.0f}"),
        _number(one.model_bytes, 1e6, "{:.2f}"),
    ]


def _kind(one: Row) -> str:
    return "floor, adaptive" if one.floor else f"adaptive: {one.way}"


def table(rows: Sequence[Row]) -> str:
    """Return the table for a terminal, with a line for each that failed or stopped early."""
    ordered = in_order(rows)
    return "\n".join([tables.aligned(HEADER, [cells(one) for one in ordered]), *_remarks(ordered)])


def report(rows: Sequence[Row], data: dict[str, Any], budget: str) -> str:
    """Return report.md: what was compared on what, and the table."""
    ordered = in_order(rows)
    described = [[name, str(value)] for name, value in data.items()]
    lines = [
        "# Comparison",
        "",
        f"Budget: {budget} of training a model. Figures on the test split: bits per byte of the original",
        "data, boundaries included, with the half width of a 95 % paired-bootstrap interval. Static figures",
        "come first; adaptive ones, of what learns while it reads, as every compressor does, are not ranked",
        "with them.",
        "",
        tables.markdown(HEADER, [cells(one) for one in ordered]),
        "",
        *_remarks(ordered),
        "",
        tables.markdown(["data", ""], described),
        "",
    ]
    return "\n".join(lines)


def _remarks(rows: Sequence[Row]) -> list[str]:
    remarks = [f"{one.model} failed: {one.error}" for one in rows if one.error]
    remarks += [f"{one.model} stopped early: {one.stopped}" for one in rows if one.stopped]
    lossy = [one for one in rows if one.bits_per_byte is None and one.perplexity is not None]
    remarks += [f"{one.model} over {one.codec} is lossy: perplexity {one.perplexity:.2f}" for one in lossy]
    return remarks


def _number(value: float | None, unit: float, form: str) -> str:
    return "" if value is None else form.format(value / unit)
