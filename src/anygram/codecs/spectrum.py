"""Recordings as symbols of what is heard: a level and a shape of spectrum for each frame of 20 ms; lossy.

A frame is heard as its log mel energies (Davis & Mermelstein 1980). Shapes are frames of the training part,
one nearest to each centre of k-means over spectra less their means (gain-shape vector quantisation: Buzo,
Gray, Gray & Markel 1980). What a level and a shape spell is that frame made so loud; a frame is coded by
whatever pair sounds nearest to it. Frames do not overlap, so what was decoded is coded as itself again: a
pair's own samples are at distance 0 from it.

Axes: N frames, S samples of a frame, M mel bands, K shapes, G levels, E = K · G pairs, T symbols.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._recordings import LOUDEST, SAMPLE, brought_to, is_recording, samples_of
from anygram.codecs._text import check_range, stored, to_bytes, to_text
from anygram.errors import DataError, RunError, UsageError
from anygram.protocols import Decoder, Encoded, Guide, Ids, Side, Tensors, WithSides

KIND = "sounds"

_LEVELS = 16  # silence, then a root mean square of 1, 2, 4, … 16384: 6 dB apart
_BANDS = 20
_FADE = 0.002  # seconds in which a frame begins and ends: an edge would sound through the whole spectrum
_QUIETEST = 1.0  # power that is added to each band's: that of the last bit of a sample
_SAMPLED_FRAMES = 1 << 16
_AT_ONCE = 1 << 10
_REMEDY = "restore it or train again"


@dataclass(frozen=True)
class Config:
    """How finely sounds are told apart."""

    shapes: int = 64
    """Shapes of spectrum, found by k-means."""
    frame: int = 20
    """Milliseconds of a frame."""
    rate: int = 8000
    """Samples a second that every recording is brought to."""

    def __post_init__(self) -> None:
        if not 1 <= self.shapes <= 4096:
            raise UsageError(f"shapes must be from 1 to 4096, got {self.shapes}; 64 to 256 suit speech")
        if not 5 <= self.frame <= 200:
            raise UsageError(f"frame must be from 5 to 200 milliseconds, got {self.frame}; 20 suits speech")
        if not 1000 <= self.rate <= 192_000:
            raise UsageError(f"rate must be from 1000 to 192000 samples a second, got {self.rate}")


class SpectrumCodec:
    """Two symbols a frame: its level, then its shape.

    >>> SpectrumCodec(Config(), np.ones((1, 160), dtype=np.int16)).encode("", {"rate": 8000, "channels": 2})
    Encoded(ids=array([], dtype=int32), units=array([], dtype=int64), side={'rate': 8000, 'channels': 1}, \
count=0, log_width_T=None)
    """

    unit = "frame"
    lossless = False
    unknown: int | None = None

    def __init__(self, config: Config, shapes_KS: NDArray[np.int16]) -> None:
        """`shapes_KS` are the frames of samples that the shapes are."""
        self._config, self._shapes_KS = config, shapes_KS
        self._pairs_ES = _sounded(shapes_KS, config.rate)
        self._heard_EM = _heard(self._pairs_ES, config.rate)

    @property
    def vocabulary_size(self) -> int:
        return self.boundary + 1

    @property
    def boundary(self) -> int:
        return _LEVELS + len(self._shapes_KS)

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the recording's symbols; DataError where the side is none of a recording.

        The last frame is filled with silence.
        """
        raw = to_bytes(text)
        frames_NS = _frames(raw, side, self._config)
        pairs_N = _nearest(_heard(frames_NS, self._config.rate), self._heard_EM)
        levels_N, shapes_N = np.divmod(pairs_N, len(self._shapes_KS))
        ids = np.stack([levels_N, shapes_N + _LEVELS], axis=1).astype(np.int32).ravel()
        ends_T = np.arange(len(ids) + 1) * len(raw) // max(1, len(ids))
        return Encoded(ids, np.diff(ends_T), self._side, len(frames_NS))

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return a frame for each shape, at the last level before it; there is silence before the first."""
        ids = np.asarray(ids)
        check_range(ids, self.boundary)
        return to_text(self._samples(ids, 0)[0])

    def decoder(self, side: Side | None = None) -> Decoder:
        return _SpectrumDecoder(self)

    def guide(self, side: Side | None = None) -> Guide:
        """Return what lets a shape follow each level."""
        return _WholeFrames(self._side, len(self._shapes_KS))

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of a recording's first frames."""
        return self.encode(text, side or self._side).ids

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it: a level in decibels of the loudest, or a shape's number."""
        if identifier == self.boundary:
            return "<boundary>"
        if identifier >= _LEVELS:
            return f"shape {identifier - _LEVELS}"
        return f"{6 * (identifier - _LEVELS)} dB" if identifier else "silence"

    def to_json(self) -> dict[str, Any]:
        return {"frame": self._config.frame, "rate": self._config.rate}

    def tensors(self) -> Tensors:
        """Return the frames that the shapes are."""
        return {"shapes": self._shapes_KS}

    @property
    def _side(self) -> dict[str, Any]:
        return {"rate": self._config.rate, "channels": 1}

    def _samples(self, ids: Ids, level: int) -> tuple[bytes, int]:
        """Return the samples of symbols that come after a level, and the last level then."""
        is_level_T = ids < _LEVELS
        # the place of the last level at or before each symbol, 0 for the one before them all
        places_T = np.maximum.accumulate(np.where(is_level_T, np.arange(1, len(ids) + 1), 0))
        levels_T = np.append(level, ids)[places_T]
        pairs_N = (levels_T * len(self._shapes_KS) + ids - _LEVELS)[~is_level_T]
        return self._pairs_ES[pairs_N].astype(SAMPLE).tobytes(), int(levels_T[-1]) if len(ids) else level


