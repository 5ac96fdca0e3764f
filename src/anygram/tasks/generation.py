"""Sampling: continue a prompt symbol by symbol until the boundary.

Axes: B rows (samples still running), V vocabulary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from anygram import information, states
from anygram.errors import UsageError
from anygram.protocols import Codec, FloatArray, LanguageModel
from anygram.settings import check_seed
from anygram.tasks.prediction import after


@dataclass(frozen=True)
class Sampling:
    """How to draw: `temperature` 0 takes the likeliest; `top_k` and `top_p` cut the tail.

    top-k: Fan, Lewis & Dauphin 2018; top-p (nucleus): Holtzman et al. 2020.
    """

    max_symbols: int = 500
    temperature: float = 1.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.max_symbols < 1:
            raise UsageError(f"max_symbols must be at least 1, got {self.max_symbols}")
        if not self.temperature >= 0:
            raise UsageError(f"temperature must be 0 or more, got {self.temperature}")
        if self.top_k is not None and self.top_k < 1:
            raise UsageError(f"top_k must be at least 1, got {self.top_k}; leave it out to keep all symbols")
        if self.top_p is not None and not 0 < self.top_p <= 1:
            raise UsageError(f"top_p must be above 0 and at most 1, got {self.top_p}")
        check_seed(self.seed)


def generate(
    model: LanguageModel,
    codec: Codec,
    prompt: str = "",
    *,
    samples: int = 1,
    sampling: Sampling | None = None,
) -> list[str]:
    """Return `samples` continuations of the prompt (without it)."""
    texts = [""] * samples
    for sample, piece in stream(model, codec, prompt, samples=samples, sampling=sampling):
        texts[sample] += piece
    return texts


def stream(
    model: LanguageModel,
    codec: Codec,
    prompt: str = "",
    *,
    samples: int = 1,
    sampling: Sampling | None = None,
) -> Iterator[tuple[int, str]]:
    """Yield (sample, piece of text) as symbols are drawn; a finished sample leaves the batch."""
    if samples < 1:
        raise UsageError(f"the number of samples must be at least 1, got {samples}")
    decoders = [codec.decoder() for _ in range(samples)]
    for row, symbol in draw(model, codec, prompt, samples, sampling or Sampling()):
        if symbol != codec.boundary and (piece := decoders[row].push(symbol)):
            yield row, piece
    for row, decoder in enumerate(decoders):
        if piece := decoder.finish():
            yield row, piece


def draw(
    model: LanguageModel, codec: Codec, prompt: str, samples: int, sampling: Sampling
) -> Iterator[tuple[int, int]]:
    """Yield (sample, symbol) in the order drawn; a sample ends with its boundary or at the limit."""
    # a generator a sample, so that a sample does not depend on how many are drawn beside it
    generators = [np.random.default_rng([sampling.seed, sample]) for sample in range(samples)]
    running = list(range(samples))
    state = after(model, codec, prompt, rows=samples)
    for _ in range(sampling.max_symbols):
        p_BV = probabilities(model.predict(state), sampling)
        drawn = [_choose(p_V, generators[sample]) for sample, p_V in zip(running, p_BV, strict=True)]
        yield from zip(running, drawn, strict=True)
        going = [row for row, symbol in enumerate(drawn) if symbol != codec.boundary]
        if not going:
            return
        if len(going) < len(running):
            running, drawn = [running[row] for row in going], [drawn[row] for row in going]
            state = states.select(state, going)
        state = model.advance(state, np.array(drawn, dtype=np.int32)[:, None])


def probabilities(log_p_BV: FloatArray, sampling: Sampling) -> FloatArray:
    """Return the distribution to draw from as p_BV: tempered, cut and normalised again."""
    log_p_BV = log_p_BV.astype(np.float64)
    if sampling.temperature == 0:
        greedy_BV = np.zeros_like(log_p_BV)
        greedy_BV[np.arange(len(log_p_BV)), log_p_BV.argmax(axis=1)] = 1.0
        return greedy_BV
    below_BV = log_p_BV - log_p_BV.max(axis=1, keepdims=True)  # 0 for the likeliest at any temperature
    with np.errstate(over="ignore"):
        p_BV: FloatArray = np.exp(information.log_softmax(below_BV / sampling.temperature))
    if sampling.top_k is None and sampling.top_p is None:
        return p_BV
    order_BV = np.argsort(-p_BV, axis=1, kind="stable")
    sorted_BV = np.take_along_axis(p_BV, order_BV, axis=1)
    keep_BV = np.ones_like(sorted_BV, dtype=bool)
    if sampling.top_k is not None:
        keep_BV[:, sampling.top_k :] = False
    if sampling.top_p is not None:
        # the symbol that reaches top_p is kept: what lies before it must be less
        keep_BV &= np.cumsum(sorted_BV, axis=1) - sorted_BV < sampling.top_p
    np.put_along_axis(p_BV, order_BV, np.where(keep_BV, sorted_BV, 0.0), axis=1)
    p_BV /= p_BV.sum(axis=1, keepdims=True)
    return p_BV


def _choose(p_V: FloatArray, generator: np.random.Generator) -> int:
    """Return a symbol drawn by inverting the cumulative distribution; never one of probability 0."""
    cumulative_V = np.cumsum(p_V)
    return int(np.searchsorted(cumulative_V, generator.random() * cumulative_V[-1], side="right"))
