"""How much of the machine's matrix products a training step is worth: ours beside nanoGPT's.

    utilisation = operations of the model a step / seconds a step / operations a second of matrix products
    operations = (6 N + 12 L T D) tokens

with N weights in matrix products (the head's counted where tied too; embeddings are looked up), L layers,
each position seeing T positions, width D (Chowdhery et al. 2022, appendix B). A step is loss,
gradient, clipping and the optimiser, whatever it computes beside. The rate of products is the best of some
shapes in float32, square and a model's own, measured by turns with the steps.
"""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peers.rows import Row

from neural_peers.session import Session, ask_ours, ask_peer, require_text

PEER = "nanoGPT"
PRODUCTS, IN_FLOAT32 = "matrix products, float32", "in float32"
OURS = "anygram"
BUDGET = 120.0
STEPS = 100


@dataclass(frozen=True)
class Sizes:
    """A network of nanoGPT's, and what a step of it reads."""

    layers: int
    width: int
    heads: int
    rows: int
    block: int
    steps: int
    """How many are timed; it says nothing of the network."""

    def settings(self) -> dict[str, Any]:
        """Return them as ours takes them."""
        return {**self.given(), "context": self.block}

    def given(self) -> dict[str, Any]:
        """Return them as nanoGPT's step takes them."""
        return {key: value for key, value in dataclasses.asdict(self).items() if key != "steps"}


# nanoGPT's for a CPU (README.md) and for a GPU (config/train_shakespeare_char.py), without dropout
SIZES = {
    "nanoGPT's for CPUs": Sizes(4, 128, 4, 12, 64, STEPS),
    "nanoGPT's for GPUs": Sizes(6, 384, 6, 64, 256, 6),
}


def operations(matrix_weights: int, layers: int, context: int, width: int, tokens: int) -> float:
    """Return the operations of a training step.

    >>> operations(matrix_weights=10, layers=1, context=2, width=3, tokens=4)
    528.0
    """
    return float((6 * matrix_weights + 12 * layers * context * width) * tokens)


def measure(session: Session) -> list[Row]:
    """Return the rows of utilisation: our defaults for two minutes, and both at nanoGPT's sizes.

    Ours are measured in the numbers that training takes here, and in float32, the peer's.
    """
    text = require_text(session.data / "tinyshakespeare" / "input.txt")
    settings = dict(setting.split("=", 1) for setting in session.settings)
    ours = {"text": text, "budget": BUDGET}
    answers: dict[tuple[str, str], list[dict[str, Any]]] = {}

    def note(what: str, side: str, answer: dict[str, Any]) -> None:
        answers.setdefault((what, side), []).append(answer)

    folder = session.peers.nanogpt
    for _ in range(session.repeats):
        note(PRODUCTS, OURS, ask_ours("matrix_products"))
        for what, sizes in (("suggested", None), *SIZES.items()):
            steps = 5 if session.quick else sizes.steps if sizes else STEPS
            own = {**settings, **(sizes.settings() if sizes else {})}
            for side, asked in ((OURS, own), (IN_FLOAT32, {**own, "precision": "float32"})):
                note(what, side, ask_ours("transformer_step", settings=asked, steps=steps, **ours))
            if sizes and folder is not None:
                note(
                    what,
                    PEER,
                    ask_peer(session, "nanogpt_step", folder=folder, steps=steps, **sizes.given())[0],
                )
    return _rows(answers)


def _rows(answers: dict[tuple[str, str], list[dict[str, Any]]]) -> list[Row]:
    name = "tinyshakespeare"
    best = max(answers[PRODUCTS, OURS], key=lambda answer: float(answer["operations_per_second"]))
    rate = float(best["operations_per_second"])
    found = [Row(name, PRODUCTS, "G operations/s", rate / 1e9, note=best["shape"])]
    for (what, side), ours in answers.items():
        if what == PRODUCTS or side == PEER:
            continue
        theirs = answers.get((what, PEER))
        share, peer_share = _share(ours, rate), _share(theirs, rate) if theirs else None
        tokens, peer_tokens = _tokens(ours), _tokens(theirs) if theirs else None
        sizes = what if side == OURS else f"{what}, {side}"
        found += [
            Row(name, f"utilisation: {sizes}", "%", share, peer_share, True, ours[0]["note"]),
            Row(name, f"rate: {sizes}", "tokens/s", tokens, peer_tokens, True),
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
