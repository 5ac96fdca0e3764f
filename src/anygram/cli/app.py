"""The commands, gathered from their files."""

from __future__ import annotations

from collections.abc import Callable

import typer

from anygram.cli import (
    asking,
    classifying,
    comparing,
    compressing,
    crossing,
    embedding,
    exchanging,
    finding,
    forecasting,
    imputing,
    listing,
    training,
    translating,
)

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

COMMANDS: dict[str, Callable[..., None]] = {
    "train": training.train,
    "compare": comparing.compare,
    "evaluate": asking.evaluate,
    "score": asking.score,
    "predict": asking.predict,
    "generate": asking.generate,
    "cross": crossing.cross,
    "shares": asking.shares,
    "impute": imputing.impute,
    "forecast": forecasting.forecast,
    "embed": embedding.embed,
    "anomalies": finding.anomalies,
    "classify": classifying.classify,
    "translate": translating.translate,
    "summarise": translating.summarise,
    "compress": compressing.compress,
    "decompress": compressing.decompress,
    "export": exchanging.export,
    "import": exchanging.import_,
    "models": listing.models,
    "codecs": listing.codecs,
    "inspect": listing.inspect,
    "doctor": listing.doctor,
}
for name, command in COMMANDS.items():
    app.command(name)(command)


@app.callback()
def anygram() -> None:
    """Every language model from n-gram to Transformer, on your own data, by one yardstick."""
