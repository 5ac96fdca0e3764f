"""An encoded corpus on disk, and the two ways of learning from it: whole documents, packed blocks.

Axes: B rows, T positions of a block, C blocks of an epoch, N symbols end to end, D documents.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from anygram.data.documents import Document
from anygram.data.store import Selection, map_file, selected
from anygram.errors import DataError
from anygram.pieces import joined
from anygram.protocols import BatchCodec, Codec, Condition, FloatArray, Ids, Lengths
from anygram.storage import explaining_writes
from anygram.threads import side_by_side

_SHORTEST_BLOCK = 32  # a small corpus gets shorter blocks down to this, then fewer rows


class EncodedCorpus:
    """The documents that `encode_corpus` wrote into a folder, each closed by its boundary; memory-mapped.

    Document d is ids_N[offsets_D1[d] : offsets_D1[d + 1]]; `units_D` are the original units.
    """

    def __init__(self, folder: Path, vocabulary_size: int) -> None:
        self.vocabulary_size = vocabulary_size
        self._folder = folder
        self.offsets_D1: NDArray[np.int64] = map_file(folder / "offsets", np.int64)
        self.units_D: NDArray[np.int64] = map_file(folder / "units", np.int64)

    @property
    def ids(self) -> Ids:
        """ids_N, mapped anew each time, so that what was read of the disk is let go with it."""
        ids_N: Ids = map_file(self._folder / "ids", np.int32)
        return ids_N

    @property
    def conditions(self) -> Conditions | None:
        """What is given of each document, in the condition codec's symbols; None where nothing is."""
        if not (self._folder / "condition_offsets").exists():
            return None
        return Conditions(
            map_file(self._folder / "condition_ids", np.int32),
            map_file(self._folder / "condition_offsets", np.int64),
        )

    @property
    def documents(self) -> int:
        """How many documents there are."""
        return len(self.units_D)

    @property
    def symbols(self) -> int:
        """How many symbols there are, boundaries included."""
        return int(self.offsets_D1[-1])

    @property
    def units(self) -> int:
        """The original units of all documents."""
        return int(self.units_D.sum())


@dataclass(frozen=True)
class Conditions:
    """What is given of every document: that of document d is ids_N[offsets_D1[d] : offsets_D1[d + 1]]."""

    ids_N: Ids
    offsets_D1: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.offsets_D1) - 1

    @property
    def lengths_D(self) -> Lengths:
        """How many symbols are given of each document."""
        return np.diff(self.offsets_D1)

    def of(self, documents_B: NDArray[np.int64]) -> list[Ids]:
        """Return what is given of these documents."""
        spans = zip(self.offsets_D1[documents_B], self.offsets_D1[documents_B + 1], strict=True)
        return [self.ids_N[start:end] for start, end in spans]


