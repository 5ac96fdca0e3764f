"""Labels by likelihood, by a head and by both, beside naive Bayes and logistic regression (scikit-learn).

    ANYGRAM_DATA=/path/to/data ./dev bench classification                  an hour
    ... classification --data sms,spoken --parts 2                         some sets, and folds, of them
    ... classification --quick                                             a part of the folds and steps

Movie reviews (MR), subjectivity (Subj), SMS spam and scikit-learn's digits by folds, spoken digits by takes:
0 to 4 are the test. All that is fitted is fitted in each fold's training part: the weights of several
witnesses on its last tenth, which their models have not learnt then; they learn the whole part afterwards.
What is no text is to the baselines its codec's symbols as words; digits are their 64 pixels too.

Axes: D documents, F folds.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers import report
from peers.options import names_of, real_data
from peers.report import Table
from scipy import stats
from sklearn import feature_extraction, linear_model, model_selection, naive_bayes, pipeline, preprocessing
from sklearn.metrics import f1_score

from anygram import codecs, models, runs, settings
from anygram.codecs import _labels
from anygram.data.corpus import encode_corpus
from anygram.data.documents import Document
from anygram.data.reading import ReadingOptions, Report, read
from anygram.data.store import DocumentStore, texts_of
from anygram.learning import learner_for
from anygram.protocols import Codec
from anygram.tasks.classification import Classifier, Rule, Witness

NEEDED = ("mr-subj/rt-polarity.all", "mr-subj/subj.all", "sms/sms.tsv", "fsdd/0_jackson_0.wav")
VALIDATION = 0.1
QUICK_PARTS, QUICK_STEPS = 2, 0.25
WORDS = {"token_pattern": r"\S+", "ngram_range": (1, 2)}
# neither scipy nor scikit-learn says types
student: Any = stats.t  # type: ignore[attr-defined]
folded: Any = model_selection.StratifiedKFold
count_words: Any = feature_extraction.text.CountVectorizer
weigh_words: Any = feature_extraction.text.TfidfVectorizer
naive: Any = naive_bayes.MultinomialNB
regression: Any = linear_model.LogisticRegression
scaled: Any = preprocessing.StandardScaler
after_one_another: Any = pipeline.make_pipeline


@dataclass(frozen=True)
class Way:
    """A model that learns labels: what `witnesses` ask it; counted ones need no steps."""

    name: str
    witnesses: tuple[str, ...]
    codec: str
    model: str
    model_settings: Mapping[str, Any]
    codec_settings: Mapping[str, Any] = field(default_factory=dict)
    classifier: Mapping[str, Any] = field(default_factory=dict)
    learner: Mapping[str, Any] = field(default_factory=dict)
    steps: int = 0


@dataclass(frozen=True)
class Task:
    """A set of labelled documents, the ways that it is learnt, and how it is divided."""

    title: str
    documents: Callable[[Path], list[Document]]
    ways: tuple[Way, ...]
    positive: str | None = None
    """The label whose F1 is told; None: the mean of all."""
    is_test: Callable[[Document], bool] | None = None
    """Which documents are the test, where not all are in turn."""


_LIKELIHOOD = ("likelihood",)
_ADAM = {"rate": 0.01, "schedule": "linear", "final_rate": 0.0, "decay": 0.0, "rows": 64, "block": 128}
_MUON = {"rate": 0.05, "schedule": "linear", "optimiser": "muon", "momentum": 0.9, "decay": 0.02}
# the network is there for the head alone and learns no language; all is in the fragments
TEXT = (
    Way("bytes", _LIKELIHOOD, "bytes", "ngram", {"order": 5}),
    Way("words", _LIKELIHOOD, "words", "ngram", {"order": 1}),
    Way("pairs", _LIKELIHOOD, "words", "ngram", {"order": 2}),
    Way(
        "fragments",
        ("head",),
        "bytes",
        "gru",
        {"units": 8, "embedding": 4},
        classifier={"by": "head", "pooled": False, "language": 0.0, "fragments": 6, "buckets": 1 << 20},
        learner=_ADAM,
        steps=800,
    ),
)
_BOTH = {"by": "both", "fragments": 0, "language": 0.02}
PICTURES = (
    Way(
        "network",
        ("likelihood", "head"),
        "image",
        "gru",
        {"units": 128, "embedding": 32},
        classifier=_BOTH,
        learner={**_MUON, "rows": 32, "block": 66},
        steps=1000,
    ),
)
_SPECTRA = {"frame": 32, "shapes": 64}
SOUNDS = (
    Way("pairs", _LIKELIHOOD, "spectrum", "ngram", {"order": 2}, codec_settings=_SPECTRA),
    Way(
        "network",
        ("head",),
        "spectrum",
        "gru",
        {"units": 96, "embedding": 32},
        codec_settings=_SPECTRA,
        classifier={"by": "head", "fragments": 0, "language": 0.02},
        learner={**_MUON, "rows": 32, "block": 40},
        steps=300,
    ),
)


def _lines(path: str, separator: str, encoding: str) -> Callable[[Path], list[Document]]:
    def documents(data: Path) -> list[Document]:
        # \n alone ends a line: reviews hold other characters that str.splitlines takes for ends
        lines = (data / path).read_bytes().decode(encoding).split("\n")
        parts = [line.rstrip("\r").partition(separator) for line in lines if line]
        return [Document(text, given=label) for label, _, text in parts]

    return documents


def _digits(data: Path) -> list[Document]:
    return list(read(["example:digits"], ReadingOptions(kind="pictures", label_field="digit"), Report()))


def _spoken(data: Path) -> list[Document]:
    found = read([f"{data}/fsdd/*_jackson_*.wav"], ReadingOptions(kind="sounds"), Report())
    return [
        Document(one.text, name=Path(one.name).stem, side=one.side, given=Path(one.name).name[0])
        for one in found
    ]


TASKS = {
    "mr": Task("movie reviews (MR)", _lines("mr-subj/rt-polarity.all", " ", "latin-1"), TEXT),
    "subj": Task("subjectivity (Subj)", _lines("mr-subj/subj.all", " ", "latin-1"), TEXT),
    "sms": Task("SMS spam", _lines("sms/sms.tsv", "\t", "utf-8"), TEXT, positive="spam"),
    "digits": Task("digits, 8 × 8 pixels", _digits, PICTURES),
    "spoken": Task("spoken digits", _spoken, SOUNDS, is_test=lambda one: int(one.name.split("_")[2]) < 5),
}


def divided(task: Task, documents: Sequence[Document], folds: int) -> Iterator[tuple[list[int], list[int]]]:
    """Yield the places of each training part, in random order, and test part."""
    generator = np.random.default_rng(0)
    if task.is_test is not None:
        test = [place for place, one in enumerate(documents) if task.is_test(one)]
        train = sorted(set(range(len(documents))) - set(test))
        yield generator.permutation(train).tolist(), test
        return
    labels = [one.given for one in documents]
    for train_D, test_D in folded(folds, shuffle=True, random_state=0).split(labels, labels):
        yield generator.permutation(train_D).tolist(), test_D.tolist()


def learnt(way: Way, documents: Sequence[Document], share: float) -> list[Witness]:
    """Return what is to be asked of a way's model that learnt these documents, for a share of its steps."""
    with tempfile.TemporaryDirectory() as folder:
        kept = DocumentStore.spool(documents, Path(folder) / "documents")
        codec_module = codecs.REGISTRY.load(way.codec)
        config = settings.build(codec_module.Config, way.codec_settings)
        codec: Codec = codec_module.fit(texts_of(kept), config)
        labels = _labels.fit([one.given or "" for one in documents])
        given = runs.given_by(
            {"kind": "label", "vocabulary_size": labels.vocabulary_size, "classifier": way.classifier}
        )
        model_config = models.REGISTRY.load(way.model).Config(**way.model_settings)
        model = models.create(way.model, model_config, codec.vocabulary_size, 0, {}, given)
        corpus = encode_corpus(documents, codec, Path(folder) / "corpus", None, labels)
        learner = learner_for(model, way.learner, seed=0)
        steps = max(1, int(way.steps * share))
        for step, batch in enumerate(learner.batches(corpus)):
            if way.steps and step == steps:
                break
            learner.update(batch, step / steps)
        learner.finish()
    return [Witness(f"{way.name} {by}", model, codec, labels, by) for by in way.witnesses]  # type: ignore[arg-type]


