"""Text as byte pairs: frequent runs of bytes are symbols, everything else falls back to single bytes.

Byte pair encoding (Sennrich, Haddow & Birch 2016, algorithm 1) over bytes (Radford et al. 2019,
section 2.2), learnt by the `tokenizers` library or loaded from its `tokenizer.json`. Nothing is
normalised and nothing is special: what looks like `<|endoftext|>` is text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from anygram.codecs._text import SpelledCodec, stored, to_utf8
from anygram.errors import DataError, UsageError
from anygram.protocols import Encoded

if TYPE_CHECKING:
    from tokenizers import Tokenizer

# GPT-2's pattern with every run bounded: an unspaced text is otherwise one word, and both learning and
# encoding of a word grow faster than its length (9 MB of Chinese without spacing or punctuation: learnt in
# 2.5 s and encoded in 2.1 s; unbounded, learning had not ended after 100 s)
_RUN = 24
_PATTERN = (
    rf"'s|'t|'re|'ve|'m|'ll|'d| ?\p{{L}}{{1,{_RUN}}}| ?\p{{N}}{{1,{_RUN}}}"
    rf"| ?[^\s\p{{L}}\p{{N}}]{{1,{_RUN}}}|\s{{1,{_RUN}}}(?!\S)|\s{{1,{_RUN}}}"
)
_PIECE = 1 << 16
_PIECES_AT_ONCE = 32
_SHORT_PIECE = 1 << 13
# no pattern of ours or GPT-2's matches across the step from a word into spacing
_CUT = re.compile(r"(?<=\S)(?=[ \n])")
_BYTES = 256
_SMALLEST_SIZE, _LARGEST_SIZE = 512, 16384
_BYTES_A_SYMBOL = 1000
_DEFAULT_FREQUENCY = 2
_DEFAULT_SAMPLE = 32_000_000
_TIMES_OF_PAIRS = 4
# characters of distinct words learnt from: they, not the length of the text, are what learning costs
_DISTINCT = 1_000_000


@dataclass(frozen=True)
class Config:
    """Byte pairs learnt from the training part, or a tokenizer made elsewhere."""

    size: int | None = None
    """Most symbols in all, boundary included (where None: as many as suit the length of the text)."""
    min_frequency: int | None = None
    """Occurrences that a pair needs to become a symbol (2 where None)."""
    sample: int | None = None
    """Most characters of the training part to learn from, spread evenly over it (32 million where None)."""
    tokenizer: str | None = None
    """Path of a byte-level BPE `tokenizer.json` to use instead of learning."""

    def __post_init__(self) -> None:
        if self.size is not None and self.size <= _BYTES:
            raise UsageError(f"size must be at least 257 (256 bytes and the boundary), got {self.size}")
        if self.min_frequency is not None and self.min_frequency < 1:
            raise UsageError(f"min_frequency must be at least 1, got {self.min_frequency}")
        if self.sample is not None and self.sample < 1:
            raise UsageError(f"sample must be at least 1 character, got {self.sample}")
        learnt = {"size": self.size, "min_frequency": self.min_frequency, "sample": self.sample}
        given = [name for name, value in learnt.items() if value is not None]
        if self.tokenizer is not None and given:
            raise UsageError(
                f"a loaded tokenizer is not learnt: drop {' and '.join(given)}, or drop tokenizer"
            )


class BpeCodec(SpelledCodec):
    """A symbol is a run of bytes; ids are the tokenizer's own and the boundary comes after them."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """`tokenizer` must be one that `_load` made or `_learn` learnt: byte-level and lossless."""
        super().__init__(_spellings(tokenizer))
        self._tokenizer = tokenizer
        self._may_cut = _may_cut(json.loads(tokenizer.to_str())["pre_tokenizer"])

    def encode(self, text: str, side: Mapping[str, Any] | None = None) -> Encoded:
        to_utf8(text, "bpe")
        pieces = list(_pieces(text)) if self._may_cut else [text]
        parts = [np.zeros(0, dtype=np.int32)]
        for start in range(0, len(pieces), _PIECES_AT_ONCE):
            batch = pieces[start : start + _PIECES_AT_ONCE]
            encodings = self._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            parts += [np.array(encoding.ids, dtype=np.int32) for encoding in encodings]
        ids = np.concatenate(parts)
        return Encoded(ids, self.lengths[ids])

    def to_json(self) -> dict[str, Any]:
        return {"tokenizer": self._tokenizer.to_str()}


