"""Tasks of our side, each run in a process of its own: prints what it found as JSON.

python -m neural_peers.our_tasks TASK '{"run": ..., ...}'

Axes: B rows, T positions, N symbols of a text.
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch

import anygram
from anygram import codecs, models, settings
from anygram.budgets import Budget
from anygram.data.corpus import encode_corpus
from anygram.data.documents import Document
from anygram.learning import config_of, learner_for
from anygram.protocols import Codec, Learner
from neural_peers.arithmetic import block_rows, matrix_weights

WARM_SECONDS, PRODUCT_SECONDS = 0.5, 1.0
PRODUCTS = ((1024, 1024, 1024), (2048, 2048, 2048), (4096, 4096, 1024), (768, 128, 512), (2048, 256, 1024))
"""Rows, inner width and columns of the products whose best rate is taken."""


def main() -> None:
    """Run the task named first with the arguments in the JSON object named second."""
    task, given = sys.argv[1:]
    print(json.dumps(TASKS[task](**json.loads(given))))


def score_blocks(run: str, text: str, block: int) -> dict[str, float]:
    """Score all symbols of a text but its first, in blocks of `block`, each from one symbol of context on.

    A row holds the last symbol of the block before, which stands after the boundary and is not counted.
    """
    loaded = anygram.load(run)
    encoded = loaded.codec.encode(Path(text).read_bytes().decode())
    nats = 0.0
    for rows_BT in block_rows(np.asarray(encoded.ids, dtype=np.int32), block):
        log_p_BT, _ = loaded.model.score(loaded.model.start(len(rows_BT)), rows_BT)
        nats -= float(log_p_BT[:, 1:].astype(np.float64).sum())
    units = int(encoded.units[1:].sum())
    return {"nats": nats, "symbols": len(encoded.ids) - 1, "units": units}


def encode(run: str, text: str, out: str) -> dict[str, int]:
    """Store the ids of a text by a run's codec."""
    ids_N = anygram.load(run).codec.encode(Path(text).read_bytes().decode()).ids
    np.save(out, ids_N)
    return {"symbols": len(ids_N)}


def lstm_rate(
    vocabulary: int,
    embedding: int,
    units: int,
    rows: int,
    block: int,
    first_steps: int,
    steps: int,
    settings: Mapping[str, str],
) -> dict[str, Any]:
    """Train an LSTM on random words; return tokens a second and parameters."""
    generator = np.random.default_rng(0)
    known = [f"w{number}" for number in range(vocabulary - 2)]  # beside the unknown word and the boundary
    drawn_N = generator.integers(len(known), size=rows * block * (first_steps + steps + 1))
    text = " ".join([*known, *(known[number] for number in drawn_N)])
    codec = codecs.REGISTRY.load("words").fit([text], codecs.REGISTRY.load("words").Config())
    assert codec.vocabulary_size == vocabulary
    values = {"embedding": embedding, "units": units, "rows": rows, "block": block, **settings}
    learner, parameters, _ = _learner("lstm", codec, text, values, None)
    seconds = _steps(learner, codec, text, first_steps + steps)
    return {
        "steady": rows * block / statistics.median(seconds[first_steps:]),
        "whole": rows * block * len(seconds) / sum(seconds),
        "parameters": parameters,
        "note": "",
    }


def transformer_step(text: str, budget: float, steps: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Time training steps of a Transformer on a text's characters, by default of the suggested sizes."""
    read = Path(text).read_text(encoding="utf-8")
    codec = codecs.REGISTRY.load("chars").fit([read], codecs.REGISTRY.load("chars").Config())
    learner, parameters, model = _learner("transformer", codec, read, settings, Budget(seconds=budget))
    seconds = _steps(learner, codec, read, steps)
    config, learning = model["config"], learner.config
    shape = f"{config.layers} x {config.width}, {learning.rows} x {learning.block}"
    return {
        "step_seconds": statistics.median(seconds[steps // 5 :]),
        "tokens": learning.rows * learning.block,
        "matrix_weights": matrix_weights(model["module"], codec.vocabulary_size, config.width),
        "layers": config.layers,
        "context": config.context,
        "width": config.width,
        "note": f"{shape}, {parameters:,} parameters",
    }


def _learner(
    name: str, codec: Codec, text: str, values: Mapping[str, Any], budget: Budget | None
) -> tuple[Learner, int, dict[str, Any]]:
    """Return the learner that `anygram train` would have; parameters; the model's config and module."""
    module = models.REGISTRY.load(name)
    ids_N = codec.encode(text).ids
    suggested: tuple[Any, dict[str, Any]] = (module.Config(), {})
    if budget is not None:
        suggested = module.suggest(ids_N[: 1 << 18], len(ids_N), codec.vocabulary_size, budget)
    keys = settings.keys(module.Config)
    config = settings.build(module.Config, {k: v for k, v in values.items() if k in keys}, suggested[0])
    model = module.create(config, codec.vocabulary_size, 0)
    chosen = {key: value for key, value in values.items() if key in settings.keys(config_of(model))}
    learner = learner_for(model, chosen, 0, suggested[1])
    parameters = sum(parameter.numel() for parameter in model.module().parameters())
    return learner, parameters, {"config": config, "module": model.module()}


def _steps(learner: Learner, codec: Codec, text: str, steps: int) -> list[float]:
    """Take steps of training on a text and return the seconds of each."""
    seconds = []
    with tempfile.TemporaryDirectory() as folder:
        corpus = encode_corpus([Document(text)], codec, Path(folder))
        for number, batch in enumerate(islice(learner.batches(corpus), steps)):
            begin = time.perf_counter()
            learner.update(batch, number / steps)
            seconds.append(time.perf_counter() - begin)
    return seconds


def matrix_products() -> dict[str, Any]:
    """Return the best rate of float32 products, an addition and a multiplication being two operations."""
    rates = {f"{m} x {k} by {k} x {n}": _product_rate(m, k, n) for m, k, n in PRODUCTS}
    shape = max(rates, key=lambda shape: rates[shape])
    return {"operations_per_second": rates[shape], "shape": shape}


def _product_rate(m: int, k: int, n: int) -> float:
    one, other = torch.randn(m, k), torch.randn(k, n)
    out = torch.empty(m, n)
    best, begun = math.inf, time.perf_counter()
    while time.perf_counter() - begun < WARM_SECONDS + PRODUCT_SECONDS:
        begin = time.perf_counter()
        torch.mm(one, other, out=out)
        if begin - begun > WARM_SECONDS:
            best = min(best, time.perf_counter() - begin)
    return 2 * m * k * n / best


TASKS: dict[str, Callable[..., dict[str, Any]]] = {
    function.__name__: function
    for function in (score_blocks, encode, lstm_rate, transformer_step, matrix_products)
}

if __name__ == "__main__":
    main()
