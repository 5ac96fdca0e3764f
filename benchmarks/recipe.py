"""Which ingredients the recipe of a network owes its quality to: the shipped one, and one thing changed.

    ANYGRAM_DATA=/path/to/data ./dev bench recipe

Tinyshakespeare in characters and in byte pairs, the same seconds for each training: what a change costs in
time counts. Nothing is read of the test tenth: what is compared is the last ninth of the rest. Seeds are
run in turn, so that a machine's slow minutes meet all alike; figures are their medians. Changes of
settings that a model has not, or that are the recipe's own, are left out. The other optimiser is given
several rates, for it does not share the recipe's. Ends with 1 where the recipe itself failed.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from peers import report
from peers.options import TINYSHAKESPEARE, real_data
from peers.processes import CommandFailed
from peers.report import Table
from tuning import trials
from tuning.trials import Settings, Trials, described

PACKAGES = ("anygram", "torch", "numpy", "numba")
HEADER = ("changed", "bits a byte", "lowest", "highest", "beside the recipe", "steps", "note")
RATES = {"adamw": (1e-3, 3e-3, 1e-2), "muon": (5e-3, 1e-2, 2e-2)}
"""Rates of the optimiser that is not the recipe's."""
ALIKE = {"embedding_rate": 1.0, "head_rate": 1.0}
OTHERS: Sequence[Settings] = (
    *({"schedule": schedule} for schedule in ("cosine", "linear", "wsd", "constant")),
    ALIKE,
    *({key: value} for key in ("carry", "value_residual", "tied", "normalised") for value in (False, True)),
    {"decay": 0.0},
    {"style": "classic"},
    {"bigrams": 0},
    {"key_heads": 1},
    {"dropout": 0.1},
    {"dropout": 0.1, "locked": True},
    {"embedding_dropout": 0.1},
    {"weight_drop": 0.2},
    {"forget_bias": 0.0},
)
"""Changes that do not depend on the recipe."""


def main() -> int:
    """Train what was asked for, print a table for each model and codec, and return the exit status."""
    options = _options()
    source = real_data(TINYSHAKESPEARE) / TINYSHAKESPEARE
    every: list[Trials] = []
    tables: list[Table] = []
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
        for codec in options.codecs:
            subject = trials.divided(codec, source, "files", Path(folder), codec)
            every += [Trials(subject, model, options.budget) for model in options.models]
        for tried in every:
            try:
                tables.append(_ablated(tried, options.repeats, options.only))
            except CommandFailed as error:
                print(f"{tried.subject.name}  {tried.model}: {error}", file=sys.stderr, flush=True)
    stored = [training for tried in every for training in tried.to_json()]
    report.publish("recipe", tables, options.json, stored=stored, packages=PACKAGES)
    return 0 if len(tables) == len(every) else 1


def _ablated(tried: Trials, repeats: int, only: Sequence[str]) -> Table:
    """Train the recipe and each change with each seed, and return the table."""
    tried.sizes()  # compiles what the first training would else compile
    first = tried.run({}, 0)
    if first.failed:
        raise CommandFailed(f"the recipe failed: {first.failed}")
    changes = [one for one in changes_of(first.settings) if not only or set(one) & set(only)]
    for seed in range(repeats):
        for settings in ({}, *changes):
            tried.run(settings, seed)
    rows = [row(tried, settings) for settings in ({}, *changes)]
    return Table(HEADER, rows, f"{tried.model}, {tried.subject.name}, budget {tried.budget}")


def changes_of(recipe: Settings) -> list[Settings]:
    """Return the settings that differ from the recipe's in one ingredient.

    >>> described(changes_of({"optimiser": "adamw", "rows": 16, "rate": 0.01, "carry": True})[-1])
    'carry=false'
    """
    optimiser = recipe["optimiser"]
    candidates: list[Settings] = [
        {"optimiser": other, "rate": rate, **ALIKE}
        for other, rates in RATES.items()
        for rate in rates
        if other != optimiser
    ]
    if optimiser == "muon":
        candidates += [{"momentum": momentum} for momentum in (0.9, 0.95)]
    candidates += [
        {key: int(recipe[key] * factor)}
        for key in ("rows", "layers")
        for factor in (0.5, 2)
        if key in recipe and recipe[key] * factor >= 1
    ]
    return [one for one in (*candidates, *OTHERS) if _is_a_change(one, recipe)]


def _is_a_change(settings: Settings, recipe: Settings) -> bool:
    """Return whether the model has all of these settings, and some otherwise than the recipe."""
    return set(settings) <= set(recipe) and any(recipe[key] != value for key, value in settings.items())


def row(tried: Trials, settings: Settings) -> list[str]:
    """Return the row of these settings: figures of the seeds, and by how much the recipe is better."""
    results = tried.results(settings)
    failures = [result.failed for result in results if result.failed]
    name = described(settings) or described(_essence(results[0].settings))
    if len(failures) == len(results):
        return [name, "failed", "–", "–", "–", "–", failures[0]]
    reached = sorted(result.bits_per_byte for result in results if result.bits_per_byte is not None)
    beside = f"{tried.median(settings) - tried.median({}):+.4f}" if settings else "–"
    bits = [f"{one:.4f}" for one in (tried.median(settings), reached[0], reached[-1])]
    steps = sorted(result.steps for result in results if not result.failed)
    note = f"failed {len(failures)} of {len(results)} times: {failures[0]}" if failures else ""
    return [name, *bits, beside, f"{steps[len(steps) // 2]:,}", note]


def _essence(settings: Settings) -> dict[str, Any]:
    """Return what tells a recipe from another of its model."""
    keys = ("optimiser", "rate", "rows", "block", "layers", "width", "units")
    return {key: settings[key] for key in keys if key in settings}


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=_words, default=["transformer", "lstm"])
    parser.add_argument("--codecs", type=_words, default=["chars", "bpe"])
    parser.add_argument("--budget", default="10s", help="of each training (default: 10s)")
    parser.add_argument("--repeats", type=int, default=3, help="seeds (default: 3)")
    parser.add_argument(
        "--only", type=_words, default=[], metavar="KEY,KEY", help="change these settings alone"
    )
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


def _words(words: str) -> list[str]:
    return words.split(",")


if __name__ == "__main__":
    sys.exit(main())
