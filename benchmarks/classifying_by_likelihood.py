"""Labels by likelihood: SMS spam, movie reviews (MR) and subjectivity (Subj), by nine of ten folds.

A model of texts a label, n-grams over bytes and over words and context mixing, each fold's orders, smoothings
and weights chosen inside its own training part: models learn nine tenths of it, the last tenth chooses and is
fitted to, then the chosen ones learn the whole part with the same weights. Test folds are only measured.

    ANYGRAM_DATA=DIR ./dev bench classifying_by_likelihood [--sets sms,mr,subj] [--first N] [--contextmix]

Axes: D documents, C labels.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from anygram import codecs, models
from anygram.codecs import _labels
from anygram.codecs._labels import Labels
from anygram.conditioning import Given
from anygram.data.documents import Document
from anygram.errors import UsageError
from anygram.protocols import Codec, Countable, Ids, LanguageModel, OnlineGiven
from anygram.tasks.classification import Classifier, Rule, Witness, measure

SETS = {"sms": "sms/sms.tsv", "mr": "mr-subj/rt-polarity.all", "subj": "mr-subj/subj.all"}
VALIDATION = 0.1
LEFT_OUT = 1
"""The second fold is not measured: by it was decided what leans on a background (docs/classification.md)."""
CONTEXTMIX_MEMORY = 64 << 20
"""Bytes of each label's tables: texts are of a megabyte or less."""


@dataclass(frozen=True)
class Candidate:
    """A model over a codec, and the family of which one is chosen in each fold."""

    family: str
    codec: str
    model: str
    settings: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.codec} {' '.join(f'{key}={value}' for key, value in self.settings.items())}"


def candidates(contextmix: bool) -> list[Candidate]:
    """Return what is chosen from."""
    found = [Candidate("bytes", "bytes", "ngram", {"order": order}) for order in (3, 4, 5, 6)]
    found += [
        Candidate("words", "words", "ngram", {"order": order, "smoothing": smoothing})
        for order in (1, 2)
        for smoothing in ("kneser_ney", "witten_bell")
    ]
    if contextmix:
        settings = {"kind": "text", "memory": CONTEXTMIX_MEMORY}
        found.append(Candidate("contextmix", "bytes", "contextmix", settings))
    return found


def read(name: str, data: Path) -> list[Document]:
    """Return the documents of a set with their labels."""
    documents: list[Document] = []
    # \n alone ends a line: reviews hold other characters that str.splitlines takes for ends
    for line in (data / SETS[name]).read_bytes().decode("utf-8" if name == "sms" else "latin-1").split("\n"):
        if line:
            label, _, text = line.partition("\t" if name == "sms" else " ")
            documents.append(Document(text.rstrip("\r"), name=f"{name}:{len(documents) + 1}", given=label))
    return documents


def folds(count: int, parts: int, seed: int = 0) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Yield the documents of each measured fold's training part and test part, in seeded order."""
    pieces = np.array_split(np.random.default_rng(seed).permutation(count), parts)
    for place, test_D in enumerate(pieces):
        if place != LEFT_OUT:
            yield np.concatenate([piece for other, piece in enumerate(pieces) if other != place]), test_D


def learnt(candidate: Candidate, documents: Sequence[Document], name: str) -> Witness:
    """Return a candidate that has learnt these documents, its codec fitted to them."""
    codec_module = codecs.REGISTRY.load(candidate.codec)
    codec = codec_module.fit([document.text for document in documents], codec_module.Config())
    labels = _labels.fit([document.given or "" for document in documents])
    config = models.REGISTRY.load(candidate.model).Config(**candidate.settings)
    given = Given("label", len(labels.names))
    model = models.create(candidate.model, config, codec.vocabulary_size, 0, {}, given)
    _teach(model, codec, labels, documents)
    return Witness(name, model, codec, labels, "likelihood")


