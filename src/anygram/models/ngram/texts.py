"""From the bytes of a short text to its log P, with no array in between: one call of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _tokens
from anygram.compiled import address, kernel
from anygram.models.ngram.lookup import Directory, read


@kernel
def score_text(directory: Directory, words: NDArray[np.int64], raw: Any) -> float:
    """Return log P in nats of the words of a text, given in UTF-8, and of the boundary after them.

    `words` is the directory of a `WordsCodec`; what it does not know is its symbol 0.
    """
    order = len(directory)
    first, last = np.zeros(order, dtype=np.int64), np.zeros(order, dtype=np.int64)
    gamma = np.zeros(order, dtype=np.float64)
    boundary = words[_tokens.BOUNDARY]
    read(directory, boundary, first, last, gamma)
    total, place = 0.0, address(raw)
    end = place + len(raw)
    while True:
        place, symbol = _tokens.next_symbol(words, place, end)
        if symbol == _tokens.NONE:
            return total + read(directory, boundary, first, last, gamma)
        total += read(directory, symbol, first, last, gamma)
