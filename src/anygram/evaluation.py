"""The yardstick: a model, held-out documents, and what they cost in nats, units and seconds.

Every document is scored whole, from the start state to its boundary, the state carried through.

Axes: T positions, D documents.
"""

from __future__ import annotations

import math
import time
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import information, lanes
from anygram.data.corpus import condition_of
from anygram.data.documents import Document
from anygram.errors import DataError
from anygram.protocols import Classifying, Codec, FloatArray, Ids, LanguageModel, Reader

WINDOW_UNITS = 1 << 22
"""Documents are encoded and dealt out to rows this many units at a time."""

READ_AT_ONCE = 1 << 12
"""A session is given so many symbols at once."""

FEW_DOCUMENTS = 30
BLOCKS = 64
"""With fewer than 30 documents intervals resample 64 contiguous blocks (yardstick, rule 4)."""

_SUMMED_AT_ONCE = 1 << 16
"""Symbols, so that a long document needs little more memory than its surprisals."""


@dataclass(frozen=True)
class Surprisal:
    """One document scored: `nats_T` and, where asked for, `rank_T` of each symbol and the boundary.

    `units_T` are the original bytes that each stands for, `counted` says how many units the codec counts, and
    `log_width_T` are the symbols' log widths, None where they stand for what they say and no stretch.
    """

    index: int
    document: Document
    ids_T: Ids
    units_T: NDArray[np.int64]
    counted: int
    nats_T: FloatArray
    rank_T: NDArray[np.int64] | None
    log_width_T: FloatArray | None = None


@dataclass(frozen=True)
class Evaluation:
    """What held-out documents cost a model. Sums include every boundary.

    `bits_per_unit` of a codec whose symbols stand for stretches of numbers is that of the density, which is
    the same for any stretches and may be negative. `nats` are those of the symbols.
    """

    documents: int
    symbols: int
    units: int
    unit: str
    bytes: int
    nats: float
    bits_per_unit: float | None
    bits_per_byte: float | None
    perplexity: float
    perplexity_without_unknown: float
    unknown_symbols: int
    accuracy: float | None
    accuracy_top5: float | None
    adaptive: bool
    seconds: float
    symbols_per_second: float
    nats_D: FloatArray
    """Nats of each document, or of each of 64 contiguous blocks where documents are few."""
    units_D: NDArray[np.int64]

    def to_json(self) -> dict[str, Any]:
        """Return the figures without the arrays; what is not finite becomes null."""
        figures = {field.name: getattr(self, field.name) for field in fields(self)}
        del figures["nats_D"], figures["units_D"]
        return {
            name: None if isinstance(value, float) and not math.isfinite(value) else value
            for name, value in figures.items()
        }

    def _repr_html_(self) -> str:
        """Return the table a notebook shows."""
        rows = "".join(f"<tr><th>{name}</th><td>{value}</td></tr>" for name, value in self.to_json().items())
        return f"<table>{rows}</table>"


