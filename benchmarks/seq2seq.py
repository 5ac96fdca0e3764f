"""What encoder-decoders must learn in a minute: strings copied, reversed, and sorted, to the letter.

    ./dev bench seq2seq                     about five minutes

Strings of 20 letters drawn from 26, as bytes; 20,000 to learn from, 500 others to write by the likeliest
symbol after another. Budgets are in steps, so that equal seeds give equal weights on an equal machine.
Ends with 1 where a model gets less than 99 % of the strings right, or takes more than a minute to learn.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from anygram import models, settings
from anygram.codecs.bytes import BytesCodec
from anygram.conditioning import Given
from anygram.data.corpus import EncodedCorpus, encode_corpus
from anygram.data.documents import Document
from anygram.learning.gradient import Config, GradientLearner
from anygram.protocols import Ids, LanguageModel

LENGTH, LETTERS, LEARNT, WRITTEN = 20, 26, 20_000, 500
ENOUGH, SECONDS = 0.99, 60.0
RULES: Mapping[str, Callable[[str], str]] = {
    "copy": lambda letters: letters,
    "reverse": lambda letters: letters[::-1],
    "sort": lambda letters: "".join(sorted(letters)),
}
ALIKE = {"dropout": 0.0, "smoothing": 0.0}
LEARNER = {
    "rows": 64,
    "block": LENGTH + 1,
    "optimiser": "muon",
    "momentum": 0.9,
    "beta2": 0.95,
    "decay": 0.02,
    "head_rate": 0.3,
    "schedule": "linear",
    "warmup": 0.05,
    "final_rate": 0.02,
    "compile": False,
}


class Subject(NamedTuple):
    """A model, its settings and its learner's, and how many steps it takes."""

    model: str
    settings: Mapping[str, Any]
    learner: Mapping[str, Any]
    steps: int


SUBJECTS = (
    Subject("seq2seq", {"layers": 2, "width": 64, "heads": 2, **ALIKE}, {"rate": 0.02}, 500),
    Subject("attentive", {"units": 64, "embedding": 32, **ALIKE}, {"rate": 0.05}, 700),
)


def main() -> int:
    """Print a table, and return 1 where a bound is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1, help="how often each is learnt (default: 1)")
    parser.add_argument("--models", nargs="*", default=[subject.model for subject in SUBJECTS])
    options = parser.parse_args()
    from peers import report

    print(f"{report.machine(('anygram', 'torch', 'numpy'))}\n\n    ./dev bench seq2seq\n")
    print("| model | task | seed | steps | seconds | nats a symbol | right |")
    print("|---|---|---|---|---|---|---|")
    missed = False
    for subject in (one for one in SUBJECTS if one.model in options.models):
        for rule in RULES:
            for seed in range(options.seeds):
                model, seconds, nats = learnt(subject, strings(rule, LEARNT, 1), seed)
                right = share_right(model, strings(rule, WRITTEN, 2))
                print(
                    f"| {subject.model} | {rule} | {seed} | {subject.steps} | {seconds:.1f} | {nats:.4f} | "
                    f"{right:.1%} |",
                    flush=True,
                )
                missed |= right < ENOUGH or seconds > SECONDS
    return int(missed)


def strings(rule: str, count: int, seed: int, length: int = LENGTH, letters: int = LETTERS) -> list[Document]:
    """Return so many strings, each behind the one that it follows from by the rule."""
    drawn = np.random.default_rng(seed).integers(0, letters, (count, length)) + ord("a")
    sources = [bytes(row.tolist()).decode() for row in drawn]
    return [Document(RULES[rule](source), given=source) for source in sources]


def learnt(subject: Subject, documents: Sequence[Document], seed: int) -> tuple[LanguageModel, float, float]:
    """Return the model after its steps, the seconds they took, and the nats a symbol of the last ones."""
    config = settings.build(models.REGISTRY.load(subject.model).Config, subject.settings)
    codec = BytesCodec()
    given = Given("source", codec.vocabulary_size - 1)
    model: Any = models.create(subject.model, config, codec.vocabulary_size, seed, {}, given)
    learner = GradientLearner(model, Config(**{**LEARNER, **subject.learner}), seed)
    with tempfile.TemporaryDirectory(prefix="anygram-bench-") as folder:
        corpus = encode_corpus(documents, codec, Path(folder), condition_codec=codec)
        began = time.perf_counter()
        nats = list(_steps(learner, corpus, subject.steps))
        seconds = time.perf_counter() - began
    return model, seconds, float(np.mean(nats[-20:]))


def _steps(learner: GradientLearner, corpus: EncodedCorpus, steps: int) -> Iterator[float]:
    for step, batch in enumerate(islice(learner.batches(corpus), steps)):
        yield learner.update(batch, step / steps)["nats_per_symbol"]


def share_right(model: LanguageModel, documents: Sequence[Document]) -> float:
    """Return for how many sources the likeliest symbols, one after another, are the target to the letter."""
    codec = BytesCodec()
    found = written(model, [codec.encode(document.given or "").ids for document in documents], LENGTH + 1)
    pairs = zip(found, documents, strict=True)
    return float(np.mean([codec.decode(ids) == document.text for ids, document in pairs]))


def written(model: LanguageModel, sources: Sequence[Ids], longest: int) -> list[Ids]:
    """Return the likeliest symbols, one after another, of each source's target: to its end, or so many."""
    state, columns = model.start(len(sources), sources), []
    for _ in range(longest):
        columns.append(model.predict(state).argmax(1).astype(np.int32))
        state = model.advance(state, columns[-1][:, None])
    ids_BT = np.stack(columns, axis=1)
    closed_BT = ids_BT == model.vocabulary_size - 1
    ends_B = np.where(closed_BT.any(1), closed_BT.argmax(1), longest)
    return [row_T[:end] for row_T, end in zip(ids_BT, ends_B, strict=True)]


if __name__ == "__main__":
    sys.exit(main())
