"""A text to measure on, and the models of it: trained when first asked for, then kept."""

from __future__ import annotations

import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from peers import processes
from peers.processes import Cost
from peers.programs import KenLM

SPECIAL = {"<s>": "s-tag", "</s>": "end-tag", "<unk>": "unknown-tag"}
"""What lmplz stops at, renamed for both."""
HELD_OUT_LINES = 20_000

Words = list[str | Path]


@dataclass(frozen=True)
class Subject:
    """A prepared text, some of its held-out lines, the folder for everything made, and KenLM if found."""

    name: str
    text: Path
    held_out: Path
    tokens: int
    folder: Path
    kenlm: KenLM | None
    repeats: int

    def train(self, out: Path, order: int, *more: str, settings: Mapping[str, object] | None = None) -> Cost:
        """Train on the text into a new run and return what that cost."""
        return train(self.text, out, order, *more, settings=settings)

    def run(self, order: int, *, size: int | None = None) -> Path:
        """Return the run of this order, of `size` symbols at most."""
        out = self.folder / f"run-{order}{'' if size is None else f'-{size}'}"
        if not (out / "run.toml").exists():
            self.train(out, order, settings=None if size is None else {"size": size})
        return out

    def arpa(self, order: int) -> Path:
        """Return KenLM's ARPA file of this order."""
        out = self.folder / f"kenlm-{order}.arpa"
        if not out.exists():
            processes.run(self._peer().lmplz(self.text, out, order))
        return out

    def binary(self, order: int, kind: str = "probing", *options: str) -> Path:
        """Return KenLM's queryable file of this order."""
        out = self.folder / f"kenlm-{order}.{kind}{''.join(options)}"
        if not out.exists():
            processes.run(self._peer().build_binary(self.arpa(order), out, kind, *options))
        return out

    def train_kenlm(self, order: int) -> tuple[Cost, Cost]:
        """Estimate and make queryable anew; return the cost of lmplz and of build_binary."""
        arpa, binary = self.folder / f"kenlm-{order}.arpa", self.folder / f"kenlm-{order}.probing"
        for old in (arpa, binary):
            old.unlink(missing_ok=True)
        estimate = processes.run(self._peer().lmplz(self.text, arpa, order))
        return estimate, processes.run(self._peer().build_binary(arpa, binary, "probing"))

    def _peer(self) -> KenLM:
        assert self.kenlm is not None, "asked of KenLM only where it was found"
        return self.kenlm


def train(
    text: Path,
    out: Path,
    order: int,
    *more: str,
    settings: Mapping[str, object] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Cost:
    """Train on a text into a new run, an old one removed before, and return what the process cost."""
    chosen = {"order": order, "lines": "false", **(settings or {})}
    sets = [word for key, value in chosen.items() for word in ("--set", f"{key}={value}")]
    data = ["--codec", "words", "--documents", "lines", "--valid", "none"]
    shutil.rmtree(out, ignore_errors=True)
    words: Words = [anygram(), "train", text, "--model", "ngram", *data, *sets, *more, "--out", out]
    return processes.run(words, environment=environment)


def anygram() -> Path:
    """Return the program of the environment that runs this."""
    return Path(sys.executable).with_name("anygram")


def ngrams(run: Path) -> int:
    """Return how many n-grams of all orders a run holds."""
    with (run / "run.toml").open("rb") as file:
        return sum(tomllib.load(file)["figures"]["model"]["ngrams"])


def prepare(source: Path, held_out: Path | None, folder: Path, kenlm: KenLM | None, repeats: int) -> Subject:
    """Return a text without blank lines and special words, and what is asked (else its own first lines)."""
    name = source.parent.name if "train" in source.stem else source.stem
    folder = folder / name
    folder.mkdir(parents=True, exist_ok=True)
    text, asked = folder / "text.txt", folder / "held-out.txt"
    tokens = _copy(source, text)
    _copy(held_out or source, asked, HELD_OUT_LINES)
    return Subject(name, text, asked, tokens, folder, kenlm, repeats)


def _copy(source: Path, out: Path, lines: int | None = None) -> int:
    """Write the lines that hold words, special ones renamed, and return how many words they hold."""
    tokens = 0
    with source.open(encoding="utf-8", newline="\n") as text, out.open("w", encoding="utf-8") as file:
        spaced = (line.split() for line in text)
        for words in islice((words for words in spaced if words), lines):
            file.write(" ".join(SPECIAL.get(word, word) for word in words) + "\n")
            tokens += len(words)
    return tokens
