"""What the text codecs share: text as bytes and back, at once or symbol by symbol.

Bytes that are not UTF-8 travel in `str` as surrogate escapes (PEP 383), so that every file is a text
and every text comes from exactly one sequence of bytes.
"""

from __future__ import annotations

import codecs
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError, RunError, UsageError
from anygram.protocols import Decoder, Encoded, Ids, InBlocks, Texts
from anygram.utf8 import holds_text

T = TypeVar("T")

# symbols spelled at once: small enough for the processor's cache
_BLOCK = 1 << 14
_BYTES_OF_A_BLOCK = 1 << 20

BYTES = [bytes([byte]) for byte in range(256)]
"""The spellings of the 256 byte symbols; codecs that spell in bytes begin their vocabulary with them."""


def to_bytes(text: str) -> bytes:
    """Return the bytes that this text was decoded from; DataError where no bytes decode to it.

    >>> to_bytes("é\\udcff")
    b'\\xc3\\xa9\\xff'
    """
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        return _escaped_to_bytes(text)


def _escaped_to_bytes(text: str) -> bytes:
    try:
        raw = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        raise DataError(
            f"character {error.start} is the lone surrogate U+{code:04X}, which no bytes decode to; remove it"
        ) from None
    # escapes side by side may spell a character; read back they would be that character
    if to_text(raw) != text:
        raise DataError(
            "the text holds surrogate escapes that spell valid UTF-8, which no bytes decode to; "
            "join its bytes first and decode them with errors='surrogateescape'"
        )
    return raw


def to_text(raw: bytes) -> str:
    """Return these bytes as text; what is not UTF-8 becomes surrogate escapes."""
    return raw.decode("utf-8", "surrogateescape")


def to_utf8(text: str, codec: str) -> bytes:
    """Return the text as UTF-8, for a codec that carries nothing else; DataError at what is no character."""
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as error:
        to_bytes(text)
        byte = ord(text[error.start]) - 0xDC00
        raise DataError(
            f"character {error.start} is the byte 0x{byte:02X}, not UTF-8, "
            f"which the codec '{codec}' cannot carry; use --codec bytes"
        ) from None


def refuse_escapes(texts: Texts, codec: str) -> None:
    """Raise what `to_utf8` raises of the first of these texts that it refuses."""
    if not holds_text(texts):
        for text in range(len(texts)):
            to_utf8(to_text(texts.raw(text)), codec)


def in_blocks(data: Iterable[str], codec: str) -> Iterator[Texts]:
    """Yield the texts many at a time, as UTF-8; DataError at what is no character."""
    if isinstance(data, InBlocks):
        for block in data.blocks():
            refuse_escapes(block, codec)
            yield block
        return
    held: list[bytes] = []
    size = 0
    for text in data:
        held.append(to_utf8(text, codec))
        size += len(held[-1])
        if size >= _BYTES_OF_A_BLOCK:
            yield Texts.of(held)
            held, size = [], 0
    yield Texts.of(held)


def readable(spelling: bytes) -> str:
    """Return bytes as a person reads them on one line: printable text as itself, other bytes in hex.

    >>> readable(" né\\n".encode()), readable(b"\\xe4")
    (' né\\\\n', '<0xE4>')
    """
    try:
        text = spelling.decode("utf-8")
    except UnicodeDecodeError:
        return "".join(f"<0x{byte:02X}>" for byte in spelling)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def codes_of(text: str) -> NDArray[np.uint32]:
    """Return the code points of a text."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def text_of(codes: NDArray[Any]) -> str:
    """Return the text of these code points."""
    return codes.astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def utf8_lengths(codes: NDArray[np.uint32]) -> NDArray[np.int64]:
    """Return the bytes of each code point in UTF-8 (RFC 3629); an escape is the one byte it stands for."""
    lengths = 1 + (codes >= 0x80).astype(np.int64) + (codes >= 0x800) + (codes >= 0x10000)
    lengths[(codes >= 0xDC80) & (codes <= 0xDCFF)] = 1
    return lengths


def join_batches(data: Iterable[str], characters: int) -> Iterator[str]:
    """Yield the documents strung together, at least so many characters at a time (the last may be less)."""
    held: list[str] = []
    size = 0
    for text in data:
        held.append(text)
        size += len(text)
        if size >= characters:
            yield "".join(held)
            held, size = [], 0
    if held:
        yield "".join(held)


def check_range(ids: Ids, boundary: int) -> None:
    """Raise UsageError unless every id lies below the boundary."""
    if ids.size and not (ids.min() >= 0 and ids.max() < boundary):
        wrong = ids[(ids < 0) | (ids >= boundary)][0]
        raise UsageError(
            f"symbol {wrong} cannot be decoded: ids run from 0 to {boundary - 1}; drop the boundary"
        )


def stored(fields: Mapping[str, Any], key: str, kind: type[T]) -> T:
    """Return a field of a stored codec; RunError where it is missing or of another type."""
    value = fields.get(key)
    if not isinstance(value, kind):
        raise RunError(f"codec.json has no usable '{key}' ({kind.__name__}); restore it or train again")
    return value


class _Utf8Decoder:
    """Decodes as symbols arrive; holds back the bytes of a character that is not whole yet."""

    def __init__(self, spellings: Sequence[bytes]) -> None:
        self._spellings = spellings
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def push(self, symbol: int) -> str:
        check_range(np.array([symbol], dtype=np.int32), len(self._spellings))
        return self._utf8.decode(self._spellings[symbol])

    def finish(self) -> str:
        return self._utf8.decode(b"", final=True)


class SpelledCodec(ABC):
    """A lossless codec: every symbol below the boundary stands for bytes of its own.

    Any ids decode: their bytes are joined and read as UTF-8, what is not UTF-8 as surrogate escapes.
    """

    unit = "byte"
    lossless = True
    unknown: int | None = None

    def __init__(self, spellings: Sequence[bytes]) -> None:
        """`spellings` are the bytes of each symbol, by id; the boundary comes after them."""
        self.spellings = list(spellings)
        self.lengths = np.array([len(spelling) for spelling in spellings], dtype=np.int64)
        self._bytes = np.frombuffer(b"".join(spellings), dtype=np.uint8)
        self._starts = np.cumsum(self.lengths) - self.lengths

    @property
    def vocabulary_size(self) -> int:
        return len(self.spellings) + 1

    @property
    def boundary(self) -> int:
        return len(self.spellings)

    @abstractmethod
    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        """Return the text's symbols and the UTF-8 bytes that each covers; DataError where it is refused."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` needs."""

    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        """Return the text of these symbols; UsageError for the boundary and beyond."""
        ids = np.asarray(ids)
        check_range(ids, self.boundary)
        return to_text(b"".join(self._spell(ids[i : i + _BLOCK]) for i in range(0, len(ids), _BLOCK)))

    def _spell(self, ids: Ids) -> bytes:
        lengths = self.lengths[ids]
        # byte j of the text is byte j − (bytes before its symbol) of the symbol's spelling
        shifts = self._starts[ids] - (np.cumsum(lengths) - lengths)
        spelled: bytes = self._bytes[np.repeat(shifts, lengths) + np.arange(lengths.sum())].tobytes()
        return spelled

    def decoder(self, side: Mapping[str, Any] | None = None) -> Decoder:
        return _Utf8Decoder(self.spellings)

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it, on one line."""
        return (
            "<boundary>"
            if identifier == self.boundary
            else readable(self.spellings[identifier]) or "<unused>"
        )
