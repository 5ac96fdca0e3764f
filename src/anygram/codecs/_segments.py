"""What a mixture is made of: segments as its side lists them, and as ranges of symbols, one a kind.

Axes: N symbols, S segments.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from anygram.codecs import kind_of
from anygram.codecs._text import check_range, to_bytes, to_text
from anygram.errors import DataError
from anygram.protocols import Codec, Ids, Side, WithSides


def listed(side: Side) -> list[dict[str, Any]]:
    """Return the segments of a side; DataError where it lists none."""
    segments = side.get("segments")
    if not isinstance(segments, list) or not all(isinstance(one, dict) and "kind" in one for one in segments):
        raise DataError(
            "the side lists no 'segments', each with its 'kind'; name .jsonl files that list them"
        )
    return segments


def described(kind: str, size: int, side: Side | None) -> dict[str, Any]:
    """Return what a side says of a segment of so many bytes."""
    return {"kind": kind, "bytes": size, **({} if side is None else {"side": dict(side)})}


def side_of(side: Side | None, number: int, kind: str) -> Side | None:
    """Return the side of a segment by its place, None where one of another kind stands there."""
    segments = [] if side is None else listed(side)
    if number >= len(segments) or segments[number]["kind"] != kind:
        return None
    own: Side | None = segments[number].get("side")
    return own


def cut(raw: bytes, side: Side | None) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield each segment as the side has it, and its bytes; DataError where the side is none of so many."""
    if side is None:
        raise DataError("no mixture: its segments are unknown; name .jsonl files that list them")
    segments = listed(side)
    sizes = [one.get("bytes", -1) for one in segments]
    if not all(isinstance(size, int) and size >= 0 for size in sizes) or sum(sizes) != len(raw):
        raise DataError(f"segments of {sizes} bytes are not the {len(raw)} there are; read them again")
    start = 0
    for one, size in zip(segments, sizes, strict=True):
        yield one, raw[start : start + size]
        start += size


class OfKind:
    """The segments of one kind in data, with their sides; none where the data have no sides."""

    def __init__(self, data: Iterable[str], kind: str) -> None:
        self._data, self._kind = data, kind

    def __iter__(self) -> Iterator[str]:
        if not isinstance(self._data, WithSides):
            return
        for text, side in zip(self._data, self._data.sides(), strict=True):
            if side is not None and any(one["kind"] == self._kind for one in listed(side)):
                yield from (
                    to_text(raw) for one, raw in cut(to_bytes(text), side) if one["kind"] == self._kind
                )

    def sides(self) -> Iterator[Side | None]:
        """Yield the side of each of them."""
        for side in self._data.sides() if isinstance(self._data, WithSides) else ():
            for one in () if side is None else listed(side):
                if one["kind"] == self._kind:
                    yield one.get("side")


def kinds_of(data: Iterable[str]) -> list[str]:
    """Return the kinds of segments that data hold, in the order in which they come."""
    sides = data.sides() if isinstance(data, WithSides) else ()
    kinds: dict[str, None] = {}
    for side in sides:
        kinds |= dict.fromkeys(str(one["kind"]) for one in ([] if side is None else listed(side)))
    return list(kinds)


@dataclass(frozen=True)
class Part:
    """The codec of one kind, and the ids of its first symbol and of the one that opens its segments."""

    kind: str
    name: str
    codec: Codec
    first: int
    opens: int


class Layout:
    """Ranges of symbols: those of each part, then those that open segments, then the boundary."""

    def __init__(self, members: Sequence[tuple[str, Codec]]) -> None:
        """`members` are the codecs' names and the codecs, one a kind."""
        self._firsts = np.cumsum([0, *(codec.boundary for _, codec in members)])
        self._opening = int(self._firsts[-1])
        self.parts = [
            Part(kind_of(name), name, codec, int(self._firsts[place]), self._opening + place)
            for place, (name, codec) in enumerate(members)
        ]
        self.opening = np.array([part.opens for part in self.parts], dtype=np.int32)
        self.boundary = self._opening + len(self.parts)
        self._by_kind = {part.kind: part for part in self.parts}

    def of_kind(self, segment: Mapping[str, Any]) -> Part:
        """Return the part of a segment that is listed; DataError where there is none of its kind."""
        kind = str(segment["kind"])
        if kind not in self._by_kind:
            raise DataError(
                f"no codec for segments of kind '{kind}', but for {', '.join(self._by_kind)}; "
                "train on mixtures that hold some"
            )
        return self._by_kind[kind]

    def of_symbol(self, symbol: int) -> Part:
        """Return the part that a symbol below the boundary belongs to."""
        if symbol >= self._opening:
            return self.parts[symbol - self._opening]
        return self.parts[int(np.searchsorted(self._firsts, symbol, side="right")) - 1]

    def segments(self, ids: Ids) -> Iterator[tuple[Part, Ids]]:
        """Yield of each segment its part and that one's symbols.

        Symbols of another kind begin a segment though none opened it.
        """
        check_range(ids, self.boundary)
        opens_N = ids >= self._opening
        in_range_N = np.searchsorted(self._firsts, ids, side="right") - 1
        place_N = np.where(opens_N, ids - self._opening, in_range_N)
        starts_S = np.flatnonzero(opens_N | (np.diff(place_N, prepend=-1) != 0))
        for start, end in pairwise([*starts_S.tolist(), len(ids)]):
            part = self.parts[place_N[start]]
            yield part, ids[start + int(opens_N[start]) : end] - np.int32(part.first)
