"""Recordings as documents: 16-bit samples, little-endian, those of one moment side by side.

A document's side says the `rate` in samples a second and the `channels`.
"""

from __future__ import annotations

import wave
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from anygram import storage
from anygram.data import labels
from anygram.data.documents import Document
from anygram.data.sources import Place, opened
from anygram.errors import BadRecord, DataError, UsageError
from anygram.protocols import Side

READABLE = FIELDS = False
_WAVE = ".wav"
ENDINGS = (_WAVE, ".flac", ".mp3", ".ogg")
_SAMPLE = np.dtype("<i2")
_FORMATS = {3: "floats", 6: "A-law", 7: "μ-law", 65534: "the extensible format"}
_REMEDY = "convert it"


def read(
    place: Place, field: str | None = None, beside: Sequence[str] = (), label: str | None = None
) -> Iterator[Document | BadRecord]:
    """Yield the recording of a file: .wav by the standard library, others by miniaudio."""
    given = labels.of_file(place, label)
    with opened(place, seekable=True) as stream:
        try:
            found = _wave(stream) if place.ending == _WAVE else _other(stream, place.ending)
        except BadRecord as error:
            yield BadRecord(f"{place.name}: {error}; {_REMEDY}")
        else:
            yield replace(document(*found, name=place.name), given=given)


def document(samples: NDArray[np.int16], rate: int, channels: int = 1, name: str = "") -> Document:
    """Return samples, those of the channels side by side, as a document."""
    text = samples.astype(_SAMPLE).tobytes().decode("utf-8", "surrogateescape")
    return Document(text, name=name, side={"rate": rate, "channels": channels})


def samples(text: str, side: Side) -> NDArray[np.int16]:
    """Return a document's samples as samples_TC: T moments, C channels."""
    values = np.frombuffer(text.encode("utf-8", "surrogateescape"), dtype=_SAMPLE)
    return values.reshape(-1, side["channels"])


def write(path: Path, documents: Sequence[Document]) -> list[Path]:
    """Write each document as a .wav file; of many the first is called NAME-1."""
    if path.suffix.lower() != _WAVE:
        raise UsageError(f"{path}: sounds are written as {_WAVE}; let the name end so")
    paths = storage.numbered(path, len(documents))
    for one, document in zip(paths, documents, strict=True):
        assert document.side is not None, "a recording has a side"
        with storage.replacing(one) as temporary, wave.open(str(temporary), "wb") as file:
            file.setnchannels(document.side["channels"])
            file.setsampwidth(_SAMPLE.itemsize)
            file.setframerate(document.side["rate"])
            file.writeframes(document.to_bytes())
    return paths


def place_of(document: Document, byte: int) -> str:
    """Return when the sample sounds where a byte stands, in seconds, and its channel.

    >>> place_of(document(np.zeros(800, np.int16), 8000), 100)
    '0.0063 s'
    """
    side = document.side or {"rate": 1, "channels": 1}
    sample = min(byte, len(document.to_bytes()) - 1) // _SAMPLE.itemsize
    moment, channel = divmod(sample, side["channels"])
    return f"{moment / side['rate']:.4f} s" + (f", channel {channel}" if side["channels"] > 1 else "")


def parted(raw: NDArray[Any], side: Side | None, offset: int) -> tuple[int, int]:
    """Return the moments at or before, and at or after, a byte."""
    size = _SAMPLE.itemsize * (1 if side is None else int(side["channels"]))
    before = offset // size * size
    return before, min(before if before == offset else before + size, len(raw))


def _wave(stream: BinaryIO) -> tuple[NDArray[np.int16], int, int]:
    """Return the samples, rate and channels of a RIFF WAVE file of 8 or 16 bits a sample."""
    try:
        with wave.open(stream, "rb") as file:
            width, channels, moments = file.getsampwidth(), file.getnchannels(), file.getnframes()
            rate, raw = file.getframerate(), file.readframes(moments)
    except (wave.Error, EOFError) as error:
        raise BadRecord(_fault(str(error))) from error
    if not rate:
        raise BadRecord("not a whole WAVE file (it has 0 samples a second)")
    if len(raw) != moments * width * channels:
        raise BadRecord(f"not a whole WAVE file ({len(raw)} of {moments * width * channels} bytes are there)")
    if width == 1:
        return (np.frombuffer(raw, dtype=np.uint8).astype(np.int16) - 128) << 8, rate, channels
    if width != _SAMPLE.itemsize:
        raise BadRecord(f"it has {8 * width} bits a sample, not 8 or 16")
    return np.frombuffer(raw, dtype=_SAMPLE).astype(np.int16), rate, channels


def _fault(said: str) -> str:
    """Return what is wrong with a file, by what the standard library says of it."""
    _, unknown, number = said.partition("unknown format: ")
    if unknown:
        what = _FORMATS.get(int(number), f"format {number}")
        return f"its samples are {what}, not whole numbers of 8 or 16 bits"
    return f"not a whole WAVE file ({said or 'it ends early'})"


def _other(stream: BinaryIO, ending: str) -> tuple[NDArray[np.int16], int, int]:
    """Return the samples, rate and channels of a FLAC, MP3 or Vorbis file."""
    try:
        import miniaudio
    except ImportError as error:
        raise DataError("these sounds need miniaudio; pip install 'anygram[sounds]', or use .wav") from error
    decoders = {
        ".flac": miniaudio.flac_read_s16,
        ".mp3": miniaudio.mp3_read_s16,
        ".ogg": miniaudio.vorbis_read,
    }
    try:
        found = decoders[ending](stream.read())
    except miniaudio.MiniaudioError as error:
        raise BadRecord(f"not a whole recording ({error})") from error
    return np.array(found.samples, dtype=np.int16), found.sample_rate, found.nchannels
