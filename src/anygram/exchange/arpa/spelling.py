r"""Symbols as tokens of an ARPA file: readable, each its own, without white space.

Where every symbol is a word (UTF-8 without white space, a newline excepted) words stay as they are, so that
another program finds in a text what it finds in the file. Only these are written with a backslash before:

    \n            a newline
    \<unk>        a word that reads <s>, </s>, <unk> or <UNK>, which mean something else in the format
    \\frac        a word that begins with a backslash

Where symbols are pieces of text (bytes, characters, byte pairs, spelled words):

    ▁             a space
    \\            a backslash
    \xNN          a byte that is not UTF-8, or one of a character that shows nothing, is white space or ▁,
                  or the < of a piece that reads <s>, </s>, <unk> or <UNK>
    \#7           symbol 7, where it spells nothing or what an earlier symbol spells
"""

from __future__ import annotations

import numpy as np

from anygram.codecs.words import WordsCodec
from anygram.protocols import Codec, Texts

BEGIN, END, UNKNOWN = b"<s>", b"</s>", b"<unk>"
UNKNOWN_TOO = b"<UNK>"
"""KenLM takes this for the unknown word too."""

_SPECIAL = {BEGIN, END, UNKNOWN, UNKNOWN_TOO}
_SPACE = "\u2581"
_NEWLINE, _BACKSLASH, _LESS = b"\n\\<"


def tokens(codec: Codec) -> Texts:
    """Return the token of every symbol below the boundary, by id."""
    symbols = _symbols(codec)
    spelled = _words(symbols) if _are_words(symbols) else _pieces(symbols)
    return spelled if codec.unknown is None else _replaced(spelled, codec.unknown, UNKNOWN)


def _symbols(codec: Codec) -> Texts:
    """Return what the symbols spell; the unknown one reads <unk>."""
    if isinstance(codec, WordsCodec):  # of these there may be millions
        return _replaced(codec.symbols, codec.unknown, UNKNOWN)
    texts = [
        UNKNOWN if symbol == codec.unknown else _raw(codec.decode(np.array([symbol], dtype=np.int32)))
        for symbol in range(codec.boundary)
    ]
    return Texts.of(texts)


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _replaced(texts: Texts, number: int, text: bytes) -> Texts:
    """Return texts with another one in place of that one."""
    start, end = texts.starts_D[number], texts.ends_D[number]
    bytes_N = [texts.bytes_N[:start], np.frombuffer(text, dtype=np.uint8), texts.bytes_N[end:]]
    longer = np.arange(len(texts)) >= number
    return Texts(np.concatenate(bytes_N), texts.ends_D + longer * (len(text) - (end - start)))


def _are_words(symbols: Texts) -> bool:
    """Return whether all symbols can stand in an ARPA file as they are, or are a newline."""
    starts_D, lengths_D = symbols.starts_D, np.diff(symbols.ends_D, prepend=0)
    if not lengths_D.all():
        return False
    firsts_D = symbols.bytes_N[starts_D]
    if ((firsts_D & 0xC0) == 0x80).any():  # in the middle of a character
        return False
    newlines_D = (firsts_D == _NEWLINE) & (lengths_D == 1)
    try:
        text = np.delete(symbols.bytes_N, starts_D[newlines_D]).tobytes().decode()
    except UnicodeDecodeError:
        return False
    return text.split() == ([text] if text else []) and "\0" not in text


def _words(symbols: Texts) -> Texts:
    """Return words as they are, or with a backslash before them; n for a newline."""
    starts_D, ends_D = symbols.starts_D, symbols.ends_D
    firsts_D = symbols.bytes_N[starts_D]
    escaped_D = (firsts_D == _NEWLINE) | (firsts_D == _BACKSLASH)
    for number in np.flatnonzero((firsts_D == _LESS) & (ends_D - starts_D <= len(UNKNOWN))).tolist():
        escaped_D[number] = symbols.raw(number) in _SPECIAL
    bytes_N = np.where(symbols.bytes_N == _NEWLINE, ord("n"), symbols.bytes_N)
    return Texts(np.insert(bytes_N, starts_D[escaped_D], _BACKSLASH), ends_D + np.cumsum(escaped_D))


def _pieces(symbols: Texts) -> Texts:
    spelled: dict[bytes, int] = {}
    for symbol in range(len(symbols)):
        token = _piece(symbols.raw(symbol).decode("utf-8", "surrogateescape"))
        spelled[token if token and token not in spelled else b"\\#%d" % symbol] = symbol
    return Texts.of(list(spelled))


def _piece(text: str) -> bytes:
    r"""Return a piece of text without white space.

    >>> _piece(" né\\").decode(), _piece("\udce4\t<s>"), _piece("<s>")
    ('▁né\\\\', b'\\xE4\\x09<s>', b'\\x3Cs>')
    """
    if text.encode("utf-8", "surrogateescape") in _SPECIAL:
        return _hexadecimal(text[0]) + text[1:].encode()
    return b"".join(map(_character, text))


def _character(character: str) -> bytes:
    if character == " ":
        return _SPACE.encode()
    if character == "\\":
        return b"\\\\"
    return character.encode() if character.isprintable() and character != _SPACE else _hexadecimal(character)


def _hexadecimal(text: str) -> bytes:
    return "".join(f"\\x{byte:02X}" for byte in text.encode("utf-8", "surrogateescape")).encode()
