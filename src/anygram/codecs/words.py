"""Text as words: unknown ones become one symbol (lossy), or are spelled in bytes (lossless).

Nothing typed in a text is special: a literal `<unk>` is a word like any other, as the published figures
for WikiText count it, and never the symbol for unknown words.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from anygram.codecs import _tokens
from anygram.codecs._breaks import SPACES, Split, word_pattern
from anygram.codecs._lexicon import NONE, Lexicon
from anygram.codecs._text import (
    BYTES,
    SpelledCodec,
    check_range,
    codes_of,
    in_blocks,
    readable,
    refuse_escapes,
    stored,
    to_bytes,
    to_text,
    to_utf8,
    utf8_lengths,
)
from anygram.errors import DataError, RunError, UsageError
from anygram.pieces import chosen
from anygram.protocols import Decoder, Encoded, Ids, Lengths, Tensors, Texts

# U+FFFD under Unicode breaks: there `<unk>` would be read again as three words
_UNKNOWN: dict[Split, str] = {"whitespace": "<unk>", "unicode": "\ufffd"}
_NEWLINE = "\n"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Config:
    """How text is split into words, and which of them are symbols."""

    size: int | None = None
    """Most symbols in all, boundary included: the most frequent words stay."""
    min_count: int | None = None
    """Occurrences that a word needs (None: 1, but 2 where spelled, so that spelling is learnt too)."""
    split: Literal["whitespace", "unicode"] = "whitespace"
    """Exactly as KenLM splits, or at Unicode word breaks."""
    spell: bool = False
    """Whether unknown words and spacing are spelled in bytes, so that nothing is lost."""
    lines: bool | None = None
    """Whether a newline inside a document is a symbol (the `<eos>` of the WikiText figures) or spacing
    (None: a symbol if a document of the training part holds one)."""

    def __post_init__(self) -> None:
        fewest = 258 if self.spell else 4
        if self.size is not None and self.size < fewest:
            raise UsageError(
                f"size must be at least {fewest} (a word beside the fixed symbols), got {self.size}"
            )
        if self.min_count is not None and self.min_count < 1:
            raise UsageError(f"min_count must be at least 1, got {self.min_count}")
        if self.spell and self.lines is False:
            raise UsageError("spell keeps every newline; drop lines=false or spell=true")


class WordsCodec:
    """A symbol is a word, a newline, or the one for all unknown words; spacing is lost.

    A symbol's units take in the spacing before it, the last symbol's also the spacing after it; a text
    without symbols has no units. Text comes back with single spaces and no spacing around newlines.

    >>> codec = WordsCodec(["to", "be"], "whitespace", lines=False)
    >>> encoded = codec.encode(" to be  or ")
    >>> encoded.ids, encoded.units
    (array([1, 2, 0], dtype=int32), array([3, 3, 5]))
    >>> "or" in codec, codec.id_of("be"), codec.symbol(2)
    (False, 2, 'be')
    """

    unit = "byte"
    lossless = False
    unknown = 0

    def __init__(self, words: Sequence[str] | Texts, split: Split, *, lines: bool) -> None:
        """`words` are the known ones by id, from the first id after the fixed symbols; none holds a space."""
        fixed = [_UNKNOWN[split].encode(), *([_NEWLINE.encode()] if lines else [])]
        known = words if isinstance(words, Texts) else Texts.of([word.encode() for word in words])
        self.symbols = Texts.of(fixed).followed_by(known)
        """The UTF-8 bytes of every symbol below the boundary, by id."""
        self._split, self._lines, self._fixed = split, lines, len(fixed)
        self._spaces = _spaces(split, lines=lines)
        # the spacing before a word comes with it, to be counted in its units
        self._piece = re.compile(f"[{re.escape(self._spaces)}]*(?:{_token_pattern(split, lines=lines)})")

    @property
    def vocabulary_size(self) -> int:
        return len(self.symbols) + 1

    @property
    def boundary(self) -> int:
        return len(self.symbols)

    @property
    def by_space(self) -> bool:
        """Whether words are what stands between spaces."""
        return self._split == "whitespace"

    @cached_property
    def lexicon(self) -> Lexicon:
        """How words are looked up where they are what stands between spaces."""
        newline = self._fixed - 1 if self._lines else NONE
        return Lexicon(self.symbols, self._fixed, newline, self.boundary)

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        """Return the text's words; DataError where it is not Unicode text."""
        raw = to_utf8(text, "words")
        if self._split == "unicode":
            pieces = self._piece.findall(text)
            ids = [self._id_of_word.get(piece.lstrip(self._spaces), self.unknown) for piece in pieces]
            return Encoded(np.array(ids, dtype=np.int32), _units(text, pieces))
        return Encoded(*self.lexicon.encode_one(raw))

    def encode_documents(self, texts: Texts) -> tuple[Ids, Lengths]:
        """Return ids_N, each text's closed by the boundary, and how many each has; DataError as `encode`."""
        refuse_escapes(texts, "words")
        if self._split == "whitespace":
            return self.lexicon.encode(texts)
        each = [np.append(self.encode(to_text(texts.raw(i))).ids, self.boundary) for i in range(len(texts))]
        ids_N = np.concatenate([np.zeros(0, dtype=np.int32), *each]).astype(np.int32)
        return ids_N, np.array([len(ids) for ids in each], dtype=np.int64)

    def decode(self, ids: Ids, side: Mapping[str, Any] | None = None) -> str:
        """Return the words with single spaces between them; UsageError for the boundary and beyond."""
        check_range(np.asarray(ids), self.boundary)
        spaced = " ".join(map(self._spelling, np.asarray(ids).tolist()))
        return spaced.replace(" \n", "\n").replace("\n ", "\n")

    def decoder(self, side: Mapping[str, Any] | None = None) -> Decoder:
        return _WordsDecoder(self)

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it, on one line."""
        if identifier == self.unknown:
            return "<unk>"
        return "<boundary>" if identifier == self.boundary else readable(self.symbols.raw(identifier))

    def id_of(self, word: str) -> int | None:
        """Return the id of a word, or of a newline that is a symbol; None where it is none."""
        try:
            ids = self.encode(word).ids.tolist()
        except DataError:
            return None
        known = len(ids) == 1 and ids[0] != self.unknown and self._spelling(ids[0]) == word
        return ids[0] if known else None

    def __contains__(self, word: str) -> bool:
        return self.id_of(word) is not None

    def to_json(self) -> dict[str, Any]:
        return {"spell": False, "split": self._split, "lines": self._lines}

    def tensors(self) -> Tensors:
        """Return the known words' bytes end to end, and where each word ends."""
        begin = int(self.symbols.ends_D[self._fixed - 1])
        words_A, ends_W = self.symbols.bytes_N[begin:], self.symbols.ends_D[self._fixed :] - begin
        return {"bytes": words_A, "ends": ends_W.astype(np.uint32 if len(words_A) < 1 << 32 else np.uint64)}

    def _spelling(self, identifier: int) -> str:
        return self.symbols.raw(identifier).decode()

    @cached_property
    def _id_of_word(self) -> dict[str, int]:
        return {self._spelling(i): i for i in range(1, self.boundary)}


