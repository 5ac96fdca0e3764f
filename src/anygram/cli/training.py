"""anygram train."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import (
    AsJson,
    BadRecords,
    Codec,
    Documents,
    LabelField,
    OnBadRecord,
    Seed,
    Settings,
    Sources,
    TargetField,
    Targets,
    TextField,
    Valid,
)


def train(
    sources: Sources,
    out: Annotated[str, typer.Option(metavar="RUN", help="The run folder to write.", show_default=False)],
    model: Annotated[
        str | None, typer.Option(help="Which model: see anygram models.", show_default=False)
    ] = None,
    codec: Codec = None,
    documents: Documents = None,
    text_field: TextField = None,
    label_field: LabelField = None,
    target_field: TargetField = None,
    targets: Targets = None,
    source_codec: Annotated[
        str | None,
        typer.Option(metavar="NAME|shared", help="How sources become symbols; default as --codec."),
    ] = None,
    valid: Valid = None,
    test: Annotated[
        str | None, typer.Option(metavar="SOURCE|FRACTION|none", help="Only reported; default none.")
    ] = None,
    settings: Settings = None,
    config: Annotated[str | None, typer.Option(metavar="FILE.toml", help="Settings from a file.")] = None,
    budget: Annotated[
        str, typer.Option(help="20s, 10m, 2h, 500steps, 3epochs or 1000000symbols of training.")
    ] = "10m",
    memory: Annotated[
        str | None, typer.Option(help="How much to use, 4G for example; the rest goes to files (ngram).")
    ] = None,
    seed: Seed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the run in --out.")] = False,
    base: Annotated[
        str | None, typer.Option("--from", metavar="RUN", help="Go on from this run's codec and model.")
    ] = None,
    members: Annotated[
        list[str] | None,
        typer.Option("--member", metavar="RUN", help="A run that a mixture combines; repeat it."),
    ] = None,
    on_bad_record: BadRecords = OnBadRecord.fail,
    as_json: AsJson = False,
) -> None:
    """Train one model on your data.

    \b
    anygram train book.txt --model ngram --out runs/book
    anygram train web.txt --model ngram --codec words --documents lines --memory 4G --out runs/web
    anygram train more.txt --from runs/counted --out runs/both
    anygram train 'logs/*.log' --model lstm --budget 5m --out runs/logs
    anygram train book.txt --model mixture --member runs/counted --member runs/lstm --out runs/mix
    anygram train reviews.jsonl --text-field review --model transformer --codec bpe --out runs/reviews
    anygram train sms.tsv --text-field 2 --label-field 1 --model ngram --out runs/spam
    anygram train pairs.tsv --text-field en --target-field zh --model seq2seq --out runs/en-zh
    """
    from anygram import api
    from anygram.settings import parse_pairs, read_file

    if model is None and base is None:
        raise typer.BadParameter("which model? name one with --model, or a run to go on from with --from")

    progress = options.progress()
    try:
        run = api.train(
            sources,
            model,
            out=out,
            codec=codec,
            documents=options.word(documents),
            text_field=text_field,
            valid=valid,
            test=test,
            settings={**(read_file(config) if config else {}), **parse_pairs(settings or [])},
            budget=budget,
            memory=memory,
            seed=seed,
            resume=resume,
            base=base,
            members=members,
            label_field=label_field,
            target_field=target_field,
            targets=targets,
            source_codec=source_codec,
            on_bad_record=on_bad_record.value,
            progress=progress,
        )
    finally:
        progress.close()
    record = run.record
    if as_json:
        options.print_json({"run": out, **record.figures, "spent": record.spent, "status": record.status})
        return
    print(f"{out}: {record.model} over {record.codec}, {record.spent['seconds']:.1f} s of training")
    for part in ("test", "valid"):
        figures = record.figures.get(part)
        if figures:
            shown = _costs(figures)
            print(f"{shown} on the {part} split ({figures['bytes']:,} bytes)")
    if not {"test", "valid"} & set(record.figures):
        print("nothing was held out to measure on: --test 0.1 does that, or anygram evaluate")
    labels = record.figures.get("labels")
    if labels:
        print(f"accuracy {labels['accuracy']:.4f}, F1 (macro) {labels['f1_macro']:.4f} of its labels there")
    future = " --future FILE" if record.data.get("beside") else ""
    print(f"now: anygram {_next(run.kind, out, sources, record.condition.get('kind'))}{future}")


def _next(kind: str, out: str, sources: Sequence[str], given: str | None) -> str:
    """Return what people ask of a run of such data first."""
    from anygram.data import kinds

    if given is not None:
        return f"{'classify' if given == 'label' else 'translate'} {shlex.join([out, *sources])} --out FILE"
    if kind == "series":
        return f"forecast {shlex.join([out, *sources])} --horizon 12"
    if kinds.is_readable(kind):
        return f"generate {out}"
    return f"generate {out} --out made{kinds.load(kind).ENDINGS[0]}"


def _costs(figures: Mapping[str, Any]) -> str:
    """Return what held-out data cost, by the codec's unit and, where that is another, by the byte."""
    if figures.get("bits_per_unit") is None:
        return f"perplexity {figures['perplexity']:.2f}"
    shown = f"{figures['bits_per_unit']:.4f} bits per {figures['unit']}"
    if figures["unit"] == "byte" or figures.get("bits_per_byte") is None:
        return shown
    return f"{shown}, {figures['bits_per_byte']:.4f} per byte"
