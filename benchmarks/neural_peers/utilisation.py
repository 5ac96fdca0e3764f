"""How much of the machine's matrix products a training step is worth: ours beside nanoGPT's.

    utilisation = operations of the model a step / seconds a step / operations a second of matrix products
    operations = (6 N + 12 L T D) tokens

with N weights in matrix products (the head's counted where tied too; embeddings are looked up), L layers,
each position seeing T positions, width D (Chowdhery et al. 2022, appendix B). A step is loss,
gradient, clipping and the optimiser, whatever it computes beside. The rate of products is the best of some
shapes in float32, square and a model's own, measured by turns with the steps.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from peers.rows import Row

from neural_peers.session import Session, ask_ours, ask_peer, require_text

PEER = "nanoGPT"
NANOGPT = {"layers": 4, "width": 128, "heads": 4}
ROWS, BLOCK = 12, 64
STEPS = 100
BUDGET = 120.0


def operations(matrix_weights: int, layers: int, context: int, width: int, tokens: int) -> float:
    """Return the operations of a training step.

    >>> operations(matrix_weights=10, layers=1, context=2, width=3, tokens=4)
    528.0
    """
    return float((6 * matrix_weights + 12 * layers * context * width) * tokens)


def measure(session: Session) -> list[Row]:
    """Return the rows of utilisation: our defaults for two minutes, and both at nanoGPT's sizes."""
    text = require_text(session.data / "tinyshakespeare" / "input.txt")
    steps = 5 if session.quick else STEPS
    settings = dict(setting.split("=", 1) for setting in session.settings)
    ours = {"text": text, "budget": BUDGET, "steps": steps}
    same = {**NANOGPT, "context": BLOCK, "rows": ROWS, "block": BLOCK}
    sides: dict[str, Callable[[], dict[str, Any]]] = {
        "products": lambda: ask_ours("matrix_products"),
        "suggested": lambda: ask_ours("transformer_step", settings=settings, **ours),
        "same sizes": lambda: ask_ours("transformer_step", settings={**settings, **same}, **ours),
    }
    folder = session.peers.nanogpt
    if folder is not None:
        given = {**NANOGPT, "rows": ROWS, "block": BLOCK, "steps": steps, "folder": folder}
        sides["nanoGPT"] = lambda: ask_peer(session, "nanogpt_step", **given)[0]
    answers: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    for _ in range(session.repeats):
        for side, ask in sides.items():
            answers[side].append(ask())
    return _rows(answers)


def _rows(answers: dict[str, list[dict[str, Any]]]) -> list[Row]:
    name = "tinyshakespeare"
    best = max(answers["products"], key=lambda answer: float(answer["operations_per_second"]))
    rate, peer = float(best["operations_per_second"]), answers.get("nanoGPT", [])
    found = [Row(name, "matrix products, float32", "G operations/s", rate / 1e9, note=best["shape"])]
    for side, theirs in (("suggested", []), ("same sizes", peer)):
        ours = answers[side]
        share, peer_share = _share(ours, rate), _share(theirs, rate) if theirs else None
        tokens, peer_tokens = _tokens(ours), _tokens(theirs) if theirs else None
        what = f"a training step, {side}"
        found += [
            Row(name, f"utilisation of {what}", "%", share, peer_share, True, ours[0]["note"]),
            Row(name, f"rate of {what}", "tokens/s", tokens, peer_tokens, True),
        ]
    return found


def _share(answers: Sequence[dict[str, Any]], rate: float) -> float:
    """Return the median utilisation in percent."""
    keys = ("matrix_weights", "layers", "context", "width", "tokens")
    return statistics.median(
        100 * operations(*(int(one[key]) for key in keys)) / float(one["step_seconds"]) / rate
        for one in answers
    )


def _tokens(answers: Sequence[dict[str, Any]]) -> float:
    return statistics.median(float(one["tokens"]) / float(one["step_seconds"]) for one in answers)
