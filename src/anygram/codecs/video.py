"""Animations as symbols: the first frame's channel values, then differences from the frame before.

Differences are taken mod 256, at the same place of the previous frame; nothing is lost. Where nothing moves
they are 0, which a model of few symbols of context can foretell. They are of a range of their own, behind
that of the first frame's values. Nothing follows what moves, and a still picture costs what it costs by
`image`, with twice the symbols to choose from.

Axes: N values, F frames, S values of a frame, V vocabulary.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._frames import SIZE, Sized, checked, usual_of, values_of
from anygram.codecs._text import check_range, stored, to_bytes, to_text
from anygram.errors import UsageError
from anygram.protocols import Decoder, Encoded, Guide, Ids, Side, WithSides

KIND = "pictures"

_VALUES = 256


@dataclass(frozen=True)
class Config:
    """There is nothing to choose."""


class VideoCodec:
    """A symbol a channel value: itself in the first frame, its difference in those after it.

    >>> VideoCodec().encode("abca", {"width": 2, "height": 1, "channels": 1, "frames": 2}).ids
    array([ 97,  98, 258, 511], dtype=int32)
    """

    unit = "channel value"
    unknown: int | None = None
    lossless = True
    vocabulary_size = 2 * _VALUES + 1
    boundary = 2 * _VALUES

    def __init__(self, usual: Side | None = None) -> None:
        """`usual` is the side that most animations of the training part have."""
        self._usual = usual

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the animation's symbols; DataError where the side is none of one with so many values."""
        values_N = np.frombuffer(to_bytes(text), dtype=np.uint8)
        checked(side, len(values_N))
        return Encoded(
            _differences(values_N, _frame(side)), np.ones(len(values_N), np.int64), side, len(values_N)
        )

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return the values of these symbols; where the side tells no frames, differences are from black."""
        ids = np.asarray(ids)
        check_range(ids, self.boundary)
        size = _frame(side) or max(1, len(ids))
        before_S = np.zeros(size, dtype=np.int32)
        frames = []
        for first in range(0, len(ids), size):
            ids_S = ids[first : first + size]
            before_S = _values(ids_S, before_S[: len(ids_S)])
            frames.append(before_S.astype(np.uint8).tobytes())
        return to_text(b"".join(frames))

    def decoder(self, side: Side | None = None) -> Decoder:
        return _VideoDecoder(_frame(side))

    def guide(self, side: Side | None = None) -> Guide:
        """Return what holds an animation to its size, with differences from the second frame on alone."""
        side = side or self._usual
        if side is None:
            raise UsageError("an animation of which size? give its width, height, channels and frames")
        return _Frames(side)

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of an animation's first values."""
        return _differences(np.frombuffer(to_bytes(text), dtype=np.uint8), _frame(side or self._usual))

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it: a value, or a difference with its sign."""
        if identifier == self.boundary:
            return "<boundary>"
        if identifier < _VALUES:
            return str(identifier)
        return f"{(identifier + _VALUES // 2) % _VALUES - _VALUES // 2:+d}"

    def to_json(self) -> dict[str, Any]:
        return {"usual": None if self._usual is None else dict(self._usual)}


class _VideoDecoder:
    """Decodes as symbols arrive; remembers the values so far."""

    def __init__(self, frame: int) -> None:
        self._frame = frame
        self._values: list[int] = []
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def push(self, symbol: int) -> str:
        check_range(np.array([symbol], dtype=np.int32), VideoCodec.boundary)
        there = self._frame and len(self._values) >= self._frame
        before = self._values[-self._frame] if there else 0
        self._values.append(symbol if symbol < _VALUES else (before + symbol) % _VALUES)
        return self._utf8.decode(bytes(self._values[-1:]))

    def finish(self) -> str:
        return self._utf8.decode(b"", final=True)


class _Frames(Sized):
    """Allows values in the first frame, differences in the others, and then the boundary alone."""

    def __init__(self, side: Side) -> None:
        super().__init__(side, values_of(side), VideoCodec.vocabulary_size)
        self._frame = _frame(side)

    def allowed(self) -> NDArray[np.bool_]:
        allowed_V = super().allowed()
        closed = slice(_VALUES, -1) if self._frame > 0 else slice(_VALUES)
        allowed_V[closed] = False
        return allowed_V

    def push(self, symbol: int) -> None:
        super().push(symbol)
        self._frame -= 1


def fit(data: Iterable[str], config: Config) -> VideoCodec:
    """Return the codec, which knows what size is usual."""
    return VideoCodec(usual_of(data.sides(), (*SIZE, "frames")) if isinstance(data, WithSides) else None)


def from_json(fields: Mapping[str, Any]) -> VideoCodec:
    """Return the codec that `to_json` described; RunError where it is damaged."""
    return VideoCodec(None if fields.get("usual") is None else stored(fields, "usual", dict))


def _frame(side: Side | None) -> int:
    """Return how many values a frame has, 0 where the side does not say."""
    known = side is not None and all(name in side for name in SIZE)
    return math.prod(int(side[name]) for name in SIZE) if side is not None and known else 0


def _differences(values_N: NDArray[np.uint8], frame: int) -> Ids:
    ids: Ids = values_N.astype(np.int32)
    if frame:
        ids[frame:] = (values_N[frame:] - values_N[:-frame]).astype(
            np.int32
        ) + _VALUES  # mod 256, as uint8 are
    return ids


def _values(ids_S: Ids, before_S: Ids) -> Ids:
    """Return the values of a frame's symbols after those of the frame before."""
    values_S: Ids = np.where(ids_S < _VALUES, ids_S, (before_S + ids_S) % _VALUES)
    return values_S
