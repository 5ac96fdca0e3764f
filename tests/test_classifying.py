"""Networks with a head for labels: they keep the laws of models, and their labels are what closed forms say.

Axes: B rows, T positions, D hidden width, C labels.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

import anygram
from anygram.conditioning import Given
from anygram.errors import RunError, UsageError
from anygram.laws import Case, Subject, cases, laws_of
from anygram.models import create
from anygram.models.gru import Config as Gru
from anygram.models.ngram import Config as Ngram
from anygram.models.transformer import Config as Transformer
from anygram.models.uniform import Uniform
from anygram.neural import classifying
from anygram.neural.classifying import Headed, HeadedNetwork
from anygram.neural.fragments import fragments
from anygram.neural.label_head import Config, pooled
from anygram.protocols import Classifying, FloatArray, Ids, Lengths, Tensors, Validated
from tests.asking import SENTENCES, ask

VOCABULARY, LABELS = 5, 3
BOUNDARY = VOCABULARY - 1
ANIMALS = ("cat", "dog")
NETWORKS: dict[str, Any] = {
    "gru": Gru(units=7, embedding=5),
    "transformer": Transformer(width=12, heads=2, layers=1, context=4),
}
WAYS: list[dict[str, Any]] = [
    {"buckets": 64},
    {"buckets": 64, "pooled": False, "language": 0.0},
    {"fragments": 0},
    {"buckets": 64, "placed": True, "by": "both"},
    {"buckets": 64, "multiple": True},
]


def headed(name: str = "gru", seed: int = 0, **classifier: Any) -> Any:
    """Return an untrained network with a head."""
    classifier = {"by": "head", "dropout": 0.0, **classifier}
    return create(name, NETWORKS[name], VOCABULARY, seed, {}, Given("label", LABELS, classifier))


def shaken(model: Any, seed: int = 1) -> Any:
    """Return the model with weights, those of the head too, that are all heard."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.module().parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.5)
    return model


def texts(rows: int = 6, seed: int = 0) -> tuple[Ids, FloatArray, Lengths]:
    """Return random documents, closed and filled up by boundaries, their weights and lengths."""
    generator = np.random.default_rng(seed)
    lengths = generator.integers(1, 9, rows)
    ids_BT = generator.integers(0, BOUNDARY, (rows, 9)).astype(np.int32)
    ids_BT[np.arange(9) >= lengths[:, None]] = BOUNDARY
    weights_BT = (np.arange(9) <= lengths[:, None]).astype(np.float32)
    return ids_BT, weights_BT, lengths + 1


def given_of(labels: list[list[int]]) -> list[Ids]:
    return [np.array(one, dtype=np.int32) for one in labels]


@functools.cache
def _subject(name: str, way: int) -> Subject:
    return Subject(shaken(headed(name, **WAYS[way])), anew=lambda: headed(name, 1, **WAYS[way]))


@pytest.mark.parametrize("law", laws_of(headed()))
@pytest.mark.parametrize(("name", "way"), [("gru", 0), ("gru", 3)])
def test_law(name: str, way: int, law: str) -> None:
    subject = _subject(name, way)
    laws = laws_of(subject.model)
    both = WAYS[way].get("by") == "both"
    if law not in laws or (both and law == "the_loss_is_the_surprisal"):
        return  # behind a label the loss is that of the label too

    @given(case=cases(VOCABULARY, LABELS if both else None))
    def keeps(case: Case) -> None:
        laws[law](subject, case)

    keeps()


@pytest.mark.parametrize("way", range(len(WAYS)))
def test_labels_are_distributions_whatever_follows_the_document_or_stands_beside_it(way: int) -> None:
    model = shaken(headed(**WAYS[way]))
    assert isinstance(model, Classifying) and isinstance(model, Validated)
    assert model.conditional == (WAYS[way].get("by") == "both")
    ids_BT, _, lengths = texts()
    log_p_BC = model.classify(ids_BT, lengths)
    assert log_p_BC.shape == (6, LABELS) and (log_p_BC <= 0).all()
    if not WAYS[way].get("multiple"):
        np.testing.assert_allclose(np.exp(log_p_BC).sum(axis=1), 1, atol=1e-6)
    other_BT = ids_BT.copy()
    other_BT[np.arange(9) >= lengths[:, None]] = 0
    np.testing.assert_allclose(model.classify(other_BT, lengths), log_p_BC, atol=1e-5)
    for row in range(6):
        alone_1C = model.classify(ids_BT[row : row + 1, : lengths[row] - 1], lengths[row : row + 1] - 1)
        np.testing.assert_allclose(alone_1C[0], log_p_BC[row], atol=1e-5)


