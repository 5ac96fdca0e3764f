"""Learning on line: each document once, in a seeded order or their own, however the stream is cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from anygram.codecs.bytes import BytesCodec
from anygram.data.corpus import CountBatch, EncodedCorpus, encode_corpus
from anygram.data.documents import Document
from anygram.learning.online import Config, OnlineLearner
from anygram.models import contextmix
from anygram.protocols import Ids

TEXTS = ["to be", "or", "not", "to be that is the question", "", "whether"]


def _corpus(folder: Path) -> EncodedCorpus:
    return encode_corpus([Document(text) for text in TEXTS], BytesCodec(), folder / "corpus")


def _learner(batch: int, *, shuffle: bool, seed: int = 0) -> OnlineLearner:
    model = contextmix.create(contextmix.Config(memory=40_000_000), 257, 0)
    return OnlineLearner(model, Config(batch, shuffle), seed)


def _read(learner: OnlineLearner, corpus: EncodedCorpus) -> Ids:
    pieces = []
    for batch in learner.batches(corpus):
        assert not isinstance(batch, CountBatch)
        pieces.append(batch)
        learner.update(batch, 0.0)
    return np.concatenate(pieces)


def _texts(ids_N: Ids) -> list[str]:
    return [
        bytes(part.tolist()[:-1]).decode() for part in np.split(ids_N, np.flatnonzero(ids_N == 256) + 1)[:-1]
    ]


def test_in_their_own_order_documents_are_the_corpus(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    assert _read(_learner(7, shuffle=False), corpus).tolist() == corpus.ids.tolist()


def test_shuffled_every_document_is_read_once_and_whole(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    one, other = (_texts(_read(_learner(7, shuffle=True, seed=seed), corpus)) for seed in (0, 1))
    assert sorted(one) == sorted(other) == sorted(TEXTS) and one != other and one != TEXTS


def test_the_size_of_batches_and_a_stop_between_change_nothing(tmp_path: Path) -> None:
    corpus = _corpus(tmp_path)
    whole = _read(_learner(1 << 14, shuffle=True), corpus)
    begun = _learner(5, shuffle=True)
    batches = begun.batches(corpus)
    first = [next(batches) for _ in range(1)]
    begun.update(first[0], 0.0)
    resumed = _learner(11, shuffle=True)
    resumed.restore(begun.tensors())
    assert np.concatenate([*first, _read(resumed, corpus)]).tolist() == whole.tolist()
