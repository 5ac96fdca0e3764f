"""Context mixing: the predictions of many contexts, weighed by a network that learns as it reads.

A symbol is predicted bit by bit. For each bit every context (the last n symbols, the word, the field, what
stands above) has a slot that remembers what came there; gated logistic mixers weigh what the slots say and
learn from every bit, and what they agree on is refined once more. This is how the strongest compressors
predict (Mahoney, "Data Compression Explained", 2013; "Adaptive Weighing of Context Models for Lossless Data
Compression", 2005), and it is a language model like any other.

fixed       probabilities and logits in whole numbers
histories   bit histories: what was seen in a context, in one byte
contexts    a row's numbers, and the contexts hashed from them
choosing    which contexts for which data
tables      what is learnt
matching    the longest repetition
mixing      a bit predicted, and learnt
reading     symbols read, coded, predicted
soundness   whether stored tables can be used
explaining  the share of each context
model       the language model, and its reader
"""

from __future__ import annotations

from typing import Any

from anygram.budgets import Budget
from anygram.models.contextmix import choosing
from anygram.models.contextmix.model import Config, ContextMix, Reader
from anygram.protocols import Ids

CODEC = "bytes"
"""The codec where none is named: words, fields and lines are known of bytes alone."""

__all__ = ["CODEC", "Config", "ContextMix", "Reader", "create", "suggest"]


def create(config: Config, vocabulary_size: int, seed: int) -> ContextMix:
    """Return a model that has learnt nothing; there is no randomness for the seed to decide."""
    return ContextMix(config, vocabulary_size)


def suggest(
    sample_ids: Ids, symbols: int, vocabulary_size: int, budget: Budget
) -> tuple[Config, dict[str, Any]]:
    """Return the contexts that suit the sample; there is nothing to set for the learner."""
    kind, period = choosing.look(sample_ids, vocabulary_size)
    return Config(kind=kind, period=period), {}
