"""The likeliest next symbols after a prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anygram.errors import UsageError
from anygram.protocols import Codec, Guided, Ids, LanguageModel, Matching, Side, State

END = "<end>"
"""How the boundary is shown to people."""


@dataclass(frozen=True)
class Prediction:
    """One candidate: its id, how a person reads it, P(it | context), and the length of the n-gram it is from.

    `matched` is None where the model has no n-grams.
    """

    id: int
    symbol: str
    probability: float
    bits: float
    matched: int | None = None


def beginning(codec: Codec, prompt: str, side: Side | None = None) -> Ids:
    """Return the symbols of a prompt, which is the beginning of a datum."""
    return codec.beginning(prompt, side) if isinstance(codec, Guided) else codec.encode(prompt).ids


def after(model: LanguageModel, codec: Codec, prompt: str, rows: int = 1, side: Side | None = None) -> State:
    """Return the state of `rows` equal rows that have read the prompt from a document's start."""
    ids_T = beginning(codec, prompt, side)
    return model.advance(model.start(rows), np.repeat(ids_T[None], rows, axis=0))


def predict(model: LanguageModel, codec: Codec, prompt: str, top: int = 10) -> list[Prediction]:
    """Return the `top` likeliest symbols to follow the prompt, likeliest first."""
    if top < 1:
        raise UsageError(f"top must be at least 1, got {top}; for example --top 10")
    state, matched_V = after(model, codec, prompt), None
    if isinstance(model, Matching):
        log_p_BV, matched_BV = model.match_next(state)
        log_p_V, matched_V = log_p_BV[0], matched_BV[0]
    else:
        log_p_V = model.predict(state)[0]
    order = np.argsort(-log_p_V, kind="stable")[:top]
    return [
        Prediction(
            id=int(symbol),
            symbol=END if symbol == codec.boundary else codec.symbol(int(symbol)),
            probability=math.exp(float(log_p_V[symbol])),
            bits=-float(log_p_V[symbol]) / math.log(2),
            matched=None if matched_V is None else int(matched_V[symbol]),
        )
        for symbol in order
    ]
