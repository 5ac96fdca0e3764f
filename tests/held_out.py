"""Scored documents for tests: a codec of three letters, and documents that cost whatever a test wants."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from anygram.codecs._text import SpelledCodec
from anygram.comparison.notes import Notes
from anygram.data.documents import Document
from anygram.evaluation import Surprisal, surprisals
from anygram.protocols import Codec, Encoded, LanguageModel

LETTERS = "ab "


class LettersCodec(SpelledCodec):
    """Texts of these three letters, a symbol each. Right."""

    def __init__(self) -> None:
        super().__init__([letter.encode() for letter in LETTERS])

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        ids = np.array([LETTERS.index(letter) for letter in text], dtype=np.int32)
        return Encoded(ids, np.ones(len(ids), dtype=np.int64))

    def to_json(self) -> dict[str, Any]:
        return {}


def documents(lengths: Sequence[int], seed: int = 0) -> list[Document]:
    """Return random texts of these lengths, with a separator after each but the last."""
    generator = np.random.default_rng(seed)
    texts = ["".join(generator.choice(list(LETTERS), length)) for length in lengths]
    last = len(texts) - 1
    return [Document(text, int(place < last), f"text:{place}") for place, text in enumerate(texts)]


def scored_by(model: LanguageModel, codec: Codec, test: Sequence[Document]) -> list[Surprisal]:
    """Return the documents scored by the one evaluation, in order."""
    return sorted(surprisals(model, codec, test), key=lambda one: one.index)


def noted(codec: Codec, scored: Sequence[Surprisal], test: Sequence[Document]) -> Notes:
    """Return what a comparison notes of a test part that was scored so."""
    notes = Notes(codec, test)
    for one in scored:
        notes.take(one)
    return notes


def scored_at_random(codec: Codec, test: Sequence[Document], seed: int = 0) -> list[Surprisal]:
    """Return the documents as a model might have scored them whose surprisals are drawn at random."""
    generator = np.random.default_rng(seed)
    scored = []
    for index, document in enumerate(test):
        encoded = codec.encode(document.text)
        ids_T = np.append(encoded.ids, codec.boundary).astype(np.int32)
        units_T = np.append(encoded.units, document.separator)
        scored.append(
            Surprisal(
                index, document, ids_T, units_T, document.units, generator.exponential(2.0, len(ids_T)), None
            )
        )
    return scored
