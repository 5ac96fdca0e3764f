"""An ARPA file as n-grams: checked line by line, parsed on every core.

What is wrong in it is one DataError with the number of the line. What other programs leave out is put in:
a missing `<unk>`, backoffs of 0. Of n-grams that stand there twice the model knows, when it is built.

Axes: G n-grams of one length, K words of each, U words, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from anygram import threads
from anygram.errors import DataError
from anygram.exchange.arpa import lines, parsing, sections
from anygram.exchange.arpa.header import read_counts
from anygram.exchange.arpa.sections import Gathered, Part, RefusedLine, Words
from anygram.exchange.arpa.source import MARGIN, Piece, Source, numbered_lines, opened
from anygram.exchange.arpa.spelling import BEGIN, END, UNKNOWN, UNKNOWN_TOO
from anygram.exchange.arpa.vocabulary import MISSING, Vocabulary, first_place
from anygram.models.ngram.tables import NGrams
from anygram.protocols import Texts
from anygram.reporting.progress import Progress

_LOG_OF_UNKNOWN = -100.0 * math.log(10)
"""What KenLM gives unknown words of a file that has none."""
_BOTH_UNKNOWN = UNKNOWN, UNKNOWN_TOO
_END = b"\\end\\"
_FEWEST_BYTES, _MOST_PACKED = 4, 1100
"""Bytes that a line takes, and that one byte of a compressed file (DEFLATE) can stand for."""


@dataclass(frozen=True)
class Contents:
    """What a file holds: words from id 1 on, n-grams of each length by id, and what was done to them."""

    words: Texts
    levels: list[NGrams]
    crossing: int
    """How many n-grams reached over a boundary and were left out."""

    @property
    def vocabulary_size(self) -> int:
        return len(self.words) + 2


def read(path: Path, progress: Progress) -> Contents:
    """Return what a file holds; DataError in one line where it is no ARPA file or anything in it is wrong."""
    with opened(path) as (source, file):
        size = path.stat().st_size
        progress.stage(f"reading {path.name}", total=size)
        return _Reading(source, size, lambda: progress.update(file.tell())).read()


class _Reading:
    """One pass over a file; `line` lines have been taken, the last of them is `title` between sections."""

    def __init__(self, source: Source, size: int, tick: Callable[[], None]) -> None:
        self._source, self._size, self._tick = source, size, tick
        self._counts, self._title, self._line = read_counts(source, most=size * _MOST_PACKED // _FEWEST_BYTES)
        self._crossing = 0

    def read(self) -> Contents:
        """Return what the file holds."""
        levels: list[NGrams] = []
        for length in range(1, len(self._counts) + 1):
            self._require(b"\\%d-grams:" % length)
            if length == 1:
                vocabulary, level = self._words()
            else:
                level = self._ngrams(vocabulary, length)
            levels.append(level)
        self._require(_END)
        self._require_nothing()
        return Contents(vocabulary.ordinary, levels, self._crossing)

    def _words(self) -> tuple[Vocabulary, NGrams]:
        """Return the 1-grams: their words, and by id what the model needs of them."""
        piece = _joined(self._source.section())
        try:
            words = sections.parse_words(piece, highest=len(self._counts) == 1)
        except RefusedLine as refused:
            raise self._wrong(self._line + refused.lines_before + 1, refused.reason) from None
        self._check_not_more(1, len(words.starts_U), 0, piece)
        vocabulary = Vocabulary.of(piece.text_N, words.starts_U, words.ends_U)
        if isinstance(vocabulary, int):
            line = self._line + 1 + sections.entry_line(piece, vocabulary)
            word = piece.bytes(int(words.starts_U[vocabulary]), int(words.ends_U[vocabulary]))
            raise self._wrong(line, _repeated([word]))
        self._check_text(piece)
        self._check_unknown(words, piece)
        self._line += parsing.count_lines(piece.text_N[: piece.end])
        self._next_title()
        self._check_not_fewer(1, len(words.starts_U))
        for special in (BEGIN, END):
            if vocabulary.id_of(special) is None:
                remedy = "make the file again with the ends of sentences in it"
                raise self._wrong(self._line, f"no {special.decode()} among the 1-grams; {remedy}")
        return vocabulary, _by_id(vocabulary, words, highest=len(self._counts) == 1)

    def _check_text(self, piece: Piece) -> None:
        """Raise DataError for a word that is no text."""
        raw = piece.bytes(piece.start, piece.end)
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            before = raw[: error.start].count(b"\n")
            word = lines.shown(lines.fields_of(raw.split(b"\n", before + 1)[before])[1])
            reason = f"the word {word} is not UTF-8; convert the file, as with iconv"
            raise self._wrong(self._line + 1 + before, reason) from None

    def _check_unknown(self, words: Words, piece: Piece) -> None:
        """Raise DataError for `<unk>` beside `<UNK>`, which are one."""
        places = [first_place(word, piece.text_N, words.starts_U, words.ends_U) for word in _BOTH_UNKNOWN]
        if MISSING not in places:
            line = self._line + 1 + sections.entry_line(piece, max(places))
            raise self._wrong(line, "<unk> and <UNK> are the same word, unknown ones; remove one")

    def _ngrams(self, vocabulary: Vocabulary, length: int) -> NGrams:
        """Return the n-grams of the section that begins here."""
        highest = length == len(self._counts)
        # a line takes at least two bytes a field: more can only be in a compressed file
        gathered = Gathered(
            length, expected=min(self._counts[length - 1], 1 + self._size // (2 * length + 2))
        )
        entries = 0
        for part in self._parts(vocabulary, length, highest=highest):
            held = len(part.grams.log_p_G) + part.crossing
            self._check_not_more(length, held, entries, part.piece)
            gathered.add(part.grams)
            entries += held
            self._line += part.lines
            self._tick()
        self._next_title()
        self._check_not_fewer(length, entries)
        self._crossing += entries - gathered.rows
        return gathered.ngrams(highest=highest)

    def _parts(self, vocabulary: Vocabulary, length: int, *, highest: bool) -> Iterator[Part]:
        """Yield the section's pieces parsed, in order; `line` must be kept behind them."""
        parse = partial(sections.parse_ngrams, vocabulary, length, highest)
        try:
            yield from threads.side_by_side(parse, self._source.section())
        except RefusedLine as refused:
            raise self._wrong(self._line + refused.lines_before + 1, refused.reason) from None

    def _next_title(self) -> None:
        line = self._source.line()
        self._title = None if line is None else line.strip(lines.SPACES)
        self._line += line is not None

    def _require(self, title: bytes) -> None:
        """Raise DataError unless this line is the title."""
        if self._title is None:
            raise self._wrong(
                self._line, f"the file ends before {title.decode()}: it was cut short; get it whole"
            )
        if self._title != title:
            remedy = "sections stand in order of length, as many as there are counts, then \\end\\"
            raise self._wrong(
                self._line, f"expected {title.decode()}, got {lines.shown(self._title)}; {remedy}"
            )

    def _require_nothing(self) -> None:
        """Raise DataError unless only blank lines follow."""
        while (line := self._source.line()) is not None:
            self._line += 1
            if line.strip(lines.SPACES):
                raise self._wrong(
                    self._line, f"{lines.shown(line)} stands behind \\end\\; remove what follows it"
                )

    def _check_not_more(self, length: int, held: int, before: int, piece: Piece) -> None:
        """Raise DataError where a piece holds more n-grams than the counts have left."""
        left = self._counts[length - 1] - before
        if held > left:
            line = self._line + 1 + sections.entry_line(piece, left)
            reason = (
                f"more {length}-grams than the {self._counts[length - 1]} that 'ngram {length}=' promises"
            )
            raise self._wrong(line, f"{reason}; correct the count, or make the file again")

    def _check_not_fewer(self, length: int, held: int) -> None:
        """Raise DataError where a section ended before it held what was promised."""
        count = self._counts[length - 1]
        if held < count:
            what = "the file ends" if self._title is None else f"the {length}-grams end"
            remedy = "get the whole file, or correct the count"
            raise self._wrong(
                self._line, f"{what} after {held} of the {count} that 'ngram {length}=' promises; {remedy}"
            )

    def _wrong(self, line: int, reason: str) -> DataError:
        return DataError(f"{self._source.name} line {line}: {reason}")