def test_pooled_vectors_are_their_mean_largest_and_last() -> None:
    hidden_BTD = np.random.default_rng(0).normal(size=(4, 6, 3)).astype(np.float32)
    lengths = [6, 1, 3, 5]
    found = pooled(torch.from_numpy(hidden_BTD), torch.tensor(lengths)).numpy()
    for row, length in enumerate(lengths):
        inside_TD = hidden_BTD[row, :length]
        wanted = np.concatenate([inside_TD.mean(axis=0), inside_TD.max(axis=0), inside_TD[-1]])
        np.testing.assert_allclose(found[row], wanted, atol=1e-6)


def test_a_head_on_pooled_vectors_is_a_linear_layer_on_the_models_features() -> None:
    model = shaken(headed(fragments=0))
    ids_BT, _, lengths = texts()
    stored = model.tensors()
    for row, length in enumerate(lengths - 1):
        start = model.start(1)
        after_TD = model.features(start, ids_BT[row : row + 1, :length])[0]
        every_TD = np.concatenate([start.hidden_BD.numpy(), after_TD])
        heard = np.concatenate([every_TD.mean(axis=0), every_TD.max(axis=0), every_TD[-1]])
        logit_C = stored["labels.weight"] @ heard + stored["labels.bias"]
        wanted_C = logit_C - np.log(np.exp(logit_C).sum())
        np.testing.assert_allclose(
            model.classify(ids_BT[row : row + 1], lengths[row : row + 1])[0], wanted_C, atol=1e-5
        )


def test_the_loss_of_labels_is_scikit_learns() -> None:
    model = shaken(headed(language=0.0))
    ids_BT, weights_BT, lengths = texts()
    labels = [0, 1, 2, 0, 1, 1]
    nats, _ = model.loss(ids_BT, weights_BT, None, given_of([[label] for label in labels]))
    wanted = log_loss(labels, np.exp(model.classify(ids_BT, lengths).astype(np.float64)), labels=[0, 1, 2])
    assert nats.item() * weights_BT.sum() == pytest.approx(6 * wanted, abs=1e-4)
    rows = [ids_T[:length] for ids_T, length in zip(ids_BT, lengths, strict=True)]
    assert model.validation_nats(rows, given_of([[label] for label in labels])) == pytest.approx(
        wanted, abs=1e-5
    )


def test_of_several_labels_the_loss_is_the_sum_of_scikit_learns() -> None:
    model = shaken(headed(language=0.0, multiple=True))
    ids_BT, weights_BT, lengths = texts()
    labels = [[0], [1, 2], [], [0, 1, 2], [2], [0]]
    there_BC = np.array([[label in row for label in range(LABELS)] for row in labels], dtype=int)
    nats, _ = model.loss(ids_BT, weights_BT, None, given_of(labels))
    p_BC = np.exp(model.classify(ids_BT, lengths).astype(np.float64))
    wanted = sum(log_loss(there_BC[:, label], p_BC[:, label], labels=[0, 1]) for label in range(LABELS))
    assert nats.item() * weights_BT.sum() == pytest.approx(6 * wanted, abs=1e-4)


@pytest.mark.parametrize("way", [{}, {"by": "both"}])
def test_the_texts_own_nats_are_added_by_their_weight(way: dict[str, Any]) -> None:
    ids_BT, weights_BT, lengths = texts()
    condition = given_of([[0], [1], [2], [0], [1], [1]])
    plain, weighed = (shaken(headed(language=weight, **way)) for weight in (0.5, 2.5))
    one, other = (model.loss(ids_BT, weights_BT, None, condition)[0].item() for model in (plain, weighed))
    start = plain.start(6, condition if way else None)
    log_p_BT = plain.score(start, ids_BT, lengths)[0]
    wanted = -log_p_BT.sum() / weights_BT.sum()
    if way:  # a Prefixed learns more than it is asked for: which symbols are texts' at all
        assert (other - one) / 2 > wanted
    else:
        assert (other - one) / 2 == pytest.approx(wanted, abs=1e-4)


