"""Data of every kind to try laws on; needs Hypothesis, which is not installed with anygram."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from anygram.data import mixtures, pictures, series, sounds, tables
from anygram.data.documents import Document

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy


def data_of(kind: str) -> SearchStrategy[Document]:
    """Return documents of a kind that is not text."""
    return _DATA[kind]()


def _pictures() -> SearchStrategy[Document]:
    from hypothesis import strategies as st

    shapes = st.tuples(*(st.integers(1, most) for most in (2, 4, 4, 4)))
    return st.tuples(shapes, st.binary(min_size=128, max_size=128)).map(
        lambda drawn: pictures.document(
            np.frombuffer(drawn[1], dtype=np.uint8)[: int(np.prod(drawn[0]))].reshape(drawn[0])
        )
    )


def _sounds() -> SearchStrategy[Document]:
    from hypothesis import strategies as st

    shapes = st.tuples(st.integers(0, 30), st.sampled_from([1, 2]))
    return st.tuples(shapes, st.binary(min_size=120, max_size=120)).map(
        lambda drawn: sounds.document(
            np.frombuffer(drawn[1], dtype="<i2")[: drawn[0][0] * drawn[0][1]], 8000, drawn[0][1]
        )
    )


def _mixtures() -> SearchStrategy[Document]:
    from hypothesis import strategies as st

    raw = st.one_of(st.text(max_size=20).map(str.encode), st.binary(max_size=20))
    texts = raw.map(lambda drawn: Document(drawn.decode("utf-8", "surrogateescape")))
    others = (_pictures, _series, _sounds, _tables)
    kinds = {"text": texts, **{of.__name__.removeprefix("_"): of() for of in others}}
    segments = [st.builds(mixtures.Segment, st.just(kind), of_kind) for kind, of_kind in kinds.items()]
    return st.lists(st.one_of(segments), max_size=3).map(mixtures.document)


def _tables() -> SearchStrategy[Document]:
    """Return rows of a table of words, numbers, dates and texts, any of which may be missing."""
    from hypothesis import strategies as st

    words = st.sampled_from(["", "red", "blue", "deep, deep blue", "NA", 'a "word"'])
    numbers = st.one_of(st.integers(-9, 99).map(str), st.decimals(-5, 500, places=2).map(str), st.just(""))
    days = st.one_of(st.dates().map(str), st.just(""))
    notes = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    return st.tuples(words, numbers, days, notes).map(
        lambda drawn: tables.document(drawn, ["colour", "price", "day", "note"])
    )


def _series() -> SearchStrategy[Document]:
    from hypothesis import strategies as st

    whole = st.integers(-999, 999).map(str)
    any_number = st.floats(-1e9, 1e9).map(lambda number: f"{number:.3f}")
    value = st.one_of(whole, any_number, st.sampled_from(["", "0", "0.0", "+7", "007", "1e3", "-0"]))
    times = st.sampled_from([("2024-02-29T23:00:00", 3600), ("2024-01-31", "MS"), ("1999-12-31", 0.5)])
    return st.tuples(whole, st.lists(value, max_size=30), times, st.integers(0, 9)).map(
        lambda drawn: series.document(
            [drawn[0], *drawn[1]],
            {
                "id": "a",
                "start": drawn[2][0],
                "step": drawn[2][1],
                "first": drawn[3],
                "covariates": _beside(drawn[1], drawn[3] + 1),
            },
        )
    )


def _beside(values: list[str], more: int) -> dict[str, str]:
    """Return columns beside so many values and some more: of numbers, of words, each with gaps."""
    places = range(len(values) + more)
    promo = ["0", "1", "", "0.5"]
    word = ["", "feast", "work, hard", "NA"]
    return {
        "promo": "".join(f"{promo[place % 4]}\n" for place in places),
        "word": "".join(f"{word[(place + more) % 4]}\n" for place in places),
    }


_DATA: dict[str, Callable[[], SearchStrategy[Document]]] = {
    "mixtures": _mixtures,
    "pictures": _pictures,
    "series": _series,
    "sounds": _sounds,
    "tables": _tables,
}