class _WordsDecoder:
    """Decodes as words arrive; nothing need be held back."""

    def __init__(self, codec: WordsCodec) -> None:
        self._codec = codec
        self._spaced = False

    def push(self, symbol: int) -> str:
        word = self._codec.decode(np.array([symbol], dtype=np.int32))
        before = " " if self._spaced and word != _NEWLINE else ""
        self._spaced = word != _NEWLINE
        return before + word

    def finish(self) -> str:
        return ""


class SpelledWordsCodec(SpelledCodec):
    """A symbol is a word, often with the single space before it, or a byte of anything else.

    A word that is known only without its space is a space and the word. A word of one ASCII character
    is its byte, which is a symbol already.

    >>> codec = SpelledWordsCodec(["to", " be"], "whitespace")
    >>> [codec.symbol(i) for i in codec.encode("to be or to").ids]
    ['to', ' be', ' ', 'o', 'r', ' ', 'to']
    """

    def __init__(self, words: Sequence[str], split: Split) -> None:
        """`words` are the known ones by id, after the 256 bytes."""
        super().__init__(BYTES + [word.encode() for word in words])
        self._words, self._split = list(words), split
        self._ids_of_piece = {chr(byte): [byte] for byte in range(0x80)}
        self._ids_of_piece |= {word: [len(BYTES) + i] for i, word in enumerate(words)}
        self._piece = re.compile(_spelled_pattern(split))

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        """Return the text's words and bytes; DataError for a lone surrogate."""
        to_bytes(text)
        known = self._ids_of_piece
        pieces = self._piece.findall(text)
        ids = np.array(
            list(chain.from_iterable(known.get(piece) or self._spell_piece(piece) for piece in pieces)),
            dtype=np.int32,
        )
        return Encoded(ids, self.lengths[ids])

    def _spell_piece(self, piece: str) -> list[int]:
        if piece[0] == " " and piece[1:] in self._ids_of_piece:
            return [ord(" "), *self._ids_of_piece[piece[1:]]]
        return list(piece.encode("utf-8", "surrogateescape"))

    def to_json(self) -> dict[str, Any]:
        return {"spell": True, "split": self._split, "words": self._words}


