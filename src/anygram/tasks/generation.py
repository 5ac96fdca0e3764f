"""Sampling: continue a prompt symbol by symbol until the boundary.

Where the codec can guide, only what may follow is drawn, so that whatever comes out is valid data.

Axes: B rows (samples still running), V vocabulary.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np
from numpy.typing import NDArray

from anygram import information, states
from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.protocols import Codec, FloatArray, Guide, Guided, LanguageModel, Side
from anygram.settings import check_seed
from anygram.tasks.prediction import after, beginning


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
    side: Side | None = None,
) -> list[str]:
    """Return `samples` continuations of the prompt (without it); `side` is what goes beside each."""
    texts = [""] * samples
    for sample, piece in stream(model, codec, prompt, samples=samples, sampling=sampling, side=side):
        texts[sample] += piece
    return texts


def make(
    model: LanguageModel,
    codec: Codec,
    prompt: str = "",
    *,
    samples: int = 1,
    sampling: Sampling | None = None,
    side: Side | None = None,
) -> list[Document]:
    """Return `samples` whole documents that begin with the prompt; of a codec that guides, valid ones.

    They end where a guide lets them end, else at the sampling's limit at the latest.
    """
    sampling = sampling or Sampling()
    if isinstance(codec, Guided):
        sampling = replace(sampling, max_symbols=sys.maxsize)
    return _made(model, codec, prompt, samples, sampling, side)


def _made(
    model: LanguageModel, codec: Codec, prompt: str, samples: int, sampling: Sampling, side: Side | None
) -> list[Document]:
    begun = beginning(codec, prompt, side).tolist()
    ids: list[list[int]] = [list(begun) for _ in range(samples)]
    for sample, symbol in draw(model, codec, prompt, samples, sampling, side):
        ids[sample] += [] if symbol == codec.boundary else [symbol]
    return [document_of(codec, one, side) for one in ids]


def document_of(codec: Codec, ids: Sequence[int], side: Side | None) -> Document:
    """Return what these symbols are, with the side that their guide comes to know on the way."""
    if isinstance(codec, Guided):
        guide = codec.guide(side)
        for symbol in ids:
            guide.push(symbol)
        side = guide.side
    return Document(codec.decode(np.array(ids, dtype=np.int32), side), side=side)


def stream(
    model: LanguageModel,
    codec: Codec,
    prompt: str = "",
    *,
    samples: int = 1,
    sampling: Sampling | None = None,
    side: Side | None = None,
) -> Iterator[tuple[int, str]]:
    """Yield (sample, piece of text) as symbols are drawn; a finished sample leaves the batch.

    What a guided codec's symbols mean may depend on the prompt's, so their samples come whole.
    """
    if samples < 1:
        raise UsageError(f"the number of samples must be at least 1, got {samples}")
    if isinstance(codec, Guided):
        for row, one in enumerate(_made(model, codec, prompt, samples, sampling or Sampling(), side)):
            yield row, beyond(codec, one.text, prompt, side)
        return
    decoders = [codec.decoder(side) for _ in range(samples)]
    for row, symbol in draw(model, codec, prompt, samples, sampling or Sampling(), side):
        if symbol != codec.boundary and (piece := decoders[row].push(symbol)):
            yield row, piece
    for row, decoder in enumerate(decoders):
        if piece := decoder.finish():
            yield row, piece


def beyond(codec: Codec, text: str, prompt: str, side: Side | None = None) -> str:
    """Return what follows the prompt in a text that begins with it, or with what it is read back as."""
    if text.startswith(prompt):
        return text.removeprefix(prompt)
    return text.removeprefix(codec.decode(beginning(codec, prompt, side), side))


def draw(
    model: LanguageModel,
    codec: Codec,
    prompt: str,
    samples: int,
    sampling: Sampling,
    side: Side | None = None,
) -> Iterator[tuple[int, int]]:
    """Yield (sample, symbol) in the order drawn; a sample ends with its boundary or at the limit.

    Where the codec guides, a sample at the limit ends as soon as it is valid data.
    """
    # a generator a sample, so that a sample does not depend on how many are drawn beside it
    generators = [np.random.default_rng([sampling.seed, sample]) for sample in range(samples)]
    running = list(range(samples))
    guides = _guides(codec, prompt, samples, side)
    state = after(model, codec, prompt, samples, side)
    for place in count():
        over = place >= sampling.max_symbols
        if over and not guides:
            return
        log_p_BV = model.predict(state)
        if guides:
            allowed_BV = _allowed([guides[sample] for sample in running], over)
            log_p_BV = np.where(allowed_BV, log_p_BV, -np.inf)
        p_BV = probabilities(log_p_BV, sampling)
        drawn = [choose(p_V, generators[sample]) for sample, p_V in zip(running, p_BV, strict=True)]
        yield from zip(running, drawn, strict=True)
        for sample, symbol in zip(running, drawn, strict=True) if guides else ():
            guides[sample].push(symbol)
        going = [row for row, symbol in enumerate(drawn) if symbol != codec.boundary]
        if not going:
            return
        if len(going) < len(running):
            running, drawn = [running[row] for row in going], [drawn[row] for row in going]
            state = states.select(state, going)
        state = model.advance(state, np.array(drawn, dtype=np.int32)[:, None])


def _guides(codec: Codec, prompt: str, samples: int, side: Side | None) -> list[Guide]:
    """Return a guide for each sample that has followed the prompt; none where the codec has none."""
    if not isinstance(codec, Guided):
        return []
    guides = [codec.guide(side) for _ in range(samples)]
    for symbol in beginning(codec, prompt, side).tolist():
        for guide in guides:
            guide.push(symbol)
    return guides


def _allowed(guides: Sequence[Guide], over: bool) -> NDArray[np.bool_]:
    """Return allowed_BV: what may follow, and where they are over, nothing but the end if that may."""
    allowed_BV = np.stack([guide.allowed() for guide in guides])
    if over:
        allowed_BV[:, :-1] &= ~allowed_BV[:, -1:]
    return allowed_BV


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


def choose(p_V: FloatArray, generator: np.random.Generator) -> int:
    """Return a symbol drawn by inverting the cumulative distribution; never one of probability 0."""
    cumulative_V = np.cumsum(p_V)
    return int(np.searchsorted(cumulative_V, generator.random() * cumulative_V[-1], side="right"))
