"""Pictures as documents: 8-bit channel values in raster order, the channels of a pixel side by side.

A document's side says `width`, `height`, `channels` (1 grey, 2 grey and opacity, 3 red, green and blue, 4
those and opacity) and, of an animation, `frames`. The values of a picture of bits are 0 and 255; what has a
palette becomes its colours.

Axes: F frames, H rows, W columns, C channels.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import storage
from anygram.data import labels
from anygram.data.documents import Document, whole
from anygram.data.sources import Place, opened
from anygram.errors import AnygramError, BadRecord, DataError, UsageError
from anygram.protocols import Side

READABLE = FIELDS = False
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm")
parted = whole
_MODES = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}
_MODE_OF_CHANNELS = {channels: mode for mode, channels in _MODES.items()}
_SAME_AS = {"1": "L", "P": "RGB", "PA": "RGBA", "RGBX": "RGB"}


def read(
    place: Place, field: str | None = None, beside: Sequence[str] = (), label: str | None = None
) -> Iterator[Document | BadRecord]:
    """Yield the picture, or animation, of a file; needs Pillow."""
    given = labels.of_file(place, label)
    with opened(place, seekable=True) as stream:
        try:
            pixels_FHWC = _pixels(_pillow().open(stream))
        except BadRecord as error:
            yield BadRecord(f"{place.name}: {error}; convert it")
        except AnygramError:
            raise
        except Exception as error:  # each of Pillow's formats has errors of its own
            reason = " ".join(str(error).split()) or type(error).__name__
            yield BadRecord(f"{place.name}: not a whole picture ({reason}); mend it")
        else:
            yield replace(document(pixels_FHWC, place.name), given=given)


def document(pixels: NDArray[np.uint8], name: str = "") -> Document:
    """Return a picture of pixels_HW, pixels_HWC or pixels_FHWC as a document."""
    if pixels.ndim == 2:
        pixels = pixels[:, :, None]
    if pixels.ndim == 3:
        pixels = pixels[None]
    frames, height, width, channels = pixels.shape
    side = {"width": width, "height": height, "channels": channels}
    if frames > 1:
        side["frames"] = frames
    text = pixels.astype(np.uint8).tobytes().decode("utf-8", "surrogateescape")
    return Document(text, name=name, side=side)


def pixels(text: str, side: Side) -> NDArray[np.uint8]:
    """Return a document's pixels_FHWC."""
    values_N = np.frombuffer(text.encode("utf-8", "surrogateescape"), dtype=np.uint8)
    shape = side.get("frames", 1), side["height"], side["width"], side["channels"]
    return values_N.reshape(shape)


def place_of(document: Document, byte: int) -> str:
    """Return the pixel where a byte stands, counted from 0 at the upper left, and its channel and frame.

    >>> place_of(document(np.zeros((1, 2, 3, 1), np.uint8)), 4)
    'x 1, y 1'
    """
    side = document.side or {}
    shape = [int(side.get(name, 1)) for name in ("frames", "height", "width", "channels")]
    frame, y, x, channel = np.unravel_index(min(byte, len(document.to_bytes()) - 1), shape)
    more = [(f", channel {channel}", shape[3]), (f", frame {frame}", shape[0])]
    return f"x {x}, y {y}" + "".join(word for word, many in more if many > 1)


def write(path: Path, documents: Sequence[Document]) -> list[Path]:
    """Write each document as a picture of the format that the path's ending names; needs Pillow.

    Of many the first is called NAME-1. UsageError for an ending that names no format of pictures.
    """
    if path.suffix.lower() not in ENDINGS:
        raise UsageError(f"{path}: not the name of a picture; let it end with {', '.join(ENDINGS)}")
    paths = storage.numbered(path, len(documents))
    for one, document in zip(paths, documents, strict=True):
        assert document.side is not None, "a picture has a side"
        _write(one, document.text, document.side)
    return paths


def png(text: str, side: Side) -> bytes:
    """Return a document's first frame as a PNG; needs Pillow."""
    file = io.BytesIO()
    _frames(text, side)[0].save(file, format="PNG")
    return file.getvalue()


def _frames(text: str, side: Side) -> list[Any]:
    """Return a document's frames as Pillow has them."""
    pillow = _pillow()
    mode = _MODE_OF_CHANNELS[side["channels"]]
    return [pillow.fromarray(_plane(frame_HWC), mode) for frame_HWC in pixels(text, side)]


def _write(path: Path, text: str, side: Side) -> None:
    pillow = _pillow()
    frames = _frames(text, side)
    more = {"save_all": True, "append_images": frames[1:]} if len(frames) > 1 else {}
    with (
        storage.replacing(path) as temporary,
        temporary.open("w+b") as file,
    ):  # TIFF is read while it is written
        frames[0].save(file, format=pillow.registered_extensions()[path.suffix.lower()], **more)


def _plane(frame_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return frame_HWC[:, :, 0] if frame_HWC.shape[2] == 1 else frame_HWC


def _pixels(image: Any) -> NDArray[np.uint8]:
    """Return pixels_FHWC of an opened picture; BadRecord for what 8-bit channel values cannot hold."""
    frames = []
    for number in range(getattr(image, "n_frames", 1)):
        image.seek(number)
        frames.append(np.asarray(image.convert(_mode(image)), dtype=np.uint8))
    planes_FHWC = np.stack(frames)
    return planes_FHWC[..., None] if planes_FHWC.ndim == 3 else planes_FHWC


def _mode(image: Any) -> str:
    transparent = "transparency" in image.info
    mode = str(_SAME_AS.get(image.mode, image.mode))
    if mode not in _MODES:
        raise BadRecord(f"its pixels are of mode {image.mode}, not 8-bit grey or colour")
    return {"L": "LA", "RGB": "RGBA"}.get(mode, mode) if transparent else mode


def _pillow() -> Any:
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError("pictures need Pillow; pip install 'anygram[pictures]'") from error
    return Image
