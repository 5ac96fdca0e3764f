"""anygram evaluate, score, predict, generate: ways to ask a run."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from anygram.cli import options
from anygram.cli.options import (
    Adapt,
    AdaptBy,
    AdaptSettings,
    AsJson,
    Documents,
    LabelField,
    RunFolder,
    Sources,
    TargetField,
    Targets,
    TextField,
)

Prompt = Annotated[str, typer.Option(help="The text to go on from.")]

_MOST_COLUMNS, _LARGEST = 6, 5
"""Of more parts than fit beside each other the largest shares are shown."""


def evaluate(
    run: RunFolder,
    sources: Sources,
    documents: Documents = None,
    text_field: TextField = None,
    label_field: LabelField = None,
    target_field: TargetField = None,
    targets: Targets = None,
    adapt: Adapt = False,
    adapt_by: AdaptBy = None,
    adapt_settings: AdaptSettings = None,
    as_json: AsJson = False,
) -> None:
    """Measure a run on held-out data.

    \b
    anygram evaluate runs/book other.txt
    anygram evaluate runs/logs today.log --json
    anygram evaluate runs/logs today.log --adapt
    anygram evaluate runs/book other.txt --adapt-by recency --adapt-set orders=4
    """
    from anygram import api

    progress = options.progress()
    try:
        evaluated = api.load(run).evaluate(
            *sources,
            documents=options.word(documents),
            text_field=text_field,
            adapt=adapt_by or adapt,
            adapt_settings=options.adapt_settings(adapt_settings, adapt_by or adapt),
            label_field=label_field,
            target_field=target_field,
            targets=targets,
            progress=progress,
        )
        figures = evaluated.to_json()
    finally:
        progress.close()
    if as_json:
        options.print_json(figures)
        return
    for name, value in figures.items():
        print(f"{name:28}{_figure(value)}")


def score(
    run: RunFolder,
    sources: Sources,
    out: Annotated[str, typer.Option(help="A .parquet, .csv or .jsonl file to write.", show_default=False)],
    documents: Documents = None,
    text_field: TextField = None,
    label_field: LabelField = None,
    target_field: TargetField = None,
    targets: Targets = None,
    adapt: Adapt = False,
    adapt_by: AdaptBy = None,
    adapt_settings: AdaptSettings = None,
    as_json: AsJson = False,
) -> None:
    """Write what each document costs the model.

    \b
    anygram score runs/book letters.jsonl --out scores.parquet
    """
    from pathlib import Path

    from anygram import api
    from anygram.data import writing

    path = Path(out)
    writing.check(path)
    scores = api.load(run).score(
        *sources,
        documents=options.word(documents),
        text_field=text_field,
        adapt=adapt_by or adapt,
        adapt_settings=options.adapt_settings(adapt_settings, adapt_by or adapt),
        label_field=label_field,
        target_field=target_field,
        targets=targets,
    )
    rows = writing.write(path, (asdict(one) for one in scores))
    if as_json:
        options.print_json({"out": out, "documents": rows})
    else:
        print(f"{out}: {rows} documents")


def predict(
    run: RunFolder,
    prompt: Prompt = "",
    top: Annotated[int, typer.Option(help="How many to list.")] = 10,
    as_json: AsJson = False,
) -> None:
    """List the likeliest next symbols: P, for n-grams how long the one is that it comes from, and the symbol.

    \b
    anygram predict runs/book --prompt "Once upon a "
    """
    from anygram import api

    predictions = api.load(run).predict(prompt, top)
    if as_json:
        options.print_json({"predictions": [asdict(one) for one in predictions]})
        return
    for one in predictions:
        matched = "" if one.matched is None else f"{one.matched}  "
        print(options.printable(f"{one.probability:8.4f}  {matched}{one.symbol!r}"))


def shares(
    run: RunFolder,
    text: Annotated[str, typer.Option(help="The text to look at.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Show how much each member of a mixture, or context of contextmix, has to do with each symbol of a text.

    \b
    anygram shares runs/mix --text "To be, or not to be"
    """
    from anygram import api

    symbols = api.load(run).shares(text)
    if as_json:
        options.print_json({"symbols": [asdict(one) for one in symbols]})
        return
    names = list(symbols[0].shares)
    if len(names) > _MOST_COLUMNS:
        for one in symbols:
            largest = sorted(one.shares.items(), key=lambda item: -item[1])[:_LARGEST]
            said = "  ".join(f"{name} {share:.3f}" for name, share in largest)
            print(options.printable(f"{one.symbol!r:>8}  {said}"))
        return
    width = max(map(len, names))
    print("  ".join([*(f"{name:>{width}}" for name in names), "symbol"]))
    for one in symbols:
        figures = [f"{share:{width}.4f}" for share in one.shares.values()]
        print(options.printable("  ".join([*figures, repr(one.symbol)])))


