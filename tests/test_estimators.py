"""scikit-learn's faces: its own checks, texts in pipelines and searches, pickles, and what is refused.

Axes: N samples, C classes.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

pytest.importorskip("sklearn", "1.6", reason="needs scikit-learn")

from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import parametrize_with_checks

from anygram.errors import RunError, UsageError
from anygram.estimators import (
    LanguageModelClassifier,
    LanguageModelEmbedder,
    PerplexityOutlierDetector,
    Translator,
    learnt,
)
from examples import estimators as example

NUMBERS = [f"{n * n} {n * 7} {n + 100}" for n in range(40)]
WORDS = [f"{'abcde'[n % 5]}ll the {'xyz'[n % 3]}oo" for n in range(40)]
TEXTS, TOPICS = [*NUMBERS, *WORDS], ["number"] * 40 + ["word"] * 40
SMALL = {"units": 8, "embedding": 4}


@pytest.fixture(autouse=True)
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let files be written without waiting for the disk: there are hundreds of runs."""
    monkeypatch.setattr(os, "fsync", lambda file: None)


@parametrize_with_checks(
    [
        LanguageModelClassifier("frequency", "table", {"order": 1}),
        LanguageModelEmbedder("nnlm", "table", {"embedding": 2, "units": 4, "order": 2}, "1steps"),
        PerplexityOutlierDetector("frequency", "table", {"order": 2}),
    ]
)
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


# Texts


@pytest.fixture(scope="module")
def classifier() -> LanguageModelClassifier:
    return LanguageModelClassifier("frequency", settings={"order": 3}).fit(TEXTS, TOPICS)


def test_what_is_wrong_is_refused_before_anything_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learnt.Learnt, "_learn", lambda *given: pytest.fail("it was learnt"))
    with pytest.raises(UsageError, match="priors"):
        LanguageModelClassifier("frequency", priors="unform").fit(TEXTS, TOPICS)
    with pytest.raises(UsageError, match="odd"):
        PerplexityOutlierDetector("frequency", by="odd").fit(TEXTS)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="X holds an empty text at 1"):
        Translator("ngram").fit(["a", " "], ["b", "c"])
    with pytest.raises(UsageError, match="y holds an empty text at 0"):
        Translator("ngram").fit(["a", "b"], ["", "c"])


def test_texts_are_classified(classifier: LanguageModelClassifier) -> None:
    assert classifier.classes_.tolist() == ["number", "word"]
    new = ["9 81 729", "call the yoo", "17 4 1"]
    assert classifier.predict(new).tolist() == ["number", "word", "number"]
    p_NC = classifier.predict_proba(np.array(new, dtype=object))
    np.testing.assert_allclose(p_NC.sum(axis=1), 1)
    assert p_NC[0, 0] > 0.9 and classifier.score(TEXTS, TOPICS) > 0.95
    found = classifier.run_.condition_codec
    assert found is not None and found.to_json()["names"] == ["number", "word"]


def test_probabilities_are_in_the_order_of_the_classes_whatever_these_are() -> None:
    y = [10] * 40 + [9] * 40  # as words "10" comes before "9"
    classifier = LanguageModelClassifier("frequency", settings={"order": 3}).fit(TEXTS, y)
    assert classifier.classes_.tolist() == [9, 10]
    assert classifier.predict(["9 81 729", "call the yoo"]).tolist() == [10, 9]
    alike = np.array(["1"] * 40 + ["1\n"] * 40, dtype=object)
    again = clone(classifier).fit(TEXTS, alike)
    assert again.predict(["9 81 729", "call the yoo"]).tolist() == ["1", "1\n"]


def test_a_class_of_one_sample_is_learnt_and_never_held_out() -> None:
    texts, topics = [*TEXTS, *TEXTS[:40:2], "something else"], [*TOPICS, *["number"] * 20, "rare"]
    for seed in range(5):
        classifier = LanguageModelClassifier("frequency", settings={"order": 3}, seed=seed)
        classifier.fit(texts, topics)
        assert classifier.run_.record.data["valid_documents"] == 10
        assert classifier.classes_.tolist() == ["number", "rare", "word"]
        p_NC = classifier.predict_proba(["something else", "36 42 106"])
        assert p_NC[0, 1] > 0.1 > p_NC[1, 1]


