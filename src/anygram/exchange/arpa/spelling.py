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

from collections.abc import Sequence

import numpy as np

from anygram.protocols import Codec

BEGIN, END, UNKNOWN = b"<s>", b"</s>", b"<unk>"
UNKNOWN_TOO = b"<UNK>"
"""KenLM takes this for the unknown word too."""

_SPECIAL = {BEGIN, END, UNKNOWN, UNKNOWN_TOO}
_SPACE = "\u2581"


def tokens(codec: Codec) -> list[bytes]:
    """Return the token of every symbol below the boundary, by id."""
    texts = [_text(codec, symbol) for symbol in range(codec.boundary)]
    spell = _words if all(_is_word(text) for text in texts) else _pieces
    spelled = spell(texts)
    if codec.unknown is not None:
        spelled[codec.unknown] = UNKNOWN
    return spelled


def _text(codec: Codec, symbol: int) -> str:
    """Return what a symbol spells; bytes that are not UTF-8 are surrogate escapes."""
    if symbol == codec.unknown:
        return UNKNOWN.decode()
    text: str = codec.decode(np.array([symbol], dtype=np.int32))
    return text


def _is_word(text: str) -> bool:
    """Return whether a text can stand in an ARPA file as it is, or is a newline."""
    return text == "\n" or (_is_unicode(text) and text.split() == [text] and "\0" not in text)


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def _words(texts: Sequence[str]) -> list[bytes]:
    return [_word(text.encode()) for text in texts]


def _word(word: bytes) -> bytes:
    if word == b"\n":
        return b"\\n"
    return b"\\" + word if word in _SPECIAL or word.startswith(b"\\") else word


def _pieces(texts: Sequence[str]) -> list[bytes]:
    spelled: dict[bytes, int] = {}
    for symbol, text in enumerate(texts):
        token = _piece(text)
        spelled[token if token and token not in spelled else b"\\#%d" % symbol] = symbol
    return list(spelled)


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
