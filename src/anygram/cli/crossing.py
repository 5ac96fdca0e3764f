"""anygram cross: from one kind of data to another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from anygram.cli import options
from anygram.cli.options import AsJson, RunFolder

if TYPE_CHECKING:
    from anygram.data.mixtures import Segment

_SEGMENT = "text=WORDS, or KIND=FILE: pictures=3.png, sounds=3.wav. May be repeated."


def cross(
    run: RunFolder,
    known: Annotated[
        list[str], typer.Option("--known", metavar="KIND=WHAT", help=_SEGMENT, show_default=False)
    ],
    wanted: Annotated[str | None, typer.Option(metavar="KIND", help="Make a segment of this kind.")] = None,
    candidate: Annotated[
        list[str] | None,
        typer.Option(metavar="KIND=WHAT", help="Do not make one, but rank those given. May be repeated."),
    ] = None,
    first: Annotated[
        bool, typer.Option("--first", help="Rank candidates as what comes before the known, by Bayes.")
    ] = False,
    side: Annotated[
        list[str] | None,
        typer.Option(metavar="KEY=VALUE", help="What goes beside each: width, height … May be repeated."),
    ] = None,
    temperature: Annotated[float, typer.Option(help="Below 1 safer, above 1 wilder; 0 the likeliest.")] = 1.0,
    max_symbols: Annotated[int, typer.Option(help="The most symbols of a sample that may end.")] = 1 << 16,
    seed: Annotated[int, typer.Option(help="The seed of the draws.")] = 0,
    n: Annotated[int, typer.Option("-n", help="How many samples.")] = 1,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write samples here: pictures, sounds.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Go from one kind of data to another: a picture to its name, a name to a sound.

    \b
    anygram cross runs/digits --known pictures=3.png --wanted text
    anygram cross runs/digits --known pictures=3.png --candidate text=three --candidate text=eight
    anygram cross runs/digits --known text=three --wanted pictures --out three.png
    """
    from anygram import api
    from anygram.errors import UsageError
    from anygram.tasks.generation import Sampling

    if (wanted is None) == (not candidate):
        raise UsageError("say what is wanted: a kind by --wanted, or some to rank by --candidate")
    loaded, segments = api.load(run), _segments(known, "--known")
    if candidate:
        ranked = loaded.rank(segments, _segments(candidate, "--candidate"), first=first)
        _print_ranked([(candidate[one.place], one.probability, one.log_p) for one in ranked], as_json)
        return
    assert wanted is not None, "checked above"
    if wanted != "text" and out is None:
        raise UsageError(f"samples of {wanted} are written to files; name one with --out FILE")
    sampling = Sampling(max_symbols, temperature, seed=seed)
    made = loaded.cross(segments, wanted, n=n, side=options.side(side), sampling=sampling)
    if out is None:
        texts = [one.text for one in made]
        options.print_json({"samples": texts}) if as_json else print(options.printable("\n".join(texts)))
        return
    files = [str(path) for path in loaded.write(out, made, kind=wanted)]
    options.print_json({"files": files}) if as_json else print(options.printable("\n".join(files)))


def _segments(words: list[str], option: str) -> list[Segment]:
    """Return the segments that KIND=WHAT words name."""
    from anygram.data import mixtures
    from anygram.errors import UsageError

    found = []
    for word in words:
        kind, equals, what = word.partition("=")
        if not equals:
            raise UsageError(f"{option} wants KIND=WHAT, got '{word}'; for example {option} pictures=3.png")
        found.append(mixtures.given(kind, what))
    return found


def _print_ranked(ranked: list[tuple[str, float, float]], as_json: bool) -> None:
    if as_json:
        rows = [{"candidate": word, "probability": share, "log_p": log_p} for word, share, log_p in ranked]
        options.print_json({"candidates": rows})
        return
    for word, share, log_p in ranked:
        print(options.printable(f"{share:8.4f}  {log_p:12.3f} nats  {word}"))
