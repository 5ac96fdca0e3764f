"""anygram export, anygram import: models from and for other programs."""

from __future__ import annotations

from typing import Annotated

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, RunFolder


def export(
    run: RunFolder,
    out: Annotated[str, typer.Option(metavar="FILE", help="The file to write.", show_default=False)],
    format: Annotated[str, typer.Option(help="arpa: what KenLM and SRILM read; .gz compresses it.")] = "arpa",
    as_json: AsJson = False,
) -> None:
    """Write a run's model for other programs.

    \b
    anygram export runs/book --format arpa --out book.arpa
    """
    from anygram import api

    progress = options.progress()
    try:
        counts = api.load(run).export(out, format=format, progress=progress)
    finally:
        progress.close()
    if as_json:
        options.print_json({"out": out, "format": format, "ngrams": counts})
    else:
        print(f"{out}: {_listed(counts)}")


def import_(
    file: Annotated[
        str, typer.Argument(metavar="FILE", help="An ARPA file, plain or .gz.", show_default=False)
    ],
    out: Annotated[str, typer.Option(metavar="RUN", help="The run folder to write.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Make a run of another program's model.

    \b
    anygram import kenlm.arpa --out runs/kenlm
    """
    from anygram import api

    progress = options.progress()
    try:
        figures = api.import_(file, out, progress=progress).record.figures
    finally:
        progress.close()
    if as_json:
        options.print_json({"run": out, **figures})
        return
    print(f"{out}: {_listed(figures['ngrams'])}")
    if any(figures["ngrams_inserted"]):
        print(f"put in because longer ones extend them: {_listed(figures['ngrams_inserted'])}")
    if figures["ngrams_over_a_boundary"]:
        print(f"left out because no sentence holds them: {figures['ngrams_over_a_boundary']:,} n-grams")


def _listed(counts: list[int]) -> str:
    """Return how many n-grams there are of each length that has any."""
    return ", ".join(f"{count:,} {length}-grams" for length, count in enumerate(counts, 1) if count)