@pytest.mark.parametrize(("name", "way"), [*(("gru", way) for way in range(len(WAYS))), ("transformer", 0)])
def test_labels_are_learnt(name: str, way: int) -> None:
    """The label is how often the symbol 0 stands in the document, and nothing else says it."""
    model = headed(name, **WAYS[way])
    generator = np.random.default_rng(0)
    ids_BT = generator.integers(1, BOUNDARY, (48, 7)).astype(np.int32)
    labels = np.arange(48) % LABELS
    for ids_T, label in zip(ids_BT, labels, strict=True):
        ids_T[generator.permutation(6)[:label]] = 0
    ids_BT[:, -1] = BOUNDARY
    condition, weights_BT = given_of([[int(label)] for label in labels]), np.ones(ids_BT.shape, np.float32)
    optimizer = torch.optim.Adam(model.module().parameters(), lr=0.03)
    for _ in range(80):
        nats, _ = model.loss(ids_BT, weights_BT, None, condition)
        optimizer.zero_grad()
        nats.backward()
        optimizer.step()
    log_p_BC = model.classify(ids_BT, np.full(48, 7))
    assert (log_p_BC.argmax(axis=1) == labels).mean() > 0.9


def _slow(ids_T: Ids, longest: int, placed: bool) -> int:
    """Return how many different n-grams a text between boundaries has."""
    closed = [BOUNDARY, *ids_T.tolist(), BOUNDARY]
    spans = [(i, closed[i : i + n]) for n in range(1, longest + 1) for i in range(len(closed) - n + 1)]
    return len({(i if placed else 0, *span, len(span)) for i, span in spans})


@given(
    rows=st.lists(st.lists(st.integers(0, BOUNDARY - 1), max_size=8), min_size=1, max_size=4), data=st.data()
)
def test_fragments_are_all_different_ngrams_of_each_row_alone(rows: list[list[int]], data: Any) -> None:
    longest, placed = data.draw(st.integers(1, 4)), data.draw(st.booleans())
    lengths = np.array([len(row) for row in rows], dtype=np.int64)
    ids_BT = np.zeros((len(rows), max(1, lengths.max())), dtype=np.int32)
    for ids_T, row in zip(ids_BT, rows, strict=True):
        ids_T[: len(row)] = row
    numbers_M, counts_B = fragments(ids_BT, lengths, BOUNDARY, longest, 1 << 40, placed)
    ends = np.cumsum(counts_B)
    for ids_T, length, count, end in zip(ids_BT, lengths, counts_B, ends, strict=True):
        assert count == _slow(ids_T[:length], longest, placed)
        alone_M, _ = fragments(ids_T[None, :length], np.array([length]), BOUNDARY, longest, 1 << 40, placed)
        np.testing.assert_array_equal(numbers_M[end - count : end], alone_M)


def test_only_where_they_are_placed_do_fragments_know_their_places() -> None:
    turned = [np.array([[0, 1, 2, 0, 1]], dtype=np.int32), np.array([[0, 1, 0, 1, 2]], dtype=np.int32)]
    for placed in (False, True):
        one, other = (set(fragments(ids, np.array([5]), 4, 1, 1 << 40, placed)[0]) for ids in turned)
        assert (one == other) != placed


def test_what_does_not_fit_is_refused() -> None:
    model = headed()
    ids_BT, weights_BT, _ = texts(2)
    with pytest.raises(UsageError, match="every document needs one label, got 2"):
        model.loss(ids_BT, weights_BT, None, given_of([[0], [1, 2]]))
    with pytest.raises(UsageError, match="labels are of whole documents"):
        model.loss(ids_BT, weights_BT, model.start(2), given_of([[0], [1]]))
    with pytest.raises(UsageError, match="takes no condition"):
        model.start(1, given_of([[0]]))
    with pytest.raises(UsageError, match="leave nothing to tell labels by"):
        Config(fragments=0, pooled=False)
    with pytest.raises(UsageError, match="by=both asks for the likelihood"):
        Config(by="both", language=0.0)
    stored: Tensors = model.tensors()
    with pytest.raises(RunError, match=r"another classifier: labels.bias has shape \(2,\), wanted \(3,\)"):
        model.restore(stored | {"labels.bias": stored["labels.bias"][:2]})
    with pytest.raises(RunError, match=r"labels\.bias is not finite"):
        model.restore(stored | {"labels.bias": np.full(3, np.nan, dtype=np.float32)})


