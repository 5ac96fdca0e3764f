"""The commands, gathered from their files."""

from __future__ import annotations

from collections.abc import Callable

import typer

from anygram.cli import asking, listing, training

EPILOG = "Start here: anygram compare example:docstrings --budget 20s --out first"

app = typer.Typer(
    name="anygram",
    help="Every language model from n-gram to Transformer, on your own data, by one yardstick.",
    epilog=EPILOG,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

COMMANDS: list[Callable[..., None]] = [
    training.train,
    training.compare,
    asking.evaluate,
    asking.score,
    asking.predict,
    asking.generate,
    listing.models,
    listing.codecs,
    listing.inspect,
    listing.doctor,
]
for command in COMMANDS:
    app.command()(command)


@app.callback()
def anygram() -> None:
    """Every language model from n-gram to Transformer, on your own data, by one yardstick."""
