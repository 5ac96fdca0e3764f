"""Running the program inside a test: what a command said, a small corpus, strict JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from anygram import cli

SENTENCES = [
    "the cat sat on the mat",
    "the dog sat on the log",
    "a cat and a dog ate the naïve rat",
    "who let the dog in",
    "nobody knows, said the cat",
]


@dataclass(frozen=True)
class Said:
    """A command's exit status and what it printed."""

    status: int
    out: str
    err: str

    @property
    def fields(self) -> Any:
        """The one JSON object that is all of standard output."""
        return strict_json(self.out)

    @property
    def refusal(self) -> str:
        """The last line of standard error, which must be the only one that is no progress."""
        assert self.status in (1, 2) and self.out == "", self
        lines = self.err.splitlines()
        assert [line for line in lines if line.startswith("anygram: ")] == lines[-1:], self.err
        assert "Traceback" not in self.err
        return lines[-1].removeprefix("anygram: ")


def ask(capsys: pytest.CaptureFixture[str], *words: object) -> Said:
    """Run a command of the program in this process."""
    capsys.readouterr()
    status = cli.run([str(word) for word in words])
    captured = capsys.readouterr()
    return Said(status, captured.out, captured.err)


def strict_json(text: str) -> Any:
    """Return what the text holds; ValueError for NaN and Infinity, which JSON does not have."""

    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)


def write_corpus(folder: Path, lines: int = 60) -> Path:
    """Write some sentences over and over into a file of lines, and return its path."""
    path = folder / "corpus.log"
    path.write_text("".join(f"{SENTENCES[i * i % 5]} {i % 7}\n" for i in range(lines)), encoding="utf-8")
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder, hidden ones too, by its path in it."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
