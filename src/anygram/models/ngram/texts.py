"""From the bytes of a short text to its log P, in one call of a kernel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _tokens
from anygram.compiled import kernel
from anygram.models.ngram.lookup import Directory
from anygram.models.ngram.scoring import score_row


@kernel
def score_text(directory: Directory, words: NDArray[np.int64], raw: Any) -> float:
    """Return log P in nats of the words of a text, given in UTF-8, and of the boundary after them.

    `words` is the directory of a `WordsCodec`; what it does not know is its symbol 0.
    """
    ids_S = _tokens.encode_between(words, raw)
    log_p_T, no_lengths = np.empty(len(ids_S) - 1, dtype=np.float64), np.empty(0, dtype=np.uint8)
    score_row(directory, ids_S, 1, log_p_T, no_lengths)
    total = 0.0
    for log_p in log_p_T:
        total += log_p
    return total
