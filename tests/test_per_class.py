"""A model for each label: it keeps the laws, and its mixture is Bayes' rule.

Axes: B rows, T positions, V vocabulary, N symbols, D documents, K parts.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anygram.conditioning import PerClass, PerClassCountable, PerClassOnline, per_class
from anygram.conditioning.interpolated import fitted_weight
from anygram.errors import UsageError
from anygram.laws import Case, Subject, cases, laws_of
from anygram.models import contextmix, frequency, ngram
from anygram.protocols import Countable, Ids, LanguageModel, OnlineGiven
from tests.networks import SETTINGS, network

V = 5
MAKES: dict[str, Callable[[], LanguageModel]] = {
    "frequency": lambda: frequency.create(frequency.Config(), V, 0),
    "ngram": lambda: ngram.create(ngram.Config(order=3), V, 0),
    "contextmix": lambda: contextmix.create(contextmix.Config(memory=40_000_000), V, 0),
}


def documents(count: int, seed: int = 0) -> tuple[list[Ids], list[Ids]]:
    """Return documents of two labels, the second of which likes high symbols, and their labels."""
    generator = np.random.default_rng(seed)
    texts, labels = [], []
    for _ in range(count):
        label = int(generator.integers(2))
        symbols = generator.choice(V - 1, 6, p=[0.4, 0.3, 0.2, 0.1][:: -1 if label else 1])
        texts.append(np.append(symbols, V - 1).astype(np.int32))
        labels.append(np.array([label], dtype=np.int32))
    return texts, labels


def teach(model: PerClass, texts: list[Ids], labels: list[Ids]) -> None:
    """Let a model learn documents and finish."""
    lengths = np.array([len(ids_T) for ids_T in texts])
    if isinstance(model, Countable):
        model.count(np.concatenate(texts), lengths, labels)
    else:
        assert isinstance(model, OnlineGiven)
        model.learn_given(np.concatenate(texts), lengths, labels)
    model.finish()


@functools.cache
def trained(name: str, multiple: bool = False) -> PerClass:
    model = per_class(MAKES[name], 2, multiple)
    texts, labels = documents(60)
    if multiple:
        labels[0] = np.array([0, 1], dtype=np.int32)
        labels[1] = np.array([], dtype=np.int32)
    teach(model, texts, labels)
    return model


def ids_of(*symbols: int) -> Ids:
    return np.array(symbols, dtype=np.int32)


def laws() -> Iterator[Any]:
    """Yield each model, what is known of its labels, and a law; those of learning take labelled documents."""
    for name in MAKES:
        for labels in ("unknown",) if name == "contextmix" else ("given", "several", "unknown"):
            for law in laws_of(trained(name)):
                learns = law in ("counting_regroups", "a_prefix_teaches_nothing")
                # learning on line can be cut between documents alone: see below
                if law != "learning_on_line_can_be_cut" and not (learns and labels == "unknown"):
                    yield pytest.param(name, labels, law, id=f"{name}-{labels}-{law}")


@pytest.mark.parametrize(("name", "labels", "law"), list(laws()))
def test_laws(name: str, labels: str, law: str) -> None:
    model = trained(name, multiple=labels == "several")
    subject = Subject(
        model, anew=lambda: per_class(MAKES[name], 2, labels == "several"), tolerance=1e-6, exact=True
    )
    some: Any = st.lists(st.integers(0, 1), min_size=0 if labels == "several" else 1, max_size=1)

    @given(case=cases(V), drawn=st.lists(some, min_size=4, max_size=4))
    def keeps(case: Case, drawn: list[list[int]]) -> None:
        if labels != "unknown":
            condition = [ids_of(*row) for row in drawn[: case.rows]]
            case = dataclasses.replace(case, condition=condition)
        laws_of(model)[law](subject, case)

    keeps()


@pytest.mark.parametrize("name", list(MAKES))
def test_the_mixture_is_bayes_rule(name: str) -> None:
    model = trained(name)
    text_1T = documents(1, seed=7)[0][0][None]
    joint_K = [
        model.score(model.start(1, [ids_of(label)]), text_1T)[0].sum() + model.log_prior_K[label]
        for label in (0, 1)
    ]
    found, after = model.score(model.start(1), text_1T[:, :-1])
    whole = model.score(model.start(1), text_1T)[0].sum()
    assert whole == pytest.approx(np.logaddexp(*joint_K), abs=1e-9)
    before_K = [
        model.score(model.start(1, [ids_of(label)]), text_1T[:, :-1])[0].sum() + model.log_prior_K[label]
        for label in (0, 1)
    ]
    np.testing.assert_allclose(after.log_share_BK[0], before_K - np.logaddexp(*before_K), atol=1e-9)
    assert found.sum() == pytest.approx(np.logaddexp(*before_K), abs=1e-9)


# not of n-grams: Kneser-Ney asks how many symbols one came after, which here are all, and not how often
@pytest.mark.parametrize("name", ["frequency", "contextmix"])
def test_documents_go_to_the_model_of_their_label(name: str) -> None:
    model = trained(name)
    texts, labels = documents(200, seed=1)
    right = 0
    for ids_T, label in zip(texts, labels, strict=True):
        state = model.score(model.start(1), ids_T[None, :-1])[1]
        right += int(state.log_share_BK[0].argmax() == label[0])
    assert right > 150  # 0.83 of such documents are what they look like


def test_a_label_is_as_probable_as_it_was_frequent() -> None:
    model = per_class(MAKES["frequency"], 2)
    texts, _ = documents(4)
    teach(model, texts, [ids_of(0), ids_of(0), ids_of(0), ids_of(1)])
    np.testing.assert_allclose(np.exp(model.log_prior_K), [3.5 / 5, 1.5 / 5])


def test_a_label_without_a_document_is_possible() -> None:
    model = per_class(MAKES["ngram"], 3)
    texts, labels = documents(30)
    teach(model, texts, labels)
    log_p_BV = model.predict(model.start(1, [ids_of(2)]))
    assert np.isfinite(log_p_BV).all() and np.exp(log_p_BV).sum() == pytest.approx(1.0)


def test_what_stopped_halfway_goes_on_as_if_it_had_not() -> None:
    texts, labels = documents(60)
    whole, first, second = (per_class(MAKES["ngram"], 2) for _ in range(3))
    teach(whole, texts, labels)
    for model, part in ((first, slice(0, 33)), (second, slice(33, 60))):
        if model is second:
            model.restore(first.tensors())
        assert isinstance(model, PerClassCountable)
        model.count(np.concatenate(texts[part]), np.array([7] * len(texts[part])), labels[part])
    second.finish()  # type: ignore[attr-defined]
    tensors = whole.tensors()
    assert tensors.keys() == second.tensors().keys()
    assert all(np.array_equal(tensors[key], second.tensors()[key]) for key in tensors)


def test_the_background_weighs_what_text_set_aside_says() -> None:
    generator = np.random.default_rng(0)
    alike, apart = per_class(MAKES["ngram"], 2), per_class(MAKES["ngram"], 2)
    texts, labels = documents(300)
    teach(apart, texts, labels)
    teach(alike, texts, [ids_of(int(label)) for label in generator.integers(0, 2, 300)])
    weights = [float(model.tensors()["weight"]) for model in (apart, alike)]
    assert weights[0] < 0.3 < weights[1]


@given(st.lists(st.tuples(st.floats(-9, -0.1), st.floats(-9, -0.1)), min_size=1, max_size=50))
def test_the_fitted_weight_is_the_likeliest(pairs: list[tuple[float, float]]) -> None:
    own_N, background_N = np.array(pairs).T

    def cost(weight: float) -> float:
        return -float(np.logaddexp(np.log1p(-weight) + own_N, np.log(weight) + background_N).mean())

    found = cost(fitted_weight(own_N, background_N))
    assert found <= min(cost(weight) for weight in (0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99)) + 1e-3


def test_learning_on_line_can_be_cut_between_documents() -> None:
    texts, labels = documents(6)
    at_once, in_pieces = (per_class(MAKES["contextmix"], 2) for _ in range(2))
    assert isinstance(at_once, PerClassOnline) and isinstance(in_pieces, PerClassOnline)
    lengths = np.array([len(ids_T) for ids_T in texts])
    whole_N = at_once.learn_given(np.concatenate(texts), lengths, labels)
    parts = [
        in_pieces.learn_given(ids_T, lengths[place : place + 1], labels[place : place + 1])
        for place, ids_T in enumerate(texts)
    ]
    np.testing.assert_array_equal(np.concatenate(parts), whole_N)
    tensors = at_once.tensors()
    assert all(np.array_equal(tensors[key], array) for key, array in in_pieces.tensors().items())


def test_several_labels_have_models_with_and_without_each() -> None:
    model = trained("ngram", multiple=True)
    assert len(model.parts) == 4
    probe = documents(1, seed=3)[0][0][None]
    both = model.score(model.start(1, [ids_of(0, 1)]), probe)[0].sum()
    single = [model.score(model.start(1, [ids_of(label)]), probe)[0].sum() for label in (0, 1)]
    assert both == pytest.approx(np.logaddexp(*single) - np.log(2), abs=1e-9)


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([2], "a label must be 0 to 1, got 2"),
        ([-1], "a label must be 0 to 1, got -1"),
        ([0, 1], "one label, got 2"),
        ([], "one label, got 0"),
    ],
)
def test_unfit_labels_are_refused(labels: list[int], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        trained("frequency").start(1, [ids_of(*labels)])


def test_what_cannot_be_told_apart_or_learnt_is_refused() -> None:
    with pytest.raises(UsageError, match="at least 2 labels"):
        per_class(MAKES["frequency"], 1)
    with pytest.raises(UsageError, match="neither by counting nor on line"):
        per_class(lambda: network(*SETTINGS[2]), 2)
    model: Any = per_class(MAKES["frequency"], 2)
    with pytest.raises(UsageError, match="give each its label"):
        model.count(ids_of(1, 4), np.array([2]))
    with pytest.raises(UsageError, match="2 rows, got 1"):
        trained("frequency").start(2, [ids_of(0)])
    with pytest.raises(UsageError, match="a label once"):
        trained("frequency", multiple=True).start(1, [ids_of(0, 0)])
    reader: Any = trained("contextmix")
    with pytest.raises(UsageError, match="give each its label"):
        reader.learn(ids_of(1, 4))
