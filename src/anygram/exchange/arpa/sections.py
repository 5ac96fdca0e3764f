"""Pieces of a section of an ARPA file, parsed: by kernels, and line by line where they stop.

Axes: G n-grams of a piece, K words of each, U words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.exchange.arpa import lines, parsing
from anygram.exchange.arpa.source import Piece
from anygram.exchange.arpa.vocabulary import Places, Vocabulary
from anygram.models.ngram.tables import NGrams
from anygram.protocols import Ids

Logs = NDArray[np.float32]
_LN_10 = math.log(10)
_CUT = "the file ends within this line: it was cut short; get it whole"


class RefusedLine(Exception):
    """A line of a piece is wrong: how many lines lie before it, and why."""

    def __init__(self, lines_before: int, reason: str) -> None:
        super().__init__(lines_before, reason)
        self.lines_before, self.reason = lines_before, reason


@dataclass(frozen=True)
class Part:
    """What a piece holds: its n-grams and how many reach over a boundary and are left out."""

    piece: Piece
    lines: int
    grams: NGrams
    crossing: int


@dataclass(frozen=True)
class Words:
    """The 1-grams as they stand: word u goes from byte `starts_U[u]` to `ends_U[u]` of the piece."""

    starts_U: Places
    ends_U: Places
    log_p_U: Logs
    log_gamma_U: Logs


class Gathered:
    """N-grams of one length, gathered part by part in arrays that grow by doubling."""

    def __init__(self, length: int, expected: int) -> None:
        """`expected` is how many n-grams there is room for at first."""
        self.rows = 0
        self._symbols_GK: Ids = np.empty((expected, length), dtype=np.int32)
        self._log_p_G, self._log_gamma_G = (np.empty(expected, dtype=np.float32) for _ in range(2))

    def add(self, grams: NGrams) -> None:
        """Take in more n-grams."""
        end = self.rows + len(grams.log_p_G)
        if end > len(self._log_p_G):
            self._grow(max(end, 2 * len(self._log_p_G)))
        self._symbols_GK[self.rows : end] = grams.symbols_GK
        self._log_p_G[self.rows : end] = grams.log_p_G
        if grams.log_gamma_G is not None:
            self._log_gamma_G[self.rows : end] = grams.log_gamma_G
        self.rows = end

    def ngrams(self, *, highest: bool) -> NGrams:
        """Return all of them."""
        log_gamma_G = None if highest else self._log_gamma_G[: self.rows]
        return NGrams(self._symbols_GK[: self.rows], self._log_p_G[: self.rows], log_gamma_G)

    def _grow(self, room: int) -> None:
        # not np.resize, which fills what it adds
        old = self.ngrams(highest=False)
        self.rows = 0
        self._symbols_GK = np.empty((room, self._symbols_GK.shape[1]), dtype=np.int32)
        self._log_p_G, self._log_gamma_G = (np.empty(room, dtype=np.float32) for _ in range(2))
        self.add(old)


def parse_words(piece: Piece, *, highest: bool) -> Words:
    """Return the 1-grams of a piece; RefusedLine where a line is wrong."""
    capacity = parsing.count_lines(piece.text_N[piece.start : piece.end])
    starts_U, ends_U = np.empty(capacity, dtype=np.int64), np.empty(capacity, dtype=np.int64)
    log_p_U, log_gamma_U = np.empty(capacity, dtype=np.float32), np.empty(capacity, dtype=np.float32)
    position, row = piece.start, 0
    while True:
        arrays = starts_U[row:], ends_U[row:], log_p_U[row:], log_gamma_U[row:]
        position, more = parsing.parse_words(piece.text_N, position, piece.end, highest, *arrays)
        row += more
        if position >= piece.end:
            return Words(starts_U[:row], ends_U[:row], log_p_U[:row], log_gamma_U[:row])
        gram, end = _look_at(piece, position, 1, highest=highest, vocabulary=None)
        line = piece.bytes(position, end)
        # behind the first field: a word may read like the number before it
        number_ends = position + len(lines.fields_of(line)[0])
        starts_U[row] = number_ends + piece.bytes(number_ends, end).find(gram.words[0])
        ends_U[row] = starts_U[row] + len(gram.words[0])
        log_p_U[row], log_gamma_U[row] = gram.log10_p * _LN_10, gram.log10_gamma * _LN_10
        position, row = end + 1, row + 1


def parse_ngrams(vocabulary: Vocabulary, length: int, highest: bool, piece: Piece) -> Part:
    """Return the n-grams of a piece of a section; RefusedLine where a line is wrong."""
    capacity = parsing.count_lines(piece.text_N[piece.start : piece.end])
    symbols_GK: Ids = np.empty((capacity, length), dtype=np.int32)
    log_p_G, log_gamma_G = np.empty(capacity, dtype=np.float32), np.empty(capacity, dtype=np.float32)
    position, row, crossing = piece.start, 0, 0
    while True:
        arrays = symbols_GK[row:], log_p_G[row:], log_gamma_G[row:]
        position, more, left_out = parsing.parse_ngrams(
            piece.text_N, position, piece.end, highest, vocabulary.directory, vocabulary.boundary, *arrays
        )
        row, crossing = row + more, crossing + left_out
        if position >= piece.end:
            grams = NGrams(symbols_GK[:row], log_p_G[:row], None if highest else log_gamma_G[:row])
            return Part(piece, capacity, grams, crossing)
        gram, end = _look_at(piece, position, length, highest=highest, vocabulary=vocabulary)
        position = end + 1
        if gram.crosses:
            crossing += 1
            continue
        symbols_GK[row] = [vocabulary.symbol(word) for word in gram.words]
        log_p_G[row], log_gamma_G[row] = gram.log10_p * _LN_10, gram.log10_gamma * _LN_10
        row += 1


def entry_line(piece: Piece, entry: int) -> int:
    """Return how many lines lie before the piece's n-gram number `entry` (from 0)."""
    held = [line.strip(lines.SPACES) for line in piece.bytes(piece.start, piece.end).split(b"\n")]
    return [number for number, line in enumerate(held) if line][entry]


def _look_at(
    piece: Piece, position: int, length: int, *, highest: bool, vocabulary: Vocabulary | None
) -> tuple[lines.Entry, int]:
    """Return what the line says that begins at a position, and where it ends."""
    end = position
    while piece.text_N[end] != ord("\n"):
        end += 1
    known = None if vocabulary is None else lambda word: vocabulary.id_of(word) is not None
    try:
        return lines.parse(piece.bytes(position, end), length, highest=highest, known=known), end
    except DataError as error:
        before = parsing.count_lines(piece.text_N[piece.start : position])
        cut = piece.cut and end + 1 == piece.end
        raise RefusedLine(before, _CUT if cut else str(error)) from None
