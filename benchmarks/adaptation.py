"""What going on to learn while reading is worth: static and adaptive bits per byte, by model, data and way.

    ANYGRAM_DATA=/path/to/data ./dev bench adaptation             about twenty minutes

Small runs over bytes, networks of --steps steps, are measured on plays (the last tenth of tinyshakespeare),
an encyclopedia (the beginning of wikitext-2's test part) and a log (the second half of Linux_2k.log, line by
line), then again in each way that suits them. Ways were tuned on other parts: the ninth tenth of the plays,
wikitext-2's validation part, OpenSSH_2k.log. Adaptive figures are not to be ranked with static ones.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peers import report
from peers.options import TINYSHAKESPEARE, names_of, real_data
from peers.report import Table

from anygram import adapting, api

WIKI, LOG = "wikitext-2/wiki.{}.tokens", "loghub/Linux_2k.log"
MODELS = ("ngram", "contextmix", "lstm", "transformer")
KINDS = ("plays", "encyclopedia", "log")
TRAINED_BYTES = 2_000_000
"""As much of a text is learnt from, so that the n-gram and the networks see about the same."""


@dataclass(frozen=True)
class Text:
    """What is learnt from, what is measured, and what a document is."""

    train: Path
    test: Path
    documents: Any = "files"


def main() -> int:
    """Train, measure in every way, print a table, and return the exit status."""
    options = _options()
    data = real_data(TINYSHAKESPEARE, WIKI.format("train"), WIKI.format("test"), LOG)
    stored = []
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
        for kind in options.kinds:
            text = _divided(kind, data, Path(folder), options.bytes)
            for model in options.models:
                stored += list(_measured(kind, model, text, options.steps))
    header = ("data", "model", *_ways(stored))
    report.publish(
        "adaptation",
        [Table(header, _rows(stored), "bits per byte")],
        options.json,
        stored=stored,
        packages=("anygram", "torch", "numpy", "numba"),
    )
    return 0


def _divided(kind: str, data: Path, folder: Path, size: int) -> Text:
    """Write the two parts of a text, at most `size` bytes of the second."""
    if kind == "encyclopedia":
        train, test = ((data / WIKI.format(part)).read_bytes() for part in ("train", "test"))
    else:
        raw = (data / (TINYSHAKESPEARE if kind == "plays" else LOG)).read_bytes()
        cut = len(raw) * 9 // 10 if kind == "plays" else raw.index(b"\n", len(raw) // 2) + 1
        train, test = raw[:cut], raw[cut:]
    files = (folder / f"{kind}-train.txt", folder / f"{kind}-test.txt")
    for file, part in zip(files, (train[:TRAINED_BYTES], test[:size]), strict=True):
        file.write_text(part.decode("utf-8", "ignore"), encoding="utf-8", newline="")
    return Text(*files, "lines" if kind == "log" else "files")


def _measured(kind: str, model: str, text: Text, steps: int) -> Iterator[dict[str, Any]]:
    """Train a model, and yield its figures static and in each way that suits it."""
    budget = "1epochs" if model == "ngram" else f"{steps}steps"
    run = api.train(text.train, model, codec="bytes", documents=text.documents, valid="none", budget=budget)
    ways = adapting.suitable(run.model)
    if "dynamic" in ways:
        ways.append("dynamic+recency")
    every: list[str | bool] = [False, *ways]
    for way in every:
        figures = run.evaluate(text.test, documents=text.documents, adapt=way)
        found = {"data": kind, "model": model, "way": way or "static", **figures.to_json()}
        print(f"{kind} {model} {found['way']}: {figures.bits_per_byte:.4f}", file=sys.stderr, flush=True)
        yield found


def _ways(stored: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(row["way"] for row in stored))


def _rows(stored: list[dict[str, Any]]) -> list[list[str]]:
    """Return a row for each text and model; a way that does not suit it is a dash."""
    found = {(row["data"], row["model"], row["way"]): row["bits_per_byte"] for row in stored}
    pairs = dict.fromkeys((row["data"], row["model"]) for row in stored)
    return [
        [*pair, *(f"{found[*pair, way]:.3f}" if (*pair, way) in found else "–" for way in _ways(stored))]
        for pair in pairs
    ]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", type=names_of("model", MODELS), default=list(MODELS))
    parser.add_argument("--kinds", type=names_of("kind of data", KINDS), default=list(KINDS))
    parser.add_argument("--steps", type=int, default=500, help="of each network's training (default: 500)")
    parser.add_argument("--bytes", type=int, default=120_000, help="measured, at most (default: 120000)")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
