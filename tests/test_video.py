"""Animations by the differences of their frames, on a synthetic clip: a moving square over still noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import anygram as ag
from anygram.codecs import video
from anygram.data import pictures
from anygram.data.documents import Document

SIDE = {"width": 2, "height": 1, "channels": 1, "frames": 3}


def clip(seed: int, frames: int = 6, size: int = 16) -> Document:
    """Return a bright square that moves by a pixel a frame over noise, of which a little changes."""
    generator = np.random.default_rng(seed)
    noise_HW = generator.integers(0, 64, (size, size))
    planes_FHWC = np.repeat(noise_HW[None, :, :, None], frames, axis=0)
    planes_FHWC += generator.random(planes_FHWC.shape) < 0.05
    left, top = generator.integers(0, size - 4 - frames, 2)
    for frame, plane_HWC in enumerate(planes_FHWC):
        plane_HWC[top : top + 4, left + frame : left + frame + 4] = 255
    return pictures.document(planes_FHWC.astype(np.uint8))


def test_differences_are_those_from_the_frame_before() -> None:
    text = bytes([10, 250, 12, 2, 12, 1]).decode("utf-8", "surrogateescape")
    codec = video.VideoCodec()
    encoded = codec.encode(text, SIDE)
    assert encoded.ids.tolist() == [10, 250, 256 + 2, 256 + 8, 256 + 0, 256 + 255]
    assert [codec.symbol(one) for one in encoded.ids.tolist()] == ["10", "250", "+2", "+8", "+0", "-1"]
    assert encoded.count == 6
    assert codec.decode(encoded.ids, SIDE) == text


def test_a_guide_tells_the_first_frame_from_the_others() -> None:
    guide = video.VideoCodec().guide(SIDE)
    for symbol, allowed in ((0, range(256)), (0, range(256)), (256, range(256, 512))):
        assert np.flatnonzero(guide.allowed()).tolist() == list(allowed)
        guide.push(symbol)
    for _ in range(3):
        guide.push(256)
    assert np.flatnonzero(guide.allowed()).tolist() == [512]


def test_an_animation_costs_less_by_differences_than_by_values(tmp_path: Path) -> None:
    for part, seeds in (("train", range(20)), ("test", range(20, 24))):
        folder = tmp_path / part
        folder.mkdir(exist_ok=True)
        for seed in seeds:
            pictures.write(folder / f"{seed}.tif", [clip(seed)])
    cost = {}
    for codec in ("video", "image"):
        run = ag.train(tmp_path / "train", model="ngram", codec=codec, settings={"order": 2})
        cost[codec] = run.evaluate(tmp_path / "test").bits_per_unit
    assert cost["video"] is not None and cost["image"] is not None
    assert cost["video"] < cost["image"] / 2


def test_what_is_made_is_an_animation(tmp_path: Path) -> None:
    for seed in range(4):
        pictures.write(tmp_path / f"{seed}.tif", [clip(seed)])
    run = ag.train(tmp_path, model="ngram", codec="video", settings={"order": 2})
    (made,) = run.sample(seed=1)
    assert made.side == {"width": 16, "height": 16, "channels": 1, "frames": 6}
    (file,) = run.write(tmp_path / "made.tif", [made])
    assert file.is_file()


@pytest.mark.parametrize("frames", [1, 3])
def test_a_beginning_is_that_of_the_whole(frames: int) -> None:
    document = clip(0, frames=frames, size=10)
    codec = video.VideoCodec()
    ids = codec.encode(document.text, document.side).ids
    begun = document.to_bytes()[:150].decode("utf-8", "surrogateescape")
    assert codec.beginning(begun, document.side).tolist() == ids[:150].tolist()