def fit(data: Iterable[str], config: Config) -> BpeCodec:
    """Return the codec learnt from the data, or loaded; DataError where it would not be lossless."""
    return _fitted(data, config, times=1)


def fit_to_pairs(data: Iterable[str], config: Config) -> BpeCodec:
    """Return the codec for texts that are predicted from others: four times as many symbols where it is open.

    Of 19,004 pairs of English and Chinese sentences `seq2seq` had BLEU 16.9 on validation pairs after 100 s
    with 512 symbols a side, which suit bits per byte, 23.7 with 2,000, and 22.9 with 4,000.
    """
    return _fitted(data, config, times=_TIMES_OF_PAIRS)


def _fitted(data: Iterable[str], config: Config, times: int) -> BpeCodec:
    if config.tokenizer is not None:
        return BpeCodec(_load(_read(Path(config.tokenizer)), config.tokenizer))
    texts = _spread(data, _DEFAULT_SAMPLE if config.sample is None else config.sample)
    size = config.size
    if size is None:
        size = times * suitable_size(sum(len(text.encode()) for text in texts))
    frequency = _DEFAULT_FREQUENCY if config.min_frequency is None else config.min_frequency
    return BpeCodec(_learn(texts, size - 1, frequency))


def suitable_size(text_bytes: int) -> int:
    """Return how many symbols suit this much text: one a thousand bytes, a power of two.

    Held-out bits per byte of n-grams are flat around it: within 2 % from half to twice the size.

    >>> suitable_size(1_000_000), suitable_size(2_000), suitable_size(10**9)
    (1024, 512, 16384)
    """
    exponent = round(math.log2(max(1, text_bytes) / _BYTES_A_SYMBOL)) if text_bytes else 0
    return min(_LARGEST_SIZE, max(_SMALLEST_SIZE, 1 << max(0, exponent)))


def from_json(fields: Mapping[str, Any]) -> BpeCodec:
    """Return the codec that `to_json` described; RunError or DataError where it is damaged."""
    return BpeCodec(_load(stored(fields, "tokenizer", str), "codec.json"))


