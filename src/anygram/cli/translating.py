"""anygram translate, summarise: what texts become by a run that was trained on pairs of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, Documents, RunFolder, Sources, TargetField, Targets, TextField

if TYPE_CHECKING:
    from anygram.tasks.translation import Translation, Translations
    from anygram.tasks.translation.metrics import Metrics

Out = Annotated[
    str | None,
    typer.Option(
        metavar="FILE",
        help="A .txt file (a line each), .jsonl, .csv, .tsv or .parquet to write; default: show them.",
    ),
]
Beam = Annotated[
    int | None, typer.Option(help="How many targets are followed at once; 1 is greedy.  [default: 5]")
]
LengthPenalty = Annotated[
    float | None, typer.Option(help="0 likes short targets, above 0 longer ones.  [default: 0.6]")
]
Coverage = Annotated[
    float | None, typer.Option(help="Above 0: against what is left untranslated.  [default: 0]")
]
NBest = Annotated[int, typer.Option(help="How many alternatives are given.")]
MaxSymbols = Annotated[
    int | None, typer.Option(help="The most symbols of a target; default: by its source's length.")
]
Sample = Annotated[bool, typer.Option("--sample", help="Draw targets instead of looking for the likeliest.")]
Temperature = Annotated[float | None, typer.Option(help="Of --sample: below 1 safer, above 1 wilder.")]
TopK = Annotated[int | None, typer.Option(help="Of --sample: draw from the k likeliest only.")]
TopP = Annotated[float | None, typer.Option(help="Of --sample: from the likeliest that hold p together.")]
Seed = Annotated[int | None, typer.Option(help="Of --sample: the seed of the draws.")]
Align = Annotated[
    bool, typer.Option("--alignment", help="Say where in the source each symbol was looked for.")
]
Report = Annotated[
    Path | None, typer.Option(metavar="FILE", help="An .html page of figures and alignments to write.")
]
Tokenize = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="How BLEU cuts: 13a, zh, char, intl, none; default: by script."),
]
LookUp = Annotated[
    list[str] | None,
    typer.Option(metavar="SOURCE", help="Pairs of a baseline that looks phrases up. May be repeated."),
]


def _command(kind: Metrics, said: str) -> Callable[..., None]:
    """Return the command that translates or sums up."""

    def command(
        run: RunFolder,
        sources: Sources,
        out: Out = None,
        documents: Documents = None,
        text_field: TextField = None,
        target_field: TargetField = None,
        targets: Targets = None,
        beam: Beam = None,
        length_penalty: LengthPenalty = None,
        coverage: Coverage = None,
        n_best: NBest = 1,
        max_symbols: MaxSymbols = None,
        sample: Sample = False,
        temperature: Temperature = None,
        top_k: TopK = None,
        top_p: TopP = None,
        seed: Seed = None,
        alignment: Align = False,
        tokenize: Tokenize = None,
        lookup: LookUp = None,
        report: Report = None,
        as_json: AsJson = False,
    ) -> None:
        from anygram import api
        from anygram.tasks.translation import page, results

        if out is not None:
            results.check_out(Path(out))
        if report is not None:
            page.check(report)
        asked: dict[str, Any] = {
            "documents": options.word(documents),
            "text_field": text_field,
            "target_field": target_field,
            "targets": targets,
            "beam": beam,
            "length_penalty": length_penalty,
            "coverage": coverage,
            "n_best": n_best,
            "max_symbols": max_symbols,
            "sample": sample,
            "temperature": temperature,
            "top_k": top_k,
            "top_p": top_p,
            "seed": seed,
            "alignment": alignment,
            "lookup": lookup,
        }
        if kind == "translation":
            made = api.translate(run, *sources, **asked, tokenize=tokenize)
        else:
            _refuse_tokenizer(tokenize)
            made = api.summarise(run, *sources, **asked)
        title = "Translations" if kind == "translation" else "Summaries"
        _tell(made, title, out, report, as_json)

    command.__doc__ = said
    return command


def _refuse_tokenizer(tokenize: str | None) -> None:
    from anygram.errors import UsageError

    if tokenize is not None:
        raise UsageError("--tokenize is for BLEU, and summaries are measured by ROUGE; leave it out")


def _tell(made: Translations, title: str, out: str | None, report: Path | None, as_json: bool) -> None:
    from anygram.reporting.amounts import counted
    from anygram.reporting.tables import aligned
    from anygram.tasks.translation import page, results

    passing = iter(made)
    first = list(islice(passing, page.SHOWN))
    rest = chain(first, passing)
    shown: list[Translation] = []
    if out is not None:
        results.write(Path(out), rest)
    elif as_json:
        shown = list(rest)
    else:
        for line in _lines(rest):
            print(options.printable(line), flush=True)
    if report is not None:
        page.write(report, title, made, first)
    files = [name for name in (out, None if report is None else str(report)) if name is not None]
    if as_json:
        told = {} if out is not None else {"translations": [results.row_of(one) for one in shown]}
        options.print_json({"files": files, **made.to_json(), **told})
        return
    if files:
        print(options.printable(f"{', '.join(files)}: {counted(len(made), 'document')}"))
    if made.limited:
        print(f"{made.limited:,} of {len(made):,} were cut at the most symbols that they may have")
    header, rows = made.table()
    if rows:
        print(aligned(header, rows))
        print("\n".join(f"{name}: {signature}" for name, signature in made.signatures.items()))


def _lines(shown: Iterable[Translation]) -> Iterator[str]:
    """Yield texts, alternatives and alignments as a terminal shows them."""
    for one in shown:
        yield one.text
        for other in one.alternatives[1:]:
            yield f"    {other.score:8.3f}  {other.text}"
        for link in one.alignment.links() if one.alignment is not None else ():
            yield f"    {link.target!r} ← {link.source!r} {link.weight:.2f}"


translate = _command(
    "translation",
    """Translate texts, by a run that was trained on pairs of them; with the truth, say how well.

    \b
    anygram train pairs.tsv --text-field en --target-field zh --model attentive --codec bpe --out runs/en-zh
    anygram translate runs/en-zh new.txt --out new.zh.txt
    anygram translate runs/en-zh test.tsv --target-field zh --lookup pairs.tsv --out tested.csv
    anygram translate runs/en-zh - --n-best 3 --alignment
    anygram translate runs/en-zh new.txt --sample --temperature 0.8 --json
    anygram translate runs/en-zh test.en --targets test.zh --alignment --report tested.html
    """,
)

summarise = _command(
    "summary",
    """Sum texts up, by a run that was trained on texts and summaries; with the truth, say how well.

    \b
    anygram train papers.jsonl --text-field abstract --target-field title --model attentive --out runs/titles
    anygram summarise runs/titles new.txt
    anygram summarise runs/titles test.jsonl --target-field title --out tested.jsonl
    """,
)
