"""One model, Embedding(10000, 256) → LSTM(1024) → softmax, in Keras on TensorFlow, torch's own LSTM and ours.

Trained with Adam's kind of optimiser on blocks of random words: Keras through `fit` with its defaults (Adam,
sparse categorical cross-entropy from logits, jit_compile="auto"), torch eagerly with nn.LSTM,
cross_entropy and Adam, ours through the learner that `anygram train` uses. Steady: the median step after
the first ones. Whole: all steps, tracing and compiling included.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from peers.processes import CommandFailed
from peers.rows import Row

from neural_peers.session import Session, ask_ours, ask_peer

PEER = "Keras, torch"
SIZES = {"vocabulary": 10_000, "embedding": 256, "units": 1024}
SHAPES = ((32, 64), (20, 35))
"""Rows and positions of a step."""
FIRST_STEPS, STEPS = 3, 10
SAME_WITHIN = 0.01
"""How far parameters may be apart: torch's LSTM has a second bias that adds nothing."""
QUICK = {"vocabulary": 500, "embedding": 16, "units": 32}

_Answers = list[dict[str, Any]]


def measure(session: Session) -> list[Row]:
    """Return the rows of tokens a second for each shape of a step."""
    found = []
    for rows, block in SHAPES:
        sizes = QUICK if session.quick else SIZES
        asked = {**sizes, "rows": rows, "block": block, "first_steps": FIRST_STEPS, "steps": STEPS}
        sides = _sides(session, asked)
        answers: dict[str, _Answers] = {side: [] for side in sides}
        for _ in range(session.repeats):
            for side, ask in sides.items():
                answers[side].append(ask())
        ours = answers.pop("anygram")
        for side, theirs in answers.items():
            found += _rows(f"{rows} x {block}", side, ours, theirs)
        if not answers:
            found += _rows(f"{rows} x {block}", "no peer", ours, [])
    return found


def _sides(session: Session, asked: dict[str, int]) -> dict[str, Callable[[], dict[str, Any]]]:
    """Return how to ask each side; a peer whose packages are not there is left out."""
    settings = dict(setting.split("=", 1) for setting in session.settings)
    sides: dict[str, Callable[[], dict[str, Any]]] = {
        "anygram": partial(ask_ours, "lstm_rate", settings=settings, **asked)
    }
    for side, package, task in (("Keras", "tensorflow", "keras_rate"), ("torch", "torch", "torch_rate")):
        if session.peers.has(package):
            sides[side] = lambda task=task: ask_peer(session, task, **asked)[0]  # type: ignore[misc]
    return sides


def _rows(shape: str, side: str, ours: _Answers, theirs: _Answers) -> list[Row]:
    """Return the medians of both rates, with what each side says of itself."""
    if theirs and abs(ours[0]["parameters"] / theirs[0]["parameters"] - 1) > SAME_WITHIN:
        counts = f"ours has {ours[0]['parameters']:,} parameters, {side}'s {theirs[0]['parameters']:,}"
        raise CommandFailed(f"not the same model: {counts}")
    note = "; ".join(one[0]["note"] for one in (ours, theirs) if one and one[0]["note"])

    def row(what: str, key: str) -> Row:
        return Row(
            f"synthetic, {shape}",
            f"{what}, beside {side}",
            "tokens/s",
            _median(ours, key),
            _median(theirs, key),
            more_is_better=True,
            note=note,
        )

    return [row("training, steady", "steady"), row("training, first steps included", "whole")]


def _median(answers: Sequence[dict[str, Any]], key: str) -> float | None:
    return statistics.median(float(answer[key]) for answer in answers) if answers else None
