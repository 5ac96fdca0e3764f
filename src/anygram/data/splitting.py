"""A corpus into training, validation and test parts; rule 2 of the yardstick.

By document, in a seeded choice. A corpus of fewer than 20 documents is cut by position instead, all
documents end to end: a fraction f is the part after byte int((1 − f) · bytes), which for f = 0.1 is
nanoGPT's split of tinyshakespeare. Nothing is copied. D documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from anygram.compiled import address, kernel, load_64
from anygram.data.documents import Documents
from anygram.data.store import DocumentStore, Parted, Selection, selected
from anygram.data.text import parted as text_parted
from anygram.errors import DataError, UsageError
from anygram.protocols import Texts

FEWEST_DOCUMENTS = 20
LONG_LINE = 40
"""Bytes: a line that long seldom stands in two texts by chance."""
# 2^64 over the golden ratio and over the square root of 2, odd (Knuth 1998, section 6.4)
_ONE_FACTOR, _OTHER_FACTOR, _HALF = (
    np.uint64(number) for number in (0x9E3779B97F4A7C15, 0xB504F333F9DE6485, 32)
)


@dataclass(frozen=True)
class Splits:
    """Three parts of a corpus, each in its order; `valid` and `test` are empty where not asked for."""

    train: Documents
    valid: Documents
    test: Documents


def split(
    store: DocumentStore,
    *,
    valid: float | None,
    test: float | None,
    seed: int,
    parted: Parted = text_parted,
) -> Splits:
    """Return the parts: `test` is a fraction of all, `valid` one of what then remains.

    Both are taken in one way, by document or by position, where `parted` allows a cut; documents of which
    something is given are never cut. The test part does
    not depend on `valid`.
    UsageError for a fraction that is none, DataError where a part would be empty.
    """
    for option, fraction in (("valid", valid), ("test", test)):
        if fraction is not None and not 0 < fraction < 1:
            raise UsageError(f"--{option} must be a fraction between 0 and 1 or none, got {fraction:g}")
    generator = np.random.default_rng(seed)
    by_position = len(store) < FEWEST_DOCUMENTS and not store.has_givens
    train = Selection(store, np.arange(len(store)))
    parts = {"test": train[:0], "validation": train[:0]}
    for name, fraction in (("test", test), ("validation", valid)):
        if fraction is not None:
            cut = (
                _cut_by_position(train, fraction, parted)
                if by_position
                else _cut_by_document(train, fraction, generator)
            )
            train, parts[name] = cut
            _check_filled(parts[name], name)
    _check_filled(train, "training")
    return Splits(train=train, valid=parts["validation"], test=parts["test"])


def count_duplicates(train: Documents, test: Documents) -> int:
    """Return how many documents of `test` have a text that also stands in `train`; empty texts do not count.

    Only digests of the test texts are held in memory.
    """
    copies: dict[bytes, int] = {}
    for texts in _texts(test):
        for digest in _digests(texts):
            copies[digest] = copies.get(digest, 0) + 1
    return sum(copies.pop(digest, 0) for texts in _texts(train) for digest in _digests(texts))


def count_repeated_bytes(train: Documents, test: Documents, shortest: int = LONG_LINE) -> int:
    """Return how many bytes of `test` are in lines of at least so many that `train` has too.

    So it is seen where one has a part of the other's document, which as a whole is none of its own.
    """
    copies: dict[bytes, int] = {}
    for lines in map(_lines, _texts(test)):
        sizes_D = lines.ends_D - lines.starts_D
        for digest, size in zip(
            _digests(lines, shortest), sizes_D[sizes_D >= shortest].tolist(), strict=True
        ):
            copies[digest] = copies.get(digest, 0) + size
    return sum(
        copies.pop(digest, 0) for texts in _texts(train) for digest in _digests(_lines(texts), shortest)
    )


def _texts(documents: Documents) -> Iterator[Texts]:
    """Yield the texts in order, many at a time where they are in a store."""
    stored = selected(documents)
    if stored is None:
        yield from (Texts.of([document.to_bytes()]) for document in documents)
    elif len(stored):
        yield from stored.blocks()


def _lines(texts: Texts) -> Texts:
    """Return the texts cut before and behind each newline."""
    newlines = np.flatnonzero(texts.bytes_N == ord("\n"))
    return Texts(texts.bytes_N, np.unique(np.concatenate([newlines, newlines + 1, texts.ends_D])))


def _digests(texts: Texts, shortest: int = 1) -> list[bytes]:
    """Return 128 bits that tell apart the texts that have so many bytes."""
    digests_D2 = np.empty((len(texts), 2), dtype=np.uint64)
    _digest(texts.bytes_N, texts.ends_D, digests_D2)
    long_D = texts.ends_D - texts.starts_D >= shortest
    digests: list[bytes] = digests_D2[long_D].view("V16").ravel().tolist()
    return digests


@kernel
def _digest(bytes_N: Any, ends_D: Any, digests_D2: Any) -> None:
    """Fill digests_D2 by two multiplicative hashes of each text's bytes, eight at a time, and its length."""
    place, begin = address(bytes_N), 0
    for text in range(len(ends_D)):
        length = ends_D[text] - begin
        one, other = np.uint64(length), ~np.uint64(length)
        for position in range(begin, begin + length - 7, 8):
            number = load_64(place + position)
            one, other = (one ^ number) * _ONE_FACTOR, (other ^ number) * _OTHER_FACTOR
            one, other = one ^ (one >> _HALF), other ^ (other >> _HALF)
        for position in range(begin + length // 8 * 8, begin + length):
            number = np.uint64(bytes_N[position])
            one, other = (one ^ number) * _ONE_FACTOR, (other ^ number) * _OTHER_FACTOR
            one, other = one ^ (one >> _HALF), other ^ (other >> _HALF)
        digests_D2[text, 0], digests_D2[text, 1] = one, other
        begin = ends_D[text]


def _cut_by_document(
    documents: Selection, fraction: float, generator: np.random.Generator
) -> tuple[Selection, Selection]:
    """Return what remains and a seeded choice of round(fraction · D) documents, at least one."""
    taken_D = np.zeros(len(documents), dtype=bool)
    taken_D[generator.permutation(len(documents))[: max(1, round(fraction * len(documents)))]] = True
    index_D = documents.index_D
    return Selection(documents.store, index_D[~taken_D]), Selection(documents.store, index_D[taken_D])


def _cut_by_position(documents: Selection, fraction: float, parted: Parted) -> tuple[Selection, Selection]:
    """Return the documents before and after byte int((1 − fraction) · units); one may be in both, in part."""
    units_D = documents.units_D
    cut = int((1 - fraction) * units_D.sum())
    ends_D = units_D.cumsum()
    position = int(np.searchsorted(ends_D, cut, side="right"))
    if position == len(documents):
        return documents, documents[:0]
    start, end = documents.span(position)
    offset = start + cut - int(ends_D[position] - units_D[position])
    if offset >= end:  # inside a separator, which stays with its document
        return documents[: position + 1], documents[position + 1 :]
    offset = max(start, documents.parted(position, offset, parted)[0])
    if offset == start:
        return documents[:position], documents[position:]
    before, after = documents[: position + 1], documents[position:]
    before.cuts[position] = (start, offset)
    after.cuts[0] = (offset, end)
    return before, after


def _check_filled(part: Selection, name: str) -> None:
    if not part.units:
        raise DataError(
            f"the {name} part would be empty: {len(part.store)} documents of {part.store.units} bytes "
            "cannot be split so; give more data, another fraction, or --valid none and --test none"
        )