class _SpectrumDecoder:
    """Decodes as symbols arrive; remembers the last level."""

    def __init__(self, codec: SpectrumCodec) -> None:
        self._codec = codec
        self._level = 0
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def push(self, symbol: int) -> str:
        ids = np.array([symbol], dtype=np.int32)
        check_range(ids, self._codec.boundary)
        raw, self._level = self._codec._samples(ids, self._level)
        return self._utf8.decode(raw)

    def finish(self) -> str:
        return self._utf8.decode(b"", final=True)


class _WholeFrames:
    """Allows a level and a shape in turn, and the boundary where a level may come."""

    def __init__(self, side: Side, shapes: int) -> None:
        self.side = side
        self._shapes = shapes
        self._place = 0

    def allowed(self) -> NDArray[np.bool_]:
        level = self._place % 2 == 0
        return np.repeat([level, not level, level], [_LEVELS, self._shapes, 1])

    def push(self, symbol: int) -> None:
        self._place += 1


def fit(data: Iterable[str], config: Config) -> SpectrumCodec:
    """Return the codec, its shapes found in the recordings; where there are none, silence is the one."""
    sides = data.sides() if isinstance(data, WithSides) else iter(())
    recordings = (
        _frames(to_bytes(text), side, config)
        for text, side in zip(data, sides, strict=False)
        if is_recording(side)
    )
    frames_NS = _spread(recordings, config)
    heard_NM = _heard(frames_NS, config.rate)
    loud_N = frames_NS.any(axis=1)
    return SpectrumCodec(config, _clustered(frames_NS[loud_N], heard_NM[loud_N], config.shapes))


def from_json(fields: Mapping[str, Any], tensors: Tensors | None = None) -> SpectrumCodec:
    """Return the codec of this `to_json` and these `tensors`; RunError where it is damaged."""
    config = Config(frame=stored(fields, "frame", int), rate=stored(fields, "rate", int))
    shapes_KS = (tensors or {}).get("shapes")
    size = _size(config)
    if shapes_KS is None or shapes_KS.dtype != np.int16 or shapes_KS.shape[1:] != (size,):
        raise RunError(f"codec.safetensors holds no 'shapes' of {size} samples each; {_REMEDY}")
    return SpectrumCodec(config, shapes_KS)


def _size(config: Config) -> int:
    """Return the samples of a frame."""
    return config.rate * config.frame // 1000


def _frames(raw: bytes, side: Side | None, config: Config) -> NDArray[np.int16]:
    """Return a recording as frames_NS, the last filled with silence; DataError where it is none."""
    samples_N, rate, channels = samples_of(raw, side)
    kept_N = brought_to(samples_N, rate, channels, wanted=config.rate, mono=True)
    return np.pad(kept_N, (0, -len(kept_N) % _size(config))).reshape(-1, _size(config))


def _spread(recordings: Iterable[NDArray[np.int16]], config: Config) -> NDArray[np.int16]:
    """Return frames spread evenly over all recordings, at most 2 · _SAMPLED_FRAMES of them."""
    held = [np.zeros((0, _size(config)), dtype=np.int16)]
    count, first, step = 0, 0, 1
    for frames_NS in recordings:
        held.append(frames_NS[first::step])
        first = (first - len(frames_NS)) % step
        count += len(held[-1])
        while count > 2 * _SAMPLED_FRAMES:
            held = [np.concatenate(held)[::2]]
            # every second one was dropped: an odd number of them leaves the next out too
            first, step, count = first + step * (count % 2), 2 * step, len(held[0])
    return np.concatenate(held)


