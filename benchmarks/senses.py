"""Bits per unit of pictures, sounds, series, rows beside PNG, FLAC, xz; one model of both senses and names.

    ANYGRAM_DATA=/path/to/data ./dev bench senses                     both tables; FLAC where the tool is here
    ... ./dev bench senses --parts names --steps 1500                 the model of both senses alone

Pictures are scikit-learn's digits. Sounds are $ANYGRAM_DATA/fsdd, digits spoken by one person: takes 0 to 4
are the test and 5 to 9 the validation part. The series are rides in New York's taxis by half-hours, the
last fifth the test; their bits are those of a density of whole numbers: what a code to the number would need.
Models have their default settings; what the model of both senses is like, and which way it names, is chosen
by validation data among CHOICES and measured on the test once. docs/senses.md shows what came out.
"""

from __future__ import annotations

import argparse
import io
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from peers import report
from peers.options import names_of, real_data
from peers.report import Table

import anygram as ag
from anygram.comparison import floors
from anygram.data import mixtures, pictures
from anygram.data.documents import Document
from anygram.data.mixtures import Segment
from anygram.data.preparation import DataOptions, prepare
from anygram.tasks.generation import Sampling

MODELS = ("ngram", "contextmix", "lstm", "transformer")
NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_PICTURES, _LSTM = "bytes+image:colours=4", {"units": 128, "embedding": 32}
CHOICES = {
    "waveform at 600 Hz": ("lstm", f"{_PICTURES}+audio:bits=8:rate=600", _LSTM),
    "64 spectra of 32 ms": ("lstm", f"{_PICTURES}+spectrum:frame=32", _LSTM),
    "64 spectra": ("lstm", f"{_PICTURES}+spectrum:shapes=64", _LSTM),
    "128 spectra": ("lstm", f"{_PICTURES}+spectrum:shapes=128", _LSTM),
}
"""Models of both senses to choose from: of which model, with which codecs and settings."""
WAYS = {"P(name | shown)": False, "P(name) P(shown | name)": True}


@dataclass(frozen=True)
class Sense:
    """Data of one kind: where they are, how they are split and coded, and what bits are told by."""

    sources: tuple[str, ...]
    valid: str
    test: str
    kind: str
    codec: str
    unit: str
    settings: Mapping[str, Any] = field(default_factory=dict)


def senses(data: Path) -> dict[str, Sense]:
    """Return pictures, sounds, a series, rows; `predict` suits an n-gram best on the validation takes."""
    spoken = [f"{data}/fsdd/*_jackson_{takes}.wav" for takes in ("[1-4][0-9]", "[5-9]", "[0-4]")]
    titanic = (f"{data}/seaborn/titanic.csv",)
    return {
        "digits": Sense(("example:digits",), "0.05", "0.1", "pictures", "image", "channel value"),
        "spoken digits": Sense(
            (spoken[0],), spoken[1], spoken[2], "sounds", "audio", "16-bit sample", {"predict": 1}
        ),
        "taxi rides": Sense(
            (f"{data}/nab/realKnownCause/nyc_taxi.csv",), "0.05", "0.2", "series", "series", "value"
        ),
        "titanic": Sense(titanic, "0.05", "0.2", "tables", "table", "cell"),
    }


def by_models(sense: Sense, budget: str) -> tuple[dict[str, float], int]:
    """Return bits per unit of the test part by each model's defaults, and how many units it has."""
    found, units = {}, 0
    for model in MODELS:
        run = ag.train(
            sense.sources,
            model,
            codec=sense.codec,
            valid=sense.valid,
            test=sense.test,
            budget=budget,
            settings=sense.settings,
        )
        figures = run.record.figures["test"]
        found[model], units = float(figures["bits_per_unit"]), int(figures["units"])
        print(f"{sense.kind}: {model} {found[model]:.3f}", file=sys.stderr)
    return found, units


