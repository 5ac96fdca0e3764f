"""States from which documents are read: after the start, and after what is given of each."""

from __future__ import annotations

from collections.abc import Sequence

from anygram.data.corpus import condition_of
from anygram.data.documents import Document
from anygram.protocols import Codec, Condition, LanguageModel, State


def conditions(condition_codec: Codec | None, documents: Sequence[Document]) -> Condition | None:
    """Return the symbols of what is given of each document; None where the run was told of nothing."""
    if condition_codec is None:
        return None
    return [condition_of(one, condition_codec) for one in documents]


def start(model: LanguageModel, condition_codec: Codec | None, documents: Sequence[Document]) -> State:
    """Return the state before each document, a row each."""
    return model.start(len(documents), conditions(condition_codec, documents))