def _heard(frames_NS: NDArray[np.int16], rate: int) -> NDArray[np.float64]:
    """Return the log mel energies of frames as heard_NM, in decibels.

    Each row is found alike whatever the other rows are, to the last bit: by sums, not by a matrix product.
    """
    size = frames_NS.shape[1]
    window_S = np.hanning(size + 2)[1:-1]
    spectrum_NF = np.fft.rfft(frames_NS * window_S, 2 * size)
    power_NF = (spectrum_NF.real**2 + spectrum_NF.imag**2) / (window_S**2).sum()
    energies = [
        (power_NF[:, first : first + len(weights)] * weights).sum(axis=1)
        for first, weights in _mel_bands(2 * size, rate)
    ]
    heard_NM: NDArray[np.float64] = 10 * np.log10(np.stack(energies, axis=1) + _QUIETEST)
    return heard_NM


def _mel_bands(points: int, rate: int) -> Iterator[tuple[int, NDArray[np.float64]]]:
    """Yield each band's first frequency and its weights: a triangle over m = 2595 log10(1 + f / 700)."""
    mels = np.linspace(0, 2595 * np.log10(1 + rate / 2 / 700), _BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    frequencies = np.arange(points // 2 + 1) * rate / points
    for low, middle, high in zip(edges, edges[1:], edges[2:], strict=False):
        rises, falls = (frequencies - low) / (middle - low), (high - frequencies) / (high - middle)
        weights = np.clip(np.minimum(rises, falls), 0, None)
        # a band so narrow that no frequency lies in it hears the one nearest to its middle
        inside = np.flatnonzero(weights) if weights.any() else [int(np.abs(frequencies - middle).argmin())]
        yield int(inside[0]), np.maximum(weights[inside[0] : inside[-1] + 1], 1e-3)


def _sounded(shapes_KS: NDArray[np.int16], rate: int) -> NDArray[np.int16]:
    """Return each shape at each level as pairs_ES, those of one level side by side."""
    size = shapes_KS.shape[1]
    fade = min(size // 2, max(1, round(_FADE * rate)))
    rise = np.sin(np.pi / 2 * (np.arange(fade) + 0.5) / fade) ** 2
    faded_KS = shapes_KS * np.concatenate([rise, np.ones(size - 2 * fade), rise[::-1]])
    rms_K = np.sqrt((faded_KS**2).mean(axis=1))
    wanted_G = np.append(0, 2.0 ** np.arange(_LEVELS - 1))
    gains_GK = wanted_G[:, None] / np.where(rms_K > 0, rms_K, 1)
    loud_GKS = np.clip(np.rint(gains_GK[:, :, None] * faded_KS), -LOUDEST - 1, LOUDEST)
    pairs_ES: NDArray[np.int16] = loud_GKS.astype(np.int16).reshape(-1, size)
    return pairs_ES


def _clustered(frames_NS: NDArray[np.int16], heard_NM: NDArray[np.float64], shapes: int) -> NDArray[np.int16]:
    """Return as shapes_KS the frame nearest to each centre of k-means (Lloyd 1982), each once."""
    if not len(frames_NS):
        return np.zeros((1, frames_NS.shape[1]), dtype=np.int16)
    try:
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise DataError("spectra need scikit-learn; pip install 'anygram[sounds]'") from error
    shape_NM = heard_NM - heard_NM.mean(axis=1, keepdims=True)
    clustering: Any = KMeans
    found = clustering(min(shapes, len(np.unique(shape_NM, axis=0))), n_init=1, random_state=0).fit(shape_NM)
    shapes_KS: NDArray[np.int16] = frames_NS[np.unique(_nearest(found.cluster_centers_, shape_NM))]
    return shapes_KS


def _nearest(heard_NM: NDArray[np.float64], known_EM: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the place of the known spectrum nearest to each; the first of equally near ones."""
    try:
        from scipy.spatial import distance
    except ImportError as error:
        raise DataError("spectra need scipy; pip install 'anygram[sounds]'") from error
    distances: Any = distance
    nearest_N = np.zeros(len(heard_NM), dtype=np.int64)
    for first in range(0, len(heard_NM), _AT_ONCE):
        apart_NE = distances.cdist(heard_NM[first : first + _AT_ONCE], known_EM, "sqeuclidean")
        nearest_N[first : first + _AT_ONCE] = apart_NE.argmin(axis=1)
    return nearest_N
