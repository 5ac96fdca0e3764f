"""The encoded corpus and its packed blocks: every symbol once an epoch, and any position resumes."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain, islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs import REGISTRY, words
from anygram.codecs.words import WordsCodec
from anygram.data import store
from anygram.data.corpus import Block, Blocks, EncodedCorpus, Position, document_batches, encode_corpus
from anygram.data.documents import Document
from anygram.data.store import DocumentStore, Selection
from anygram.errors import AnygramError, DataError
from anygram.laws.codecs import is_stored_alike
from anygram.protocols import Codec

BYTES: Codec = REGISTRY.load("bytes").from_json({})

texts = st.text("aé\udcff", max_size=9)
corpora = st.lists(st.builds(Document, texts, st.integers(0, 2)), min_size=1, max_size=9).filter(
    lambda documents: any(document.text for document in documents)
)
shapes = st.tuples(st.integers(1, 5), st.integers(1, 40))


def _encode(folders: pytest.TempPathFactory, documents: list[Document]) -> EncodedCorpus:
    return encode_corpus(documents, BYTES, folders.mktemp("corpus"))


def _ids(document: Document) -> list[int]:
    return [*document.to_bytes(), BYTES.boundary]


def _epoch(packed: Blocks, epoch: int = 0) -> list[Block]:
    return list(islice(packed.blocks(Position(epoch)), packed.blocks_per_epoch))


def _stream(blocks: list[Block]) -> list[int]:
    """Return the symbols of an epoch in the order of its rows."""
    ids_BT = np.concatenate([block.ids_BT for block in blocks], axis=1)
    weights_BT = np.concatenate([block.weights_BT for block in blocks], axis=1)
    return [int(symbol) for symbol in ids_BT[weights_BT == 1]]


def _documents_of(stream: Iterable[int]) -> list[tuple[int, ...]]:
    """Return the documents of a stream that ends with a boundary, each with its own."""
    found: list[tuple[int, ...]] = []
    document: tuple[int, ...] = ()
    for symbol in stream:
        document += (symbol,)
        if symbol == BYTES.boundary:
            found.append(document)
            document = ()
    assert not document
    return found


# The corpus


@given(documents=corpora)
def test_a_corpus_is_its_documents_each_closed(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document]
) -> None:
    corpus = _encode(tmp_path_factory, documents)
    assert corpus.ids.dtype == np.int32 and corpus.offsets_D1.dtype == np.int64
    spans = zip(corpus.offsets_D1[:-1], corpus.offsets_D1[1:], strict=True)
    assert [corpus.ids[first:last].tolist() for first, last in spans] == list(map(_ids, documents))
    assert corpus.units_D.tolist() == [document.units for document in documents]
    assert (corpus.documents, corpus.symbols) == (len(documents), sum(map(len, map(_ids, documents))))
    assert corpus.units == sum(document.units for document in documents)
    assert corpus.vocabulary_size == BYTES.vocabulary_size


def test_progress_is_told_how_many_documents_are_done(tmp_path: Path) -> None:
    told: list[int] = []
    encode_corpus([Document("né", 1), Document("")], BYTES, tmp_path, told.append)
    assert told == [1, 2]


words_and_spaces = st.text("aé \n", max_size=9)


@given(
    documents=st.lists(st.builds(Document, words_and_spaces, st.integers(0, 2)), min_size=1, max_size=9),
    block=st.integers(1, 20),
    data=st.data(),
)
def test_documents_of_a_store_are_encoded_as_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], block: int, data: st.DataObject
) -> None:
    codec = WordsCodec(["a", "é", "aé"], "whitespace", lines=True)
    stored = DocumentStore.spool([*documents, Document("a")], tmp_path_factory.mktemp("store"))
    index_D = data.draw(st.permutations(range(len(stored))))
    raw = stored.raw(index_D[-1])
    cut = data.draw(st.sampled_from([0, *range(len(raw) + 1)]))
    while 0 < cut < len(raw) and raw[cut] & 0xC0 == 0x80:
        cut -= 1
    chosen = Selection(stored, np.array(index_D), {len(index_D) - 1: (cut, len(raw))})
    told: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_BYTES_AT_ONCE", block)
        assert b"".join(block.bytes_N.tobytes() for block in chosen.blocks()) == b"".join(
            document.to_bytes() for document in chosen
        )
        try:
            corpus = encode_corpus(chosen, codec, tmp_path_factory.mktemp("many"), told.append)
        except DataError as error:
            assert "the corpus is empty" in str(error)
            return
    each = encode_corpus(list(chosen), codec, tmp_path_factory.mktemp("each"))
    assert corpus.ids.tolist() == each.ids.tolist()
    assert corpus.offsets_D1.tolist() == each.offsets_D1.tolist()
    assert corpus.units_D.tolist() == each.units_D.tolist()
    assert told == sorted(told) and told[-1] == len(stored)


def test_what_a_codec_refuses_of_many_is_told_with_the_document(tmp_path: Path) -> None:
    documents = [Document("a" * 100, name=f"a.txt:{number}") for number in range(10)]
    documents[7] = Document("a\udcff", name="a.txt:7")
    stored = DocumentStore.spool(documents, tmp_path / "store")
    codec = WordsCodec(["a"], "whitespace", lines=False)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_BYTES_AT_ONCE", 250)
        with pytest.raises(DataError, match=r"^a\.txt:7: character 1 is the byte 0xFF.*use --codec bytes"):
            encode_corpus(stored, codec, tmp_path / "corpus")
    with pytest.raises(DataError, match=r"^character 1 is the byte 0xFF"):
        words.fit(store.texts_of(stored), words.Config())


@given(
    documents=st.lists(st.builds(Document, words_and_spaces), min_size=1, max_size=9), block=st.integers(1, 9)
)
def test_a_codec_is_fitted_to_a_store_as_to_its_texts(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], block: int
) -> None:
    stored = DocumentStore.spool([*documents, Document("a")], tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store, "_BYTES_AT_ONCE", block)
        fitted = words.fit(store.texts_of(stored), words.Config())
        assert list(store.texts_of(stored)) == [document.text for document in stored]
    assert is_stored_alike(fitted, words.fit(store.texts_of(list(stored)), words.Config()))


@pytest.mark.parametrize("documents", [[], [Document("")], [Document("", 1), Document("", 1)]])
def test_an_empty_corpus_is_refused(tmp_path: Path, documents: list[Document]) -> None:
    with pytest.raises(DataError, match=rf"the corpus is empty \({len(documents)} documents, no symbols\)"):
        encode_corpus(documents, BYTES, tmp_path)


def test_what_a_codec_refuses_is_told_with_the_document(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^a\.txt:7: .*surrogate"):
        encode_corpus([Document("\ud800", name="a.txt:7")], BYTES, tmp_path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full to stand in for a full disk")
def test_a_full_disk_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "ids").symlink_to("/dev/full")
    with pytest.raises(AnygramError, match="the disk is full; free some room"):
        encode_corpus([Document("x" * 100_000)], BYTES, tmp_path)


# Whole documents, for counting


@given(documents=corpora, room=st.integers(1, 30), seed=st.none() | st.integers(0, 9))
def test_batches_hold_every_document_once(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], room: int, seed: int | None
) -> None:
    corpus = _encode(tmp_path_factory, documents)
    batches = list(document_batches(corpus, room, shuffle_seed=seed))
    ids = [
        piece.tolist()
        for batch in batches
        for piece in np.split(batch.ids_N, batch.document_lengths.cumsum()[:-1])
    ]
    expected = list(map(_ids, documents))
    assert ids == expected if seed is None else sorted(ids) == sorted(expected)
    assert [batch.first_document for batch in batches] == [0, *(each.last_document for each in batches[:-1])]
    assert batches[-1].last_document == len(documents)
    for batch, following in pairwise(batches):
        assert len(batch.ids_N) <= room or len(batch.document_lengths) == 1
        assert len(batch.ids_N) + following.document_lengths[0] > room  # no room was left unused
    assert all(batch.document_lengths.sum() == len(batch.ids_N) for batch in batches)


@given(documents=corpora, room=st.integers(1, 30), seed=st.none() | st.integers(0, 9), data=st.data())
def test_batches_resume_where_one_ended(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[Document],
    room: int,
    seed: int | None,
    data: st.DataObject,
) -> None:
    corpus = _encode(tmp_path_factory, documents)
    batches = list(document_batches(corpus, room, shuffle_seed=seed))
    done = data.draw(st.integers(0, len(batches) - 1))
    resumed = list(document_batches(corpus, room, batches[done].last_document, shuffle_seed=seed))
    assert [batch.ids_N.tolist() for batch in resumed] == [
        batch.ids_N.tolist() for batch in batches[done + 1 :]
    ]


# Packed blocks, for gradients


@given(documents=corpora, shape=shapes, seed=st.integers(0, 99), epoch=st.integers(0, 3))
def test_an_epoch_holds_every_symbol_once_in_the_order_of_its_documents(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[Document],
    shape: tuple[int, int],
    seed: int,
    epoch: int,
) -> None:
    corpus = _encode(tmp_path_factory, documents)
    stream = _stream(_epoch(Blocks(corpus, *shape, seed), epoch))
    turn = stream.index(BYTES.boundary) + 1  # turned back, it begins with a document and ends with a boundary
    whole = _documents_of(stream[turn:] + stream[:turn])
    assert sorted(whole) == sorted(_documents_of(chain.from_iterable(map(_ids, documents))))


@given(documents=corpora, shape=shapes)
def test_blocks_have_one_shape_and_say_where_they_are(
    tmp_path_factory: pytest.TempPathFactory, documents: list[Document], shape: tuple[int, int]
) -> None:
    corpus = _encode(tmp_path_factory, documents)
    packed = Blocks(corpus, *shape, 0)
    assert 1 <= packed.rows <= shape[0] and 1 <= packed.block <= shape[1]
    blocks = list(islice(packed.blocks(), 2 * packed.blocks_per_epoch + 1))
    for block in blocks:
        assert block.ids_BT.shape == block.weights_BT.shape == (packed.rows, packed.block)
        assert block.ids_BT.dtype == np.int32 and block.weights_BT.dtype == np.float32
        assert block.weights_BT.any() and block.ids_BT.min() >= 0 and block.ids_BT.max() <= BYTES.boundary
        assert (np.diff(block.weights_BT, axis=1) <= 0).all()  # padding stands on the right
    learnt = np.cumsum([block.weights_BT.sum() for block in blocks])
    assert [block.epochs for block in blocks] == pytest.approx(list(learnt / corpus.symbols))
    begins = [number % packed.blocks_per_epoch == 0 for number in range(len(blocks))]
    assert [block.first for block in blocks] == begins
    afters = [divmod(number, packed.blocks_per_epoch) for number in range(1, len(blocks) + 1)]
    assert [block.position_after for block in blocks] == [Position(*after) for after in afters]


@given(documents=corpora, shape=shapes, seed=st.integers(0, 99), done=st.integers(0, 9))
def test_any_position_resumes_with_the_same_blocks(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[Document],
    shape: tuple[int, int],
    seed: int,
    done: int,
) -> None:
    corpus = _encode(tmp_path_factory, documents)
    blocks = list(islice(Blocks(corpus, *shape, seed).blocks(), done + 4))
    resumed = Blocks(corpus, *shape, seed).blocks(blocks[done].position_after)
    for block, again in zip(blocks[done + 1 :], resumed, strict=False):
        np.testing.assert_array_equal(block.ids_BT, again.ids_BT)
        np.testing.assert_array_equal(block.weights_BT, again.weights_BT)
        assert (block.first, block.position_after, block.epochs) == (
            again.first,
            again.position_after,
            again.epochs,
        )


def test_rows_go_on_from_block_to_block(tmp_path: Path) -> None:
    corpus = encode_corpus([Document("".join(map(chr, range(100))))], BYTES, tmp_path)
    packed = Blocks(corpus, rows=2, block=32, seed=0)
    rows_BN = np.concatenate([block.ids_BT for block in _epoch(packed)], axis=1)
    following = {**{symbol: symbol + 1 for symbol in range(99)}, 99: BYTES.boundary, BYTES.boundary: 0}
    for row, length in zip(rows_BN, (50, 51), strict=True):
        assert all(following[int(a)] == b for a, b in pairwise(row[:length]))


def test_every_epoch_is_another_one(tmp_path: Path) -> None:
    single = encode_corpus([Document("".join(map(chr, range(100))))], BYTES, tmp_path / "one")
    packed = Blocks(single, rows=2, block=32, seed=0)
    assert len({_epoch(packed, epoch)[0].ids_BT[0, 0] for epoch in range(5)}) > 1  # other edges
    many = encode_corpus([Document(chr(number)) for number in range(100)], BYTES, tmp_path / "many")
    orders = [_stream(_epoch(Blocks(many, 1, 300, seed), epoch)) for seed in range(2) for epoch in range(2)]
    letters = [[symbol for symbol in order if symbol != BYTES.boundary] for order in orders]
    turned = [order[order.index(0) :] + order[: order.index(0)] for order in letters]
    assert len({tuple(order) for order in turned}) == 4  # another order of documents, not only another turn


@pytest.mark.parametrize(
    ("symbols", "asked", "given"),
    [
        (10_000, (64, 128), (64, 128)),
        (8192, (64, 128), (64, 128)),
        (4096, (64, 128), (64, 64)),
        (1000, (64, 128), (31, 32)),
        (20, (64, 128), (1, 20)),
        (2, (64, 128), (1, 2)),
        (100, (1, 10), (1, 10)),
    ],
)
def test_a_small_corpus_shortens_blocks_then_takes_fewer_rows(
    tmp_path: Path, symbols: int, asked: tuple[int, int], given: tuple[int, int]
) -> None:
    packed = Blocks(encode_corpus([Document("x" * (symbols - 1))], BYTES, tmp_path), *asked, 0)
    assert (packed.rows, packed.block) == given