def encode_corpus(
    documents: Iterable[Document],
    codec: Codec,
    folder: Path,
    progress: Callable[[int], None] | None = None,
    condition_codec: Codec | None = None,
) -> EncodedCorpus:
    """Encode the documents, and by a codec for it what is given of them, into files of a folder; open them.

    Many are encoded at once where both the documents are in a store and the codec is a `BatchCodec`.
    `progress` is called with the number of documents done. DataError where the codec refuses a document
    or there is nothing beside boundaries; AnygramError if the disk is full.
    """
    stored = selected(documents)
    with explaining_writes(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if stored is not None and isinstance(codec, BatchCodec):
            _write(_encoded_blocks(stored, codec), folder, progress)
        else:
            _write(_encoded_each(documents, codec), folder, progress)
        if condition_codec is not None:
            _write_conditions(documents, condition_codec, folder)
    corpus = EncodedCorpus(folder, codec.vocabulary_size)
    if corpus.symbols == corpus.documents:
        raise DataError(f"the corpus is empty ({corpus.documents} documents, no symbols); give some text")
    return corpus


_Encoded = tuple[Ids, Lengths, NDArray[np.int64]]
"""The ids of some documents, each closed, the lengths of these, and the documents' original units."""


def _write(encoded: Iterable[_Encoded], folder: Path, progress: Callable[[int], None] | None) -> None:
    done = offset = 0
    with (
        (folder / "ids").open("wb") as ids,
        (folder / "offsets").open("wb") as offsets,
        (folder / "units").open("wb") as units,
    ):
        offsets.write(bytes(8))
        for ids_N, lengths_D, units_D in encoded:
            ids.write(ids_N.data)
            offsets.write((np.cumsum(lengths_D) + offset).data)
            units.write(units_D.data)
            offset, done = offset + len(ids_N), done + len(units_D)
            if progress:
                progress(done)


def _write_conditions(documents: Iterable[Document], codec: Codec, folder: Path) -> None:
    offset = 0
    with (folder / "condition_ids").open("wb") as ids, (folder / "condition_offsets").open("wb") as offsets:
        offsets.write(bytes(8))
        for document in documents:
            given_N = condition_of(document, codec)
            ids.write(given_N.data)
            offset += len(given_N)
            offsets.write(np.array(offset, dtype=np.int64).data)


def condition_of(document: Document, codec: Codec) -> Ids:
    """Return what is given of a document in its codec's symbols; DataError where that refuses it."""
    try:
        return codec.encode(document.given or "").ids.astype(np.int32, copy=False)
    except DataError as error:
        raise DataError(f"{document.name or 'document'}: {error}") from error


def _encoded_each(documents: Iterable[Document], codec: Codec) -> Iterator[_Encoded]:
    boundary = np.array([codec.boundary], dtype=np.int32)
    for document in documents:
        ids_N = np.append(_encode(codec, document), boundary)
        yield ids_N, np.array([len(ids_N)], dtype=np.int64), np.array([document.units], dtype=np.int64)


def _encoded_blocks(documents: Selection, codec: BatchCodec) -> Iterator[_Encoded]:
    units_D = documents.units_D
    first = 0
    blocks = side_by_side(codec.encode_documents, documents.blocks())
    while first < len(documents):
        try:
            ids_N, lengths_D = next(blocks)
        except DataError:
            _name_refused(documents[first:], codec)
            raise
        yield ids_N, lengths_D, units_D[first : first + len(lengths_D)]
        first += len(lengths_D)


def _name_refused(documents: Selection, codec: Codec) -> None:
    """Raise the DataError of the first document that the codec refuses, by that one's name."""
    for document in documents:
        _encode(codec, document)


def _encode(codec: Codec, document: Document) -> Ids:
    try:
        return codec.encode(document.text, document.side).ids.astype(np.int32, copy=False)
    except DataError as error:
        raise DataError(f"{document.name or 'document'}: {error}") from error


@dataclass(frozen=True)
class CountBatch:
    """Whole documents end to end; where they stand in the order of reading, `last_document` excluded.

    `condition` is what is given of each, None where nothing is.
    """

    ids_N: Ids
    document_lengths: Lengths
    first_document: int
    last_document: int
    condition: Condition | None = None


def document_batches(
    corpus: EncodedCorpus, symbols_per_batch: int, start: int = 0, shuffle_seed: int | None = None
) -> Iterator[CountBatch]:
    """Yield the documents from `start` on, in the order of the corpus or in a seeded one.

    A batch holds as many as fit into `symbols_per_batch`, and at least one. Starting again at a
    batch's `last_document` yields the same batches after it.
    """
    order_D = np.arange(corpus.documents)
    if shuffle_seed is not None:
        order_D = np.random.default_rng(shuffle_seed).permutation(corpus.documents)
    lengths_D = np.diff(corpus.offsets_D1)[order_D]
    symbols_D = lengths_D.cumsum()
    ids_N, conditions = corpus.ids, corpus.conditions

    def batch(span: tuple[int, int]) -> CountBatch:
        chosen_D = order_D[slice(*span)]
        batch_N = joined(ids_N, corpus.offsets_D1[chosen_D], corpus.offsets_D1[chosen_D + 1])
        given = None if conditions is None else conditions.of(chosen_D)
        return CountBatch(batch_N, lengths_D[slice(*span)], *span, given)

    def spans() -> Iterator[tuple[int, int]]:
        first = start
        while first < corpus.documents:
            room = int(symbols_D[first] - lengths_D[first]) + symbols_per_batch
            last = max(first + 1, int(np.searchsorted(symbols_D, room, side="right")))
            yield first, last
            first = last

    yield from side_by_side(batch, spans())


@dataclass(frozen=True)
class Position:
    """The block to learn from next."""

    epoch: int = 0
    block: int = 0


@dataclass(frozen=True)
class Block:
    """One block of the packed stream, or whole documents with their sources; weights are 1, 0 on padding.

    `first`: no state is carried into it. `epochs`: passes made when it is learnt. `condition` is what is
    given of each row.
    """

    ids_BT: Ids
    weights_BT: FloatArray
    first: bool
    position_after: Position
    epochs: float
    condition: Condition | None = None

    def part(self, rows: slice) -> Block:
        """Return these rows of it."""
        condition = None if self.condition is None else self.condition[rows]
        return replace(self, ids_BT=self.ids_BT[rows], weights_BT=self.weights_BT[rows], condition=condition)


class Blocks:
    """A corpus as one stream a epoch, cut into B rows that are read T symbols at a time.

    Each epoch shuffles the documents and turns the stream by a random offset, so that even a single
    document gets other rows and edges each time; (seed, epoch) decides both. `rows` and `block` are
    smaller than asked where the corpus is. `shuffled` blocks take their rows from anywhere, for who carries
    nothing from one to the next.
    """

    def __init__(
        self, corpus: EncodedCorpus, rows: int, block: int, seed: int, *, shuffled: bool = False
    ) -> None:
        self._corpus = corpus
        self._seed = seed
        self._shuffled = shuffled
        self.rows, self.block = _shape(corpus.symbols, rows, block)

    @property
    def blocks_per_epoch(self) -> int:
        """How many blocks an epoch has; the last one may hold padding."""
        longest_row = -(-self._corpus.symbols // self.rows)
        return -(-longest_row // self.block)

    def blocks(self, start: Position = Position()) -> Iterator[Block]:
        """Yield blocks from a position on, without end."""
        position = start
        while True:
            stream = self._stream(position.epoch)
            starts_CB, lengths_CB = self._rows_of_blocks(position.epoch)
            done_C = lengths_CB.sum(axis=1).cumsum()
            for block in range(position.block, self.blocks_per_epoch):
                ids_BT, weights_BT = self._cut(stream, starts_CB[block], lengths_CB[block])
                last = block + 1 == self.blocks_per_epoch
                after = Position(position.epoch + 1) if last else Position(position.epoch, block + 1)
                epochs = position.epoch + float(done_C[block]) / self._corpus.symbols
                yield Block(ids_BT, weights_BT, block == 0, after, epochs)
            position = Position(position.epoch + 1)

    def _stream(self, epoch: int) -> Stream:
        """Return the documents in one epoch's order, turned by its offset."""
        generator = np.random.default_rng((self._seed, epoch))
        order_D = generator.permutation(self._corpus.documents)
        return Stream(self._corpus, order_D, int(generator.integers(self._corpus.symbols)))

    def _rows_of_blocks(self, epoch: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where in the stream each row of each of C blocks starts, and how many symbols it has."""
        symbols = self._corpus.symbols
        if self._shuffled:
            generator = np.random.default_rng((self._seed, epoch, 1))
            starts_P = np.full(self.blocks_per_epoch * self.rows, symbols)
            pieces = -(-symbols // self.block)
            starts_P[:pieces] = generator.permutation(pieces) * self.block
            starts_CB, ends_B = starts_P.reshape(-1, self.rows), np.full(self.rows, symbols)
        else:
            edges_B1 = np.arange(self.rows + 1) * symbols // self.rows
            begins_C = np.arange(self.blocks_per_epoch) * self.block
            starts_CB, ends_B = edges_B1[:-1] + begins_C[:, None], edges_B1[1:]
        return starts_CB, np.clip(ends_B - starts_CB, 0, self.block)

    def _cut(
        self, stream: Stream, starts_B: NDArray[np.int64], lengths_B: NDArray[np.int64]
    ) -> tuple[Ids, FloatArray]:
        """Return ids_BT and weights_BT of one block."""
        columns_T = np.arange(self.block)
        real_BT = columns_T < lengths_B[:, None]
        ids_BT = np.full(real_BT.shape, self._corpus.vocabulary_size - 1, dtype=np.int32)
        ids_BT[real_BT] = stream.read((starts_B[:, None] + columns_T)[real_BT])
        return ids_BT, real_BT.astype(np.float32)


def _shape(symbols: int, rows: int, block: int) -> tuple[int, int]:
    """Return B and T such that B · T is about the corpus at most: blocks shrink first, then rows."""
    assert rows > 0 and block > 0, (rows, block)
    block = min(block, max(_SHORTEST_BLOCK, symbols // rows))
    rows = max(1, min(rows, symbols // block))
    return rows, min(block, -(-symbols // rows))


class Stream:
    """All documents end to end in some order, beginning `turn` symbols later."""

    def __init__(self, corpus: EncodedCorpus, order_D: NDArray[np.int64], turn: int = 0) -> None:
        self._ids = corpus.ids
        self._turn = turn
        self._ends_D = np.diff(corpus.offsets_D1)[order_D].cumsum()
        self._shifts_D = corpus.offsets_D1[1:][order_D] - self._ends_D

    def read(self, positions_N: NDArray[np.int64]) -> Ids:
        """Return the symbols at these positions of the stream."""
        turned_N = (positions_N + self._turn) % len(self._ids)
        document_N = np.searchsorted(self._ends_D, turned_N, side="right")
        ids_N: Ids = self._ids[turned_N + self._shifts_D[document_N]]
        return ids_N
