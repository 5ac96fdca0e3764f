"""anygram classify: which label a document has."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, Documents, LabelField, RunFolder, Seed, TextField

if TYPE_CHECKING:
    from anygram.run import Run
    from anygram.tasks.classification import Classification, Classified, Fit
    from anygram.tasks.classification.report import Notable

_QUOTED, _NAMED = 48, 32
"""Characters of a text and of a document's name that fit into the table."""
_MOST_UNKNOWN = 8
"""Labels that training did not have are named up to so many."""


def classify(
    run: RunFolder,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help=options.SOURCES, show_default=False)
    ] = None,
    out: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="A .parquet, .csv or .jsonl file to write; default: show some."),
    ] = None,
    text_field: TextField = None,
    label_field: LabelField = None,
    beside: Annotated[
        list[str] | None,
        typer.Option("--with", metavar="RUN", help="Ask this run of the same labels too; may be repeated."),
    ] = None,
    fit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SOURCE", help="Labelled documents that no run has learnt, to learn how sure to be by."
        ),
    ] = None,
    priors: Annotated[
        str, typer.Option(metavar="training|uniform|FILE", help="How probable each label is (FILE: JSON).")
    ] = "training",
    confidence: Annotated[float, typer.Option(help="Say nothing below this probability.")] = 0.0,
    top: Annotated[int, typer.Option(help="How many labels to tell with their probabilities.")] = 1,
    why: Annotated[bool, typer.Option("--why", help="Tell the words that speak most for the label.")] = False,
    report: Annotated[str | None, typer.Option(metavar="FILE.html", help="A page about it.")] = None,
    documents: Documents = None,
    seed: Seed = 0,
    show: Annotated[int, typer.Option(help="How many documents to show without --out.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Say which label each document has; with --label-field, how many are right.

    \b
    anygram classify runs/spam new.jsonl --out labels.csv
    anygram classify runs/spam --fit valid.jsonl
    anygram classify runs/spam test.jsonl --label-field label --confidence 0.9 --why
    anygram classify runs/bytes test.jsonl --with runs/words --label-field label --report page.html
    """
    from anygram import api, storage
    from anygram.data import writing
    from anygram.errors import UsageError
    from anygram.tasks.classification import Rule

    if not sources and not fit:
        raise UsageError("nothing to classify; name a SOURCE, or --fit SOURCE")
    if out is not None:
        writing.check(Path(out))
    if report is not None:
        if not report.endswith(".html"):
            raise UsageError(f"--report {report} is a page; name a file that ends in .html")
        storage.require_writable(Path(report))
    Rule(_priors(priors), confidence, top)  # refused before anything is fitted
    asked, others = api.load(run), [api.load(one) for one in beside or ()]
    fitted = None
    if fit:
        fitted = asked.fit_classifier(
            *fit,
            beside=others,
            documents=options.word(documents),
            text_field=text_field,
            label_field=label_field,
        )
    if not sources:
        assert fitted is not None
        options.print_json(_fitted_json(fitted)) if as_json else print("\n".join(_fitted(asked, fitted)))
        return
    found = asked.classify(
        *sources,
        beside=others,
        priors=_priors(priors),
        confidence=confidence,
        top=top,
        documents=options.word(documents),
        text_field=text_field,
        label_field=label_field,
        seed=seed,
    )
    shown, notable = _run_through(found, out, top, show, why)
    if report is not None:
        _write_page(Path(report), run, found, notable)
    if as_json:
        table = {} if out is not None else {"shown": shown}
        options.print_json({"out": out, "report": report, **found.figures(), **table})
        return
    lines = [*(_fitted(asked, fitted) if fitted else ()), *_table(shown), *_lines(out, found.figures())]
    print(options.printable("\n".join(lines)))


def _run_through(
    found: Classification, out: str | None, top: int, show: int, why: bool
) -> tuple[list[dict[str, Any]], Notable]:
    """Judge all documents; return the rows to show and what is worth a page."""
    from anygram.data import writing
    from anygram.tasks.classification.report import Notable

    notable = Notable()
    shown: list[dict[str, Any]] = []

    def rows() -> Iterator[dict[str, Any]]:
        for one in found:
            notable.note(one)
            row = one.to_row(found.names, top)
            if why:
                row["why"] = _why(found, one)
            if len(shown) < show:
                shown.append({**row, "text": one.document.text[: 4 * _QUOTED]})
            yield row

    if out is None:
        deque(rows(), maxlen=0)
    else:
        writing.write(Path(out), rows())
    return ([] if out is not None else shown), notable


def _why(found: Classification, one: Classified) -> str:
    """Return the spans that speak most for the label, with their bits."""
    return "; ".join(f"{span.text} ({span.bits:.1f})" for span in found.why(one).spans())


def _priors(word: str) -> Any:
    """Return the words that the API takes, or what a JSON file says of each label."""
    from anygram import storage
    from anygram.errors import UsageError

    if word in ("training", "uniform"):
        return word
    if not Path(word).exists():
        raise UsageError(f"--priors is training, uniform or a JSON file of labels, got '{word}'")
    return storage.read_json(Path(word))


def _write_page(path: Path, run: str, found: Classification, notable: Notable) -> None:
    from anygram import storage
    from anygram.reporting import pages
    from anygram.tasks.classification import report

    storage.write_text(path, pages.render(report.page(f"Labels by {Path(run).name}", found, notable)))


def _fitted_json(fitted: Fit) -> dict[str, Any]:
    from dataclasses import asdict

    return {"fit": asdict(fitted)}


def _fitted(run: Run, fitted: Fit) -> Iterator[str]:
    weights = ", ".join(f"{name} {weight:.4f}" for name, weight in fitted.weights.items())
    yield (
        f"fitted to {fitted.documents:,} documents, kept in {run.path}: log loss {fitted.nats_before:.4f} -> "
        f"{fitted.nats_after:.4f} nats on these; weights: {weights}"
    )


def _table(shown: list[dict[str, Any]]) -> Iterator[str]:
    """Yield a table of documents, cut to fit a line."""
    from anygram.reporting.markup import shown as visible
    from anygram.reporting.tables import aligned

    if not shown:
        return
    truth, why = "truth" in shown[0], "why" in shown[0]
    header = ["document", "label", "p", *(["truth"] if truth else []), "why" if why else "text"]
    rows = []
    for row in shown:
        label = "(not sure)" if row["abstained"] else row["label"].replace("\n", ", ") or "(none)"
        said = row["why"] if why else _begin(row["text"], _QUOTED)
        cells = [_end(row["document"], _NAMED), label, f"{row['probability']:.3f}"]
        rows.append([*cells, *([row["truth"].replace("\n", ", ")] if truth else []), said])
    yield aligned(header, [[visible(cell) for cell in row] for row in rows])
    yield ""


def _lines(out: str | None, figures: dict[str, Any]) -> Iterator[str]:
    written = "" if out is None else f"{out}: "
    silent = f", {figures['abstained']:,} left open" if figures["abstained"] else ""
    yield f"{written}{figures['documents']:,} documents, {len(figures['labels'])} labels{silent}"
    if figures["empty_documents"]:
        yield f"{figures['empty_documents']:,} are empty: only their end and the priors speak for a label"
    if not figures["fitted_to"]:
        yield "probabilities are not calibrated; --fit SOURCE does that with labelled documents held out"
    if "accuracy" not in figures:
        return
    yield (
        f"accuracy {figures['accuracy']:.4f} (95 %: {figures['accuracy_low']:.4f} to "
        f"{figures['accuracy_high']:.4f}), F1 macro {figures['f1_macro']:.4f}, "
        f"micro {figures['f1_micro']:.4f}"
    )
    optional = [("AUROC", "auroc"), ("log loss", "log_loss"), ("ECE", "ece")]
    yield ", ".join(f"{name} {figures[key]:.4f}" for name, key in optional if figures[key] is not None)
    if figures["abstained"]:
        right = figures["selective_accuracy"]
        said = "" if right is None else f"; right where said {right:.4f}"
        yield f"said of {figures['coverage']:.4f} of the documents{said}"
    if figures["unknown_labels"]:
        unknown = sorted(figures["unknown_labels"].items(), key=lambda item: -item[1])
        named = ", ".join(f"'{_begin(name, _NAMED)}' {count:,}" for name, count in unknown[:_MOST_UNKNOWN])
        more = f" and {len(unknown) - _MOST_UNKNOWN:,} others" if len(unknown) > _MOST_UNKNOWN else ""
        yield f"labels that training did not have, counted as wrong: {named}{more}"


def _begin(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _end(text: str, most: int) -> str:
    return text if len(text) <= most else f"…{text[1 - most :]}"