def by_programs(sense: Sense, units: int, workspace: Path) -> dict[str, str]:
    """Return bits per unit of the same test part by programs for such data; in words where there is none."""
    options = DataOptions(sense.sources, valid=sense.valid, test=sense.test, kind=sense.kind)
    splits = prepare(options, 0, workspace).splits

    def per_unit(packed: int) -> str:
        return f"{8 * packed / units:.3f}"

    after = floors.measure("xz", splits.train, splits.test)
    found = {"xz, the training part before it": per_unit(after.added_bytes)}
    if sense.kind == "pictures":
        found["PNG, a file each"] = per_unit(sum(map(_png, splits.test)))
        found["PNG, all in one picture"] = per_unit(_png(_stacked(splits.test)))
    if sense.kind == "sounds":
        here = shutil.which("flac") is not None
        packed = per_unit(sum(_flac(Path(one.name)) for one in splits.test)) if here else "not installed"
        found["FLAC -8, a file each"] = packed
    return found


def _png(document: Document) -> int:
    from PIL import Image

    assert document.side is not None
    (plane_HWC,) = pictures.pixels(document.text, document.side)
    file = io.BytesIO()
    Image.fromarray(plane_HWC[:, :, 0]).save(file, "PNG", optimize=True)
    return len(file.getvalue())


def _stacked(documents: Sequence[Document]) -> Document:
    """Return pictures of one width below each other as one."""
    planes = [pictures.pixels(one.text, one.side or {})[0] for one in documents]
    return pictures.document(np.concatenate(planes))


def _flac(path: Path) -> int:
    words = ["flac", "-8", "--no-padding", "-s", "-c", str(path)]
    return len(subprocess.run(words, capture_output=True, check=True).stdout)


def bits_table(data: Path, budget: str, names: Sequence[str]) -> Table:
    """Measure models and programs on senses of these names; the fewer bits the better."""
    columns: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            sense = senses(data)[name]
            bits, units = by_models(sense, budget)
            models = {model: f"{of_model:.3f}" for model, of_model in bits.items()}
            title = f"{name}: bits per {sense.unit}"
            columns[title] = {**models, **by_programs(sense, units, Path(folder) / sense.kind)}
    whats = dict.fromkeys(what for column in columns.values() for what in column)
    rows = [[what, *(column.get(what, "–") for column in columns.values())] for what in whats]
    return Table(["", *columns], rows)


@dataclass(frozen=True)
class Shown:
    """Something to be named: of which kind it is, its file and its name."""

    kind: str
    file: str
    name: str

    @property
    def segments(self) -> list[dict[str, str]]:
        """It and its name as a list of mixtures has them."""
        return [{"kind": self.kind, "path": self.file}, {"kind": "text", "text": self.name}]


def shown(data: Path, folder: Path) -> dict[str, list[Shown]]:
    """Return what there is to name, by split; pictures become files in the folder."""
    from PIL import Image
    from sklearn.datasets import load_digits

    found, pictured = load_digits(), []
    for number in np.random.default_rng(0).permutation(len(found.target)).tolist():
        pictured.append(Shown("pictures", f"{folder}/{number}.png", NAMES[found.target[number]]))
        Image.fromarray(found.images[number].astype(np.uint8)).save(pictured[-1].file)
    spoken = {
        part: [
            Shown("sounds", f"{data}/fsdd/{digit}_jackson_{take}.wav", name)
            for digit, name in enumerate(NAMES)
            for take in takes
        ]
        for part, takes in (("test", range(5)), ("valid", range(5, 10)), ("train", range(10, 50)))
    }
    cuts = {"test": pictured[:180], "valid": pictured[180:280], "train": pictured[280:]}
    return {part: cuts[part] + spoken[part] for part in cuts}


def accuracies(run: ag.Run, held: Sequence[Shown], first: bool) -> dict[str, float]:
    """Return by kind the share of what is shown whose likeliest name is its own."""
    names = [Segment("text", Document(name)) for name in NAMES]
    hits: dict[str, list[bool]] = {}
    for one in held:
        best = run.rank([mixtures.given(one.kind, one.file)], names, first=first)[0]
        hits.setdefault(one.kind, []).append(best.segment.document.text == one.name)
    return {kind: float(np.mean(of_kind)) for kind, of_kind in hits.items()}


@dataclass(frozen=True)
class Trial:
    """A model of both senses: its name among CHOICES, and validation accuracies by way and kind."""

    name: str
    run: ag.Run
    valid: dict[str, dict[str, float]]

    def way(self, kind: str) -> str:
        """Return the way that names most of a kind's validation data."""
        return max(WAYS, key=lambda way: self.valid[way][kind])

    @property
    def mean(self) -> float:
        """The mean over both kinds, each by its best way."""
        return float(np.mean([self.valid[self.way(kind)][kind] for kind in ("pictures", "sounds")]))


