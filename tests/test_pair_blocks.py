"""Whole documents with their sources in batches of about one length, and learning from them.

Axes: B rows, T positions, D documents.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice, takewhile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.codecs.bytes import BytesCodec
from anygram.conditioning import Given
from anygram.data.corpus import Block, EncodedCorpus, Position, encode_corpus
from anygram.data.documents import Document
from anygram.data.pairs import PairBlocks
from anygram.errors import UsageError
from anygram.learning.gradient import Config, GradientLearner
from anygram.learning.group import Alone
from anygram.models import REGISTRY, create
from anygram.protocols import LanguageModel

CODEC = BytesCodec()
NAMES = ["seq2seq", "attentive", "transformer"]
SMALL: dict[str, dict[str, Any]] = {
    "seq2seq": {"layers": 1, "width": 16, "heads": 2},
    "attentive": {"units": 16, "embedding": 8},
    "transformer": {"layers": 1, "width": 16, "heads": 2},
}


def corpus_of(folder: Path, pairs: list[tuple[str, str]]) -> EncodedCorpus:
    documents = [Document(target, given=source) for source, target in pairs]
    return encode_corpus(documents, CODEC, folder, condition_codec=CODEC)


def drawn(documents: int, seed: int = 0) -> list[tuple[str, str]]:
    """Return pairs of different lengths, as those of sentences are."""
    lengths = np.random.default_rng(seed).lognormal(2.5, 0.6, (documents, 2)).astype(int) + 1
    return [(f"{number:04d}" + "s" * one, "t" * other) for number, (one, other) in enumerate(lengths)]


def epoch(blocks: PairBlocks, number: int) -> list[Block]:
    """Return the batches of one epoch."""
    return [*takewhile(lambda block: block.epochs <= number + 1, blocks.blocks(Position(number)))]


def read(block: Block) -> list[tuple[str, str]]:
    """Return the pairs that a batch holds."""
    assert block.condition is not None
    texts = [row_T[weights_T > 0] for row_T, weights_T in zip(block.ids_BT, block.weights_BT, strict=True)]
    assert all(text[-1] == CODEC.boundary for text in texts)
    targets = [CODEC.decode(text[:-1]) for text in texts]
    return [*zip([CODEC.decode(ids) for ids in block.condition], targets, strict=True)]


@given(
    pairs=st.lists(st.tuples(st.text("ab", max_size=9), st.text("cd", min_size=1, max_size=9)), min_size=1),
    symbols=st.integers(1, 40),
    seed=st.integers(0, 3),
)
def test_an_epoch_holds_every_pair_once_in_batches_that_fit(
    tmp_path_factory: pytest.TempPathFactory, pairs: list[tuple[str, str]], symbols: int, seed: int
) -> None:
    blocks = PairBlocks(corpus_of(tmp_path_factory.mktemp("pairs"), pairs), symbols, seed)
    for number in (0, 1):
        batches = epoch(blocks, number)
        assert Counter(pair for block in batches for pair in read(block)) == Counter(pairs)
        assert batches[-1].epochs == number + 1 and batches[-1].position_after == Position(number + 1)
        for block in batches:
            assert block.first and block.condition is not None
            longest = max(block.ids_BT.shape[1], *(len(source) + 1 for source in block.condition))
            assert len(block.ids_BT) == 1 or len(block.ids_BT) * longest <= symbols


def test_little_is_padding(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, drawn(3000))
    batches = epoch(PairBlocks(corpus, 1024, 0), 0)
    share = 1 - corpus.symbols / sum(block.ids_BT.size for block in batches)
    sources = sum(len(source) for block in batches for source in block.condition or [])
    longest = [max(map(len, block.condition or [])) * len(block.ids_BT) for block in batches]
    assert share < 0.35 and 1 - sources / sum(longest) < 0.25
    rows = [len(block.ids_BT) for block in batches]
    assert np.corrcoef(rows[:-1], rows[1:])[0, 1] < 0.3  # short and long ones come by turns


def test_seed_and_epoch_decide_the_order_and_any_position_resumes(tmp_path: Path) -> None:
    corpus = corpus_of(tmp_path, drawn(60))
    first, same, other = (
        [read(block) for block in epoch(PairBlocks(corpus, 100, seed), 0)] for seed in (0, 0, 1)
    )
    assert first == same != other
    blocks = [*islice(PairBlocks(corpus, 100, 0).blocks(Position()), 2 * len(first))]
    assert [read(block) for block in blocks[: len(first)]] == first
    assert [read(block) for block in blocks[len(first) :]] != first
    for place in (0, 3, len(first) - 1):
        resumed = PairBlocks(corpus, 100, 0).blocks(blocks[place].position_after)
        for wanted, found in zip(blocks[place + 1 :], resumed, strict=False):
            assert read(found) == read(wanted) and found.epochs == wanted.epochs


# Learning


def learner_of(name: str, dropout: float = 0.1, **words: Any) -> tuple[LanguageModel, GradientLearner]:
    config = REGISTRY.load(name).Config(**SMALL[name], dropout=dropout)
    model: Any = create(
        name, config, CODEC.vocabulary_size, 0, {}, Given("source", CODEC.vocabulary_size - 1)
    )
    settings = {"rows": 8, "block": 24, "rate": 0.01, "schedule": "constant", "warmup": 0.0, **words}
    return model, GradientLearner(model, Config(**settings), seed=1)


def learn(learner: GradientLearner, corpus: EncodedCorpus, steps: int) -> list[float]:
    batches = islice(learner.batches(corpus), steps)
    return [learner.update(batch, 0.5)["nats_per_symbol"] for batch in batches]


@pytest.mark.parametrize("name", NAMES)
def test_every_network_learns_from_pairs(tmp_path: Path, name: str) -> None:
    """Of the rule that an a answers a b, and the other way."""
    pairs = [("ab"[one] * 2, "ba"[one]) for one in np.random.default_rng(0).integers(0, 2, 200)]
    model, learner = learner_of(name, dropout=0.0, rows=16, block=4, rate=0.03)
    learn(learner, corpus_of(tmp_path, pairs), 60)
    sources = [CODEC.encode(source).ids for source in ("aa", "bb")]
    assert model.predict(model.start(2, sources)).argmax(1).tolist() == [ord("b"), ord("a")]


class Two(Alone):
    """A group of two, as far as a learner of one can tell."""

    size = 2


def test_several_processes_are_refused(tmp_path: Path) -> None:
    model: Any = learner_of("attentive")[0]
    learner = GradientLearner(model, Config(), seed=0, group=Two())
    with pytest.raises(UsageError, match="learnt by one process"):
        learner.batches(corpus_of(tmp_path, drawn(5)))


@pytest.mark.parametrize("name", NAMES)
def test_parts_add_up_to_the_whole_step(tmp_path: Path, name: str) -> None:
    corpus = corpus_of(tmp_path, drawn(40))
    whole, parted = (learner_of(name, dropout=0.0, accumulate=parts)[1] for parts in (1, 3))
    assert learn(whole, corpus, 6) == pytest.approx(learn(parted, corpus, 6), abs=1e-4)


@pytest.mark.parametrize("name", NAMES)
def test_going_on_is_the_same_to_the_bit(tmp_path: Path, name: str) -> None:
    corpus = corpus_of(tmp_path, drawn(40))
    model, learner = learner_of(name, average=0.9)
    learn(learner, corpus, 3)
    kept, weights = ({key: array.copy() for key, array in one.tensors().items()} for one in (learner, model))
    wanted = learn(learner, corpus, 7)  # beyond the epoch's end
    assert learner.epochs > 1
    again, other = learner_of(name, average=0.9)
    again.restore(weights)
    other.restore(kept)
    assert learn(other, corpus, 7) == wanted
    with learner.shown(), other.shown():
        mine, theirs = model.tensors(), again.tensors()
    assert all(np.array_equal(mine[key], theirs[key]) for key in mine)
