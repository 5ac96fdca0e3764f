"""Files coded by a model's predictions, and decoded to the same bytes.

Shannon (1948): a symbol of probability p needs −log2 p bits; a range coder spends hardly more.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import BinaryIO

from anygram import storage
from anygram.errors import AnygramError, UsageError
from anygram.protocols import Ids
from anygram.reporting.progress import Progress
from anygram.runs import StoredRun
from anygram.tasks.compression import circumstances
from anygram.tasks.compression.container import Block, Digest, Source, pack, unreadable
from anygram.tasks.compression.ends import End, other_end
from anygram.tasks.compression.figures import Compressed, Decompressed, Meter, Sums
from anygram.tasks.compression.symbols import pieces, symbols_of, texts, to_bytes

STDIN = "-"
_SAMPLE = 1 << 16


def compress(file: str, out: Path, end: End, progress: Progress) -> Compressed:
    """Write a file's bytes as codes; on any failure nothing is written.

    No more of the file than a block is in memory. DataError where it cannot be read.
    """
    sums, method = Sums(), end.header.method
    with opened(file) as stream, storage.replacing(out) as temporary, temporary.open("wb") as target:
        target.write(end.header.to_bytes())
        checksum = end.header.checksum()
        meter = Meter("compressing", _size(file), progress)
        for block, last in _marking_last(_coded(stream, file, end, checksum, sums, meter)):
            target.write(pack(block, method, last))
        target.write(checksum.digest())
        return sums.result(target.tell())


def decompress(
    file: str, out: Path, run: StoredRun | None, run_name: str, progress: Progress
) -> Decompressed:
    """Write the bytes that were compressed; on any failure nothing is written.

    UsageError where the run is missing or not wanted, RunError where it is another one or its predictions
    might be others here, DataError where the file is none of `compress`, is cut or damaged.
    """
    with opened(file) as stream:
        source = Source(stream, file)
        end = other_end(source.header, run, run_name, file)
        checksum = source.header.checksum()
        meter = Meter("decompressing", _size(file), progress)
        with (
            circumstances.recreated(source.header.circumstances, file),
            storage.replacing(out) as temporary,
            temporary.open("wb") as target,
        ):
            for block in source.blocks():
                raw = _decoded(block, end, source, meter)
                checksum.update(raw)
                target.write(raw)
                meter.add(len(block.code))
            source.finish(checksum)
            return Decompressed(source.bytes_read, target.tell(), meter.seconds)


def opened(file: str) -> AbstractContextManager[BinaryIO]:
    """Return a file, or standard input for -, as a stream of bytes; DataError where it cannot be read."""
    if file == STDIN:
        return nullcontext(sys.stdin.buffer)
    if Path(file).is_dir():
        raise UsageError(f"{file} is a folder; name a file")
    try:
        return Path(file).open("rb")
    except OSError as error:
        raise unreadable(file, error) from error


def sample(file: str) -> bytes:
    """Return how a file begins; nothing of standard input, which can be read only once."""
    if file == STDIN:
        return b""
    with opened(file) as stream:
        return stream.read(_SAMPLE)


def _size(file: str) -> int | None:
    """Return how many bytes there are to read, None where nobody knows."""
    return None if file == STDIN else Path(file).stat().st_size or None


def check_out(out: Path) -> None:
    """Raise where no file can be written, before it is worked for."""
    if out.is_dir():
        raise UsageError(f"--out {out} is a folder; name a file")
    storage.require_writable(out)


def _coded(
    stream: BinaryIO, file: str, end: End, checksum: Digest, sums: Sums, meter: Meter
) -> Iterator[Block]:
    for text in texts(stream, end.block_bytes, file):
        for piece, ids in pieces(text, end.codec):
            raw = to_bytes(piece)
            checksum.update(raw)
            yield _block(raw, ids, end, sums, meter)
            meter.add(len(raw))


def _block(raw: bytes, ids: Ids | None, end: End, sums: Sums, meter: Meter) -> Block:
    """Return a code of the bytes' symbols; the bytes where there are none or it is no shorter."""
    if ids is not None:
        coded = end.coder.encode(ids, meter.within(len(raw)))
        if len(coded.code) < len(raw):
            sums.add_coded(len(raw), len(ids), coded)
            return Block(len(ids), coded.code, coded.rows)
    sums.add_stored(len(raw))
    return Block(len(raw), raw, stored=True)


def _decoded(block: Block, end: End, source: Source, meter: Meter) -> bytes:
    """Return a block's original bytes; what was stored is learnt from too, as it was at the other end."""
    if block.stored:
        ids = symbols_of(block.code.decode("utf-8", "surrogateescape"), end.codec)
        if ids is not None:
            end.coder.read(ids)
        return block.code
    ids = end.coder.decode(block.code, block.count, block.rows, meter.within(len(block.code)))
    try:
        return to_bytes(end.codec.decode(ids))
    except AnygramError:  # the boundary among them: no compressor wrote that
        raise source.damaged() from None


def _marking_last(blocks: Iterator[Block]) -> Iterator[tuple[Block, bool]]:
    """Yield each block and whether it is the last; an empty one where there is none."""
    held: Block | None = None
    for block in blocks:
        if held is not None:
            yield held, False
        held = block
    yield held or Block(0, b"", stored=True), True