def evaluate(
    model: LanguageModel,
    codec: Codec,
    documents: Iterable[Document],
    *,
    ranks: bool = True,
    reader: Reader | None = None,
    condition_codec: Codec | None = None,
    keep: Callable[[Surprisal], None] | None = None,
    progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Return the cost of the documents; `ranks=False` leaves accuracy out, which is faster.

    With a `condition_codec` each costs what it does behind what is given of it.
    `keep` is called with every document as it is scored. A `reader` over the model reads all documents in
    one session, in order, and learns from them; then the figures are adaptive, without accuracy. `progress`
    is called with the units scored so far. DataError where there is no text.
    """
    totals = _Totals(codec, adaptive=reader is not None)
    started = time.perf_counter()
    scored = surprisals(model, codec, documents, ranks=ranks, condition_codec=condition_codec)
    if reader is not None:
        scored = surprisals_read(reader, codec, documents, progress)
    for one in scored:
        totals.add(one)
        if keep is not None:
            keep(one)
        if progress is not None:
            progress(totals.units)
    return totals.result(time.perf_counter() - started)


@dataclass(frozen=True)
class DocumentScore:
    """What one document cost; nats and symbols include its boundary."""

    document: str
    bytes: int
    symbols: int
    nats: float
    bits_per_byte: float | None
    perplexity: float


def scores(
    model: LanguageModel,
    codec: Codec,
    documents: Iterable[Document],
    *,
    reader: Reader | None = None,
    condition_codec: Codec | None = None,
) -> Iterator[DocumentScore]:
    """Yield what each document costs, in the order of the documents; read by a `reader`, in one session."""
    scored = surprisals_in_order(model, codec, documents, reader=reader, condition_codec=condition_codec)
    for one in scored:
        nats, size = float(one.nats_T.sum()), one.document.units
        yield DocumentScore(
            document=one.document.name,
            bytes=size,
            symbols=len(one.ids_T),
            nats=nats,
            bits_per_byte=information.bits_per_unit(nats, size) if codec.lossless and size else None,
            perplexity=information.perplexity(nats, len(one.ids_T)),
        )


def surprisals_in_order(
    model: LanguageModel,
    codec: Codec,
    documents: Iterable[Document],
    *,
    reader: Reader | None = None,
    condition_codec: Codec | None = None,
) -> Iterator[Surprisal]:
    """Yield every document scored, in the order of the documents; read by a `reader`, in one session."""
    if reader is not None:
        yield from surprisals_read(reader, codec, documents)
        return
    for window in _windows(documents):
        scored = surprisals(
            model, codec, [document for _, document in window], condition_codec=condition_codec
        )
        for one in sorted(scored, key=lambda one: one.index):
            yield replace(one, index=window[one.index][0])


def read_first(model: LanguageModel, condition_codec: Codec | None) -> Codec | None:
    """Return the codec of what the model reads before a text: none where a head alone hears of labels."""
    return None if isinstance(model, Classifying) and not model.conditional else condition_codec


def surprisals(
    model: LanguageModel,
    codec: Codec,
    documents: Iterable[Document],
    *,
    ranks: bool = False,
    condition_codec: Codec | None = None,
) -> Iterator[Surprisal]:
    """Yield every document scored, in the order in which they end."""
    condition_codec = read_first(model, condition_codec)
    for window in _windows(documents):
        encoded = [_with_boundary(codec, document) for _, document in window]
        given = None
        if condition_codec is not None:
            given = [condition_of(document, condition_codec) for _, document in window]
        texts = [ids_T for ids_T, *_ in encoded]
        for place, nats_T, rank_T in lanes.score_each(model, texts, ranks, given):
            (index, document), (ids_T, units_T, counted, width_T) = window[place], encoded[place]
            yield Surprisal(index, document, ids_T, units_T, counted, nats_T, rank_T, width_T)


def surprisals_read(
    reader: Reader,
    codec: Codec,
    documents: Iterable[Document],
    progress: Callable[[int], None] | None = None,
) -> Iterator[Surprisal]:
    """Yield every document as one session reads it, in their order, boundaries too."""
    units = 0
    for index, document in enumerate(documents):
        ids_T, units_T, counted, width_T = _with_boundary(codec, document)
        parts: list[FloatArray] = [np.empty(0)]
        for first in range(0, len(ids_T), READ_AT_ONCE):
            parts.append(-reader.read(ids_T[first : first + READ_AT_ONCE]))
            if progress is not None:
                progress(units + int(units_T[: first + READ_AT_ONCE].sum()))
        units += document.units
        yield Surprisal(index, document, ids_T, units_T, counted, np.concatenate(parts), None, width_T)


def _windows(documents: Iterable[Document]) -> Iterator[list[tuple[int, Document]]]:
    numbered = iter(enumerate(documents))
    while True:
        window: list[tuple[int, Document]] = []
        units = 0
        for item in numbered:
            window.append(item)
            units += item[1].units
            if units >= WINDOW_UNITS:
                break
        if not window:
            return
        yield window


def _with_boundary(codec: Codec, document: Document) -> tuple[Ids, NDArray[np.int64], int, FloatArray | None]:
    """Return the document's symbols and its boundary, the bytes of each, its units, and their log widths."""
    encoded = codec.encode(document.text, document.side)
    ids_T = np.append(encoded.ids, np.int32(codec.boundary)).astype(np.int32)
    counted = document.units if encoded.count is None else encoded.count
    width_T = None if encoded.log_width_T is None else np.append(encoded.log_width_T, 0.0)
    return ids_T, np.append(encoded.units, document.separator), counted, width_T


class _Totals:
    """Sums over documents; keeps per-symbol arrays only while documents are few."""

    def __init__(self, codec: Codec, *, adaptive: bool) -> None:
        self._codec, self._adaptive = codec, adaptive
        self.units = 0
        self._symbols = self._bytes = self._unknown = 0
        self._known_nats = self._log_width = 0.0
        self._is_density = False
        self._first = self._first_five = 0
        self._ranked = True
        self._index, self._document_units, self._nats = array("q"), array("q"), array("d")
        self._few: list[tuple[FloatArray, NDArray[np.int64]]] = []

    def add(self, scored: Surprisal) -> None:
        self._index.append(scored.index)
        self._document_units.append(scored.document.units)
        self._nats.append(float(scored.nats_T.sum()))
        self._symbols += len(scored.ids_T)
        self.units += scored.counted
        self._bytes += scored.document.units
        if scored.log_width_T is not None:
            self._is_density = True
            self._log_width += float(scored.log_width_T.sum())
        known_T = np.ones(len(scored.ids_T), dtype=bool)
        if self._codec.unknown is not None:
            known_T = scored.ids_T != self._codec.unknown
        self._unknown += int((~known_T).sum())
        self._known_nats += float(scored.nats_T[known_T].sum())
        if scored.rank_T is None:
            self._ranked = False
        else:
            self._first += int((scored.rank_T == 0).sum())
            self._first_five += int((scored.rank_T < 5).sum())
        if len(self._nats) < FEW_DOCUMENTS:
            self._few.append((scored.nats_T, scored.units_T))
        else:
            self._few.clear()

    def result(self, seconds: float) -> Evaluation:
        if not self._nats:
            raise DataError("there are no documents to evaluate; name a source that holds some")
        if not self._bytes:
            raise DataError("there is no text to evaluate; name a source that holds some")
        nats = math.fsum(self._nats)
        nats_D, units_D = self._resampled()
        per_unit = None
        if self._codec.lossless or self._is_density:
            per_unit = information.bits_per_unit(nats + self._log_width, self.units)
        return Evaluation(
            documents=len(self._nats),
            symbols=self._symbols,
            units=self.units,
            unit=self._codec.unit,
            bytes=self._bytes,
            nats=nats,
            bits_per_unit=per_unit,
            bits_per_byte=information.bits_per_unit(nats, self._bytes) if self._codec.lossless else None,
            perplexity=information.perplexity(nats, self._symbols),
            perplexity_without_unknown=information.perplexity(
                self._known_nats, self._symbols - self._unknown
            ),
            unknown_symbols=self._unknown,
            accuracy=self._first / self._symbols if self._ranked else None,
            accuracy_top5=self._first_five / self._symbols if self._ranked else None,
            adaptive=self._adaptive,
            seconds=seconds,
            symbols_per_second=self._symbols / seconds if seconds else math.inf,
            nats_D=nats_D,
            units_D=units_D,
        )

    def _resampled(self) -> tuple[FloatArray, NDArray[np.int64]]:
        """Return nats and units of what the bootstrap draws: documents, or 64 blocks of few."""
        order_D = np.argsort(np.array(self._index), kind="stable")
        if len(order_D) >= FEW_DOCUMENTS:
            return np.array(self._nats)[order_D], np.array(self._document_units)[order_D]
        return block_sums([self._few[document] for document in order_D])


def block_sums(
    documents: Sequence[tuple[FloatArray, NDArray[np.int64]]], blocks: int = BLOCKS
) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return nats and units of contiguous blocks that hold equally many units, as nearly as symbols allow.

    `documents` are nats_T and units_T of each in order. Edges lie by unit, so that models with different
    codecs have the same blocks.
    """
    nats_D, units_D = np.zeros(blocks), np.zeros(blocks, dtype=np.int64)
    total = sum(int(units_T.sum()) for _, units_T in documents)
    before = 0
    for nats_T, units_T in documents:
        for first in range(0, len(units_T), _SUMMED_AT_ONCE):
            piece = slice(first, first + _SUMMED_AT_ONCE)
            before_T = before + np.cumsum(units_T[piece]) - units_T[piece]
            block_T = np.minimum(before_T * blocks // max(total, 1), blocks - 1)
            np.add.at(nats_D, block_T, nats_T[piece])
            np.add.at(units_D, block_T, units_T[piece])
            before += int(units_T[piece].sum())
    return nats_D, units_D


def take(documents: Iterable[Document], units: int) -> list[Document]:
    """Return the first documents that together reach this many units (at least one document)."""
    taken: list[Document] = []
    for document in documents:
        taken.append(document)
        units -= document.units
        if units <= 0:
            break
    return taken
