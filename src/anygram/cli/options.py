"""Options that several commands share, and how results are printed."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from anygram.reporting.progress import Progress


class DocumentsAre(StrEnum):
    """What a document is in a text file."""

    lines = "lines"
    paragraphs = "paragraphs"
    files = "files"


class OnBadRecord(StrEnum):
    """What to do with a record that cannot be used."""

    fail = "fail"
    skip = "skip"


SOURCES = "A file, glob, folder, URL, - for standard input, or example:docstrings, example:stdlib."

Sources = Annotated[list[str], typer.Argument(metavar="SOURCE", help=SOURCES, show_default=False)]
RunFolder = Annotated[str, typer.Argument(metavar="RUN", help="A run folder.", show_default=False)]
Documents = Annotated[
    DocumentsAre | None,
    typer.Option(help="What a document is; default: files for .txt and .md, lines for .log and -."),
]
TextField = Annotated[str | None, typer.Option(help="The field of a record that holds the text.")]
LabelField = Annotated[
    str | None, typer.Option(help="The field of a record that holds its label, or several in a list.")
]
TargetField = Annotated[
    str | None, typer.Option(help="The field of a record that translates or sums up its text.")
]
Targets = Annotated[
    str | None, typer.Option(metavar="FILE", help="Lines that translate or sum up those of SOURCE.")
]
Codec = Annotated[str | None, typer.Option(help="How text becomes symbols: see anygram codecs.")]
Valid = Annotated[
    str | None,
    typer.Option(
        metavar="SOURCE|FRACTION|none", help="For stopping; default 0.05 where data are read often."
    ),
]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="May be repeated.")]
Seed = Annotated[int, typer.Option(help="The seed of splits, weights and order.")]
BadRecords = Annotated[OnBadRecord, typer.Option(help="What to do with a record that cannot be used.")]
Adapt = Annotated[bool, typer.Option("--adapt", help="Let the model go on learning while it reads.")]
AdaptBy = Annotated[
    str | None,
    typer.Option(
        metavar="WAY", help="How: own, dynamic, recency, continuous; default: what suits the model."
    ),
]
AdaptSettings = Annotated[
    list[str] | None, typer.Option("--adapt-set", metavar="KEY=VALUE", help="May be repeated.")
]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")]


def print_json(fields: Mapping[str, Any]) -> None:
    """Print one JSON object on standard output; bytes that are no text become replacement characters."""
    from anygram.storage import to_json

    print(printable(to_json(fields)))


def printable(text: str) -> str:
    """Return the text as any UTF-8 terminal can show it."""
    return text.encode("utf-8", "replace").decode("utf-8")


def progress() -> Progress:
    """Return a bar on a terminal, plain lines elsewhere."""
    from anygram.reporting.progress import for_stream

    return for_stream(sys.stderr)


def word(choice: StrEnum | None) -> Any:
    """Return a choice as the word that the API takes."""
    return None if choice is None else choice.value


def numbers(words: str, option: str) -> list[float]:
    """Return the numbers between commas; UsageError where one is none."""
    from anygram.errors import UsageError

    try:
        return [float(word) for word in words.split(",")]
    except ValueError:
        raise UsageError(f"{option} wants numbers with commas between, got '{words}'") from None


def side(pairs: list[str] | None) -> dict[str, Any] | None:
    """Return what goes beside a datum; whole numbers are numbers."""
    from anygram.settings import parse_pairs

    if not pairs:
        return None
    given = parse_pairs(pairs, "--side")
    return {key: int(value) if value.isdecimal() else value for key, value in given.items()}


def adapt_settings(pairs: list[str] | None, adapt: str | bool) -> dict[str, str]:
    """Return the settings of a way of adapting; UsageError where nothing adapts."""
    from anygram.errors import UsageError
    from anygram.settings import parse_pairs

    if pairs and not adapt:
        raise UsageError("--adapt-set without --adapt would do nothing; add --adapt")
    return parse_pairs(pairs or [], "--adapt-set")