def fit(data: Iterable[str], config: Config) -> WordsCodec | SpelledWordsCodec:
    """Return the codec of the data's words, the most frequent first; DataError where a lossy one has none."""
    if config.spell:
        pieces = _count(data, _spelled_pattern(config.split))
        counts = Counter({word: n for word, n in pieces.items() if _is_word(word)})
        return SpelledWordsCodec(_most_frequent(counts, config, fixed=len(BYTES) + 1), config.split)
    split_apart = _words_by_space if config.split == "whitespace" else _words_by_breaks
    words, counts_W, newline = split_apart(data)
    lines = newline if config.lines is None else config.lines
    kept = (counts_W >= (config.min_count or 1)).nonzero()[0]
    if config.size is not None:
        kept = kept[: config.size - (3 if lines else 2)]
    if not len(kept):
        raise DataError(
            f"no word occurs {config.min_count or 1} times in the training part; "
            "lower min_count, give more text, or use --codec bytes"
        )
    return WordsCodec(chosen(words, kept), config.split, lines=lines)


def from_json(fields: Mapping[str, Any], tensors: Tensors | None = None) -> WordsCodec | SpelledWordsCodec:
    """Return the codec of this `to_json` and these `tensors`; RunError where it is damaged."""
    split = cast(Split, stored(fields, "split", str))
    if split not in SPACES:
        raise RunError(f"codec.json splits by '{split}', which is unknown; restore it or train again")
    if stored(fields, "spell", bool):
        return SpelledWordsCodec(stored(fields, "words", list), split)
    if "words" in fields:
        words, file = _listed(fields), "codec.json"
    else:
        words, file = _mapped(tensors), "codec.safetensors"
    if fault := _fault(words):
        raise RunError(f"{file} holds no list of words ({fault}); restore it or train again")
    return WordsCodec(words, split, lines=stored(fields, "lines", bool))


def _mapped(tensors: Tensors | None) -> Texts:
    """Return the words of `WordsCodec.tensors`."""
    if tensors is None:
        raise RunError(
            "codec.json has no 'words' and codec.safetensors is missing; restore it or train again"
        )
    words_A, ends_W = (tensors.get(name, np.zeros(0)) for name in ("bytes", "ends"))
    if words_A.dtype != np.uint8 or ends_W.dtype.kind != "u" or not words_A.ndim == ends_W.ndim == 1:
        raise RunError("codec.safetensors has no usable 'bytes' and 'ends'; restore it or train again")
    return Texts(words_A, ends_W.astype(np.int64))


