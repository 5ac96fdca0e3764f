"""anygram impute: missing cells of tables and values of series filled, wrong cells found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, RunFolder, Sources


def impute(
    run: RunFolder,
    sources: Sources,
    out: Annotated[
        str | None, typer.Option(metavar="FILE", help="The filled table: .csv, .tsv, .jsonl; series: .csv.")
    ] = None,
    columns: Annotated[
        str | None, typer.Option(metavar="A,B", help="Only these columns; default: all.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(help="Draw so many tables: FILE-1, FILE-2 … instead of the best values.")
    ] = None,
    hide: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Hide known cells first, and measure.")
    ] = None,
    hide_length: Annotated[
        int | None, typer.Option(metavar="N", help="Hide stretches of so many values; default: 1.")
    ] = None,
    noise: Annotated[bool, typer.Option("--noise", help="List cells that are likely wrong instead.")] = False,
    top: Annotated[int, typer.Option(help="How many cells --noise lists.")] = 20,
    report: Annotated[
        str | None, typer.Option(metavar="FILE", help="What became of each cell: .parquet, .csv or .jsonl.")
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of draws, and of what is hidden.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Fill what is missing: cells of a table by the rest of their rows, values of series by those around.

    \b
    anygram train people.csv --codec table --model lstm --out runs/people
    anygram impute runs/people people.csv --out filled.csv --report cells.csv
    anygram impute runs/people held-out.csv --hide 0.1
    anygram impute runs/people people.csv --noise --top 20
    anygram impute runs/load load.csv --out filled.csv
    anygram impute runs/load held-out.csv --hide 0.1 --hide-length 24
    """
    from anygram import api, cells
    from anygram.data import writing
    from anygram.errors import UsageError

    if noise and (out or hide is not None or samples is not None or hide_length is not None):
        raise UsageError("--noise fills nothing; leave out --out, --hide and --samples")
    if not (noise or out or hide is not None):
        raise UsageError("where to? name a file with --out FILE, or measure with --hide 0.1")
    if report is not None:
        writing.check(Path(report))
    names = None if columns is None else [cells.meaning(n, ",") for n in cells.split(columns, ",")]
    if noise:
        found = api.load(run).suspects(*sources, columns=names, top=top)
        _tell(found, report, as_json, {"suspects": [asdict(one) for one in found]})
        return
    imputed = api.impute(
        run,
        *sources,
        out=out,
        columns=names,
        samples=samples,
        hide=hide,
        hide_length=hide_length,
        seed=seed,
    )
    of_series = bool(imputed.values or imputed.series_figures)
    filled = [asdict(one) for one in (imputed.values if of_series else imputed.cells)]
    figures = [asdict(one) for one in (imputed.series_figures if of_series else imputed.figures)]
    if report is not None and filled:
        writing.write(Path(report), filled)
    if as_json:
        told = {"out": out, "filled": len(filled), "figures": figures, "left": imputed.left}
        options.print_json({**told, "values" if of_series else "cells": filled})
        return
    said = (
        "nothing is missing" if not filled else f"{len(filled)} {'values' if of_series else 'cells'} filled"
    )
    print(f"{said}{'' if out is None else f': {out}'}")
    if imputed.left:
        print(options.printable(f"left as they are, without a value in training: {', '.join(imputed.left)}"))
    _print(figures)


def _tell(found: Sequence[Any], report: str | None, as_json: bool, fields: dict[str, Any]) -> None:
    from anygram.data import writing

    rows = [asdict(one) for one in found]
    if report is not None and rows:
        writing.write(Path(report), rows)
    options.print_json(fields) if as_json else _print(rows)


def _print(rows: Sequence[dict[str, Any]]) -> None:
    """Print rows as a table."""
    from anygram.reporting.tables import aligned

    if rows:
        shown = [[_shown(value) for value in row.values()] for row in rows]
        print(options.printable(aligned(list(rows[0]), shown)))


def _shown(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}" if isinstance(value, float) else " ".join(str(value).split())
