"""anygram embed: documents as vectors, to keep, to search, and to see which lie together."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, Documents, RunFolder, Sources, TextField

if TYPE_CHECKING:
    from anygram.run import Run
    from anygram.tasks.embedding import Embedded

_NAMED = 32
"""Characters of a document's name that fit into a line beside how it begins."""


class Pooling(StrEnum):
    """How a document's features become one vector."""

    mean = "mean"
    last = "last"
    max = "max"


def embed(
    run: RunFolder,
    sources: Sources,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A .parquet, .jsonl or .npy file to write.")
    ] = None,
    pooling: Annotated[
        Pooling, typer.Option(help="A vector is the mean, last or max of what the network holds.")
    ] = Pooling.mean,
    label_field: Annotated[
        str | None, typer.Option(help="The field of labels: do neighbours have the same one?")
    ] = None,
    neighbours: Annotated[int, typer.Option(metavar="K", help="How many neighbours are asked.")] = 10,
    query: Annotated[str | None, typer.Option(metavar="TEXT", help="Search the documents for this.")] = None,
    top: Annotated[int, typer.Option(help="How many documents a search lists.")] = 10,
    report: Annotated[
        Path | None, typer.Option(metavar="FILE.html", help="A page to write: the documents on a plane.")
    ] = None,
    documents: Documents = None,
    text_field: TextField = None,
    as_json: AsJson = False,
) -> None:
    """Turn documents into vectors by what a network holds of them; search them, or ask what neighbours share.

    \b
    anygram embed runs/news articles.jsonl --out vectors.parquet
    anygram embed runs/news articles.jsonl --query "rain in the north" --top 5
    anygram embed runs/news articles.jsonl --label-field topic --report topics.html --json
    """
    from anygram import api
    from anygram.data import kinds
    from anygram.errors import UsageError
    from anygram.tasks import embedding

    if not (out or report or query is not None or label_field):
        raise UsageError("nothing is asked for; add --out, --query, --label-field or --report")
    if out is not None:
        embedding.check(out)
    if report is not None and report.suffix != ".html":
        raise UsageError(f"--report {report} is an HTML page; let the name end with .html")
    loaded = api.load(run)
    if query is not None and loaded.kind != kinds.TEXT:
        raise UsageError(f"--query is a text, and {run} reads {loaded.kind}; leave it out")
    embedded = loaded.embed(
        *sources,
        pooling=pooling.value,
        documents=options.word(documents),
        text_field=text_field,
        label_field=label_field,
    )
    told = {
        "documents": len(embedded),
        "width": int(embedded.vectors_ND.shape[1]),
        "pooling": pooling.value,
        "out": None if out is None else str(out),
        "report": None if report is None else str(report),
        **_asked(loaded, embedded, pooling, label_field, neighbours, query, top),
    }
    _written(embedded, told, out, report)
    if as_json:
        options.print_json(told)
    else:
        print(options.printable("\n".join(_lines(told))))


def _asked(
    run: Run,
    embedded: Embedded,
    pooling: Pooling,
    label_field: str | None,
    k: int,
    query: str | None,
    top: int,
) -> dict[str, Any]:
    """Return the answers to what was asked of the vectors."""
    told: dict[str, Any] = {}
    if label_field is not None:
        told["neighbours"] = asdict(embedded.neighbours(k))
    if query is not None:
        query_D = run.embed_texts([query], pooling.value)[0]
        told["hits"] = [
            {
                "document": embedded.names[hit.place],
                "cosine": hit.cosine,
                "begins": embedded.begins[hit.place],
            }
            for hit in embedded.search(query_D, top)
        ]
    return told


def _written(embedded: Embedded, told: dict[str, Any], out: Path | None, report: Path | None) -> None:
    if out is not None:
        embedded.write(out)
    if report is not None:
        from anygram.tasks.embedding import picture
        from anygram.tasks.embedding.neighbours import Neighbours

        found = Neighbours(**told["neighbours"]) if "neighbours" in told else None
        picture.write_page(report, embedded, "Documents as vectors", found)


def _lines(told: dict[str, Any]) -> list[str]:
    from anygram.reporting.markup import shown
    from anygram.tasks.embedding import picture
    from anygram.tasks.embedding.neighbours import Neighbours

    lines = [f"{told['documents']:,} documents as vectors of {told['width']} numbers ({told['pooling']})"]
    lines += [f"{name}: {told[name]}" for name in ("out", "report") if told[name] is not None]
    if "neighbours" in told:
        lines.append(picture.said(Neighbours(**told["neighbours"])))
    for hit in told.get("hits", []):
        lines.append(f"{hit['cosine']:7.4f}  {hit['document'][-_NAMED:]}  {shown(hit['begins'])}")
    return lines
