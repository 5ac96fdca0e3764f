"""The likeliest next symbols after a prompt."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from anygram.errors import UsageError
from anygram.protocols import Codec, LanguageModel, State

END = "<end>"
"""How the boundary is shown to people."""


@dataclass(frozen=True)
class Prediction:
    """One candidate: its id, how a person reads it, and P(it | context)."""

    id: int
    symbol: str
    probability: float
    bits: float


def after(model: LanguageModel, codec: Codec, prompt: str, rows: int = 1) -> State:
    """Return the state of `rows` equal rows that have read the prompt from a document's start."""
    ids_T = codec.encode(prompt).ids
    return model.advance(model.start(rows), np.repeat(ids_T[None], rows, axis=0))


def predict(model: LanguageModel, codec: Codec, prompt: str, top: int = 10) -> list[Prediction]:
    """Return the `top` likeliest symbols to follow the prompt, likeliest first."""
    if top < 1:
        raise UsageError(f"top must be at least 1, got {top}; for example --top 10")
    log_p_V = model.predict(after(model, codec, prompt))[0]
    order = np.argsort(-log_p_V, kind="stable")[:top]
    return [
        Prediction(
            id=int(symbol),
            symbol=END if symbol == codec.boundary else codec.symbol(int(symbol)),
            probability=math.exp(float(log_p_V[symbol])),
            bits=-float(log_p_V[symbol]) / math.log(2),
        )
        for symbol in order
    ]
