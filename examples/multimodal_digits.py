"""One model of pictures and their names: it names handwritten digits, and writes digits that are named.

    python examples/multimodal_digits.py              ten digits: a minute or two
    python examples/multimodal_digits.py --small      three digits: seconds

A document is a picture of 8 × 8 pixels in four shades, then its name; or the name, then the picture. Every
picture to learn from is there both ways, so one LSTM learns both senses. To name a picture, names are ranked:
by P(name | picture), or by P(name) · P(picture | name), whichever names more of the validation pictures. Test
pictures are looked at once.

`anygram train pairs.jsonl --codec mixed` and `anygram cross` do the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

import anygram as ag
from anygram.data import mixtures, pictures
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.tasks.generation import Sampling

NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SHADES = " .+#"
HELD_OUT = 0.1
"""Of the pictures, for validation, and as many for the test."""


@dataclass(frozen=True)
class Setting:
    """Which digits, the LSTM's width and how many steps it learns for."""

    digits: int = 10
    units: int = 128
    steps: int = 1500


SMALL = Setting(digits=3, units=64, steps=250)


@dataclass(frozen=True)
class Pair:
    """The file of a picture, and its name."""

    file: Path
    name: str

    @property
    def segments(self) -> list[dict[str, str]]:
        """Both as a list of mixtures names them."""
        return [{"kind": "pictures", "path": str(self.file)}, {"kind": "text", "text": self.name}]


@dataclass(frozen=True)
class Outcome:
    """The share of pictures that were named rightly, by way on validation pictures, last on test pictures.

    `drawn` are pictures made for each name.
    """

    validation: dict[str, float]
    test: float
    drawn: dict[str, Document]


def pairs(digits: int, folder: Path) -> list[Pair]:
    """Write scikit-learn's pictures of the first so many digits; return them with their names, shuffled."""
    found = load_digits()
    known = []
    for number in np.random.default_rng(0).permutation(len(found.target)).tolist():
        if found.target[number] < digits:
            known.append(Pair(folder / f"{number}.png", NAMES[found.target[number]]))
            Image.fromarray(found.images[number].astype(np.uint8)).save(known[-1].file)
    return known


def write(known: Sequence[Pair], file: Path) -> None:
    """List each pair as two documents, one each way."""
    documents = [order for pair in known for order in (pair.segments, pair.segments[::-1])]
    file.write_text("".join(json.dumps({"segments": one}) + "\n" for one in documents))


def accuracy(run: ag.Run, shown: Sequence[Pair], names: Sequence[str], *, first: bool) -> float:
    """Return the share of pictures whose likeliest name is theirs."""
    candidates = [Segment("text", Document(name)) for name in names]
    hits = 0
    for pair in shown:
        best = run.rank([mixtures.given("pictures", str(pair.file))], candidates, first=first)[0]
        hits += best.segment.document.text == pair.name
    return hits / len(shown)


def as_lines(document: Document) -> list[str]:
    """Return a picture as lines of signs, darker for more ink (0 to 16)."""
    assert document.side is not None
    (plane_HWC,) = pictures.pixels(document.text, document.side)
    return ["".join(SHADES[min(value // 5, 3)] for value in row_W) for row_W in plane_HWC[:, :, 0].tolist()]


def run(setting: Setting, workspace: Path) -> Outcome:
    """Write the pairs down, learn them both ways, name the held-out pictures, and draw what is named."""
    known = pairs(setting.digits, workspace)
    held = int(HELD_OUT * len(known))
    parts = {"test": known[:held], "valid": known[held : 2 * held], "train": known[2 * held :]}
    for part, of_part in parts.items():
        write(of_part, workspace / f"{part}.jsonl")
    model = ag.train(
        workspace / "train.jsonl",
        model="lstm",
        codec="mixed",
        valid=str(workspace / "valid.jsonl"),
        budget=f"{setting.steps}steps",
        settings={"codecs": "bytes+image:colours=4", "units": setting.units, "embedding": 32},
    )
    names = NAMES[: setting.digits]
    ways = {"P(name | picture)": False, "P(name) P(picture | name)": True}
    validation = {way: accuracy(model, parts["valid"], names, first=first) for way, first in ways.items()}
    best = max(validation, key=lambda way: validation[way])
    test = accuracy(model, parts["test"], names, first=ways[best])
    print(f"pictures named rightly: validation {validation}; test, by {best}: {test:.1%} of {held}")
    sampling = Sampling(max_symbols=100, temperature=0.6)
    asked = {name: Segment("text", Document(name)) for name in names}
    drawn = {name: model.cross([one], "pictures", sampling=sampling)[0] for name, one in asked.items()}
    print("\n" + "  ".join(f"{name:8}" for name in names))
    for line in zip(*map(as_lines, drawn.values()), strict=True):
        print("  ".join(line))
    return Outcome(validation, test, drawn)


def main(arguments: Sequence[str] | None = None) -> Outcome:
    """Read the words of the command line and run."""
    parser = argparse.ArgumentParser(description="Pictures of digits and their names, both ways.")
    parser.add_argument("--small", action="store_true", help="three digits, seconds")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as workspace:
        return run(SMALL if chosen.small else Setting(), Path(workspace))


if __name__ == "__main__":
    main()
