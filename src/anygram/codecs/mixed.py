"""Segments of several kinds in one stream: each by the codec of its kind, in a range of symbols of its own.

A symbol opens each segment and says of what kind it is, so one model may learn pictures followed by their
names and names followed by their pictures. The kinds' symbols come first, then those that open, then the
boundary. A datum's side says by `segments` of what kind each is, how many bytes it has, and its own side.

Axis: V vocabulary.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import settings
from anygram.codecs import REGISTRY, TEXT, kind_of
from anygram.codecs._segments import Layout, OfKind, Part, cut, described, kinds_of, listed, side_of
from anygram.codecs._text import check_range, stored, to_bytes, to_text
from anygram.errors import DataError, UsageError
from anygram.protocols import (
    Codec,
    Decoder,
    Encoded,
    Guide,
    Guided,
    Ids,
    Side,
    TensorCodec,
    Tensors,
)

KIND = "mixtures"

_NONE = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Config:
    """What each kind of segment is coded by."""

    codecs: str = "bytes+image+audio+series+table"
    """Codecs, one a kind, each with settings if need be: bytes+image:colours=4+audio:bits=8:rate=2000."""

    def __post_init__(self) -> None:
        chosen(self.codecs)


def chosen(words: str) -> dict[str, tuple[str, Any]]:
    """Return by kind the name of its codec and that one's config; UsageError for words that name no such.

    >>> chosen("bytes+image:colours=4")["pictures"]
    ('image', Config(colours=4))
    """
    found: dict[str, tuple[str, Any]] = {}
    for word in words.split("+"):
        name, *pairs = word.strip().split(":")
        kind = kind_of(name)
        if kind == KIND:
            raise UsageError(f"a mixture holds no mixtures, got {name}; name a codec of another kind")
        if kind in found:
            raise UsageError(f"{found[kind][0]} and {name} are both for {kind}; name one codec a kind")
        config = REGISTRY.load(name).Config
        found[kind] = name, settings.build(config, settings.parse_pairs(pairs, f"codecs={name}:"))
    return found


class MixedCodec:
    """Segments end to end, each opened by the symbol of its kind."""

    unit = "byte"

    def __init__(self, members: Sequence[tuple[str, Codec]]) -> None:
        """`members` are the codecs' names and the codecs, one a kind."""
        self.layout = Layout(members)
        self.lossless = all(codec.lossless for _, codec in members)
        unknown = [
            part.first + part.codec.unknown for part in self.layout.parts if part.codec.unknown is not None
        ]
        self.unknown: int | None = unknown[0] if unknown else None

    @property
    def vocabulary_size(self) -> int:
        return self.boundary + 1

    @property
    def boundary(self) -> int:
        return self.layout.boundary

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the segments' symbols; DataError where the side is none of so many bytes, or of other kinds.

        An opening symbol stands for those bytes of its segment that none of its symbols does.
        """
        ids, units, kept = [_NONE], [np.empty(0, dtype=np.int64)], []
        for one, raw in cut(to_bytes(text), side):
            part = self.layout.of_kind(one)
            encoded = part.codec.encode(to_text(raw), one.get("side"))
            ids.append(_opened(part, encoded.ids))
            units += [np.array([len(raw) - encoded.units.sum()]), encoded.units]
            size = len(raw) if part.codec.lossless else len(_decoded(part.codec, encoded.ids, encoded.side))
            kept.append(described(part.kind, size, encoded.side or one.get("side")))
        return Encoded(np.concatenate(ids), np.concatenate(units), {"segments": kept})

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return the segments end to end."""
        segments = enumerate(self.layout.segments(np.asarray(ids)))
        return to_text(
            b"".join(
                _decoded(part.codec, own, side_of(side, number, part.kind))
                for number, (part, own) in segments
            )
        )

    def decoder(self, side: Side | None = None) -> Decoder:
        return _MixedDecoder(self.layout, side)

    def guide(self, side: Side | None = None) -> Guide:
        """Return what allows segments as the side lists them, in its order; without one, any in any order."""
        if side is None:
            return _MixedGuide(self.layout, None)
        return _MixedGuide(self.layout, [(self.layout.of_kind(one), one.get("side")) for one in listed(side)])

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of the segments that this text is.

        Segments that say no `bytes` are still to come: the first of them begins with the text that is left.
        Without a side the text begins a segment of text.
        """
        segments: list[dict[str, Any]] = [{"kind": TEXT}] if side is None else listed(side)
        given = [one for one in segments if "bytes" in one]
        if segments[: len(given)] != given:
            raise DataError("a segment without 'bytes' comes before one with them; the known ones come first")
        raw, known = to_bytes(text), sum(int(one["bytes"]) for one in given)
        ids = self.encode(to_text(raw[:known]), {"segments": given}).ids
        if len(raw) <= known:
            return ids
        if len(segments) == len(given):
            raise DataError(f"{len(raw) - known} bytes lie past the last segment; its side says too few")
        part, own = self.layout.of_kind(segments[len(given)]), segments[len(given)].get("side")
        return np.concatenate([ids, _opened(part, _begun(part.codec, to_text(raw[known:]), own))])

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it, its kind before it where that is not text."""
        if identifier == self.boundary:
            return "<boundary>"
        part = self.layout.of_symbol(identifier)
        if identifier == part.opens:
            return f"<{part.kind}>"
        own = part.codec.symbol(identifier - part.first)
        return own if part.kind == TEXT else f"{part.kind}:{own}"

    def to_json(self) -> dict[str, Any]:
        parts = self.layout.parts
        return {"members": [{"codec": part.name, "fields": part.codec.to_json()} for part in parts]}

    def tensors(self) -> Tensors:
        """Return the tensors of its codecs, each under its kind."""
        return {
            f"{part.kind}.{name}": tensor
            for part in self.layout.parts
            if isinstance(part.codec, TensorCodec)
            for name, tensor in part.codec.tensors().items()
        }


