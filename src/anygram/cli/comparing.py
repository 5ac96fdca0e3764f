"""anygram compare."""

from __future__ import annotations

import textwrap
from enum import StrEnum
from typing import Annotated

import typer

from anygram.cli import options
from anygram.cli.options import (
    AsJson,
    Codec,
    Documents,
    LabelField,
    OnBadRecord,
    TargetField,
    Targets,
    TextField,
    Valid,
)

_WIDTH = 100


class Prefer(StrEnum):
    """What matters to whoever asks which model to choose."""

    quality = "quality"
    speed = "speed"
    memory = "memory"
    latency = "latency"


def compare(
    out: Annotated[str, typer.Option(metavar="DIR", help="The folder to write.", show_default=False)],
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help=options.SOURCES, show_default=False)
    ] = None,
    models: Annotated[
        str | None, typer.Option(metavar="A,B,C", help="Names, or name:codec; default: all models.")
    ] = None,
    codec: Codec = None,
    documents: Documents = None,
    text_field: TextField = None,
    label_field: LabelField = None,
    target_field: TargetField = None,
    targets: Targets = None,
    valid: Valid = None,
    test: Annotated[
        str | None, typer.Option(metavar="SOURCE|FRACTION", help="What is reported; default 0.1.")
    ] = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="MODEL.KEY=VALUE", help="May be repeated.")
    ] = None,
    sweep: Annotated[
        list[str] | None,
        typer.Option(metavar="MODEL.KEY=A,B,C", help="A contestant for each value; may be repeated."),
    ] = None,
    search: Annotated[
        int | None,
        typer.Option(metavar="N", help="Try N settings of each first, within half of its budget."),
    ] = None,
    budget: Annotated[
        str | None,
        typer.Option(
            help="Training for each model: 20s, 10m, 2h, 3epochs, …; default 5m.", show_default=False
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(help="Rank by a task: accuracy, f1, bleu, chrf, rouge, mase, crps.", show_default=False),
    ] = None,
    horizon: Annotated[
        int | None,
        typer.Option(help="How many values ahead --metric looks; default a season.", show_default=False),
    ] = None,
    prefer: Annotated[
        Prefer | None, typer.Option(help="What matters most to you.", show_default="quality")
    ] = None,
    adapt: Annotated[
        bool | None,
        typer.Option("--adapt", help="Measure each again while it goes on learning from what it reads."),
    ] = None,
    third: Annotated[
        bool | None, typer.Option("--third", help="Ask what a third of the budget would have said.")
    ] = None,
    again: Annotated[
        bool | None, typer.Option("--again", help="Train everyone once more, with another seed.")
    ] = None,
    curves: Annotated[
        bool | None, typer.Option("--curves", help="Train on 1/16, 1/8, 1/4 and 1/2 of the data too.")
    ] = None,
    texts: Annotated[
        bool | None,
        typer.Option(
            "--texts/--no-texts",
            help="Whether reports may quote the data; without, they can be shown to others.",
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(help="The seed of splits, weights and order; default 0.", show_default=False),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the comparison in --out.")] = False,
    add: Annotated[
        str | None, typer.Option(metavar="A,B", help="Bring more models into the comparison in --out.")
    ] = None,
    parallel: Annotated[
        int, typer.Option(min=1, help="Models trained side by side, each on its share of the cores.")
    ] = 1,
    on_bad_record: Annotated[
        OnBadRecord | None,
        typer.Option(help="What to do with a record that cannot be used.", show_default="fail"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train several models and tell which is best.

    \b
    anygram compare example:docstrings --budget 20s --out first
    anygram compare book.txt --models ngram,lstm,transformer --budget 2m --out which
    anygram compare mail.jsonl --text-field body --models ngram:words,lstm:bpe --out which
    anygram compare book.txt --models ngram,lstm --curves --third --again --budget 2m --out which
    anygram compare mail.csv --text-field body --label-field spam --metric f1 --out which
    anygram compare load.csv --codec series --models ngram,lstm --metric mase --horizon 24 --out which
    anygram compare mail.jsonl --text-field body --no-texts --out which
    anygram compare --resume --out which
    anygram compare --add transformer --out which
    """
    from anygram import api
    from anygram.reporting.board import for_stream
    from anygram.settings import parse_pairs

    progress, board = options.progress(), for_stream()
    try:
        comparison = api.compare(
            sources,
            out,
            models=models,
            codec=codec,
            documents=options.word(documents),
            text_field=text_field,
            valid=valid,
            test=test,
            settings=parse_pairs(settings or []),
            sweep={key: value.split(",") for key, value in parse_pairs(sweep or [], "--sweep").items()},
            search=search,
            budget=budget,
            adapt=adapt,
            third=third,
            again=again,
            curves=curves,
            metric=metric,
            horizon=horizon,
            label_field=label_field,
            target_field=target_field,
            targets=targets,
            prefer=options.word(prefer),
            texts=texts,
            seed=seed,
            resume=resume,
            add=add,
            parallel=parallel,
            on_bad_record=options.word(on_bad_record),
            progress=progress,
            board=board,
        )
    finally:
        progress.close()
        board.close()
    if as_json:
        options.print_json(comparison.to_json())
    else:
        print(f"{comparison}\n")
        print(textwrap.fill(comparison.fields["answer"]["text"], _WIDTH, break_on_hyphens=False))
        print(f"\nwritten: {out}/report.html (and .md), {out}/results.json, and a run folder for each model")
