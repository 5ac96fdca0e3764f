"""Every rung learns every kind of data, and what it makes is valid: one protocol, no second program."""

from __future__ import annotations

import json
import wave
from pathlib import Path

import numpy as np
import pytest

import anygram
from anygram import codecs, models
from anygram.codecs import REGISTRY, TEXT

NAMES = [name for name in REGISTRY.names() if codecs.kind_of(name) != TEXT]


def _pictures(folder: Path) -> Path:
    image = pytest.importorskip("PIL.Image", reason="needs Pillow: pip install 'anygram[pictures]'")
    generator = np.random.default_rng(0)
    for number in range(4):
        pixels = generator.integers(0, 3, (3, 4), dtype=np.uint8)
        image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


def _sounds(folder: Path) -> Path:
    generator = np.random.default_rng(0)
    for number in range(4):
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setparams((1, 2, 8000, 0, "NONE", ""))
            file.writeframes(generator.integers(-300, 300, 25).astype("<i2").tobytes())
    return folder


def _tables(folder: Path) -> Path:
    rows = [f"{n % 3},{('a', 'b')[n % 2]},{n / 4},2024-0{n % 9 + 1}-15,word {n}" for n in range(24)]
    (folder / "rows.csv").write_text("\n".join(["n,letter,share,day,said", *rows, ""]))
    return folder / "rows.csv"


def _series(folder: Path) -> Path:
    rows = [f"2024-01-{n + 1:02},{10 + n % 7},{n * n / 10}" for n in range(28)]
    (folder / "two.csv").write_text("\n".join(["day,one,other", *rows, ""]))
    return folder / "two.csv"


def _mixtures(folder: Path) -> Path:
    _pictures(folder)
    lines = [
        {
            "segments": [
                {"kind": "pictures", "path": f"{n % 4}.png"},
                {"kind": "text", "text": f"name {n % 4}"},
            ]
        }
        for n in range(8)
    ]
    (folder / "all.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return folder / "all.jsonl"


SOURCES = {
    "pictures": _pictures,
    "sounds": _sounds,
    "tables": _tables,
    "series": _series,
    "mixtures": _mixtures,
}


@pytest.mark.parametrize("codec", NAMES)
@pytest.mark.parametrize("model", models.alone())
def test_every_rung_learns_every_kind_and_makes_valid_data(tmp_path: Path, codec: str, model: str) -> None:
    source = SOURCES[codecs.kind_of(codec)](tmp_path)
    budget = "2steps" if model not in ("ngram", "contextmix", "frequency", "uniform") else "1epochs"
    run = anygram.train(source, model, codec=codec, budget=budget)
    assert run.kind == codecs.kind_of(codec)
    assert run.evaluate(source).nats > 0
    for made in run.sample(n=2, seed=1):
        encoded = run.codec.encode(made.text, made.side)
        assert len(encoded.ids) > 0
        if run.codec.lossless:
            assert run.codec.decode(encoded.ids, encoded.side) == made.text


def test_a_row_is_gone_on_from_and_a_series_at_its_own_scale(tmp_path: Path) -> None:
    rows = anygram.train(_tables(tmp_path), "ngram", codec="table")
    for continued in rows.generate("1,b,", n=3):
        assert f"1,b,{continued}".count(",") == 4
        rows.codec.encode(f"1,b,{continued}", rows.codec.guide().side)  # type: ignore[attr-defined]
    written = "".join(f"{1000 + number % 7}\n" for number in range(60))
    (tmp_path / "one.csv").write_text(f"values\n{written}")
    series = anygram.train(tmp_path / "one.csv", "ngram", codec="series")
    for continued in series.generate("1001\n1002\n1003\n", n=3, side={"values": 6}):
        assert continued and all(500 < float(value) < 2000 for value in continued.split())
