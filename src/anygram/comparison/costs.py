"""What asking a trained model costs: time to a first symbol, symbols a second, bytes of state and memory."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from anygram import lanes, states
from anygram.errors import DataError
from anygram.evaluation import Surprisal
from anygram.protocols import Codec, Ids, LanguageModel
from anygram.tasks import generation
from anygram.tasks.generation import Sampling
from anygram.tasks.prediction import beginning

PROMPT_SYMBOLS = 100

_GENERATION_SECONDS = 2.0
_GENERATION_SYMBOLS = 2000
_PROMPTED = 7


def warm(model: LanguageModel, codec: Codec) -> None:
    """Score a boundary alone: what is compiled or loaded at the first use is not counted in a rate."""
    lanes.score_together(model, [np.array([codec.boundary], dtype=np.int32)])


def of_asking(model: LanguageModel, codec: Codec, scored: Sequence[Surprisal]) -> dict[str, Any]:
    """Return the costs as a row of results holds them; the longest document's beginning is the prompt.

    Memory is the process's so far: ask before anything else is measured.
    """
    longest = max(scored, key=lambda one: len(one.ids_T))
    prompt_T = np.resize(longest.ids_T[:-1], PROMPT_SYMBOLS)  # over and over where the document is short
    # symbols may end within a character, which not every codec takes back
    prompt = codec.decode(prompt_T).encode("utf-8", "ignore").decode()
    try:
        beginning(codec, prompt)
    except DataError:  # no datum of a codec that guides begins so
        prompt = ""
    return {
        "peak_memory_bytes": peak_memory(),
        "state_bytes_per_100_symbols": state_bytes(model, prompt_T),
        "first_symbol_seconds": first_symbol_seconds(model, codec, prompt),
        "generate_symbols_per_second": generation_rate(model, codec),
    }


def first_symbol_seconds(model: LanguageModel, codec: Codec, prompt: str) -> float:
    """Return the median time from a prompt to the first symbol drawn after it, encoding it included."""

    def prompted() -> float:
        started = time.perf_counter()
        next(generation.draw(model, codec, prompt, 1, Sampling(1)))
        return time.perf_counter() - started

    prompted()  # what is compiled at the first use is not counted
    return statistics.median(prompted() for _ in range(_PROMPTED))


def generation_rate(model: LanguageModel, codec: Codec) -> float:
    """Return symbols a second of one sample drawn alone, over a couple of seconds."""
    model.predict(model.start(1))  # what is compiled at the first use is not counted
    symbols, started, seed = 0, time.perf_counter(), 0
    while symbols < _GENERATION_SYMBOLS and time.perf_counter() - started < _GENERATION_SECONDS:
        for _ in generation.draw(model, codec, "", 1, Sampling(_GENERATION_SYMBOLS, seed=seed)):
            symbols += 1
            if time.perf_counter() - started >= _GENERATION_SECONDS:
                break
        seed += 1
    return symbols / (time.perf_counter() - started)


def state_bytes(model: LanguageModel, prompt_T: Ids) -> int:
    """Return the bytes of one row's state after these symbols: constant, or growing with what was read.

    Room that a growable state keeps for more is no part of it: a selected row is as small as it can be.
    """
    state = model.advance(model.start(1), prompt_T[None])
    return states.nbytes(states.select(state, [0]))


def peak_memory() -> int | None:
    """Return the most bytes of memory that this process held; None where the system does not say."""
    try:
        import resource
    except ImportError:  # not on Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
