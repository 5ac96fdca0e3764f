"""States from which documents are read: after the start, and after what is given of each."""

from __future__ import annotations

from collections.abc import Sequence

from anygram.data.corpus import condition_of
from anygram.data.documents import Document
from anygram.evaluation import read_first
from anygram.protocols import Codec, Condition, LanguageModel, State


def conditions(
    model: LanguageModel, condition_codec: Codec | None, documents: Sequence[Document]
) -> Condition | None:
    """Return the symbols of what is given of each document; None where the model reads nothing before it."""
    codec = read_first(model, condition_codec)
    return None if codec is None else [condition_of(one, codec) for one in documents]


def start(model: LanguageModel, condition_codec: Codec | None, documents: Sequence[Document]) -> State:
    """Return the state before each document, a row each."""
    return model.start(len(documents), conditions(model, condition_codec, documents))