def _learn(texts: Iterable[str], size: int, frequency: int) -> Tokenizer:
    """Return a tokenizer of at most `size` symbols, the 256 bytes among them."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PATTERN), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        min_frequency=frequency,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise DataError(f"cannot read the tokenizer {path}: {reason}; give a tokenizer.json") from error


def _load(text: str, origin: str) -> Tokenizer:
    """Return the tokenizer of a `tokenizer.json`, without its special tokens.

    Raises DataError, naming `origin`, where it is not byte-level BPE or would change text.
    """
    from tokenizers import Tokenizer

    try:
        fields = json.loads(text)
        reason = _why_lossy(fields)
        # an added token takes its literal text out of the text; templates and padding put symbols in
        kept = fields | {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None}
        if not reason:
            tokenizer: Tokenizer = Tokenizer.from_str(json.dumps(kept))
            return tokenizer
    except Exception as error:  # the library raises nothing narrower
        reason = f"it is damaged or no tokenizer.json ({str(error).splitlines()[0]})"
    raise DataError(f"{origin} cannot be used: {reason}; give a byte-level BPE tokenizer.json, or learn one")


def _why_lossy(fields: Mapping[str, Any]) -> str:
    """Return why this tokenizer could not give back every text, or nothing."""
    model = fields["model"]
    if model.get("type") != "BPE":
        return f"its model is {model.get('type')}, not BPE"
    missing = len(_byte_of_character().keys() - model["vocab"].keys())
    if missing:
        return f"it is not byte-level: {missing} of the 256 bytes have no symbol"
    if fields.get("normalizer"):
        return f"its normalizer ({fields['normalizer'].get('type')}) changes the text"
    for option in ("dropout", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        if model.get(option):
            return f"its {option} makes symbols that do not spell the text"
    return _why_split_lossy(fields.get("pre_tokenizer") or {"type": "none"})


def _why_split_lossy(split: Mapping[str, Any]) -> str:
    """Return why this pre-tokenizer would lose or add text, or nothing."""
    members = split["pretokenizers"] if split["type"] == "Sequence" else [split]
    for member in members:
        if member["type"] not in ("ByteLevel", "Split", "Digits", "Punctuation"):
            return f"its pre-tokenizer ({member['type']}) is not known to keep the text"
        if member.get("behavior") == "Removed":
            return f"its pre-tokenizer ({member['type']}) removes text"
        if member.get("add_prefix_space"):
            return "it puts a space before the text (add_prefix_space)"
    if [member["type"] for member in members].count("ByteLevel") != 1:
        return "its pre-tokenizer is not byte-level"
    return ""


def _may_cut(split: Mapping[str, Any]) -> bool:
    """Return whether a text may be cut before spacing without changing its symbols."""
    first = split.get("pretokenizers", [split])[0]
    return bool(first.get("use_regex")) or first.get("pattern") == {"Regex": _PATTERN}


def _spellings(tokenizer: Tokenizer) -> list[bytes]:
    """Return the bytes of every id; an id that the tokenizer does not use spells nothing."""
    byte_of = _byte_of_character()
    vocabulary = tokenizer.get_vocab(with_added_tokens=False)
    spellings = [b""] * (max(vocabulary.values()) + 1)
    for token, identifier in vocabulary.items():
        # a special token's name need not be written in byte characters; encoding never yields it
        spelled = all(character in byte_of for character in token)
        spellings[identifier] = bytes(byte_of[c] for c in token) if spelled else token.encode()
    return spellings


@cache
def _byte_of_character() -> dict[str, int]:
    """Return the byte that each character of a byte-level vocabulary stands for (Radford et al. 2019).

    Printable Latin-1 stands for itself; the other bytes, in order, are the characters from U+0100.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(_BYTES) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(_BYTES + i): byte for i, byte in enumerate(others)}


def _pieces(text: str) -> Iterator[str]:
    """Yield the text in pieces of about 64 thousand characters, cut where no symbol can cross."""
    start = 0
    while len(text) - start > _PIECE:
        cut = _CUT.search(text, start + _PIECE)
        if cut is None:
            break
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:]


def _spread(data: Iterable[str], limit: int) -> list[str]:
    """Return at most `limit` characters of the data (or one piece), spread evenly over it.

    The data are read once and never held whole: at a limit every second piece goes. What learning costs
    is the length of the distinct words, so that is limited too; an unspaced text is all distinct words.
    """
    kept: list[str] = []
    words: set[str] = set()
    stride, size, distinct = 1, 0, 0
    for index, piece in enumerate(_short_pieces(data)):
        if index % stride:
            continue
        kept.append(piece)
        new = set(piece.split()) - words
        words |= new
        size, distinct = size + len(piece), distinct + sum(map(len, new))
        while (size > limit or distinct > _DISTINCT) and len(kept) > 1:
            kept, stride = kept[::2], 2 * stride
            words = set().union(*(piece.split() for piece in kept))
            size, distinct = sum(map(len, kept)), sum(map(len, words))
    return kept


def _short_pieces(data: Iterable[str]) -> Iterator[str]:
    for text in data:
        to_utf8(text, "bpe")
        for start in range(0, len(text), _SHORT_PIECE):
            yield text[start : start + _SHORT_PIECE]
