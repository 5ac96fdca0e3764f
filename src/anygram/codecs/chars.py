"""Text as characters: those of the training part are symbols, unseen ones are spelled in bytes.

The vocabulary is the 256 bytes, the characters beyond ASCII by code point, and the boundary. An ASCII
character is its own byte, which is a symbol already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram.codecs._text import (
    BYTES,
    SpelledCodec,
    codes_of,
    join_batches,
    stored,
    text_of,
    to_bytes,
    utf8_lengths,
)
from anygram.errors import UsageError
from anygram.protocols import Encoded

_UNICODE = 0x110000
_ASCII = 0x80
_SURROGATES = slice(0xD800, 0xE000)
_BATCH = 1 << 20


@dataclass(frozen=True)
class Config:
    """Which characters of the training part become symbols; the others are spelled in bytes."""

    min_count: int = 1
    """Occurrences that a character beyond ASCII needs."""
    size: int | None = None
    """Most symbols in all, boundary included: the most frequent characters stay."""

    def __post_init__(self) -> None:
        if self.min_count < 1:
            raise UsageError(f"min_count must be at least 1, got {self.min_count}")
        if self.size is not None and self.size < len(BYTES) + 1:
            raise UsageError(f"size must be at least 257 (256 bytes and the boundary), got {self.size}")


class CharsCodec(SpelledCodec):
    """A symbol is a character, or a byte of one that is not in the vocabulary.

    >>> CharsCodec("é").encode("née ñ").ids
    array([110, 256, 101,  32, 195, 177], dtype=int32)
    """

    def __init__(self, characters: str) -> None:
        """`characters` are those beyond ASCII, each once."""
        super().__init__(BYTES + [character.encode() for character in characters])
        self._characters = characters
        # -1: not a symbol
        self._id_of_code = np.full(_UNICODE, -1, dtype=np.int32)
        self._id_of_code[:_ASCII] = np.arange(_ASCII)
        self._id_of_code[codes_of(characters)] = len(BYTES) + np.arange(len(characters))

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        raw = to_bytes(text)
        if text.isascii():
            return Encoded(
                np.frombuffer(raw, dtype=np.uint8).astype(np.int32), np.ones(len(raw), dtype=np.int64)
            )
        codes = codes_of(text)
        ids = self._id_of_code[codes]
        unseen = ids < 0
        if unseen.any():
            spelled = text_of(codes[unseen]).encode("utf-8", "surrogateescape")
            ids = np.repeat(ids, np.where(unseen, utf8_lengths(codes), 1))
            ids[ids < 0] = np.frombuffer(spelled, dtype=np.uint8)
        return Encoded(ids, self.lengths[ids])

    def to_json(self) -> dict[str, Any]:
        return {"characters": self._characters}


def fit(data: Iterable[str], config: Config) -> CharsCodec:
    """Return the codec whose symbols are the characters of the data, most frequent first where limited."""
    counts = np.zeros(_UNICODE, dtype=np.int64)
    for text in join_batches(data, _BATCH):
        counts += np.bincount(codes_of(text), minlength=_UNICODE)
    # an escaped byte is no character: it is always spelled as the byte it is
    counts[_SURROGATES] = 0
    counts[:_ASCII] = 0
    seen = np.flatnonzero(counts >= config.min_count)
    if config.size is not None:
        frequent = np.argsort(-counts[seen], kind="stable")[: config.size - len(BYTES) - 1]
        seen = np.sort(seen[frequent])
    return CharsCodec(text_of(seen))


def from_json(fields: Mapping[str, Any]) -> CharsCodec:
    """Return the codec that `to_json` described; RunError where it is damaged."""
    return CharsCodec(stored(fields, "characters", str))
