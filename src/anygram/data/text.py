"""Plain text as documents: lines, paragraphs or whole files.

The units of all documents of a file add up to its size: what is taken out between two documents
is the separator of the first. A line ends at \\n alone; the \\r of a \\r\\n belongs to the separator,
any other \\r is text.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from functools import partial
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from anygram import utf8
from anygram.compiled import kernel
from anygram.data.documents import Document, Lines
from anygram.errors import BadRecord
from anygram.protocols import Side, Texts
from anygram.threads import side_by_side

_READ_AT_ONCE = 1 << 23
_LONGEST_CHARACTER = 4  # bytes, in UTF-8


def lines(
    stream: BinaryIO, name: str, binary: bool, first: int = 1, offset: int = 0
) -> Iterator[Document | BadRecord]:
    """Yield a document a line; an empty line is an empty document.

    `first` is the first line's number, `offset` the number of bytes before it.
    """
    for number, line in enumerate(stream, first):
        text = _without_break(line)
        yield _document(text, len(line) - len(text), f"{name}:{number}", offset, binary)
        offset += len(line)


def lines_in_bulk(stream: BinaryIO, name: str, binary: bool) -> Iterator[Lines | Document | BadRecord]:
    """Yield what `lines` does, but some megabytes at once where they are text all through."""
    first, offset = 1, 0
    for block, split in side_by_side(partial(_split, binary=binary), _whole_lines(stream)):
        if split is not None:
            yield Lines(*split, name, first)
            first += len(split[1])
        else:
            yield from lines(io.BytesIO(block), name, binary, first, offset)
            first += block.count(b"\n")
        offset += len(block)


def _whole_lines(stream: BinaryIO) -> Iterator[bytes]:
    """Yield the stream in pieces that end with a newline, but for the last."""
    held: list[bytes] = []
    while piece := stream.read(_READ_AT_ONCE):
        end = piece.rfind(b"\n") + 1
        if end:
            yield b"".join([*held, memoryview(piece)[:end]])
            held = []
        held.append(piece[end:])
    if any(held):
        yield b"".join(held)


def _split(block: bytes, binary: bool) -> tuple[bytes, tuple[Texts, NDArray[np.int64]] | None]:
    """Return the block, and its lines' texts and separators; None in their place where it is no text."""
    bytes_N = np.frombuffer(block, dtype=np.uint8)
    if not binary and utf8.fault(bytes_N) != utf8.NOWHERE:
        return block, None
    count = block.count(b"\n") + (not block.endswith(b"\n"))
    texts_N = np.empty_like(bytes_N)
    ends_D, separators_D = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64)
    size = _split_lines(bytes_N, texts_N, ends_D, separators_D)
    return block, (Texts(texts_N[:size], ends_D), separators_D)


@kernel
def _split_lines(bytes_N: Any, texts_N: Any, ends_D: Any, separators_D: Any) -> Any:
    """Fill texts_N with the lines' texts, ends_D and separators_D; return how many bytes the texts have."""
    line = size = 0
    for place in range(len(bytes_N)):
        texts_N[size] = bytes_N[place]
        size += 1
        if bytes_N[place] == 0x0A:
            separator = 2 if place and bytes_N[place - 1] == 0x0D else 1
            size -= separator
            ends_D[line], separators_D[line] = size, separator
            line += 1
    if line < len(ends_D):
        ends_D[line], separators_D[line] = size, 0
    return size


def paragraphs(stream: BinaryIO, name: str, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield a document for each run of lines between blank ones (white space is blank).

    Blank lines before the first paragraph are counted in its separator. A file of blank lines alone
    is one empty document.
    """
    body: list[bytes] = []
    first = number = 1
    start = offset = removed = 0
    for number, line in enumerate(stream, 1):
        blank = not line.strip()
        if blank:
            removed += len(line)
        elif not body:
            start, first = offset, number
            body, leading, removed = [line], removed, 0
        elif removed:
            yield _paragraph(body, leading + removed, f"{name}:{first}", start, binary)
            start, first = offset, number
            body, leading, removed = [line], 0, 0
        else:
            body.append(line)
        offset += len(line)
    if body:
        yield _paragraph(body, leading + removed, f"{name}:{first}", start, binary)
    elif removed:
        yield Document("", removed, f"{name}:1")


def files(stream: BinaryIO, name: str, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield the whole stream as one document, nothing removed."""
    yield _document(stream.read(), 0, name, 0, binary)


def parted(raw: NDArray[Any], side: Side | None, offset: int) -> tuple[int, int]:
    """Return where the UTF-8 character that this byte is inside of begins and ends.

    The byte's own place for both where a character begins there, where no text is left or none is spelled.
    """
    if offset >= len(raw):
        return offset, offset
    for start in range(offset, max(-1, offset - _LONGEST_CHARACTER), -1):
        if raw[start] & 0xC0 != 0x80:  # not a continuation byte
            break
    else:
        start = offset
    if start == offset:
        return offset, offset
    following = np.flatnonzero(raw[offset : offset + _LONGEST_CHARACTER] & 0xC0 != 0x80)
    return start, offset + int(following[0]) if len(following) else len(raw)


def not_utf8(name: str, offset: int) -> BadRecord:
    """Return the error for a byte that is not UTF-8."""
    return BadRecord(f"{name}: not UTF-8 at byte {offset}; convert the file or use --codec bytes")


def _paragraph(body: list[bytes], removed: int, name: str, offset: int, binary: bool) -> Document | BadRecord:
    joined = b"".join(body)
    text = _without_break(joined)
    return _document(text, len(joined) - len(text) + removed, name, offset, binary)


def _without_break(line: bytes) -> bytes:
    if line.endswith(b"\r\n"):
        return line[:-2]
    return line.removesuffix(b"\n")


def _document(text: bytes, separator: int, name: str, offset: int, binary: bool) -> Document | BadRecord:
    try:
        decoded = text.decode("utf-8", "surrogateescape" if binary else "strict")
    except UnicodeDecodeError as error:
        return not_utf8(name, offset + error.start)
    return Document(decoded, separator, name)