def test_priors_move_what_is_likely() -> None:
    few = TEXTS[:40] + TEXTS[40:43]
    topics = ["number"] * 40 + ["word"] * 3
    p = {}
    for priors in ("training", "uniform"):
        classifier = LanguageModelClassifier("frequency", settings={"order": 3}, priors=priors)
        p[priors] = classifier.fit(few, topics).predict_proba([""])[0, 1]
    assert p["uniform"] > p["training"]


def test_rows_are_classified_as_well_as_by_gaussians() -> None:
    """By bins and naive Bayes; the figures of five parts of the iris are 0.947 and 0.953."""
    X, y = load_iris(return_X_y=True)
    classifier = LanguageModelClassifier("frequency", "table", {"order": 1})
    found, peer = (cross_val_score(one, X, y, cv=3).mean() for one in (classifier, GaussianNB()))
    assert found > peer - 0.05 > 0.85
    X[3, 2] = np.nan
    classifier.fit(X, y)
    assert classifier.run_.codec.lossless is False
    lossless = clone(classifier).set_params(settings={"digits": True}).fit(X, y)
    assert lossless.run_.codec.lossless is True
    assert classifier.predict([[5.1, 3.5, np.nan, 0.2]]).tolist() == [0]


def test_a_pipeline_and_a_search_take_texts_as_they_are() -> None:
    pipeline = make_pipeline(
        FunctionTransformer(lambda texts: [text.upper() for text in texts]),
        LanguageModelClassifier("frequency"),
    )
    search = GridSearchCV(pipeline, {"languagemodelclassifier__settings": [{"order": 1}, {"order": 3}]}, cv=2)
    search.fit(TEXTS[::4], TOPICS[::4])
    assert search.best_score_ > 0.9 and len(search.cv_results_["params"]) == 2
    assert search.predict(["9 81 729", "CALL THE YOO"]).tolist() == ["number", "word"]


def test_vectors_are_features_for_what_comes_next() -> None:
    embedder = LanguageModelEmbedder("gru", settings=SMALL, budget="10steps")
    scores = cross_val_score(make_pipeline(embedder, LogisticRegression()), TEXTS, TOPICS, cv=2)
    assert scores.mean() > 0.95
    vectors_ND = embedder.fit_transform(TEXTS)
    assert vectors_ND.shape == (80, 8) and vectors_ND.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors_ND, axis=1), 1, atol=1e-5)
    assert embedder.get_feature_names_out()[-1] == "languagemodelembedder7"
    np.testing.assert_allclose(vectors_ND[3:5], embedder.run_.embed_texts(TEXTS[3:5]), atol=1e-6)


@pytest.mark.parametrize("by", ["mean", "max"])
def test_what_surprises_is_an_outlier(by: Any) -> None:
    detector = PerplexityOutlierDetector("frequency", settings={"order": 3}, by=by, contamination=0.05)
    outliers = int((detector.fit_predict(NUMBERS[::2]) == -1).sum())
    assert outliers == 1 if by == "mean" else outliers <= 1  # of those that tie none is one
    learnt_offset = detector.offset_
    detector.calibrate(NUMBERS[1::2])
    assert detector.offset_ < learnt_offset  # what was not learnt costs more
    assert (detector.predict(NUMBERS[1::2]) == -1).sum() <= 1
    new = [NUMBERS[4], "panic!"]
    # what was never seen costs the same everywhere, so that the largest surprisals tie
    assert detector.predict(new).tolist() == [1, -1 if by == "mean" else 1]
    alone_T = detector.run_.scorer().symbols(new[0]).log_p_T / np.log(2)
    score_N = detector.score_samples(new)
    assert score_N[0] == pytest.approx({"mean": alone_T.mean(), "max": alone_T.min()}[by])
    assert score_N[0] > score_N[1]
    np.testing.assert_allclose(detector.decision_function(new), score_N - detector.offset_)


