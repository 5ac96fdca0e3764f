"""One passage of the test part, the same for every model, piece by piece with its surprisal; and samples.

Axes: C characters of a document, T symbols and N bytes of it, P pieces.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import information
from anygram.codecs._text import codes_of, utf8_lengths
from anygram.comparison import bytecosts
from anygram.comparison.stretches import typical_length
from anygram.data import pictures
from anygram.evaluation import Surprisal
from anygram.protocols import Codec, Guided, LanguageModel, Side
from anygram.tasks import generation
from anygram.tasks.generation import Sampling

PASSAGE_BYTES = 400
SAMPLES, SAMPLE_SYMBOLS = 3, 300
DRAWINGS, MOST_VALUES = 12, 1 << 12

_LONG = 3
"""A document is long that is three times as long as the passage."""
_SHORT_SAMPLE, _SHORT_ONES = 100, 6


def passage(scored: Sequence[Surprisal], seed: int = 0, size: int = PASSAGE_BYTES) -> list[dict[str, Any]]:
    """Return about `size` bytes as pieces of text and their bits; whatever the codec, they join to one text.

    It is from the second quarter of a long document of middle length, all of which is told to the model from
    its start; where most documents are short, it is several of them, each of which ends with a newline that
    costs what its boundary does. A piece is a symbol, or several where they are parts of one character; of a
    symbol that straddles an end of the passage, the bytes inside count.
    """
    generator = np.random.default_rng(seed)
    bytes_D = np.array([len(one.document.to_bytes()) for one in scored])
    if typical_length(bytes_D) < _LONG * size:
        return _of_several(scored, int(generator.integers(len(scored) // 4, len(scored) // 2 + 1)), size)
    long = [int(d) for d in np.argsort(bytes_D, kind="stable") if bytes_D[d] >= _LONG * size]
    middle = long[len(long) // 2]
    latest = int(bytes_D[middle]) - size
    return _pieces(scored[middle], int(generator.integers(latest // 4, latest // 2 + 1)), size)


def _of_several(scored: Sequence[Surprisal], first: int, size: int) -> list[dict[str, Any]]:
    pieces: list[dict[str, Any]] = []
    for one in scored[min(first, len(scored) - 1) :]:
        length = len(one.document.to_bytes())
        pieces += _pieces(one, 0, min(size, length))
        if length >= size:
            break
        pieces.append({"text": "\n", "bits": information.bits(float(one.nats_T[-1]))})
        size -= length + 1
    return pieces


def _pieces(one: Surprisal, place: int, size: int) -> list[dict[str, Any]]:
    """Return the characters between two places of a document, each at the last one's beginning before it."""
    ends_C = utf8_lengths(codes_of(one.document.text)).cumsum()
    edges_C = np.append(0, ends_C)
    begin = _at_most(edges_C, place)
    end = _at_most(edges_C, begin + size)
    cuts_P = np.intersect1d(one.units_T[:-1].cumsum(), ends_C)
    cuts = [begin, *cuts_P[(cuts_P > begin) & (cuts_P < end)].tolist(), end]
    raw, nats_N = one.document.to_bytes(), bytecosts.of([one]).nats_N
    return [
        {"text": shown(raw[first:last]), "bits": information.bits(float(nats_N[first:last].sum()))}
        for first, last in pairwise(cuts)
        if last > first
    ]


def _at_most(edges_C: NDArray[np.int64], place: int) -> int:
    return int(edges_C[np.searchsorted(edges_C, place, side="right") - 1])


def samples(model: LanguageModel, codec: Codec, seed: int = 0) -> list[str]:
    """Return a few texts that the model writes from a document's start, each at most 300 symbols.

    Where its documents are short, each is several of them, a line each.
    """
    sampling = Sampling(max_symbols=SAMPLE_SYMBOLS, seed=seed)
    drawn = generation.generate(model, codec, samples=SAMPLES, sampling=sampling)
    if max(map(len, drawn)) < _SHORT_SAMPLE:
        many = generation.generate(model, codec, samples=SAMPLES * _SHORT_ONES, sampling=sampling)
        drawn = ["\n".join(many[sample::SAMPLES]) for sample in range(SAMPLES)]
    return [shown(text.encode("utf-8", "surrogateescape")) for text in drawn]


def drawings(model: LanguageModel, codec: Codec, seed: int = 0) -> list[str]:
    """Return a few pictures that the model makes, each as a PNG in base64.

    They have the size that is usual in the training part; there are none where that has more than 4,096
    values, of which each takes a prediction, and none by a codec that does not know what a picture is.
    """
    if not isinstance(codec, Guided) or _values(codec.guide().side) > MOST_VALUES:
        return []
    made = generation.make(model, codec, samples=DRAWINGS, sampling=Sampling(seed=seed))
    return [base64.b64encode(pictures.png(one.text, one.side)).decode() for one in made if one.side]


def _values(side: Side | None) -> int:
    return 0 if side is None else math.prod(side[name] for name in ("width", "height", "channels"))


def shown(raw: bytes) -> str:
    """Return bytes as text that can be written anywhere: what is not UTF-8 shows as U+FFFD."""
    return raw.decode("utf-8", "replace")