def asked(
    task: Task, train: Sequence[Document], test: Sequence[Document], share: float
) -> dict[str, list[str]]:
    """Return what the test's labels are said to be, by likelihood, by a head and by both."""
    cut = round(len(train) * (1 - VALIDATION))
    halves = [witness for way in task.ways for witness in learnt(way, train[:cut], share)]
    whole = [witness for way in task.ways for witness in learnt(way, train, share)]
    said = {}
    for title, kinds in (("by likelihood", ("likelihood",)), ("by head", ("head",)), ("both", None)):
        chosen = [place for place, one in enumerate(halves) if kinds is None or one.by in kinds]
        fit = Classifier([halves[place] for place in chosen], Rule()).fitted(train[cut:])
        found = Classifier([whole[place] for place in chosen], Rule(), fit).classify(test)
        said[f"anygram, {title}"] = [one.labels[0] for one in found]
    return said


def symbols_as_words(task: Task, train: Sequence[Document], every: Sequence[Document]) -> list[str]:
    """Return texts as they are, and of what is no text its codec's symbols, the codec fitted on `train`."""
    way = task.ways[0]
    if task.ways is TEXT:
        return [one.text for one in every]
    with tempfile.TemporaryDirectory() as folder:
        kept = DocumentStore.spool(train, Path(folder))
        module = codecs.REGISTRY.load(way.codec)
        codec: Codec = module.fit(texts_of(kept), settings.build(module.Config, way.codec_settings))
    return [" ".join(map(str, codec.encode(one.text, one.side).ids.tolist())) for one in every]


