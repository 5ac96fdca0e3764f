"""A word LSTM: 10,000 words, embeddings of 256, 1,024 units, a softmax over the vocabulary, Adam, batch 64.

    python examples/word_lstm.py                      the standard library's docstrings: an hour on 2 cores
    python examples/word_lstm.py --small book.txt     a small one, on your own text: seconds

Errors that such programs often have, and what is done here instead:

- Windows overlap, and only the last word of each is predicted (`return_sequences=False`), so that a text
  is read fifty times over. Here every word is predicted, once an epoch.
- The state is thrown away between windows. Here the text is cut into 64 long rows, and their state is
  carried from block to block; it is forgotten where a document begins, and nowhere else.
- The vocabulary is fitted on all text. Here on the training part alone.
- No text is held out, or the best epoch is chosen by the text that is reported. Here one part chooses
  the epoch, and another is measured, once.
- Softmax stands in the last layer and again in the loss. Here the loss takes logits.
- Accuracy counts padding, and the guess that a word is unknown. Here neither is ever a hit.
- The perplexity of the words that the program knows is called its perplexity. Here both are shown, and
  how many words were unknown: the fewer it knows, the easier its task looks.
- Gradients explode. Here their common norm is clipped.

The loop is written out to be read. `anygram train --model lstm --codec words` does the same with a
schedule of rates, a budget and a run folder.

Axes: B rows, T positions of a block or of a document.
"""

from __future__ import annotations

import argparse
import math
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from anygram import evaluation, information
from anygram.codecs import words
from anygram.data.corpus import Blocks, Position, encode_corpus
from anygram.data.documents import Document
from anygram.data.preparation import DataOptions, prepare
from anygram.models import lstm
from anygram.neural.language_model import NeuralLanguageModel
from anygram.protocols import Codec, LanguageModel


@dataclass(frozen=True)
class Setting:
    """A network and its training: `rows` × `positions` words a step; how much text is learnt from."""

    vocabulary: int = 10_000
    embedding: int = 256
    units: int = 1024
    rows: int = 64
    positions: int = 32
    epochs: int = 6
    rate: float = 1e-3
    clip: float = 1.0
    training_bytes: int | None = None


SMALL = Setting(vocabulary=1000, embedding=32, units=64, rows=16, epochs=4, rate=5e-3, training_bytes=300_000)


@dataclass(frozen=True)
class Figures:
    """What held-out words cost. A word that is unknown is never guessed right."""

    perplexity: float
    perplexity_of_known: float
    accuracy: float
    unknown_share: float

    def __str__(self) -> str:
        return (
            f"perplexity {self.perplexity:.1f} (known words alone {self.perplexity_of_known:.1f}), "
            f"accuracy {self.accuracy:.1%}, unknown {self.unknown_share:.1%}"
        )


def measure(model: LanguageModel, codec: Codec, documents: Iterable[Document]) -> Figures:
    """Return the figures over whole documents, their ends included, the state carried through each."""
    symbols = unknown = hits = 0
    nats = nats_of_known = 0.0
    for scored in evaluation.surprisals(model, codec, documents, ranks=True):
        assert scored.rank_T is not None
        known_T = scored.ids_T != codec.unknown
        symbols += len(known_T)
        unknown += int((~known_T).sum())
        nats += float(scored.nats_T.sum())
        nats_of_known += float(scored.nats_T[known_T].sum())
        hits += int((known_T & (scored.rank_T == 0)).sum())  # rank 0: the likeliest of all words
    return Figures(
        perplexity=information.perplexity(nats, symbols),
        perplexity_of_known=information.perplexity(nats_of_known, symbols - unknown),
        accuracy=hits / symbols,
        unknown_share=unknown / symbols,
    )


def learn_epoch(
    model: NeuralLanguageModel, optimizer: torch.optim.Optimizer, blocks: Blocks, epoch: int, clip: float
) -> float:
    """Read all training text once, learning from every block; return the perplexity met on the way."""
    state, nats, symbols = None, 0.0, 0.0
    for block in islice(blocks.blocks(Position(epoch)), blocks.blocks_per_epoch):
        # what is carried holds no gradient: the past is used, but not changed (Williams & Peng 1990)
        mean_nats, state = model.loss(block.ids_BT, block.weights_BT, state)
        optimizer.zero_grad()
        mean_nats.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.module().parameters(), clip)
        optimizer.step()
        counted = float(block.weights_BT.sum())  # weights are 0 on padding
        nats += mean_nats.item() * counted
        symbols += counted
    return math.exp(nats / symbols)


@dataclass(frozen=True)
class Outcome:
    """By epoch, the perplexity met while learning and figures on validation text; last, on test text."""

    learning: list[float]
    validation: list[Figures]
    test: Figures


def run(source: str, setting: Setting, workspace: Path, seed: int = 0) -> Outcome:
    """Prepare the text, learn, keep the best epoch and measure it."""
    splits = prepare(DataOptions((source,), valid="0.05", test="0.1"), seed, workspace).splits
    most = setting.training_bytes
    training = splits.train if most is None else evaluation.take(splits.train, most)
    fitting = words.Config(size=setting.vocabulary, split="unicode")
    codec = words.fit((document.text for document in training), fitting)
    corpus = encode_corpus(training, codec, workspace / "train")
    blocks = Blocks(corpus, setting.rows, setting.positions, seed)
    config = lstm.Config(units=setting.units, embedding=setting.embedding)
    model = lstm.create(config, codec.vocabulary_size, seed)
    optimizer = torch.optim.Adam(model.module().parameters(), lr=setting.rate)
    print(f"{corpus.symbols:,} words of training text, {codec.vocabulary_size:,} in the vocabulary")

    learning: list[float] = []
    validation: list[Figures] = []
    best = model.tensors()
    for epoch in range(setting.epochs):
        learning.append(learn_epoch(model, optimizer, blocks, epoch, setting.clip))
        validation.append(measure(model, codec, splits.valid))
        print(f"epoch {epoch + 1}: learning, perplexity {learning[-1]:.1f}; validation, {validation[-1]}")
        if validation[-1].perplexity == min(figures.perplexity for figures in validation):
            best = model.tensors()
    model.restore(best)
    test = measure(model, codec, splits.test)
    print(f"test, best epoch: {test}")
    return Outcome(learning, validation, test)


def main(arguments: Sequence[str] | None = None) -> Outcome:
    """Read the words of the command line and run."""
    parser = argparse.ArgumentParser(description="A word LSTM.")
    parser.add_argument("source", nargs="?", default="example:docstrings", help="text to learn from")
    parser.add_argument("--small", action="store_true", help="1,000 words, 64 units")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as workspace:
        return run(chosen.source, SMALL if chosen.small else Setting(), Path(workspace))


if __name__ == "__main__":
    main()
