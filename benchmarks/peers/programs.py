"""Where KenLM is, and the command lines of its programs."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path

HOW_TO_GET_IT = """KenLM is not here, so anygram is measured alone. To have it beside (Debian):
    apt-get install build-essential cmake libboost-all-dev zlib1g-dev libbz2-dev liblzma-dev
    git clone https://github.com/kpu/kenlm && cmake -S kenlm -B kenlm/build && cmake --build kenlm/build
    ./dev setup && .venv/bin/python -m pip install kenlm
    ./dev bench ngram --kenlm kenlm/build/bin"""


@dataclass(frozen=True)
class KenLM:
    """The folder of its programs, the memory lmplz may take, and whether its module can be imported."""

    folder: Path
    memory: str
    module: bool

    def lmplz(self, text: Path, arpa: Path, order: int, memory: str | None = None) -> list[str | Path]:
        """Return the command that estimates a model; temporary files lie beside its ARPA file."""
        words: list[str | Path] = [
            self.folder / "lmplz",
            "-o",
            str(order),
            "--discount_fallback",
            "-S",
            memory or self.memory,
        ]
        return [*words, "-T", f"{arpa.parent}/lmplz-", "--text", text, "--arpa", arpa]

    def build_binary(self, arpa: Path, out: Path, kind: str, *options: str) -> list[str | Path]:
        """Return the command that makes a queryable file, `probing` or `trie`."""
        return [self.folder / "build_binary", "-T", f"{out.parent}/build-", *options, kind, arpa, out]

    def query(self, model: Path) -> list[str | Path]:
        """Return the command that scores the lines of its standard input."""
        return [self.folder / "query", "-v", "sentence", model]


def find(folder: Path | None, memory: str) -> KenLM | None:
    """Return KenLM in a folder of programs, or on PATH; None where there is none."""
    program = shutil.which("lmplz", path=None if folder is None else str(folder))
    if program is None:
        return None
    return KenLM(Path(program).parent, memory, importlib.util.find_spec("kenlm") is not None)