def _fault(words: Texts) -> str | None:
    """Return what is wrong with stored words, None where they can be used."""
    ends_W, starts_W = words.ends_D, words.ends_D[:-1]  # all starts but the first, which is 0
    size = int(ends_W[-1]) if len(ends_W) else 0
    if size != len(words.bytes_N) or (ends_W[:1] < 1).any() or (ends_W[1:] <= starts_W).any():
        return "they do not lie end to end"
    try:
        text = str(words.bytes_N.data, "utf-8")  # at once, where `utf8.fault` would first load its kernel
    except UnicodeDecodeError:
        return "they are not UTF-8"
    if " " in text:
        return "one holds a space, which ends words"
    cut_W = (words.bytes_N[starts_W] & 0xC0) == 0x80
    return "one ends within a character" if cut_W.any() else None


def _listed(fields: Mapping[str, Any]) -> Texts:
    """Return words that codec.json holds, as first they were stored: as a list, or between spaces."""
    if isinstance(fields["words"], list):
        return Texts.of([word.encode() for word in fields["words"]])
    words = stored(fields, "words", str)
    spaced_N = np.frombuffer(words.encode(), dtype=np.uint8)
    spaces = (spaced_N == ord(" ")).nonzero()[0]
    ends_W = np.append(spaces, len(spaced_N)) - np.arange(len(spaces) + 1)
    return Texts(spaced_N[spaced_N != ord(" ")], ends_W if words else ends_W[:0])


def _spaces(split: Split, *, lines: bool) -> str:
    return SPACES[split].replace(_NEWLINE, "") if lines else SPACES[split]


def _token_pattern(split: Split, *, lines: bool) -> str:
    return f"{word_pattern(split)}|{_NEWLINE}" if lines else word_pattern(split)


def _spelled_pattern(split: Split) -> str:
    """Return a pattern whose matches lie end to end: words with the single space before, or one character."""
    return rf" ?(?:{word_pattern(split)})|[{re.escape(SPACES[split])}]"


def _words_by_space(data: Iterable[str]) -> tuple[Texts, NDArray[np.int64], bool]:
    """Return the data's words, the most frequent first, how often each came, and whether a newline did."""
    counts = _tokens.count(in_blocks(data, "words"))
    order_W = _tokens.in_order(counts.words, counts.counts_W)
    return chosen(counts.words, order_W), counts.counts_W[order_W], counts.newline


def _words_by_breaks(data: Iterable[str]) -> tuple[Texts, NDArray[np.int64], bool]:
    """Return the same of words between Unicode breaks."""
    counts = _count(_checked(data), f"{word_pattern('unicode')}|{_NEWLINE}")
    newline = counts.pop(_NEWLINE, 0) > 0
    words = sorted(counts, key=lambda word: (-counts[word], word))
    counts_W = np.array([counts[word] for word in words], dtype=np.int64)
    return Texts.of([word.encode() for word in words]), counts_W, newline


def _checked(data: Iterable[str]) -> Iterator[str]:
    for text in data:
        to_utf8(text, "words")
        yield text


def _count(data: Iterable[str], pattern: str) -> Counter[str]:
    find = re.compile(pattern).findall
    counts: Counter[str] = Counter()
    for text in data:
        counts.update(find(text))
    return counts


def _is_word(piece: str) -> bool:
    """Return whether a piece may become a symbol: not a byte symbol already, nor spelled by escapes."""
    return len(piece.encode("utf-8", "replace")) > 1 and not _SURROGATE.search(piece)


def _most_frequent(counts: Counter[str], config: Config, *, fixed: int) -> list[str]:
    """Return the words that are spelled by symbols of their own, by count, then alphabetically."""
    fewest = config.min_count or 2
    words = sorted(
        (word for word, n in counts.items() if n >= fewest), key=lambda word: (-counts[word], word)
    )
    return words if config.size is None else words[: config.size - fixed]


def _units(text: str, pieces: Sequence[str]) -> NDArray[np.int64]:
    """Return the UTF-8 bytes of pieces that lie end to end from the text's start; the last takes the rest."""
    ends = np.cumsum(np.fromiter(map(len, pieces), dtype=np.int64, count=len(pieces)))
    if len(ends) == 0:
        return ends
    ends[-1] = len(text)
    if not text.isascii():
        ends = np.cumsum(utf8_lengths(codes_of(text)))[ends - 1]
    return np.diff(ends, prepend=0)
