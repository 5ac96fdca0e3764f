"""anygram anomalies: what in new data surprises a run more than normal data do."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import (
    Adapt,
    AdaptBy,
    AdaptSettings,
    AsJson,
    Documents,
    RunFolder,
    Seed,
    Sources,
    TextField,
)

if TYPE_CHECKING:
    from anygram.tasks.anomalies import Finding

_QUOTED, _NAMED = 40, 32
"""Characters of a text and of a document's name that fit into the table."""


class Per(StrEnum):
    """Of what there is a score."""

    record = "record"
    symbol = "symbol"
    window = "window"


class By(StrEnum):
    """How surprisals become one score."""

    total = "total"
    mean = "mean"
    max = "max"
    top = "top"


class Duplicates(StrEnum):
    """What to do with records that stood before."""

    keep = "keep"
    drop = "drop"


class Ties(StrEnum):
    """What a score is that normal ones have too."""

    spare = "spare"
    draw = "draw"


def anomalies(
    run: RunFolder,
    sources: Sources,
    out: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A .parquet, .csv or .jsonl file to write; default: show the worst."
        ),
    ] = None,
    normal: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE",
            help="Normal data that the run has not seen; may be repeated. Default: a half of SOURCE.",
        ),
    ] = None,
    false_alarms: Annotated[
        float, typer.Option(help="The share of normal ones that may be called anomalies.")
    ] = 0.01,
    per: Annotated[Per, typer.Option(help="Of what there is a score.")] = Per.record,
    window: Annotated[
        int | None, typer.Option(help="Symbols of a window; default 16.", show_default=False)
    ] = None,
    by: Annotated[
        By | None,
        typer.Option(help="A score is the surprisals' total, mean, max, or mean of the largest (top)."),
    ] = None,
    top_symbols: Annotated[int, typer.Option(help="How many symbols --by top takes.")] = 5,
    duplicates: Annotated[
        Duplicates, typer.Option(help="What to do with records that stood before.")
    ] = Duplicates.keep,
    ties: Annotated[
        Ties,
        typer.Option(help="Scores that normal ones have too are spared, or drawn: no fewer false alarms."),
    ] = Ties.spare,
    expected: Annotated[
        int,
        typer.Option(help="How many likeliest symbols to tell; 0 leaves out where the surprise lies, too."),
    ] = 3,
    label_field: Annotated[
        str | None,
        typer.Option(help="The field of a record that says whether it is an anomaly, to measure by."),
    ] = None,
    normal_label: Annotated[
        str | None, typer.Option(help="The label of normal ones; default: 0, false, no, normal and -.")
    ] = None,
    documents: Documents = None,
    text_field: TextField = None,
    adapt: Adapt = False,
    adapt_by: AdaptBy = None,
    adapt_settings: AdaptSettings = None,
    seed: Seed = 0,
    top: Annotated[int, typer.Option(help="How many to show, the most surprising first.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find what surprises a run more than normal data do: where, and what was expected there.

    \b
    anygram anomalies runs/logs today.log --normal yesterday.log
    anygram anomalies runs/logs today.log --normal yesterday.log --out found.parquet
    anygram anomalies runs/logs sessions.jsonl --label-field label --out found.csv --json
    anygram anomalies runs/sensor new.txt --per symbol --false-alarms 0.001 --adapt --out found.jsonl
    """
    from anygram import api
    from anygram.data import writing

    if out is not None:
        writing.check(Path(out))
    found = api.load(run).anomalies(
        *sources,
        normal=normal or None,
        documents=options.word(documents),
        text_field=text_field,
        label_field=label_field,
        normal_label=normal_label,
        adapt=adapt_by or adapt,
        adapt_settings=options.adapt_settings(adapt_settings, adapt_by or adapt),
        false_alarms=false_alarms,
        per=per.value,
        window=window,
        by=options.word(by),
        top_symbols=top_symbols,
        duplicates=duplicates.value,
        ties=ties.value,
        expected=expected,
        seed=seed,
    )
    worst = _Worst(max(top, 0))
    passing = map(asdict, worst.noting(found))
    if out is not None:
        writing.write(Path(out), passing)
    else:
        deque(passing, maxlen=0)
    if as_json:
        shown = {} if out is not None else {"worst": [asdict(one) for one in worst.findings()]}
        options.print_json({"out": out, **found.figures(), **shown})
    else:
        print(options.printable(_said(out, worst, found.figures())))


class _Worst:
    """Keeps the most surprising anomalies of all that pass."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._heap: list[tuple[float, int, Finding]] = []

    def noting(self, findings: Iterable[Finding]) -> Iterator[Finding]:
        """Pass the findings on."""
        for number, one in enumerate(findings):
            if one.anomalous and self._most:
                push = heapq.heappush if len(self._heap) < self._most else heapq.heappushpop
                push(self._heap, (one.score, -number, one))
            yield one

    def findings(self) -> list[Finding]:
        """Return them, the worst first."""
        return [one for *_, one in sorted(self._heap, reverse=True)]


def _said(out: str | None, worst: _Worst, figures: dict[str, Any]) -> str:
    """Return a table of the worst, and what was measured."""
    from anygram.reporting.markup import shown
    from anygram.reporting.tables import aligned

    found = worst.findings()
    placed = any(one.place for one in found)
    rows = [
        [
            f"{one.score:.1f}",
            f"{one.p_value:.2g}",
            _end(one.document, _NAMED),
            shown(one.place) if placed else f"{one.first:,}",
            shown(_begin(one.where, _QUOTED)),
            f"{one.surprise_bits:.1f}",
            shown(one.came),
            shown(one.expected),
        ]
        for one in found
    ]
    header = [
        "bits",
        "p",
        "document",
        "place" if placed else "symbol",
        "where",
        "its bits",
        "came",
        "expected",
    ]
    table = [aligned(header, rows), ""] if rows else []
    return "\n".join([*table, *_lines(out, figures)])


def _lines(out: str | None, figures: dict[str, Any]) -> Iterator[str]:
    what = {"record": "records", "symbol": "symbols", "window": "windows"}[figures["per"]]
    written = "" if out is None else f"{out}: "
    yield (
        f"{written}{figures['anomalous']:,} anomalies among {figures['scores']:,} {what}, "
        f"above {figures['threshold_bits']:.2f} bits ({figures['by']})"
    )
    others = "other normal ones" if figures["normal_named"] else "others, whatever they are,"
    if figures["false_alarms_measured"] is not None:
        yield (
            f"threshold set by {figures['threshold_set_by']:,} for {figures['false_alarms_asked']:.2%} false "
            f"alarms; {figures['false_alarms_measured_on']:,} {others} gave "
            f"{figures['false_alarms_measured']:.2%} "
            f"(95 %: {figures['false_alarms_low']:.2%} to {figures['false_alarms_high']:.2%})"
        )
    if "auroc" in figures:
        yield (
            f"by labels: AUROC {figures['auroc']:.4f}, average precision {figures['average_precision']:.4f}, "
            f"precision {figures['precision']:.4f}, recall {figures['recall']:.4f}, F1 {figures['f1']:.4f}"
        )


def _begin(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _end(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[1 - most :]}"
