"""A model's n-grams as an ARPA file, streamed: formatted on every core, written in order.

Axes: G n-grams of a block, U tokens, P bytes of all tokens.
"""

from __future__ import annotations

import gzip
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import IO, Protocol, cast, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from anygram import storage, threads
from anygram.exchange.arpa import formatting
from anygram.exchange.arpa.spelling import BEGIN, END, UNKNOWN
from anygram.models.ngram.tables import NGrams
from anygram.reporting.progress import Progress

ROWS_AT_ONCE = 1 << 14
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

    bytes_P: NDArray[np.uint8]
    starts_U: NDArray[np.int64]

    @classmethod
    def of(cls, symbols: Sequence[bytes]) -> Tokens:
        """Return the tokens of a codec's symbols below the boundary."""
        all_of_them = [*symbols, END, BEGIN]
        starts_U = np.cumsum([0, *map(len, all_of_them)], dtype=np.int64)
        all_bytes = b"".join(all_of_them) + bytes(formatting.WORD)
        return cls(np.frombuffer(all_bytes, dtype=np.uint8), starts_U)

    @property
    def boundary(self) -> int:
        return len(self.starts_U) - 3


def write(path: Path, model: Listed, symbols: Sequence[bytes], progress: Progress) -> list[int]:
    """Write the file, compressed where its name ends in .gz; return how many n-grams of each length it holds.

    `symbols` are the tokens below the boundary, by id.
    """
    counts = model.counts()
    header = [counts[0] + 1 + (UNKNOWN not in symbols), *counts[1:]]
    tokens, done = Tokens.of(symbols), 0
    progress.stage(f"writing {path.name}", total=sum(counts))
    with storage.replacing(path) as temporary, _opened(temporary, compressed=path.suffix == ".gz") as file:
        file.write(b"\\data\\\n")
        for length, count in enumerate(header, 1):
            file.write(b"ngram %d=%d\n" % (length, count))
        for length in range(1, len(counts) + 1):
            file.write(b"\n\\%d-grams:\n" % length)
            if length == 1:
                file.write(_extra_lines(model, tokens, unknown=UNKNOWN not in symbols))
            for lines in threads.side_by_side(partial(format_lines, tokens), _parts(model, tokens, length)):
                file.write(lines)
                done += ROWS_AT_ONCE
                progress.update(min(done, sum(counts)))
        file.write(b"\n\\end\\\n")
    return header


def format_lines(tokens: Tokens, grams: NGrams) -> memoryview:
    """Return n-grams as lines."""
    gammas = np.empty(0, dtype=np.float32) if grams.log_gamma_G is None else grams.log_gamma_G
    lines_M = np.empty(formatting.measure(grams.symbols_GK, tokens.starts_U), dtype=np.uint8)
    size = formatting.write_lines(
        grams.symbols_GK, grams.log_p_G, gammas, tokens.bytes_P, tokens.starts_U, lines_M
    )
    return lines_M[:size].data


@contextmanager
def _opened(path: Path, *, compressed: bool) -> Iterator[IO[bytes]]:
    with path.open("wb", buffering=1 << 20) as file:
        if not compressed:
            yield file
            return
        # no name and no time in it: equal models give equal files
        with gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0, compresslevel=6) as packed:
            yield cast(IO[bytes], packed)


def _parts(model: Listed, tokens: Tokens, length: int) -> Iterator[NGrams]:
    """Yield the n-grams of that length, some at a time; alone, the boundary is `</s>`: no backoff."""
    for grams in model.ngrams(length):
        if length == 1 and grams.log_gamma_G is not None:
            gammas = np.where(grams.symbols_GK[:, 0] == tokens.boundary, np.float32(0), grams.log_gamma_G)
            grams = replace(grams, log_gamma_G=gammas)
        for start in range(0, len(grams.log_p_G), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            gammas_G = None if grams.log_gamma_G is None else np.array(grams.log_gamma_G[rows])
            # copies: kernels are compiled anew for arrays that are read-only or not in one piece
            symbols_GK = np.array(grams.symbols_GK[rows], dtype=np.int32, order="C")
            yield NGrams(symbols_GK, np.array(grams.log_p_G[rows]), gammas_G)


def _extra_lines(model: Listed, tokens: Tokens, *, unknown: bool) -> bytes:
    """Return the line of `<s>` (probability 0 as lmplz writes it) and, where it is wanted, of `<unk>`."""
    log_gamma: np.float32 | None = None
    for grams in model.ngrams(1):
        rows = np.flatnonzero(grams.symbols_GK[:, 0] == tokens.boundary)
        if len(rows) and grams.log_gamma_G is not None:
            log_gamma = grams.log_gamma_G[rows[0]]
    begin = _line(b"0", BEGIN, None if log_gamma is None else _number(log_gamma))
    return (
        _line(_LOG10_OF_UNKNOWN, UNKNOWN, None if log_gamma is None else b"0") + begin if unknown else begin
    )


def _line(log10_p: bytes, token: bytes, log10_gamma: bytes | None) -> bytes:
    fields = [log10_p, token, *([] if log10_gamma is None else [log10_gamma])]
    return b"\t".join(fields) + b"\n"


def _number(log: np.float32) -> bytes:
    """Return the decimal logarithm of what has this natural one."""
    text_M = np.empty(formatting.LONGEST_NUMBER + formatting.WORD, dtype=np.uint8)
    text: bytes = text_M[: formatting.write_number(float(log) / math.log(10), text_M, 0)].tobytes()
    return text