def test_texts_are_translated() -> None:
    words = ["one", "two", "three", "four"]
    translator = Translator("frequency", "bytes", {"order": 9}, max_symbols=12)
    assert not hasattr(translator, "transform")
    said = translator.fit([word.upper() for word in words], words).predict(["TWO", "FOUR"])
    assert said == ["two", "four"]
    assert pickle.loads(pickle.dumps(translator)).predict(["ONE"]) == ["one"]


def test_the_example_tells_packages_apart() -> None:
    outcome = example.main()
    assert outcome.ngrams > 0.85 > 0.6 > outcome.commonest
    assert outcome.vectors > outcome.commonest + 0.1
    assert outcome.order in (4, 6)


# Pickles


def test_a_pickle_brings_its_run_along(classifier: LanguageModelClassifier) -> None:
    written = pickle.dumps(classifier)
    again = pickle.loads(written)
    assert again.run_.path != classifier.run_.path
    p_NC = classifier.predict_proba(TEXTS[38:42])
    np.testing.assert_array_equal(again.predict_proba(TEXTS[38:42]), p_NC)
    home = again.run_.path.parent
    assert home.exists()
    del again
    assert not home.exists()
    code = "import pickle, sys; print(*pickle.load(sys.stdin.buffer).predict(['9 81 729']))"
    said = subprocess.run([sys.executable, "-c", code], input=written, capture_output=True, check=True)
    assert said.stdout.decode().split() == ["number"]
    assert pickle.loads(pickle.dumps(LanguageModelEmbedder("lstm"))).model == "lstm"


def test_files_outside_of_a_run_are_not_written(classifier: LanguageModelClassifier) -> None:
    state = classifier.__getstate__()
    for name in ("../run.toml", "/tmp/run.toml"):
        with pytest.raises(RunError, match="outside of its folder"):
            LanguageModelClassifier().__setstate__({**state, "run_": {name: np.zeros(1, dtype=np.uint8)}})
    assert set(state["run_"]) == set(learnt._packed(classifier.run_.path)) >= {"run.toml", "codec.json"}


# Refusals


@pytest.mark.parametrize(
    ("estimator", "X", "y", "said"),
    [
        (LanguageModelClassifier(), "abc", "abc", "list of texts"),
        (LanguageModelClassifier(), np.eye(3), [0, 1, 0], "list of texts.*codec='table'"),
        (LanguageModelClassifier(), ["a", 3], [0, 1], "holds int at 1"),
        (LanguageModelClassifier(), [], [], "0 texts"),
        (LanguageModelClassifier(), ["a", "b"], None, "target y is None"),
        (LanguageModelClassifier(), ["a", "b"], ["x", "x"], "2 classes at least, got one class: x"),
        (LanguageModelClassifier(), ["a", "b"], [0, 1, 1], "inconsistent numbers of samples"),
        (LanguageModelClassifier("lsmt"), ["a", "b"], [0, 1], "did you mean 'lstm'"),
        (LanguageModelClassifier("lstm", "image"), ["a", "b"], [0, 1], "texts and tables"),
        (Translator(), ["a", "b"], ["c"], "inconsistent numbers of samples"),
        (Translator(), ["a", "b"], [1, 2], "holds int at 0"),
        (Translator(codec="table"), np.eye(2), ["a", "b"], "texts are translated"),
        (LanguageModelEmbedder("uniform"), ["a", "b"], None, "no features"),
        (PerplexityOutlierDetector(contamination=0.7), ["a", "b"], None, "at most 0.5"),
    ],
)
def test_wrong_calls_are_value_errors_in_one_line(estimator: Any, X: Any, y: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as raised:
        estimator.fit(X, y)
    assert "\n" not in str(raised.value)


def test_nothing_is_predicted_before_fit() -> None:
    for estimator, method in (
        (LanguageModelClassifier(), "predict_proba"),
        (LanguageModelEmbedder(), "transform"),
        (PerplexityOutlierDetector(), "score_samples"),
    ):
        with pytest.raises(NotFittedError):
            getattr(estimator, method)(["a"])


def test_importing_anygram_leaves_scikit_learn_alone() -> None:
    code = "import sys, anygram, anygram.api, anygram.run, anygram.cli.app; print('sklearn' in sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert said.stdout.split() == [b"False"]
