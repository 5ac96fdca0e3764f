"""Pictures as symbols in raster order: every 8-bit channel value, or a palette's nearest colour a pixel.

A picture's size is its side information: who decodes must know it, and it is not charged. Frames of an
animation come one after another.

Axes: N pixels, C channels, K colours of the palette.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._frames import Sized, checked, usual_of, values_of
from anygram.codecs._text import BYTES, SpelledCodec, stored, to_bytes
from anygram.errors import DataError, UsageError
from anygram.protocols import Encoded, Guide, Ids, Side, WithSides

KIND = "pictures"

_SAMPLED_PIXELS = 1 << 17
_NONE = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
class Config:
    """Whether pictures keep all their values."""

    colours: int | None = None
    """Colours of a palette, found by k-means; none: channel values as they are, nothing is lost."""

    def __post_init__(self) -> None:
        if self.colours is not None and not 2 <= self.colours <= 65_536:
            raise UsageError(
                f"colours must be from 2 to 65536, got {self.colours}; leave it out to lose nothing"
            )


class ImageCodec(SpelledCodec):
    """A symbol is a channel value, or a colour of the palette.

    >>> ImageCodec().encode("abcd", {"width": 2, "height": 2, "channels": 1}).ids
    array([ 97,  98,  99, 100], dtype=int32)
    """

    unit = "channel value"

    def __init__(self, palette_KC: NDArray[np.uint8] | None = None, usual: Side | None = None) -> None:
        """`usual` is the side that most pictures of the training part have."""
        super().__init__(BYTES if palette_KC is None else [colour_C.tobytes() for colour_C in palette_KC])
        self._palette_KC = palette_KC
        self._usual = usual
        self.lossless = palette_KC is None

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the picture's symbols; DataError where the side is none of a picture with so many values."""
        values = np.frombuffer(to_bytes(text), dtype=np.uint8)
        channels = checked(side, len(values))
        if self._palette_KC is None:
            ids = values.astype(np.int32)
        elif channels != self._palette_KC.shape[1]:
            raise DataError(
                f"the picture has {channels} channels, the palette {self._palette_KC.shape[1]}; "
                "convert it, or train on pictures like it"
            )
        else:
            ids = _nearest(values.reshape(-1, channels), self._palette_KC)
        return Encoded(ids, self.lengths[ids], side, len(values))

    def guide(self, side: Side | None = None) -> Guide:
        """Return what holds a picture to its size."""
        side = side or self._usual
        if side is None:
            raise UsageError("a picture of which size? give its width, height and channels")
        values = values_of(side)
        return Sized(side, values if self.lossless else values // side["channels"], self.vocabulary_size)

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of a picture's first pixels."""
        side = side or self._usual
        values = len(to_bytes(text))
        channels = 1 if side is None else int(side["channels"])
        if values % channels:
            raise DataError(f"{values} values are no whole pixels of {channels} channels; give whole ones")
        return (
            self.encode(text, {"width": values // channels, "height": 1, "channels": channels}).ids
            if values
            else _NONE
        )

    def symbol(self, identifier: int) -> str:
        if identifier == self.boundary:
            return "<boundary>"
        return " ".join(map(str, self.spellings[identifier]))

    def to_json(self) -> dict[str, Any]:
        palette = None if self._palette_KC is None else self._palette_KC.tolist()
        return {"palette": palette, "usual": None if self._usual is None else dict(self._usual)}


def fit(data: Iterable[str], config: Config) -> ImageCodec:
    """Return the codec; the data's pixels are clustered where a palette is asked for (scikit-learn)."""
    sides = list(data.sides()) if isinstance(data, WithSides) else []
    usual = usual_of(sides)
    if config.colours is None:
        return ImageCodec(None, usual)
    if usual is None:
        raise DataError("a palette is found in pictures, and there is none; name some as the source")
    pixels_NC = _sampled(zip(data, sides, strict=True), usual["channels"])
    return ImageCodec(_clustered(pixels_NC, config.colours), usual)


def from_json(fields: Mapping[str, Any]) -> ImageCodec:
    """Return the codec that `to_json` described; RunError where it is damaged."""
    palette = fields.get("palette")
    usual = None if fields.get("usual") is None else stored(fields, "usual", dict)
    return ImageCodec(None if palette is None else np.array(palette, dtype=np.uint8), usual)


def _sampled(pictures: Iterable[tuple[str, Side | None]], channels: int) -> NDArray[np.uint8]:
    """Return pixels_NC spread evenly over the pictures that have so many channels."""

    def planes() -> Iterator[NDArray[np.uint8]]:
        for text, side in pictures:
            if side is not None and side["channels"] == channels:
                yield np.frombuffer(to_bytes(text), dtype=np.uint8).reshape(-1, channels)

    pixels_NC = np.concatenate(list(planes()))
    return pixels_NC[:: -(-len(pixels_NC) // _SAMPLED_PIXELS)]


def _clustered(pixels_NC: NDArray[np.uint8], colours: int) -> NDArray[np.uint8]:
    """Return the centres of k-means as palette_KC, each colour once (Lloyd 1982)."""
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise DataError("a palette needs scikit-learn; pip install 'anygram[pictures]'") from error
    colours = min(colours, len(np.unique(pixels_NC, axis=0)))
    clustering: Any = KMeans
    found = clustering(colours, n_init=1, random_state=0).fit(pixels_NC.astype(np.float32))
    palette_KC: NDArray[np.uint8] = np.unique(np.rint(found.cluster_centers_).astype(np.uint8), axis=0)
    return palette_KC


def _nearest(pixels_NC: NDArray[np.uint8], palette_KC: NDArray[np.uint8]) -> NDArray[np.int32]:
    """Return the nearest colour of each pixel, by squared distance; the first of equal ones."""
    distinct_MC, of_N = np.unique(pixels_NC, axis=0, return_inverse=True)
    nearest_M = np.empty(len(distinct_MC), dtype=np.int32)
    for first in range(0, len(distinct_MC), 1 << 12):
        apart_MKC = distinct_MC[first : first + (1 << 12), None].astype(np.int64) - palette_KC
        nearest_M[first : first + (1 << 12)] = (apart_MKC**2).sum(axis=2).argmin(axis=1)
    return nearest_M[of_N.ravel()]