def _teach(model: LanguageModel, codec: Codec, labels: Labels, documents: Sequence[Document]) -> None:
    order = np.random.default_rng(0).permutation(len(documents)).tolist()
    texts: list[Ids] = [
        np.append(codec.encode(documents[place].text).ids, codec.boundary).astype(np.int32) for place in order
    ]
    given = [labels.encode(documents[place].given or "").ids for place in order]
    lengths = np.array([len(ids_T) for ids_T in texts])
    if isinstance(model, Countable):
        model.count(np.concatenate(texts), lengths, given)
    elif isinstance(model, OnlineGiven):
        model.learn_given(np.concatenate(texts), lengths, given)
    else:
        raise UsageError(f"{type(model).__name__} does not learn from labelled documents")
    model.finish()


def judge_fold(
    train: Sequence[Document], test: Sequence[Document], offered: Sequence[Candidate]
) -> dict[str, dict[str, Any]]:
    """Return the figures of the chosen member of each family, and of all chosen ones together."""
    cut = int(len(train) * (1 - VALIDATION))
    chosen: dict[str, tuple[float, Candidate, Witness]] = {}
    for candidate in offered:
        witness = learnt(candidate, train[:cut], candidate.family)
        nats = Classifier([witness], Rule()).fitted(train[cut:]).nats_after
        if candidate.family not in chosen or nats < chosen[candidate.family][0]:
            chosen[candidate.family] = nats, candidate, witness
    whole = {family: learnt(candidate, train, family) for family, (_, candidate, _) in chosen.items()}
    figures = {}
    for families in [*([family] for family in chosen), list(chosen)]:
        fitted = Classifier([chosen[family][2] for family in families], Rule()).fitted(train[cut:])
        classifier = Classifier([whole[family] for family in families], Rule(), fitted)
        found = list(classifier.classify(test, measured=True))
        name = " + ".join(families)
        figures[name] = measure(found, classifier.labels).to_json()
        figures[name]["chosen"] = [str(chosen[family][1]) for family in families]
    return figures


def measure_set(name: str, data: Path, parts: int, first: int, contextmix: bool) -> dict[str, Any]:
    """Return means over the first folds of accuracy and the rest, for each family and for all together."""
    documents, started = read(name, data), time.perf_counter()
    found: dict[str, list[dict[str, Any]]] = {}
    for train_D, test_D in islice(folds(len(documents), parts), first):
        train, test = ([documents[place] for place in part] for part in (train_D, test_D))
        for family, figures in judge_fold(train, test, candidates(contextmix)).items():
            found.setdefault(family, []).append(figures)
            told = f"{name} {family}: {figures['accuracy']:.4f} {figures['chosen']}"
            print(told, file=sys.stderr, flush=True)
    return {
        "set": name,
        "folds": parts,
        "measured_folds": min(first, parts - 1),
        "seconds": time.perf_counter() - started,
        "families": {family: _summed(rows) for family, rows in found.items()},
    }


def _summed(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    names = ("accuracy", "f1_macro", "auroc", "log_loss", "ece")
    means = {name: float(np.mean([row[name] for row in rows])) for name in names}
    last = [row["per_label"][-1] for row in rows]  # spam; positive; objective
    accuracies = [row["accuracy"] for row in rows]
    return {
        **means,
        "accuracy_deviation": float(np.std(accuracies)),
        f"f1_{last[0]['label']}": float(np.mean([one["f1"] for one in last])),
        "chosen": [row["chosen"] for row in rows],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("ANYGRAM_DATA", ".")))
    parser.add_argument("--sets", default="sms,mr,subj")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--first", type=int, help="measure the first so many folds alone")
    parser.add_argument("--contextmix", action="store_true", help="context mixing too, which takes longer")
    options = parser.parse_args()
    for name in options.sets.split(","):
        first = options.first or options.folds
        found = measure_set(name, options.data, options.folds, first, options.contextmix)
        print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