def test_a_head_comes_with_networks_alone() -> None:
    assert isinstance(headed(), HeadedNetwork) and isinstance(headed(by="both"), Headed)
    likelihood = headed(by="likelihood")
    assert not isinstance(likelihood, Classifying) and likelihood.start(1, given_of([[1]])) is not None
    counted = create("ngram", Ngram(order=2), VOCABULARY, 0, {}, Given("label", LABELS))
    assert not isinstance(counted, Classifying)
    with pytest.raises(UsageError, match="shows no hidden vectors"):
        classifying.create(Uniform, VOCABULARY, Given("label", LABELS, {"by": "head"}))


# Through the program


def _notes(folder: Path) -> Path:
    """Write labelled notes: those of cats have another word than those of dogs."""
    path = folder / "notes.tsv"
    rows = [
        f"{animal}\t{sentence} {animal} {number}"
        for number, sentence in enumerate(SENTENCES * 6)
        for animal in ANIMALS
    ]
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return path


def _train(capsys: pytest.CaptureFixture[str], notes: Path, out: Path, *words: object) -> None:
    said = ask(
        capsys,
        *("train", notes, "--text-field", 2, "--label-field", 1, "--model", "gru", "--codec", "bytes"),
        *(
            "--set",
            "units=8",
            "--set",
            "buckets=4096",
            "--set",
            "rows=8",
            "--set",
            "block=32",
            "--valid",
            0.1,
        ),
        *("--test", 0.1, "--out", out, *words),
    )
    assert said.status == 0, said


def test_a_network_gets_a_head_by_label_field_and_its_run_is_resumed_as_if_never_stopped(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    notes = _notes(tmp_path)
    # nothing may depend on how much of the budget is spent
    even = (
        "--valid",
        "none",
        "--set",
        "schedule=constant",
        "--set",
        "warmup=0",
        "--set",
        "model.dropout=0.1",
    )
    _train(capsys, notes, tmp_path / "once", "--budget", "12steps", *even)
    _train(capsys, notes, tmp_path / "twice", "--budget", "6steps", *even)
    _train(capsys, notes, tmp_path / "twice", "--budget", "12steps", "--resume", *even)
    once, twice = (anygram.load(tmp_path / name) for name in ("once", "twice"))
    assert isinstance(once.model, HeadedNetwork)
    assert once.record.condition["classifier"]["by"] == "head"
    assert once.record.figures["test"]["bits_per_byte"] > 0
    for name, array in once.model.tensors().items():
        np.testing.assert_array_equal(twice.model.tensors()[name], array)
    with pytest.raises(RunError, match=r"other settings of its classifier \(buckets was 4096, now 64\)"):
        anygram.train(
            notes,
            "gru",
            out=tmp_path / "once",
            codec="bytes",
            text_field="2",
            label_field="1",
            valid="none",
            test=0.1,
            budget="20steps",
            settings={"buckets": 64},
            resume=True,
        )


@pytest.mark.parametrize("by", ["head", "both"])
def test_a_run_with_a_head_classifies_and_is_fitted(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, by: str
) -> None:
    notes = _notes(tmp_path)
    _train(capsys, notes, tmp_path / "run", "--budget", "60steps", "--set", f"by={by}")
    run = anygram.load(tmp_path / "run")
    found = run.classify(notes)
    assert np.mean([one.labels == one.truth for one in run.classify(notes, label_field="1")]) > 0.9
    witnesses = {"head"} if by == "head" else {"head", "likelihood"}
    assert set(found.classifier.fit.weights) == witnesses
    assert set(run.fit_classifier(notes).weights) == witnesses


def test_parts_of_a_batch_add_up_to_it() -> None:
    model = shaken(headed(buckets=64, language=0.5))
    ids_BT, weights_BT, _ = texts()
    condition = given_of([[0], [1], [2], [0], [1], [1]])
    whole = model.loss(ids_BT, weights_BT, None, condition)[0].item()
    parts = [slice(0, 2), slice(2, 6)]
    shares = [weights_BT[part].sum() / weights_BT.sum() for part in parts]
    nats = [model.loss(ids_BT[part], weights_BT[part], None, condition[part])[0].item() for part in parts]
    assert np.dot(shares, nats) == pytest.approx(whole, abs=1e-5)