def generate(
    run: RunFolder,
    prompt: Prompt = "",
    max_symbols: Annotated[int, typer.Option(help="The most symbols of a sample.")] = 500,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 wilder; 0 the likeliest.")] = 1.0,
    top_k: Annotated[int | None, typer.Option(help="Draw from the k likeliest only.")] = None,
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest that hold p together.")] = None,
    seed: Annotated[int, typer.Option(help="The seed of the draws.")] = 0,
    n: Annotated[int, typer.Option("-n", help="How many samples.")] = 1,
    side: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What goes beside each: width, height … May be repeated."),
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN=VALUE", help="Rows of a table with this cell. May be repeated."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write samples here: pictures, sounds, tables.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go on from a prompt, as the model would.

    \b
    anygram generate runs/book --prompt "Once upon" --temperature 0.8
    anygram generate runs/book -n 3 --top-p 0.9 --json
    anygram generate runs/faces -n 4 --side width=32 --side height=32 --out made.png
    anygram generate runs/people -n 20 --given sex=female --given age=30 --out women.csv
    """
    from anygram import api
    from anygram.data import kinds
    from anygram.errors import UsageError
    from anygram.settings import parse_pairs
    from anygram.tasks import generation

    loaded = api.load(run)
    sampling = generation.Sampling(max_symbols, temperature, top_k, top_p, seed)
    if given:
        rows = loaded.generate(
            prompt,
            n=n,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            seed=seed,
            side=options.side(side),
            given=parse_pairs(given, "--given"),
            out=out,
        )
        _tell_rows(rows, out, as_json)
        return
    beside = options.side(side)
    if out is not None or not kinds.is_readable(loaded.kind):
        if out is None:
            raise UsageError(f"samples of {loaded.kind} are written to files; name one with --out FILE")
        made = generation.make(loaded.model, loaded.codec, prompt, samples=n, sampling=sampling, side=beside)
        files = [str(path) for path in loaded.write(out, made)]
        options.print_json({"files": files}) if as_json else print(options.printable("\n".join(files)))
        return
    if as_json or n != 1:
        samples = generation.generate(
            loaded.model, loaded.codec, prompt, samples=n, sampling=sampling, side=beside
        )
        if as_json:
            options.print_json({"prompt": prompt, "samples": samples})
        else:
            between = "\n---\n" if loaded.kind == kinds.TEXT else "\n"
            print(options.printable(between.join(prompt + sample for sample in samples)))
        return
    sys.stdout.write(options.printable(prompt))
    for _, piece in generation.stream(loaded.model, loaded.codec, prompt, sampling=sampling, side=beside):
        sys.stdout.write(options.printable(piece))
        sys.stdout.flush()
    print()


def _tell_rows(rows: list[str], out: Path | None, as_json: bool) -> None:
    if as_json:
        options.print_json({"files": [str(out)]} if out is not None else {"samples": rows})
    else:
        print(options.printable(str(out) if out is not None else "\n".join(rows)))


def _figure(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:,.4f}" if isinstance(value, float) else f"{value:,}" if type(value) is int else str(value)
