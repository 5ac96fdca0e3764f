"""Recordings as symbols: two a 16-bit sample, nothing lost; or one by the μ-law, 8 bits, which loses some.

A sample's symbols are its high byte, then its low one, which are of ranges of their own. What they spell
may be, in place of the sample, how far it is from what the last ones foretell by a polynomial (Robinson
1994): then what is likely is near 0, and nothing is lost, for all goes modulo 65,536. The μ-law with μ =
255 is that of ITU-T G.711 before its segments (Smith 1957): what is loud is told apart less finely.

Axes: N samples, T symbols.
"""

from __future__ import annotations

import codecs
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.codecs._recordings import SAMPLE, brought_to, is_recording, samples_of
from anygram.codecs._text import check_range, stored, to_bytes, to_text
from anygram.errors import DataError, UsageError
from anygram.protocols import Decoder, Encoded, Guide, Ids, Side, WithSides

KIND = "sounds"

_BYTES = 256
_MIDDLE = 1 << 15
_SILENCE = _MIDDLE >> 8  # the high byte of a sample of 0
_MU = 255.0
_MOST_PREDICT = 4


@dataclass(frozen=True)
class Config:
    """How much of a recording is kept."""

    bits: int = 16
    """Bits a sample: 16, as they are, or 8, by the μ-law."""
    rate: int | None = None
    """Samples a second that every recording is brought to; none: as they are, all alike."""
    mono: bool = False
    """Whether the channels become one, their mean."""
    predict: int = 0
    """Last samples whose polynomial each one's symbols are told from; 0: they spell the sample itself."""

    def __post_init__(self) -> None:
        if self.bits not in (8, 16):
            raise UsageError(f"bits must be 16 or 8, got {self.bits}")
        if not 0 <= self.predict <= _MOST_PREDICT or (self.predict and self.bits == 8):
            raise UsageError(
                f"predict must be 0 to {_MOST_PREDICT}, and 0 with bits=8, got {self.predict}; leave it out"
            )
        if self.rate is not None and self.rate < 1:
            raise UsageError(f"rate must be at least 1, got {self.rate}; for example rate=8000")


