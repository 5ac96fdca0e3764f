"""A model's n-grams as an ARPA file, streamed: formatted on every core, written in order.

Axes: G n-grams of a block, U tokens, P bytes of all tokens.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anygram import storage, threads
from anygram.exchange.arpa import formatting
from anygram.exchange.arpa.formatting import Bytes
from anygram.exchange.arpa.spelling import BEGIN, END, UNKNOWN
from anygram.models.ngram.tables import NGrams
from anygram.protocols import Texts
from anygram.reporting.progress import Progress

_ROOM = 1 << 20
"""Bytes for the lines of a block of n-grams, at first."""
_LOG10_OF_UNKNOWN = b"-100"
"""What KenLM gives unknown words of a file that has none."""


@runtime_checkable
class Listed(Protocol):
    """A model that can list its n-grams."""

    vocabulary_size: int

    def ngrams(self, length: int) -> Iterator[NGrams]:
        """Yield all n-grams of that length, in blocks."""
        ...

    def counts(self) -> list[int]:
        """Return how many there are of each length from 1 on."""
        ...


@dataclass(frozen=True)
class Tokens:
    """Tokens end to end: those of the symbols by id, then `</s>` at the boundary's, then `<s>`."""

    bytes_P: Bytes
    starts_U: NDArray[np.int64]
    unknown: bool
    """Whether one of them is `<unk>`."""

    @classmethod
    def of(cls, symbols: Texts) -> Tokens:
        """Return the tokens of a codec's symbols below the boundary."""
        tokens = symbols.followed_by(Texts.of([END, BEGIN, bytes(formatting.MARGIN)]))
        alike_U = np.flatnonzero(np.diff(symbols.ends_D, prepend=0) == len(UNKNOWN)).tolist()
        return cls(tokens.bytes_N, tokens.starts_D, any(symbols.raw(u) == UNKNOWN for u in alike_U))

    @property
    def boundary(self) -> int:
        return len(self.starts_U) - 3


def write(path: Path, model: Listed, symbols: Texts, progress: Progress) -> list[int]:
    """Write the file, compressed where its name ends in .gz; return how many n-grams of each length it holds.

    `symbols` are the tokens below the boundary, by id.
    """
    counts, tokens, done = model.counts(), Tokens.of(symbols), 0
    header = [counts[0] + 1 + (not tokens.unknown), *counts[1:]]
    progress.stage(f"writing {path.name}", total=sum(counts))
    with storage.replacing(path) as temporary, _opened(temporary, compressed=path.suffix == ".gz") as file:
        file.write(b"\\data\\\n")
        for length, count in enumerate(header, 1):
            file.write(b"ngram %d=%d\n" % (length, count))
        for length in range(1, len(counts) + 1):
            file.write(b"\n\\%d-grams:\n" % length)
            if length == 1:
                file.write(_extra_lines(model, tokens))
            for lines, rows in _formatted(model, tokens, length):
                file.write(lines)
                done += rows
                progress.update(done)
        file.write(b"\n\\end\\\n")
    return header


def _formatted(model: Listed, tokens: Tokens, length: int) -> Iterator[tuple[memoryview, int]]:
    """Yield the n-grams of that length as lines, and how many; they hold until the next are asked for."""
    free = [np.empty(_ROOM, dtype=np.uint8) for _ in range(threads.cores() + 1)]
    work = partial(format_lines, tokens, free)
    for lines_M, size, rows in threads.side_by_side(work, _blocks(model, tokens, length)):
        yield lines_M[:size].data, rows
        free.append(lines_M)


def format_lines(tokens: Tokens, free: list[Bytes], grams: NGrams) -> tuple[Bytes, int, int]:
    """Return n-grams as lines in one of the free arrays, or a longer one: that, their bytes, how many."""
    gammas = np.empty(0, dtype=np.float32) if grams.log_gamma_G is None else grams.log_gamma_G
    arrays = grams.symbols_GK, grams.log_p_G, gammas, tokens.bytes_P, tokens.starts_U
    lines_M = free.pop()
    while (size := formatting.write_lines(*arrays, lines_M)) < 0:
        lines_M = np.empty(2 * len(lines_M), dtype=np.uint8)
    return lines_M, size, len(grams.log_p_G)


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        if not compressed:
            yield file
            return
        # no name and no time in it: equal models give equal files
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
            yield cast(IO[bytes], packed)


def _blocks(model: Listed, tokens: Tokens, length: int) -> Iterator[NGrams]:
    """Yield the n-grams of that length; alone, the boundary is `</s>`: no backoff."""
    for grams in model.ngrams(length):
        if length == 1 and grams.log_gamma_G is not None:
            gammas = np.where(grams.symbols_GK[:, 0] == tokens.boundary, np.float32(0), grams.log_gamma_G)
            grams = replace(grams, log_gamma_G=gammas)
        yield grams


def _extra_lines(model: Listed, tokens: Tokens) -> bytes:
    """Return the line of `<s>` (probability 0 as lmplz writes it) and, where it is missing, of `<unk>`."""
    log_gamma: np.float32 | None = None
    for grams in model.ngrams(1):
        rows = np.flatnonzero(grams.symbols_GK[:, 0] == tokens.boundary)
        if len(rows) and grams.log_gamma_G is not None:
            log_gamma = grams.log_gamma_G[rows[0]]
    begin = _line(b"0", BEGIN, None if log_gamma is None else _number(log_gamma))
    if tokens.unknown:
        return begin
    return _line(_LOG10_OF_UNKNOWN, UNKNOWN, None if log_gamma is None else b"0") + begin


def _line(log10_p: bytes, token: bytes, log10_gamma: bytes | None) -> bytes:
    fields = [log10_p, token, *([] if log10_gamma is None else [log10_gamma])]
    return b"\t".join(fields) + b"\n"


def _number(log: np.float32) -> bytes:
    """Return the decimal logarithm of what has this natural one."""
    text_M = np.empty(formatting.LONGEST_NUMBER + formatting.MARGIN, dtype=np.uint8)
    text: bytes = text_M[: formatting.write_number(float(log) / math.log(10), text_M, 0)].tobytes()
    return text
