"""What the benchmark of pictures and sounds computes itself: splits, sizes of files, and choices."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import senses

from anygram.data import pictures, sounds
from anygram.data.sources import locate

PLANES = [np.full((8, 8), value, dtype=np.uint8) for value in (0, 7)]
DOCUMENTS = [pictures.document(plane_HW) for plane_HW in PLANES]
FIRST, SECOND = senses.WAYS


def recordings(folder: Path) -> Path:
    """Make an empty file for each take of each digit."""
    (folder / "fsdd").mkdir()
    for digit in range(10):
        for take in range(50):
            (folder / "fsdd" / f"{digit}_jackson_{take}.wav").touch()
    return folder


def test_no_recording_or_picture_is_in_two_splits(tmp_path: Path) -> None:
    data = recordings(tmp_path)
    spoken = senses.senses(data)["spoken digits"]
    named = [{place.name for place in locate(one)} for one in (*spoken.sources, spoken.valid, spoken.test)]
    assert [len(one) for one in named] == [400, 50, 50]
    assert len(set.union(*named)) == 500
    held = senses.shown(data, tmp_path)
    files = [{one.file for one in of_split} for of_split in held.values()]
    assert sum(map(len, files)) == len(set.union(*files)) == 1797 + 500
    assert {one.file for one in held["test"] if one.kind == "sounds"} == named[2]


def test_a_picture_of_all_has_one_header() -> None:
    stacked = senses._stacked(DOCUMENTS)
    assert stacked.side == {"width": 8, "height": 16, "channels": 1}
    assert stacked.text == "".join(one.text for one in DOCUMENTS)
    assert senses._png(stacked) < sum(map(senses._png, DOCUMENTS))


def test_flac_is_told_to_be_missing_or_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {}
    for number, part in enumerate(("train", "valid", "test")):
        samples = np.random.default_rng(number).integers(-9, 9, 400).astype(np.int16)
        (parts[part],) = sounds.write(tmp_path / f"{part}.wav", [sounds.document(samples, 8000)])
    sense = senses.Sense(
        (str(parts["train"]),), str(parts["valid"]), str(parts["test"]), "sounds", "audio", "16-bit sample"
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    found = senses.by_programs(sense, 400, tmp_path / "none")
    assert found["FLAC -8, a file each"] == "not installed"
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(senses, "_flac", lambda path: path.stat().st_size // 2)
    found = senses.by_programs(sense, 400, tmp_path / "some")
    assert float(found["FLAC -8, a file each"]) == pytest.approx(8 * (844 // 2) / 400, abs=1e-3)


def test_the_way_and_the_model_are_chosen_by_validation_data() -> None:
    def trial(after: tuple[float, float], before: tuple[float, float]) -> senses.Trial:
        by_way = {FIRST: after, SECOND: before}
        valid = {way: dict(zip(("pictures", "sounds"), pair, strict=True)) for way, pair in by_way.items()}
        run: Any = None
        return senses.Trial("one", run, valid)

    mixed = trial((0.9, 0.2), (0.5, 0.4))
    assert (mixed.way("pictures"), mixed.way("sounds")) == (FIRST, SECOND)
    assert mixed.mean == pytest.approx(0.65)