def baselines(task: Task, train: Sequence[Document], test: Sequence[Document]) -> dict[str, list[str]]:
    """Return what the test's labels are said to be without anygram."""
    labels = [one.given or "" for one in train]
    names, counts = np.unique(labels, return_counts=True)
    words = symbols_as_words(task, train, [*train, *test])
    learnt_from, asked_of = words[: len(train)], words[len(train) :]
    bayes = after_one_another(count_words(**WORDS), naive())
    linear = after_one_another(weigh_words(**WORDS, sublinear_tf=True), regression(max_iter=1000))
    said = {
        "majority": [str(names[counts.argmax()])] * len(test),
        "naive Bayes, words and pairs": bayes.fit(learnt_from, labels).predict(asked_of).tolist(),
        "tf-idf, logistic regression": linear.fit(learnt_from, labels).predict(asked_of).tolist(),
    }
    if task.ways is PICTURES:
        pixels = after_one_another(scaled(), regression(max_iter=1000))
        pixels.fit(_pixels(train), labels)
        said["logistic regression on pixels"] = pixels.predict(_pixels(test)).tolist()
    return said


def _pixels(documents: Sequence[Document]) -> NDArray[np.float64]:
    return np.stack([np.frombuffer(one.to_bytes(), dtype=np.uint8) for one in documents]).astype(np.float64)