class _MixedDecoder:
    """Decodes as symbols arrive, each segment by its kind's own decoder."""

    def __init__(self, layout: Layout, side: Side | None) -> None:
        self._layout, self._side = layout, side
        self._part: Part | None = None
        self._inner: Decoder | None = None
        self._number = -1
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def push(self, symbol: int) -> str:
        check_range(np.array([symbol], dtype=np.int32), self._layout.boundary)
        part, raw = self._layout.of_symbol(symbol), b""
        if symbol == part.opens or part is not self._part:
            raw = self._closed()
            self._number += 1
            self._part = part
            self._inner = part.codec.decoder(side_of(self._side, self._number, part.kind))
        if symbol != part.opens:
            assert self._inner is not None, "a segment is open"
            raw += _raw(self._inner.push(symbol - part.first))
        return self._utf8.decode(raw)

    def finish(self) -> str:
        return self._utf8.decode(self._closed(), final=True)

    def _closed(self) -> bytes:
        return b"" if self._inner is None else _raw(self._inner.finish())


class _MixedGuide:
    """Allows what the open segment's own guide does and, where that may end, the next segment."""

    def __init__(self, layout: Layout, wanted: Sequence[tuple[Part, Side | None]] | None) -> None:
        self._layout, self._wanted = layout, wanted
        self._open: list[_Opened] = []

    @property
    def side(self) -> Side | None:
        """The segments so far: of what kind each is, its bytes and its side."""
        return {"segments": [one.described() for one in self._open]}

    def allowed(self) -> NDArray[np.bool_]:
        allowed_V = np.zeros(self._layout.boundary + 1, dtype=bool)
        if self._open:
            last = self._open[-1]
            inner_V = last.allowed()
            allowed_V[last.part.first :][: len(inner_V) - 1] = inner_V[:-1]
            if not inner_V[-1]:
                return allowed_V
        if self._wanted is None:
            allowed_V[self._layout.opening] = True
            allowed_V[-1] = bool(self._open)
        elif len(self._open) < len(self._wanted):
            allowed_V[self._wanted[len(self._open)][0].opens] = True
        else:
            allowed_V[-1] = True
        return allowed_V

    def push(self, symbol: int) -> None:
        if symbol >= self._layout.boundary:
            return
        part = self._layout.of_symbol(symbol)
        if symbol == part.opens or not self._open or self._open[-1].part is not part:
            number = len(self._open)
            wanted = self._wanted[number] if self._wanted and number < len(self._wanted) else (None, None)
            self._open.append(_Opened(part, wanted[1] if wanted[0] is part else None))
        if symbol != part.opens:
            self._open[-1].push(symbol - part.first)


class _Opened:
    """A segment that is being made: its symbols so far and its guide, if its codec guides."""

    def __init__(self, part: Part, side: Side | None) -> None:
        self.part, self._side = part, side
        self._ids: list[int] = []
        self._guide = part.codec.guide(side) if isinstance(part.codec, Guided) else None

    def allowed(self) -> NDArray[np.bool_]:
        """Return which symbols of the part may come next, its boundary for the segment's end."""
        if self._guide is None:
            return np.ones(self.part.codec.vocabulary_size, dtype=bool)
        return self._guide.allowed()

    def push(self, symbol: int) -> None:
        self._ids.append(symbol)
        if self._guide is not None:
            self._guide.push(symbol)

    def described(self) -> dict[str, Any]:
        """Return what the side says of the segment."""
        side = self._side if self._guide is None else self._guide.side
        ids = np.array(self._ids, dtype=np.int32)
        return described(self.part.kind, len(_decoded(self.part.codec, ids, side)), side)


def fit(data: Iterable[str], config: Config) -> MixedCodec:
    """Return the codec, each kind's fitted on its segments; kinds that the data do not hold have none.

    Of data without sides nothing is known: then every kind has its codec. DataError for segments of a kind
    that no codec is named for.
    """
    by_kind = chosen(config.codecs)
    held = kinds_of(data)
    for kind in held:
        if kind not in by_kind:
            raise DataError(f"segments of kind '{kind}' have no codec; add one for them to --set codecs=")
    members: list[tuple[str, Codec]] = []
    for kind, (name, own) in by_kind.items():
        if kind in held or not held:
            members.append((name, REGISTRY.load(name).fit(OfKind(data, kind), own)))
    return MixedCodec(members)


def from_json(fields: Mapping[str, Any], tensors: Tensors | None = None) -> MixedCodec:
    """Return the codec that `to_json` described; RunError where it is damaged."""
    members: list[tuple[str, Codec]] = []
    for member in stored(fields, "members", list):
        name = stored(member, "codec", str)
        module = REGISTRY.load(name)
        prefix = f"{kind_of(name)}."
        own = {
            key.removeprefix(prefix): one for key, one in (tensors or {}).items() if key.startswith(prefix)
        }
        members.append((name, module.from_json(stored(member, "fields", dict), *([own] if own else []))))
    return MixedCodec(members)


def _opened(part: Part, ids: Ids) -> Ids:
    """Return a segment's symbols in the stream: what opens it, and those of its codec in their range."""
    return np.concatenate([np.array([part.opens], dtype=np.int32), ids + np.int32(part.first)])


def _begun(codec: Codec, text: str, side: Side | None) -> Ids:
    return codec.beginning(text, side) if isinstance(codec, Guided) else codec.encode(text, side).ids


def _decoded(codec: Codec, ids: Ids, side: Side | None) -> bytes:
    return _raw(codec.decode(ids, side))


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