class AudioCodec:
    """Two symbols a sample, or one.

    >>> AudioCodec(Config()).encode("\\1\\0", {"rate": 8000, "channels": 1}).ids
    array([128, 257], dtype=int32)
    """

    unit = "sample"
    unknown: int | None = None

    def __init__(self, config: Config, usual: Side | None = None) -> None:
        """`usual` is the side that most recordings of the training part have, as they are encoded."""
        self._config, self._usual = config, usual
        self.lossless = (config.bits, config.rate, config.mono) == (16, None, False)
        self._levels = _levels()

    @property
    def vocabulary_size(self) -> int:
        return self.boundary + 1

    @property
    def boundary(self) -> int:
        return 2 * _BYTES if self._config.bits == 16 else _BYTES

    def encode(self, text: str, side: Side | None = None) -> Encoded:
        """Return the recording's symbols; DataError where the side is none, or another rate's."""
        raw = to_bytes(text)
        samples_N, rate, channels = samples_of(raw, side)
        kept_N, kept = self._kept(samples_N, rate, channels)
        if self._usual is not None and kept["rate"] != self._usual["rate"]:
            raise DataError(
                f"the recording has {kept['rate']} samples a second, those before {self._usual['rate']}; "
                f"train with --set codec.rate={self._usual['rate']} to bring all to one rate"
            )
        ids = self._compressed(kept_N) if self._config.bits == 8 else _halves(self._told(kept_N, kept))
        ends_T = np.arange(len(ids) + 1) * len(raw) // max(1, len(ids))
        return Encoded(ids, np.diff(ends_T), kept, len(samples_N))

    def decode(self, ids: Ids, side: Side | None = None) -> str:
        """Return the samples of these symbols; a high byte alone is one, and a low one alone too."""
        ids = np.asarray(ids)
        check_range(ids, self.boundary)
        if self._config.bits == 8:
            return to_text(self._levels[ids].astype(SAMPLE).tobytes())
        sums_PC = np.zeros((self._config.predict, 1 if side is None else side["channels"]), dtype=np.int64)
        return to_text(_untold(_joined(ids), sums_PC, 0).astype(SAMPLE).tobytes())

    def decoder(self, side: Side | None = None) -> Decoder:
        return _AudioDecoder(self, 1 if side is None else side["channels"])

    def guide(self, side: Side | None = None) -> Guide:
        """Return what keeps samples whole."""
        return _WholeMoments(side or self._usual or {"rate": 8000, "channels": 1}, self._config.bits)

    def beginning(self, text: str, side: Side | None = None) -> Ids:
        """Return the symbols of a recording's first samples."""
        return self.encode(text, side or self._usual or {"rate": 8000, "channels": 1}).ids

    def symbol(self, identifier: int) -> str:
        """Return the symbol as a person reads it: a high byte, a low one, or a sample."""
        if identifier == self.boundary:
            return "<boundary>"
        if self._config.bits == 8:
            return str(int(self._levels[identifier]))
        return f"{identifier:02X}··" if identifier < _BYTES else f"··{identifier - _BYTES:02X}"

    def to_json(self) -> dict[str, Any]:
        fields = {name: getattr(self._config, name) for name in ("bits", "rate", "mono", "predict")}
        return {**fields, "usual": None if self._usual is None else dict(self._usual)}

    def _kept(self, samples_N: NDArray[np.int16], rate: int, channels: int) -> tuple[NDArray[np.int16], Side]:
        """Return the samples in the channels and at the rate that are kept, and the side that says these."""
        wanted, mono = self._config.rate or rate, self._config.mono
        kept_N = brought_to(samples_N, rate, channels, wanted=wanted, mono=mono)
        return kept_N, {"rate": wanted, "channels": 1 if mono else channels}

    def _told(self, samples_N: NDArray[np.int16], side: Side) -> NDArray[np.int64]:
        """Return how far each sample is from what the ones before it in its channel foretell, in 16 bits."""
        samples_TC = samples_N.astype(np.int64).reshape(-1, side["channels"])
        for _ in range(self._config.predict):
            samples_TC = np.diff(samples_TC, axis=0, prepend=0)
        return _in_16_bits(samples_TC.ravel())

    def _compressed(self, samples_N: NDArray[np.int16]) -> Ids:
        """Return the nearest level of each sample."""
        levels = self._levels.astype(np.float64)
        found: Ids = np.searchsorted((levels[1:] + levels[:-1]) / 2, samples_N).astype(np.int32)
        return found


class _AudioDecoder:
    """Decodes as symbols arrive; holds back a high byte until its low one, or another symbol, comes."""

    def __init__(self, codec: AudioCodec, channels: int) -> None:
        self._codec = codec
        self._held: list[int] = []
        self._samples = 0
        self._sums_PC = np.zeros((codec._config.predict, channels), dtype=np.int64)
        self._utf8 = codecs.getincrementaldecoder("utf-8")("surrogateescape")

    def push(self, symbol: int) -> str:
        check_range(np.array([symbol], dtype=np.int32), self._codec.boundary)
        opens = self._codec._config.bits == 16 and symbol < _BYTES
        ready, self._held = (self._held, [symbol]) if opens else ([*self._held, symbol], [])
        return self._utf8.decode(self._raw(ready))

    def finish(self) -> str:
        return self._utf8.decode(self._raw(self._held), final=True)

    def _raw(self, ids: list[int]) -> bytes:
        if self._codec._config.bits == 8:
            return to_bytes(self._codec.decode(np.array(ids, dtype=np.int32)))
        samples_N = _untold(_joined(np.array(ids, dtype=np.int32)), self._sums_PC, self._samples)
        self._samples += len(samples_N)
        return samples_N.astype(SAMPLE).tobytes()