@dataclass
class Figures:
    """The accuracy and the F1 of one method, fold by fold, and how many documents were asked for."""

    documents: int = 0
    accuracy_F: list[float] = field(default_factory=list)
    f1_F: list[float] = field(default_factory=list)

    def add(self, truth: Sequence[str], said: Sequence[str], positive: str | None) -> None:
        """Take the answers of a fold."""
        self.documents += len(truth)
        self.accuracy_F.append(float(np.mean(np.array(truth) == np.array(said))))
        if positive is None:
            f1 = f1_score(truth, said, average="macro", zero_division=0.0)
        else:
            f1 = f1_score(truth, said, pos_label=positive, average="binary", zero_division=0.0)
        self.f1_F.append(float(f1))

    def cells(self) -> list[str]:
        """Return the mean accuracy, its interval of 95 % and the mean F1 as they are shown.

        The interval is Student's over folds, Wilson's of a single one.
        """
        low, high = interval(self.accuracy_F, self.documents)
        accuracy, f1 = np.mean(self.accuracy_F), np.mean(self.f1_F)
        return [f"{100 * accuracy:.2f} %", f"{100 * low:.1f} to {100 * high:.1f}", f"{100 * f1:.2f}"]


def interval(accuracy_F: Sequence[float], documents: int) -> tuple[float, float]:
    """Return between what the mean accuracy lies with 95 %.

    >>> [round(end, 3) for end in interval([1.0], 50)]
    [0.929, 1.0]
    """
    mean = float(np.mean(accuracy_F))
    if len(accuracy_F) > 1:
        half = student.ppf(0.975, len(accuracy_F) - 1) * np.std(accuracy_F, ddof=1) / len(accuracy_F) ** 0.5
        return max(0.0, mean - float(half)), min(1.0, mean + float(half))
    z = 1.959964
    centre = (mean + z * z / (2 * documents)) / (1 + z * z / documents)
    half = z * (mean * (1 - mean) / documents + (z / (2 * documents)) ** 2) ** 0.5 / (1 + z * z / documents)
    return centre - half, min(1.0, centre + half)


def measured(
    task: Task, data: Path, folds: int, parts: int, share: float
) -> tuple[Table, list[dict[str, Any]]]:
    """Return a row for each method, and their figures; only the first so many parts are the test."""
    documents, started = task.documents(data), time.perf_counter()
    figures: dict[str, Figures] = {}
    for number, (train_D, test_D) in enumerate(divided(task, documents, folds)):
        if number == parts:
            break
        train, test = ([documents[place] for place in part] for part in (train_D, test_D))
        truth = [one.given or "" for one in test]
        said = baselines(task, train, test) | asked(task, train, test, share)
        for method, labels in said.items():
            figures.setdefault(method, Figures()).add(truth, labels, task.positive)
        shown = ", ".join(f"{method} {100 * one.accuracy_F[-1]:.1f}" for method, one in figures.items())
        print(f"{task.title}, part {number + 1}: {shown}", file=sys.stderr, flush=True)
    seconds = time.perf_counter() - started
    f1 = f"F1 of {task.positive}" if task.positive else "F1, mean of labels"
    rows = [[method, *one.cells()] for method, one in figures.items()]
    asked_of = next(iter(figures.values())).documents
    title = f"{task.title}: {asked_of:,} of {len(documents):,} documents asked for, {seconds:.0f} s"
    stored = [{"task": task.title, "method": method, **vars(one)} for method, one in figures.items()]
    return Table(("method", "accuracy", "95 %", f1), rows, title), stored


def main() -> int:
    """Measure what is asked for and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=names_of("data", TASKS), default=list(TASKS), metavar="NAME,...")
    parser.add_argument("--folds", type=int, default=10)
    parser.add_argument("--parts", type=int, help="let only so many of the folds be the test")
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_PARTS} parts, a quarter of the steps")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    options = parser.parse_args()
    data = real_data(*NEEDED)
    parts = QUICK_PARTS if options.quick else options.parts or options.folds
    tables, stored = [], []
    for name in options.data:
        table, rows = measured(TASKS[name], data, options.folds, parts, QUICK_STEPS if options.quick else 1.0)
        tables.append(table)
        stored += rows
    report.publish(
        "classification", tables, options.json, stored=stored, packages=["numpy", "torch", "scikit-learn"]
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
