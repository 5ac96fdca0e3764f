"""A stream of bytes as pieces of text, and their symbols where these bring every byte back.

Bytes that are not UTF-8 travel in text as surrogate escapes (PEP 383).
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import BinaryIO

from anygram.errors import DataError, UsageError
from anygram.protocols import Codec, Ids
from anygram.tasks.compression.container import unreadable

_STRAY = re.compile("[\udc80-\udcff]+(?:[^\udc80-\udcff]{0,63}[\udc80-\udcff]+)*")
"""Bytes that are no text, with what little text stands between them: blocks of their own cost more."""


def texts(stream: BinaryIO, size: int, name: str) -> Iterator[str]:
    """Yield the stream as text, about `size` bytes at a time, no character cut; DataError if unreadable."""
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    while True:
        try:
            raw = stream.read(size)
        except OSError as error:
            raise unreadable(name, error) from error
        if text := decoder.decode(raw, final=not raw):
            yield text
        if not raw:
            return


def pieces(text: str, codec: Codec) -> Iterator[tuple[str, Ids | None]]:
    """Yield the text in one piece or several, each with its symbols, None where the codec has none for it."""
    ids = symbols_of(text, codec)
    if ids is not None:
        yield text, ids
        return
    place = 0
    for stray in _STRAY.finditer(text):
        if stray.start() > place:
            yield _with_symbols(text[place : stray.start()], codec)
        yield stray.group(), None
        place = stray.end()
    if place < len(text):
        yield _with_symbols(text[place:], codec)


def symbols_of(text: str, codec: Codec) -> Ids | None:
    """Return the text's symbols, None where the codec refuses it or would not bring it back."""
    try:
        ids = codec.encode(text).ids
        return ids if codec.decode(ids) == text else None
    except (DataError, UsageError):
        return None


def to_bytes(text: str) -> bytes:
    """Return the bytes that the text was decoded from."""
    return text.encode("utf-8", "surrogateescape")


def _with_symbols(text: str, codec: Codec) -> tuple[str, Ids | None]:
    return text, symbols_of(text, codec)
