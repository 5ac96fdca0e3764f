"""N-grams of any order, with interpolated modified Kneser-Ney or another smoothing.

counting    the text's n-grams as a prefix trie, and their counts
smoothing   counts to probabilities, by what discounting takes and backing_off gives
pruning     leaving n-grams out
tables      probabilities to log P of a symbol or of all; what is stored
lookup      tables asked, in kernels
listing     all their n-grams, in order
shorter     what a table's n-grams fall back on
ranking     how many symbols were likelier
compact     tables in fewer bytes
model       the language model over them
building    a model of n-grams that are given
arranging   these in the trie's order
"""

from __future__ import annotations

from typing import Any

import numpy as np

from anygram.budgets import Budget
from anygram.models.ngram.building import WrongNGram, from_ngrams
from anygram.models.ngram.model import Config, NGram
from anygram.protocols import Ids
from anygram.spaces import Shift, Space

__all__ = ["Config", "NGram", "WrongNGram", "create", "from_ngrams", "search_space", "suggest"]


def create(config: Config, vocabulary_size: int, seed: int) -> NGram:
    """Return an untrained model; there is no randomness for the seed to decide."""
    return NGram(config, vocabulary_size)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return the order that suits this much data; there is nothing to set for the learner.

    Measured on the last part of training texts (plays, encyclopedia, docstrings, poems). Characters
    and bytes: best order 6 at 100 thousand symbols, 7 at 900 thousand to 9 at 11 million, repetitive
    texts one or two more (bits per byte at 930 thousand characters of plays by order: 5 2.209,
    6 2.157, 7 2.152, 8 2.159). Words and large subword vocabularies: nothing worth its memory beyond
    order 5 (encyclopedia, 2 million words: order 4 0.14 % worse than 5, order 7 0.04 % better);
    vocabularies near a thousand: order 6. Too high an order costs little beside too low a one.
    """
    if vocabulary_size > 512:
        return Config(order=6 if vocabulary_size <= 2000 else 5), {}
    order = round(1.25 * np.log10(max(symbols, 1)) - 0.1)
    return Config(order=int(np.clip(order, 3, 10))), {}


def search_space() -> Space:
    """Return what a search may change of what is suggested: the order.

    Not the smoothing: of Kneser-Ney, Witten-Bell and absolute discounting the first was best at every order
    from 4 to 9 (plays and docstrings, bytes and byte pairs), by 7 % of the bits or more at the best orders.
    """
    return {"order": Shift(-2, 4, step=1, least=1, most=16)}
