"""Text as its UTF-8 bytes: 256 symbols, nothing to fit, every file in the world accepted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram.codecs._text import BYTES, SpelledCodec, to_bytes
from anygram.protocols import Encoded


@dataclass(frozen=True)
class Config:
    """Bytes have no settings."""


class BytesCodec(SpelledCodec):
    """A symbol is a byte and its id the byte's value.

    >>> BytesCodec().encode("né").ids
    array([110, 195, 169], dtype=int32)
    """

    def __init__(self) -> None:
        super().__init__(BYTES)

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        ids = np.frombuffer(to_bytes(text), dtype=np.uint8).astype(np.int32)
        return Encoded(ids, np.ones(len(ids), dtype=np.int64))

    def to_json(self) -> dict[str, Any]:
        return {}


def fit(data: Iterable[str], config: Config) -> BytesCodec:
    """Return the codec; the data are not read."""
    return BytesCodec()


def from_json(fields: Mapping[str, Any]) -> BytesCodec:
    """Return the codec that `to_json` described."""
    return BytesCodec()
