"""Do documents near each other have the same label? Vectors of a small LSTM beside tf-idf and raw pixels.

    ANYGRAM_DATA=/path/to/data ./dev bench embeddings           about ten minutes
    ANYGRAM_DATA=/path/to/data ./dev bench embeddings --sets sms --seeds 1

Every way sees all documents and no label: the LSTM learns them for so many steps, tf-idf counts their words.
Neighbours are the ten of largest cosine, the document itself left out. `lstm, 1 step` is a network that has
learnt nothing yet. Which pooling is the best is not chosen: all are shown.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from peers import report
from peers.options import names_of, real_data
from peers.report import Table
from sklearn.datasets import load_digits
from sklearn.feature_extraction import text as peer

import anygram
from anygram.protocols import FloatArray
from anygram.tasks.embedding import POOLINGS, Neighbours, neighbours_share_label

SETS = ("sms", "mr", "digits")
FILES = {"sms": ("sms/sms.tsv", "utf-8", "\t"), "mr": ("mr-subj/rt-polarity.all", "latin-1", " ")}
"""Lines that begin with a label and what stands after it."""
STEPS = (1, 300)
TF_IDF: dict[str, dict[str, Any]] = {
    "tf-idf of words": {"sublinear_tf": True},
    "tf-idf of 2 to 4 characters": {
        "sublinear_tf": True,
        "analyzer": "char_wb",
        "ngram_range": (2, 4),
        "max_features": 20_000,
    },
}
"""`char_wb`: characters within words."""
K = 10


def main() -> int:
    """Measure, print a table for each set, and return 0."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sets", type=names_of("set", SETS), default=list(SETS), help=", ".join(SETS))
    parser.add_argument("--seeds", type=int, default=3, help="trainings a network (default: 3)")
    parser.add_argument("--out", type=Path, help="a .json file to write")
    options = parser.parse_args()
    tables, stored = [], []
    for name in options.sets:
        found: dict[str, list[Neighbours]] = {}
        with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
            for way, neighbours in _measured(name, options.seeds, Path(folder)):
                found.setdefault(way, []).append(neighbours)
        tables.append(_table(name, found))
        stored += [{"set": name, "way": way, **asdict(one)} for way, many in found.items() for one in many]
    report.publish(
        "embeddings", tables, options.out, stored=stored, packages=("anygram", "torch", "scikit-learn")
    )
    return 0


def _measured(name: str, seeds: int, folder: Path) -> Iterator[tuple[str, Neighbours]]:
    """Yield each way of making vectors, and what its neighbours have in common."""
    if name == "digits":
        found = load_digits()
        labels = [str(label) for label in found.target]
        yield "pixels", neighbours_share_label(found.data, labels, K)
        yield from _networks("example:digits", "image", {}, labels, seeds)
        return
    labels, texts = _labelled(*FILES[name])
    vectoriser: Any = peer.TfidfVectorizer
    for way, settings in TF_IDF.items():
        vectors_ND: FloatArray = vectoriser(**settings).fit_transform(texts).toarray().astype(np.float32)
        yield way, neighbours_share_label(vectors_ND, labels, K)
    source = folder / "texts.jsonl"
    source.write_text("".join(f"{json.dumps({'text': text})}\n" for text in texts), encoding="utf-8")
    yield from _networks(str(source), "bytes", {"text_field": "text"}, labels, seeds)


def _networks(
    source: str, codec: str, reading: dict[str, Any], labels: Sequence[str], seeds: int
) -> Iterator[tuple[str, Neighbours]]:
    for steps in STEPS:
        for seed in range(seeds):
            run = anygram.train(source, "lstm", codec=codec, budget=f"{steps}steps", seed=seed, **reading)
            for pooling in POOLINGS:
                vectors_ND = run.embed(source, pooling=pooling, **reading).vectors_ND
                way = f"lstm, {steps} step{'s' if steps > 1 else ''}, {pooling}"
                yield way, neighbours_share_label(vectors_ND, labels, K)


def _labelled(file: str, encoding: str, between: str) -> tuple[list[str], list[str]]:
    lines = (real_data(file) / file).read_text(encoding=encoding).rstrip("\n").split("\n")
    pairs = [line.split(between, 1) for line in lines]
    return [label for label, _ in pairs], [text for _, text in pairs]


def _table(name: str, found: dict[str, list[Neighbours]]) -> Table:
    one = next(iter(found.values()))[0]
    rows = [
        [
            way,
            _spread([each.share for each in many]),
            _spread([each.vote for each in many]),
        ]
        for way, many in found.items()
    ]
    rows.append(["by chance; always the largest label", f"{one.chance:.3f}", f"{one.largest:.3f}"])
    title = f"**{name}**: {one.documents:,} documents, {one.labels} labels, {K} neighbours"
    return Table(["vectors", "neighbours with its label", "their commonest label is its own"], rows, title)


def _spread(values: Sequence[float]) -> str:
    """Return the mean over seeds, and the least and largest where there are several."""
    mean = f"{statistics.mean(values):.3f}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.3f} to {max(values):.3f})"


if __name__ == "__main__":
    sys.exit(main())
