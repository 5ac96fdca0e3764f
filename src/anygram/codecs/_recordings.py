"""What the codecs of sounds share: 16-bit samples as they come, their rate and their channels.

Axes: N samples, T moments, C channels.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram.errors import DataError
from anygram.protocols import Side

SAMPLE = np.dtype("<i2")
LOUDEST = (1 << 15) - 1
"""The greatest sample; the least is one less than its negative."""


def is_recording(side: Side | None) -> bool:
    """Return whether a side says the rate and the channels of a recording."""
    names = ("rate", "channels")
    return side is not None and all(isinstance(side.get(name), int) and side[name] > 0 for name in names)


def samples_of(raw: bytes, side: Side | None) -> tuple[NDArray[np.int16], int, int]:
    """Return samples_N, rate and channels; DataError where the side does not say them, or samples lack."""
    if side is None or not is_recording(side):
        raise DataError("no recording: its rate and channels are unknown; name files of sounds")
    rate, channels = int(side["rate"]), int(side["channels"])
    if len(raw) % (SAMPLE.itemsize * channels):
        raise DataError(
            f"{len(raw)} bytes are no whole samples of {channels} channels; read the recording again"
        )
    return np.frombuffer(raw, dtype=SAMPLE).astype(np.int16), rate, channels


def brought_to(
    samples_N: NDArray[np.int16], rate: int, channels: int, *, wanted: int, mono: bool
) -> NDArray[np.int16]:
    """Return the samples at the rate that is wanted, and with `mono` the mean of the channels."""
    if not (mono and channels > 1) and wanted == rate:
        return samples_N
    samples_TC = samples_N.reshape(-1, channels).astype(np.float64)
    if mono:
        samples_TC = samples_TC.mean(axis=1, keepdims=True)
    samples_TC = _resampled(samples_TC, rate, wanted)
    return np.clip(np.rint(samples_TC), -LOUDEST - 1, LOUDEST).astype(np.int16).ravel()


def _resampled(samples_TC: NDArray[np.float64], rate: int, wanted: int) -> NDArray[np.float64]:
    """Return the samples at another rate, by a polyphase filter."""
    if rate == wanted or not len(samples_TC):
        return samples_TC
    try:
        from scipy import signal
    except ImportError as error:
        raise DataError("another rate needs scipy; pip install 'anygram[sounds]'") from error
    filters: Any = signal
    found: NDArray[np.float64] = filters.resample_poly(samples_TC, wanted, rate, axis=0)
    return found
