"""Symbols a second: held-out documents scored whole, beside the forward pass of training the same network.

    ANYGRAM_DATA=/path/to/data ./dev bench scoring_rate         about two minutes

Documents are lines and articles of wikitext-2's test part; training reads its blocks, in the shape that is
suggested, with carried state, and without gradient. Both in turn, medians of --repeats. Ends with 1 where
scoring reaches less than 80 % of training's rate.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Iterable

import numpy as np
import torch
from peers import report
from peers.options import real_data

from anygram import lanes
from anygram.codecs import bpe
from anygram.models import lstm, transformer
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Ids

TEXT = "wikitext-2/wiki.test.tokens"
AT_LEAST = 0.8
ROWS, BLOCK = 32, 64
STEPS = 20


def main() -> int:
    """Print a table, and return 1 where scoring is too slow."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="measurements a figure (default: 5)")
    repeats = parser.parse_args().repeats
    source = real_data(TEXT) / TEXT
    print(f"{report.machine(('anygram', 'torch'))}\n\n    ./dev bench scoring_rate\n")
    print("| model | training's forward, symbols/s | documents | scored | share | with ranks | share |")
    print("|---|---|---|---|---|---|---|")
    text = source.read_text(encoding="utf-8")
    texts = documents(text)
    codec = bpe.fit(texts["lines"], bpe.Config(size=1024))
    encoded = {kind: [codec.encode(one).ids for one in some] for kind, some in texts.items()}
    slow = False
    for name, model in networks(codec.vocabulary_size).items():
        for kind, ids in encoded.items():
            whole = [np.append(ids_T, codec.boundary).astype(np.int32) for ids_T in ids]
            runs = [
                (training(model, whole), scoring(model, whole, False), scoring(model, whole, True))
                for _ in range(repeats)
            ]
            forward, scored, ranked = (statistics.median(each) for each in zip(*runs, strict=True))
            shares = f"{scored:,.0f} | {scored / forward:.2f} | {ranked:,.0f} | {ranked / forward:.2f}"
            print(f"| {name} | {forward:,.0f} | {len(whole)} {kind} | {shares} |")
            slow |= scored < AT_LEAST * forward
    return 1 if slow else 0


def documents(text: str) -> dict[str, list[str]]:
    """Return some lines, and some articles, which begin with a title between single equals signs."""
    lines = text.splitlines(keepends=True)
    starts = [i for i, line in enumerate(lines) if line.startswith(" = ") and not line.startswith(" = = ")]
    articles = ["".join(lines[a:b]) for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
    return {"lines": [line for line in lines if line.strip()][:1500], "articles": articles[:40]}


def networks(vocabulary_size: int) -> dict[str, NeuralLanguageModel]:
    """Return an LSTM and a Transformer, untrained."""
    return {
        "lstm, 256 units": lstm.create(lstm.Config(units=256), vocabulary_size, 0),
        "transformer, 4 layers of 128": transformer.create(
            transformer.Config(layers=4, width=128, heads=4, context=BLOCK), vocabulary_size, 0
        ),
    }


def training(model: NeuralLanguageModel, texts: Iterable[Ids]) -> float:
    """Return the rate of the loss over blocks of the texts end to end."""
    stream_N = np.resize(np.concatenate(list(texts)), STEPS * ROWS * BLOCK).astype(np.int32)
    ones_BT = np.ones((ROWS, BLOCK), dtype=np.float32)
    state = None
    began = time.perf_counter()
    with torch.no_grad():
        for ids_BT in stream_N.reshape(ROWS, STEPS, BLOCK).swapaxes(0, 1):
            _, state = model.loss(ids_BT, ones_BT, state)
    return len(stream_N) / (time.perf_counter() - began)


def scoring(model: NeuralLanguageModel, texts: list[Ids], ranks: bool) -> float:
    """Return the rate of scoring the texts whole."""
    began = time.perf_counter()
    lanes.score_together(model, texts, ranks=ranks)
    return sum(map(len, texts)) / (time.perf_counter() - began)


if __name__ == "__main__":
    sys.exit(main())
