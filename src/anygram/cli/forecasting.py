"""anygram forecast: what may follow a series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, RunFolder, Sources, TextField

_SHOWN = 48
"""Rows of a forecast that are shown on a terminal."""


def forecast(
    run: RunFolder,
    sources: Sources,
    horizon: Annotated[int, typer.Option(help="How many values ahead.", show_default=False)],
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A .parquet, .csv or .jsonl file to write; default: show them."),
    ] = None,
    samples: Annotated[int, typer.Option(help="How many ways of going on are drawn.")] = 100,
    quantiles: Annotated[str, typer.Option(help="Which quantiles of them are written.")] = "0.1,0.5,0.9",
    beside: Annotated[
        list[str] | None,
        typer.Option(
            "--with", metavar="RUN", help="Let this run draw a share of the samples. May be repeated."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="The seed of the draws.")] = 0,
    context: Annotated[int | None, typer.Option(help="Go by the last so many values alone.")] = None,
    backtest: Annotated[
        int | None, typer.Option(metavar="WINDOWS", help="Forecast the last windows of known values.")
    ] = None,
    calibrate: Annotated[
        int | None,
        typer.Option(
            metavar="WINDOWS", help="Learn how wide intervals must be from so many known windows before."
        ),
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="How far windows are apart; default: the horizon.")
    ] = None,
    season: Annotated[
        int | None, typer.Option(help="Values a season, for MASE; default: a day, week or year.")
    ] = None,
    future: Annotated[
        str | None,
        typer.Option(
            metavar="FILE", help="A frame of the covariates of the values to come, if the run reads some."
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw fans too: an .html page, or .svg.")
    ] = None,
    text_field: TextField = None,
    as_json: AsJson = False,
) -> None:
    """Say what may follow each series; with --backtest, how good that would have been.

    \b
    anygram forecast runs/load load.csv --horizon 24
    anygram forecast runs/load load.csv --horizon 24 --out next-day.csv --plot next-day.html
    anygram forecast runs/load load.csv --horizon 24 --backtest 30 --out tested.csv --plot tested.html
    anygram forecast runs/sales sales.csv --horizon 14 --future promotions.csv --out ahead.csv
    anygram forecast runs/day load.csv --with runs/week --horizon 24 --calibrate 14 --out next-day.csv

    The run must not have been trained on windows that are tested or calibrated by.
    """
    from anygram import api
    from anygram.data import writing
    from anygram.reporting.amounts import counted
    from anygram.tasks import forecast_results

    if out is not None:
        writing.check(Path(out))
    numbers = options.numbers(quantiles, "--quantiles")
    if plot is not None:
        forecast_results.check_plot(plot)
    made = api.forecast(
        [run, *(beside or [])],
        *sources,
        horizon=horizon,
        samples=samples,
        quantiles=numbers,
        seed=seed,
        context=context,
        backtest=backtest,
        calibrate=calibrate,
        stride=stride,
        season=season,
        text_field=text_field,
        future=future,
    )
    rows = list(made.rows())
    files = [] if plot is None else [str(file) for file in forecast_results.write_plot(made, plot)]
    if out is not None:
        writing.write(Path(out), rows)
        files.insert(0, out)
    if as_json:
        shown = {} if out is not None else {"values": rows}
        options.print_json({"files": files, "rows": len(rows), **made.to_json(), **shown})
        return
    if out is None and backtest is None:
        print(options.printable(_shown(rows)))
    if files:
        told = f"{counted(len(made.forecasts), 'forecast')}, {counted(len(rows), 'value')}"
        print(options.printable(f"{', '.join(files)}: {told}"))
    if made.calibration is not None:
        factors = ", ".join(f"{factor:.2f}" for factor in made.calibration.factors)
        print(f"calibrated by {made.calibration.windows} windows: spread × {factors} (steps 1, 2-3, 4-7, …)")
    table = made.table()
    if table is not None:
        for first, *others in (table.header, *table.rows):
            print(f"{first:20}" + "".join(f"{word:>16}" for word in others))


def _shown(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the first rows as a table for a terminal."""
    from anygram.reporting.tables import aligned

    cells = [
        [f"{cell:,.6g}" if isinstance(cell, float) else str(cell) for cell in row.values()]
        for row in rows[:_SHOWN]
    ]
    left = len(rows) - len(cells)
    return aligned(list(rows[0]), cells) + (f"\n… {left:,} more; --out FILE writes all" if left else "")