def trials(held: dict[str, list[Shown]], choices: Sequence[str], steps: int, folder: Path) -> list[Trial]:
    """Train each choice on the training part, both ways round, and try it on the validation part."""
    for part in ("train", "valid"):
        orders = [order for one in held[part] for order in (one.segments, one.segments[::-1])]
        lines = "".join(json.dumps({"segments": order}) + "\n" for order in orders)
        (folder / f"{part}.jsonl").write_text(lines)
    found = []
    for name in choices:
        model, codecs, settings = CHOICES[name]
        run = ag.train(
            folder / "train.jsonl",
            model,
            codec="mixed",
            valid=str(folder / "valid.jsonl"),
            budget=f"{steps}steps",
            settings={"codecs": codecs, **settings},
        )
        valid = {way: accuracies(run, held["valid"], first) for way, first in WAYS.items()}
        print(f"{name}: validation {valid}", file=sys.stderr)
        found.append(Trial(name, run, valid))
    return found


def names_tables(data: Path, choices: Sequence[str], steps: int) -> list[Table]:
    """Choose a model of both senses and name the test part; show pictures that it makes of names."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        held = shown(data, folder)
        tried = trials(held, choices, steps, folder)
        best = max(tried, key=lambda trial: trial.mean)
        rows = []
        for kind in ("pictures", "sounds"):
            way = best.way(kind)
            test = [one for one in held["test"] if one.kind == kind]
            accuracy = accuracies(best.run, test, WAYS[way])[kind]
            rows.append([kind, way, f"{best.valid[way][kind]:.1%}", f"{accuracy:.1%} of {len(test)}"])
        chosen_from = [
            [
                trial.name,
                *(f"{trial.valid[way][kind]:.1%}" for kind in ("pictures", "sounds") for way in WAYS),
            ]
            for trial in tried
        ]
        draw(best.run)
    ways = [f"{kind}, {way}" for kind in ("pictures", "sounds") for way in WAYS]
    return [
        Table(["to choose from", *ways], chosen_from, "Validation, named rightly"),
        Table(
            ["", "way, chosen on validation", "validation", "test, named rightly"],
            rows,
            f"Chosen: {best.name}",
        ),
    ]


def draw(run: ag.Run) -> None:
    """Print a picture for each of some names."""
    drawn = []
    for name in NAMES[:6]:
        asked = [Segment("text", Document(name))]
        made = run.cross(asked, "pictures", sampling=Sampling(max_symbols=100, temperature=0.6))[0]
        assert made.side is not None
        (plane_HWC,) = pictures.pixels(made.text, made.side)
        rows = [
            "".join(" .+#"[min(value // 5, 3)] for value in row_W) for row_W in plane_HWC[:, :, 0].tolist()
        ]
        drawn.append([f"{name:8}", *rows])
    print("\n".join("  ".join(line) for line in zip(*drawn, strict=True)) + "\n")


def main() -> int:
    """Read the words of the command line, measure and print."""
    parts: dict[str, Any] = {"bits": bits_table, "names": names_tables}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--parts", type=names_of("part", parts), default=list(parts))
    parser.add_argument("--budget", default="60s", help="of each model's training for bits per unit")
    known = list(senses(Path()))
    parser.add_argument("--senses", type=names_of("sense", known), default=known, help="of bits per unit")
    choices = names_of("choice", CHOICES)
    parser.add_argument(
        "--choices", type=choices, default=list(CHOICES), help="models of both senses to choose from"
    )
    parser.add_argument("--steps", type=int, default=3000, help="of each model of both senses")
    parser.add_argument("--out", type=Path, help="a .json file for the figures")
    asked = parser.parse_args()
    data = real_data("fsdd/0_jackson_0.wav", "seaborn/titanic.csv", "nab/realKnownCause/nyc_taxi.csv")
    tables = [bits_table(data, asked.budget, asked.senses)] if "bits" in asked.parts else []
    tables += names_tables(data, asked.choices, asked.steps) if "names" in asked.parts else []
    stored = [{"title": table.title, "header": table.header, "rows": table.rows} for table in tables]
    report.publish("senses", tables, asked.out, stored=stored, packages=["torch", "pillow", "scikit-learn"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
