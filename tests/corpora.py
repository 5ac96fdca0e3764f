"""Small corpora in every format and compression, for the tests of reading."""

from __future__ import annotations

import bz2
import csv
import gzip
import json
import lzma
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from anygram.data.reading import ReadingOptions, Report, read
from anygram.errors import AnygramError

TEXTS = ["To be, or not to be:", "naïve café", "天地玄黄", "", 'she said "no", twice', "a\u2028b\rc"]


def _write_jsonl(path: Path, texts: list[str]) -> None:
    lines = [json.dumps({"id": number, "text": each}) + "\n" for number, each in enumerate(texts)]
    path.write_text("".join(lines), encoding="utf-8", newline="")


def _write_csv(path: Path, texts: list[str]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        csv.writer(stream).writerows([["id", "text"], *([str(i), each] for i, each in enumerate(texts))])


def _write_tsv(path: Path, texts: list[str]) -> None:
    path.write_text("id\ttext\n" + "".join(f"1\t{each}\n" for each in texts), encoding="utf-8", newline="")


def _write_parquet(path: Path, texts: list[str]) -> None:
    pq.write_table(pa.table({"id": list(range(len(texts))), "text": texts}), path)


def _write_lines(path: Path, texts: list[str]) -> None:
    path.write_text("".join(f"{each}\n" for each in texts), encoding="utf-8", newline="")


WRITERS: dict[str, Callable[[Path, list[str]], None]] = {
    ".jsonl": _write_jsonl,
    ".csv": _write_csv,
    ".tsv": _write_tsv,
    ".parquet": _write_parquet,
    ".log": _write_lines,
}
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
    ".zst": lambda content: pa.compress(content, codec="zstd", asbytes=True),
}


def pack(path: Path, compression: str) -> Path:
    """Return the compressed copy that lies beside the file."""
    packed = path.with_name(path.name + compression)
    packed.write_bytes(PACKERS[compression](path.read_bytes()))
    return packed


def read_texts(*sources: str, **options: object) -> list[str]:
    """Return the texts of all documents of the sources."""
    return [document.text for document in read(sources, ReadingOptions(**options), Report())]  # type: ignore[arg-type]


def refusal(*sources: str, **options: object) -> str:
    """Return the one line with which the sources are refused."""
    with pytest.raises(AnygramError) as caught:
        read_texts(*sources, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