def repeated(path: Path, length: int, row: int) -> DataError:
    """Return what is wrong where n-gram number `row` (from 0) of a section stands there twice."""
    line, entry = find_entry(path, length, row)
    return DataError(f"{path} line {line}: {_repeated(entry.words)}")


def find_entry(path: Path, length: int, row: int) -> tuple[int, lines.Entry]:
    """Return the number of the line that holds n-gram number `row` (from 0) of a section, and that n-gram.

    Those that reach over a boundary do not count, as in what `read` returns.
    """
    title, inside = b"\\%d-grams:" % length, False
    for number, line in numbered_lines(path):
        text = line.strip(lines.SPACES)
        if text.startswith(b"\\"):
            inside = text == title
        elif inside and text:
            entry = lines.parse(text, length, highest=False)
            row -= not entry.crosses
            if row < 0:
                return number, entry
    raise AssertionError("the file has changed while it was read")


def _joined(pieces: Iterator[Piece]) -> Piece:
    """Return pieces as one."""
    parts = list(pieces)
    text_N = np.concatenate(
        [*(part.text_N[part.start : part.end] for part in parts), np.zeros(MARGIN, np.uint8)]
    )
    return Piece(text_N, 0, len(text_N) - MARGIN, cut=any(part.cut for part in parts))


def _by_id(vocabulary: Vocabulary, words: Words, *, highest: bool) -> NGrams:
    """Return the 1-grams of all symbols by id; the boundary has log P of `</s>` and log γ of `<s>`."""
    boundary = vocabulary.boundary
    log_p_V = np.full(boundary + 2, _LOG_OF_UNKNOWN, dtype=np.float32)
    log_gamma_V = np.zeros(boundary + 2, dtype=np.float32)
    log_p_V[vocabulary.ids_U], log_gamma_V[vocabulary.ids_U] = words.log_p_U, words.log_gamma_U
    log_gamma_V[boundary] = log_gamma_V[boundary + 1]
    symbols_V1 = np.arange(boundary + 1, dtype=np.int32)[:, None]
    return NGrams(symbols_V1, log_p_V[:-1], None if highest else log_gamma_V[:-1])


def _repeated(words: Sequence[bytes]) -> str:
    return f"the {len(words)}-gram {lines.shown(b' '.join(words))} stands there twice; remove one"
