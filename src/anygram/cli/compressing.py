"""anygram compress, anygram decompress: files as codes by a model's predictions."""

from __future__ import annotations

from typing import Annotated

import typer

from anygram.cli import options
from anygram.cli.options import Adapt, AdaptBy, AdaptSettings, AsJson, Settings

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A file, or - for standard input.", show_default=False)
]
Out = Annotated[str, typer.Option(metavar="FILE", help="The file to write.", show_default=False)]


def compress(
    file: File,
    out: Out,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="Code by this run; default: learn from the file.")
    ] = None,
    adapt: Adapt = False,
    adapt_by: AdaptBy = None,
    adapt_settings: AdaptSettings = None,
    rows: Annotated[
        int | None, typer.Option(help="Parts read side by side; default: 1, more of large files by networks.")
    ] = None,
    memory: Annotated[str | None, typer.Option(help="How much memory, such as 1G, without a run.")] = None,
    settings: Settings = None,
    as_json: AsJson = False,
) -> None:
    """Make a file small by a model's predictions, so that decompress brings it back to the bit.

    \b
    anygram compress server.log --out server.log.ng
    anygram compress book.txt --run runs/book --out book.ng
    """
    from anygram import api
    from anygram.settings import parse_pairs

    progress = options.progress()
    try:
        result = api.compress(
            file,
            out,
            run=run,
            adapt=adapt_by or adapt,
            adapt_settings=options.adapt_settings(adapt_settings, adapt_by or adapt),
            rows=rows,
            settings=parse_pairs(settings or []),
            memory=memory,
            progress=progress,
        )
    finally:
        progress.close()
    if as_json:
        options.print_json({"out": out, **result.to_json()})
        return
    rate = f", {result.bits_per_byte:.4f} bits a byte" if result.bytes_in else ""
    print(f"{out}: {result.bytes_in:,} bytes became {result.bytes_out:,}{rate}")
    if result.model_bytes:
        print(f"decompressing takes the run too, of {result.model_bytes:,} bytes")
    if result.rows > 1:
        lost = result.cold_start_bits / 8
        print(f"beginning {result.rows} rows without context cost about {lost:,.0f} bytes")


def decompress(
    file: File,
    out: Out,
    run: Annotated[
        str | None, typer.Option(metavar="RUN", help="The run that the file was compressed with.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring back the file that compress was given, or write nothing.

    \b
    anygram decompress server.log.ng --out server.log
    anygram decompress book.ng --run runs/book --out book.txt
    """
    from anygram import api

    progress = options.progress()
    try:
        result = api.decompress(file, out, run=run, progress=progress)
    finally:
        progress.close()
    if as_json:
        options.print_json({"out": out, **result.to_json()})
    else:
        print(f"{out}: {result.bytes_out:,} bytes")
