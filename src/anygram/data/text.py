"""Plain text as documents: lines, paragraphs or whole files.

The units of all documents of a file add up to its size: what is taken out between two documents
is the separator of the first. A line ends at \\n alone; the \\r of a \\r\\n belongs to the separator,
any other \\r is text.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from anygram.data.documents import Document
from anygram.errors import BadRecord


def lines(stream: BinaryIO, name: str, binary: bool) -> Iterator[Document | BadRecord]:
    """Yield a document a line; an empty line is an empty document."""
    offset = 0
    for number, line in enumerate(stream, 1):
        text = _without_break(line)
        yield _document(text, len(line) - len(text), f"{name}:{number}", offset, binary)
        offset += len(line)


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


def not_utf8(name: str, offset: int) -> BadRecord:
    """Return the error for a byte that is not UTF-8."""
    return BadRecord(
        f"{name}: not UTF-8 at byte {offset}; convert the file, use --codec bytes, "
        "or pass --on-bad-record skip"
    )


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