class _WholeMoments:
    """Allows a high byte and a low one in turn, and the boundary where each channel has had its sample."""

    def __init__(self, side: Side, bits: int) -> None:
        self.side = side
        self._bits = bits
        self._period = side["channels"] * bits // 8
        self._place = 0

    def allowed(self) -> NDArray[np.bool_]:
        if self._bits == 8:
            allowed_V = np.ones(_BYTES + 1, dtype=bool)
        else:
            allowed_V = np.zeros(2 * _BYTES + 1, dtype=bool)
            half = self._place % 2
            allowed_V[half * _BYTES : (half + 1) * _BYTES] = True
        allowed_V[-1] = self._place % self._period == 0
        return allowed_V

    def push(self, symbol: int) -> None:
        self._place += 1


def fit(data: Iterable[str], config: Config) -> AudioCodec:
    """Return the codec; DataError where the recordings have several rates and none is asked for."""
    sides = [side for side in data.sides() if is_recording(side)] if isinstance(data, WithSides) else []
    kept = Counter(
        (config.rate or int(side["rate"]), 1 if config.mono else int(side["channels"]))
        for side in sides
        if side is not None
    )
    rates = sorted({rate for rate, _ in kept})
    if len(rates) > 1:
        told = ", ".join(map(str, rates))
        raise DataError(
            f"recordings of several rates ({told}); bring them to one: --set codec.rate={rates[0]}"
        )
    usual = dict(zip(("rate", "channels"), kept.most_common(1)[0][0], strict=True)) if kept else None
    return AudioCodec(config, usual)


def from_json(fields: Mapping[str, Any]) -> AudioCodec:
    """Return the codec that `to_json` described; RunError where it is damaged."""
    usual = None if fields.get("usual") is None else stored(fields, "usual", dict)
    bits, mono, predict = stored(fields, "bits", int), stored(fields, "mono", bool), fields.get("predict", 0)
    config = Config(bits, fields.get("rate"), mono, predict)
    return AudioCodec(config, usual)


def _halves(samples_N: NDArray[np.int64]) -> Ids:
    """Return two symbols a sample: its high byte, and its low one behind the range of these."""
    shifted_N = samples_N + _MIDDLE
    return np.stack([shifted_N >> 8, (shifted_N & 0xFF) + _BYTES], axis=1).astype(np.int32).ravel()


def _joined(ids: Ids) -> NDArray[np.int32]:
    """Return the samples: a low byte belongs to a high one right before it, and is 0 where none follows."""
    high_T = ids < _BYTES
    follows_T = ~high_T & np.append(False, high_T[:-1])
    next_T, followed_T = np.append(ids[1:], 0), np.append(follows_T[1:], False)
    of_high_T = (ids << 8) + np.where(followed_T, next_T - _BYTES, 0)
    of_low_T = (_SILENCE << 8) + ids - _BYTES
    samples: NDArray[np.int32] = np.where(high_T, of_high_T, of_low_T)[~follows_T] - _MIDDLE
    return samples


def _untold(told_N: NDArray[np.int32], sums_PC: NDArray[np.int64], before: int) -> NDArray[np.int64]:
    """Return the samples of which these are the differences of order P, the first being sample `before`.

    `sums_PC` are the last sums of each order and channel, and are brought up to date.
    """
    samples_N = told_N.astype(np.int64)
    orders, channels = sums_PC.shape
    for channel in range(channels):
        own = slice((channel - before) % channels, None, channels)
        for order in range(orders):
            sums_N = sums_PC[order, channel] + samples_N[own].cumsum()
            samples_N[own] = _in_16_bits(sums_N)
            if len(sums_N):
                sums_PC[order, channel] = samples_N[own][-1]
    return samples_N


def _in_16_bits(values_N: NDArray[np.int64]) -> NDArray[np.int64]:
    wrapped_N: NDArray[np.int64] = (values_N + _MIDDLE) % (2 * _MIDDLE) - _MIDDLE
    return wrapped_N


def _levels() -> NDArray[np.int16]:
    """Return the 256 levels of the μ-law: y = sgn(x) ln(1 + μ|x|) / ln(1 + μ) is even between them."""
    y = (np.arange(_BYTES) + 0.5) / (_BYTES / 2) - 1
    x = np.sign(y) * np.expm1(np.abs(y) * np.log1p(_MU)) / _MU
    levels: NDArray[np.int16] = np.rint(x * (_MIDDLE - 1)).astype(np.int16)
    return levels
