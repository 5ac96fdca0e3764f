"""From the bytes of texts to their log P, in one call of a kernel.

Axes: N bytes or symbols of all texts, D texts, S = N + 1 symbols that begin with a boundary.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _lexicon
from anygram.codecs._lexicon import BOUNDARY, Lexicon
from anygram.compiled import array_at, kernel, load_64, pointer, specialised
from anygram.models.ngram.lookup import Directory
from anygram.models.ngram.scoring import score_all, score_row
from anygram.models.ngram.tables import COLUMNS
from anygram.protocols import FloatArray, Texts, TextScorer


def text_scorer(directory: Directory, lexicon: Lexicon) -> TextScorer:
    """Return what scores texts by the tables of a directory and these words; it keeps neither alive."""
    words = lexicon.directory
    # all that a call needs behind one address: arrays, and more numbers, take a call longer
    places = np.zeros((1 + len(directory), COLUMNS), dtype=np.int64)
    places[0, : len(words)], places[0, -1], places[1:] = words, len(places), directory
    given = places.ctypes.data
    one = partial(specialised(_score_text, given, b""), given)

    def many(texts: Texts) -> FloatArray:
        log_p_D = np.empty(len(texts))
        _score_texts(places[1:], places[0], texts.bytes_N, texts.ends_D, log_p_D)
        return log_p_D

    return TextScorer(one, many)


@kernel
def _score_text(address: int, raw: Any) -> float:
    rows = np.int64(load_64(address + 8 * (COLUMNS - 1)))
    places = array_at(pointer(address), (rows, COLUMNS), np.int64)
    return score_all(places[1:], _lexicon.encode_between(places[0], raw))


@kernel
def _score_texts(
    directory: Directory, words: NDArray[np.int64], bytes_N: Any, ends_D: Any, log_p_D: FloatArray
) -> None:
    ids_S = np.empty(1 + len(bytes_N) + len(ends_D), dtype=np.int32)  # pages that stay unused cost nothing
    lengths_D, no_units = np.empty(len(ends_D), dtype=np.int64), np.empty(0, dtype=np.int64)
    ids_S[0] = words[BOUNDARY]
    symbols = _lexicon.encode_into(words, bytes_N, ends_D, True, ids_S[1:], no_units, lengths_D)
    log_p_N, no_lengths = np.empty(symbols, dtype=np.float64), np.empty(0, dtype=np.uint8)
    score_row(directory, ids_S[: 1 + symbols], 1, log_p_N, no_lengths)
    place = 0
    for text in range(len(lengths_D)):
        total = 0.0
        for log_p in log_p_N[place : place + lengths_D[text]]:
            total += log_p
        log_p_D[text], place = total, place + lengths_D[text]
