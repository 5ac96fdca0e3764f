"""Series that tests make, files of them, codecs fitted to one, and networks that have learnt nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from anygram.codecs import series as codecs
from anygram.codecs.series import Config, SeriesCodec
from anygram.data import series
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.models import gru, transformer
from anygram.protocols import LanguageModel
from tests.sided import Given

HOURLY = {"id": "a", "start": "2024-02-29T22:00:00", "step": 3600, "first": 0}
DAILY = {"id": "a", "start": "2024-01-01", "step": 86_400, "first": 0}
LINES = st.lists(st.sampled_from(["", "1", "2", "-7", "30", "2.5", "100"]), min_size=1, max_size=25)
WAVE = [20 + abs(number % 14 - 7) for number in range(120)]


def series_in(path: Path, **options: Any) -> list[Document]:
    return list(read([str(path)], ReadingOptions(kind="series", **options), Report()))


def file_of(folder: Path, text: str, name: str = "some.csv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def fitted(text: str, side: Any, config: Config) -> SeriesCodec:
    """Return the codec of one series."""
    return codecs.fit(Given([Document(text, side=side)]), config)


def document_of(values: Any, **side: Any) -> Document:
    return series.document([f"{value:g}" for value in values], {**DAILY, **side}, "wave")


def networks(codec: SeriesCodec) -> list[LanguageModel]:
    return [
        gru.create(gru.Config(units=8, embedding=4), codec.vocabulary_size, 0),
        transformer.create(
            transformer.Config(width=16, heads=2, layers=1, context=24), codec.vocabulary_size, 0
        ),
    ]
