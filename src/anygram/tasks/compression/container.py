"""The file format: a header, blocks, a checksum. Numbers are LEB128: seven bits a byte, the lowest first.

    magic 3 · version 1 · method 1
      alone, adaptive:  settings (a number and that many bytes of text)
      static, adaptive: fingerprint of the run 8 · circumstances (a number and that many bytes of JSON)
    for each block, the last one marked
      4 · count + 2 · stored + last
      stored:           count bytes as they were
      else:             rows (static alone), size of the code, the code
    checksum 8, without a run 4

The checksum is BLAKE2b of the header and of the original bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import BinaryIO, Protocol

from anygram.errors import DataError

MAGIC = b"\xe1ng"
"""No text begins so: it is not UTF-8."""
VERSION = 1
FINGERPRINT_BYTES = 8
MOST_OF_A_BLOCK = 1 << 24
"""Blocks have no more symbols, or stored bytes: what claims more is damaged."""

MOST_ROWS = 1 << 12
"""Blocks have no more rows: a damaged number must not ask for all memory there is."""

_MOST_SETTINGS = 1 << 16
_BYTES_OF_A_SYMBOL, _BYTES_OF_AN_END = 5, 16
_STORED, _LAST = 2, 1


class Method(IntEnum):
    """What both ends learn from: nothing but the file, a run, or a run that goes on learning."""

    ALONE = 0
    STATIC = 1
    ADAPTIVE = 2


class Digest(Protocol):
    """What hashlib's objects are."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


@dataclass(frozen=True)
class Header:
    """How a file was made: `settings` of the model or of its way to learn, the others of a run."""

    method: Method
    settings: str = ""
    fingerprint: bytes = b""
    circumstances: str = ""

    def to_bytes(self) -> bytes:
        """Return the header as it stands in the file."""
        fixed = MAGIC + bytes([VERSION, self.method])
        settings = b"" if self.method == Method.STATIC else _text(self.settings)
        run = b"" if self.method == Method.ALONE else self.fingerprint + _text(self.circumstances)
        return fixed + settings + run

    def checksum(self) -> Digest:
        """Return the checksum that has the header already.

        Four bytes do without a run: a damaged code gives other bytes with any checksum one time in 2^32.
        """
        digest = hashlib.blake2b(digest_size=4 if self.method == Method.ALONE else 8)
        digest.update(self.to_bytes())
        return digest


@dataclass(frozen=True)
class Block:
    """`count` symbols as a code in so many rows, or, stored, `count` bytes as they are."""

    count: int
    code: bytes
    rows: int = 1
    stored: bool = False


def pack(block: Block, method: Method, last: bool) -> bytes:
    """Return a block as it stands in the file."""
    head = number_to_bytes(4 * block.count + _STORED * block.stored + _LAST * last)
    if block.stored:
        return head + block.code
    rows = number_to_bytes(block.rows) if method == Method.STATIC else b""
    return head + rows + number_to_bytes(len(block.code)) + block.code


def number_to_bytes(number: int) -> bytes:
    """Return a whole number from 0 on as LEB128.

    >>> number_to_bytes(300)
    b'\\xac\\x02'
    """
    taken = []
    while number > 127:
        taken.append(number & 127 | 128)
        number >>= 7
    return bytes([*taken, number])


class Source:
    """A compressed file being read; DataError in one line where it is none, is cut or damaged."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name
        self.bytes_read = 0
        self.header = self._read_header()

    def damaged(self) -> DataError:
        """Return the error for what no compressor has written."""
        return DataError(f"{self._name}: the compressed data are damaged; fetch or make the file again")

    def blocks(self) -> Iterator[Block]:
        """Yield all blocks."""
        last = False
        while not last:
            head = self._number()
            last, stored, count = bool(head & _LAST), bool(head & _STORED), head >> 2
            if count > MOST_OF_A_BLOCK:
                raise self.damaged()
            yield Block(count, self._take(count), stored=True) if stored else self._coded(count)

    def finish(self, checksum: Digest) -> None:
        """Read the checksum and compare; nothing may come after it."""
        expected = checksum.digest()
        if self._take(len(expected)) != expected:
            raise self.damaged()
        if self._read(1):
            raise DataError(f"{self._name}: bytes follow the end of the compressed data; remove them")

    def _coded(self, count: int) -> Block:
        rows = self._number() if self.header.method == Method.STATIC else 1
        size = self._number()
        if (
            not 1 <= rows <= min(MOST_ROWS, max(1, count))
            or size > _BYTES_OF_A_SYMBOL * count + _BYTES_OF_AN_END
        ):
            raise self.damaged()
        return Block(count, self._take(size), rows)

    def _read_header(self) -> Header:
        if self._read(len(MAGIC)) != MAGIC:
            raise DataError(f"{self._name} is not a file that anygram compress wrote; check the path")
        version, method = self._take(2)
        if version != VERSION:
            raise DataError(
                f"{self._name} has format {version}, this anygram reads format {VERSION}; "
                "install the anygram that wrote it"
            )
        if method not in list(Method):
            raise self.damaged()
        settings = "" if method == Method.STATIC else self._text()
        if method == Method.ALONE:
            return Header(Method.ALONE, settings)
        return Header(Method(method), settings, self._take(FINGERPRINT_BYTES), self._text())

    def _text(self) -> str:
        size = self._number()
        if size > _MOST_SETTINGS:
            raise self.damaged()
        try:
            return self._take(size).decode("utf-8")
        except UnicodeDecodeError:
            raise self.damaged() from None

    def _number(self) -> int:
        number = 0
        for shift in range(0, 63, 7):
            byte = self._take(1)[0]
            number |= (byte & 127) << shift
            if byte < 128:
                return number
        raise self.damaged()

    def _take(self, size: int) -> bytes:
        taken = self._read(size)
        if len(taken) < size:
            raise DataError(f"{self._name}: the compressed data end too early; fetch the whole file again")
        return taken

    def _read(self, size: int) -> bytes:
        try:
            taken = self._stream.read(size)
        except OSError as error:
            raise unreadable(self._name, error) from error
        self.bytes_read += len(taken)
        return taken


def unreadable(name: str, error: OSError) -> DataError:
    """Return in one line what the operating system says of reading a file."""
    return DataError(
        f"{name}: cannot be read ({error.strerror or error}); check the path and its permissions"
    )


def _text(text: str) -> bytes:
    raw = text.encode("utf-8")
    return number_to_bytes(len(raw)) + raw
